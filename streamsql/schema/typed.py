"""An expression that has been bound: DuckDB text with its type.

The binder (plan/) makes these, functions/ compose them, operators/ place them in statements. `sql` reads physical
column names of one relation.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.schema.types import SqlType


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedSql:
    """DuckDB text that gives a value of `type` for each row.

    `throws`: DuckDB may raise for some row. Whoever makes a column of it writes `TRY(sql)`: a failing row gets NULL
    and an entry in the processing log, as in ksqlDB.
    `columns`: the physical names (unquoted) that it reads, pseudo columns included.
    `constant`: it reads no column, so that a function may look at its text (`literal` is the Python value then, where
    the user wrote a literal).
    `slow`: it holds a kernel that loops in Python; EXPLAIN says so.
    """

    sql: str
    type: SqlType
    throws: bool = False
    columns: frozenset[str] = frozenset()
    constant: bool = False
    literal: object = None
    slow: bool = False


@dataclass(frozen=True, slots=True)
class LambdaSql:
    """A lambda argument: `parameters` are already DuckDB identifiers, `body` reads them."""

    parameters: tuple[str, ...]
    body: TypedSql
