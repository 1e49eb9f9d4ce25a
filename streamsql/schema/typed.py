"""An expression that has been bound: DuckDB text with its type.

The binder (plan/) makes these, functions/ compose them, operators/ place them in statements. `sql`
reads physical column names of one relation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.schema.types import SqlType


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedSql:
    """DuckDB text that gives a value of `type` for each row.

    `throws`: DuckDB may raise for some row. Whoever makes a column of it writes `TRY(sql)`: a
    failing row gets NULL and an entry in the processing log, as in ksqlDB. `columns`: the physical
    names (unquoted) that it reads, pseudo columns included. `constant`: it reads no column, so that
    a function may look at its text (`literal` is the Python value then, where the user wrote a
    literal). `slow`: it holds a kernel that loops in Python; EXPLAIN says so. `contained`: a
    failure of it is NULL where it stands inside another call, cast, array, map or struct: ksqlDB
    catches what functions, casts and field accesses throw, and not what operators throw
    (`contain`).
    """

    sql: str
    type: SqlType
    throws: bool = False
    columns: frozenset[str] = frozenset()
    constant: bool = False
    literal: object = None
    slow: bool = False
    contained: bool = False


@dataclass(frozen=True, slots=True)
class LambdaSql:
    """A lambda argument: `parameters` are already DuckDB identifiers, `body` reads them."""

    parameters: tuple[str, ...]
    body: TypedSql


def compose(sql: str, type_: SqlType, *parts: TypedSql, throws: bool = False) -> TypedSql:
    """Text made of `parts`: it reads what they read, may fail where they may, is slow where they
    are."""
    return TypedSql(
        sql=sql,
        type=type_,
        throws=throws or any(p.throws for p in parts),
        columns=frozenset[str]().union(*(p.columns for p in parts)),
        constant=all(p.constant for p in parts),
        slow=any(p.slow for p in parts),
    )


def contain(expr: TypedSql) -> TypedSql:
    """`expr` as it stands inside another expression: NULL where a contained one fails."""
    if not (expr.contained and expr.throws):
        return expr
    return replace(expr, sql=f"TRY({expr.sql})", throws=False)
