"""Collect: rows of a push query, as typed columns `_ts, _part, _null` (`_ws, _we`), key and value columns."""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.schema.column import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """The rows of `input` leave as an output without a topic."""

    input: Node

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
