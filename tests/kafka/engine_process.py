"""A process that is an engine of a service until its standard input is closed.

It writes what it is at into a file, which outlives `kill -9`; on demand it kills or stops itself at
a point, works wrongly, or is given too small a disk.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamsql
from streamsql.brokers.kafka import KafkaLog
from streamsql.brokers.kafka_reader import KafkaReader
from streamsql.brokers.kafka_task import KafkaTask
from streamsql.engine.step import Task
from streamsql.errors import StreamSqlError
from streamsql.runtime.cluster import SharedRuntime
from streamsql.runtime.delivery import ExactlyOnce
from streamsql.session.connection import Connection

PHASES = {"fetch": "fetched", "step": "stepped", "produce": "produced", "commit": "committed"}
"""The points at which a phase of a step begins and ends. The file has a byte for each: how many
queries are in it now; and one that is 1 once a first step has begun."""


class Track:
    """Where the process is, and at which n-th pass of which point it sends itself which signal."""

    def __init__(self, path: str, kill: str, stop: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT)
        self._passed: Counter[str] = Counter()
        self._inside: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._signals = {
            (point, int(count)): number
            for text, number in ((kill, signal.SIGKILL), (stop, signal.SIGSTOP))
            for point, _, count in [text.partition(":")]
            if count
        }

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """As long as a phase goes on."""
        self._mark(name, name, 1)
        try:
            yield
        finally:
            self._mark(name, PHASES[name], -1)

    def _mark(self, phase: str, point: str, more: int) -> None:
        with self._lock:
            self._inside[phase] += more
            os.pwrite(self._file, bytes([*(self._inside[p] for p in PHASES), 1]), 0)
            self._passed[point] += 1
            number = self._signals.get((point, self._passed[point]))
        if number is not None:
            os.kill(os.getpid(), number)


def watch(track: Track) -> None:
    """Makes the steps of persistent queries tell where they are."""
    take, step = KafkaReader.take, Task.step
    append, commit = KafkaTask.append, KafkaTask.commit

    async def watched_take(self: KafkaReader, topics: Any, **options: Any) -> Any:
        if topics[0].endswith("-statements"):
            return await take(self, topics, **options)
        with track.phase("fetch"):
            return await take(self, topics, **options)

    def watched_step(self: Task, *args: Any) -> Any:
        with track.phase("step"):
            return step(self, *args)

    async def watched_append(self: KafkaTask, *args: Any) -> None:
        with track.phase("produce"):
            await append(self, *args)

    async def watched_commit(self: KafkaTask, *args: Any) -> None:
        with track.phase("commit"):
            await commit(self, *args)

    KafkaReader.take, Task.step = watched_take, watched_step
    KafkaTask.append, KafkaTask.commit = watched_append, watched_commit


def commit_first() -> None:
    """Wrong: a kill between the two commits loses a step's outputs."""
    deliver = ExactlyOnce.deliver

    async def wrong(self: ExactlyOnce, outputs: Any, positions: Mapping[int, Any]) -> None:
        await deliver(self, {}, positions)
        await deliver(self, outputs, {number: {} for number in positions})

    ExactlyOnce.deliver = wrong


def no_fence() -> None:
    """Wrong: who takes a task over does not keep who had it from committing."""
    task = KafkaLog.task

    def wrong(self: KafkaLog, *, group: str, transactional_id: str) -> KafkaTask:
        return task(self, group=group, transactional_id=f"{transactional_id}-{uuid.uuid4()}")

    KafkaLog.task = wrong


SABOTAGE = {"commit-first": commit_first, "no-fence": no_fence}


def _tell(connection: Connection) -> None:
    """Prints, whenever it changes, which numbers the first query has, and errors that stop one."""
    runtime = connection._engine.runtime
    assert isinstance(runtime, SharedRuntime)
    told: list[str] = []
    while True:
        words = [f"error {q.error.primary}" for q in runtime.queries.values() if q.error]
        words += [f"owned {sorted(q._numbers.owned)}" for q in list(runtime.shared.values())[:1]]
        if words != told:
            sys.stdout.write("".join(f"{line}\n" for line in words))
            sys.stdout.flush()
            told = words
        time.sleep(0.05)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("track")
    parser.add_argument("--kill", default="", metavar="POINT:N")
    parser.add_argument("--stop", default="", metavar="POINT:N")
    parser.add_argument("--sabotage", choices=sorted(SABOTAGE))
    parser.add_argument("--file-size-max", type=int, default=0)
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE")
    options = parser.parse_args()
    if options.sabotage:
        SABOTAGE[options.sabotage]()
    watch(Track(options.track, options.kill, options.stop))
    if options.file_size_max:
        # A write past it fails like one on a full disk; Python ignores the signal.
        resource.setrlimit(resource.RLIMIT_FSIZE, (options.file_size_max,) * 2)
    os.chdir(Path(options.track).parent)
    settings = dict(setting.split("=", 1) for setting in options.settings)
    try:
        with streamsql.connect(options.address, **settings) as connection:
            watcher = threading.Thread(target=_tell, args=(connection,), daemon=True)
            watcher.start()
            sys.stdin.read()
            stopped = [q.error for q in connection.progress() if q.error is not None]
    except StreamSqlError as error:
        stopped = [error]
    for error in stopped:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    return 1 if stopped else 0


if __name__ == "__main__":
    sys.exit(main())
