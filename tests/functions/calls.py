"""Lowers an expression of an example and computes it: a binder of what examples need.

`compute` gives the value as ksqlDB writes it in JSON: DECIMAL with its scale, DATE in days, TIME
and TIMESTAMP in milliseconds, BYTES in base64, NaN and Infinity as strings.
"""

from __future__ import annotations

import base64
import datetime
import json
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal as PyDecimal

import duckdb

from streamsql import functions
from streamsql.engine.database import _register_kernel
from streamsql.errors import StatementError
from streamsql.functions.registry import ROW, Argument, LambdaArgument
from streamsql.schema import arithmetic, coercion
from streamsql.schema.duck import duckdb_type, literal, quote
from streamsql.schema.typed import LambdaSql, TypedSql, compose, contain
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVALUNIT,
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
from streamsql.sql import expr as ast
from streamsql.sql import parse_expression

NOW_MS = 1_600_000_000_123
EPOCH = datetime.datetime(1970, 1, 1)
Names = Mapping[str, TypedSql]


def connect() -> duckdb.DuckDBPyConnection:
    """A connection with every kernel, set as the engine sets it."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET threads = 1")
    for kernel in functions.KERNELS:
        _register_kernel(con, kernel, [])
    return con


def typed(value: object, type_: SqlType) -> TypedSql:
    """A Python value as text of a type, which is not a literal to functions."""
    return TypedSql(sql=f"CAST({_text(value)} AS {duckdb_type(type_)})", type=type_)


def _text(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).upper()
        case float() if not math.isfinite(value):
            return literal(str(value))
        case float():
            return f"{value!r}::DOUBLE"
        case int():
            return f"({value})"
        case PyDecimal():
            return literal(f"{value:f}")
        case str():
            return literal(value)
        case bytes():
            return f"from_base64('{base64.b64encode(value).decode()}')"
        case list():
            return f"[{', '.join(map(_text, value))}]"
        case dict():
            keys, values = list(value.keys()), list(value.values())
            return f"MAP({_text(keys)}, {_text(values)})"
        case datetime.datetime() | datetime.date() | datetime.time():
            return literal(str(value))
        case _:
            raise TypeError(value)


def lower(text: str, names: Names | None = None) -> TypedSql:
    """The text of an expression of the language."""
    return bind(parse_expression(text), names or {})


def bind(expr: ast.Expr, names: Names) -> TypedSql:
    """The bound form; a name that is no lambda's parameter is a unit word."""
    match expr:
        case ast.ColumnRef(name=name) | ast.Interval(unit=name):
            return names.get(name) or _constant(literal(name), INTERVALUNIT, name)
        case ast.Cast(operand=operand, type=type_):
            return coercion.cast(bind(operand, names), type_)
        case ast.Unary(op=op, operand=operand):
            return _unary(op, bind(operand, names))
        case ast.Binary():
            return _binary(expr, names)
        case ast.ArrayCtor() | ast.MapCtor() | ast.StructCtor():
            return _constructor(expr, names)
        case ast.Call(name=name, args=args):
            arguments = [_argument(a, names) for a in args]
            if functions.is_table_function(name):
                return functions.resolve_table_function(name, arguments, expr.position)
            return functions.resolve_scalar(name, arguments, expr.position)
        case _:
            return _literal(expr)


def _literal(expr: ast.Expr) -> TypedSql:
    match expr:
        case ast.NullLiteral():
            return _constant("NULL", NULL, None)
        case ast.BooleanLiteral(value=value):
            return _constant(str(value).upper(), BOOLEAN, value)
        case ast.IntegerLiteral(value=value):
            type_ = INTEGER if -(2**31) <= value < 2**31 else BIGINT
            return _constant(f"({value})::{type_}", type_, value)
        case ast.DecimalLiteral(value=value):
            digits, exponent = value.as_tuple()[1:]
            type_ = Decimal(max(len(digits), -int(exponent)), max(0, -int(exponent)))
            return _constant(f"({value:f})::{duckdb_type(type_)}", type_, value)
        case ast.DoubleLiteral(value=value):
            return _constant(f"({value!r})::DOUBLE", DOUBLE, value)
        case ast.StringLiteral(value=value):
            return _constant(literal(value), STRING, value)
        case _:
            raise NotImplementedError(type(expr).__name__)


def _unary(op: str, value: TypedSql) -> TypedSql:
    found = arithmetic.negate(value) if op == "-" else value
    if op == "-" and isinstance(value.literal, int | float | PyDecimal):
        return _constant(found.sql, found.type, -value.literal)
    return found


def _constructor(expr: ast.ArrayCtor | ast.MapCtor | ast.StructCtor, names: Names) -> TypedSql:
    match expr:
        case ast.ArrayCtor(items=items):
            values, type_ = _items([bind(i, names) for i in items])
            return compose(f"[{', '.join(v.sql for v in values)}]", Array(type_), *values)
        case ast.MapCtor(entries=entries):
            keys, key = _items([bind(k, names) for k, _ in entries])
            values, value = _items([bind(v, names) for _, v in entries])
            shown_keys, shown_values = (", ".join(v.sql for v in side) for side in (keys, values))
            sql = f"MAP([{shown_keys}], [{shown_values}])"
            return compose(sql, Map(key, value), *keys, *values)
        case ast.StructCtor(fields=fields):
            found = [(name, bind(value, names)) for name, value in fields]
            sql = ", ".join(f"{quote(name)} := {value.sql}" for name, value in found)
            type_ = Struct(tuple(Field(name, value.type) for name, value in found))
            return compose(f"struct_pack({sql})", type_, *(value for _, value in found))


