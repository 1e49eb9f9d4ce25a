"""What SQL may call: signature, DuckDB text, document and executed example of every function.

`resolve_scalar`, `resolve_table_function` and `resolve_aggregate` give a call's text; `SCALARS`,
`TABLE_FUNCTIONS` and `AGGREGATES` are the entries by name in capitals; the engine registers
`KERNELS`. A module of a family lists its entries in `ENTRIES`, and stands here once. Knows no plan
and no state.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType

from streamsql.errors import Position, StatementError
from streamsql.functions import (
    aggregates,
    aggregates_list,
    arrays,
    binary,
    dates,
    encoding,
    json_text,
    lambdas,
    letters,
    maps,
    mask,
    nulls,
    numeric,
    regex,
    rounding,
    strings,
    tables,
    url,
)
from streamsql.functions.like import LIKE, like
from streamsql.functions.registry import (
    SEED,
    AggregateFunction,
    Argument,
    BoundAggregate,
    Kernel,
    ScalarFunction,
    TableFunction,
    kernels_of,
)
from streamsql.functions.resolve import choose, lower_call
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import Array

__all__ = [
    "AGGREGATES",
    "KERNELS",
    "SCALARS",
    "TABLE_FUNCTIONS",
    "is_aggregate",
    "is_table_function",
    "like",
    "resolve_aggregate",
    "resolve_scalar",
    "resolve_table_function",
]

_MODULES: tuple[ModuleType, ...] = (
    numeric,
    rounding,
    dates,
    nulls,
    arrays,
    maps,
    lambdas,
    tables,
    strings,
    letters,
    mask,
    encoding,
    binary,
    url,
    json_text,
    regex,
    aggregates,
    aggregates_list,
)

Entry = ScalarFunction | TableFunction | AggregateFunction


def _entries(modules: Iterable[ModuleType]) -> list[Entry]:
    return [entry for module in modules for entry in module.ENTRIES]


_ALL = _entries(_MODULES)
SCALARS: Mapping[str, ScalarFunction] = {
    e.name.upper(): e for e in _ALL if isinstance(e, ScalarFunction)
}
TABLE_FUNCTIONS: Mapping[str, TableFunction] = {
    e.name.upper(): e for e in _ALL if isinstance(e, TableFunction)
}
AGGREGATES: Mapping[str, AggregateFunction] = {
    e.name.upper(): e for e in _ALL if isinstance(e, AggregateFunction)
}
KERNELS: tuple[Kernel, ...] = (
    LIKE,
    *kernels_of([*SCALARS.values(), *TABLE_FUNCTIONS.values()]),
)


def is_aggregate(name: str) -> bool:
    """Whether a call of `name` is one of a group."""
    return name.upper() in AGGREGATES


def refuse_own(name: str, position: Position | None = None) -> None:
    """Raises, as for an unknown name, where the function is ours and not ksqlDB's."""
    entry = SCALARS.get(name.upper())
    if entry is not None and not entry.ksqldb:
        error = _unknown(name, position)
        error.hint = "it is not ksqlDB's: SET 'streamsql.strict'='false' allows it"
        raise error


def is_table_function(name: str) -> bool:
    """Whether a call of `name` gives several rows."""
    return name.upper() in TABLE_FUNCTIONS


def resolve_scalar(
    name: str, arguments: Sequence[Argument], position: Position | None = None
) -> TypedSql:
    """The text of a call. StatementError in ksqlDB's words where there is no such function or
    signature."""
    entry = SCALARS.get(name.upper())
    if entry is None:
        raise _unknown(name, position)
    row, match = choose(entry.name, entry.signatures, arguments, position)
    found = lower_call(row, match)
    if not entry.varies:
        return found
    seed = "0" if position is None else str(position.offset)
    return replace(found, sql=found.sql.replace(SEED, seed))


def resolve_table_function(
    name: str, arguments: Sequence[Argument], position: Position | None = None
) -> TypedSql:
    """A list of the rows, of type ARRAY<result>; NULL or empty for none."""
    entry = TABLE_FUNCTIONS.get(name.upper())
    if entry is None:
        raise _unknown(name, position)
    row, match = choose(entry.name, entry.signatures, arguments, position)
    return lower_call(row, replace(match, type=Array(match.type)))


def resolve_aggregate(
    name: str, arguments: Sequence[Argument], position: Position | None = None
) -> BoundAggregate:
    """The aggregate, with templates over its arguments."""
    entry = AGGREGATES.get(name.upper())
    if entry is None:
        raise _unknown(name, position)
    row, match = choose(entry.name, entry.signatures, arguments, position)
    return row.bind(match.type, *match.arguments)


def _unknown(name: str, position: Position | None) -> StatementError:
    names = [*SCALARS, *TABLE_FUNCTIONS, *AGGREGATES]
    near = difflib.get_close_matches(name.upper(), names, n=3)
    return StatementError(
        f"Can't find any functions with the name '{name}'",
        hint=f"did you mean {' or '.join(near)}?" if near else "SHOW FUNCTIONS lists them",
        position=position,
    )
