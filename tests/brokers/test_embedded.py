"""The log as tables of a database: transactions, deaths, versions, sizes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from streamsql.brokers import embedded
from streamsql.brokers.embedded import EmbeddedLog, database_settings
from streamsql.brokers.log import APPENDED, TopicInfo, TopicPartition
from streamsql.brokers.order import sort_records
from streamsql.engine.database import Database
from streamsql.errors import DatabaseError
from tests.brokers.records import Record, advance, appended, read_all, run_at_once, valued, values
from tests.brokers.world import EmbeddedWorld


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@pytest.fixture
def log(connection: duckdb.DuckDBPyConnection) -> EmbeddedLog:
    log = EmbeddedLog(connection)
    create(log, "a", 2)
    return log


def create(log: EmbeddedLog, name: str, partitions: int = 1) -> None:
    run_at_once(log.create_topic(TopicInfo(name=name, partitions=partitions)))


def append(log: EmbeddedLog, name: str, *contents: bytes) -> None:
    run_at_once(log.append(name, valued(*contents)))


def ends(log: EmbeddedLog, name: str) -> list[int]:
    return list(run_at_once(log.offsets([name], end=True)).values())


def test_what_a_transaction_appended_goes_with_it(
    connection: duckdb.DuckDBPyConnection, log: EmbeddedLog
) -> None:
    append(log, "a", b"0", b"1", b"2")
    connection.begin()
    append(log, "a", b"lost", b"lost")
    assert run_at_once(values(log, "a")) == [b"0", b"1", b"2", b"lost", b"lost"]
    connection.rollback()
    assert ends(log, "a") == [2, 1]
    assert run_at_once(values(log, "a")) == [b"0", b"1", b"2"]


def test_offsets_have_no_gap_after_a_rollback(
    connection: duckdb.DuckDBPyConnection, log: EmbeddedLog
) -> None:
    create(log, "b")
    for n in range(6):
        connection.begin()
        append(log, "a", b"%d" % n)
        append(log, "b", b"b%d" % n)
        if n % 2:
            connection.rollback()
        else:
            connection.commit()
    rows = run_at_once(read_all(log, ["a", "b"]))
    assert [r["value"] for r in rows] == [b"0", b"b0", b"2", b"b2", b"4", b"b4"]
    assert [(r["partition"], r["offset"]) for r in rows if r["input"] == 0] == [
        (0, 0),
        (1, 0),
        (0, 1),
    ]


def test_a_reader_that_saw_what_was_rolled_back_sees_what_took_its_place(
    connection: duckdb.DuckDBPyConnection, log: EmbeddedLog
) -> None:
    append(log, "a", b"0")
    positions = dict(run_at_once(log.offsets(["a"], end=True)))
    connection.begin()
    append(log, "a", b"lost")
    table = run_at_once(log.fetch(["a"], positions, records_max=9))
    assert table.column("value").to_pylist() == [b"lost"]
    connection.rollback()
    run_at_once(log.append("a", appended(Record(value=b"other", partition=0))))
    table = run_at_once(log.fetch(["a"], positions, records_max=9))
    assert table.column("value").to_pylist() == [b"other"]


def test_a_topic_that_was_rolled_back_is_not_there(
    connection: duckdb.DuckDBPyConnection, log: EmbeddedLog
) -> None:
    connection.begin()
    create(log, "gone")
    append(log, "gone", b"v")
    connection.rollback()
    assert list(run_at_once(log.topics())) == ["a"]
    create(log, "gone")
    assert ends(log, "gone") == [0]


def test_it_works_where_the_engine_has_locked_the_database(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    database = Database(str(path), settings=database_settings(fsync=True))
    log = EmbeddedLog(database.connection)
    create(log, "a")
    with database.transaction():
        append(log, "a", b"kept")
    database.close()
    database = Database(str(path))
    assert run_at_once(values(EmbeddedLog(database.connection), "a")) == [b"kept"]
    database.close()


@pytest.mark.parametrize("name", ["log.duckdb", "t1.db", 'q"uote.duckdb', "main.db"])
def test_the_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    world = EmbeddedWorld(str(tmp_path / name))
    topic = world.topic(2)
    append(world.log, topic, b"a", b"b")  # type: ignore[arg-type]
    world.reopen()
    assert world.run(values(world.log, topic)) == [b"a", b"b"]
    world.close()


@pytest.mark.parametrize(("version", "age"), [(0, "an older"), (99, "a newer")])
def test_tables_of_another_version_are_refused_by_name(
    connection: duckdb.DuckDBPyConnection, log: EmbeddedLog, version: int, age: str
) -> None:
    connection.execute("UPDATE log.version SET version = ?", [version]).fetchall()
    with pytest.raises(DatabaseError) as raised:
        EmbeddedLog(connection)
    assert raised.value.primary == (
        f"the log in this database was written by {age} streamsql:"
        f" version {version}, and this one reads version {embedded.VERSION}"
    )
    assert raised.value.hint


def test_a_topic_that_was_half_created_is_in_nobodys_way(
    connection: duckdb.DuckDBPyConnection, log: EmbeddedLog
) -> None:
    """A process that dies between the two statements leaves the table alone."""
    connection.execute("CREATE TABLE log.t2(left_over INTEGER)")
    create(log, "b")
    append(log, "b", b"v")
    assert run_at_once(values(log, "b")) == [b"v"]


def test_deleted_records_are_gone_and_offsets_go_on(tmp_path: Path) -> None:
    world = EmbeddedWorld(str(tmp_path / "log.duckdb"))
    log, name = world.log, world.topic(2)
    assert isinstance(log, EmbeddedLog)
    append(log, name, *(b"%d" % n for n in range(20)))
    run_at_once(log.delete_records({TopicPartition(name, 0): 7, TopicPartition(name, 1): 99}))
    for _ in range(2):
        assert list(run_at_once(log.offsets([name], end=False)).values()) == [7, 10]
        assert ends(log, name) == [10, 10]
        assert run_at_once(values(log, name)) == [b"14", b"16", b"18"]
        world.reopen()
        log = world.log
        assert isinstance(log, EmbeddedLog)
    append(log, name, b"20", b"21")
    assert run_at_once(values(log, name, records_max=1)) == [b"14", b"16", b"18", b"20", b"21"]
    stale = {TopicPartition(name, 0): 0, TopicPartition(name, 1): 3}
    table = run_at_once(log.fetch([name], stale, records_max=9))
    assert table.column("value").to_pylist()[0] == b"14"
    world.close()


def test_all_records_deleted_leave_the_next_offsets(tmp_path: Path) -> None:
    world = EmbeddedWorld(str(tmp_path / "log.duckdb"))
    name = world.topic(1)
    assert isinstance(world.log, EmbeddedLog)
    append(world.log, name, b"a", b"b", b"c")
    run_at_once(world.log.delete_records({TopicPartition(name, 0): 3}))
    world.reopen()
    assert isinstance(world.log, EmbeddedLog)
    assert ends(world.log, name) == [3]
    append(world.log, name, b"d")
    assert run_at_once(values(world.log, name)) == [b"d"]
    world.close()


def test_a_partition_that_was_quiet_for_long_is_found_again(
    connection: duckdb.DuckDBPyConnection, log: EmbeddedLog
) -> None:
    """Next offsets are read from the end of the table; this one's record is at its beginning."""
    run_at_once(log.append("a", appended(Record(partition=1, value=b"first"))))
    count = 70_000
    bulk = pa.table(
        {
            "partition": pa.array(np.zeros(count), pa.int32()),
            "timestamp": pa.array(np.arange(count)),
            "key": pa.nulls(count, pa.binary()),
            "value": pa.array([b"x"] * count),
            "headers": pa.nulls(count, APPENDED.field("headers").type),
        }
    )
    run_at_once(log.append("a", bulk))
    assert ends(EmbeddedLog(connection), "a") == [count, 1]


