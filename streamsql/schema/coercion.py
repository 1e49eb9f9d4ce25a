"""What may be read as what without being asked, the type of a list of values, and of decimal
arithmetic.

INTEGER → BIGINT → DECIMAL → DOUBLE, NULL → anything, ARRAY, MAP and STRUCT by their parts (ksqlDB
docs: type-coercion). What literals may turn into besides is the binder's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from streamsql.schema.cast import cast, convert
from streamsql.schema.duck import duckdb_type
from streamsql.schema.typed import TypedSql, compose, contain
from streamsql.schema.types import (
    BIGINT,
    DOUBLE,
    INTEGER,
    NULL,
    Array,
    Decimal,
    Field,
    Map,
    SqlType,
    Struct,
    is_numeric,
)

__all__ = ["as_decimal", "can_widen", "cast", "common_type", "decimal_result", "widen"]


def as_decimal(type_: SqlType) -> Decimal | None:
    """The decimal that holds every value of a type: INTEGER (10, 0), BIGINT (19, 0); None for other
    types."""
    if isinstance(type_, Decimal):
        return type_
    if type_ == INTEGER:
        return Decimal(10, 0)
    return Decimal(19, 0) if type_ == BIGINT else None


def can_widen(source: SqlType, target: SqlType) -> bool:
    """Whether every value of `source` is one of `target` (a DOUBLE may be inexact)."""
    match source, target:
        case _ if target in (source, DOUBLE) and (source == target or is_numeric(source)):
            return True
        case _ if source == NULL:
            return True
        case Array(a), Array(b):
            return can_widen(a, b)
        case Map(ka, va), Map(kb, vb):
            return can_widen(ka, kb) and can_widen(va, vb)
        case Struct(fields), Struct():
            pairs = ((f.type, target.field(f.name)) for f in fields)
            return all(own is not None and can_widen(theirs, own.type) for theirs, own in pairs)
        case _, Decimal(precision, scale):
            own = as_decimal(source)
            return (
                own is not None
                and own.scale <= scale
                and own.precision - own.scale <= precision - scale
            )
        case _:
            return (source, target) == (INTEGER, BIGINT)


def widen(expr: TypedSql, target: SqlType) -> TypedSql | None:
    """`expr` as the wider `target`; None where that is not possible without a CAST."""
    if expr.type == target:
        return expr
    if not can_widen(expr.type, target):
        return None
    if expr.type == NULL:
        return replace(expr, sql=f"NULL::{duckdb_type(target)}", type=target)
    source = contain(expr)
    sql = _widened(source.sql, expr.type, target)
    return replace(compose(sql, target, source), literal=expr.literal)


def _widened(sql: str, source: SqlType, target: SqlType) -> str:
    if is_numeric(source):
        return f"CAST({sql} AS {duckdb_type(target)})"
    return convert(sql, source, target)


def common_type(types: Iterable[SqlType]) -> SqlType | None:
    """The narrowest type that all widen to; NULL where all are NULL or there are none, None where
    there is none."""
    result: SqlType = NULL
    for type_ in types:
        found = _common(result, type_)
        if found is None:
            return None
        result = found
    return result


def _common(a: SqlType, b: SqlType) -> SqlType | None:
    match a, b:
        case _ if b in (NULL, a):
            return a
        case _ if a == NULL:
            return b
        case Array(x), Array(y):
            element = _common(x, y)
            return None if element is None else Array(element)
        case Map(kx, vx), Map(ky, vy):
            key, value = _common(kx, ky), _common(vx, vy)
            return None if key is None or value is None else Map(key, value)
        case Struct(), Struct():
            return _common_struct(a, b)
        case _ if is_numeric(a) and is_numeric(b):
            return _common_number(a, b)
        case _:
            return None


def _common_struct(a: Struct, b: Struct) -> Struct | None:
    fields = {f.name: f.type for f in a.fields}
    for field in b.fields:
        found = _common(fields.get(field.name, NULL), field.type)
        if found is None:
            return None
        fields[field.name] = found
    return Struct(tuple(Field(name, type_) for name, type_ in fields.items()))


def _common_number(a: SqlType, b: SqlType) -> SqlType:
    if DOUBLE in (a, b):
        return DOUBLE
    if not isinstance(a, Decimal) and not isinstance(b, Decimal):
        return BIGINT
    x, y = as_decimal(a), as_decimal(b)
    assert x is not None
    assert y is not None
    scale = max(x.scale, y.scale)
    whole = max(x.precision - x.scale, y.precision - y.scale)
    return Decimal(whole + scale, scale)


def decimal_result(op: str, left: Decimal, right: Decimal) -> Decimal:
    """The type of `left op right` (ksqlDB: the rules of SQL Server, without its limit of 38
    digits)."""
    p, s, q, t = left.precision, left.scale, right.precision, right.scale
    if op in ("+", "-"):
        return Decimal(max(s, t) + max(p - s, q - t) + 1, max(s, t))
    if op == "*":
        return Decimal(p + q + 1, s + t)
    if op == "/":
        scale = max(6, s + q + 1)
        return Decimal(p - s + t + scale, scale)
    return Decimal(min(p - s, q - t) + max(s, t), max(s, t))
