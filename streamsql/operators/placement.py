"""Where a record goes when its key changes: the partition that Kafka's default partitioner gives
its key bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamsql.errors import UnsupportedError
from streamsql.formats.format import Format, FormatOptions
from streamsql.functions.registry import Kernel
from streamsql.schema.column import Column
from streamsql.schema.murmur2 import murmur2
from streamsql.schema.types import BIGINT, BYTES, INTEGER, STRING

MURMUR2 = Kernel(
    name="streamsql_murmur2", parameters=("BLOB",), returns="INTEGER", function=murmur2
)
"""The hash of key bytes as a function of DuckDB; whoever opens the connection registers it."""

KERNELS = (MURMUR2,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How a key is written where records change their partition, and among how many it is placed.

    `format` and `options` are the key format's of the query's sink or source; `options.side` is
    KEY.
    """

    format: Format
    options: FormatOptions
    partitions: int

    def partition_sql(self, columns: Sequence[Column], values: Sequence[str]) -> str:
        """DuckDB text of the partition of a key whose columns' texts are `values`; 0 for a null
        key."""
        if self.partitions == 1 or not columns:
            return "0"
        encode = self.format.encode(columns, values, self.options, target="_key")
        if encode.kernel is not None:
            raise UnsupportedError(
                f"records cannot be repartitioned by a key in the format {self.format.name}",
                hint="choose KEY_FORMAT='JSON' or 'KAFKA'",
            )
        return f"coalesce({partition_of(encode.sql, self.partitions)}, 0)"


def order_bytes(columns: Sequence[Column], values: Sequence[str]) -> str:
    """DuckDB text of bytes in whose order Kafka Streams' stores have keys: those of the KAFKA
    format for one simple column (big-endian, so that -1 comes after 1), of their text otherwise."""
    parts: list[str] = []
    for column, value in zip(columns, values, strict=True):
        if column.type in (INTEGER, BIGINT):
            parts.append(f"({value})::BIT::BLOB")
        elif column.type == STRING:
            parts.append(f"encode({value})")
        elif column.type == BYTES:
            parts.append(value)
        else:
            parts.append(f"encode(({value})::VARCHAR)")
    return " || ".join(f"coalesce({p}, ''::BLOB)" for p in parts) or "''::BLOB"


def partition_of(key_sql: str, partitions: int) -> str:
    """DuckDB text of the partition of key bytes; NULL for NULL (Kafka's DefaultPartitioner)."""
    return f"((streamsql_murmur2({key_sql}) & 2147483647) % {partitions})"
