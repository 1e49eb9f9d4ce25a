"""One value of a result as text for a cell, or as JSON.

Values are Python's, as the session gives them. Nested ones look like JSON in a cell too; a map may
come as a dictionary or as a list of pairs.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from streamsql.shell.cells import harmless

__all__ = ["NULL", "json_text", "to_cell"]

NULL = "null"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WINDOW_BOUNDS = ("WINDOWSTART", "WINDOWEND")
"""Columns of a windowed key; a BIGINT of milliseconds since 1970 in UTC."""


def to_cell(value: object, column: str = "") -> str:
    """A value for a table's cell; a window's bounds as the time that WHERE accepts for them."""
    # The two that most cells are first: tables have millions of cells.
    if type(value) is str:
        return harmless(value)
    if type(value) is int:
        return _instant(value) if column in WINDOW_BOUNDS else str(value)
    if isinstance(value, Mapping | list | tuple):
        return harmless(json_text(value, space=" "))
    return _plain(value)


def _instant(ms: int) -> str:
    try:
        found = _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return str(ms)
    # As short as WHERE accepts it: the two bounds of a window are in most of its tables.
    whole_minutes = found.second == found.microsecond == 0
    timespec = "minutes" if whole_minutes else "milliseconds" if found.microsecond else "seconds"
    return found.replace(tzinfo=None).isoformat(timespec=timespec)


def _plain(value: object) -> str:
    """A value that is neither text nor nested, as ksqlDB spells it."""
    match value:
        case None:
            return NULL
        case bool():
            return "true" if value else "false"
        case float():
            return _double(value)
        case Decimal():
            return f"{value:f}"
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.replace(tzinfo=None).isoformat(timespec="milliseconds")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _double(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def json_text(value: object, *, space: str = "") -> str:
    """JSON of a value. Decimals keep their digits; NaN, infinity, bytes and times are strings.

    `space` follows a comma or colon.
    """
    match value:
        case None | bool() | int():
            return json.dumps(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case float():
            return repr(value) if math.isfinite(value) else f'"{_double(value)}"'
        case Decimal():
            return f"{value:f}"
        case Mapping():
            return _json_object(value.items(), space)
        case [tuple(), *_]:
            return _json_object(value, space)
        case list() | tuple():
            return f"[{f',{space}'.join(json_text(v, space=space) for v in value)}]"
        case _:
            return json.dumps(_plain(value))


def _json_object(items: object, space: str) -> str:
    pairs = [
        f"{_json_key(key)}:{space}{json_text(item, space=space)}"
        for key, item in items  # type: ignore[attr-defined]
    ]
    return f"{{{f',{space}'.join(pairs)}}}"


def _json_key(key: object) -> str:
    return json.dumps(key if isinstance(key, str) else _plain(key), ensure_ascii=False)
