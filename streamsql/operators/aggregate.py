"""Aggregate: GROUP BY, of a stream (windowed or not) or of a table."""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.functions.registry import BoundAggregate
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.operators.placement import Placement
from streamsql.operators.window import Window
from streamsql.schema.column import Schema
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """Groups `input` by `group`; `schema` has a key column for each of `group` and a value column for each of
    `aggregates`; all of them read `input`.

    `placement`: None where the group is the input's key, so that records stay in their partition. `final`: EMIT FINAL.
    A row whose group has a null or throws is dropped.

    """

    input: Node
    schema: Schema
    group: tuple[TypedSql, ...]
    aggregates: tuple[BoundAggregate, ...]
    placement: Placement | None = None
    over: Window | None = None
    final: bool = False

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Its input."""
        return (self.input,)

    @property
    def table(self) -> bool:
        """Always."""
        return True

    @property
    def window(self) -> WindowInfo | None:
        """From `over`."""
        return self.over.info if self.over else None

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """Its part of the step."""
        raise NotImplementedError
