"""Engines of one service on a broker: their names, their topics, and what is in them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TypeVar

import pyarrow as pa

import streamsql
from streamsql.brokers.kafka import open_kafka
from streamsql.brokers.kafka_settings import kafka_settings
from streamsql.brokers.log import TopicInfo
from streamsql.session.connection import Connection

T = TypeVar("T")
_NUMBERS = count()
_SECONDS_MAX = 90.0
"""How long something may take to come true on a machine that has much else to do."""

Row = tuple[int, int, bytes | None, bytes | None, object]
"""Partition, timestamp, key, value, headers."""


class ServicePlace:
    """A service that nobody else uses; its topics carry its id."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.id = f"s{next(_NUMBERS)}"

    def connect(self, **settings: str) -> Connection:
        """One more engine."""
        chosen = {
            "ksql_service_id": self.id,
            "cache_max_bytes_buffering": "0",
            "session_timeout_ms": "6000",
            **settings,
        }
        return streamsql.connect(f"kafka://{self.address}", **chosen)

    @contextmanager
    def engine(self, **settings: str) -> Iterator[Connection]:
        """One more engine, as long as the block goes on."""
        connection = self.connect(**settings)
        try:
            yield connection
        finally:
            connection.close()

    def topic(self, name: str) -> str:
        """A topic's name, of this service."""
        return f"{self.id}-{name}"

    def text(self, sql: str) -> str:
        """`sql` with `{t}` where a topic's name begins."""
        return sql.replace("{t}", f"{self.id}-")

    def create_topic(self, name: str, partitions: int, **config: str) -> str:
        """Makes a topic beside every engine; its name."""
        info = TopicInfo(name=self.topic(name), partitions=partitions, config=config)

        async def act() -> None:
            log = await open_kafka(kafka_settings(self.address))
            await log.create_topic(info)
            await log.close()

        asyncio.run(act())
        return info.name

    def topics(self) -> set[str]:
        """What topics of this service there are."""

        async def act() -> set[str]:
            log = await open_kafka(kafka_settings(self.address))
            names = set(await log.topics())
            await log.close()
            return names

        mine = (self.topic(""), f"_streamsql-{self.id}-", f"{self.id}ksql")
        return {name for name in asyncio.run(act()) if name.startswith(mine)}


def content(connection: Connection, topic: str) -> list[Row]:
    """The records of a topic, partition by partition, without their offsets: on Kafka ends of
    transactions have some."""
    table = connection.read_topic(topic)
    ordered = table.sort_by([("partition", "ascending"), ("offset", "ascending")])
    names = ["partition", "timestamp", "key", "value", "headers"]
    return [tuple(row.values()) for row in ordered.select(names).to_pylist()]


def by_key(rows: Sequence[Row]) -> Mapping[tuple[int, bytes | None], list[bytes | None]]:
    """The values of each key in their order."""
    found: dict[tuple[int, bytes | None], list[bytes | None]] = {}
    for partition, _, key, value, _ in rows:
        found.setdefault((partition, key), []).append(value)
    return found


def eventually(look: Callable[[], T], wanted: Callable[[T], bool] = bool) -> T:
    """What `look` gives once it is what is `wanted`."""
    until = time.monotonic() + _SECONDS_MAX
    while not wanted(found := look()):
        if time.monotonic() > until:
            raise AssertionError(f"it stayed {found!r}")
        time.sleep(0.05)
    return found


def int_keys(numbers: Sequence[int]) -> pa.Array:
    """Keys as KAFKA writes INTs."""
    return pa.array([n.to_bytes(4) for n in numbers], pa.binary())
