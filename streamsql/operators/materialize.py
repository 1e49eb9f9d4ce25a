"""Materialize: a table's rows kept as state, for pull queries on tables whose chain has no state.

State: `rows(_part, key, window, _ts, values)`. Three statements.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.operators.table_state import TableKey, last_changes, replace_rows, stored_rows
from streamsql.operators.window import expire_rows
from streamsql.schema.column import Schema
from streamsql.schema.duck import duckdb_type


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
        """Always."""
        return True

    @property
    def window(self) -> WindowInfo | None:
        """As its input."""
        return self.input.window

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """Keeps the last change of each key."""
        (relation,) = relations
        settled = builder.settle(relation)
        key = TableKey.of(settled)
        names = settled.names
        values = [(names[c.name], duckdb_type(c.type)) for c in self.schema.value]
        state = builder.state_table(
            "rows", (*key.columns, ("_ts", "BIGINT"), *values), key=key.names
        )
        rows = last_changes(builder, settled, state, key)
        replace_rows(builder, rows, state, columns=(*key.columns, ("_ts", "BIGINT"), *values))
        expire_rows(builder, state, relation.expiry)
        return replace(settled, materialized=stored_rows(state, settled))
