"""Lowers `+ - * / %` and the unary minus with ksqlDB's result types and Java's behaviour.

INTEGER and BIGINT wrap around as int and long do, division truncates towards zero, a DOUBLE divided
by zero is Infinity. What Java throws for raises in DuckDB: an integer or decimal divided by zero, a
decimal that does not fit its type. `+` of two STRINGs joins them.
"""

from __future__ import annotations

from decimal import Decimal as PyDecimal

from streamsql.errors import StatementError, UnsupportedError
from streamsql.schema.cast import convert
from streamsql.schema.coercion import as_decimal, decimal_result
from streamsql.schema.duck import DECIMAL_PRECISION_MAX, duckdb_type
from streamsql.schema.text import fail_with, let, wrap_bigint, wrap_integer
from streamsql.schema.typed import TypedSql, compose, contain
from streamsql.schema.types import (
    BIGINT,
    DOUBLE,
    INTEGER,
    NULL,
    STRING,
    Decimal,
    SqlType,
    is_numeric,
)

_NAMES = {"+": "ADD", "-": "SUBTRACT", "*": "MULTIPLY", "/": "DIVIDE", "%": "MODULUS"}


def result_type(op: str, left: SqlType, right: SqlType) -> SqlType:
    """The type of `left op right`; StatementError where ksqlDB has none."""
    if NULL in (left, right) and left != right:
        return result_type(op, *((right, right) if left == NULL else (left, left)))
    if op == "+" and left == right == STRING:
        return STRING
    if not (is_numeric(left) and is_numeric(right)):
        raise StatementError(
            f"Unsupported arithmetic types. {left.base} {right.base}",
            detail=f"{_NAMES[op]} takes two numbers{', or two STRINGs' if op == '+' else ''}",
        )
    if DOUBLE in (left, right):
        return DOUBLE
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        return _decimal_type(op, left, right)
    return BIGINT if BIGINT in (left, right) else INTEGER


def _decimal_type(op: str, left: SqlType, right: SqlType) -> Decimal:
    """ksqlDB's type, with the scale of a quotient cut where DuckDB's 38 digits could not hold
    it."""
    a, b = as_decimal(left), as_decimal(right)
    assert a is not None
    assert b is not None
    found = decimal_result(op, a, b)
    if found.scale <= DECIMAL_PRECISION_MAX:
        return found
    if op != "/":
        raise UnsupportedError(
            f"{left} {op} {right} is {found}: decimals hold {DECIMAL_PRECISION_MAX} digits at most",
            hint="CAST the operands to smaller decimals, or to DOUBLE",
        )
    whole = found.precision - found.scale
    return Decimal(DECIMAL_PRECISION_MAX, max(6, DECIMAL_PRECISION_MAX - whole))


def arithmetic(op: str, left: TypedSql, right: TypedSql, *, strict: bool = False) -> TypedSql:
    """`left op right`.

    `strict`: a NULL operand raises, as it does in ksqlDB, where the whole expression is NULL then;
    a lambda's body is lowered so, since one NULL makes the whole list NULL.
    """
    type_ = result_type(op, left.type, right.type)
    if NULL in (left.type, right.type):
        return TypedSql(sql=f"NULL::{duckdb_type(type_)}", type=type_, constant=True)
    a, b = contain(left), contain(right)
    if type_ == STRING:
        # Java joins "null" for a NULL operand; the SQL rule, NULL, is what ksqlDB's documents
        # promise.
        sql, throws = f"({a.sql} || {b.sql})", False
    elif type_ == DOUBLE:
        x, y = (convert(e.sql, e.type, DOUBLE) for e in (a, b))
        sql, throws = f"({x} {op} {y})", False
    elif isinstance(type_, Decimal):
        sql, throws = _decimal(op, a, b, type_), True
    else:
        sql, throws = _integer(op, a, b, type_), op in "/%"
    if strict:
        sql, throws = f"coalesce({sql}, {fail_with(f'NULL beside {op}', type_)})", True
    return compose(sql, type_, a, b, throws=throws)


