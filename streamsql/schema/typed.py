"""An expression that has been bound: DuckDB text with its type.

The binder (plan/) makes these, functions/ compose them, operators/ place them in statements. `sql`
reads physical column names of one relation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from streamsql.schema.types import SqlType

_CAUGHT = "Try("
"""How `contain` spells TRY, so that it can be told from those that belong to a rule."""

_QUOTED_OR_CAUGHT = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|""" + re.escape(_CAUGHT))


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
    (`contain`). `written`: the expression as ksqlDB prints it, for what the processing log says of
    a row for which it threw.
    """

    sql: str
    type: SqlType
    throws: bool = False
    columns: frozenset[str] = frozenset()
    constant: bool = False
    literal: object = None
    slow: bool = False
    contained: bool = False
    written: str = ""

    @property
    def strict(self) -> str:
        """The text without what `contain` catches: it throws wherever a part of it does."""
        if _CAUGHT not in self.sql:
            return self.sql
        return _QUOTED_OR_CAUGHT.sub(lambda m: "(" if m[0] == _CAUGHT else m[0], self.sql)

    @property
    def fallible(self) -> bool:
        """Whether for some row it, or a part that is caught in it, may throw."""
        return self.throws or _CAUGHT in self.sql


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
    return replace(expr, sql=f"{_CAUGHT}{expr.sql})", throws=False)
