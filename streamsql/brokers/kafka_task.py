"""One task's writes to Kafka: outputs, changelog and positions of its inputs in one transaction.

A task is a query's partition. Its transactional id is its own (`<service>-<query>-<partition>`), so
that who takes it over fences who had it: a producer for a whole engine would not, since aiokafka
commits positions without the group's generation (KIP-447). Take over in this order: `open`,
which ends what the former owner had begun, and gives the committed positions; restore; fetch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
from aiokafka import errors as kafka
from aiokafka.structs import OffsetAndMetadata
from aiokafka.structs import TopicPartition as KafkaPartition

from streamsql.brokers.kafka_errors import explain
from streamsql.brokers.kafka_settings import KafkaSettings
from streamsql.brokers.kafka_topics import KafkaTopics
from streamsql.brokers.kafka_writer import KafkaWriter
from streamsql.brokers.log import TopicPartition


class KafkaTask:
    """Transactions of one task. After `Fenced` nothing of it can be used but `close`."""

    def __init__(
        self,
        settings: KafkaSettings,
        topics: KafkaTopics,
        ends: dict[TopicPartition, int],
        *,
        group: str,
        transactional_id: str,
    ) -> None:
        self.transactional_id = transactional_id
        self._group = group
        self._settings = settings
        self._topics = topics
        self._writer = KafkaWriter(settings, topics, ends, transactional_id=transactional_id)
        self._begun = False

    async def open(self, inputs: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Fences who had the task; gives the positions committed for `inputs`, where there are.

        Positions are read last: before the fence the former owner could still commit others.
        """
        await self._writer.producer()
        return await self._topics.committed(self._group, inputs)

    async def append(self, topic: str, records: pa.Table) -> None:
        """Appends as part of the transaction, which begins with the first append."""
        await self._begin()
        await self._writer.append(topic, records)

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commits what was appended, and that the inputs were read up to `positions`.

        Fenced where another engine has taken over; another LogError where the transaction was
        not committed, after which `abort` makes way for the next one.
        """
        await self._begin()
        producer = await self._writer.producer()
        offsets = {KafkaPartition(*p): OffsetAndMetadata(o, "") for p, o in positions.items()}
        try:
            if offsets:
                await producer.send_offsets_to_transaction(offsets, self._group)
            await producer.commit_transaction()
        except (kafka.KafkaError, OSError, TimeoutError) as error:
            raise explain(error, self._settings, self._doing("commit")) from error
        self._begun = False
        self._writer.settle(committed=True)

    async def abort(self) -> None:
        """Takes back what was appended since the last commit; nothing where that is nothing."""
        if not self._begun:
            return
        self._begun = False
        self._writer.settle(committed=False)
        producer = await self._writer.producer()
        try:
            await producer.abort_transaction()
        except (kafka.KafkaError, OSError, TimeoutError) as error:
            raise explain(error, self._settings, self._doing("abort")) from error

    async def close(self) -> None:
        """Closes the connections. A transaction that is open is ended by who takes over, or by
        the broker once it has timed out."""
        await self._writer.close()

    async def _begin(self) -> None:
        if self._begun:
            return
        producer = await self._writer.producer()
        try:
            await producer.begin_transaction()
        except (kafka.KafkaError, OSError, TimeoutError) as error:
            raise explain(error, self._settings, self._doing("begin")) from error
        self._begun = True

    def _doing(self, act: str) -> str:
        return f"{self.transactional_id} cannot {act} a transaction"
