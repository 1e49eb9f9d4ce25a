"""Writes tables to topics of a Kafka cluster: placed, encoded and sent batch by batch.

aiokafka's producer does what needs a connection (idempotence, retries, transactions); it gets
batches that are encoded already. Records of a partition go one batch after the other, partitions
side by side. When `append` returns, all in-sync replicas have what was appended.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from aiokafka import AIOKafkaProducer
from aiokafka import errors as kafka

from streamsql.brokers.kafka_encode import EncodedBatch, encode_records
from streamsql.brokers.kafka_errors import explain, explain_connection
from streamsql.brokers.kafka_opening import open_client
from streamsql.brokers.kafka_settings import KafkaSettings, connection_options
from streamsql.brokers.kafka_topics import KafkaTopics
from streamsql.brokers.log import RecordRefused, TopicPartition
from streamsql.brokers.order import split_records
from streamsql.brokers.placement import as_appended, choose_partitions

_BATCH_BYTES_MAX = 1_000_000
"""Of a batch before compression. Larger ones cost no less, and a broker keeps them in memory."""

_BATCH_OVERHEAD = 128
"""Bytes of a batch's head, and of the numbers in a record, at most."""


class KafkaWriter:
    """Appends to topics; in transactions where `transactional_id` is given.

    `ends`: the next offsets of what the writers of a log have written, which share it: readers look
    at it for each of their partitions, and there may be a hundred writers.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: KafkaTopics,
        ends: dict[TopicPartition, int],
        *,
        transactional_id: str | None = None,
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._transactional_id = transactional_id
        self._producer: AIOKafkaProducer | None = None
        self._turns: defaultdict[str, int] = defaultdict(int)
        self._ends = ends
        self._pending: dict[TopicPartition, int] = {}

    async def producer(self) -> AIOKafkaProducer:
        """The producer, connected when it is first asked for: who only reads needs no permission
        to write. LogError that says why where it cannot be."""
        if self._producer is None:
            made = AIOKafkaProducer(
                **connection_options(self._settings),
                acks="all",
                enable_idempotence=True,
                transactional_id=self._transactional_id,
            )
            try:
                await open_client(made.start, made.stop)
            except kafka.KafkaError as error:
                if isinstance(error, kafka.KafkaConnectionError):
                    raise await explain_connection(self._settings) from error
                raise explain(error, self._settings, "Kafka cannot be written to") from error
            self._producer = made
        return self._producer

    async def close(self) -> None:
        """Sends what is left and closes the connections."""
        if self._producer is None:
            return
        await self._producer.stop()
        _look_at_errors(self._producer)
        self._producer = None

    def settle(self, *, committed: bool) -> None:
        """Says what became of the appends since the last call; without transactions nobody needs
        to."""
        if committed:
            for place, end in self._pending.items():
                self._ends[place] = max(end, self._ends.get(place, 0))
        self._pending.clear()

    async def append(self, topic: str, records: pa.Table) -> None:
        """Appends `records` (APPENDED) in order; LogError names what a topic does not take."""
        info = await self._topics.get(topic)
        if not len(records):
            return
        records = as_appended(records)
        partitions = choose_partitions(records, info, first=self._turns[topic])
        self._turns[topic] += len(records)
        bytes_max = await self._topics.record_bytes_max(topic)
        encoded: dict[int, list[EncodedBatch]] = {}
        for partition, part in split_records(records, partitions):
            batches = encode_records(
                part,
                compression=self._settings["compression.type"],
                transactional=self._transactional_id is not None,
                batch_bytes=min(_BATCH_BYTES_MAX, bytes_max - _BATCH_OVERHEAD),
            )
            for batch in batches:
                if batch.size() > bytes_max:
                    raise _too_large(topic, partition, batch.size(), bytes_max)
            encoded[partition] = batches
        await self.producer()
        sent = [self._send(topic, partition, batches) for partition, batches in encoded.items()]
        for error in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(error, BaseException):
                raise self._explained(topic, error) from error

    async def _send(self, topic: str, partition: int, batches: Sequence[EncodedBatch]) -> None:
        """Sends the batches of a partition and waits until they are written."""
        producer = await self.producer()
        futures: list[asyncio.Future[Any]] = []
        for batch in batches:
            futures.append(await producer.send_batch(batch, topic, partition=partition))
        done = await asyncio.gather(*futures, return_exceptions=True)
        for batch, result in zip(batches, done, strict=True):
            if isinstance(result, BaseException):
                raise result
            self._pending[TopicPartition(topic, partition)] = result.offset + batch.record_count()
        if self._transactional_id is None:
            self.settle(committed=True)

    def _explained(self, topic: str, error: BaseException) -> BaseException:
        if isinstance(error, kafka.KafkaError | OSError | TimeoutError):
            self._topics.forget(topic)
            return explain(error, self._settings, f"topic {topic} cannot be written")
        return error


def _look_at_errors(producer: AIOKafkaProducer) -> None:
    """Looks at what a producer that was fenced left in futures that nobody else can wait for:
    asyncio prints an error that was not looked at."""
    manager, accumulator = producer._txn_manager, producer._message_accumulator
    left = [] if manager is None else [manager.wait_for_transaction_end()]
    left += [batch._drain_waiter for batches in accumulator._batches.values() for batch in batches]
    for future in left:
        if future is not None and future.done() and not future.cancelled():
            future.exception()


def _too_large(topic: str, partition: int, size: int, size_max: int) -> RecordRefused:
    return RecordRefused(
        f"topic {topic} cannot be written: a record is larger than the topic takes",
        detail=f"it would be {size} bytes in partition {partition};"
        f" max.message.bytes of the topic is {size_max}",
        hint="raise max.message.bytes of the topic, or write smaller records",
    )
