"""Binds an expression: names become columns, types are checked as ksqlDB checks them, text is
DuckDB's.

ksqlDB's rules that differ from SQL's are here: comparison is two-valued (anything compared with
NULL is false), strings compare with pseudo columns of time as timestamps, IN and BETWEEN coerce
literals of strings only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal as PyDecimal

from streamsql import functions
from streamsql.errors import StatementError, UnsupportedError
from streamsql.functions.registry import Argument, LambdaArgument
from streamsql.plan.comparison import compare, contained, distinct, is_between
from streamsql.plan.constructors import bind_array, bind_case, bind_map, bind_struct
from streamsql.plan.rewrite import unqualify
from streamsql.plan.scope import Scope, near_hint
from streamsql.schema import arithmetic, coercion
from streamsql.schema.duck import duckdb_type, literal, quote
from streamsql.schema.typed import LambdaSql, TypedSql, contain
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INTEGER,
    INTERVALUNIT,
    NULL,
    STRING,
    Array,
    Decimal,
    Map,
    SqlType,
    Struct,
    is_numeric,
)
from streamsql.sql import expr as ast
from streamsql.sql import format as format_sql


def bind(expr: ast.Expr, scope: Scope) -> TypedSql:
    """The bound form of `expr`; StatementError with a position where it is wrong."""
    handler = _HANDLERS.get(type(expr))
    if handler is None:
        raise UnsupportedError(f"{format_sql(expr)} is not supported here", position=expr.position)
    try:
        return handler(expr, scope)
    except StatementError as error:
        if error.position is None:
            error.position = expr.position
        raise


def bind_whole(expr: ast.Expr, scope: Scope, written: ast.Expr | None = None) -> TypedSql:
    """The bound form of an expression that an operator computes: it knows how it (or `written`, of
    which it was made) is written, for the processing log."""
    typed = bind(expr, scope)
    if not typed.fallible:
        return typed
    return replace(typed, written=format_sql(unqualify(written or expr)))


def bind_operand(expr: ast.Expr, scope: Scope) -> TypedSql:
    """The bound form beside an operator that takes NULL.

    ksqlDB catches there what a CAST throws, and not what a call throws.
    """
    typed = bind(expr, scope)
    return contain(typed) if isinstance(expr, ast.Cast) else typed


def bind_all(exprs: Sequence[ast.Expr], scope: Scope) -> list[TypedSql]:
    """The bound forms in order."""
    return [bind(e, scope) for e in exprs]


def combine(sql: str, type_: SqlType, *parts: TypedSql, throws: bool = False) -> TypedSql:
    """Text made of `parts`: reads what they read, may fail where they may."""
    return TypedSql(
        sql=sql,
        type=type_,
        throws=throws or any(p.throws for p in parts),
        columns=frozenset[str]().union(*(p.columns for p in parts)),
        constant=all(p.constant for p in parts),
        slow=any(p.slow for p in parts),
    )


def constant(sql: str, type_: SqlType, value: object) -> TypedSql:
    """A literal."""
    return TypedSql(sql=sql, type=type_, constant=True, literal=value)


# ------------------------------------------------------------------ literals and names


def _null(_: ast.Expr, __: Scope) -> TypedSql:
    return constant("NULL", NULL, None)


def _boolean(expr: ast.BooleanLiteral, _: Scope) -> TypedSql:
    return constant("TRUE" if expr.value else "FALSE", BOOLEAN, expr.value)


def _integer(expr: ast.IntegerLiteral, _: Scope) -> TypedSql:
    type_ = INTEGER if -(2**31) <= expr.value < 2**31 else BIGINT
    return constant(f"({expr.value})::{type_}", type_, expr.value)


def _decimal(expr: ast.DecimalLiteral, _: Scope) -> TypedSql:
    type_ = decimal_type(expr.value)
    return constant(f"({expr.value:f})::{duckdb_type(type_)}", type_, expr.value)


def decimal_type(value: PyDecimal) -> Decimal:
    """The narrowest DECIMAL that holds a literal, as Java's BigDecimal counts its digits."""
    digits, exponent = value.as_tuple()[1:]
    scale = max(0, -int(exponent))
    return Decimal(max(len(digits), scale), scale)


