"""Time zones by the ids that Java's ZoneId.of takes, and their short and full English names.

Rules come from the time zone database that Python reads. A local time that a change of the clocks
skips is moved on by the gap; one that comes twice is the one in the zone's offset of 1970, else the
first: ksqlDB sets the fields one by one on a time of 1970 and Java keeps an offset that still fits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = re.compile(r"([+-])(\d{1,2})(?::?(\d{2})(?::?(\d{2}))?)?")
_REGION = re.compile(r"[A-Za-z][A-Za-z0-9~/._+-]+")
_PREFIXES = ("UTC", "GMT", "UT")
_MODERN_DAYS = 18_262
"""2020-01-01, winter in the north."""
_OFFSET_SECONDS_MAX = 18 * 3600
_CYCLE_MS = 146_097 * 86_400_000
_LOW_MS = (datetime(1, 1, 3, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_HIGH_MS = (datetime(9999, 12, 29, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
"""What Python's datetime can hold, whatever the zone."""

_FULL_NAMES = {
    **dict.fromkeys(("America/New_York", "America/Toronto", "America/Detroit"), "Eastern"),
    **dict.fromkeys(("America/Chicago", "America/Winnipeg"), "Central"),
    **dict.fromkeys(("America/Denver", "America/Edmonton", "America/Phoenix"), "Mountain"),
    **dict.fromkeys(("America/Los_Angeles", "America/Vancouver"), "Pacific"),
    "America/Anchorage": "Alaska",
    "America/Halifax": "Atlantic",
    "Asia/Kolkata": "India",
    "Asia/Tokyo": "Japan",
    "Asia/Seoul": "Korean",
    "Asia/Shanghai": "China",
    "Asia/Hong_Kong": "Hong Kong",
    "Asia/Singapore": "Singapore",
    **dict.fromkeys(("Australia/Sydney", "Australia/Melbourne"), "Australian Eastern"),
}
"""Of zones whose full name is `… Standard Time` and `… Daylight Time`."""

_OTHER_NAMES = {
    "CET": "Central European Standard Time",
    "CEST": "Central European Summer Time",
    "EET": "Eastern European Standard Time",
    "EEST": "Eastern European Summer Time",
    "WET": "Western European Standard Time",
    "WEST": "Western European Summer Time",
    "BST": "British Summer Time",
    "GMT": "Greenwich Mean Time",
    "UTC": "Coordinated Universal Time",
}
_SHORT_IDS = {
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "MST": "America/Denver",
    "MDT": "America/Denver",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "EST": "America/New_York",
    "EDT": "America/New_York",
    "BST": "Europe/London",
    "CET": "Europe/Paris",
    "CEST": "Europe/Paris",
    "EET": "Europe/Bucharest",
    "EEST": "Europe/Bucharest",
    "JST": "Asia/Tokyo",
}
"""What a zone's short name in a text is read as (pattern letter z)."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone: `id` as it was written, `fixed` where it is an offset only."""

    id: str
    rules: tzinfo
    fixed: bool

    def offset(self, epoch_ms: int) -> int:
        """Seconds ahead of UTC at an instant."""
        return _seconds(self._at(epoch_ms).utcoffset())

    def name(self, epoch_ms: int, *, full: bool) -> str:
        """The zone's name at an instant: `PDT`, or `Pacific Daylight Time`; the id where it has
        none."""
        if self.fixed:
            return _OTHER_NAMES.get(self.id, self.id) if full else self.id
        local = self._at(epoch_ms)
        short = local.tzname() or self.id
        if short == "LMT":
            # Before there were zones: Java says today's.
            short = (_EPOCH + timedelta(days=_MODERN_DAYS)).astimezone(self.rules).tzname() or short
        if short[1:] in ("WT", "PT"):
            # War time and peace time: daylight time to Java.
            short = f"{short[0]}DT"
        if not short[0].isalpha():
            return f"GMT{short}" if short[0] in "+-" else self.id
        if not full:
            return short
        if self.id in _FULL_NAMES:
            kind = "Daylight" if local.dst() else "Standard"
            return f"{_FULL_NAMES[self.id]} {kind} Time"
        return _OTHER_NAMES.get(short, short)

    def to_utc(self, local_ms: int) -> int:
        """The instant of a local time, both in milliseconds."""
        shift = _clamp(local_ms) - local_ms
        naive = (_EPOCH + timedelta(milliseconds=local_ms + shift)).replace(tzinfo=self.rules)
        offsets = [_seconds(naive.replace(fold=f).utcoffset()) for f in (0, 1)]
        fits = [o for o in offsets if self.offset(local_ms + shift - o * 1000) == o]
        if not fits:
            # In a gap: the offset before it carries the time past it.
            return local_ms - offsets[0] * 1000
        kept = self.offset(0)
        return local_ms - (kept if kept in fits else fits[0]) * 1000

    def _at(self, epoch_ms: int) -> datetime:
        return (_EPOCH + timedelta(milliseconds=_clamp(epoch_ms))).astimezone(self.rules)


