"""`make demo`: a year of flights through continuous queries, without a broker or a server.

Loads the topics (load_flights.py), runs flights.sql with `streamsql run`, asks the tables that
the queries keep with pull queries, and leaves the database file:

    python examples/demo.py [--records N] [--database demo.duckdb]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from load_flights import load

import streamsql

HERE = Path(__file__).resolve().parent
DATABASE = HERE.parent / "demo.duckdb"
QUERIES = HERE / "flights.sql"

WORST_CARRIERS = 5


def run_demo(database: Path, records: int | None = None) -> None:
    """Loads, runs and reports; `records` limits the flights."""
    for left_over in (database, database.with_name(f"{database.name}.wal")):
        left_over.unlink(missing_ok=True)
    load_topics(database, records)
    run_queries(database)
    with streamsql.connect(str(database)) as connection:
        print_figures(connection)


def load_topics(database: Path, records: int | None) -> None:
    """Fills the topics and says how fast."""
    started = time.perf_counter()
    with streamsql.connect(str(database)) as connection:
        counts = load(connection, records)
    seconds = time.perf_counter() - started
    print(f"Loaded in {seconds:.1f} s: ", end="")
    print(", ".join(f"{count:,} {topic}" for topic, count in counts.items()))


def run_queries(database: Path) -> None:
    """Runs the queries until they have caught up, as anyone would from a terminal."""
    command = [Path(sys.executable).with_name("streamsql"), "run", "--database", database, QUERIES]
    print(f"\n$ streamsql run --database {database.name} examples/{QUERIES.name}", flush=True)
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)


def print_figures(connection: streamsql.Connection) -> None:
    """What the tables say, asked with pull queries."""
    origins = connection.execute("SELECT * FROM flights_per_origin;").rows
    read = sum(flights for _, flights, _ in origins)
    departed = sum(count for _, _, count in origins)
    hours = connection.execute("SELECT departures FROM departures_per_hour;").rows
    counted = sum(count for (count,) in hours)
    print(f"\n{read:,} flights read, {departed:,} departed", end="")
    print(f" ({', '.join(f'{origin} {flights:,}' for origin, flights, _ in sorted(origins))})")
    # A departure that no window counted came after its window had closed.
    print(f"{len(hours):,} windows of DEPARTURES_PER_HOUR hold {counted:,} departures", end="")
    print(f", {departed - counted:,} late")

    carriers = connection.execute(
        "SELECT airline, flights, mean_delay, worst_delay FROM delay_per_carrier;"
    ).rows
    print(f"\nThe worst of {len(carriers)} carriers, by mean delay in minutes:")
    for airline, flights, mean, worst in sorted(carriers, key=_mean_delay)[:WORST_CARRIERS]:
        print(f"  {airline:28} {mean:6.1f}   {flights:7,} flights   {worst:5,} at worst")


def _mean_delay(carrier: tuple[str, int, float, int]) -> float:
    return -carrier[2]


def main() -> None:
    """Runs the demo and says where the database is."""
    parser = argparse.ArgumentParser(description="A year of flights through continuous queries.")
    parser.add_argument("--records", type=int, help="only the first flights")
    parser.add_argument("--database", type=Path, default=DATABASE)
    options = parser.parse_args()
    started = time.perf_counter()
    run_demo(options.database, options.records)
    print(f"\nDone in {time.perf_counter() - started:.1f} s. The queries and their tables are in")
    print(f"  {options.database}")
    print(f"which `streamsql {options.database.name}` opens.")


if __name__ == "__main__":
    main()