def _double(expr: ast.DoubleLiteral, _: Scope) -> TypedSql:
    return constant(f"({expr.value!r})::DOUBLE", DOUBLE, expr.value)


def _string(expr: ast.StringLiteral, _: Scope) -> TypedSql:
    return constant(literal(expr.value), STRING, expr.value)


def _column(expr: ast.ColumnRef, scope: Scope) -> TypedSql:
    return scope.resolve(expr)


def _interval(expr: ast.Interval, _: Scope) -> TypedSql:
    return constant(literal(expr.unit), INTERVALUNIT, expr.unit)


# ------------------------------------------------------------------ access


def _field(expr: ast.FieldRef, scope: Scope) -> TypedSql:
    base = bind(expr.base, scope)
    if not isinstance(base.type, Struct):
        raise StatementError(
            f"Expected STRUCT type, got: {base.type}",
            detail=f"{format_sql(expr.base)} has no fields",
        )
    found = base.type.field(expr.name)
    if found is None:
        raise StatementError(
            f"No such struct field: {expr.name}",
            detail=f"{format_sql(expr.base)} is {base.type}",
            hint=near_hint(expr.name, [f.name for f in base.type.fields]),
        )
    return combine(f"struct_extract({base.sql}, {literal(found.name)})", found.type, base)


def _subscript(expr: ast.Subscript, scope: Scope) -> TypedSql:
    base, index = bind(expr.base, scope), bind(expr.index, scope)
    if isinstance(base.type, Array):
        if index.type not in (INTEGER, BIGINT):
            raise StatementError(f"Array index must be an INTEGER, got: {index.type}")
        sql = f"list_extract({base.sql}, NULLIF({index.sql}, 0))"
        return combine(sql, base.type.element, base, index)
    if isinstance(base.type, Map):
        key = coercion.widen(index, base.type.key)
        if key is None:
            raise StatementError(
                f"Map key must be {base.type.key}, got: {index.type}",
                detail=f"in {format_sql(expr)}",
            )
        return combine(f"map_extract_value({base.sql}, {key.sql})", base.type.value, base, key)
    raise StatementError(
        f"Subscript expression ({format_sql(expr)}) apply to values of type ARRAY or MAP",
        detail=f"{format_sql(expr.base)} is {base.type}",
    )


# ------------------------------------------------------------------ operators


def _unary(expr: ast.Unary, scope: Scope) -> TypedSql:
    operand = bind(expr.operand, scope)
    if expr.op == "NOT":
        _want_boolean(operand, expr.operand)
        return combine(f"(NOT coalesce({operand.sql}, FALSE))", BOOLEAN, operand)
    if not is_numeric(operand.type):
        raise StatementError(
            f"Unsupported arithmetic types. {operand.type}", detail=f"in {format_sql(expr)}"
        )
    return operand if expr.op == "+" else arithmetic.negate(operand)


def _want_boolean(typed: TypedSql, expr: ast.Expr) -> None:
    if typed.type not in (BOOLEAN, NULL):
        raise StatementError(
            f"Expected BOOLEAN, got {typed.type}: {format_sql(expr)}", position=expr.position
        )


def _binary(expr: ast.Binary, scope: Scope) -> TypedSql:
    bound = bind if expr.op in ("+", "-", "*", "/", "%") else bind_operand
    left, right = bound(expr.left, scope), bound(expr.right, scope)
    if expr.op in ("AND", "OR"):
        _want_boolean(left, expr.left)
        _want_boolean(right, expr.right)
        sql = f"(coalesce({left.sql}, FALSE) {expr.op} coalesce({right.sql}, FALSE))"
        return combine(sql, BOOLEAN, left, right)
    if expr.op == "||":
        return functions.resolve_scalar("CONCAT", [left, right], expr.position)
    if expr.op in ("+", "-", "*", "/", "%"):
        if NULL in (left.type, right.type):
            a, b = (str(t.type).lower() if t.type == NULL else str(t.type) for t in (left, right))
            raise StatementError(
                f"Error processing expression: {format_sql(expr)}. Arithmetic on types {a} and {b}"
                " are"
                " not supported."
            )
        # A NULL operand fails in ksqlDB; where it shows is in a lambda, which it fails as a whole.
        return arithmetic.arithmetic(expr.op, left, right, strict=bool(scope.variables))
    if expr.op.startswith("IS "):
        return distinct(expr, left, right)
    return compare(expr, left, right)


