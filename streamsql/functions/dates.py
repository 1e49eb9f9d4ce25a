"""Dates and times: intervals, formats, zones, numbers of days and milliseconds.

A TIMESTAMP is an instant, its fields are UTC's. Patterns are Java's: a literal one that is plain is
DuckDB text (`pattern_sql.py`), others are a kernel.
"""

from __future__ import annotations

from streamsql.functions import date_kernel
from streamsql.functions.fast_date import fast_date_text
from streamsql.functions.pattern_sql import format_text, parse_text
from streamsql.functions.registry import Kernel, Lower, ScalarFunction, Signature, scalar, signature
from streamsql.functions.zone import zone
from streamsql.schema.duck import literal
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import DATE, INTEGER

_EPOCH_DATE, _MIDNIGHT = "DATE '1970-01-01'", "TIME '00:00:00'"
_DAY_MS = 86_400_000
_UNIT_MS = {"DAY": _DAY_MS, "HOUR": 3_600_000, "MINUTE": 60_000, "SECOND": 1000, "MILLISECOND": 1}
_UTC = ("UTC", "GMT", "Z", "UT")


def unit_ms(unit: TypedSql) -> int:
    """Milliseconds of a unit word, `DAY` or `DAYS`."""
    word = str(unit.literal).upper()
    return _UNIT_MS[word.removesuffix("S")]


def _span(unit: TypedSql, count: TypedSql, sign: str) -> str:
    return f"{sign}(CAST({count.sql} AS BIGINT) * {unit_ms(unit)})"


def _timestamp_add(unit: TypedSql, count: TypedSql, value: TypedSql) -> str:
    return f"({value.sql} + to_milliseconds({_span(unit, count, '')}))"


def _timestamp_sub(unit: TypedSql, count: TypedSql, value: TypedSql) -> str:
    return f"({value.sql} + to_milliseconds({_span(unit, count, '-')}))"


def _time_add(unit: TypedSql, count: TypedSql, value: TypedSql) -> str:
    return f"({value.sql} + to_milliseconds({_span(unit, count, '')} % {_DAY_MS}))"


def _time_sub(unit: TypedSql, count: TypedSql, value: TypedSql) -> str:
    return f"({value.sql} + to_milliseconds({_span(unit, count, '-')} % {_DAY_MS}))"


def _date_moved(unit: TypedSql, count: TypedSql, value: TypedSql, sign: str) -> str:
    # Java's TimeUnit.toDays cuts towards zero, that is up before 1970.
    days = f"(epoch_ms({value.sql}) + {_span(unit, count, sign)}) // {_DAY_MS}"
    return _as_date(days)


def _date_add(unit: TypedSql, count: TypedSql, value: TypedSql) -> str:
    return _date_moved(unit, count, value, "")


def _date_sub(unit: TypedSql, count: TypedSql, value: TypedSql) -> str:
    return _date_moved(unit, count, value, "-")


def _as_date(days: str) -> str:
    return f"({_EPOCH_DATE} + CAST({days} AS INTEGER))"


# ------------------------------------------------------------------ formats


def _zone_of(argument: TypedSql | None) -> str:
    # ksqlDB's default; the letters V and z show its name.
    return "'GMT'" if argument is None else argument.sql


def _region(argument: TypedSql | None) -> str | None:
    """The id of a literal zone that DuckDB has rules for; empty for UTC."""
    if argument is None or argument.literal in _UTC:
        return ""
    if not isinstance(argument.literal, str) or "/" not in argument.literal:
        return None
    try:
        return zone(argument.literal).id
    except ValueError:
        return None


def _format_instant(epoch_ms: str, value: str, pattern: TypedSql, at: TypedSql | None) -> str:
    region = _region(at)
    if isinstance(pattern.literal, str) and region is not None:
        local = f"timezone({literal(region)}, CAST({value} AS TIMESTAMPTZ))" if region else value
        found = format_text(local, pattern.literal, date=True, time=True)
        if found is not None:
            return found
    return f"{date_kernel.FORMAT_INSTANT.name}({epoch_ms}, {pattern.sql}, {_zone_of(at)})"


def _format_timestamp(value: TypedSql, pattern: TypedSql, at: TypedSql | None = None) -> str:
    return _format_instant(f"epoch_ms({value.sql})", value.sql, pattern, at)


def _format_millis(value: TypedSql, pattern: TypedSql, at: TypedSql | None = None) -> str:
    return _format_instant(value.sql, f"make_timestamp_ms({value.sql})", pattern, at)


