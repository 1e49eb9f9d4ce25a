"""StreamTableJoin.

Law: a stream record sees the table as of its `_seq`; only the stream triggers. The output time is
the stream's. A record without key or value is dropped (Kafka Streams: KStreamKTableJoin). State
`rows(_part, key, window, values)`: the table as of the batch's start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.operators.join import has_key, joined_columns, same_key, used_columns
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.operators.table_state import TableKey, last_changes, replace_rows
from streamsql.schema.column import Schema
from streamsql.schema.duck import duckdb_type


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTableJoin:
    """Each row of `left` with the row of `right` that has its key; `kind` INNER or LEFT.

    `schema.value` names value columns of either input (their names are disjoint: a Project below
    gives prefixes and copies keys and pseudo columns into the value); `schema.key` renames the
    key that both share.
    """

    left: Node
    right: Node
    kind: str
    schema: Schema

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Left, right."""
        return (self.left, self.right)

    @property
    def table(self) -> bool:
        """A stream."""
        return False

    @property
    def window(self) -> WindowInfo | None:
        """As its left input."""
        return self.left.window

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """Two statements for the table's changes and two for its state; the join is part of what
        reads it."""
        left, right = relations
        if left.logged:
            # Rows without a partner are dropped, their entries are not.
            left = builder.settle(left)
        changes = builder.settle(right, hint="table")
        if changes.sql.startswith("("):
            changes = builder.settle(changes, hint="table")
        key = TableKey.of(changes)
        used = used_columns(self.schema, changes)
        types = {c.name: duckdb_type(c.type) for c in changes.schema.value}
        columns = (*key.columns, *((p, types[n]) for n, p in used))
        state = builder.state_table("rows", columns, key=key.names)
        sql = self._join(left, changes, state)
        replace_rows(builder, last_changes(builder, changes, state, key), state, columns=columns)
        return replace(left, sql=f"({sql})", schema=self.schema, table=False, materialized="")

    def _join(self, left: Relation, right: Relation, state: str) -> str:
        """Each left row with the version of its table row that it sees."""
        meta = [f"b.{name}" for name in left.passed]
        columns = joined_columns(
            self.schema,
            key=lambda i: f"b.{left.keys[i]}",
            left=(left, lambda name: f"b.{name}"),
            # A tombstone in the batch has to hide the state: coalesce would not.
            right=(right, lambda n: f"CASE WHEN u._seq IS NULL THEN st.{n} ELSE u.{n} END"),
        )
        found = "CASE WHEN u._seq IS NULL THEN st._part IS NOT NULL ELSE NOT u._null END"
        wanted = f"NOT b._null AND {has_key(left, 'b')}"
        if self.kind == "INNER":
            wanted += f" AND {found}"
        error = " OR b._err IS NOT NULL" if left.fallible else ""
        return (
            f"SELECT {', '.join([*meta, *columns])} FROM {left.sql} b"
            f" ASOF LEFT JOIN {right.sql} u"
            f" ON {same_key(left, right, a='b', b='u')} AND b.{left.origin} >= u.{right.origin}"
            f" LEFT JOIN {state} st ON {same_key(left, right, a='b', b='st')}"
            f" WHERE ({wanted}){error}"
        )
