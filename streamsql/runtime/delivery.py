"""How a step's outputs and the positions behind it reach Kafka: exactly once, or at least once.

A *number* is a partition number of a query's co-partitioned inputs; what is written for it and how
far its inputs were read belong together. Outputs come as {number: [(topic, records)]}.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from streamsql.brokers.log import RecordRefused, TopicPartition
from streamsql.engine.step import StepError

if TYPE_CHECKING:
    from streamsql.brokers.kafka import KafkaLog
    from streamsql.brokers.kafka_group import KafkaGroup
    from streamsql.brokers.kafka_task import KafkaTask

Outputs = Mapping[int, Sequence[tuple[str, pa.Table]]]
Positions = Mapping[TopicPartition, int]


class ExactlyOnce:
    """Each number has a transaction of its own, under an id that only its owner may use: who takes
    it over fences who had it (`brokers.kafka_task`)."""

    def __init__(self, log: KafkaLog, *, group: str, prefix: str) -> None:
        self._log = log
        self._group = group
        self._prefix = prefix
        self._tasks: dict[int, KafkaTask] = {}

    async def acquire(self, number: int, inputs: Sequence[TopicPartition]) -> Positions:
        """Takes a number over; gives the positions that were committed for its inputs."""
        task = self._log.task(group=self._group, transactional_id=f"{self._prefix}-{number}")
        self._tasks[number] = task
        return await task.open(inputs)

    async def release(self, number: int) -> None:
        """Gives a number up. An open transaction is ended by who takes it over."""
        task = self._tasks.pop(number, None)
        if task is not None:
            await self._log.release(task)

    async def deliver(self, outputs: Outputs, positions: Mapping[int, Positions]) -> None:
        """Commits outputs and positions of each number; StepError where a record is refused, of
        which then nothing was written.

        After another error some numbers may have committed and others not: acquire all again.
        """
        numbers = list(positions)
        appended = await asyncio.gather(
            *(self._append(n, outputs.get(n, ())) for n in numbers), return_exceptions=True
        )
        refused = [e for e in appended if isinstance(e, RecordRefused)]
        if refused:
            await asyncio.gather(*(self._tasks[n].abort() for n in numbers))
            raise StepError(str(refused[0])) from refused[0]
        _raise_first(appended)
        committed = await asyncio.gather(
            *(self._tasks[n].commit(positions[n]) for n in numbers), return_exceptions=True
        )
        _raise_first(committed)

    async def _append(self, number: int, outputs: Sequence[tuple[str, pa.Table]]) -> None:
        for topic, records in outputs:
            await self._tasks[number].append(topic, records)

    def end(self, _number: int, place: TopicPartition) -> int:
        """The next offset of a partition as of the last delivery."""
        return self._log.written(place)


class AtLeastOnce:
    """Outputs first, then the positions: a crash between the two writes outputs again."""

    def __init__(self, log: KafkaLog, *, name: str, group: KafkaGroup) -> None:
        self._log = log
        self._name = name
        self._group = group

    async def acquire(self, _number: int, inputs: Sequence[TopicPartition]) -> Positions:
        """The positions that were committed for the inputs of a number."""
        return await self._log.committed(self._name, inputs)

    async def release(self, _number: int) -> None:
        """Nothing is held for a number."""

    async def deliver(self, outputs: Outputs, positions: Mapping[int, Positions]) -> None:
        """Writes all outputs and commits the positions; StepError where a record is refused."""
        topics: dict[str, list[pa.Table]] = {}
        for parts in outputs.values():
            for topic, records in parts:
                topics.setdefault(topic, []).append(records)
        try:
            for topic, tables in topics.items():
                await self._log.append(topic, pa.concat_tables(tables))
        except RecordRefused as error:
            raise StepError(str(error)) from error
        merged = {place: offset for own in positions.values() for place, offset in own.items()}
        if merged:
            await self._group.commit(merged)

    def end(self, _number: int, place: TopicPartition) -> int:
        """The next offset of a partition as of the last delivery."""
        return self._log.written(place)


def _raise_first(results: Sequence[object]) -> None:
    for result in results:
        if isinstance(result, BaseException):
            raise result
