"""Project: SELECT without a change of key.

Law: each row gives one row. The columns of a row without a value mean nothing; it stays a row
without a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streamsql.operators.fault import Computed, guard, identified, reads_identity
from streamsql.operators.operator import LOG, Builder, Node, Relation, WindowInfo
from streamsql.operators.placement import Placement
from streamsql.schema.column import Schema
from streamsql.schema.duck import physical_names, quote
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The columns of `schema`, computed by `keys` and `values` in its order, over `input`.

    A key may be renamed, not changed. What throws is NULL, and logged. `placement`: the rows count
    as rows of the partition that their key has there, since the other side of a join is placed so.
    """

    input: Node
    schema: Schema
    keys: tuple[TypedSql, ...]
    values: tuple[TypedSql, ...]
    placement: Placement | None = None

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Its input."""
        return (self.input,)

    @property
    def table(self) -> bool:
        """As its input."""
        return self.input.table

    @property
    def window(self) -> WindowInfo | None:
        """As its input."""
        return self.input.window

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """One SELECT, over the rows and over the materialized ones."""
        (relation,) = relations
        columns = column_texts(self.schema, (*self.keys, *self.values))
        meta = ", ".join(relation.meta)
        kept = f"({relation.materialized})" if relation.materialized else ""
        if kept and reads_identity((*self.keys, *self.values)):
            kept = identified(replace(relation, sql=kept))
        computed = computed_columns(self.schema, self.keys, self.values)
        sql, logged = project_sql(relation, computed)
        if self.placement is not None:
            names = replace(relation, schema=self.schema).keys
            place = self.placement.partition_sql(self.schema.key, names)
            sql = f"SELECT * REPLACE (({place})::INTEGER AS _part) FROM ({sql})"
        return replace(
            relation,
            sql=f"({sql})",
            schema=self.schema,
            logged=logged,
            materialized=f"SELECT {', '.join([meta, *columns])} FROM {kept}" if kept else "",
        )


def computed_columns(
    schema: Schema, keys: Sequence[TypedSql], values: Sequence[TypedSql]
) -> list[Computed]:
    """The columns of a schema with what ksqlDB logs where one of them throws."""
    names = [quote(n) for n in physical_names(c.name for c in (*schema.key, *schema.value))]
    computed = [
        Computed(
            typed=typed,
            name=name,
            message=f"Error computing new key from expression {typed.written}",
        )
        for typed, name in zip(keys, names, strict=False)
    ]
    listed = zip(values, schema.value, names[len(keys) :], strict=True)
    for i, (typed, column, name) in enumerate(listed):
        message = (
            f"Error computing expression {typed.written} for column {column.name} with index {i}"
        )
        computed.append(Computed(typed=typed, name=name, message=message))
    return computed


def project_sql(relation: Relation, computed: Sequence[Computed]) -> tuple[str, bool]:
    """The SELECT of these columns, and whether it has LOG."""
    guarded = guard(relation, computed)
    columns = [
        *(name for name in relation.passed if name != LOG),
        *guarded.logged,
        *(f"{text} AS {c.name}" for text, c in zip(guarded.texts, computed, strict=True)),
    ]
    return f"SELECT {', '.join(columns)} FROM {guarded.source}", bool(guarded.log)


def column_texts(schema: Schema, texts: Sequence[TypedSql]) -> list[str]:
    """`text AS "name"` for each column of a schema."""
    names = physical_names(c.name for c in (*schema.key, *schema.value))
    return [f"{safe(t)} AS {quote(n)}" for n, t in zip(names, texts, strict=True)]


def safe(typed: TypedSql) -> str:
    """The text of a column: NULL where it throws."""
    return f"TRY({typed.sql})" if typed.throws else typed.sql
