"""The seam to a partitioned log of bytes: memory, embedded and Kafka implement `Log`.

Records travel as Arrow tables, never one by one. A fetched table has FETCHED's columns, in
processing order; an appended one has APPENDED's. Offsets are next-to-read. Timestamps are
milliseconds since 1970 in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import pyarrow as pa

from streamsql.errors import LogError

HEADER = pa.struct([("KEY", pa.string()), ("VALUE", pa.binary())])

APPENDED = pa.schema(
    [
        ("partition", pa.int32()),  # null: placed by murmur2 of the key; without a key, spread
        ("timestamp", pa.int64()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(HEADER)),
    ]
)

FETCHED = pa.schema(
    [
        ("input", pa.int32()),  # which of the topics asked for, by its place in the request
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("timestamp", pa.int64()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(HEADER)),
    ]
)


class TopicPartition(NamedTuple):
    topic: str
    partition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicInfo:
    """A topic: number of partitions, replicas, and its configuration (`retention.ms`, …)."""

    name: str
    partitions: int
    replicas: int = 1
    config: Mapping[str, str] = field(default_factory=dict[str, str])


class RecordRefused(LogError):
    """A record that the log does not take (it is too large), of an append of which nothing was
    written."""


class Log(Protocol):
    """A log. Each method raises LogError for what is wrong outside; none for an empty log."""

    async def topics(self) -> Mapping[str, TopicInfo]:
        """All topics by name."""
        ...

    async def create_topic(self, topic: TopicInfo) -> None:
        """Creates the topic; a no-op where it exists with as many partitions, LogError where with
        another number."""
        ...

    async def delete_topic(self, name: str) -> None: ...

    async def append(self, topic: str, records: pa.Table) -> None:
        """Appends in order. In a step of an embedded engine it is part of the step's transaction.

        Several threads never append at once. LogError where the topic or a named partition is not
        there; a record's timestamp is never null.
        """
        ...

    async def fetch(
        self,
        topics: Sequence[str],
        positions: Mapping[TopicPartition, int],
        *,
        records_max: int,
        wait_ms: int = 0,
    ) -> pa.Table:
        """The next records of all partitions in `positions`, as FETCHED, in processing order:
        append order where the log knows one, else (timestamp, topic, partition, offset) among what
        is buffered.

        At most `records_max`, and fewer where they are large: only an empty table says that there
        is no more. Cutting never changes the order. Waits up to `wait_ms` where there is nothing,
        if records can arrive meanwhile. A partition without a position is not read; a position
        before the first offset means the first. A topic that is named twice in `topics` gives
        each record twice, side by side, and may so exceed `records_max`.
        """
        ...

    async def offsets(self, topics: Sequence[str], *, end: bool) -> Mapping[TopicPartition, int]:
        """The first offsets, or with `end` the next ones to be written, of all partitions."""
        ...

    async def close(self) -> None: ...


async def delete_if_there(log: Log, name: str) -> None:
    """Deletes a topic, where no other engine has done so before or does so now."""
    if name not in await log.topics():
        return
    try:
        await log.delete_topic(name)
    except LogError:
        if name in await log.topics():
            raise
