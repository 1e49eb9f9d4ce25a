"""Reads partitions of a Kafka cluster from some positions on, in one order.

A reader has connections of its own, since a broker answers the requests of a connection one after
the other, and a fetch may wait for seconds. In the background it asks each leader
for the next records of all partitions that have room, and decodes them; `take` merges what is
there by (timestamp, topic, partition, offset).

1. Of a partition, records come by offset. Between partitions the lowest timestamp goes first, where
   one that is lower than some before it in its partition counts as high as these: the same order
   that comparing the heads of all partitions gives (KIP-695), wherever it is cut. Of the same
   timestamp the topics go first that `take` is told to, then it goes by topic and partition: a
   table's change is there for a stream's record of its time, however far a repartition lags.
2. Nothing goes before a partition that has more on the broker was looked into: `take` stops at the
   last record that is buffered of such a partition.
3. A position can be behind the last record: control records and aborted ones have offsets too. Who
   comes back with the position after the last record that it got is where it was.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from aiokafka import errors as kafka
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.structs import TopicPartition as KafkaPartition

from streamsql.brokers.kafka_decode import decode_records
from streamsql.brokers.kafka_errors import explain, explain_connection
from streamsql.brokers.kafka_opening import open_client
from streamsql.brokers.kafka_settings import KafkaSettings, connection_options
from streamsql.brokers.log import FETCHED, TopicPartition
from streamsql.brokers.order import column, merge_topics
from streamsql.brokers.placement import Integers, unknown_topic
from streamsql.errors import LogError

_POLL_MS = 5_000
"""How long a broker holds a fetch that finds nothing: records, or the end of a transaction, end it
at once. Twenty idle queries that ask twice a second cost 3 % of a core."""

_FIRST_POLL_MS = 1
"""The same before the first answer: `take` has to know whether there is anything."""

_POLL_AROUND_MS = 20
"""The same while a partition is left out, since its buffer is full: it comes back soon."""

_ANSWER_SECONDS = 5.0
"""How long `take` waits for a partition that was not looked into."""

_PARTITION_BYTES = 4 << 20
_FETCH_BYTES = 32 << 20
"""Of one response: of a partition, and in all. The first batch comes whatever its size."""

_BUFFER_BYTES = 64 << 20
"""Of decoded records that wait in a reader; each partition may hold its share, at least a
response."""

_CONSIDERED_MIN = 1_024
"""So many records of a partition are looked at in a merge, at least."""

_EARLIEST = -2
"""What ListOffsets takes in the place of a timestamp."""

_BACKOFF_SECONDS = (0.1, 0.2, 0.5, 1.0)


@dataclass(slots=True, kw_only=True)
class _Source:
    """A partition that is read.

    `delivered`: the position after the last record that was taken; `told`: one behind it, up to
    which there is none, that an empty `take` has told of (`reached`). `next_offset`: where the next
    fetch begins. `end`: the next offset to be written as of the last answer, -1 before the first.
    `lost`: the broker has no record at `next_offset`. `broken`: `error` will not pass.
    """

    place: TopicPartition
    delivered: int
    next_offset: int
    told: int = 0
    end: int = -1
    tables: deque[pa.Table] = field(default_factory=deque[pa.Table])
    buffered: int = 0
    buffered_bytes: int = 0
    lost: bool = False
    broken: bool = False
    error: LogError | None = None

    def ended(self, known_end: int) -> bool:
        """Whether the broker has no more than what is buffered."""
        return self.end >= 0 and self.next_offset >= max(self.end, known_end)

    def add(self, table: pa.Table) -> None:
        """Buffers records."""
        if len(table):
            self.tables.append(table)
            self.buffered += len(table)
            self.buffered_bytes += table.nbytes

    def timestamps(self, records_max: int) -> Integers:
        """Of the next records."""
        parts: list[Integers] = [np.empty(0, np.int64)]
        left = records_max
        for table in self.tables:
            if left <= 0:
                break
            parts.append(column(table, "timestamp")[:left])
            left -= len(parts[-1])
        return np.concatenate(parts)

    def take(self, count: int) -> pa.Table:
        """Removes and gives the next `count` records."""
        parts: list[pa.Table] = []
        self.buffered -= count
        while count:
            table = self.tables.popleft()
            self.buffered_bytes -= table.nbytes
            if len(table) > count:
                rest = table.slice(count)
                self.tables.appendleft(rest)
                self.buffered_bytes += rest.nbytes
                table = table.slice(0, count)
            parts.append(table)
            count -= len(table)
        whole = pa.concat_tables(parts)
        self.delivered = whole.column("offset")[-1].as_py() + 1
        return whole


class KafkaReader:
    """Partitions read from `positions` on. `written` tells how far this process has written a
    partition: what it wrote it also reads."""

    def __init__(
        self,
        settings: KafkaSettings,
        positions: Mapping[TopicPartition, int],
        *,
        written: Callable[[TopicPartition], int],
    ) -> None:
        self.used_at = time.monotonic()
        self._settings = settings
        self._isolation = int(settings["isolation.level"] == "read_committed")
        self._written = written
        self._sources = {
            place: _Source(place=place, delivered=offset, next_offset=offset)
            for place, offset in sorted(positions.items())
        }
        self._room = max(_BUFFER_BYTES // max(len(positions), 1), _PARTITION_BYTES)
        self._client = AIOKafkaClient(**connection_options(settings))
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._news = asyncio.Event()
        self._space = asyncio.Event()
        self._interrupted = False
        self._opened = False

    @property
    def positions(self) -> dict[TopicPartition, int]:
        """The position after the last record that was taken of each partition."""
        return {place: source.delivered for place, source in self._sources.items()}

    def reached(self) -> dict[TopicPartition, int]:
        """Of partitions of which nothing is buffered: up to where they were looked through."""
        return {
            place: source.next_offset
            for place, source in self._sources.items()
            if not source.buffered
        }

    async def open(self) -> None:
        """Connects and begins to read."""
        try:
            await open_client(self._connect, self._client.close)
        except kafka.KafkaError as error:
            raise await explain_connection(self._settings) from error
        self._opened = True
        self._start_tasks()

    async def _connect(self) -> None:
        await self._client.bootstrap()
        await self._client.set_topics({place.topic for place in self._sources})

    def interrupt(self) -> None:
        """Ends the waiting of a `take`, the next one where none waits; it gives what is there."""
        self._interrupted = True
        self._news.set()

    async def close(self) -> None:
        """Stops reading; what is buffered is dropped."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
        await self._client.close()

    # taking -------------------------------------------------------------------------------------

    async def take(
        self,
        topics: Sequence[str],
        *,
        records_max: int,
        wait_ms: int,
        first: Collection[str] = (),
        apart: bool = False,
    ) -> pa.Table:
        """The next records in order, as FETCHED for the request `topics`; `first`: which of them
        go first where timestamps are the same (rule 1). `apart`: nobody compares the partitions of
        a topic: those of one topic come one behind the other, which saves a copy of each record.

        It waits as long as a partition was not looked into (rule 2), though no longer than the
        broker may take to answer, and then up to `wait_ms` for records that are yet to come. It
        waits no longer where a position moved behind something that is no record (rule 3).
        """
        self.used_at = time.monotonic()
        quiet_since: float | None = None
        while True:
            self._news.clear()
            table = self._take_ready(topics, records_max, first, apart and len(topics) == 1)
            now = time.monotonic()
            if len(table) or self._interrupted:
                self._interrupted = False
                return table
            if wait_ms and self._all_ended() and self._moved():
                return table
            if self._all_ended():
                quiet_since = now if quiet_since is None else quiet_since
                left = quiet_since + wait_ms / 1000 - now
            else:
                left = self.used_at + _ANSWER_SECONDS - now
                self._raise_errors(lasting=left <= 0)
            if left <= 0:
                return table
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                continue

    def _all_ended(self) -> bool:
        return all(
            source.ended(self._written(place)) and not source.buffered
            for place, source in self._sources.items()
        )

    def _moved(self) -> bool:
        """Whether a partition was looked through up to a place that nobody has been told of."""
        moved = False
        for source in self._sources.values():
            moved = moved or source.next_offset > max(source.delivered, source.told)
            source.told = source.next_offset
        return moved

    def _raise_errors(self, *, lasting: bool) -> None:
        """Raises what keeps a partition from being read, if it will not pass or has lasted."""
        for source in self._sources.values():
            if source.error is not None and (source.broken or lasting):
                raise source.error

    def _take_ready(
        self, topics: Sequence[str], records_max: int, first: Collection[str], apart: bool
    ) -> pa.Table:
        """The next records of what is buffered (rules 1 and 2)."""
        sources = sorted(self._sources.values(), key=lambda s: s.place.topic not in first)
        # A partition that may have earlier ones holds back all others.
        ready = all(s.buffered or s.ended(self._written(s.place)) for s in sources)
        if not ready or not any(source.buffered for source in sources):
            return FETCHED.empty_table()
        share = max(2 * records_max // len(sources), _CONSIDERED_MIN)
        keys = [np.maximum.accumulate(s.timestamps(min(share, records_max))) for s in sources]
        total = sum(len(k) for k in keys)
        order = np.argsort(np.concatenate(keys), kind="stable") if total else np.empty(0, np.int64)
        rank = np.empty(total, np.int64)
        rank[order] = np.arange(total)
        ranks = np.split(rank, np.cumsum([len(k) for k in keys])[:-1])
        taken = min(total, records_max)
        for source, mine in zip(sources, ranks, strict=True):
            if len(mine) < source.buffered or not source.ended(self._written(source.place)):
                taken = min(taken, int(mine[-1]) + 1 if len(mine) else 0)
        parts: dict[str, list[pa.Table]] = defaultdict(list)
        done = 0
        for source, mine in zip(sources, ranks, strict=True):
            count = int(np.searchsorted(mine, taken))
            if count:
                place = np.arange(done, done + count) if apart else mine[:count]
                parts[source.place.topic].append(_ranked(source.take(count), source, place))
                done += count
        if parts:
            self._space.set()
        return merge_topics({name: pa.concat_tables(p) for name, p in parts.items()}, topics)

    # reading ------------------------------------------------------------------------------------

    def _leader(self, place: TopicPartition) -> int:
        """The node that leads a partition, -1 where none is known."""
        node = self._client.cluster.leader_for_partition(KafkaPartition(*place))
        return -1 if node is None else node

    def _start_tasks(self) -> None:
        """Sees to it that there is a task for each node that leads a partition."""
        for place in self._sources:
            node = self._leader(place)
            if node not in self._tasks or self._tasks[node].done():
                work = self._find_leaders() if node < 0 else self._poll(node)
                self._tasks[node] = asyncio.create_task(work)

    async def _find_leaders(self) -> None:
        """Asks for metadata until every partition has a leader."""
        attempt = 0
        while any(self._leader(place) < 0 for place in self._sources):
            for place, source in self._sources.items():
                if self._leader(place) < 0:
                    source.error = _leaderless(place)
            await asyncio.sleep(_BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)])
            await self._client.force_metadata_update()
            attempt += 1
        self._start_tasks()

    async def _poll(self, node: int) -> None:
        """Fetches from one node as long as it leads a partition."""
        failures = 0
        while True:
            mine = [s for p, s in self._sources.items() if self._leader(p) == node and not s.broken]
            if not mine:
                self._start_tasks()
                return
            self._space.clear()
            wanted = [s for s in mine if s.buffered_bytes < self._room]
            if not wanted:
                await self._space.wait()
                continue
            try:
                for source in wanted:
                    if source.lost:
                        await self._find_first(node, source)
                response = await self._client.send(node, _request(self._isolation, mine, wanted))
            except (kafka.KafkaError, OSError, TimeoutError) as error:
                self._fail(mine, error)
                stale = True
            else:
                stale = self._receive(response)
            self._news.set()
            failures = failures + 1 if stale else 0
            if stale:
                await asyncio.sleep(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS)) - 1])
                await self._client.force_metadata_update()
                self._start_tasks()

    async def _find_first(self, node: int, source: _Source) -> None:
        """Goes to a partition's first offset, where older records were deleted."""
        asked = [(source.place.topic, [(source.place.partition, _EARLIEST)])]
        response = await self._client.send(node, OffsetRequest(-1, self._isolation, asked))
        ((_, ((_, code, _, first),)),) = response.topics
        if code:
            raise kafka.for_code(code)()
        source.lost = False
        if first > source.next_offset:
            source.next_offset = first
            return
        place = source.place
        source.broken = True
        source.error = LogError(
            f"topic {place.topic}, partition {place.partition} has no offset {source.next_offset}",
            detail="it ends before it",
            hint="the topic was deleted and created again, or lost records; start the query anew",
        )

    def _fail(self, sources: Sequence[_Source], error: BaseException) -> None:
        """Notes that these partitions could not be read."""
        for source in sources:
            place = source.place
            doing = f"topic {place.topic}, partition {place.partition} cannot be read"
            source.error = explain(error, self._settings, doing)

    def _receive(self, response: Any) -> bool:
        """Takes in what a node answered; says whether metadata is out of date."""
        stale = False
        for topic, partitions in response.topics:
            for partition, code, high, stable, _, *rest in partitions:
                source = self._sources[TopicPartition(topic, partition)]
                error = kafka.for_code(code)
                if error is kafka.NoError:
                    source.error = None
                    self._accept(source, rest[-1] or b"", rest[0])
                    source.end = stable if self._isolation else high
                elif error is kafka.OffsetOutOfRangeError:
                    source.lost = True
                else:
                    # Another error than these passes by waiting, if at all.
                    stale = True
                    self._fail([source], error())
                    if error is kafka.UnknownTopicOrPartitionError:
                        source.error = unknown_topic(topic)
                    source.broken = error is kafka.TopicAuthorizationFailedError
        return stale

    def _accept(
        self, source: _Source, content: bytes, aborted: Sequence[tuple[int, int]] | None
    ) -> None:
        """Buffers the records of an answer."""
        if not content:
            return
        place = f"topic {source.place.topic}, partition {source.place.partition}"
        hidden = (aborted or ()) if self._isolation else None
        try:
            decoded = decode_records(content, source.next_offset, aborted=hidden, place=place)
        except LogError as error:
            source.error, source.broken = error, True
            return
        source.add(decoded.records)
        source.next_offset = decoded.next_offset


def _request(isolation: int, mine: Sequence[_Source], wanted: Sequence[_Source]) -> FetchRequest:
    """Asks for the next records of `wanted`."""
    topics: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for source in wanted:
        asked = (source.place.partition, source.next_offset, _PARTITION_BYTES)
        topics[source.place.topic].append(asked)
    wait_ms = _POLL_MS if len(wanted) == len(mine) else _POLL_AROUND_MS
    if any(source.end < 0 for source in wanted):
        wait_ms = _FIRST_POLL_MS
    return FetchRequest(wait_ms, 1, _FETCH_BYTES, isolation, list(topics.items()))


def _ranked(table: pa.Table, source: _Source, ranks: Integers) -> pa.Table:
    """`table` with its partition and, as `seq`, its place among all that is taken."""
    partition = pa.array(np.full(len(table), source.place.partition, np.int32))
    return table.append_column("partition", partition).append_column("seq", pa.array(ranks))


def _leaderless(place: TopicPartition) -> LogError:
    return LogError(
        f"topic {place.topic}, partition {place.partition} has no leader",
        hint="the broker that has it is down, or the topic is not there",
    )