def _integer(op: str, left: TypedSql, right: TypedSql, type_: SqlType) -> str:
    wide, wrap = ("BIGINT", wrap_integer) if type_ == INTEGER else ("HUGEINT", wrap_bigint)
    if op in "+-*":
        return wrap(f"(CAST({left.sql} AS {wide}) {op} {right.sql})")
    if op == "/":
        # One digit wider, since the lowest number divided by -1 has no positive twin.
        return wrap(f"(CAST({left.sql} AS {wide}) // {right.sql})")
    return f"CAST(CAST({left.sql} AS {wide}) % {right.sql} AS {type_})"


def _decimal(op: str, left: TypedSql, right: TypedSql, type_: Decimal) -> str:
    a, b = as_decimal(left.type), as_decimal(right.type)
    assert a is not None
    assert b is not None
    target = duckdb_type(type_)
    x, y = convert(left.sql, left.type, a), convert(right.sql, right.type, b)
    if op == "*":
        # DuckDB multiplies in 64 bits where both fit them, and 19 digits do not always fit.
        wide = a.precision + b.precision > 18
        x = f"CAST({x} AS DECIMAL({DECIMAL_PRECISION_MAX},{a.scale}))" if wide else x
        return f"CAST(({x} * {y}) AS {target})"
    if op == "/":
        return _quotient(x, y, a, b, type_)
    # Both with the result's scale; the widest precision, so that nothing overflows on the way.
    same = f"DECIMAL({DECIMAL_PRECISION_MAX},{type_.scale})"
    return f"CAST((CAST({x} AS {same}) {op} CAST({y} AS {same})) AS {target})"


def _quotient(x: str, y: str, a: Decimal, b: Decimal, type_: Decimal) -> str:
    """`x / y` half up at the result's scale, in whole numbers: DuckDB divides decimals as doubles.

    With X and Y the digits of x and y: x / y * 10^scale = X * 10^(scale + y's scale - x's scale) /
    Y.
    """
    power = type_.scale + b.scale - a.scale
    numerator = f"{_digits(x, a)} * {10**power}::HUGEINT"

    def rounded(n: str, d: str) -> str:
        rest = f"abs({n} % {d})"
        up = f"CASE WHEN {rest} >= abs({d}) - {rest} THEN sign({n}) * sign({d}) ELSE 0 END"
        return _shift(f"({n} // {d} + {up})", type_.scale, duckdb_type(type_))

    return let(_digits(y, b), lambda d: let(numerator, lambda n: rounded(n, d)))


def _digits(sql: str, type_: Decimal) -> str:
    """The digits of a decimal as a whole number."""
    if type_.scale == 0:
        return f"CAST({sql} AS HUGEINT)"
    if type_.precision + type_.scale <= DECIMAL_PRECISION_MAX:
        return f"CAST({sql} * {10**type_.scale}::DECIMAL({type_.scale + 1},0) AS HUGEINT)"
    return f"CAST(replace(CAST({sql} AS VARCHAR), '.', '') AS HUGEINT)"


def _shift(whole: str, scale: int, target: str) -> str:
    """A whole number of 10^-scale units as a decimal: times a decimal of which the digits are 1."""
    unit = f"'{PyDecimal(1).scaleb(-scale):f}'::DECIMAL({max(scale, 1)},{scale})"
    return f"CAST(CAST({whole} AS DECIMAL({DECIMAL_PRECISION_MAX},0)) * {unit} AS {target})"


def negate(operand: TypedSql) -> TypedSql:
    """`-operand`: an integer wraps, the lowest one is its own negative."""
    source = contain(operand)
    if source.type == NULL:
        return source
    if source.type == INTEGER:
        sql = wrap_integer(f"(-CAST({source.sql} AS BIGINT))")
    elif source.type == BIGINT:
        sql = wrap_bigint(f"(-CAST({source.sql} AS HUGEINT))")
    else:
        sql = f"(-({source.sql}))"
    return compose(sql, source.type, source)