def _format_date(value: TypedSql, pattern: TypedSql) -> str:
    if isinstance(pattern.literal, str):
        found = format_text(
            f"CAST({value.sql} AS TIMESTAMP)", pattern.literal, date=True, time=False
        )
        if found is not None:
            return found
    days = value.sql if value.type == INTEGER else f"CAST({value.sql} - {_EPOCH_DATE} AS INTEGER)"
    return f"{date_kernel.FORMAT_DAYS.name}({days}, {pattern.sql})"


def _format_days(value: TypedSql, pattern: TypedSql) -> str:
    return _format_date(TypedSql(sql=_as_date(value.sql), type=DATE), pattern)


def _format_time(value: TypedSql, pattern: TypedSql) -> str:
    if isinstance(pattern.literal, str):
        found = format_text(
            f"({_EPOCH_DATE} + {value.sql})", pattern.literal, date=False, time=True
        )
        if found is not None:
            return found
    return f"{date_kernel.FORMAT_TIME.name}(epoch_ms({value.sql}), {pattern.sql})"


def _plain_instant(text: TypedSql, pattern: TypedSql, at: TypedSql | None) -> str | None:
    if isinstance(pattern.literal, str) and _region(at) == "":
        return parse_text(text.sql, pattern.literal, date=True, time=True)
    return None


def _kernel_instant(text: TypedSql, pattern: TypedSql, at: TypedSql | None) -> str:
    return f"{date_kernel.PARSE_INSTANT.name}({text.sql}, {pattern.sql}, {_zone_of(at)})"


def _parse_timestamp(text: TypedSql, pattern: TypedSql, at: TypedSql | None = None) -> str:
    plain = _plain_instant(text, pattern, at)
    return f"make_timestamp_ms({_kernel_instant(text, pattern, at)})" if plain is None else plain


def _parse_millis(text: TypedSql, pattern: TypedSql, at: TypedSql | None = None) -> str:
    plain = _plain_instant(text, pattern, at)
    return _kernel_instant(text, pattern, at) if plain is None else f"epoch_ms({plain})"


def _parse_date(text: TypedSql, pattern: TypedSql) -> str:
    if isinstance(pattern.literal, str):
        plain = fast_date_text(text.sql, pattern.literal)
        if plain is not None:
            return plain
    return _as_date(f"{date_kernel.PARSE_DATE.name}({text.sql}, {pattern.sql})")


def _parse_days(text: TypedSql, pattern: TypedSql) -> str:
    if isinstance(pattern.literal, str):
        plain = parse_text(text.sql, pattern.literal, date=True, time=False)
        if plain is not None:
            return f"CAST(CAST({plain} AS DATE) - {_EPOCH_DATE} AS INTEGER)"
    return f"CAST({date_kernel.PARSE_DAYS.name}({text.sql}, {pattern.sql}) AS INTEGER)"


def _parse_time(text: TypedSql, pattern: TypedSql) -> str:
    if isinstance(pattern.literal, str):
        plain = parse_text(text.sql, pattern.literal, date=False, time=True)
        if plain is not None:
            return f"CAST({plain} AS TIME)"
    millis = f"{date_kernel.PARSE_TIME.name}({text.sql}, {pattern.sql})"
    return f"({_MIDNIGHT} + to_milliseconds({millis}))"


def _convert_zone(value: TypedSql, source: TypedSql, target: TypedSql) -> str:
    regions = _region(source), _region(target)
    if None in regions:
        millis = f"epoch_ms({value.sql}), {source.sql}, {target.sql}"
        return f"make_timestamp_ms({date_kernel.CONVERT_ZONE.name}({millis}))"
    a, b = (_local(value.sql, region or "UTC") for region in regions)
    return f"({value.sql} + ({b} - {a}))"


def _local(value: str, region: str) -> str:
    return f"timezone({literal(region)}, CAST({value} AS TIMESTAMPTZ))"


# ------------------------------------------------------------------ entries

_FORMAT = (date_kernel.FORMAT_INSTANT,)
_PARSE = (date_kernel.PARSE_INSTANT,)


def _moved(
    name: str, type_: str, lower: Lower, doc: str, example: tuple[str, str]
) -> ScalarFunction:
    row = signature(f"INTERVALUNIT, INTEGER, {type_} -> {type_}", lower, throws=True)
    return scalar(name, row, doc=doc, examples=(example,))


