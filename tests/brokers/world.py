"""The logs that keep the contract, each with how to open it, run its methods and open it again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from streamsql.brokers.embedded import EmbeddedLog, database_settings
from streamsql.brokers.kafka import open_kafka
from streamsql.brokers.kafka_settings import kafka_settings
from streamsql.brokers.log import Log, TopicInfo
from streamsql.brokers.memory import MemoryLog
from tests.brokers.records import run_at_once

T = TypeVar("T")
_NUMBERS = count()


class World:
    """A log that is open. `appends_in_order`: it knows in which order topics were appended to.

    `wait_ms`: how long a fetch may wait before it believes that there is nothing more.
    """

    appends_in_order = True
    wait_ms = 0

    def __init__(self, log: Log) -> None:
        self.log = log

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result."""
        return run_at_once(coroutine)

    def topic(self, partitions: int = 1, **config: str) -> str:
        """The name of a new topic."""
        name = f"topic-{next(_NUMBERS)}"
        info = TopicInfo(name=name, partitions=partitions, config=config)
        self.run(self.log.create_topic(info))
        return name

    def reopen(self) -> None:
        """Closes the log and opens it again."""
        raise NotImplementedError

    def close(self) -> None:
        self.run(self.log.close())


class EmbeddedWorld(World):
    """An embedded log in a file, or in memory where `path` is empty."""

    def __init__(self, path: str = "") -> None:
        self._path = path
        self.connection = self._connect()
        super().__init__(EmbeddedLog(self.connection))

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(self._path or ":memory:")
        for name, value in database_settings(fsync=False).items():
            connection.execute(f"SET {name}='{value}'")
        return connection

    def reopen(self) -> None:
        self.connection.close()
        self.connection = self._connect()
        self.log = EmbeddedLog(self.connection)

    def close(self) -> None:
        super().close()
        self.connection.close()


class KafkaWorld(World):
    """A log on a broker that runs."""

    appends_in_order = False

    def __init__(self, address: str, **properties: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._settings = kafka_settings(address, properties)
        try:
            super().__init__(self.run(open_kafka(self._settings)))
        except BaseException:
            self._loop.close()
            raise

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(asyncio.wait_for(coroutine, 60))

    def reopen(self) -> None:
        self.run(self.log.close())
        self.log = self.run(open_kafka(self._settings))

    def close(self) -> None:
        super().close()
        self._loop.close()


WORLDS: dict[str, Callable[[Path], World]] = {
    "memory": lambda _: World(MemoryLog()),
    "embedded": lambda _: EmbeddedWorld(),
    "embedded-file": lambda folder: EmbeddedWorld(str(folder / "log.duckdb")),
}
