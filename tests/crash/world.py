"""A database file with queries and records to read, processes that work on it, and what they
leave."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import time
from collections.abc import Mapping
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pyarrow as pa

import streamsql
from streamsql.brokers.log import APPENDED
from streamsql.runtime.opening import open_runtime
from tests.crash.runner import POINTS, run

# A process of its own each time, but one that has the modules loaded: that takes longer.
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.crash.runner"])
SINKS = ("DEAR", "TOTALS", "WINDOWED", "NAMED")
ORDERS, USERS, BATCH = 500, 20, 40
SECONDS_MAX = 60

SCRIPT = """
CREATE STREAM orders (user INT KEY, item STRING, amount DOUBLE)
  WITH (kafka_topic='orders', partitions=3, value_format='json');
CREATE TABLE users (id INT PRIMARY KEY, name STRING)
  WITH (kafka_topic='users', partitions=3, value_format='json');
CREATE STREAM dear WITH (kafka_topic='DEAR') AS
  SELECT user, item, amount FROM orders WHERE amount > 30;
CREATE TABLE totals WITH (kafka_topic='TOTALS') AS
  SELECT item, COUNT(*) AS n, SUM(amount) AS total FROM orders GROUP BY item;
CREATE TABLE windowed WITH (kafka_topic='WINDOWED') AS
  SELECT user, COUNT(*) AS n FROM orders WINDOW TUMBLING (SIZE 5 SECONDS) GROUP BY user;
CREATE STREAM named WITH (kafka_topic='NAMED') AS
  SELECT o.user AS user, u.name AS name, o.item AS item
  FROM orders o LEFT JOIN users u ON o.user = u.id;
"""

Sinks = Mapping[str, pa.Table]


def orders(seed: int, count: int = ORDERS) -> pa.Table:
    """Records of `orders`, some of them out of order in time."""
    r = random.Random(seed)
    rows = [
        (
            r.randrange(USERS).to_bytes(4),
            json.dumps({"ITEM": f"i{r.randrange(50)}", "AMOUNT": r.random() * 60}).encode(),
            1_700_000_000_000 + i * 20 - r.randrange(500),
        )
        for i in range(count)
    ]
    return _records(rows)


def users(seed: int, count: int) -> pa.Table:
    """Names of users, and now and then none."""
    r = random.Random(seed)
    rows = [
        (
            r.randrange(USERS).to_bytes(4),
            None if r.random() < 0.1 else json.dumps({"NAME": f"n{i}"}).encode(),
            1_700_000_000_000 + i,
        )
        for i in range(count)
    ]
    return _records(rows)


def _records(rows: list[tuple[bytes, bytes | None, int]]) -> pa.Table:
    size = len(rows)
    return pa.Table.from_arrays(
        [
            pa.nulls(size, pa.int32()),
            pa.array([r[2] for r in rows], pa.int64()),
            pa.array([r[0] for r in rows], pa.binary()),
            pa.array([r[1] for r in rows], pa.binary()),
            pa.nulls(size, APPENDED.field("headers").type),
        ],
        schema=APPENDED,
    )


def prepare(path: Path, seed: int = 1) -> None:
    """A file whose queries have read nothing yet of what is in their topics."""
    with streamsql.connect(
        str(path), cache_max_bytes_buffering="0", streamsql_batch_records_max=str(BATCH)
    ) as connection:
        connection.execute(SCRIPT)
    load(path, seed)


def load(path: Path, seed: int) -> None:
    """Appends records while no query runs."""
    asyncio.run(_load(path, seed))


async def _load(path: Path, seed: int) -> None:
    runtime = open_runtime(str(path), {}, kernels=())
    r = random.Random(seed)
    for i in range(10):
        await runtime.log.append("users", users(r.randrange(1 << 30), 10))
        await runtime.log.append("orders", orders(r.randrange(1 << 30) + i, ORDERS // 10))
    await runtime.close()


def sinks(path: Path) -> Sinks:
    """All records of each sink topic, without running a query."""
    return asyncio.run(_sinks(path))


async def _sinks(path: Path) -> Sinks:
    runtime = open_runtime(str(path), {}, kernels=())
    found: dict[str, pa.Table] = {}
    for name in SINKS:
        begins = await runtime.log.offsets([name], end=False)
        batch = await runtime.log.fetch([name], dict(begins), records_max=1_000_000)
        found[name] = batch.combine_chunks()
    await runtime.close()
    return found


class Process:
    """Processes on a copy of a database file, one after the other; what they say of themselves
    stands in `notes`."""

    def __init__(
        self, folder: Path, original: Path | None = None, *, notes: Path | None = None
    ) -> None:
        folder.mkdir(exist_ok=True)
        notes = notes or folder
        self.file = folder / "a.duckdb"
        self.track = notes / "phase"
        self._said = notes / "said"
        if original is not None:
            shutil.copy(original, self.file)

    def start(self, *options: str) -> ForkServerProcess:
        self.track.write_bytes(b"\0\0")
        arguments = [str(self.file), str(self.track), "--said", str(self._said), *options]
        process = PROCESSES.Process(target=run, args=(arguments,))
        process.start()
        return process

    def run(self, *options: str) -> tuple[int | None, str]:
        """Exit code (negative: the signal) and what it said."""
        process = self.start(*options)
        process.join(SECONDS_MAX)
        if process.is_alive():
            process.kill()
        return process.exitcode, self._said.read_text()

    def run_killed_after(self, seconds: float, *, point: str = "fetch", count: int = 1) -> str:
        """Kills a process so long after its n-th pass of a point; gives the point it had come to
        last, and nothing where it had ended before."""
        process = self.start("--tell", f"{point}:{count}")
        until = time.monotonic() + SECONDS_MAX
        while not self.track.read_bytes()[1] and process.is_alive() and time.monotonic() < until:
            time.sleep(0.0002)
        time.sleep(seconds)
        process.kill()
        process.join()
        if process.exitcode == 0:
            return ""
        if process.exitcode != -signal.SIGKILL:
            raise AssertionError(self._said.read_text())
        return POINTS[self.track.read_bytes()[0]]