def _clamp(ms: int) -> int:
    """An instant of the years that Python knows: 400 years earlier the calendar is the same."""
    if ms > _HIGH_MS:
        return ms - -(-(ms - _HIGH_MS) // _CYCLE_MS) * _CYCLE_MS
    return max(ms, _LOW_MS)


def _seconds(offset: timedelta | None) -> int:
    return 0 if offset is None else int(offset.total_seconds())


def fixed_zone(seconds: int, id_: str = "") -> Zone:
    """The zone of an offset; its id is `Z`, `+02:00` or `+02:00:30`."""
    if abs(seconds) > _OFFSET_SECONDS_MAX:
        raise ValueError("Zone offset not in valid range: -18:00 to +18:00")
    if not id_:
        hours, rest = divmod(abs(seconds), 3600)
        tail = f":{rest % 60:02}" if rest % 60 else ""
        id_ = f"{'-' if seconds < 0 else '+'}{hours:02}:{rest // 60:02}{tail}" if seconds else "Z"
    return Zone(id_, timezone(timedelta(seconds=seconds)), True)


@lru_cache(maxsize=1000)
def zone(id_: str) -> Zone:
    """The zone of an id: `America/Los_Angeles`, `UTC`, `+02:00`, `GMT+2`, `Z`. ValueError for
    another."""
    if id_ in ("Z", "z"):
        return fixed_zone(0)
    if id_[:1] in ("+", "-"):
        return fixed_zone(_read_offset(id_))
    if id_ in _PREFIXES:
        return Zone(id_, UTC, True)
    for prefix in _PREFIXES:
        if id_.startswith((prefix + "+", prefix + "-")):
            found = fixed_zone(_read_offset(id_[len(prefix) :]))
            return Zone(prefix if found.id == "Z" else prefix + found.id, found.rules, True)
    if not _REGION.fullmatch(id_) or id_ in ("EST", "MST", "HST", "ROC", "localtime", "Factory"):
        raise ValueError(f"Invalid ID for region-based ZoneId, invalid format: {id_}")
    try:
        return Zone(id_, ZoneInfo(id_), False)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"Unknown time-zone ID: {id_}") from error


def _read_offset(text: str) -> int:
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise ValueError(f"Invalid ID for ZoneOffset, invalid format: {text}")
    sign, hours, minutes, seconds = match.groups()
    if int(minutes or 0) > 59 or int(seconds or 0) > 59:
        raise ValueError(f"Invalid ID for ZoneOffset: {text}")
    total = int(hours) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return -total if sign == "-" else total


def zone_written(text: str, *, named: bool) -> Zone:
    """The zone of an id in any case; `named`: or of a short name, so that `PDT` is
    America/Los_Angeles."""
    if named and text.upper() in _SHORT_IDS:
        return zone(_SHORT_IDS[text.upper()])
    head = text[:3].upper() if text[:3].upper() in _PREFIXES else ""
    for id_ in (text, head + text[3:] if head else text, text.title(), text.upper()):
        try:
            return zone(id_)
        except ValueError:
            continue
    raise ValueError(f"Unknown time-zone ID: {text}")
