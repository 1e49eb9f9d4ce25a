"""Sink: rows become records of a topic.

A row without a value is a record without one; a row of which all key columns are null has no key.
A windowed key is written as `source.py` reads it, and placed by the key without its window (Kafka
Streams: WindowedStreamPartitioner).
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from streamsql.engine.plan import Kernel
from streamsql.formats.format import Format, FormatOptions
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.operators.placement import partition_of
from streamsql.operators.project import safe
from streamsql.schema.column import Schema
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """Writes `input` to `topic`, whose columns are `schema` (`input`'s).

    `keeps_partition`: the key is the source's, so records stay in their partition; else murmur2
    of the key bytes places them among `partitions`. `timestamp`: milliseconds over `input`, rows
    without one are dropped (ksqlDB: create-stream-as-select); None: the row's time.
    """

    input: Node
    topic: str
    key_format: Format
    key_options: FormatOptions
    value_format: Format
    value_options: FormatOptions
    partitions: int
    keeps_partition: bool = False
    whole_key: bool = False
    timestamp: TypedSql | None = None

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
        values = [relation.column(c.name) for c in schema.value]
        key = self.key_format.encode(schema.key, relation.keys, self.key_options, target="key")
        value = self.value_format.encode(schema.value, values, self.value_options, target="value")
        time = safe(self.timestamp) if self.timestamp else "_ts"
        columns = [
            f"{self._partition(relation, key.sql)} AS partition",
            f"{'CASE WHEN _null THEN _ts ELSE ' + time + ' END' if self.timestamp else '_ts'}"
            " AS timestamp",
            f"{key_text(relation, key.sql, whole=self.whole_key)} AS key",
            f"CASE WHEN NOT _null THEN {value.sql} END AS value",
            "_hdr AS headers",
            f"{builder.task} AS part",
            *relation.troubles,
        ]
        where = ""
        if self.timestamp is not None:
            where = f" WHERE _null OR NOT {relation.good} OR coalesce({time}, -1) >= 0"
        builder.leave(
            self.topic,
            relation,
            sql=f"SELECT {', '.join(columns)} FROM {relation.sql}{where} ORDER BY _seq",
            kernel=all_kernels(key.kernel, value.kernel),
        )
        return relation

    def _partition(self, relation: Relation, key: str) -> str:
        if self.keeps_partition:
            return "_part"
        if self.partitions == 1:
            return "0::INTEGER"
        if relation.window is None:
            return "NULL::INTEGER"
        return f"({partition_of(key, self.partitions)})::INTEGER"


def key_text(relation: Relation, key: str, *, whole: bool = False) -> str:
    """The key bytes, window bounds behind them; NULL where all columns are null."""
    if not relation.keys:
        return "NULL::BLOB"
    given = " OR ".join(f"{name} IS NOT NULL" for name in relation.keys)
    if relation.window is not None:
        session = relation.window.kind == "SESSION"
        start = "(_ws)::BIGINT::BIT::BLOB"
        key = f"({key}) || {'(_we)::BIGINT::BIT::BLOB || ' if session else ''}{start}"
    return key if whole else f"CASE WHEN {given} THEN {key} END"


def all_kernels(*some: Kernel | None) -> Kernel | None:
    """One kernel that runs those that there are."""
    kernels = [kernel for kernel in some if kernel is not None]
    if not kernels:
        return None

    def run(table: pa.Table) -> pa.Table:
        for kernel in kernels:
            table = kernel(table)
        return table

    return run
