"""Aggregate: GROUP BY, of a stream (windowed or not) or of a table.

Law: each record with a group gives one row, the aggregates of its group up to and including it;
its time is the largest of the group. With windows: one for each window of the record that is not
closed. State `groups(_part, key, window, _ts, partials)`; of windows also `time(_part, t)`. The
caching path gives the last row of each group in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.functions.registry import BoundAggregate
from streamsql.operators.fault import Computed
from streamsql.operators.group_changes import ChangeColumns
from streamsql.operators.group_rows import group_columns, grouped_rows
from streamsql.operators.group_table import (
    TableChanges,
    lower_table_groups,
    unlisted,
)
from streamsql.operators.grouping import Grouped, keep_values, lower_groups
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.operators.partials import Partials, counted
from streamsql.operators.placement import Placement
from streamsql.operators.sessions import lower_sessions
from streamsql.operators.suppress import lower_final
from streamsql.operators.table_state import TableKey
from streamsql.operators.window import (
    Window,
    expire_rows,
    skip_late,
    timed_rows,
    windowed_rows,
)
from streamsql.schema.column import Schema
from streamsql.schema.duck import duckdb_type, physical_names, quote
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """Groups `input` by `group`.

    `schema` has a key column for each of `group` and a value column for each of `aggregates`; all
    of them read `input`. `placement`: None where the group is the input's key, so that records
    stay in their partition. `final`: EMIT FINAL. A row whose group has a null or throws is
    dropped. `changes`: `input` gives what a GroupChanges found out about a table.
    """

    input: Node
    schema: Schema
    group: tuple[TypedSql, ...]
    aggregates: tuple[BoundAggregate, ...]
    placement: Placement | None = None
    rekeys: bool = False
    over: Window | None = None
    final: bool = False
    changes: ChangeColumns | None = None

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
        """Its statements, by what it groups."""
        (relation,) = relations
        if relation.table or self.changes is not None:
            return self._lower_table(builder, relation)
        session = self.over is not None and self.over.kind == "SESSION"
        # Merged sessions have to merge their values too, so that those stay in a list.
        partials = Partials.of([a if session else counted(a) for a in self.aggregates])
        rows = builder.settle(self._input(relation, partials)).sql
        if self.over is None:
            return lower_groups(builder, keep_values(builder, self._grouped(rows, partials)))[0]
        if session:
            grouped = self._grouped(rows, partials)
            return lower_sessions(builder, grouped, self.over, final=self.final)
        return self._lower_windows(builder, rows, partials, self.over)

    def _lower_windows(
        self, builder: Builder, rows: str, partials: Partials, over: Window
    ) -> Relation:
        timed, time = timed_rows(builder, rows)
        keys = [quote(n) for n in self._names()[: len(self.group)]]
        skip_late(builder, timed, keys, over)
        grouped = keep_values(builder, self._grouped(windowed_rows(timed, over), partials))
        expiry = over.expiry(time)
        if self.final:
            table = lower_final(builder, grouped, timed, over)
        else:
            table, state = lower_groups(builder, grouped)
            expire_rows(builder, state, expiry)
        for seen in grouped.seen:
            expire_rows(builder, seen, expiry)
        return replace(table, expiry=expiry)

    def _lower_table(self, builder: Builder, relation: Relation) -> Relation:
        keys = self._keys()
        partials = Partials.of([unlisted(a, i) for i, a in enumerate(self.aggregates)])
        if self.changes is not None:
            source = builder.settle(relation).sql
            rows = self.changes.rows(source, keys, partials.computed())
        else:
            place = "_part"
            if self.placement is not None:
                place = self.placement.partition_sql(self.schema.key, [k.name for k in keys])
            changes = TableChanges(group=keys, arguments=partials.computed(), place=place)
            rows = changes.lower(builder, relation)
        grouped = replace(self._grouped(rows, partials), changes=True)
        return lower_table_groups(builder, grouped, self.aggregates)

    def _names(self) -> tuple[str, ...]:
        return physical_names(c.name for c in (*self.schema.key, *self.schema.value))

    def _keys(self) -> tuple[Computed, ...]:
        return group_columns(self.schema, self.group, moved=self.rekeys)

    def _input(self, relation: Relation, partials: Partials) -> Relation:
        """The rows that belong to a group: META, key columns, argument columns."""
        place = "_part"
        if self.placement is not None:
            names = [key.name for key in self._keys()]
            place = self.placement.partition_sql(self.schema.key, names)
        return grouped_rows(relation, self._keys(), partials.computed(), place=place)

    def _grouped(self, rows: str, partials: Partials) -> Grouped:
        names = self._names()
        types = [duckdb_type(c.type) for c in self.schema.key]
        columns = tuple(zip(names[: len(types)], types, strict=True))
        bounds = (("_ws", "BIGINT"),) if self.over else ()
        return Grouped(
            rows=rows,
            schema=self.schema,
            window=self.window,
            key=TableKey(columns=(("_part", "INTEGER"), *columns, *bounds)),
            partials=partials,
        )
