"""Where a record goes when its key changes: the partition that Kafka's default partitioner gives its key bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamsql.formats.format import Format, FormatOptions
from streamsql.schema.column import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How a key is written where records change their partition, and among how many partitions it is placed.

    `format` and `options` are the key format's of the query's sink or source; `options.side` is KEY.
    """

    format: Format
    options: FormatOptions
    partitions: int

    def partition_sql(self, columns: Sequence[Column], values: Sequence[str]) -> str:
        """DuckDB text of the partition of a key whose columns' texts are `values`; 0 where the key is null."""
        raise NotImplementedError
