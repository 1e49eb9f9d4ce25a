"""A process that opens a database file, runs its queries until they have read all, and ends.

It writes where it is into a file, which outlives `kill -9`: a byte for the point, and one that says
that it has come to the n-th pass of the point that it was told. On demand it kills itself there,
works wrongly, or is given too small a disk or no right to write.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamsql.brokers.embedded import EmbeddedLog
from streamsql.engine.database import Database
from streamsql.engine.step import Task
from streamsql.errors import StreamSqlError
from streamsql.runtime import loop
from streamsql.runtime.loop import Runtime
from streamsql.session.connection import connect

POINTS = ("", "fetch", "fetched", "step", "stepped", "produce", "produced", "commit", "committed")
"""What the byte says: a phase that has begun, or has just ended. 0: no step has begun."""


class Track:
    """Where the process is, and at which n-th pass of which point it tells so, or ends itself."""

    def __init__(self, path: str, *, kill: str, tell: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT)
        self._passed: Counter[str] = Counter()
        self._kill, self._tell = (_pass(text) for text in (kill, tell))
        os.pwrite(self._file, b"\0\0", 0)

    def mark(self, point: str) -> None:
        os.pwrite(self._file, bytes([POINTS.index(point)]), 0)
        self._passed[point] += 1
        here = (point, self._passed[point])
        if here == self._kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if here == self._tell:
            os.pwrite(self._file, b"\1", 1)


def _pass(text: str) -> tuple[str, int]:
    """The point and the number of POINT:N."""
    point, _, count = text.partition(":")
    return point, int(count or 0)


def watch(track: Track) -> None:
    """Makes the steps of persistent queries tell where they are."""
    fetch, append, step = EmbeddedLog.fetch, EmbeddedLog.append, Task.step
    transaction, save = Database.transaction, Database.save_position

    async def watched_fetch(self: EmbeddedLog, *args: Any, **options: Any) -> Any:
        track.mark("fetch")
        found = await fetch(self, *args, **options)
        track.mark("fetched")
        return found

    async def watched_append(self: EmbeddedLog, *args: Any) -> None:
        track.mark("produce")
        await append(self, *args)
        track.mark("produced")

    def watched_step(self: Task, *args: Any) -> Any:
        track.mark("step")
        found = step(self, *args)
        track.mark("stepped")
        return found

    def watched_save(self: Database, *args: Any, **options: Any) -> None:
        save(self, *args, **options)
        track.mark("commit")

    @contextmanager
    def watched_transaction(self: Database, *args: Any) -> Iterator[None]:
        with transaction(self, *args):
            yield
        track.mark("committed")

    EmbeddedLog.fetch, EmbeddedLog.append = watched_fetch, watched_append
    Task.step, Database.save_position = watched_step, watched_save
    Database.transaction = watched_transaction


async def _positions_first(self: Runtime, query: Any, batch: Any) -> None:
    """Wrong: a kill behind the first transaction loses the batch."""
    loop.advance(query.positions, query.plan.inputs, batch)
    before = query.task.sequence
    query.task.sequence += batch.num_rows
    with self.database.transaction():
        loop._save(self.database, query)
    query.task.sequence = before
    with self.database.transaction():
        await self._write(query, query.task.step(batch, self.now_ms()))


async def _outputs_first(self: Runtime, query: Any, batch: Any) -> None:
    """Wrong: a kill behind the first transaction does the batch twice."""
    with self.database.transaction():
        await self._write(query, query.task.step(batch, self.now_ms()))
    loop.advance(query.positions, query.plan.inputs, batch)
    with self.database.transaction():
        loop._save(self.database, query)


def _dropping() -> Callable[..., Any]:
    steps = iter(range(1_000_000))
    whole = Runtime._step

    async def step(self: Runtime, query: Any, batch: Any) -> None:
        """Wrong: the seventh step moves the positions and does nothing else."""
        if next(steps) != 6:
            await whole(self, query, batch)
            return
        loop.advance(query.positions, query.plan.inputs, batch)
        with self.database.transaction():
            loop._save(self.database, query)

    return step


SABOTAGE: dict[str, Callable[[], Callable[..., Any]]] = {
    "commit-first": lambda: _positions_first,
    "outputs-first": lambda: _outputs_first,
    "drop-step": _dropping,
}


def confine(size_bytes: int, user: int) -> None:
    """Lets no file grow beyond `size_bytes`, and gives up being root; 0: as it is."""
    if size_bytes:
        # A write past it fails like one on a full disk; Python ignores the signal.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))
    if user:
        os.setuid(user)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("track")
    parser.add_argument("--kill", default="", metavar="POINT:N")
    parser.add_argument("--tell", default="", metavar="POINT:N")
    parser.add_argument("--said", default=os.devnull, help="where errors are written")
    parser.add_argument("--sabotage", choices=sorted(SABOTAGE))
    parser.add_argument("--file-size-max", type=int, default=0)
    parser.add_argument("--user", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.sabotage:
        Runtime._step = SABOTAGE[options.sabotage]()
    watch(Track(options.track, kill=options.kill, tell=options.tell))
    said = open(options.said, "w")  # noqa: SIM115 -- until the process ends
    # The folders above may be closed to another user: it starts inside.
    os.chdir(options.file.parent)
    confine(options.file_size_max, options.user)
    try:
        with connect(options.file.name, streamsql_linger_ms="0") as connection:
            connection.wait()
    except StreamSqlError as error:
        said.write(f"{type(error).__name__}: {error}\n")
        said.close()
        return 1
    return 0


def run(arguments: Sequence[str]) -> None:
    """`main` as the whole of a process."""
    sys.exit(main(arguments))
