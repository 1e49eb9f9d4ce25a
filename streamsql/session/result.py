"""What a statement gives back: typed values, without JSON, colours or sockets; the doors show
them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

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

    Iterating gives the rows; `fetchall`, `arrow` and `df` are called as in DuckDB, and whatever
    reads Arrow streams (polars.DataFrame, pyarrow.table) reads it as it is. `table`: the same rows
    as Arrow, where they came so.

    `schema` has the key marks of a pull query; `limited`: LIMIT cut it. `position` says how far
    each query had come whose state was read.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    schema: Schema | None = None
    limited: bool = False
    position: tuple[tuple[str, int], ...] = ()
    table: pa.Table | None = field(default=None, compare=False, repr=False)

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def fetchall(self) -> list[tuple[object, ...]]:
        """All rows."""
        return list(self.rows)

    def fetchone(self) -> tuple[object, ...] | None:
        """The first row, None where there is none; unlike a cursor's it does not move on."""
        return self.rows[0] if self.rows else None

    def arrow(self) -> pa.Table:
        """The rows as an Arrow table; names may come twice."""
        if self.table is not None:
            return self.table.rename_columns(list(self.columns)).slice(0, len(self.rows))
        columns = zip(*self.rows, strict=True) if self.rows else ((),) * len(self.columns)
        return pa.Table.from_arrays([pa.array(list(c)) for c in columns], list(self.columns))

    def df(self) -> Any:
        """The rows as a pandas DataFrame; pandas has to be installed."""
        return self.arrow().to_pandas()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.arrow().__arrow_c_stream__(requested_schema)


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
