"""A log that remembers what was written to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from streamsql.brokers.log import Log, TopicInfo, TopicPartition


class RecordingLog:
    """`log`; every append that was not an input is noted in `written`."""

    def __init__(self, log: Log, written: list[tuple[str, pa.Table]]) -> None:
        self.written = written
        self._log = log

    async def append_input(self, topic: str, records: pa.Table) -> None:
        """Appends records that are not to be remembered."""
        await self._log.append(topic, records)

    async def topics(self) -> Mapping[str, TopicInfo]:
        return await self._log.topics()

    async def create_topic(self, topic: TopicInfo) -> None:
        await self._log.create_topic(topic)

    async def delete_topic(self, name: str) -> None:
        await self._log.delete_topic(name)

    async def append(self, topic: str, records: pa.Table) -> None:
        await self._log.append(topic, records)
        self.written.append((topic, records))

    async def fetch(
        self,
        topics: Sequence[str],
        positions: Mapping[TopicPartition, int],
        *,
        records_max: int,
        wait_ms: int = 0,
    ) -> pa.Table:
        return await self._log.fetch(topics, positions, records_max=records_max, wait_ms=wait_ms)

    async def offsets(self, topics: Sequence[str], *, end: bool) -> Mapping[TopicPartition, int]:
        return await self._log.offsets(topics, end=end)

    async def close(self) -> None:
        await self._log.close()
