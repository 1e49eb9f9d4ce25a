"""ROUND, TRUNC and the rest of Math against Java, math and decimal."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_UP, Context
from decimal import Decimal as PyDecimal

import duckdb
import pytest

from streamsql.functions import resolve_scalar
from streamsql.functions.decimal_kernel import set_scale
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, DOUBLE, INTEGER, Decimal
from tests.functions.calls import StatementError, compute, connect, lower, over_rows
from tests.functions.java import ask
from tests.functions.test_cast import doubles, java_double

WIDE = Context(prec=800, rounding=ROUND_HALF_UP)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as found:
        yield found


def constant(value: int) -> TypedSql:
    return TypedSql(sql=f"({value})::INTEGER", type=INTEGER, constant=True, literal=value)


def test_round_to_whole_numbers_is_math_round(con: duckdb.DuckDBPyConnection) -> None:
    values = [
        0.49999999999999994,
        0.5,
        -0.5,
        1.5,
        -1.5,
        2.5,
        -2.5,
        4503599627370497.5,
        *doubles(21, 200),
    ]
    found = over_rows(con, [DOUBLE], [[x] for x in values], lambda c: resolve_scalar("ROUND", [c]))
    assert [str(v) for v in found] == ask([("round", java_double(x)) for x in values])


def scaled(x: float, places: int, mode: str) -> float | None:
    """BigDecimal.valueOf(x).setScale(places), ties towards +∞ or cut."""
    if not math.isfinite(x):
        return None
    rounding = ROUND_HALF_UP if x > 0 else ROUND_HALF_DOWN
    exponent = PyDecimal(1).scaleb(-places)
    chosen = ROUND_DOWN if mode == "TRUNC" else rounding
    return float(PyDecimal(repr(x)).quantize(exponent, chosen, WIDE))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ROUND", "TRUNC"])
@pytest.mark.parametrize("places", [0, 1, 2, 5, 13, 20, 25, -1, -3])
def test_doubles_are_scaled_by_their_decimal_digits(
    con: duckdb.DuckDBPyConnection, name: str, places: int
) -> None:
    r = random.Random(places)
    values = [
        1.005,
        -1.005,
        0.125,
        -0.125,
        2.675,
        1e15,
        1e16,
        123456789012345.6,
        -5.5,
        1e-7,
        *doubles(22, 150),
    ]
    values += [r.randint(-10000, 10000) / 8 for _ in range(100)]
    wanted = [scaled(x, places, name) for x in values]
    rows = [[x] for x in values]
    literal = over_rows(con, [DOUBLE], rows, lambda c: resolve_scalar(name, [c, constant(places)]))
    assert literal == wanted
    pairs = [[x, places] for x in values]
    column = over_rows(con, [DOUBLE, INTEGER], pairs, lambda c, n: resolve_scalar(name, [c, n]))
    assert column == wanted


@pytest.mark.parametrize("name", ["ROUND", "TRUNC"])
@pytest.mark.parametrize("size", [(33, 16), (12, 7), (5, 5), (9, 0), (38, 2)])
def test_decimals_keep_their_type(
    con: duckdb.DuckDBPyConnection, name: str, size: tuple[int, int]
) -> None:
    precision, scale = size
    r = random.Random(f"{name}{size}")
    top = 10**precision // 11
    values = [PyDecimal(r.randint(-top, top)).scaleb(-scale, WIDE) for _ in range(60)]
    values += [
        PyDecimal(n * 5).scaleb(-min(scale, 2), WIDE) for n in range(-3, 4) if precision - scale > 2
    ]
    values = [v.quantize(PyDecimal(1).scaleb(-scale), context=WIDE) for v in values]
    for places in (0, 1, 2, 10, -1, -2):
        check_scaled(con, name, Decimal(precision, scale), values, places)


def check_scaled(
    con: duckdb.DuckDBPyConnection, name: str, type_: Decimal, values: list[PyDecimal], places: int
) -> None:
    rows = [[v] for v in values]
    found = over_rows(con, [type_], rows, lambda c: resolve_scalar(name, [c, constant(places)]))
    for value, mine in zip(values, found, strict=True):
        rounding = ROUND_HALF_UP if value > 0 else ROUND_HALF_DOWN
        wanted = value
        if places < type_.scale:
            chosen = ROUND_DOWN if name == "TRUNC" else rounding
            wanted = value.quantize(PyDecimal(1).scaleb(-places), chosen, WIDE)
            wanted = wanted.quantize(value, context=WIDE)
        if abs(wanted) >= PyDecimal(10) ** (type_.precision - type_.scale):
            assert mine is None
        else:
            assert mine == wanted, (value, places)
            assert isinstance(mine, PyDecimal)
            assert mine.as_tuple().exponent == -type_.scale


def test_round_of_a_decimal_drops_the_scale(con: duckdb.DuckDBPyConnection) -> None:
    call = resolve_scalar("ROUND", [TypedSql(sql="c0", type=Decimal(33, 16))])
    assert call.type == Decimal(17, 0)
    rows = [[PyDecimal(t)] for t in ("-1.5", "-1.51", "1.5", "0.4")]
    found = over_rows(con, [Decimal(6, 2)], rows, lambda c: resolve_scalar("ROUND", [c]))
    assert found == [PyDecimal(-1), PyDecimal(-2), PyDecimal(2), PyDecimal(0)]


def test_set_scale_of_far_places() -> None:
    assert set_scale("1e300", -299, "HALF") == str(10**300)
    assert set_scale("15", -1, "DOWN") == "10"
    assert set_scale("-15", -1, "HALF") == "-10"


ONE = {
    "SQRT": math.sqrt,
    "CBRT": math.cbrt,
    "EXP": math.exp,
    "LN": math.log,
    "LOG": math.log,
    "SIN": math.sin,
    "COS": math.cos,
    "TAN": math.tan,
    "ASIN": math.asin,
    "ACOS": math.acos,
    "ATAN": math.atan,
    "SINH": math.sinh,
    "COSH": math.cosh,
    "TANH": math.tanh,
    "DEGREES": math.degrees,
    "RADIANS": math.radians,
}


@pytest.mark.parametrize("name", list(ONE))
def test_functions_of_one_double(con: duckdb.DuckDBPyConnection, name: str) -> None:
    r = random.Random(name)
    values = [0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 1e3, -1e3, *(r.uniform(-20, 20) for _ in range(200))]
    found = over_rows(con, [DOUBLE], [[x] for x in values], lambda c: resolve_scalar(name, [c]))
    for x, mine in zip(values, found, strict=True):
        assert close(mine, number(ONE[name], x)), (name, x, mine)


def number(function: Callable[[float], float], x: float) -> float | str:
    try:
        value = function(x)
    except ValueError:
        return "-Infinity" if x == 0 else "NaN"
    except OverflowError:
        return "Infinity" if function is not math.sinh or x > 0 else "-Infinity"
    return value


def close(mine: object, wanted: float | str) -> bool:
    if isinstance(wanted, str) or isinstance(mine, str):
        return mine == wanted
    return isinstance(mine, float) and math.isclose(mine, wanted, rel_tol=1e-14, abs_tol=1e-15)


def test_ends(con: duckdb.DuckDBPyConnection) -> None:
    lowest = [[-(2**31)], [2**31 - 1], [0]]
    found = over_rows(con, [INTEGER], lowest, lambda c: resolve_scalar("ABS", [c]))
    assert found == [-(2**31), 2**31 - 1, 0]
    found = over_rows(con, [BIGINT], [[-(2**63)]], lambda c: resolve_scalar("ABS", [c]))
    assert found == [-(2**63)]
    rows = [[PyDecimal("9.95")], [PyDecimal("-9.95")]]
    found = over_rows(con, [Decimal(3, 2)], rows, lambda c: resolve_scalar("CEIL", [c]))
    assert found == [None, PyDecimal("-9.00")]
    for call in ("LOG(0, 13)", "LOG(1, 13)", "LOG(-15, 13)", "LOG(15, -13)"):
        assert compute(con, lower(call)) == "NaN"
    assert compute(con, lower("LOG(15, 0)")) == "-Infinity"
    assert compute(con, lower("SIGN(CAST('NaN' AS DOUBLE))")) == 0


def test_distances(con: duckdb.DuckDBPyConnection) -> None:
    r = random.Random(31)
    rows = [
        [r.uniform(-90, 90), r.uniform(-180, 180), r.uniform(-90, 90), r.uniform(-180, 180)]
        for _ in range(100)
    ]
    found = over_rows(con, [DOUBLE] * 4, rows, lambda *c: resolve_scalar("GEO_DISTANCE", c))
    for row, mine in zip(rows, found, strict=True):
        assert isinstance(mine, float)
        assert math.isclose(mine, 6371 * angle(*row), rel_tol=1e-6, abs_tol=1e-3)
    for unit, wanted in (
        ("'MI'", 3959),
        ("' Miles '", 3959),
        ("'kilometres'", 6371),
        ("NULL", 6371),
    ):
        value = compute(con, lower(f"GEO_DISTANCE(0, 0, 0, 90, {unit})"))
        assert isinstance(value, float)
        assert math.isclose(value, wanted * math.pi / 2)
    assert compute(con, lower("GEO_DISTANCE(0, 0, 0, 90, 'feet')")) is None
    assert compute(con, lower("GEO_DISTANCE(91, 0, 0, 90)")) is None
    assert compute(con, lower("GEO_DISTANCE(1, 0, 0, NULL)")) is None


def angle(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    a, b, c, d = map(math.radians, (lat1, lon1, lat2, lon2))
    x, y = (
        [math.cos(p) * math.cos(q), math.cos(p) * math.sin(q), math.sin(p)]
        for p, q in ((a, b), (c, d))
    )
    return math.acos(max(-1.0, min(1.0, sum(i * j for i, j in zip(x, y, strict=True)))))


def test_random_is_the_record_s(con: duckdb.DuckDBPyConnection) -> None:
    call = lower("RANDOM()")
    assert call.columns == {"_row"}
    assert not call.constant
    sql = f"SELECT {call.sql} FROM (SELECT unnest(range(4000))::VARCHAR AS _row)"
    values = [row[0] for row in con.execute(sql).fetchall()]
    assert values == [row[0] for row in con.execute(sql).fetchall()]
    assert len(set(values)) == len(values)
    assert all(0 <= v < 1 for v in values)
    assert abs(sum(values) / len(values) - 0.5) < 0.03
    both = lower("RANDOM() + RANDOM()")
    row = con.execute(f"SELECT {both.sql}, 2 * {call.sql} FROM (SELECT '1 2' AS _row)")
    first, second = row.fetchall()[0]
    assert first != second


def test_the_greatest_and_the_least(con: duckdb.DuckDBPyConnection) -> None:
    assert compute(con, lower("GREATEST(1.25, 10.5, NULL)")) == PyDecimal("10.50")
    assert lower("GREATEST(1.25, 10.5, NULL)").type == Decimal(4, 2)
    assert compute(con, lower("LEAST(CAST('2022-06-14' AS DATE), '2022-06-13')")) == 19156
    for call in ("GREATEST(1, 2147483648)", "LEAST(NULL, NULL)"):
        with pytest.raises(StatementError) as caught:
            lower(call)
        assert "ambiguous method parameters" in caught.value.primary
    with pytest.raises(StatementError) as caught:
        lower("LEAST('a', 1)")
    assert caught.value.primary == "Function 'least' does not accept parameters (STRING, INTEGER)."
    assert "least(INT, INT...)" in caught.value.detail
