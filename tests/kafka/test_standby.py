"""A standby has the state before it owns it: a take-over reads no changelog."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

import streamsql
from streamsql.session.connection import Connection
from tests.kafka.broker import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]

KEYS = 500


def wait_until(seen: Callable[[], object], wanted: object) -> None:
    deadline = time.monotonic() + 60
    while (found := seen()) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_a_standby_keeps_up_and_takes_over(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"standby{time.monotonic_ns()}"

    def join() -> Connection:
        return streamsql.connect(
            f"kafka://{broker.address}", ksql_service_id=name, num_standby_replicas="1"
        )

    with join() as owner, join() as other:
        owner.execute(
            f"CREATE STREAM s (k STRING KEY, v BIGINT) WITH (kafka_topic='{name}', partitions=4,"
            " value_format='JSON');"
            f"CREATE TABLE {name} AS SELECT k, SUM(v) AS total FROM s GROUP BY k;"
        )
        shared = lambda c: c._engine.runtime.shared[f"CTAS_{name.upper()}_0"]  # noqa: E731
        # It reads of the query in the statement topic.
        wait_until(lambda: f"CTAS_{name.upper()}_0" in other._engine.runtime.shared, True)
        wait_until(lambda: len(shared(owner).owned), 2)
        wait_until(lambda: len(shared(other).owned), 2)
        keys = [b"k%d" % (i % KEYS) for i in range(KEYS * 4)]
        owner.produce(name, keys, [b'{"v":1}'] * len(keys))
        owner.wait()
        other.wait()
        state = (
            f'SELECT sum("_a0")::BIGINT AS n FROM state."CTAS_{name.upper()}_0$groups0" ORDER BY n'
        )
        database = other._engine.runtime.database

        def kept() -> int:
            return database.read(state).column("n")[0].as_py()

        # All partitions' sums, though it owns two of four.
        wait_until(kept, KEYS * 4)
        restorer = shared(other)._restorer
        read: list[int] = []
        whole = restorer._read

        async def watched(copy: object, *, wait_ms: int) -> None:
            before = copy.reader.positions  # type: ignore[attr-defined]
            await whole(copy, wait_ms=wait_ms)
            if not wait_ms:
                after = copy.reader.positions  # type: ignore[attr-defined]
                read.append(sum(after.values()) - sum(before.values()))

        monkeypatch.setattr(restorer, "_read", watched)
        owner.close()
        wait_until(lambda: len(shared(other).owned), 4)
        assert read == [0, 0]
        rows = other.execute(f"SELECT * FROM {name};").rows
        assert (len(rows), sum(row[1] for row in rows)) == (KEYS, KEYS * 4)
