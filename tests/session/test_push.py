"""Rows of a push query through a connection: in batches, paused where nobody takes them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from streamsql.session.connection import Connection, SyncPush

RECORDS = 150_000


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    with Connection() as opened:
        opened.execute("CREATE STREAM many (n INT) WITH (kafka_topic='many', value_format='json');")
        values = [b'{"N":%d}' % n for n in range(RECORDS)]
        opened.produce("many", None, values, timestamps_ms=range(RECORDS))
        yield opened


def started(connection: Connection, text: str) -> SyncPush:
    push = connection.execute(text)
    assert isinstance(push, SyncPush)
    return push


@pytest.mark.slow
def test_a_reader_that_is_slow_gets_every_row_and_fills_no_memory(connection: Connection) -> None:
    push = started(connection, "SELECT n FROM many EMIT CHANGES;")
    waiting = 0
    for _ in range(20):
        [query] = connection.progress()
        waiting = query.records_out
        time.sleep(0.05)
    assert 0 < waiting < RECORDS
    assert not query.persistent
    rows = []
    while len(rows) < RECORDS:
        rows += push.take(1.0)
    assert [row.values[0] for row in rows] == list(range(RECORDS))
    push.stop()
    assert push.ended
    assert not push.limited
    assert connection.progress() == []


@pytest.mark.slow
def test_all_rows_can_be_had_at_once(connection: Connection) -> None:
    push = started(connection, "SELECT n FROM many EMIT CHANGES;")
    assert len(push.drain()) == RECORDS
    push.stop()


def test_a_limit_ends_it(connection: Connection) -> None:
    push = started(connection, "SELECT n FROM many EMIT CHANGES LIMIT 3;")
    rows = []
    while not push.ended:
        rows += push.take(0.5)
    rows += push.take()
    assert [row.values for row in rows] == [(0,), (1,), (2,)]
    assert push.limited


@pytest.mark.slow
def test_waiting_for_rows_that_do_not_come_ends(connection: Connection) -> None:
    push = started(connection, "SELECT n FROM many WHERE n < 0 EMIT CHANGES;")
    assert push.drain() == []
    before = time.monotonic()
    assert push.take(0.2) == []
    assert time.monotonic() - before >= 0.19
    push.stop()
