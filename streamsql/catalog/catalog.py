"""What exists: sources, queries and types, as an immutable value.

`catalog.apply(change)` gives the next catalog; validating a script is applying it to a copy. Knows
nothing of how anything runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

from streamsql.schema.column import Schema
from streamsql.schema.types import SqlType

V = TypeVar("V")

STREAM, TABLE = "STREAM", "TABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatSpec:
    """How one side of a topic is written: a format's name and its options (ksqlDB:
    serialization)."""

    name: str
    wrap: bool | None = None
    delimiter: str | None = None
    schema_id: int | None = None
    full_name: str | None = None
    nullable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpec:
    """How a source's key is windowed: `kind` TUMBLING, HOPPING or SESSION; `size_ms` None for
    sessions."""

    kind: str
    size_ms: int | None = None

    def __str__(self) -> str:
        """For messages: SESSION, or `TUMBLING of 3600000 ms`."""
        return self.kind if self.size_ms is None else f"{self.kind} of {self.size_ms} ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A stream or table. `query` is the id of the query that writes it, empty for a declared
    one. `ttl_ms`: how long after its time a table's row lives; None: until it is deleted."""

    name: str
    kind: str
    schema: Schema
    topic: str
    key_format: FormatSpec
    value_format: FormatSpec
    window: WindowSpec | None = None
    timestamp_column: str | None = None
    timestamp_format: str | None = None
    read_only: bool = False
    partitions: int = 1
    replicas: int = 1
    ttl_ms: int | None = None
    query: str = ""
    text: str = ""

    @property
    def is_table(self) -> bool:
        return self.kind == TABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A persistent query: what it reads and writes. `text` is the statement; plans are never
    persisted (law 7)."""

    id: str
    sink: str
    sources: tuple[str, ...]
    text: str
    kind: str = "CREATE"
    properties: tuple[tuple[str, str], ...] = ()


# ------------------------------------------------------------------ changes


class Change:
    """A change of the catalog."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PutSource(Change):
    """Adds a source, or replaces the one of its name."""

    source: Source


@dataclass(frozen=True, slots=True)
class DropSource(Change):
    name: str


@dataclass(frozen=True, slots=True)
class PutQuery(Change):
    query: Query


@dataclass(frozen=True, slots=True)
class DropQuery(Change):
    id: str


@dataclass(frozen=True, slots=True)
class PutType(Change):
    name: str
    type: SqlType


@dataclass(frozen=True, slots=True)
class DropType(Change):
    name: str


# ------------------------------------------------------------------ the value


def _frozen(items: Mapping[str, V]) -> Mapping[str, V]:
    return MappingProxyType(dict(items))


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All that exists. `queries_made` numbers query ids and never goes back."""

    sources: Mapping[str, Source] = field(default_factory=lambda: MappingProxyType({}))
    queries: Mapping[str, Query] = field(default_factory=lambda: MappingProxyType({}))
    types: Mapping[str, SqlType] = field(default_factory=lambda: MappingProxyType({}))
    queries_made: int = 0

    def apply(self, change: Change) -> Catalog:
        """The catalog after `change`."""
        match change:
            case PutSource(source):
                return replace(self, sources=_frozen({**self.sources, source.name: source}))
            case DropSource(name):
                return replace(self, sources=_without(self.sources, name))
            case PutQuery(query):
                made = self.queries_made + (query.id not in self.queries)
                return replace(
                    self, queries=_frozen({**self.queries, query.id: query}), queries_made=made
                )
            case DropQuery(id):
                return replace(self, queries=_without(self.queries, id))
            case PutType(name, type):
                return replace(self, types=_frozen({**self.types, name: type}))
            case DropType(name):
                return replace(self, types=_without(self.types, name))
            case _:
                raise AssertionError(change)

    def readers(self, name: str) -> Iterator[Query]:
        """The queries that read the source `name`."""
        return (q for q in self.queries.values() if name in q.sources)

    def writers(self, name: str) -> Iterator[Query]:
        """The queries that write the source `name`."""
        return (q for q in self.queries.values() if q.sink == name)


def _without(items: Mapping[str, V], name: str) -> Mapping[str, V]:
    return _frozen({k: v for k, v in items.items() if k != name})
