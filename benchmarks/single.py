"""One record on an idle engine: from its append to the commit of what a query makes of it, beside a
transaction that inserts one row into a table of DuckDB's, by turns in the same run.

Both write to files on the same disk, and wait for it (`embedded.fsync` is on, as it comes).

    python -m benchmarks.single --query agg --directory /tmp

Prints {"record_p50_ms": …, "insert_p50_ms": …, "times_insert_p50": …, "statements_per_step": …, …}.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np

import streamsql
from benchmarks import nexmark
from benchmarks.query import FOLDER, read_query

WARM_RECORDS = 20_000
ROUNDS = 400
REST_SECONDS = 0.002
"""Between two rounds: the engine is idle when the next record comes."""


def run(name: str, directory: str | None) -> dict[str, object]:
    """The latencies of one query."""
    query = read_query(FOLDER / f"{name}.sql")
    spec = nexmark.Spec(bids=WARM_RECORDS + ROUNDS)
    with tempfile.TemporaryDirectory(prefix="streamsql-single-", dir=directory) as work:
        plain = duckdb.connect(str(Path(work) / "plain.duckdb"))
        plain.execute("CREATE TABLE rows (number BIGINT, value BLOB)")
        with streamsql.connect(str(Path(work) / "queries.duckdb")) as engine:
            engine.execute("SET 'cache.max.bytes.buffering' = '0'")
            engine.execute_script(query.path.read_text())
            for topic in query.topics:
                warm = nexmark.records(spec, nexmark.kind_of(topic), 0, WARM_RECORDS)
                engine.produce(topic, warm["key"].combine_chunks(), warm["value"].combine_chunks())
            engine.wait()
            # What starting and planning left is no garbage of a step.
            gc.collect()
            gc.freeze()
            bids = nexmark.records(spec, "bid", WARM_RECORDS, WARM_RECORDS + ROUNDS)
            inserts, records, cpu = _rounds(plain, engine, bids["value"].to_pylist())
            statements = sum(q.statements_per_step for q in engine.progress())
        plain.close()
    insert, record = (np.percentile(ms, [50, 99]) for ms in (inserts, records))
    return {
        "query": name,
        "record_p50_ms": round(float(record[0]), 2),
        "record_p99_ms": round(float(record[1]), 2),
        "insert_p50_ms": round(float(insert[0]), 2),
        "insert_p99_ms": round(float(insert[1]), 2),
        "times_insert_p50": round(float(record[0] / insert[0]), 1),
        "times_insert_p99": round(float(record[1] / insert[1]), 1),
        "statements_per_step": statements,
        "cpu_milliseconds_per_record": round(cpu / ROUNDS, 2),
    }


def _rounds(
    plain: duckdb.DuckDBPyConnection, engine: streamsql.Connection, values: list[bytes]
) -> tuple[list[float], list[float], float]:
    """Milliseconds of each insert and of each record, and the CPU's of all records."""
    inserts: list[float] = []
    records: list[float] = []
    cpu = 0.0
    for number, value in enumerate(values):
        time.sleep(REST_SECONDS)
        started = time.perf_counter()
        plain.begin()
        plain.execute("INSERT INTO rows VALUES (?, ?)", [number, value])
        plain.commit()
        inserts.append((time.perf_counter() - started) * 1000)
        time.sleep(REST_SECONDS)
        started, used = time.perf_counter(), time.process_time()
        engine.produce("bid", None, [value])
        engine.wait()
        records.append((time.perf_counter() - started) * 1000)
        cpu += (time.process_time() - used) * 1000
    return inserts, records, cpu


def main(arguments: list[str] | None = None) -> None:
    """Measures one query and prints what came of it."""
    parser = argparse.ArgumentParser(description="One record on an idle engine.")
    parser.add_argument("--query", required=True)
    parser.add_argument("--directory")
    options = parser.parse_args(arguments)
    print(json.dumps(run(options.query, options.directory)))


if __name__ == "__main__":
    main()
