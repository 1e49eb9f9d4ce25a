"""One record on an idle engine: from its append to the commit of what a query makes of it. By turns
with it, in the same run: a transaction that inserts one row into a table of DuckDB's, and the
engine's own statement INSERT INTO … VALUES, without what queries make of it.

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
import pyarrow as pa

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
            bids = nexmark.columns(spec, "bid", WARM_RECORDS, WARM_RECORDS + ROUNDS)
            inserts, statements, records, cpu = _rounds(plain, engine, bids)
            per_step = sum(q.statements_per_step for q in engine.progress())
        plain.close()
    insert, own, record = (
        np.percentile(ms, [50, 99]).round(2).tolist() for ms in (inserts, statements, records)
    )
    return {
        "query": name,
        "record_p50_ms": record[0],
        "record_p99_ms": record[1],
        "insert_p50_ms": insert[0],
        "insert_p99_ms": insert[1],
        "statement_p50_ms": own[0],
        "statement_p99_ms": own[1],
        "times_insert_p50": round(record[0] / insert[0], 1),
        "times_insert_p99": round(record[1] / insert[1], 1),
        "statements_per_step": per_step,
        "cpu_milliseconds_per_record": round(cpu / ROUNDS, 2),
    }


def _rounds(
    plain: duckdb.DuckDBPyConnection, engine: streamsql.Connection, bids: pa.Table
) -> tuple[list[float], list[float], list[float], float]:
    """Milliseconds of each insert, statement and record, and the CPU's of all records."""
    inserts: list[float] = []
    statements: list[float] = []
    records: list[float] = []
    cpu = 0.0
    values = nexmark.encode(bids).to_pylist()
    names = ", ".join(bids.column_names)
    for number, (value, row) in enumerate(zip(values, bids.to_pylist(), strict=True)):
        time.sleep(REST_SECONDS)
        started = time.perf_counter()
        plain.begin()
        plain.execute("INSERT INTO rows VALUES (?, ?)", [number, value])
        plain.commit()
        inserts.append(_since(started))
        time.sleep(REST_SECONDS)
        listed = ", ".join(repr(v) for v in row.values())
        started = time.perf_counter()
        engine.execute(f"INSERT INTO bid ({names}) VALUES ({listed});")
        statements.append(_since(started))
        engine.wait()
        time.sleep(REST_SECONDS)
        started, used = time.perf_counter(), time.process_time()
        engine.produce("bid", None, [value])
        engine.wait()
        records.append(_since(started))
        cpu += (time.process_time() - used) * 1000
    return inserts, statements, records, cpu


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def main(arguments: list[str] | None = None) -> None:
    """Measures one query and prints what came of it."""
    parser = argparse.ArgumentParser(description="One record on an idle engine.")
    parser.add_argument("--query", required=True)
    parser.add_argument("--directory")
    options = parser.parse_args(arguments)
    print(json.dumps(run(options.query, options.directory)))


if __name__ == "__main__":
    main()
