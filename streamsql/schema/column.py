"""Columns and the schema of a stream or table.

A schema has key columns, value columns and header columns, each in the order declared. Pseudo
columns (ROWTIME, ROWPARTITION, ROWOFFSET, WINDOWSTART, WINDOWEND) are no part of it: every source
has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from streamsql.schema.types import BIGINT, INTEGER, Scalar, SqlType

PSEUDO_COLUMNS: dict[str, Scalar] = {
    "ROWTIME": BIGINT,
    "ROWPARTITION": INTEGER,
    "ROWOFFSET": BIGINT,
}
WINDOW_BOUNDS: dict[str, Scalar] = {"WINDOWSTART": BIGINT, "WINDOWEND": BIGINT}


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `name` is case-exact, `written` as in `types.Field`."""

    name: str
    type: SqlType
    written: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return f"`{self.name.replace('`', '``')}` {self.type}"


@dataclass(frozen=True, slots=True)
class HeaderColumn:
    """A column read from the record's headers: all of them (`key` None) or the last one called
    `key`."""

    name: str
    type: SqlType
    key: str | None = None

    def __str__(self) -> str:
        mark = "HEADERS" if self.key is None else f"HEADER('{self.key}')"
        return f"`{self.name.replace('`', '``')}` {self.type} {mark}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The columns of a source: `str()` reads like ksqlDB's, "`K` STRING KEY, `V` BIGINT"."""

    key: tuple[Column, ...] = ()
    value: tuple[Column, ...] = ()
    headers: tuple[HeaderColumn, ...] = ()

    def find(self, name: str) -> Column | HeaderColumn | None:
        """The column called `name` (case-exact), or None."""
        return next((c for c in self.columns() if c.name == name), None)

    def columns(self) -> Iterator[Column | HeaderColumn]:
        """Key, value and header columns, in this order."""
        yield from self.key
        yield from self.value
        yield from self.headers

    def is_key(self, name: str) -> bool:
        """Whether `name` is a key column."""
        return any(c.name == name for c in self.key)

    def __str__(self) -> str:
        parts = [f"{c} KEY" for c in self.key]
        parts += [str(c) for c in self.value]
        parts += [str(c) for c in self.headers]
        return ", ".join(parts)
