"""Queries under load in processes that may be killed, and what an uninterrupted run makes of the
same records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from streamsql.brokers.log import APPENDED
from streamsql.session.connection import Connection
from tests.brokers.world import KafkaWorld
from tests.kafka.engine_process import PHASES
from tests.kafka.service import Row, ServicePlace, by_key, content, eventually, int_keys

ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("engine_process.py")
PARTITIONS, USERS, ITEMS = 4, 40, 9
SESSION_MS = 3_000
SECONDS_MAX = 60

SOURCES = """
CREATE STREAM orders (user INT KEY, id BIGINT, item STRING, amount INT)
  WITH (kafka_topic='{o}', partitions={n}, value_format='json');
CREATE TABLE users (id INT PRIMARY KEY, name STRING)
  WITH (kafka_topic='{u}', partitions={n}, value_format='json');
"""
QUERIES = {
    "dear": "CREATE STREAM dear WITH (kafka_topic='{t}dear') AS"
    " SELECT * FROM orders WHERE amount > 30;",
    "per_user": "CREATE TABLE per_user WITH (kafka_topic='{t}per_user') AS"
    " SELECT user, COUNT(*) AS n, SUM(id) AS total FROM orders GROUP BY user;",
    "per_item": "CREATE TABLE per_item WITH (kafka_topic='{t}per_item') AS"
    " SELECT item, COUNT(*) AS n, SUM(id) AS total FROM orders GROUP BY item;",
    "windowed": "CREATE TABLE windowed WITH (kafka_topic='{t}windowed') AS"
    " SELECT user, COUNT(*) AS n FROM orders WINDOW TUMBLING (SIZE 5 SECONDS) GROUP BY user;",
    "named": "CREATE STREAM named WITH (kafka_topic='{t}named') AS"
    " SELECT o.user AS user, o.id AS id, u.name AS name"
    " FROM orders o JOIN users u ON o.user = u.id;",
}
MIXED = ("per_item",)
"""Sinks behind a repartition: records of several partitions meet in any order."""


class Flow:
    """A service with `queries` over orders that the test writes, and engines in processes."""

    def __init__(
        self,
        place: ServicePlace,
        folder: Path,
        *,
        queries: Sequence[str] = tuple(QUERIES),
        partitions: int = PARTITIONS,
        records_max: int = 200,
    ) -> None:
        self.place = place
        self.orders = 0
        self._folder = folder
        self._queries = queries
        self._partitions = partitions
        self._inputs = place.topic("orders"), place.topic("users")
        self._begin_ms = int(time.time()) * 1000
        self._settings = {
            "streamsql_batch_records_max": str(records_max),
            "session_timeout_ms": str(SESSION_MS),
            "streamsql_linger_ms": "0",
        }
        self._define(place)
        self._load_users()
        self._world = KafkaWorld(place.address)
        self._started: list[EngineProcess] = []

    def close(self) -> None:
        """Ends the engines too that a test which failed has left."""
        for engine in self._started:
            if engine.process.poll() is None:
                engine.kill()
        self._world.close()

    # what it works on ---------------------------------------------------------------------------

    def _define(self, place: ServicePlace) -> None:
        sources = SOURCES.format(o=self._inputs[0], u=self._inputs[1], n=self._partitions)
        with place.engine(**self._settings) as connection:
            connection.execute(sources)
            for name in self._queries:
                connection.execute(place.text(QUERIES[name]))

    def _load_users(self) -> None:
        """Names, before any order: in a join what is older comes first, as far as it is there."""
        numbers = range(2 * USERS)
        with self.place.engine(**self._settings) as connection:
            connection.produce(
                self._inputs[1],
                int_keys([n % USERS for n in numbers]),
                [json.dumps({"NAME": f"n{n}"}).encode() if n % 17 else None for n in numbers],
                timestamps_ms=[self._begin_ms - 100_000 + n for n in numbers],
            )
            connection.wait()

    def load(self, count: int) -> None:
        """Appends orders, each with an id of its own."""
        ids = range(self.orders, self.orders + count)
        values = [
            json.dumps({"ID": i, "ITEM": f"i{i * 7 % ITEMS}", "AMOUNT": i * 31 % 60}).encode()
            for i in ids
        ]
        table = pa.Table.from_arrays(
            [
                pa.nulls(count, pa.int32()),
                pa.array([self._begin_ms + i for i in ids], pa.int64()),
                int_keys([i * 13 % USERS for i in ids]),
                pa.array(values, pa.binary()),
                pa.nulls(count, APPENDED.field("headers").type),
            ],
            schema=APPENDED,
        )
        self._world.run(self._world.log.append(self._inputs[0], table))
        self.orders += count

    @contextmanager
    def under_load(self, count: int = 50, seconds: float = 0.02) -> Iterator[None]:
        """Appends `count` orders every so many seconds."""
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(seconds):
                self.load(count)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    # engines ------------------------------------------------------------------------------------

    def start(self, name: str = "a", *options: str, state: str = "") -> EngineProcess:
        """Starts an engine in a process; `state`: of which state directory."""
        settings = {**self._settings, "ksql_service_id": self.place.id}
        if state:
            settings["streamsql_state_dir"] = state
        given = [f"{key}={value}" for key, value in settings.items()]
        track = self._folder / f"{name}.phase"
        address = f"kafka://{self.place.address}"
        engine = EngineProcess(track, [*options, address, str(track), *given])
        self._started.append(engine)
        return engine

    def await_read(self, *query_ids: str) -> None:
        """Waits until these queries have committed that they have read all orders."""
        topic = self._inputs[0]

        async def left(query_id: str) -> int:
            ends = await self._world.log.offsets([topic], end=True)
            group = f"_streamsql-{self.place.id}-{query_id}"
            found = await self._world.log.committed(group, list(ends))
            return sum(end - found.get(place, 0) for place, end in ends.items())

        for query_id in query_ids:
            eventually(lambda q=query_id: self._world.run(left(q)), lambda n: not n)

    # what comes out -----------------------------------------------------------------------------

    def finish(self) -> Mapping[str, list[Row]]:
        """The sinks once an engine has read everything."""
        with self.place.engine(**self._settings) as connection:
            connection.wait()
            return self._sinks(connection, self.place)

    def uninterrupted(self) -> Mapping[str, list[Row]]:
        """What an engine of another service writes that nobody disturbs."""
        other = ServicePlace(self.place.address)
        self._define(other)
        with other.engine(**self._settings) as connection:
            connection.wait()
            return self._sinks(connection, other)

    def _sinks(self, connection: Connection, place: ServicePlace) -> Mapping[str, list[Row]]:
        return {name: content(connection, place.topic(name)) for name in self._queries}

    def differences(self) -> list[str]:
        """The sinks that are not as an uninterrupted run leaves them, and how."""
        left, right = self.finish(), self.uninterrupted()
        found: list[str] = []
        for name in self._queries:
            if name in MIXED:
                found += self._mixed_differences(name, left[name], right[name])
            elif left[name] != right[name]:
                found.append(f"{name}: {_first_difference(left[name], right[name])}")
        return found

    def _mixed_differences(self, name: str, left: list[Row], right: list[Row]) -> list[str]:
        """Of a count behind a repartition: as many changes for each key, 1…n without gap or
        repeat, the same last value, every order counted once."""
        keys, wanted = by_key(left), by_key(right)
        if keys.keys() != wanted.keys():
            return [f"{name}: keys {sorted(keys)} instead of {sorted(wanted)}"]
        found: list[str] = []
        for key, values in keys.items():
            counts = [json.loads(value or b"{}")["N"] for value in values]
            if counts != list(range(1, len(wanted[key]) + 1)):
                found.append(f"{name}: {key} has counts {_gaps(counts)} of {len(wanted[key])}")
            elif values[-1] != wanted[key][-1]:
                found.append(f"{name}: {key} ends with {values[-1]}, not {wanted[key][-1]}")
        counted = sum(json.loads(values[-1] or b"{}")["N"] for values in keys.values())
        if counted != self.orders:
            found.append(f"{name}: {counted} of {self.orders} orders are counted")
        return found


def _first_difference(left: list[Row], right: list[Row]) -> str:
    at = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), -1)
    if at < 0:
        return f"{len(left)} records instead of {len(right)}"
    return f"{len(left)} of {len(right)}, record {at} is {left[at]} instead of {right[at]}"


def _gaps(counts: list[int]) -> str:
    wrong = [f"{a}→{b}" for a, b in zip([0, *counts], counts, strict=False) if b != a + 1]
    return f"1…{counts[-1]} with {', '.join(wrong[:5]) or 'no gap'}"


class EngineProcess:
    """An engine in a process of its own."""

    def __init__(self, track: Path, words: Sequence[str]) -> None:
        self._track = track
        track.write_bytes(b"")
        self._lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD), *words],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # What it says is read as it comes; who reads from elsewhere too would take it away.
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def phases(self) -> list[str]:
        """What its queries are at, or were when it was killed; a query that waits for records is
        named only where no other does anything."""
        counts = zip(PHASES, self._track.read_bytes(), strict=False)
        found = [name for name, count in counts if count]
        return [name for name in found if name != "fetch"] or found

    def await_step(self) -> None:
        """Waits until it has begun with a first step."""
        until = time.monotonic() + SECONDS_MAX
        while not self._track.read_bytes():
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(self.end()[1])
            time.sleep(0.001)

    def await_state(self, letter: str) -> None:
        """Waits until the system says that it is stopped (T)."""
        until = time.monotonic() + SECONDS_MAX
        while Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != letter:
            if time.monotonic() > until:
                raise AssertionError(f"{self.pid} does not come to {letter}")
            time.sleep(0.01)

    def kill(self) -> list[str]:
        """Kills it at once; what it was at."""
        self.process.kill()
        self._close()
        return self.phases()

    def said(self, words: str) -> tuple[int, str]:
        """Tells it to end once it has said that; exit code and what it then says."""
        eventually(lambda: any(words in line for line in self._lines))
        return self.end()

    def owned(self) -> set[int]:
        """The numbers that its first query has."""
        told = [line for line in self._lines if line.startswith("owned ")]
        return set(json.loads(told[-1].removeprefix("owned "))) if told else set()

    def _listen(self) -> None:
        if self.process.stdout is not None:
            self._lines.extend(self.process.stdout)

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        self.process.send_signal(number)

    def died(self) -> int:
        """Waits until it has ended by itself; its exit code."""
        self.process.wait(SECONDS_MAX)
        return self._close()[0]

    def end(self) -> tuple[int, str]:
        """Tells it to end; exit code and what it said."""
        return self._close()

    def _close(self) -> tuple[int, str]:
        process = self.process
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise AssertionError("no pipes")
        process.stdin.close()
        text = process.stderr.read()
        self._listener.join(SECONDS_MAX)
        process.wait(SECONDS_MAX)
        process.stdout.close()
        process.stderr.close()
        return process.returncode, text
