"""Dates and times against Java's java.time, and the DuckDB text of patterns against the kernels."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import duckdb
import pytest

from streamsql.functions import resolve_scalar
from streamsql.functions.java_parse import parse_date, parse_time, parse_timestamp
from streamsql.functions.java_time import Moment, format_moment, from_days, read_pattern, to_days
from streamsql.functions.zone import zone
from streamsql.schema.duck import literal
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, DATE, STRING, TIME, TIMESTAMP
from tests.functions.calls import NOW_MS, StatementError, compute, connect, lower, over_rows
from tests.functions.java import ask

DAY_MS = 86_400_000
ZONES = (
    *("UTC", "America/Los_Angeles", "Europe/Paris", "Europe/London", "+02:00", "Asia/Kolkata"),
    *("GMT+3", "Z", "-03:30", "America/New_York", "Asia/Tokyo", "Australia/Sydney"),
)
DATES = (
    *("yyyy", "yy", "y", "uuuu", "u", "yyyyy", "MM", "M", "MMM", "MMMM", "MMMMM", "LLL", "dd", "d"),
    *("D", "DDD", "E", "EEEE", "EEEEE", "e", "ee", "eee", "eeee", "Q", "QQ", "QQQ", "QQQQ", "q"),
    *("G", "GGGG", "GGGGG", "w", "ww", "W", "Y", "YYYY", "YY", "F", "g", "c", "cccc"),
)
TIMES = (
    *("H", "HH", "h", "hh", "K", "KK", "k", "kk", "m", "mm", "s", "ss", "S", "SS", "SSS", "SSSSSS"),
    *("SSSSSSSSS", "a", "A", "n", "N", "AAAAAAAAA"),
)
OFFSETS = (
    *("VV", "z", "O", "OOOO", "X", "XX", "XXX", "XXXX", "XXXXX", "x", "xx", "xxx", "xxxx"),
    *("xxxxx", "Z", "ZZZ", "ZZZZ", "ZZZZZ"),
)
BETWEEN = ("-", "/", " ", "'T'", ":", ".", "", "''", "[", "]", "'at'")


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as found:
        yield found


def some_pattern(r: random.Random, letters: tuple[str, ...]) -> str:
    return "".join(r.choice(letters) + r.choice(BETWEEN) for _ in range(r.randint(1, 5)))


def attempt(function: Callable[[], object]) -> str | None:
    try:
        return str(function())
    except ValueError:
        return None


def instant(epoch_ms: int, zone_id: str) -> Moment:
    own = zone(zone_id)
    days, millis = divmod(epoch_ms + own.offset(epoch_ms) * 1000, DAY_MS)
    return Moment(date=from_days(days), nanos=millis * 10**6, epoch_ms=epoch_ms, zone=own)


def test_formats_as_java() -> None:
    r = random.Random(41)
    questions: list[tuple[object, ...]] = []
    mine: list[str | None] = []
    for _ in range(700):
        # From 1912 on: before there were zones Java and the database of zones name them apart.
        epoch_ms, at = r.randint(-1_830_000_000_000, 10**13), r.choice(ZONES)
        pattern = some_pattern(r, DATES + TIMES + OFFSETS)
        questions.append(("format_instant", epoch_ms, pattern, at))
        moment = instant(epoch_ms, at)
        mine.append(attempt(lambda p=pattern, m=moment: format_moment(p, m)))
        days, pattern = r.randint(-800_000, 800_000), some_pattern(r, (*DATES, "HH"))
        questions.append(("format_date", days, pattern))
        mine.append(attempt(lambda p=pattern, d=days: format_moment(p, Moment(date=from_days(d)))))
        millis, pattern = r.randrange(DAY_MS), some_pattern(r, (*TIMES, "dd"))
        questions.append(("format_time", millis, pattern))
        time = Moment(nanos=millis * 10**6)
        mine.append(attempt(lambda p=pattern, m=time: format_moment(p, m)))
    for question, found, wanted in zip(questions, mine, ask(questions), strict=True):
        assert found == wanted, question


PATTERNS = (
    *("yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd", "dd/MM/yyyy", "yyyyMMdd", "yyyyMMddHHmmss"),
    *("yyyyMMddHHmmssSSS", "dd-MMM-yyyy", "d MMMM yyyy", "yyyy-MM-dd HH:mm:ss.SSS"),
    *("yyyy-MM-dd'T'HH:mm:ssX", "yyyy-MM-dd'T'HH:mm:ssXXX", "yyyy-MM-dd HH:mm:ss Z"),
    *("yyyy-DDD", "yy-MM-dd", "yyyy", "yyyy-MM", "HH:mm", "hh:mm a", "MM/dd/yy h:mm a"),
    *("EEE, dd MMM yyyy HH:mm:ss Z", "yyyy-MM-dd[ HH:mm[:ss]]", "yyyy-MM-dd HH:mm:ss VV"),
    *("y-M-d", "yyyyMMddHH", "k:mm yyyy-MM-dd", "uuuu-MM-dd HH:mm:ss.SSSSSS", "yyyyDDD"),
    *("Hmm yyyy-MM-dd", "G yyyy-MM-dd", "QQQ yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ssxxx"),
    *("OOOO yyyy-MM-dd HH:mm", "A yyyy-MM-dd", "HH:mm:ss", "HHmmss", "HH"),
)


def damaged(r: random.Random, text: str) -> str:
    """The text as it is, or with a character changed or lost, or in another case, or longer."""
    kind, at = r.random(), r.randrange(len(text))
    if kind < 0.4:
        return text
    if kind < 0.75:
        return text[:at] + r.choice("0123456789-:/ TZzaPm+") + text[at + 1 :]
    if kind < 0.85:
        return text[:at] + text[at + 1 :]
    return r.choice((text.upper(), text.lower(), text + "Z", text + " ", text + "0"))


@pytest.mark.slow
def test_reads_as_java() -> None:
    r = random.Random(42)
    questions: list[tuple[object, ...]] = []
    mine: list[str | None] = []
    for _ in range(2000):
        at, pattern = r.choice(ZONES), r.choice(PATTERNS)
        moment = instant(r.randint(-(10**12), 4 * 10**12), at)
        text = damaged(r, format_moment(pattern, moment))
        questions.append(("parse_instant", text, pattern, at))
        mine.append(attempt(lambda t=text, p=pattern, z=at: parse_timestamp(p, t, zone(z))))
        questions.append(("parse_date", text, pattern))
        mine.append(attempt(lambda t=text, p=pattern: parse_date(p, t)))
    for question, found, wanted in zip(questions, mine, ask(questions), strict=True):
        assert found == wanted, question


def test_reads_times_as_java() -> None:
    r = random.Random(43)
    patterns = (
        "HH:mm:ss",
        "HHmmss",
        "HH:mm",
        "HH",
        "hh:mm a",
        "h:mm:ss.SSS a",
        "mm:ss",
        "N",
        "kk:mm",
    )
    texts = [
        (damaged(r, format_moment(p, Moment(nanos=r.randrange(DAY_MS) * 10**6))), p)
        for p in patterns
        for _ in range(60)
    ]
    wanted = ask([("parse_time", t, p) for t, p in texts])
    assert [attempt(lambda t=t, p=p: parse_time(p, t)) for t, p in texts] == wanted


def test_clocks_that_change() -> None:
    """A time that is skipped moves on; one that comes twice has the offset of 1970."""
    for local, at in (
        ("2019-03-10T02:30", "America/Los_Angeles"),
        ("2019-11-03T01:30", "America/Los_Angeles"),
        ("2019-03-31T02:30", "Europe/Paris"),
        ("2019-10-27T02:30", "Europe/Paris"),
        ("2019-10-27T01:30", "Europe/London"),
        ("12019-10-27T01:30", "Europe/London"),
    ):
        pattern = "y-MM-dd'T'HH:mm"
        wanted = ask([("parse_instant", local, pattern, at)])[0]
        assert str(parse_timestamp(pattern, local, zone(at))) == wanted, local


@pytest.mark.parametrize("id_", ["PDT", "", "Mars/Olympus", "+25:00", "+1:2:3", "EST", "../etc"])
def test_ids_that_are_no_zones(id_: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        zone(id_)


@pytest.mark.parametrize(
    "pattern", ["yyyy-MM-dd'T", "b", "HHH", "{yyyy}", "yyyy]", "VVV", "aa", "OO", "p"]
)
def test_patterns_that_java_refuses(con: duckdb.DuckDBPyConnection, pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_pattern(pattern)
    for call in ("PARSE_TIMESTAMP('2020', {})", "FORMAT_TIMESTAMP(FROM_UNIXTIME(0), {})"):
        assert compute(con, lower(call.format(literal(pattern)))) is None


def test_days_and_dates() -> None:
    assert to_days(1970, 1, 1) == 0
    for days in range(-1_000_000, 1_000_000, 997):
        assert to_days(*from_days(days)) == days


# ------------------------------------------------------------------ text against kernels

PLAIN = (
    *("yyyy-MM-dd'T'HH:mm:ss.SSS", "yyyy-MM-dd HH:mm", "dd/MM/uuuu HH:mm:ss", "yyyyMMdd", "MMM d%"),
    *("yy EEE EEEE MMMM hh a", "DDD yyyy", "yyyy-MM-dd'at'HH"),
)


def column(
    con: duckdb.DuckDBPyConnection, name: str, pattern: str, *zones: str
) -> Callable[..., TypedSql]:
    """A call with a literal pattern, which becomes DuckDB text where it is plain."""
    texts = [
        TypedSql(sql=literal(t), type=STRING, constant=True, literal=t) for t in (pattern, *zones)
    ]
    return lambda value: resolve_scalar(name, [value, *texts])


@pytest.mark.parametrize("pattern", PLAIN)
@pytest.mark.parametrize("at", ["UTC", "America/New_York"])
def test_plain_formats(con: duckdb.DuckDBPyConnection, pattern: str, at: str) -> None:
    r = random.Random(pattern)
    ends = [0, -1, 253402300800000, -62135596800001, -62198755200000, 1526075913000]
    values = [*ends, *(r.randint(-(10**14), 2 * 10**14) for _ in range(100))]
    if at != "UTC":
        # DuckDB's rules of zones and Python's agree from 1970 to 2037.
        values = [r.randint(0, 2 * 10**12) for _ in range(100)]
    call = column(con, "TIMESTAMPTOSTRING", pattern, at)
    found = over_rows(con, [BIGINT], [[v] for v in values], call)
    assert found == [format_moment(pattern, instant(v, at)) for v in values]


def test_plain_formats_are_no_kernels() -> None:
    for call in (
        "FORMAT_TIMESTAMP(FROM_UNIXTIME(0), 'yyyy-MM-dd HH:mm:ss.SSS')",
        "FORMAT_TIMESTAMP(FROM_UNIXTIME(0), 'yyyy-MM-dd', 'Europe/Paris')",
        "PARSE_TIMESTAMP('2020-01-01T00:00:00Z', 'yyyy-MM-dd''T''HH:mm:ssX')",
        "PARSE_DATE('2020-01-01', 'yyyy-MM-dd')",
        "PARSE_TIME('00:00', 'HH:mm')",
    ):
        assert not lower(call).slow, call
    assert lower("PARSE_DATE('1 Jan 2020', 'd MMM yyyy')").slow


READ = (
    *("yyyy-MM-dd'T'HH:mm:ss.SSS", "yyyy-MM-dd HH:mm", "dd/MM/uuuu HH:mm:ss", "yyyyMMdd"),
    *("yyyyMMddHHmmss", "yyyy-MM-dd'T'HH:mm:ssX", "yyyy-MM-dd HH:mm:ss Z", "yyyy-MM-dd'T'HHXXX"),
)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", READ)
def test_plain_texts(con: duckdb.DuckDBPyConnection, pattern: str) -> None:
    r = random.Random(pattern)
    # To 9999: five digits of a year are not read by the plain way.
    texts = [
        damaged(r, format_moment(pattern, instant(r.randint(-(10**13), 10**14), "UTC")))
        for _ in range(300)
    ]
    for day in ("0000-02-03", "2020-02-30", "2021-02-31", "2020-04-31", "2020-04-32", "2020-13-01"):
        for time in ("24:00:00", "24:00:01", "23:60:00"):
            year, month, number = day.split("-")
            parts = {"yyyy": year, "uuuu": year, "MM": month, "dd": number}
            parts |= dict(zip(("HH", "mm", "ss"), time.split(":"), strict=True)) | {"SSS": "000"}
            text = pattern.replace("'", "")
            for letters, digits in parts.items():
                text = text.replace(letters, digits)
            texts.append(text.replace("XXX", "Z").replace("X", "Z").replace(" Z", " +0130"))
    found = over_rows(
        con, [STRING], [[t] for t in texts], column(con, "STRINGTOTIMESTAMP", pattern)
    )
    for text, mine in zip(texts, found, strict=True):
        wanted = attempt(lambda t=text: parse_timestamp(pattern, t, zone("UTC")))
        assert (None if mine is None else str(mine)) == wanted, text


@pytest.mark.parametrize("pattern", ["yyyy-MM-dd", "dd.MM.yyyy", "yyyyMMdd"])
def test_plain_dates(con: duckdb.DuckDBPyConnection, pattern: str) -> None:
    r = random.Random(pattern)
    texts = [
        damaged(r, format_moment(pattern, Moment(date=from_days(r.randint(-700_000, 2_000_000)))))
        for _ in range(200)
    ]
    found = over_rows(con, [STRING], [[t] for t in texts], column(con, "STRINGTODATE", pattern))
    wanted = [attempt(lambda t=t: parse_date(pattern, t)) for t in texts]
    assert [None if v is None else str(v) for v in found] == wanted


def by_kernel(con: duckdb.DuckDBPyConnection, rows: list[list[str]]) -> list[object]:
    """PARSE_DATE of a column of patterns."""
    types = [STRING, STRING]
    return over_rows(con, types, rows, lambda t, p: resolve_scalar("PARSE_DATE", [t, p]))


FAST = ("yyyy-MM-dd", "d.M.yyyy", "yyyyMMdd", "MM/dd/yyyy", "ddMMyyyy", "yyyy", "'on' yyyy MM")


@pytest.mark.slow
@pytest.mark.parametrize("pattern", FAST)
def test_parse_date_in_sql_and_by_kernel(con: duckdb.DuckDBPyConnection, pattern: str) -> None:
    r = random.Random(pattern)
    texts = [
        "",
        " ",
        "2020-02-31",
        "2020-13-01 etc",
        "2020-00-00",
        "20200229x",
        "2020 3 1",
        "2020 1",
    ]
    texts += [
        "20203 15",
        "202031 5",
        "31.12.2019",
        " 1. 2.  2020",
        "on 2020 99",
        "2020-1-1",
        "0-1-1",
    ]
    texts += [
        damaged(r, format_moment(pattern, Moment(date=from_days(r.randint(-140_000, 900_000)))))
        for _ in range(300)
    ]
    literal_pattern = column(con, "PARSE_DATE", pattern)
    assert not literal_pattern(TypedSql(sql="c", type=STRING)).slow
    found = over_rows(con, [STRING], [[t] for t in texts], literal_pattern)
    rows = [[t, pattern] for t in texts]
    kernel = over_rows(
        con, [STRING, STRING], rows, lambda t, p: resolve_scalar("PARSE_DATE", [t, p])
    )
    for text, mine, theirs in zip(texts, found, kernel, strict=True):
        assert mine == theirs, text
    assert sum(v is not None for v in found) > 150


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("yyyy-MM-dd", "2003-12-24-01-01", (2003, 12, 24)),
        ("yyyy-MM-dd", "2020-02-31", (2020, 3, 2)),
        ("yyyy-MM-dd", "2020-14-01", (2021, 2, 1)),
        ("yyyyMMdd", "20200203", (2020, 2, 3)),
        ("dd-MMM-yyyy", "01-jan-2022", (2022, 1, 1)),
        ("d MMMM yy", "7 September 44", (2044, 9, 7)),
        ("yy", "45", (1945, 1, 1)),
        ("EEE, d MMM yyyy", "Sun, 2 Jan 2022", (2022, 1, 2)),
        ("yyyy-MM-dd'Lit'", "2018-05-11Lit", (2018, 5, 11)),
        ("yyyy-MM-dd HH:mm", "2018-05-11 24:00", (2018, 5, 12)),
        ("yyyy-MM-dd HH:mm", "2018-05-11 01:00", None),
        ("yyyy-MM-dd HH:mm X", "2018-05-11 02:00 +02", (2018, 5, 11)),
        ("yyyy-DDD", "2020-366", (2020, 12, 31)),
        ("yyyy G", "2020 AD", (2020, 1, 1)),
        ("yyyy-MM-dd'T", "2020-01-01T", None),
        ("eeee", "Monday", None),
    ],
)
def test_parse_date(
    con: duckdb.DuckDBPyConnection, pattern: str, text: str, wanted: tuple[int, int, int] | None
) -> None:
    rows = [[text, pattern]]
    found = over_rows(
        con, [STRING, STRING], rows, lambda t, p: resolve_scalar("PARSE_DATE", [t, p])
    )
    assert found == [None if wanted is None else to_days(*wanted)]


@pytest.mark.parametrize("pattern", ["HH:mm:ss", "HHmm", "HH:mm:ss.SSS"])
def test_plain_times(con: duckdb.DuckDBPyConnection, pattern: str) -> None:
    r = random.Random(pattern)
    texts = [
        damaged(r, format_moment(pattern, Moment(nanos=r.randrange(DAY_MS) * 10**6)))
        for _ in range(200)
    ]
    found = over_rows(con, [STRING], [[t] for t in texts], column(con, "PARSE_TIME", pattern))
    wanted = [attempt(lambda t=t: parse_time(pattern, t)) for t in texts]
    assert [None if v is None else str(v) for v in found] == wanted


def test_kernels_read_what_is_no_literal(con: duckdb.DuckDBPyConnection) -> None:
    rows = [("11/05/19", "HH/mm/ss"), ("01:00:00 Pm", "hh:mm:ss a"), ("x", "HH"), (None, "HH")]
    call = over_rows(con, [STRING, STRING], rows, lambda t, p: resolve_scalar("PARSE_TIME", [t, p]))
    assert call == [39919000, 46800000, None, None]
    rows = [("00:01:05", "HH_mm_ss_SSS"), ("00:20:34.567", "HHmmss'AAAAA'"), ("00:00:00", "dd")]
    call = over_rows(con, [TIME, STRING], rows, lambda t, p: resolve_scalar("FORMAT_TIME", [t, p]))
    assert call == ["00_01_05_000", "002034AAAAA", None]
    rows = [("2022-01-01", "dd-MMM-yyyy"), ("1969-12-31", "e 'Sophia'"), ("1970-01-01", "HH")]
    call = over_rows(con, [DATE, STRING], rows, lambda d, p: resolve_scalar("FORMAT_DATE", [d, p]))
    assert call == ["01-Jan-2022", "4 Sophia", None]


# ------------------------------------------------------------------ intervals and numbers


def test_intervals(con: duckdb.DuckDBPyConnection) -> None:
    for call, wanted in {
        "TIMESTAMPADD(HOURS, -1, FROM_UNIXTIME(0))": -3600000,
        "TIMESTAMPADD(DAY, 2147483647, FROM_UNIXTIME(0))": 185542587100800000,
        "TIMESTAMPSUB(MILLISECONDS, 2147483647, FROM_UNIXTIME(0))": -2147483647,
        "TIMEADD(MILLISECONDS, 10, PARSE_TIME('23:59:59.995', 'HH:mm:ss.SSS'))": 5,
        "TIMEADD(MINUTE, -1, PARSE_TIME('00:00', 'HH:mm'))": 86340000,
        "TIMESUB(DAYS, 5, PARSE_TIME('00:01', 'HH:mm'))": 60000,
        "DATEADD(HOURS, 47, FROM_DAYS(0))": 1,
        "DATESUB(HOURS, 1, FROM_DAYS(0))": 0,
        "DATESUB(HOURS, 25, FROM_DAYS(0))": -1,
        "DATEADD(DAYS, NULL, FROM_DAYS(0))": None,
    }.items():
        found = lower(call)
        if call.startswith("TIMESTAMPADD(DAY, 2147483647"):
            # Java holds the year 5881580; DuckDB's timestamps end before, and it is a failure.
            assert compute(con, found) is None
            continue
        assert compute(con, found) == wanted, call


def test_a_unit_is_no_value() -> None:
    with pytest.raises(StatementError) as caught:
        lower("TIMEADD(PARSE_TIME('00:00', 'HH:mm'), 5, PARSE_TIME('00:00', 'HH:mm'))")
    assert (
        caught.value.primary
        == "Function 'timeadd' does not accept parameters (TIME, INTEGER, TIME)."
    )


def test_the_time_of_the_step(con: duckdb.DuckDBPyConnection) -> None:
    assert compute(con, lower("UNIX_TIMESTAMP()")) == NOW_MS
    assert compute(con, lower("UNIX_DATE()")) == NOW_MS // DAY_MS


def test_conversions_of_zones(con: duckdb.DuckDBPyConnection) -> None:
    r = random.Random(51)
    values = [[r.randint(0, 2 * 10**12)] for _ in range(100)]
    for source, target in (
        ("UTC", "America/Los_Angeles"),
        ("Europe/Paris", "Asia/Tokyo"),
        ("+02:00", "Europe/Paris"),
    ):
        texts = [
            TypedSql(sql=literal(z), type=STRING, constant=True, literal=z)
            for z in (source, target)
        ]

        def call(value: TypedSql, texts: list[TypedSql] = texts) -> TypedSql:
            moment = TypedSql(sql=f"make_timestamp_ms({value.sql})", type=TIMESTAMP)
            return resolve_scalar("CONVERT_TZ", [moment, *texts])

        found = over_rows(con, [BIGINT], values, call)
        for (value,), mine in zip(values, found, strict=True):
            assert mine == value + (zone(target).offset(value) - zone(source).offset(value)) * 1000
    assert compute(con, lower("CONVERT_TZ(FROM_UNIXTIME(0), 'UTC', 'Mars/Olympus')")) is None
