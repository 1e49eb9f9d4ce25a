"""CAST against Java and Python's decimal, for random values, extremes and NULL."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Context, InvalidOperation
from decimal import Decimal as PyDecimal

import duckdb
import pytest

from streamsql.schema.coercion import can_widen, cast, common_type, widen
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    INTEGER,
    NULL,
    STRING,
    TIME,
    TIMESTAMP,
    Array,
    Decimal,
    Field,
    Map,
    SqlType,
    Struct,
)
from tests.functions.calls import StatementError, connect, over_rows, typed
from tests.functions.java import ask

DOUBLES = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.001,
    0.00099999,
    1e7,
    9999999.0,
    12345678.9,
    1e10,
    1.5e300,
    -1e-7,
    5e-324,
    1e-323,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    math.inf,
    -math.inf,
    math.nan,
    2.0**31,
    2.0**31 - 1,
    -(2.0**31),
    -(2.0**31) - 1,
    2.0**63,
    -(2.0**63),
    9.2e18,
    70.0,
    1.005,
    0.285,
]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as found:
        yield found


def doubles(seed: int, count: int) -> list[float]:
    r = random.Random(seed)
    plain = [round(r.uniform(-1e6, 1e6), r.randint(0, 8)) for _ in range(count)]
    wide = [r.uniform(-10, 10) * 10.0 ** r.randint(-320, 300) for _ in range(count)]
    return [*DOUBLES, *plain, *wide]


def java_double(x: float) -> str:
    return (
        "NaN"
        if math.isnan(x)
        else ("-" if x < 0 else "") + "Infinity"
        if math.isinf(x)
        else repr(x)
    )


def cast_all(
    con: duckdb.DuckDBPyConnection, values: list[object], source: SqlType, target: SqlType
) -> list[object]:
    found = over_rows(con, [source], [[v] for v in [*values, None]], lambda c: cast(c, target))
    assert found.pop() is None
    return found


@pytest.mark.slow
def test_double_as_text(con: duckdb.DuckDBPyConnection) -> None:
    values = doubles(1, 400)
    found = cast_all(con, list(values), DOUBLE, STRING)
    wanted = ask([("double_text", java_double(x)) for x in values])
    # Java before 19 writes a digit too many for some; both read as the same number then.
    for x, mine, theirs in zip(values, found, wanted, strict=True):
        assert isinstance(mine, str)
        assert theirs is not None
        assert mine == theirs or (len(mine) < len(theirs) and float(mine) == x), x


@pytest.mark.slow
@pytest.mark.parametrize(("target", "name"), [(INTEGER, "double_int"), (BIGINT, "double_long")])
def test_double_as_integer(con: duckdb.DuckDBPyConnection, target: SqlType, name: str) -> None:
    values = [x * 10**e for x in doubles(2, 100) for e in (0, 9) if not abs(x) > 1e290]
    found = cast_all(con, list(values), DOUBLE, target)
    wanted = ask([(name, java_double(x)) for x in values])
    assert [str(v) for v in found] == wanted


@pytest.mark.parametrize("size", [(4, 2), (10, 2), (2, 1), (1, 0), (20, 15), (38, 20), (36, 27)])
def test_double_as_decimal(con: duckdb.DuckDBPyConnection, size: tuple[int, int]) -> None:
    precision, scale = size
    r = random.Random(precision)
    values = [x for x in doubles(3, 60) if math.isfinite(x) and abs(x) < 1e30]
    values += [r.randint(-4000, 4000) / 2 ** r.randint(0, 12) for _ in range(200)]
    values += [r.uniform(-1, 1) * 10 ** r.randint(-3, 4) for _ in range(200)]
    found = cast_all(con, list(values), DOUBLE, Decimal(precision, scale))
    limit = PyDecimal(10) ** (precision - scale)
    for x, mine in zip(values, found, strict=True):
        wanted: PyDecimal | None = _to_decimal(x, precision, scale)
        if abs(wanted) >= limit:
            wanted = None
        assert mine == wanted, x


def _to_decimal(x: float, precision: int, scale: int) -> PyDecimal:
    rounded = Context(precision, ROUND_HALF_UP, Emin=-99999, Emax=99999).create_decimal(
        PyDecimal(x)
    )
    wide = Context(400, ROUND_HALF_UP)
    return rounded.quantize(PyDecimal(1).scaleb(-scale), ROUND_HALF_UP, wide)


def test_integers_narrow_by_their_low_bits(con: duckdb.DuckDBPyConnection) -> None:
    r = random.Random(4)
    values = [
        0,
        2**31,
        -(2**31) - 1,
        2**63 - 1,
        -(2**63),
        *(r.randint(-(2**63), 2**63 - 1) for _ in range(300)),
    ]
    found = cast_all(con, list(values), BIGINT, INTEGER)
    assert found == [(v + 2**31) % 2**32 - 2**31 for v in values]


def test_decimals_narrow_by_their_low_bits(con: duckdb.DuckDBPyConnection) -> None:
    r = random.Random(5)
    texts = [f"{r.randint(-(10**25), 10**25)}.{r.randint(0, 99):02}" for _ in range(200)]
    values = [PyDecimal(t) for t in [*texts, "-0.99", "99.99", "2147483648.00"]]
    for target, bits in ((INTEGER, 32), (BIGINT, 64)):
        found = cast_all(con, list(values), Decimal(30, 2), target)
        half = 2 ** (bits - 1)
        assert found == [(int(v) + half) % (2 * half) - half for v in values]


TEXTS = (
    *("5", " 5 ", "+7", "-0", "5.0", ".5", "5.", "1e3", "-1.25E-1", "1.2345e1", "12345e-3"),
    *("1e400", "NaN", "-Infinity", "Inf", "0x10", "1_000", "", " ", "abc", "2147483648"),
    *("-2147483648", "9.995", "1e-30", "99999999999999999999", "\t8\n", "--1", "1e", "1d", "1f"),
)


def numbers(seed: int) -> list[str]:
    r = random.Random(seed)
    letters = "0123456789+-.eE "
    return [*TEXTS, *("".join(r.choices(letters, k=r.randint(1, 7))) for _ in range(400))]


def test_text_as_integer(con: duckdb.DuckDBPyConnection) -> None:
    values = [t for t in numbers(6) if "\n" not in t and "\t" not in t]
    found = cast_all(con, list(values), STRING, INTEGER)
    wanted = ask([("read_int", t) for t in values])
    assert [None if v is None else str(v) for v in found] == wanted


def test_text_as_double(con: duckdb.DuckDBPyConnection) -> None:
    # ksqlDB takes no trailing letter of a type, and no hexadecimal number.
    values = [t for t in numbers(7) if "\n" not in t and "\t" not in t and t not in ("1d", "1f")]
    found = cast_all(con, list(values), STRING, DOUBLE)
    wanted = ask([("read_double", t) for t in values])
    for text, mine, theirs in zip(values, found, wanted, strict=True):
        same = mine == theirs if isinstance(mine, str) else mine == (theirs and float(theirs))
        assert same, text


@pytest.mark.parametrize("size", [(5, 2), (38, 10), (6, 6)])
def test_text_as_decimal(con: duckdb.DuckDBPyConnection, size: tuple[int, int]) -> None:
    precision, scale = size
    values = numbers(8)
    found = cast_all(con, list(values), STRING, Decimal(precision, scale))
    for text, mine in zip(values, found, strict=True):
        assert mine == _read_decimal(text, precision, scale), text


def _read_decimal(text: str, precision: int, scale: int) -> PyDecimal | None:
    stripped = text.strip("".join(map(chr, range(33))))
    if "_" in stripped:
        return None
    try:
        value = PyDecimal(stripped)
        wide = Context(2000, ROUND_HALF_UP)
        value = value.quantize(PyDecimal(1).scaleb(-scale), ROUND_HALF_UP, wide)
    except InvalidOperation:
        return None
    return (
        value if value.is_finite() and abs(value) < PyDecimal(10) ** (precision - scale) else None
    )


def test_text_as_boolean(con: duckdb.DuckDBPyConnection) -> None:
    true = ["t", "tr", "tru", "true", "TRUE", " Yes ", "y", "ye"]
    false = ["", " ", "f", "no", "truex", "1", "on", "x"]
    found = cast_all(con, [*true, *false], STRING, BOOLEAN)
    assert found == [True] * len(true) + [False] * len(false)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2020", 1577836800000),
        ("2020-02", 1580515200000),
        (" 2020-02-03 ", 1580688000000),
        ("2020-02-03T04", 1580702400000),
        ("2020-02-03T04:05", 1580702700000),
        ("2020-02-03T04:05:06.789", 1580702706789),
        ("2020-02-03T04:05:06.789Z", 1580702706789),
        ("2020-02-03T04:05:06+0100", 1580699106000),
        ("2020-02-03T04:05-01:30", 1580708100000),
        ("2020-13", None),
        ("later", None),
    ],
)
def test_text_as_timestamp(con: duckdb.DuckDBPyConnection, text: str, wanted: int | None) -> None:
    assert cast_all(con, [text], STRING, TIMESTAMP) == [wanted]


def test_times_and_dates(con: duckdb.DuckDBPyConnection) -> None:
    texts: list[object] = ["04:05", "04:05:06", "04:05:06.789", "4:05", "25:00"]
    assert cast_all(con, texts, STRING, TIME) == [14700000, 14706000, 14706789, None, None]
    texts = ["1970-01-02", "1970-02", "1970", "1970-02-30", "1970-01-01T00"]
    assert cast_all(con, texts, STRING, DATE) == [1, 31, 0, None, None]
    moments: list[object] = ["1970-01-02 03:04:05.006", "1969-12-31 23:59:59.999"]
    assert cast_all(con, moments, TIMESTAMP, TIME) == [11045006, 86399999]
    assert cast_all(con, moments, TIMESTAMP, DATE) == [1, -1]
    assert cast_all(con, ["1970-01-02"], DATE, TIMESTAMP) == [86400000]
    assert cast_all(con, moments, TIMESTAMP, STRING) == [
        "1970-01-02T03:04:05.006",
        "1969-12-31T23:59:59.999",
    ]
    times: list[object] = ["00:00:00", "01:02:03", "01:02:00.5"]
    assert cast_all(con, times, TIME, STRING) == ["00:00", "01:02:03", "01:02:00.500"]


def test_collections_as_text(con: duckdb.DuckDBPyConnection) -> None:
    pair = Struct((Field("F0", INTEGER), Field("f1", DOUBLE)))
    cases: list[tuple[str, SqlType, str]] = [
        ("[1, NULL, 3]", Array(INTEGER), "[1, null, 3]"),
        ("[]", Array(INTEGER), "[]"),
        ("MAP {'this': 1, 'that': NULL}", Map(STRING, INTEGER), "{this=1, that=null}"),
        ("{'F0': 1, 'f1': 1e10}", pair, "Struct{F0=1,f1=1.0E10}"),
        ("{'F0': NULL, 'f1': 0.5}", pair, "Struct{f1=0.5}"),
        ("[MAP {'a': ['x']}]", Array(Map(STRING, Array(STRING))), "[{a=[x]}]"),
        ("[0.0000001, 1.5]", Array(Decimal(9, 7)), "[1E-7, 1.5000000]"),
    ]
    for text, type_, wanted in cases:
        sql = cast(TypedSql(sql=f"({text})", type=type_), STRING).sql
        assert con.execute(f"SELECT {sql}").fetchone() == (wanted,)


def test_decimal_in_a_list_is_spelled_by_java(con: duckdb.DuckDBPyConnection) -> None:
    r = random.Random(9)
    values = [
        PyDecimal(r.randint(-(10**12), 10**12)).scaleb(-r.choice((9, 12, 14))) for _ in range(200)
    ]
    values = [v.quantize(PyDecimal("1E-14")) for v in values] + [PyDecimal("0E-14")]
    rows: list[object] = [[v] for v in values]
    found = cast_all(con, rows, Array(Decimal(30, 14)), STRING)
    wanted = ask([("decimal_text", f"{v:f}") for v in values])
    assert found == [f"[{w}]" for w in wanted]


def test_collections_by_their_parts(con: duckdb.DuckDBPyConnection) -> None:
    assert cast_all(con, [[1, 2**31]], Array(BIGINT), Array(INTEGER)) == [[1, -(2**31)]]
    assert cast_all(con, [{"k": "10"}], Map(STRING, STRING), Map(STRING, INTEGER)) == [{"k": 10}]
    assert cast_all(con, [["x"]], Array(STRING), Array(INTEGER)) == [None]
    source = Struct((Field("F0", BIGINT), Field("F1", STRING)))
    target = Struct((Field("F0", STRING), Field("F3", STRING)))
    expr = cast(TypedSql(sql="{'F0': 1, 'F1': 'x'}", type=source), target)
    assert con.execute(f"SELECT {expr.sql}").fetchone() == ({"F0": "1", "F3": None},)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (STRING, Array(INTEGER)),
        (STRING, Map(STRING, INTEGER)),
        (BOOLEAN, INTEGER),
        (INTEGER, BOOLEAN),
        (BYTES, STRING),
        (TIME, TIMESTAMP),
        (Array(BOOLEAN), Array(INTEGER)),
        (BIGINT, TIMESTAMP),
    ],
    ids=str,
)
def test_what_cannot_be_cast(source: SqlType, target: SqlType) -> None:
    with pytest.raises(StatementError) as caught:
        cast(typed(None, source), target)
    assert caught.value.primary == f"Cast of {source} to {target} is not supported"


def test_a_failing_argument_is_null_and_a_failing_operator_is_not(
    con: duckdb.DuckDBPyConnection,
) -> None:
    inner = cast(typed("x", STRING), INTEGER)
    assert inner.throws
    assert inner.contained
    outer = cast(inner, STRING)
    assert con.execute(f"SELECT coalesce({outer.sql}, 'none')").fetchone() == ("none",)


def test_common_types() -> None:
    assert common_type([]) == NULL
    assert common_type([NULL, INTEGER, BIGINT]) == BIGINT
    assert common_type([INTEGER, Decimal(4, 2)]) == Decimal(12, 2)
    assert common_type([Decimal(9, 2), Decimal(7, 6)]) == Decimal(13, 6)
    assert common_type([Decimal(9, 2), DOUBLE]) == DOUBLE
    assert common_type([Array(INTEGER), Array(BIGINT)]) == Array(BIGINT)
    assert common_type([Map(STRING, NULL), Map(STRING, DATE)]) == Map(STRING, DATE)
    first, second = Struct((Field("A", INTEGER),)), Struct((Field("B", DATE), Field("A", BIGINT)))
    assert common_type([first, second]) == Struct((Field("A", BIGINT), Field("B", DATE)))
    assert common_type([STRING, INTEGER]) is None
    assert common_type([Array(STRING), Array(INTEGER)]) is None


def test_widening() -> None:
    assert can_widen(INTEGER, Decimal(10, 0))
    assert not can_widen(INTEGER, Decimal(9, 0))
    assert not can_widen(BIGINT, INTEGER)
    assert widen(typed("x", STRING), INTEGER) is None
    null = widen(TypedSql(sql="NULL", type=NULL), Array(DATE))
    assert null is not None
    assert null.sql == "NULL::DATE[]"
