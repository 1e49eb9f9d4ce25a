"""A log in memory: chunks of Arrow tables for each topic, one sequence over all of them.

In: tables of APPENDED. Out: tables of FETCHED, which share the chunks' memory. It knows no
transactions: what was appended stays, whatever becomes of the step that appended it.

No method ever suspends: a driver may run one by `coroutine.send(None)`. So `fetch` does not wait,
whatever `wait_ms`: nothing could be appended meanwhile.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from streamsql.brokers.log import TopicInfo, TopicPartition
from streamsql.brokers.order import (
    column,
    cut_sequences,
    first_kept,
    merge_topics,
    positions_after,
    positions_in,
)
from streamsql.brokers.placement import (
    Integers,
    as_appended,
    check_topic,
    place_records,
    unknown_topic,
)

_CHUNK_RECORDS = 65_536
"""Chunks of so many records are not joined to others: a copy would cost more than it saves."""

_STARTS_MAX = 64
"""So many readers of a topic are found again at once; another one searches from the beginning."""


@dataclass(slots=True, kw_only=True)
class _Topic:
    """`chunks` in order of appending, with the row number in the topic at which each begins.

    `starts`: for positions as a fetch left them, the row at which the next one begins.
    """

    info: TopicInfo
    begins: Integers
    ends: Integers
    chunks: list[pa.Table] = field(default_factory=list[pa.Table])
    firsts: list[int] = field(default_factory=list[int])
    starts: dict[bytes, int] = field(default_factory=dict[bytes, int])

    def add(self, chunk: pa.Table) -> None:
        """Appends a chunk. Small ones are joined in pairs of like size: ten thousand appends of one
        record leave a dozen chunks, and each record was copied as often."""
        self.chunks.append(chunk)
        while len(self.chunks) > 1:
            before, last = len(self.chunks[-2]), len(self.chunks[-1])
            if before > 2 * last or before + last > _CHUNK_RECORDS:
                break
            self.chunks[-2:] = [pa.concat_tables(self.chunks[-2:]).combine_chunks()]
        del self.firsts[len(self.chunks) - 1 :]
        end = self.firsts[-1] + len(self.chunks[-2]) if self.firsts else 0
        self.firsts.append(end)

    def pick(self, wanted: Integers, records_max: int) -> tuple[pa.Table | None, Integers]:
        """The next wanted records, at most `records_max`, and the row number of each."""
        start = self.starts.get(wanted.tobytes(), 0)
        parts: list[pa.Table] = []
        rows: list[Integers] = []
        left = records_max
        for i in range(max(bisect_right(self.firsts, start) - 1, 0), len(self.chunks)):
            if left <= 0:
                break
            skipped = max(start - self.firsts[i], 0)
            chunk = self.chunks[i].slice(skipped)
            found = np.flatnonzero(column(chunk, "offset") >= wanted[column(chunk, "partition")])
            found = found[:left]
            left -= len(found)
            if len(found):
                parts.append(_take(chunk, found))
                rows.append(found + (self.firsts[i] + skipped))
        if not parts:
            return None, np.empty(0, np.int64)
        return pa.concat_tables(parts), np.concatenate(rows)

    def remember(self, wanted: Integers, row: int) -> None:
        """Notes that a fetch from `wanted` begins at `row`."""
        self.starts[wanted.tobytes()] = row
        while len(self.starts) > _STARTS_MAX:
            del self.starts[next(iter(self.starts))]


class MemoryLog:
    """A `Log` that lasts as long as the process."""

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}
        self._sequence = 0

    async def topics(self) -> Mapping[str, TopicInfo]:
        return {name: topic.info for name, topic in self._topics.items()}

    async def create_topic(self, topic: TopicInfo) -> None:
        existing = self._topics.get(topic.name)
        check_topic(topic, existing.info if existing else None)
        if existing is None:
            none = np.zeros(topic.partitions, np.int64)
            self._topics[topic.name] = _Topic(info=topic, begins=none, ends=none)

    async def delete_topic(self, name: str) -> None:
        if self._topics.pop(name, None) is None:
            raise unknown_topic(name)

    async def append(self, topic: str, records: pa.Table) -> None:
        found = self._topic(topic)
        if not len(records):
            return
        records = as_appended(records)
        placed = place_records(records, found.info, found.ends)
        sequence = np.arange(self._sequence, self._sequence + len(records))
        chunk = pa.table(
            {
                "partition": pa.array(placed.partitions, pa.int32()),
                "offset": pa.array(placed.offsets),
                **{n: records.column(n) for n in ("timestamp", "key", "value", "headers")},
                "seq": pa.array(sequence),
            }
        )
        found.add(chunk.combine_chunks())
        found.ends = placed.ends
        self._sequence += len(records)

    async def fetch(
        self,
        topics: Sequence[str],
        positions: Mapping[TopicPartition, int],
        *,
        records_max: int,
        wait_ms: int = 0,  # noqa: ARG002 -- see the module's docstring
    ) -> pa.Table:
        names = list(dict.fromkeys(topics))
        wanted = {name: positions_in(self._topic(name).info, positions) for name in names}
        picked = {name: self._topic(name).pick(wanted[name], records_max) for name in names}
        some = {name: (table, rows) for name, (table, rows) in picked.items() if table is not None}
        counts = cut_sequences([column(t, "seq") for t, _ in some.values()], records_max)
        taken: dict[str, pa.Table] = {}
        for (name, (table, rows)), count in zip(some.items(), counts, strict=True):
            if count:
                taken[name] = table.slice(0, count)
                after = positions_after(wanted[name], taken[name])
                self._topics[name].remember(after, int(rows[count - 1]) + 1)
        return merge_topics(taken, topics)

    async def offsets(self, topics: Sequence[str], *, end: bool) -> Mapping[TopicPartition, int]:
        found: dict[TopicPartition, int] = {}
        for name in topics:
            topic = self._topic(name)
            for partition, offset in enumerate((topic.ends if end else topic.begins).tolist()):
                found[TopicPartition(name, partition)] = offset
        return found

    async def delete_records(self, before: Mapping[TopicPartition, int]) -> None:
        """Removes what stands before these offsets."""
        for name in dict.fromkeys(place.topic for place in before):
            topic = self._topic(name)
            topic.begins = first_kept(topic.info, before, topic.begins, topic.ends)
            chunks, topic.chunks, topic.firsts = topic.chunks, [], []
            topic.starts.clear()
            for chunk in chunks:
                stays = column(chunk, "offset") >= topic.begins[column(chunk, "partition")]
                if stays.any():
                    topic.add(_take(chunk, np.flatnonzero(stays)))

    async def close(self) -> None:
        pass

    def _topic(self, name: str) -> _Topic:
        found = self._topics.get(name)
        if found is None:
            raise unknown_topic(name)
        return found


def _take(chunk: pa.Table, rows: Integers) -> pa.Table:
    """These rows of `chunk`: a slice without a copy where they are side by side."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first + 1 == len(rows):
        return chunk.slice(first, len(rows))
    return chunk.take(pa.array(rows))
