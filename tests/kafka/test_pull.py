"""A table whose partitions two engines have: each answers for both, also while they move."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest

import streamsql
from streamsql.session.connection import Connection
from tests.kafka.broker import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]

_NUMBERS = count()
KEYS = 40


@pytest.fixture
def join(broker: Broker) -> Iterator[Callable[[], Connection]]:
    """Opens another engine of one service."""
    service, opened = f"pull-{next(_NUMBERS)}", []

    def open_engine() -> Connection:
        engine = streamsql.connect(
            f"kafka://{broker.address}", ksql_service_id=service, session_timeout_ms="6000"
        )
        opened.append(engine)
        return engine

    yield open_engine
    for engine in opened:
        engine.close()


def owned(engine: Connection) -> set[int]:
    shared = engine._engine.runtime.shared
    return set(next(s for name, s in shared.items() if name.startswith("CTAS_")).owned)


def settle(*engines: Connection) -> None:
    """Returns when the engines have the four partitions between them, alike."""
    deadline = time.monotonic() + 60
    share = 4 // len(engines)
    while [len(owned(engine)) for engine in engines] != [share] * len(engines):
        assert time.monotonic() < deadline, [owned(engine) for engine in engines]
        time.sleep(0.1)


def total(engine: Connection, name: str) -> tuple[int, int]:
    rows = engine.execute(f"SELECT * FROM {name};").rows
    return len(rows), sum(row[1] for row in rows)


def test_each_engine_answers_for_all(join: Callable[[], Connection]) -> None:
    first = join()
    name = f"pulled_{time.monotonic_ns()}"
    first.execute(
        f"CREATE STREAM s (k STRING KEY, v BIGINT) WITH (kafka_topic='{name}', partitions=4,"
        " value_format='JSON');"
        f"CREATE TABLE {name} AS SELECT k, SUM(v) AS total FROM s GROUP BY k;"
    )
    keys = [b"k%d" % (i % KEYS) for i in range(400)]
    first.produce(name, keys, [b'{"v":1}'] * 400)
    first.wait()
    second = join()
    settle(first, second)
    for engine in (first, second):
        assert total(engine, name) == (KEYS, 400)
        for key in range(5):
            one = engine.execute(f"SELECT total FROM {name} WHERE k = 'k{key}';")
            assert one.rows == ((10,),)
        few = engine.execute(f"SELECT k FROM {name} WHERE total > 9 LIMIT 7;")
        assert (len(few.rows), few.limited) == (7, True)
        ordered = [row[0] for row in engine.execute(f"SELECT k FROM {name};").rows]
        assert ordered == sorted(ordered)
    second.produce(name, keys, [b'{"v":1}'] * 400)
    for engine in (first, second):
        engine.wait()
    assert total(second, name) == total(first, name) == (KEYS, 800)
    # One leaves: what it had is read from the changelog, and nobody sees a table with a hole.
    first.close()
    assert total(second, name) == (KEYS, 800)
    settle(second)
