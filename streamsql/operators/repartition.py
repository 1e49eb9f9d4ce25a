"""Send and Receive: the two ends of an internal topic, by which the rows of one stage of a query
reach the stage that has their key.

Law: what is received is what was sent: columns, time, headers, and a row without a value stays
one; rows of one partition number that have one key keep their order. The record's key only places
it, by murmur2 of its bytes; the row, its key too, is the value (`formats/rows.py`), so that no
format of a key can lose any of it. `_part` of a received row is the number of its record's
partition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.engine.plan import left_name
from streamsql.formats.format import READ, Format, FormatOptions
from streamsql.formats.rows import old_row, row_columns, row_reader, row_writer
from streamsql.operators.operator import WINDOW_META, Builder, Node, Relation, WindowInfo
from streamsql.operators.sink import all_kernels, key_text
from streamsql.schema.column import Schema
from streamsql.schema.duck import physical_names, quote
from streamsql.schema.types import BIGINT, BOOLEAN, SqlType


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Writes the rows of `input` to the internal `topic`, placed by its key in `key_format`."""

    input: Node
    topic: str
    key_format: Format
    key_options: FormatOptions

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
        """The statement whose rows leave."""
        (relation,) = relations
        schema = self.schema
        key = self.key_format.encode(schema.key, relation.keys, self.key_options, target="key")
        names = [relation.column(c.name) for c in (*schema.key, *schema.value)]
        types, meta = row_types(schema, table=self.table, window=self.window)
        first = [
            "NULL::INTEGER AS partition",
            "_ts AS timestamp",
            f"{key_text(replace(relation, window=None), key.sql)} AS key",
        ]
        columns = [
            *first,
            *row_columns(types, [*meta, *names]),
            "_hdr AS headers",
            f"{builder.task} AS part",
            *relation.troubles,
        ]
        builder.leave(
            self.topic,
            relation,
            sql=f"SELECT {', '.join(columns)} FROM {relation.sql} ORDER BY _seq",
            kernel=all_kernels(key.kernel, row_writer(len(types), len(first))),
        )
        return relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive:
    """The rows that a Send of `schema` wrote to `topic`; the key format is the Send's."""

    topic: str
    schema: Schema
    key_format: Format
    key_options: FormatOptions
    table: bool = False
    window: WindowInfo | None = None

    @property
    def inputs(self) -> tuple[Node, ...]:
        """None in its stage."""
        return ()

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """One SELECT over the batch and the rows in it."""
        batch = builder.input(self.topic, table=self.table)
        columns = (*self.schema.key, *self.schema.value)
        types, meta = row_types(self.schema, table=self.table, window=self.window)
        row, texts = old_row("_val", types)
        old = ", ".join(["_seq", *(f"{text} AS _c{i}" for i, text in enumerate(texts))])
        rows = builder.add(
            f"SELECT {old} FROM (SELECT *, {row} AS _row FROM {left_name(batch)}) ORDER BY _seq",
            kernel=row_reader(types),
            hint="received",
            batch=batch,
            read=READ,
        )
        names = [*meta, *(quote(n) for n in physical_names(c.name for c in columns))]
        read = [f"_c{i} AS {name}" for i, name in enumerate(names)]
        null = [] if self.table else ["FALSE AS _null"]
        listed = ", ".join(["_seq", "_part", "_off", "_ts", "_hdr", *null, *read])
        return Relation(
            sql=f"(SELECT {listed} FROM {rows})",
            schema=self.schema,
            table=self.table,
            window=self.window,
        )


def row_types(
    schema: Schema, *, table: bool, window: WindowInfo | None
) -> tuple[list[SqlType], list[str]]:
    """The types of all that travels in a record's value, and the meta columns in front: only a
    table has rows without a value."""
    meta: list[tuple[str, SqlType]] = [("_null", BOOLEAN)] if table else []
    meta += [(name, BIGINT) for name in WINDOW_META if window]
    columns = (*schema.key, *schema.value)
    return [*(t for _, t in meta), *(c.type for c in columns)], [name for name, _ in meta]
