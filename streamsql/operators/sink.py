"""Sink: rows become records of a topic."""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.formats.format import Format, FormatOptions
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.schema.column import Schema
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """Writes `input` to `topic`, whose columns are `schema` (`input`'s).

    `keeps_partition`: the key is the source's, so records stay in their partition; else murmur2 of the key bytes places
    them among `partitions`. `timestamp`: milliseconds over `input`; None: the row's time.

    """

    input: Node
    topic: str
    key_format: Format
    key_options: FormatOptions
    value_format: Format
    value_options: FormatOptions
    partitions: int
    keeps_partition: bool = False
    timestamp: TypedSql | None = None

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Its input."""
        return (self.input,)

    @property
    def schema(self) -> Schema:
        """Its input's."""
        return self.input.schema

    @property
    def table(self) -> bool:
        """As its input."""
        return self.input.table

    @property
    def window(self) -> WindowInfo | None:
        """As its input."""
        return self.input.window

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """Its part of the step."""
        raise NotImplementedError
