"""Law 3: one step is one DuckDB transaction. A step that fails after its sink was written leaves
state, positions and output as they were.

The embedded log is used, since there a topic lies in the same database. `Torn` shows what the test
would see of a step that commits half way.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from streamsql.brokers.embedded import EmbeddedLog
from streamsql.engine.database import Database
from streamsql.errors import LogError
from streamsql.runtime.query import ERROR
from streamsql.schema.duck import quote
from streamsql.testing.driver import Driver

SCRIPT = """
CREATE STREAM sales (id INT KEY, shop STRING, amount DOUBLE)
  WITH (KAFKA_TOPIC='sales', VALUE_FORMAT='JSON', PARTITIONS=2);
CREATE TABLE totals AS
  SELECT shop, COUNT(*) AS n, SUM(amount) AS total FROM sales GROUP BY shop;
CREATE TABLE hourly AS
  SELECT shop, COUNT(*) AS n FROM sales WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY shop;
"""
INSERTS = "".join(
    "INSERT INTO sales (ROWTIME, id, shop, amount)"
    f" VALUES ({1000 * i}, {i}, '{'ab'[i % 2]}', {i}.1);"
    for i in range(6)
)

Snapshot = dict[str, list[tuple[object, ...]]]


def opened(path: Path) -> Driver:
    driver = Driver(
        {"cache.max.bytes.buffering": "0", "streamsql.batch.records.max": "2"}, path=path
    )
    driver.execute(SCRIPT)
    return driver


def snapshot(driver: Driver) -> Snapshot:
    """Every table of the database, in order of all columns."""
    con = driver.engine.runtime.database.connection
    names = con.execute(
        "SELECT table_schema, table_name FROM information_schema.tables"
        " WHERE table_schema IN ('engine', 'state', 'log') ORDER BY ALL"
    ).fetchall()
    found: Snapshot = {}
    for schema, name in names:
        rows = con.execute(f"SELECT * FROM {quote(schema)}.{quote(name)}").fetchall()
        found[f"{schema}.{name}"] = sorted(rows, key=repr)
    return found


def memory(driver: Driver) -> list[object]:
    """What the engine remembers of its queries beside the database."""
    return [
        (q.task.sequence, dict(q.positions), q.records_in, q.records_out, q.steps)
        for _, q in sorted(driver.engine.runtime.queries.items())
    ]


def arm(patch: pytest.MonkeyPatch) -> list[str]:
    """Lets appends to sinks be refused once they were written; gives the topics they were for."""
    refused: list[str] = []
    write = EmbeddedLog.append

    async def append(log: EmbeddedLog, topic: str, records: pa.Table) -> None:
        await write(log, topic, records)
        if topic != "sales":
            refused.append(topic)
            raise LogError(f"topic {topic} is full")

    patch.setattr(EmbeddedLog, "append", append)
    return refused


def differences(path: Path, patch: pytest.MonkeyPatch) -> list[str]:
    """What a failing step of each query leaves behind: tables that changed, now and once the
    database is opened again, and memory."""
    driver = opened(path)
    first, rest = half(INSERTS)
    driver.execute(first)
    driver.execute(rest, settle=False)
    tables, held = snapshot(driver), memory(driver)
    with patch.context() as local:
        refused = arm(local)
        driver.settle()
    assert refused == ["TOTALS", "HOURLY"]
    queries = driver.engine.runtime.queries.values()
    assert [q.status for q in queries] == [ERROR, ERROR]
    after = snapshot(driver)
    found = [f"{name} at once" for name in tables if after[name] != tables[name]]
    if memory(driver) != held:
        found.append("memory")
    driver.reopen()
    again = snapshot(driver)
    found += [f"{name} reopened" for name in tables if again[name] != tables[name]]
    driver.close()
    return found


@contextmanager
def torn(database: Database, _connection: object = None) -> Generator[None, None, None]:
    """A transaction that commits what was done before the failure."""
    database.connection.begin()
    try:
        yield
    finally:
        database.connection.commit()


@contextmanager
def none(database: Database, _connection: object = None) -> Generator[None, None, None]:
    """No transaction: every statement commits by itself."""
    yield


def half(text: str) -> tuple[str, str]:
    pieces = text.split(";")
    return ";".join(pieces[:3]) + ";", ";".join(pieces[3:])


@pytest.mark.slow
def test_a_step_that_fails_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert differences(tmp_path / "whole.duckdb", monkeypatch) == []


@pytest.mark.slow
@pytest.mark.parametrize("broken", [torn, none], ids=["committed half way", "no transaction"])
def test_a_step_of_two_transactions_is_seen(
    broken: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "transaction", broken)
    found = differences(tmp_path / "torn.duckdb", monkeypatch)
    kinds = {(name.split(".")[0], name.split()[-1]) for name in found}
    assert {("state", "once"), ("log", "once"), ("state", "reopened")} <= kinds, found


@pytest.mark.slow
def test_after_a_failure_the_query_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed, whole = opened(tmp_path / "failed.duckdb"), opened(tmp_path / "whole.duckdb")
    first, rest = half(INSERTS)
    for driver in (failed, whole):
        driver.execute(first)
        driver.execute(rest, settle=False)
    whole.settle()
    with monkeypatch.context() as local:
        arm(local)
        failed.settle()
    failed.reopen()
    failed.settle()
    assert snapshot(failed) == snapshot(whole)
    failed.close()
    whole.close()
