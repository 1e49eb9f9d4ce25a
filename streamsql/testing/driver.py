"""A deterministic driver: one engine stepped by hand, with a clock that is held.

Every call runs to its end on the caller's thread: the coroutines of the memory and embedded logs
never suspend, so no event loop is needed and nothing happens in between.
"""

from __future__ import annotations

import shutil
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from streamsql.brokers.log import APPENDED, TopicInfo
from streamsql.brokers.memory import MemoryLog
from streamsql.registry.registry import Registry
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
    raise AssertionError("a coroutine of an embedded log suspended")


class Driver:
    """An engine whose time and steps are in the caller's hand.

    Without `path` it has the memory log, and `written` holds what statements and queries wrote, in
    order: (topic, APPENDED table). With `path` it is an embedded engine over that file, and
    `reopen` starts it again as after a kill.
    """

    def __init__(
        self,
        properties: Mapping[str, str] | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        path: Path | None = None,
        now_ms: int = 0,
    ) -> None:
        self.now_ms = now_ms
        self.path = path
        self.written: list[tuple[str, pa.Table]] = []
        self._settings = dict(settings or {})
        self._reopened = 0
        self._abandoned: list[Engine] = []
        self.engine, self._recording = self._open()
        self.session = Session(self.engine, properties)

    def _open(self) -> tuple[Engine, RecordingLog | None]:
        if self.path is not None:
            engine = new_engine(str(self.path), settings=self._settings, clock=lambda: self.now_ms)
            return engine, None
        log = RecordingLog(MemoryLog(), self.written)
        return new_engine(settings=self._settings, clock=lambda: self.now_ms, log=log), log

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine of this engine."""
        return run(coroutine)

    def create_topic(self, name: str, partitions: int) -> None:
        """Creates a topic."""
        self.run(self.engine.log.create_topic(TopicInfo(name=name, partitions=partitions)))

    @property
    def registry(self) -> Registry:
        """Where the engine's schemas are."""
        return self.engine.registry

    def execute(self, text: str, *, settle: bool = True) -> list[Result]:
        """Executes a script; with `settle` the queries run after each statement until they have
        nothing to read."""
        results: list[Result] = []
        for piece in split(text):
            result = self.run(self.session.execute_piece(piece))
            results.append(result)
            if settle and not isinstance(result, Push):
                self.settle()
        return results

    def produce(self, topic: str, records: pa.Table) -> None:
        """Appends input records (APPENDED) and runs the queries until they have nothing to read."""
        records = records.cast(APPENDED)
        if self._recording is not None:
            self.run(self._recording.append_input(topic, records))
        else:
            self.run(self.engine.log.append(topic, records))
        self.engine.runtime.notify(topic)
        self.settle()

    def settle(self) -> None:
        """Runs every query until it has nothing to read."""
        self.run(self.engine.runtime.drain())

    def step(self) -> bool:
        """One step of each query that may have records; says whether there was one."""
        return self.run(self.engine.runtime.run_once())

    def reopen(self) -> None:
        """Goes on from a copy of the file as a kill would leave it: the connection is abandoned,
        not closed."""
        if self.path is None:
            raise AssertionError("only a file can be opened again")
        self._reopened += 1
        copy = self.path.with_name(f"{self.path.stem.split('~')[0]}~{self._reopened}.duckdb")
        shutil.copyfile(self.path, copy)
        wal = self.path.with_name(self.path.name + ".wal")
        if wal.exists():
            shutil.copyfile(wal, copy.with_name(copy.name + ".wal"))
        self._abandoned.append(self.engine)
        self.path = copy
        self.engine, _ = self._open()
        own, variables = self.session.own, self.session.variables
        self.session = Session(self.engine)
        self.run(self.session.restore())
        self.session.own, self.session.variables = own, variables

    def close(self) -> None:
        """Closes the engine, and those that were abandoned."""
        for engine in (*self._abandoned, self.engine):
            self.run(engine.close())
