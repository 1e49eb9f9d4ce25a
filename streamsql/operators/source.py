"""Source: a topic's records as columns.

Law: each record that can be read gives one row; one that cannot gives an entry in the processing log. A record without
a value is a row with `_null`; a table drops records without a key.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.formats.format import Format, FormatOptions
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.schema.column import Schema
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Reads `topic`, whose columns are `declared` (header columns too).

    `wanted`: names of the columns that somebody reads; others are not decoded and not in the relation (their physical
    names stay reserved, so that pruning changes no expression). None: all of them.
    `timestamp`: milliseconds from the declared columns, NULL where they give none (the record is an error); None: the
    record's own. A record without a value keeps its own.
    `headers`: the record's headers travel to the sink.
    """

    topic: str
    declared: Schema
    key_format: Format
    key_options: FormatOptions
    value_format: Format
    value_options: FormatOptions
    table: bool = False
    window: WindowInfo | None = None
    timestamp: TypedSql | None = None
    wanted: frozenset[str] | None = None
    headers: bool = False

    @property
    def inputs(self) -> tuple[Node, ...]:
        """None."""
        return ()

    @property
    def schema(self) -> Schema:
        """The declared columns; header columns are the last value columns."""
        raise NotImplementedError

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """One SELECT over the batch."""
        raise NotImplementedError
