"""Rekey: PARTITION BY and the implicit repartition before a join.

Law: each row gives one row with the new key, in the partition of that key; the order stays. Of a
row without a value only what reads its old key alone is computed, the rest of the key is null.
The key of the relation is no longer windowed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.operators.fault import Computed
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.operators.placement import Placement
from streamsql.operators.project import computed_columns, project_sql
from streamsql.schema.column import Schema
from streamsql.schema.duck import physical_names
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekey:
    """`input` under another key: `keys` and `values` compute the columns of `schema`.

    `placement` None: a stream without a key, which stays where it is.
    """

    input: Node
    schema: Schema
    keys: tuple[TypedSql, ...]
    values: tuple[TypedSql, ...]
    placement: Placement | None

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Its input."""
        return (self.input,)

    @property
    def table(self) -> bool:
        """A stream."""
        return False

    @property
    def window(self) -> WindowInfo | None:
        """None: the new key has no window."""
        return None

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """One SELECT: the new columns, and the partition of the new key."""
        (relation,) = relations
        held = set(physical_names(c.name for c in relation.schema.key))
        computed = [
            replace(c, of_tombstones=True) if c.typed.columns <= held else c
            for c in computed_columns(self.schema, self.keys, self.values)
        ]
        count = len(self.keys)
        keys = [c if c.of_tombstones else _of_value(c) for c in computed[:count]]
        sql, logged = project_sql(relation, [*keys, *computed[count:]])
        moved = replace(relation, sql=f"({sql})", schema=self.schema, window=None, logged=logged)
        if self.placement is None:
            return moved
        place = self.placement.partition_sql(self.schema.key, moved.keys)
        bounds = " EXCLUDE (_ws, _we)" if relation.window else ""
        return replace(
            moved, sql=f"(SELECT *{bounds} REPLACE (({place})::INTEGER AS _part) FROM ({sql}))"
        )


def _of_value(key: Computed) -> Computed:
    """A part of the key that reads the value: null where there is none."""
    typed = key.typed
    return replace(key, typed=replace(typed, sql=f"CASE WHEN NOT _null THEN {typed.sql} END"))
