"""Reads the partial timestamps that ksqlDB allows beside ROWTIME and the window bounds.

`2020`, `2020-01`, `2020-01-02`, `2020-01-02T10`, `…:20`, `…:30`, `….123`, with an optional zone
`Z`, `+0100`,
`+01:00`; UTC where there is none (ksqlDB: select-pull-query).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_PARTIAL = re.compile(
    r"(?P<year>\d{1,4})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2})"
    r"(?:[T ](?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})"
    r"(?:\.(?P<fraction>\d{1,9}))?)?)?)?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_partial_ms(text: str) -> int | None:
    """Milliseconds since 1970, or None where the text is no timestamp."""
    found = _PARTIAL.fullmatch(text.strip())
    if found is None:
        return None
    part = {k: v for k, v in found.groupdict().items() if v is not None}
    # Java's lenient parser reads the hour 24 as the next day's 0.
    hour = int(part.get("hour", 0))
    midnight = timedelta(days=1) if hour == 24 else timedelta()
    fraction = int((part.get("fraction", "0") + "000")[:3])
    try:
        moment = datetime(
            int(part["year"]),
            int(part.get("month", 1)),
            int(part.get("day", 1)),
            hour % 24 if hour == 24 else hour,
            int(part.get("minute", 0)),
            int(part.get("second", 0)),
            fraction * 1000,
            tzinfo=_zone(part.get("zone", "Z")),
        )
    except ValueError:
        return None
    return (moment + midnight - _EPOCH) // timedelta(milliseconds=1)


def _zone(text: str) -> timezone:
    if text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