def _with_zone(text: str, lower: Lower, kernels: tuple[Kernel, ...]) -> tuple[Signature, ...]:
    """The signature without and with a zone."""
    given, result = text.split(" -> ")
    return (
        signature(text, lower, throws=True, kernels=kernels),
        signature(f"{given}, STRING -> {result}", lower, throws=True, kernels=kernels),
    )


ENTRIES: tuple[ScalarFunction, ...] = (
    _moved(
        "timestampadd",
        "TIMESTAMP",
        _timestamp_add,
        "A timestamp that many units later.",
        ("TIMESTAMPADD(MILLISECONDS, 10, FROM_UNIXTIME(20))", "30"),
    ),
    _moved(
        "timestampsub",
        "TIMESTAMP",
        _timestamp_sub,
        "A timestamp that many units earlier.",
        ("TIMESTAMPSUB(MILLISECONDS, 10, FROM_UNIXTIME(20))", "10"),
    ),
    _moved(
        "timeadd",
        "TIME",
        _time_add,
        "A time that many units later, on the clock.",
        ("TIMEADD(HOURS, 2, PARSE_TIME('23:00', 'HH:mm'))", "3600000"),
    ),
    _moved(
        "timesub",
        "TIME",
        _time_sub,
        "A time that many units earlier, on the clock.",
        ("TIMESUB(HOURS, 2, PARSE_TIME('01:00', 'HH:mm'))", "82800000"),
    ),
    _moved(
        "dateadd",
        "DATE",
        _date_add,
        "A date that many units later.",
        ("DATEADD(DAYS, 10, FROM_DAYS(10))", "20"),
    ),
    _moved(
        "datesub",
        "DATE",
        _date_sub,
        "A date that many units earlier.",
        ("DATESUB(DAYS, 10, FROM_DAYS(5))", "-5"),
    ),
    scalar(
        "format_timestamp",
        *_with_zone("TIMESTAMP, STRING -> STRING", _format_timestamp, _FORMAT),
        doc="A timestamp as text, by a Java pattern, in UTC or in a zone.",
        examples=(
            (
                "FORMAT_TIMESTAMP(FROM_UNIXTIME(1526075913000), 'yyyy-MM-dd HH:mm:ss zzz', "
                "'America/Los_Angeles')",
                '"2018-05-11 14:58:33 PDT"',
            ),
            (
                "FORMAT_TIMESTAMP(FROM_UNIXTIME(1526075913000), 'yyyy-MM-dd''T''HH:mm:ss.SSS')",
                '"2018-05-11T21:58:33.000"',
            ),
        ),
    ),
    scalar(
        "timestamptostring",
        *_with_zone("BIGINT, STRING -> STRING", _format_millis, _FORMAT),
        doc="Milliseconds since 1970 as text, by a Java pattern, in UTC or in a zone (use "
        "FORMAT_TIMESTAMP).",
        examples=(("TIMESTAMPTOSTRING(0, 'dd.MM.yyyy HH:mm')", '"01.01.1970 00:00"'),),
    ),
    scalar(
        "format_date",
        signature(
            "DATE, STRING -> STRING",
            _format_date,
            throws=True,
            kernels=(date_kernel.FORMAT_DAYS,),
        ),
        doc="A date as text, by a Java pattern.",
        examples=(("FORMAT_DATE(FROM_DAYS(18993), 'dd-MMM-yyyy')", '"01-Jan-2022"'),),
    ),
    scalar(
        "datetostring",
        signature(
            "INTEGER, STRING -> STRING",
            _format_days,
            throws=True,
            kernels=(date_kernel.FORMAT_DAYS,),
        ),
        doc="A number of days since 1970 as text, by a Java pattern (use FORMAT_DATE).",
        examples=(("DATETOSTRING(-1, 'dd-MM-yyyy''!''')", '"31-12-1969!"'),),
    ),
    scalar(
        "format_time",
        signature(
            "TIME, STRING -> STRING",
            _format_time,
            throws=True,
            kernels=(date_kernel.FORMAT_TIME,),
        ),
        doc="A time as text, by a Java pattern.",
        examples=(
            ("FORMAT_TIME(PARSE_TIME('00:01:05', 'HH:mm:ss'), 'HH_mm_ss_SSS')", '"00_01_05_000"'),
        ),
    ),
    scalar(
        "parse_timestamp",
        *_with_zone("STRING, STRING -> TIMESTAMP", _parse_timestamp, _PARSE),
        doc="A text as timestamp, by a Java pattern, in its own zone, the one given, or UTC; what "
        "it does not say is as on 1970-01-01T00:00.",
        examples=(
            ("PARSE_TIMESTAMP('2018-05-11T21:58:33', 'yyyy-MM-dd''T''HH:mm:ss')", "1526075913000"),
            ("PARSE_TIMESTAMP('2018', 'yyyy', 'America/Los_Angeles')", "1514793600000"),
            ("PARSE_TIMESTAMP('2021-06-31', 'yyyy-MM-dd')", "1625011200000"),
        ),
    ),
    scalar(
        "stringtotimestamp",
        *_with_zone("STRING, STRING -> BIGINT", _parse_millis, _PARSE),
        doc="A text as milliseconds since 1970, by a Java pattern (use PARSE_TIMESTAMP).",
        examples=(
            (
                "STRINGTOTIMESTAMP('2019-08-27T13:31:09.2+0000', 'yyyy-MM-dd''T''HH:mm:ss.SX')",
                "1566912669200",
            ),
            ("STRINGTOTIMESTAMP('no', 'yyyy-MM-dd')", "null"),
        ),
    ),
    scalar(
        "parse_date",
        signature(
            "STRING, STRING -> DATE", _parse_date, throws=True, kernels=(date_kernel.PARSE_DATE,)
        ),
        doc="A text as date, by a Java pattern (SimpleDateFormat's): what follows the date is not "
        "looked at, and the 31st of a shorter month is in the next.",
        examples=(
            ("PARSE_DATE('2003-12-24', 'yyyy-MM-dd')", "12410"),
            ("PARSE_DATE('1970-01-32 and so on', 'yyyy-MM-dd')", "31"),
        ),
    ),
    scalar(
        "stringtodate",
        signature(
            "STRING, STRING -> INTEGER", _parse_days, throws=True, kernels=(date_kernel.PARSE_DAYS,)
        ),
        doc="A text as number of days since 1970, by a Java pattern (use PARSE_DATE).",
        examples=(("STRINGTODATE('01-Jan-2022', 'dd-MMM-yyyy')", "18993"),),
    ),
    scalar(
        "parse_time",
        signature(
            "STRING, STRING -> TIME", _parse_time, throws=True, kernels=(date_kernel.PARSE_TIME,)
        ),
        doc="A text as time, by a Java pattern.",
        examples=(("PARSE_TIME('01:00:00 Pm', 'hh:mm:ss a')", "46800000"),),
    ),
    scalar(
        "convert_tz",
        signature(
            "TIMESTAMP, STRING, STRING -> TIMESTAMP",
            _convert_zone,
            throws=True,
            kernels=(date_kernel.CONVERT_ZONE,),
        ),
        doc="A timestamp moved by what one zone is ahead of another at that instant.",
        examples=(
            ("CONVERT_TZ(FROM_UNIXTIME(0), 'UTC', '+02:00')", "7200000"),
            ("CONVERT_TZ(FROM_UNIXTIME(0), 'America/New_York', 'UTC')", "18000000"),
        ),
    ),
    scalar(
        "from_unixtime",
        signature("BIGINT -> TIMESTAMP", "make_timestamp_ms({0})", throws=True),
        doc="A number of milliseconds since 1970 as timestamp.",
        examples=(("FROM_UNIXTIME(1526075913000)", "1526075913000"),),
    ),
    scalar(
        "from_days",
        signature("INTEGER -> DATE", lambda days: _as_date(days.sql), throws=True),
        doc="A number of days since 1970 as date.",
        examples=(("FROM_DAYS(50)", "50"),),
    ),
    scalar(
        "unix_timestamp",
        signature("-> BIGINT", "CAST($now AS BIGINT)"),
        signature("TIMESTAMP -> BIGINT", "epoch_ms({0})"),
        doc="A timestamp, or the time of the step that reads the record, in milliseconds since "
        "1970.",
        examples=(("UNIX_TIMESTAMP(FROM_UNIXTIME(100))", "100"),),
    ),
    scalar(
        "unix_date",
        signature("-> INTEGER", f"CAST(CAST($now AS BIGINT) // {_DAY_MS} AS INTEGER)"),
        signature("DATE -> INTEGER", f"CAST({{0}} - {_EPOCH_DATE} AS INTEGER)"),
        doc="A date, or the day of the step that reads the record, in days since 1970.",
        examples=(("UNIX_DATE(FROM_DAYS(100))", "100"),),
    ),
)
