"""+ - * / % and the unary minus against Python's whole numbers, floats and decimals."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Context, DivisionByZero, InvalidOperation, localcontext
from decimal import Decimal as PyDecimal

import duckdb
import pytest

from streamsql.errors import UnsupportedError
from streamsql.schema.arithmetic import arithmetic, negate, result_type
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    NULL,
    STRING,
    Decimal,
    SqlType,
)
from tests.functions.calls import StatementError, connect, over_rows, typed

WIDE = Context(prec=200, rounding=ROUND_HALF_UP)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as found:
        yield found


def wrap(value: int, bits: int) -> int:
    half = 2 ** (bits - 1)
    return (value + half) % (2 * half) - half


def truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def whole(op: str, a: int, b: int) -> int | None:
    if op in "/%" and b == 0:
        return None
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return truncated(a, b)
        case _:
            return a - b * truncated(a, b)


@pytest.mark.parametrize("op", list("+-*/%"))
@pytest.mark.parametrize("types", [(INTEGER, INTEGER), (INTEGER, BIGINT), (BIGINT, BIGINT)])
def test_whole_numbers_wrap(
    con: duckdb.DuckDBPyConnection, op: str, types: tuple[SqlType, SqlType]
) -> None:
    r = random.Random(op)
    sizes = [32 if t == INTEGER else 64 for t in types]
    ends = [[0, 1, -1, 2, -2, 7, 2 ** (n - 1) - 1, -(2 ** (n - 1))] for n in sizes]
    rows = [(a, b) for a in ends[0] for b in ends[1]]
    rows += [tuple(r.randint(-(2 ** (n - 1)), 2 ** (n - 1) - 1) for n in sizes) for _ in range(100)]
    found = over_rows(con, types, rows, lambda a, b: arithmetic(op, a, b))
    for (a, b), value in zip(rows, found, strict=True):
        wanted = whole(op, a, b)
        assert value == (None if wanted is None else wrap(wanted, max(sizes))), (a, op, b)


def test_negation_wraps(con: duckdb.DuckDBPyConnection) -> None:
    rows = [[v] for v in (0, 1, -(2**31), 2**31 - 1)]
    assert over_rows(con, [INTEGER], rows, negate) == [0, -1, -(2**31), -(2**31) + 1]
    rows = [[v] for v in (5, -(2**63))]
    assert over_rows(con, [BIGINT], rows, negate) == [-5, -(2**63)]
    assert over_rows(con, [Decimal(3, 1)], [[PyDecimal("9.5")]], negate) == [PyDecimal("-9.5")]


SIZES = [(4, 2), (10, 0), (9, 9), (20, 6), (5, 1)]


def decimals(r: random.Random, precision: int, scale: int) -> list[PyDecimal]:
    top = 10**precision - 1
    numbers = [0, 1, -1, top, -top, *(r.randint(-top, top) for _ in range(8))]
    return [PyDecimal(n).scaleb(-scale, WIDE) for n in numbers]


@pytest.mark.slow
@pytest.mark.parametrize("op", list("+-*/%"))
@pytest.mark.parametrize("left", SIZES)
@pytest.mark.parametrize("right", SIZES)
def test_decimals(
    con: duckdb.DuckDBPyConnection, op: str, left: tuple[int, int], right: tuple[int, int]
) -> None:
    types = Decimal(*left), Decimal(*right)
    type_ = result_type(op, *types)
    assert isinstance(type_, Decimal)
    if type_.precision > 38:
        pytest.skip("wider than DuckDB's decimals")
    r = random.Random(f"{op}{left}{right}")
    rows = [(a, b) for a in decimals(r, *left) for b in decimals(r, *right)]
    found = over_rows(con, types, rows, lambda a, b: arithmetic(op, a, b))
    for (a, b), value in zip(rows, found, strict=True):
        wanted = exact(op, a, b, type_)
        if wanted is not None and abs(wanted) >= PyDecimal(10) ** (type_.precision - type_.scale):
            wanted = None
        assert value == wanted, (a, op, b)
        if isinstance(value, PyDecimal):
            assert value.as_tuple().exponent == -type_.scale


def exact(op: str, a: PyDecimal, b: PyDecimal, type_: Decimal) -> PyDecimal | None:
    with localcontext(WIDE):
        try:
            value = {"+": a.__add__, "-": a.__sub__, "*": a.__mul__, "%": a.__mod__}.get(
                op, a.__truediv__
            )(b)
        except (DivisionByZero, InvalidOperation):
            return None
        return value.quantize(PyDecimal(1).scaleb(-type_.scale))


def test_types_of_results() -> None:
    small, large = Decimal(4, 2), Decimal(6, 1)
    assert result_type("+", small, large) == Decimal(8, 2)
    assert result_type("*", small, large) == Decimal(11, 3)
    assert result_type("/", small, large) == Decimal(12, 9)
    assert result_type("%", small, large) == Decimal(4, 2)
    assert result_type("+", INTEGER, small) == Decimal(13, 2)
    assert result_type("+", BIGINT, small) == Decimal(22, 2)
    assert result_type("-", small, DOUBLE) == DOUBLE
    assert result_type("*", INTEGER, BIGINT) == BIGINT
    assert result_type("+", STRING, STRING) == STRING
    assert result_type("+", NULL, INTEGER) == INTEGER


@pytest.mark.parametrize("types", [(STRING, INTEGER), (BOOLEAN, BOOLEAN), (DATE, INTEGER)])
def test_what_cannot_be_computed(types: tuple[SqlType, SqlType]) -> None:
    with pytest.raises(StatementError) as caught:
        result_type("+", *types)
    left, right = types
    assert caught.value.primary == f"Unsupported arithmetic types. {left.base} {right.base}"
    with pytest.raises(StatementError):
        result_type("-", STRING, STRING)


def test_a_product_of_too_many_digits_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError) as caught:
        result_type("*", Decimal(38, 20), Decimal(38, 20))
    assert "38 digits" in caught.value.primary


def test_a_quotient_of_wide_decimals_keeps_six_decimals_at_least(
    con: duckdb.DuckDBPyConnection,
) -> None:
    wide = Decimal(38, 4)
    assert result_type("/", wide, wide) == Decimal(38, 6)
    assert result_type("/", Decimal(20, 18), Decimal(20, 1)) == Decimal(38, 35)
    found = over_rows(con, [BIGINT, Decimal(19, 0)], [(5, 2)], lambda a, b: arithmetic("/", a, b))
    assert found == [PyDecimal("2.50000000000000000000")]


@pytest.mark.parametrize("op", list("+-*/%"))
def test_doubles(con: duckdb.DuckDBPyConnection, op: str) -> None:
    r = random.Random(11)
    ends = [0.0, -0.0, 1.5, -7.5, 1e308, math.inf, -math.inf, math.nan]
    rows = [(a, b) for a in ends for b in ends]
    rows += [(r.uniform(-1e3, 1e3), r.uniform(-1e3, 1e3)) for _ in range(50)]
    found = over_rows(con, [DOUBLE, DOUBLE], rows, lambda a, b: arithmetic(op, a, b))
    for (a, b), value in zip(rows, found, strict=True):
        assert value == ieee(op, a, b), (a, op, b)


def ieee(op: str, a: float, b: float) -> float | str:
    try:
        match op:
            case "+":
                value = a + b
            case "-":
                value = a - b
            case "*":
                value = a * b
            case "/":
                value = a / b
            case _:
                value = math.fmod(a, b)
    except ZeroDivisionError:
        value = math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a)
        value = value * math.copysign(1, b)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def test_mixed_numbers(con: duckdb.DuckDBPyConnection) -> None:
    rows = [(PyDecimal("1.25"), 2.0)]
    types = [Decimal(3, 2), DOUBLE]
    assert over_rows(con, types, rows, lambda a, b: arithmetic("*", a, b)) == [2.5]
    rows = [(PyDecimal("1.25"), 3)]
    types = [Decimal(3, 2), INTEGER]
    assert over_rows(con, types, rows, lambda a, b: arithmetic("+", a, b)) == [PyDecimal("4.25")]


def test_strings_are_joined(con: duckdb.DuckDBPyConnection) -> None:
    rows = [("a", "b"), ("a", None)]
    found = over_rows(con, [STRING, STRING], rows, lambda a, b: arithmetic("+", a, b))
    assert found == ["ab", None]


def test_null_beside_an_operator(con: duckdb.DuckDBPyConnection) -> None:
    rows = [(1, None)]
    types = [INTEGER, INTEGER]
    assert over_rows(con, types, rows, lambda a, b: arithmetic("+", a, b)) == [None]
    strict = arithmetic("+", typed(1, INTEGER), typed(None, INTEGER), strict=True)
    assert strict.throws
    with pytest.raises(duckdb.ConversionException, match="NULL beside"):
        con.execute(f"SELECT {strict.sql}").fetchall()
    null = TypedSql(sql="NULL", type=NULL, constant=True)
    assert arithmetic("+", null, typed(1, BIGINT)).type == BIGINT


def test_a_nest_of_operators_stays_short() -> None:
    expr = typed(1, BIGINT)
    for op in "+-*/%" * 6:
        expr = arithmetic(op, expr, typed(3, BIGINT))
    assert len(expr.sql) < 6_000
