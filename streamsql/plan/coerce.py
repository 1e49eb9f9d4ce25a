"""Gives the items of a list one type, as ksqlDB does for ARRAY, MAP, IN, BETWEEN and CASE
(type-coercion).

The type is that of the first item that is not NULL, widened by the others. A literal may be read as
that type: the string '10' beside numbers, the number 10 beside strings; an expression may only be
widened.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal as PyDecimal
from decimal import InvalidOperation

from streamsql.errors import StatementError
from streamsql.schema import coercion
from streamsql.schema.duck import literal
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
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
    is_numeric,
)
from streamsql.sql import expr as ast
from streamsql.sql import format as format_sql

_LITERALS = (
    ast.BooleanLiteral,
    ast.IntegerLiteral,
    ast.DecimalLiteral,
    ast.DoubleLiteral,
    ast.StringLiteral,
)
_TRUE = ("t", "tr", "tru", "true", "y", "ye", "yes")
_FALSE = ("f", "fa", "fal", "fals", "false", "n", "no")
Item = tuple[ast.Expr, TypedSql]


def unify(items: Sequence[Item]) -> tuple[SqlType, list[TypedSql]] | None:
    """The common type and every item as that type; None where all are NULL. StatementError where
    they do not fit."""
    common: SqlType = NULL
    for expr, typed in items:
        common = _widened(common, expr, typed.type)
    if common == NULL:
        return None
    return common, [as_type(common, expr, typed) for expr, typed in items]


def _misfit(common: SqlType, expr: ast.Expr, type_: SqlType) -> StatementError:
    return StatementError(
        f"operator does not exist: {common} = {type_} ({format_sql(expr)})",
        hint="Hint: You might need to add explicit type casts.",
        position=expr.position,
    )


def _bad_literal(type_: SqlType, expr: ast.StringLiteral) -> StatementError:
    return StatementError(
        f'invalid input syntax for type {type_.base}: "{expr.value}".', position=expr.position
    )


def _widened(common: SqlType, expr: ast.Expr, type_: SqlType) -> SqlType:
    """`common` made wide enough for `expr`."""
    if type_ in (NULL, common):
        return common
    if common == NULL:
        return type_
    if isinstance(expr, ast.StringLiteral) and common != STRING:
        return _widened_by_text(common, expr)
    if common == STRING and isinstance(expr, _LITERALS):
        return STRING
    nested = _widened_nested(common, expr, type_)
    if nested is not None:
        return nested
    found = coercion.common_type((common, type_))
    if found is None:
        raise _misfit(common, expr, type_)
    return found


def _widened_nested(common: SqlType, expr: ast.Expr, type_: SqlType) -> SqlType | None:
    """For a constructor, item by item, so that its literals are read as the common type's parts."""
    if isinstance(expr, ast.ArrayCtor) and isinstance(common, Array) and isinstance(type_, Array):
        element = common.element
        for item in expr.items:
            element = _widened(element, item, literal_type(item, type_.element))
        return Array(element)
    if isinstance(expr, ast.MapCtor) and isinstance(common, Map) and isinstance(type_, Map):
        key, value = common.key, common.value
        for k, v in expr.entries:
            key = _widened(key, k, literal_type(k, type_.key))
            value = _widened(value, v, literal_type(v, type_.value))
        return Map(key, value)
    if (
        isinstance(expr, ast.StructCtor)
        and isinstance(common, Struct)
        and isinstance(type_, Struct)
    ):
        fields = {f.name: f.type for f in common.fields}
        for name, item in expr.fields:
            own = type_.field(name)
            if own is not None:
                fields[name] = _widened(fields.get(name, NULL), item, own.type)
        return Struct(tuple(Field(n, t) for n, t in fields.items()))
    return None


def literal_type(expr: ast.Expr, otherwise: SqlType) -> SqlType:
    """The own type of a literal inside a constructor whose items were already given one type."""
    match expr:
        case ast.StringLiteral():
            return STRING
        case ast.NullLiteral():
            return NULL
        case ast.BooleanLiteral():
            return BOOLEAN
        case _:
            return otherwise


def _widened_by_text(common: SqlType, expr: ast.StringLiteral) -> SqlType:
    if is_numeric(common):
        return coercion.common_type((common, _number_type(common, expr))) or common
    if common in (BOOLEAN, TIMESTAMP, DATE, TIME):
        _check_text(common, expr)
        return common
    raise _misfit(common, expr, STRING)


def _number_type(common: SqlType, expr: ast.StringLiteral) -> SqlType:
    """The narrowest number that the text is."""
    try:
        value = PyDecimal(expr.value.strip())
    except InvalidOperation:
        raise _bad_literal(common, expr) from None
    if not value.is_finite():
        return DOUBLE
    if "e" in expr.value.lower() or common == DOUBLE:
        return DOUBLE
    digits, exponent = value.as_tuple()[1:]
    if int(exponent) < 0:
        return Decimal(max(len(digits), -int(exponent)), -int(exponent))
    if -(2**31) <= value < 2**31:
        return INTEGER
    return BIGINT if -(2**63) <= value < 2**63 else Decimal(len(digits), 0)


def _check_text(type_: SqlType, expr: ast.StringLiteral) -> None:
    if type_ == BOOLEAN and expr.value.lower() not in _TRUE + _FALSE:
        raise _bad_literal(type_, expr)


def as_type(target: SqlType, expr: ast.Expr, typed: TypedSql) -> TypedSql:
    """`typed` as `target`; literals are read, expressions widened."""
    if typed.type == target:
        return typed
    if isinstance(expr, ast.StringLiteral) and target != STRING:
        return _text_as(target, expr)
    if target == STRING and isinstance(expr, _LITERALS):
        return TypedSql(sql=literal(_java_text(expr)), type=STRING, constant=True)
    nested = _constructor_as(target, expr, typed)
    if nested is not None:
        return nested
    widened = coercion.widen(typed, target)
    if widened is None:
        raise _misfit(target, expr, typed.type)
    return widened


def _java_text(expr: ast.Expr) -> str:
    value: object = getattr(expr, "value", "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text_as(target: SqlType, expr: ast.StringLiteral) -> TypedSql:
    text = TypedSql(sql=literal(expr.value), type=STRING, constant=True, literal=expr.value)
    if target == BOOLEAN:
        _check_text(target, expr)
        true = expr.value.lower() in _TRUE
        return TypedSql(sql=str(true).upper(), type=BOOLEAN, constant=True, literal=true)
    if is_numeric(target):
        _number_type(target, expr)
        return coercion.cast(text, target)
    if target in (TIMESTAMP, DATE, TIME):
        return coercion.cast(text, target)
    raise _misfit(target, expr, STRING)


def _constructor_as(target: SqlType, expr: ast.Expr, typed: TypedSql) -> TypedSql | None:
    """A constructor whose literals have to be read again as the target's parts; None where widening
    is enough."""
    from_text = isinstance(expr, ast.ArrayCtor | ast.MapCtor | ast.StructCtor)
    if not from_text or coercion.widen(typed, target) is not None:
        return None
    try:
        return coercion.cast(typed, target)
    except StatementError:
        raise _misfit(target, expr, typed.type) from None