def _is_null(expr: ast.IsNull, scope: Scope) -> TypedSql:
    operand = bind_operand(expr.operand, scope)
    word = "IS NOT NULL" if expr.negated else "IS NULL"
    return combine(f"(({operand.sql}) {word})", BOOLEAN, operand)


def _negated(typed: TypedSql, negated: bool) -> TypedSql:
    return replace(typed, sql=f"(NOT {typed.sql})") if negated else typed


def _between(expr: ast.Between, scope: Scope) -> TypedSql:
    parts = (expr.operand, expr.low, expr.high)
    operand, low, high = (bind_operand(part, scope) for part in parts)
    return _negated(is_between(expr, operand, low, high), expr.negated)


def _in(expr: ast.InList, scope: Scope) -> TypedSql:
    operand = bind_operand(expr.operand, scope)
    return _negated(contained(expr, operand, scope, bind), expr.negated)


def _like(expr: ast.Like, scope: Scope) -> TypedSql:
    operand, pattern = bind_operand(expr.operand, scope), bind_operand(expr.pattern, scope)
    for typed, written in ((operand, expr.operand), (pattern, expr.pattern)):
        if typed.type not in (STRING, NULL):
            raise StatementError(
                "Like condition must be between strings",
                detail=f"{format_sql(written)} is {typed.type}",
                position=written.position,
            )
    found = functions.like(operand, pattern, expr.escape)
    return _negated(replace(found, sql=f"coalesce({found.sql}, FALSE)"), expr.negated)


def _case(expr: ast.Case, scope: Scope) -> TypedSql:
    return bind_case(expr, scope, bind)


def _cast(expr: ast.Cast, scope: Scope) -> TypedSql:
    return coercion.cast(bind(expr.operand, scope), expr.type)


def _array(expr: ast.ArrayCtor, scope: Scope) -> TypedSql:
    return bind_array(expr, scope, bind)


def _map(expr: ast.MapCtor, scope: Scope) -> TypedSql:
    return bind_map(expr, scope, bind)


def _struct(expr: ast.StructCtor, scope: Scope) -> TypedSql:
    return bind_struct(expr, scope, bind)


# ------------------------------------------------------------------ calls


def _call(expr: ast.Call, scope: Scope) -> TypedSql:
    if functions.is_aggregate(expr.name):
        raise StatementError(
            f"Can't use aggregate function {expr.name} in {scope.clause}",
            detail=f"in {format_sql(expr)}",
        )
    if functions.is_table_function(expr.name):
        raise StatementError(
            f"Table functions are not supported here: {format_sql(expr)}",
            hint="put it alone in the SELECT of a stream",
        )
    args = [_argument(a, scope) for a in expr.args]
    return functions.resolve_scalar(expr.name, args, expr.position)


def _argument(expr: ast.Expr, scope: Scope) -> Argument:
    if not isinstance(expr, ast.Lambda):
        return bind(expr, scope)
    parameters = tuple(quote(p) for p in expr.parameters)

    def lower(types: Sequence[SqlType]) -> LambdaSql:
        variables = {
            name: TypedSql(sql=sql, type=type_)
            for name, sql, type_ in zip(expr.parameters, parameters, types, strict=True)
        }
        return LambdaSql(parameters, bind(expr.body, scope.with_variables(variables)))

    return LambdaArgument(len(parameters), lower)


_HANDLERS: dict[type[ast.Expr], Callable[..., TypedSql]] = {
    ast.NullLiteral: _null,
    ast.BooleanLiteral: _boolean,
    ast.IntegerLiteral: _integer,
    ast.DecimalLiteral: _decimal,
    ast.DoubleLiteral: _double,
    ast.StringLiteral: _string,
    ast.ColumnRef: _column,
    ast.Interval: _interval,
    ast.FieldRef: _field,
    ast.Subscript: _subscript,
    ast.Unary: _unary,
    ast.Binary: _binary,
    ast.IsNull: _is_null,
    ast.Between: _between,
    ast.InList: _in,
    ast.Like: _like,
    ast.Case: _case,
    ast.Cast: _cast,
    ast.ArrayCtor: _array,
    ast.MapCtor: _map,
    ast.StructCtor: _struct,
    ast.Call: _call,
}
