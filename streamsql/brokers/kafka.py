"""A log on a Kafka cluster: topics, reading and writing behind the `Log` protocol.

Appended records are there for every reader when `append` returns, and `fetch` gives nothing only
once every partition was found at its end, as far as its broker has told and this process has
written. Order: see `kafka_reader`. A method may be called from one event loop only.

What it does not know: tables, plans, state. Transactions of a task: `kafka_task`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence

import pyarrow as pa

from streamsql.brokers.group import Member
from streamsql.brokers.kafka_group import KafkaGroup
from streamsql.brokers.kafka_reader import KafkaReader
from streamsql.brokers.kafka_settings import KafkaSettings
from streamsql.brokers.kafka_task import KafkaTask
from streamsql.brokers.kafka_topics import KafkaTopics
from streamsql.brokers.kafka_writer import KafkaWriter
from streamsql.brokers.log import FETCHED, TopicInfo, TopicPartition
from streamsql.brokers.placement import unknown_partition

_READERS_MAX = 64
"""Readers that wait for their query to come back; the one that waits longest goes first."""

_Key = tuple[tuple[TopicPartition, int], ...]


class KafkaLog:
    """A `Log` on a cluster; made by `open_kafka`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._topics = KafkaTopics(settings)
        self._ends: dict[TopicPartition, int] = {}
        self._writer = KafkaWriter(settings, self._topics, self._ends)
        self._readers: dict[_Key, KafkaReader] = {}
        self._tasks: list[KafkaTask] = []

    async def open(self) -> None:
        """Connects; LogError that says why where it cannot."""
        await self._topics.open()

    async def topics(self) -> Mapping[str, TopicInfo]:
        return await self._topics.all()

    async def create_topic(self, topic: TopicInfo) -> None:
        self._forget(topic.name)
        await self._topics.create(topic)

    async def delete_topic(self, name: str) -> None:
        await self._topics.delete(name)
        self._forget(name)
        for key in [key for key in self._readers if any(place.topic == name for place, _ in key)]:
            await self._readers.pop(key).close()

    async def append(self, topic: str, records: pa.Table) -> None:
        await self._writer.append(topic, records)

    async def fetch(
        self,
        topics: Sequence[str],
        positions: Mapping[TopicPartition, int],
        *,
        records_max: int,
        wait_ms: int = 0,
        first: Collection[str] = (),
    ) -> pa.Table:
        """As `Log.fetch`; `first`: topics that go first where timestamps are the same."""
        wanted = await self._wanted(topics, positions)
        if not wanted:
            return FETCHED.empty_table()
        reader = self._readers.pop(_key(wanted), None)
        if reader is None:
            reader = KafkaReader(self.settings, wanted, written=self.written)
            await reader.open()
        try:
            table = await reader.take(topics, records_max=records_max, wait_ms=wait_ms, first=first)
        except BaseException:
            await reader.close()
            raise
        await self._keep(reader)
        return table

    def task(self, *, group: str, transactional_id: str) -> KafkaTask:
        """Transactions of one task, to be opened; closed with this log, or by `release`."""
        made = KafkaTask(
            self.settings, self._topics, self._ends, group=group, transactional_id=transactional_id
        )
        self._tasks.append(made)
        return made

    async def release(self, task: KafkaTask) -> None:
        """Closes a task; what it has written stays known."""
        self._tasks.remove(task)
        await task.close()

    def group(
        self,
        query: str,
        *,
        group: str,
        topics: Sequence[str],
        member: Callable[[], Member],
        whole: bool,
        standbys: int,
        session_ms: int,
        max_poll_ms: int,
    ) -> KafkaGroup:
        """A membership in the group that shares a query, to be opened and closed by who asked."""
        return KafkaGroup(
            self.settings,
            query,
            group=group,
            topics=topics,
            member=member,
            whole=whole,
            standbys=standbys,
            session_ms=session_ms,
            max_poll_ms=max_poll_ms,
        )

    async def reader(self, positions: Mapping[TopicPartition, int]) -> KafkaReader:
        """Reads these partitions, and is closed by who asked: what comes back to other positions
        than it left needs no search for its reader."""
        wanted = await self._wanted([place.topic for place in positions], positions)
        made = KafkaReader(self.settings, wanted, written=self.written)
        await made.open()
        return made

    def written(self, place: TopicPartition) -> int:
        """How far this process has written a partition, as far as it can be read."""
        return self._ends.get(place, 0)

    def _forget(self, topic: str) -> None:
        """Drops what is remembered of a topic: it is not as it was."""
        for place in [place for place in self._ends if place.topic == topic]:
            del self._ends[place]

    async def _wanted(
        self, topics: Sequence[str], positions: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """The positions in these topics; LogError where one is of no partition."""
        wanted: dict[TopicPartition, int] = {}
        for name in dict.fromkeys(topics):
            info = await self._topics.get(name)
            for place, offset in positions.items():
                if place.topic == name:
                    if not 0 <= place.partition < info.partitions:
                        raise unknown_partition(info, place.partition)
                    wanted[place] = offset
        return wanted

    async def _keep(self, reader: KafkaReader) -> None:
        """Keeps a reader for who comes back with the positions that it stands at."""
        replaced = self._readers.pop(key := _key(reader.positions), None)
        self._readers[key] = reader
        if replaced is not None:
            await replaced.close()
        while len(self._readers) > _READERS_MAX:
            await self._readers.pop(next(iter(self._readers))).close()

    async def offsets(self, topics: Sequence[str], *, end: bool) -> Mapping[TopicPartition, int]:
        isolation = int(self.settings["isolation.level"] == "read_committed")
        found = await self._topics.offsets(topics, end=end, isolation=isolation)
        if not end:
            return found
        # A commit is answered before the partitions have its end: they may still tell the old one.
        return {place: max(offset, self.written(place)) for place, offset in found.items()}

    async def committed(
        self, group: str, places: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """The positions that a group has committed, without partitions for which it has none."""
        return await self._topics.committed(group, places)

    async def delete_records(self, before: Mapping[TopicPartition, int]) -> None:
        """Removes what stands before these offsets."""
        await self._topics.delete_records(before)

    async def close(self) -> None:
        for reader in self._readers.values():
            await reader.close()
        self._readers.clear()
        for task in self._tasks:
            await task.close()
        await self._writer.close()
        await self._topics.close()


async def open_kafka(settings: KafkaSettings) -> KafkaLog:
    """A log on the cluster of `settings`; LogError that says why where it cannot be reached."""
    # aiokafka writes to its logger what it then raises, or tries again; who wants to see it gives
    # the logger a handler. Without this one Python would print it.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    log = KafkaLog(settings)
    await log.open()
    return log


def _key(positions: Mapping[TopicPartition, int]) -> _Key:
    return tuple(sorted(positions.items()))
