"""A deterministic driver: one engine over the memory log, stepped by hand, with a clock that is held.

Every call runs to its end on the caller's thread: the memory log's coroutines never suspend, so no event loop is
needed and nothing happens in between.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import pyarrow as pa

from streamsql.brokers.log import APPENDED, TopicInfo
from streamsql.brokers.memory import MemoryLog
from streamsql.session.engine import Engine, new_engine
from streamsql.session.result import Push, Result
from streamsql.session.session import Session
from streamsql.sql import split
from streamsql.testing.recording import RecordingLog

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise AssertionError("a coroutine of the memory log suspended")


class Driver:
    """An engine whose time and steps are in the caller's hand.

    `written` holds what statements and queries wrote, in order: (topic, APPENDED table).
    """

    def __init__(
        self,
        properties: Mapping[str, str] | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        now_ms: int = 0,
    ) -> None:
        self.now_ms = now_ms
        self.log = RecordingLog(MemoryLog())
        self.engine: Engine = new_engine(
            settings=settings, clock=lambda: self.now_ms, log=self.log
        )
        self.session = Session(self.engine, properties)

    @property
    def written(self) -> list[tuple[str, pa.Table]]:
        """What was appended, inputs excepted."""
        return self.log.written

    def create_topic(self, name: str, partitions: int) -> None:
        """Creates a topic."""
        run(self.log.create_topic(TopicInfo(name=name, partitions=partitions)))

    def execute(self, text: str) -> list[Result]:
        """Executes a script; after each statement the queries run until they have nothing to read."""
        results: list[Result] = []
        for piece in split(text):
            result = run(self.session.execute_piece(piece))
            results.append(result)
            if not isinstance(result, Push):
                self.settle()
        return results

    def produce(self, topic: str, records: pa.Table) -> None:
        """Appends input records (APPENDED) and runs the queries until they have nothing to read."""
        run(self.log.append_input(topic, records.cast(APPENDED)))
        self.engine.runtime.notify(topic)
        self.settle()

    def settle(self) -> None:
        """Runs every query until it has nothing to read."""
        run(self.engine.runtime.drain())

    def close(self) -> None:
        """Closes the engine."""
        run(self.engine.close())