def _constant(sql: str, type_: SqlType, value: object) -> TypedSql:
    return TypedSql(sql=sql, type=type_, constant=True, literal=value)


def _items(values: Sequence[TypedSql]) -> tuple[list[TypedSql], SqlType]:
    type_ = coercion.common_type(v.type for v in values)
    assert type_ is not None
    widened = [coercion.widen(contain(v), type_) for v in values]
    return [v for v in widened if v is not None], type_


def _binary(expr: ast.Binary, names: Names) -> TypedSql:
    left, right = bind(expr.left, names), bind(expr.right, names)
    if expr.op in "+-*/%":
        return arithmetic.arithmetic(expr.op, left, right, strict=bool(names))
    if expr.op in ("AND", "OR"):
        return compose(f"({left.sql} {expr.op} {right.sql})", BOOLEAN, left, right)
    return compose(f"coalesce({left.sql} {expr.op} {right.sql}, FALSE)", BOOLEAN, left, right)


def _argument(expr: ast.Expr, names: Names) -> Argument:
    if not isinstance(expr, ast.Lambda):
        return bind(expr, names)
    parameters = tuple(quote(p) for p in expr.parameters)

    def body(types: Sequence[SqlType]) -> LambdaSql:
        own = {
            name: TypedSql(sql=sql, type=type_)
            for name, sql, type_ in zip(expr.parameters, parameters, types, strict=True)
        }
        return LambdaSql(parameters, bind(expr.body, {**names, **own}))

    return LambdaArgument(len(parameters), body)


def over_rows(
    con: duckdb.DuckDBPyConnection,
    types: Sequence[SqlType],
    rows: Sequence[Sequence[object]],
    call: Callable[..., TypedSql],
) -> list[object]:
    """What `call` of the columns gives for each row, as JSON; NULL where it fails."""
    columns = ", ".join(f"c{i} {duckdb_type(t)}" for i, t in enumerate(types))
    con.execute(f"CREATE OR REPLACE TEMP TABLE given (seq INTEGER, {columns})")
    values = ", ".join(
        f"({n}, {', '.join(typed(v, t).sql for v, t in zip(row, types, strict=True))})"
        for n, row in enumerate(rows)
    )
    con.execute(f"INSERT INTO given VALUES {values}")
    names = [TypedSql(sql=f"c{i}", type=t) for i, t in enumerate(types)]
    expr = call(*names)
    sql = f"TRY({expr.sql})" if expr.throws else expr.sql
    found = con.execute(f"SELECT {sql} FROM given ORDER BY seq").fetchall()
    return [shown(row[0], expr.type) for row in found]


def compute(con: duckdb.DuckDBPyConnection, expr: TypedSql) -> object:
    """The value as ksqlDB writes it in JSON; NULL where the expression fails."""
    sql = f"TRY({expr.sql})" if expr.throws else expr.sql
    query = f"SELECT {sql} FROM (SELECT '3:41' AS {ROW})"
    parameters = {"now": NOW_MS} if "$now" in query else None
    row = con.execute(query, parameters).fetchone()
    assert row is not None
    return shown(row[0], expr.type)


def shown(value: object, type_: SqlType) -> object:
    """A value that DuckDB gave, as JSON."""
    if value is None:
        return None
    match type_:
        case Array(element):
            assert isinstance(value, list)
            return [shown(v, element) for v in value]
        case Map(_, inner):
            assert isinstance(value, dict)
            return {str(k): shown(v, inner) for k, v in value.items()}
        case Struct(fields):
            assert isinstance(value, dict)
            return {f.name: shown(value[f.name], f.type) for f in fields}
        case _ if type_ == DOUBLE:
            assert isinstance(value, float)
            return value if math.isfinite(value) else _NON_FINITE[str(value)]
        case _ if type_ == BYTES:
            assert isinstance(value, bytes)
            return base64.b64encode(value).decode()
        case _ if type_ == DATE and isinstance(value, str):
            return value  # a year that Python's date does not hold
        case _ if type_ == DATE:
            assert isinstance(value, datetime.date)
            return (value - EPOCH.date()).days
        case _ if type_ == TIMESTAMP:
            assert isinstance(value, datetime.datetime)
            return (value - EPOCH) // datetime.timedelta(milliseconds=1)
        case _ if type_ == TIME:
            assert isinstance(value, datetime.time)
            whole = (value.hour * 60 + value.minute) * 60 + value.second
            return whole * 1000 + value.microsecond // 1000
        case _:
            return value


_NON_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def same(found: object, expected: object) -> bool:
    """Equal with the same kind of number: 1 is not 1.0, and a DECIMAL has its scale."""
    if isinstance(expected, PyDecimal):
        if isinstance(found, float):
            return math.isclose(found, float(expected), rel_tol=1e-15)
        return isinstance(found, PyDecimal) and found.as_tuple() == expected.as_tuple()
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(found) == len(expected)
            and all(map(same, found, expected))
        )
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and list(found) == list(expected)
            and all(same(found[k], v) for k, v in expected.items())
        )
    if isinstance(expected, int) and isinstance(found, PyDecimal):
        return found == expected and found.as_tuple().exponent == 0
    return type(found) is type(expected) and found == expected


def read_json(text: str) -> object:
    """The expected result of an example."""
    return json.loads(text, parse_float=PyDecimal)


__all__ = [
    "StatementError",
    "compute",
    "connect",
    "lower",
    "over_rows",
    "read_json",
    "same",
    "typed",
]
