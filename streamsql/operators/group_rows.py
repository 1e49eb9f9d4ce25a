"""What a GROUP BY reads of its input: rows that have a group, with the columns of the group and of
the aggregates' arguments.

Law: each row with a value whose group is given, in their order. A row without one is in no group,
which ksqlDB logs where it had to compute the group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streamsql.operators.fault import Computed, guard, passing
from streamsql.operators.operator import LOG, Builder, Node, Relation, WindowInfo
from streamsql.schema.column import Schema
from streamsql.schema.duck import physical_names, quote
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRows:
    """The rows of a stream that a GROUP BY in another stage reads: the key is `group`, the value
    `arguments`, which are named as `schema` has them."""

    input: Node
    schema: Schema
    group: tuple[TypedSql, ...]
    arguments: tuple[Computed, ...]

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
        """None: the group has windows of its own, or none."""
        return None

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """One SELECT."""
        (relation,) = relations
        keys = group_columns(self.schema, self.group, moved=True)
        found = grouped_rows(relation, keys, self.arguments)
        return replace(found, schema=self.schema)


def group_columns(
    schema: Schema, group: Sequence[TypedSql], *, moved: bool
) -> tuple[Computed, ...]:
    """The columns of the key of `schema`, which are `group`; `moved`: that is not the input's
    key."""
    excluded = "The source row will be excluded from the table."
    names = physical_names(c.name for c in (*schema.key, *schema.value))
    return tuple(
        Computed(
            typed=typed,
            name=quote(name),
            message=f"Error calculating group-by column with index {i}. {excluded}",
            null_message=f"Group-by column with index {i} resolved to null. {excluded}"
            if moved and not typed.constant
            else "",
        )
        for i, (typed, name) in enumerate(zip(group, names, strict=False))
    )


def grouped_rows(
    relation: Relation,
    keys: Sequence[Computed],
    arguments: Sequence[Computed],
    *,
    place: str = "_part",
) -> Relation:
    """The rows of a stream that belong to a group: META, key columns, argument columns. `place`:
    the partition of a group."""
    computed = [*keys, *arguments]
    # A windowed input's bounds end here.
    relation = replace(relation, window=None)
    guarded = guard(relation, computed)
    columns = [f"{t} AS {c.name}" for t, c in zip(guarded.texts, computed, strict=True)]
    complete = " AND ".join(["NOT _null", *(f"{key.name} IS NOT NULL" for key in keys)])
    meta = [*(name for name in relation.passed if name != LOG), *guarded.logged]
    source = f"(SELECT {', '.join([*meta, *columns])} FROM {guarded.source})"
    if place != "_part":
        source = f"(SELECT * REPLACE (({place})::INTEGER AS _part) FROM {source})"
    ready = replace(relation, sql=source, logged=bool(guarded.log))
    return passing(ready, complete)