def test_a_fetch_ends_before_it_grows_too_large(
    log: EmbeddedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "BYTES_MAX", 10_000)
    monkeypatch.setattr(embedded, "_UNCHECKED_RECORDS", 1)
    contents = [b"%04d" % n + b"x" * (9_000 if n % 100 == 50 else 20) for n in range(600)]
    append(log, "a", *contents)
    positions = dict(run_at_once(log.offsets(["a"], end=False)))
    found: list[bytes] = []
    sizes: list[int] = []
    while len(table := run_at_once(log.fetch(["a"], positions, records_max=1_000))):
        found += table.column("value").to_pylist()
        sizes.append(sum(len(v) for v in table.column("value").to_pylist()))
        positions = advance(positions, ["a"], table)
    assert found == contents
    assert max(sizes) <= 10_000
    assert len(sizes) < 60


def test_a_record_larger_than_a_fetch_comes_alone(
    log: EmbeddedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "BYTES_MAX", 100)
    monkeypatch.setattr(embedded, "_UNCHECKED_RECORDS", 1)
    contents = [b"a" * 60, b"b" * 60, b"c" * 500, b"d"]
    append(log, "a", *contents)
    assert run_at_once(values(log, "a")) == contents


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 8])
def test_batches_come_in_order_with_any_number_of_threads(threads: int) -> None:
    connection = duckdb.connect()
    connection.execute(f"SET threads={threads}")
    log = EmbeddedLog(connection)
    create(log, "a", 3)
    create(log, "b")
    count = 300_000
    for start in range(0, count, 50_000):
        numbers = np.arange(start, start + 50_000)
        table = pa.table(
            {
                "partition": pa.nulls(50_000, pa.int32()),
                "timestamp": pa.array(numbers),
                "key": pa.array([b"%d" % (n % 1_000) for n in numbers]),
                "value": pa.array([b"%d" % n for n in numbers]),
                "headers": pa.nulls(50_000, APPENDED.field("headers").type),
            }
        )
        run_at_once(log.append("ab"[start // 50_000 % 2], table))
    positions = dict(run_at_once(log.offsets(["a", "b"], end=False)))
    found: list[np.ndarray] = []
    while len(table := run_at_once(log.fetch(["a", "b"], positions, records_max=65_536))):
        found.append(table.column("timestamp").to_numpy())
        for name, i in (("a", 0), ("b", 1)):
            mine = table.filter(pa.compute.equal(table.column("input"), i))
            grouped = mine.group_by("partition").aggregate([("offset", "max")])
            for row in grouped.to_pylist():
                positions[TopicPartition(name, row["partition"])] = row["offset_max"] + 1
    assert np.array_equal(np.concatenate(found), np.arange(count))


def test_rows_in_another_order_are_sorted() -> None:
    """Should DuckDB ever give rows in another order than they were inserted in."""
    table = pa.table({"seq": [3, 1, 2], "value": ["c", "a", "b"]})
    assert sort_records(table).to_pydict() == {"seq": [1, 2, 3], "value": ["a", "b", "c"]}
    ordered = pa.table({"seq": [1, 2, 3]})
    assert sort_records(ordered) is ordered


_WRITER = """
import sys, duckdb
from streamsql.brokers.embedded import EmbeddedLog, database_settings
from streamsql.brokers.log import TopicInfo
from tests.brokers.records import run_at_once, valued

connection = duckdb.connect(sys.argv[1])
for name, value in database_settings(fsync=True).items():
    connection.execute(f"SET {name}='{value}'")
log = EmbeddedLog(connection)
run_at_once(log.create_topic(TopicInfo(name="a", partitions=3)))
n = 0
while True:
    connection.begin()
    size = 1 + n % 700
    run_at_once(log.append("a", valued(*(b"%d" % i for i in range(n, n + size)))))
    connection.commit()
    n += size
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
"""


@pytest.mark.slow
def test_what_was_committed_survives_a_kill(tmp_path: Path, kills: int) -> None:
    for kill in range(kills):
        path = str(tmp_path / f"{kill}.duckdb")
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, path], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        committed = 0
        for _ in range(5 + 13 * kill):
            committed = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        committed = max([committed, *map(int, writer.stdout.read().split("\n")[:-1])])
        writer.wait()
        writer.stdout.close()
        connection = duckdb.connect(path)
        found = run_at_once(values(EmbeddedLog(connection), "a"))
        connection.close()
        assert len(found) >= committed > 0
        assert found == [b"%d" % n for n in range(len(found))]


@pytest.mark.parametrize(("fsync", "mode"), [(True, "STANDARD"), (False, "NONE")])
def test_the_settings_are_duckdbs(fsync: bool, mode: str) -> None:
    connection = duckdb.connect()
    for name, value in database_settings(fsync=fsync).items():
        connection.execute(f"SET {name}='{value}'")
    found = connection.execute(
        "SELECT current_setting('fsync_mode'), current_setting('checkpoint_threshold'),"
        " current_setting('max_vacuum_tasks')"
    ).fetchall()
    assert found == [(mode, "7.6 MiB", 0)]
