"""Comparisons as ksqlDB has them: typed strictly when planned, two-valued when run.

Anything compared with NULL is false. ROWTIME, WINDOWSTART and WINDOWEND compared with a string read
it as a timestamp, partial or zoned, in UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from streamsql.errors import StatementError
from streamsql.plan.coerce import unify
from streamsql.plan.scope import Scope
from streamsql.plan.timestamps import parse_partial_ms
from streamsql.schema import coercion
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    NULL,
    STRING,
    TIME,
    TIMESTAMP,
    Array,
    Map,
    SqlType,
    Struct,
    is_numeric,
)
from streamsql.sql import expr as ast
from streamsql.sql import format as format_sql

Bind = Callable[[ast.Expr, Scope], TypedSql]

_WORDS = {
    "=": "EQUAL",
    "<>": "NOT_EQUAL",
    "<": "LESS_THAN",
    "<=": "LESS_THAN_OR_EQUAL",
    ">": "GREATER_THAN",
    ">=": "GREATER_THAN_OR_EQUAL",
    "IS DISTINCT FROM": "IS_DISTINCT_FROM",
    "IS NOT DISTINCT FROM": "IS_NOT_DISTINCT_FROM",
}
_TIME_PSEUDO = ("ROWTIME", "WINDOWSTART", "WINDOWEND")


def _merge(sql: str, *parts: TypedSql) -> TypedSql:
    return TypedSql(
        sql=sql,
        type=BOOLEAN,
        throws=any(p.throws for p in parts),
        columns=frozenset[str]().union(*(p.columns for p in parts)),
        constant=all(p.constant for p in parts),
        slow=any(p.slow for p in parts),
    )


def compare(expr: ast.Binary, left: TypedSql, right: TypedSql) -> TypedSql:
    """`left op right`, false where either is NULL."""
    compared = equality(expr, left, right)
    return replace(compared, sql=f"coalesce({compared.sql}, FALSE)")


def equality(expr: ast.Binary, left: TypedSql, right: TypedSql) -> TypedSql:
    """`left op right`, NULL where either is: for a join, where NULL counts as false."""
    left, right = _timestamps(expr.left, left, expr.right, right)
    left, right = _comparable(expr, left, right)
    return _merge(f"{left.sql} {expr.op} {right.sql}", left, right)


def distinct(expr: ast.Binary, left: TypedSql, right: TypedSql) -> TypedSql:
    """IS [NOT] DISTINCT FROM: the comparison that knows NULL."""
    left, right = _comparable(expr, left, right)
    return _merge(f"({left.sql} {expr.op} {right.sql})", left, right)


def is_between(expr: ast.Between, operand: TypedSql, low: TypedSql, high: TypedSql) -> TypedSql:
    """`operand BETWEEN low AND high`, false where one is NULL."""
    if _is_time_pseudo(expr.operand):
        low = _as_time(expr.low, low)
        high = _as_time(expr.high, high)
    parts = [
        compare(
            ast.Binary(op=op, left=expr.operand, right=side, position=expr.position), operand, typed
        )
        for op, side, typed in ((">=", expr.low, low), ("<=", expr.high, high))
    ]
    return _merge(" AND ".join(p.sql for p in parts).join("()"), *parts)


def contained(expr: ast.InList, operand: TypedSql, scope: Scope, bind: Bind) -> TypedSql:
    """`operand IN (items)`, false where it is NULL; a NULL among the items equals nothing."""
    items = [(item, bind(item, scope)) for item in expr.items]
    if _is_time_pseudo(expr.operand):
        items = [(item, _as_time(item, typed)) for item, typed in items]
    typed = unify([(expr.operand, operand), *items])
    if typed is None:
        return _merge("FALSE", operand)
    first, *rest = typed[1]
    listed = ", ".join(r.sql for r in rest)
    return _merge(f"coalesce({first.sql} IN ({listed}), FALSE)", first, *rest)


# ------------------------------------------------------------------ types


def _comparable(expr: ast.Binary, left: TypedSql, right: TypedSql) -> tuple[TypedSql, TypedSql]:
    """Both sides as types that DuckDB compares as ksqlDB does; StatementError where ksqlDB
    refuses."""
    a, b = left.type, right.type
    if NULL in (a, b):
        if not expr.op.startswith("IS "):
            raise StatementError(
                f"Comparison with NULL not supported: {a} {expr.op} {b}\nUse 'IS NULL' or 'IS NOT"
                " NULL'"
                " instead.",
                position=expr.position,
            )
        return left, right
    if is_numeric(a) and is_numeric(b):
        return left, right
    if a == b and _allowed(a, expr.op):
        return left, right
    moments = (TIMESTAMP, DATE, TIME)
    if a in moments and b == STRING:
        return left, coercion.cast(right, a)
    if b in moments and a == STRING:
        return coercion.cast(left, b), right
    if {a, b} == {TIMESTAMP, DATE}:
        return coercion.cast(left, TIMESTAMP), coercion.cast(right, TIMESTAMP)
    raise StatementError(
        f"Cannot compare {format_sql(expr.left)} ({a}) to {format_sql(expr.right)} ({b})"
        f" with {_WORDS[expr.op]}.",
        position=expr.position,
    )


def _allowed(type_: SqlType, op: str) -> bool:
    if op in ("=", "<>") or op.startswith("IS "):
        return True
    if isinstance(type_, Array | Map | Struct):
        return False
    return type_ in (STRING, BYTES, TIMESTAMP, DATE, TIME)


def _is_time_pseudo(expr: ast.Expr) -> bool:
    return isinstance(expr, ast.ColumnRef) and expr.name in _TIME_PSEUDO


def _as_time(expr: ast.Expr, typed: TypedSql) -> TypedSql:
    """A string beside a pseudo column of time, as milliseconds."""
    if not isinstance(expr, ast.StringLiteral):
        return typed
    ms = parse_partial_ms(expr.value)
    if ms is None:
        raise StatementError(
            f"Failed to parse timestamp '{expr.value}'",
            hint="Timestamp format must be yyyy-mm-ddThh:mm:ss[.S], or a part of it from the left",
            position=expr.position,
        )
    return TypedSql(sql=f"({ms})::BIGINT", type=BIGINT, constant=True, literal=ms)


def _timestamps(
    left_expr: ast.Expr, left: TypedSql, right_expr: ast.Expr, right: TypedSql
) -> tuple[TypedSql, TypedSql]:
    if _is_time_pseudo(left_expr):
        return left, _as_time(right_expr, right)
    if _is_time_pseudo(right_expr):
        return _as_time(left_expr, left), right
    return left, right
