"""What a statement gives back: typed values, without JSON, colours or sockets; the doors show
them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from streamsql.schema.column import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`statement` is the text that was executed; `message` one line for people; `warnings` what
    they should know."""

    statement: str = ""
    message: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Result):
    """A finished table: `columns` are names, `types` their SQL types as text, `rows` Python values.

    `schema` has the key marks of a pull query; `limited`: LIMIT cut it. `position` says how far
    each query had come whose state was read.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    schema: Schema | None = None
    limited: bool = False
    position: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRow:
    """A change of a push query: `tombstone` where a table's row is gone (key columns only)."""

    values: tuple[object, ...]
    tombstone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Push(Result):
    """A running push query: iterate `rows`, a PushStream; it ends at LIMIT, or when the stream is
    stopped. `topic`: the topic that PRINT shows, empty for a SELECT."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    schema: Schema
    query_id: str
    rows: AsyncIterator[PushRow]
    limit: int | None = None
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Created(Result):
    """A source or query that was made; `query_id` empty where there is none."""

    name: str = ""
    query_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Rows):
    """SHOW, DESCRIBE: `kind` says of what."""

    kind: str = ""
    details: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Result):
    """EXPLAIN and the like: text of several lines in `body`."""

    body: str = ""
