"""Materialize: a table's rows kept as state, for pull queries on tables whose chain has no state."""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.schema.column import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Materialize:
    """The changes of `input` unchanged; its `materialized` has the current rows."""

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
        """A table."""
        return True

    @property
    def window(self) -> WindowInfo | None:
        """As its input."""
        return self.input.window

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """Its part of the step."""
        raise NotImplementedError
