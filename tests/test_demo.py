"""The demo's records are the flights, and what it reports and leaves equals DuckDB's own answer."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

import streamsql

SLICE = 20_000
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.fixture(scope="module")
def loader() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(EXAMPLES / "load_flights.py")))


@pytest.fixture(scope="module")
def flights(loader: SimpleNamespace) -> pa.Table:
    return loader.read_flights()


@pytest.mark.slow
def test_all_flights_come_in_order_of_event_time(flights: pa.Table) -> None:
    times = flights["event_time"].to_pylist()
    assert len(times) == 336_776
    assert times == sorted(times)
    assert {name: flights[name].null_count for name in ("dep_time", "dep_delay", "tailnum")} == {
        "dep_time": 8_255,
        "dep_delay": 8_255,
        "tailnum": 2_512,
    }


@pytest.mark.slow
def test_the_event_time_is_the_scheduled_minute(flights: pa.Table) -> None:
    first = flights.slice(0, 1).to_pylist()[0]
    assert (first["sched_dep_time"], first["minute"]) == (515, 15)
    assert first["time_hour"].isoformat() == "2013-01-01T10:00:00"
    # 2013-01-01T10:15:00Z, which was 05:15 in New York.
    assert first["event_time"] == 1_357_035_300_000


def test_records_are_json_with_nulls_and_whole_numbers(
    loader: SimpleNamespace, flights: pa.Table
) -> None:
    cancelled = flights.filter(pa.compute.is_null(flights["dep_time"])).slice(0, 1)
    [batch] = loader.as_records(cancelled)
    row = json.loads(batch["value"][0].as_py())
    assert row["dep_time"] is None
    assert (row["year"], row["distance"]) == (2013, int(cancelled["distance"][0].as_py()))
    assert "." not in batch["value"][0].as_py().decode()
    assert "event_time" not in row
    assert batch["timestamp"][0].as_py() == cancelled["event_time"][0].as_py()
    [airlines] = loader.as_records(loader.read_table("airlines.csv"), key="carrier")
    named = dict(zip(airlines["key"].to_pylist(), airlines["value"].to_pylist(), strict=True))
    assert len(named) == 16
    assert named[b"UA"] == b'{"name":"United Air Lines Inc."}'


# --- the demo, on the first flights of the year


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The database and the output of the demo's second start."""
    database = tmp_path_factory.mktemp("demo") / "demo.duckdb"
    command = [sys.executable, str(EXAMPLES / "demo.py"), "--database", str(database)]
    output = ""
    for records in (1_000, SLICE):
        done = subprocess.run(
            [*command, "--records", str(records)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        output = done.stdout
    return database, output


def ask(flights: pa.Table, text: str) -> list[tuple[object, ...]]:
    """What DuckDB answers about the same flights."""
    with duckdb.connect() as connection:
        connection.register("flights", flights.slice(0, SLICE))
        return connection.execute(text).fetchall()


@pytest.mark.slow
def test_the_demo_reports_what_duckdb_counts(demo: tuple[Path, str], flights: pa.Table) -> None:
    database, output = demo
    [(read, departed)] = ask(flights, "SELECT count(*), count(dep_time) FROM flights")
    origins = ask(flights, "SELECT origin, count(*) FROM flights GROUP BY origin ORDER BY origin")
    assert read == SLICE
    assert f"{read:,} flights read, {departed:,} departed" in output
    assert f"({', '.join(f'{origin} {count:,}' for origin, count in origins)})" in output
    assert f"hold {departed:,} departures, 0 late" in output
    assert str(database) in output
    assert "2013-01-02T10:00" in output


@pytest.mark.slow
def test_the_tables_equal_a_group_by_of_duckdb(demo: tuple[Path, str], flights: pa.Table) -> None:
    database, _ = demo
    with streamsql.connect(str(database)) as connection:
        hours = connection.execute("SELECT * FROM departures_per_hour;")
        carriers = connection.execute("SELECT * FROM delay_per_carrier;")
    assert sorted(hours.rows) == ask(
        flights,
        """
        SELECT origin, event_time // 3_600_000 * 3_600_000 AS windowstart,
          windowstart + 3_600_000 AS windowend, count(*), avg(dep_delay)
        FROM flights
        WHERE dep_time IS NOT NULL
        GROUP BY ALL
        ORDER BY ALL
        """,
    )
    assert sorted(row[:1] + row[2:] for row in carriers.rows) == ask(
        flights,
        """
        SELECT carrier, count(*), avg(dep_delay), count(*) FILTER (dep_delay > 15), max(dep_delay)
        FROM flights
        WHERE dep_time IS NOT NULL
        GROUP BY carrier
        ORDER BY carrier
        """,
    )
    assert dict(row[:2] for row in carriers.rows)["UA"] == "United Air Lines Inc."
