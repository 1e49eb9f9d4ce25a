"""The seam between bytes and columns: what a format must give, as DuckDB text or Arrow kernel.

A format never sees a connection. `decode` and `encode` return text that `operators/source.py` and
`operators/sink.py` place in the step's statement; a format that SQL cannot express adds a kernel
that runs before (decode) or after (encode) that statement. The functions that its text calls beside
DuckDB's own are in `formats.KERNELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from streamsql.schema.column import Column

KEY, VALUE = "key", "value"

READ = "_read"
"""The last column that a kernel adds where it does not read all records: which it has read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatOptions:
    """How one side of a topic is written.

    `wrap`: a single value column stands in a record (None: the format's default). `delimiter`:
    DELIMITED's. `source`: the stream's or table's name. `subject`: where the registry has the
    side's schemas; `schema_id`: the schema that records are written with (None: what the columns
    give, called `full_name`).
    """

    side: str = VALUE
    wrap: bool | None = None
    delimiter: str = ","
    source: str = ""
    subject: str = ""
    schema_id: int | None = None
    full_name: str | None = None
    nullable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decode:
    """How bytes become columns.

    `stages`: computed columns, one tuple of (name, text) a stage; a stage reads the bytes column
    and the stages before it: `SELECT *, text AS name FROM (the stage before)`. Names begin with
    `_d` and tell the key's from the value's.
    `columns`: one text for each column, over the last stage; NULL where the bytes are null.
    `error`: text of VARCHAR, NULL where the record could be read; else why not.
    `kernel`: runs first: batch in (the bytes column is named by `decode`'s argument), batch with
    further columns out. `before`: computed columns, as in a stage, that the kernel finds beside it;
    `after`: the names of those that it adds.
    `rest`: what reads the records that the kernel does not; it adds READ then, and this
    one's columns, error and null are the names `after`.
    `null`: text of BOOLEAN, true where the bytes are not null and yet hold no record (JSON's
    `null`): the value is null then.
    `slow`: rows may take a path that is not vectorised; EXPLAIN says so.
    """

    stages: tuple[tuple[tuple[str, str], ...], ...]
    columns: tuple[str, ...]
    error: str = "NULL"
    kernel: Callable[[pa.Table], pa.Table] | None = None
    before: tuple[tuple[str, str], ...] = ()
    after: tuple[str, ...] = ()
    rest: Decode | None = None
    null: str = "false"
    slow: bool = False

    def rest_columns(self) -> tuple[tuple[str, str], ...]:
        """(name, text over the last stage of `rest`) of each column that `rest` gives."""
        if self.rest is None:
            return ()
        texts = [text for text in self.rest.columns if text != "NULL"]
        texts += [f"({self.rest.error})::VARCHAR", f"({self.rest.null})"]
        return tuple(zip(self.after, texts, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Encode:
    """How columns become bytes: `sql` is text of type BLOB over the named columns.

    `kernel`: takes the statement's result, in which the side's bytes column holds what `sql` gave,
    and returns it with that column as BINARY. DuckDB raising means that the output cannot be
    written (QueryError).
    """

    sql: str
    kernel: Callable[[pa.Table], pa.Table] | None = None


class Format(Protocol):
    """A format; one instance a format, registered in `formats.FORMATS` by its name."""

    @property
    def name(self) -> str:
        """JSON, DELIMITED, KAFKA, …"""
        ...

    @property
    def configs(self) -> frozenset[str]:
        """Which of ksqlDB's format properties it knows: delimiter, fullSchemaName, …"""
        ...

    def check(self, columns: Sequence[Column], options: FormatOptions) -> None:
        """Raises StatementError, in ksqlDB's words, where this format cannot hold these columns."""
        ...

    def decode(
        self,
        source: str,
        columns: Sequence[Column],
        options: FormatOptions,
        *,
        wanted: Sequence[str],
    ) -> Decode:
        """How `source` (a BLOB column's name, quoted) becomes `columns`.

        Only those in `wanted` are decoded, the others' text is NULL. All are given: a record of
        which another column cannot be read is an error whether that column is asked for or not.
        """
        ...

    def encode(
        self,
        columns: Sequence[Column],
        values: Sequence[str],
        options: FormatOptions,
        *,
        target: str,
    ) -> Encode:
        """The bytes of `columns`, whose DuckDB texts are `values`.

        The sink writes NULL bytes itself for a tombstone and for a key of which all columns are
        null. `target` names the bytes column for a kernel.
        """
        ...
