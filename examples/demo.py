"""`make demo`: a year of flights through continuous queries, without a broker or a server.

Loads the topics (load_flights.py), runs flights.sql with `streamsql run`, asks the tables that
the queries keep with pull queries, and leaves the database file:

    python examples/demo.py [--records N] [--database demo.duckdb]

With `--broker HOST:PORT` the topics are on that Kafka cluster, which must not have them yet; `make
demo-kafka` starts one for it.
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


def run_demo(place: str, words: list[str], records: int | None = None) -> None:
    """Loads, runs and reports. `place`: a database file or kafka://host:port; `words`: how the
    command line says it; `records` limits the flights."""
    load_topics(place, records)
    run_queries(words)
    with streamsql.connect(place) as connection:
        # On Kafka it takes the tables over first: here nothing but the changelog has them.
        connection.wait()
        print_figures(connection)


def load_topics(place: str, records: int | None) -> None:
    """Fills the topics and says how fast."""
    started = time.perf_counter()
    with streamsql.connect(place) as connection:
        counts = load(connection, records)
    seconds = time.perf_counter() - started
    print(f"Loaded in {seconds:.1f} s: ", end="")
    print(", ".join(f"{count:,} {topic}" for topic, count in counts.items()))


def run_queries(words: list[str]) -> None:
    """Runs the queries until they have caught up, as anyone would from a terminal."""
    command = [Path(sys.executable).with_name("streamsql"), "run", *words, QUERIES]
    shown = " ".join(Path(word).name for word in words)
    print(f"\n$ streamsql run {shown} examples/{QUERIES.name}", flush=True)
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
    parser.add_argument("--broker", metavar="HOST:PORT", help="keep the topics on Kafka")
    options = parser.parse_args()
    started = time.perf_counter()
    if options.broker:
        words = ["--broker", options.broker, "--until-caught-up"]
        run_demo(f"kafka://{options.broker}", words, options.records)
        print(f"\nDone in {time.perf_counter() - started:.1f} s on Kafka at {options.broker}.")
        return
    database: Path = options.database
    for left_over in (database, database.with_name(f"{database.name}.wal")):
        left_over.unlink(missing_ok=True)
    run_demo(str(database), ["--database", str(database)], options.records)
    print(f"\nDone in {time.perf_counter() - started:.1f} s. The queries and their tables are in")
    print(f"  {options.database}")
    print(f"which `streamsql {options.database.name}` opens.")


if __name__ == "__main__":
    main()
