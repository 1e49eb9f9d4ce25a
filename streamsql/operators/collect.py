"""Collect: the rows of a push query leave as typed columns.

In order of `_seq`: `_ts, _part, _null`, of windowed keys `_ws, _we`, then key and value columns
by their physical names.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.operators.operator import META, Builder, Node, Relation, WindowInfo
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
        """The statement whose rows leave; a row without a value has NULL columns."""
        (relation,) = relations
        columns = [
            *("_ts", "_part", "_null"),
            *relation.meta[len(META) :],
            *relation.keys,
        ]
        for column in self.schema.value:
            name = relation.column(column.name)
            columns.append(f"CASE WHEN NOT _null THEN {name} END AS {name}")
        columns += relation.troubles
        builder.leave(
            "", relation, sql=f"SELECT {', '.join(columns)} FROM {relation.sql} ORDER BY _seq"
        )
        return relation
