"""Which names an expression may use, and what each reads.

A scope is a value: the columns of one relation, by source alias, with the pseudo columns. Names are
case-exact here; the parser has upper-cased what was not quoted.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from streamsql.errors import StatementError
from streamsql.schema.column import PSEUDO_COLUMNS, WINDOW_BOUNDS
from streamsql.schema.typed import TypedSql
from streamsql.sql.expr import ColumnRef

PSEUDO_NAMES = frozenset(PSEUDO_COLUMNS) | frozenset(WINDOW_BOUNDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A column that a name may mean: `source` is the alias, `display` the name of a `*`
    expansion."""

    source: str
    name: str
    typed: TypedSql
    is_key: bool = False


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The columns of a relation. `clause` is the word for errors: SELECT, WHERE, …"""

    entries: tuple[Entry, ...]
    clause: str = "SELECT"
    variables: Mapping[str, TypedSql] = field(default_factory=dict[str, TypedSql])

    def within(self, clause: str) -> Scope:
        """The same names in another clause."""
        return self if clause == self.clause else replace(self, clause=clause)

    def with_variables(self, variables: Mapping[str, TypedSql]) -> Scope:
        """The same names and a lambda's parameters, which hide columns."""
        return replace(self, variables={**self.variables, **variables})

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The aliases, in order."""
        return tuple(dict.fromkeys(e.source for e in self.entries))

    @cached_property
    def _named(self) -> Mapping[str, Sequence[Entry]]:
        """The entries by their names."""
        found: dict[str, list[Entry]] = {}
        for e in self.entries:
            found.setdefault(e.name, []).append(e)
        return found

    def entry(self, ref: ColumnRef) -> Entry:
        """The one column that `ref` means; StatementError where there is none, or more than one."""
        if ref.source is not None and ref.source not in self.sources:
            raise StatementError(
                f"'{ref.source}' is not a valid stream/table name or alias.",
                position=ref.position,
                hint=near_hint(ref.source, self.sources),
            )
        found = [e for e in self._named.get(ref.name, ()) if ref.source in (None, e.source)]
        if not found:
            written = ref.name if ref.source is None else f"{ref.source}.{ref.name}"
            raise StatementError(
                f"{self.clause} column '{written}' cannot be resolved.",
                position=ref.position,
                hint=near_hint(ref.name, [e.name for e in self.entries]),
            )
        if len(found) > 1:
            could = " or ".join(f"{e.source}.{e.name}" for e in found)
            raise StatementError(
                f"Column '{ref.name}' is ambiguous. Could be {could}.", position=ref.position
            )
        return found[0]

    def resolve(self, ref: ColumnRef) -> TypedSql:
        """What `ref` reads."""
        if ref.source is None and ref.name in self.variables:
            return self.variables[ref.name]
        return self.entry(ref).typed

    def columns(self, source: str | None = None, *, bounds: bool = False) -> tuple[Entry, ...]:
        """The columns of `*` or `source.*`, without pseudo columns; with `bounds` the windows'
        are columns too, as they are in a join."""
        hidden = frozenset(PSEUDO_COLUMNS) if bounds else PSEUDO_NAMES
        return tuple(e for e in self.entries if e.name not in hidden and source in (None, e.source))


def near_hint(name: str, known: Iterable[str]) -> str:
    """`did you mean X?` where a known name is near, else an empty text."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""
