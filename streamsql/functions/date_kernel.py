"""Kernels that format and read dates and times by any Java pattern, in any zone, row by row."""

from __future__ import annotations

from streamsql.functions.fast_date import parse_fast_date
from streamsql.functions.java_parse import parse_date, parse_time, parse_timestamp
from streamsql.functions.java_time import Moment, format_moment, from_days
from streamsql.functions.rows import by_row
from streamsql.functions.zone import zone

_DAY_MS = 86_400_000


def _format_days(days: int, pattern: str) -> str:
    return format_moment(pattern, Moment(date=from_days(days)))


def _format_time(millis: int, pattern: str) -> str:
    return format_moment(pattern, Moment(nanos=millis * 10**6))


def _format_instant(epoch_ms: int, pattern: str, zone_id: str) -> str:
    own = zone(zone_id)
    days, millis = divmod(epoch_ms + own.offset(epoch_ms) * 1000, _DAY_MS)
    moment = Moment(date=from_days(days), nanos=millis * 10**6, epoch_ms=epoch_ms, zone=own)
    return format_moment(pattern, moment)


def _parse_instant(text: str, pattern: str, zone_id: str) -> int:
    return parse_timestamp(pattern, text, zone(zone_id))


def _parse_days(text: str, pattern: str) -> int:
    return parse_date(pattern, text)


def _parse_fast_date(text: str, pattern: str) -> int:
    return parse_fast_date(pattern, text)


def _parse_time(text: str, pattern: str) -> int:
    return parse_time(pattern, text)


def _convert(epoch_ms: int, source: str, target: str) -> int:
    shift = zone(target).offset(epoch_ms) - zone(source).offset(epoch_ms)
    return epoch_ms + shift * 1000


_TEXTS = ("VARCHAR", "VARCHAR")
FORMAT_DAYS = by_row("streamsql_format_days", ("INTEGER", "VARCHAR"), "VARCHAR", _format_days)
FORMAT_TIME = by_row("streamsql_format_time", ("BIGINT", "VARCHAR"), "VARCHAR", _format_time)
FORMAT_INSTANT = by_row("streamsql_format_instant", ("BIGINT", *_TEXTS), "VARCHAR", _format_instant)
PARSE_DAYS = by_row("streamsql_parse_days", _TEXTS, "BIGINT", _parse_days)
PARSE_DATE = by_row("streamsql_parse_date", _TEXTS, "BIGINT", _parse_fast_date)
PARSE_TIME = by_row("streamsql_parse_time", _TEXTS, "BIGINT", _parse_time)
PARSE_INSTANT = by_row("streamsql_parse_instant", ("VARCHAR", *_TEXTS), "BIGINT", _parse_instant)
CONVERT_ZONE = by_row("streamsql_convert_zone", ("BIGINT", *_TEXTS), "BIGINT", _convert)
