"""What SQL may call, as data: scalar functions, table functions, aggregates.

An entry says its signatures, its null behaviour, its DuckDB text, a document line and examples with results (a test
executes each). The binder asks `resolve_scalar`, `resolve_table_function` and `resolve_aggregate`; operators place
what comes back in statements.

Signatures are written `"ARRAY<T>, INTEGER -> T"`: names of types, capital letters for type variables, `DECIMAL` for
any decimal, `…` after the last parameter for any number of them, `(T) => U` for a lambda.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from streamsql.schema.typed import LambdaSql, TypedSql
from streamsql.schema.types import SqlType


@dataclass(frozen=True, slots=True)
class LambdaArgument:
    """A lambda that waits for the types of its parameters: `bind(types)` lowers its body."""

    arity: int
    bind: Callable[[Sequence[SqlType]], LambdaSql]


Argument = TypedSql | LambdaArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """An Arrow function registered with the connection under `name`; `function` maps arrays to one array.

    `parameters` and `returns` are DuckDB type names. `slow`: it loops over rows in Python.
    """

    name: str
    parameters: tuple[str, ...]
    returns: str
    function: Callable[..., pa.Array[Any]]
    slow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A call as SQL text and its result as ksqlDB prints it in JSON."""

    call: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundAggregate:
    """An aggregate call whose types are known: templates over its arguments (`../shared/operators.md` section 4).

    Templates are `str.format` texts. `{0}`, `{1}`: the arguments, as columns of the input. `{w}`: the window, so that
    `count({0}) OVER {w}` reads the rows of the same key up to this one in `_seq` order. `{p0}`, `{p1}`: the partials
    on the left (earlier: the state), `{q0}`, `{q1}`: on the right (later). `{sign}`: +1 or -1 of a table's change.

    `state`: DuckDB types of the partials. `running`: each partial after every row of the batch (without the state).
    `group`: each partial of a whole group, within GROUP BY; the input is called so that `_seq` orders it.
    `merge`: partials of p then q (either may be NULL where there is no row: then the other's). `result`: the value.
    `signed`: `running` with undo, for tables, or None where it has none. `order`: `free` (exact in SQL), `fold` (a
    DOUBLE sum: `running` and `group` are not used, the fold kernel adds the columns of `lift` left to right) or `list`.
    """

    name: str
    arguments: tuple[TypedSql, ...]
    type: SqlType
    state: tuple[str, ...]
    running: tuple[str, ...]
    group: tuple[str, ...]
    merge: tuple[str, ...]
    result: str
    signed: tuple[str, ...] | None = None
    lift: tuple[str, ...] = ()
    order: str = "free"
