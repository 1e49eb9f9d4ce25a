"""`make bench`: measures `streamsql run` on query files, and floors beside it on the same records.

For each query: a fresh copy of a loaded database file, `streamsql run` as a process of its own,
a digest of the sink's bytes by another; then the floors. All results go to results/latest.json,
and as a table to the terminal. Settings come from the environment: README.md.

    BENCH_RECORDS=200000 BENCH_QUERIES=q1,agg python -m benchmarks.run

BENCH_QUERIES=codecs measures the formats alone (`codecs.py`).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks import codecs
from benchmarks.kafka import KafkaBench, cluster, latencies, restored
from benchmarks.measure import Failed, Usage, measure
from benchmarks.program import ROOT, Left, answer, module, read_summary, streamsql, tell
from benchmarks.query import FOLDER, Query, floor_text, key_columns
from benchmarks.settings import MODES, Settings, read_settings
from benchmarks.table import format_kafka_table, format_table
from tests.kafka.broker import KafkaUnavailable

FLOOR_SINK = "floor"


class Bench:
    """One run of everything, in a working directory that the caller makes and removes."""

    def __init__(self, settings: Settings, work: Path) -> None:
        self._settings = settings
        self._work = work
        self._counts: Mapping[str, int] = {}
        self.failures: list[str] = []

    def results(self) -> Iterator[dict[str, object]]:
        """Measures one thing after the other; what fails stands in `failures` and is left out."""
        self._counts = self._load()
        for query in self._settings.queries:
            for engine in self._settings.engines:
                for mode in self._modes(query, engine):
                    tell(f"{query.name} {engine} {mode} …")
                    try:
                        yield self._result(query, engine, mode)
                    except Failed as failed:
                        self.failures.append(f"{query.name} {engine} {mode}: {failed}")
                        tell(f"FAILED {self.failures[-1]}")

    def _modes(self, query: Query, engine: str) -> tuple[str, ...]:
        """The modes to measure: both for streamsql where they differ, one for a floor."""
        if engine == "floor-duckdb":
            # A batch has last values only, which for a query without state are all of them.
            has_text = query.path.parent == FOLDER and floor_text(query).exists()
            mode = "batch" if query.has_state else "changes"
            return (mode,) if has_text else ()
        if engine == "streamsql" and query.has_state:
            return self._settings.modes
        return ("changes",)

    def _result(self, query: Query, engine: str, mode: str) -> dict[str, object]:
        if engine == "streamsql":
            left = self._run_streamsql(query, mode)
        elif engine == "floor-log":
            left = self._run_floor_log(query)
        else:
            left = self._run_floor_duckdb(query)
        records_in = sum(self._counts[topic] for topic in query.topics)
        usage = {name: round(value, 3) for name, value in asdict(left.usage).items()}
        return {
            "query": query.name,
            "broker": "embedded",
            "engine": engine,
            "mode": mode,
            "records_in": records_in,
            "records_out": left.records,
            **usage,
            "digest": left.digest,
            "cpu_seconds_per_million": round(left.usage.cpu_seconds / records_in * 1e6, 3),
            **left.extra,
        }

    def _load(self) -> Mapping[str, int]:
        """Fills the database file that runs start from; gives the records of each topic."""
        topics = sorted({topic for query in self._settings.queries for topic in query.topics})
        tell(f"loading {', '.join(topics)} …")
        return answer(
            "benchmarks.load",
            *("--spec", json.dumps(self._settings.spec), "--topics", ",".join(topics)),
            *("--database", str(self._work / "loaded.duckdb"), "--ndjson", str(self._work)),
        )

    def _run_streamsql(self, query: Query, mode: str) -> Left:
        database = self._fresh_database()
        summary = self._work / "summary.json"
        usage = self._measure(
            *(streamsql(), "run", "--database", str(database), "--summary-json", str(summary)),
            *("--set", f"cache.max.bytes.buffering={MODES[mode]}", str(query.path)),
        )
        extra = read_summary(summary, usage)
        table = ("--table",) if query.is_table else ()
        return self._digest(
            usage, extra, "--database", str(database), "--topic", query.sink, *table
        )

    def _run_floor_log(self, query: Query) -> Left:
        database = self._fresh_database()
        usage = self._measure(
            *module("benchmarks.floor"),
            *("log", "--database", str(database), "--topics", ",".join(query.topics)),
            *("--sink", FLOOR_SINK),
        )
        return self._digest(usage, {}, "--database", str(database), "--topic", FLOOR_SINK)

    def _run_floor_duckdb(self, query: Query) -> Left:
        rows = self._work / "rows.ndjson"
        text = floor_text(query)
        usage = self._measure(
            *module("benchmarks.floor"),
            *("duckdb", str(text), "--ndjson", str(self._work), "--out", str(rows)),
        )
        return self._digest(usage, {}, "--ndjson", str(rows), "--key", key_columns(text))

    def _measure(self, *command: str) -> Usage:
        log = self._work / "measured.log"
        return measure(command, log=log, timeout_s=self._settings.timeout_s, directory=ROOT)

    def _digest(self, usage: Usage, extra: Mapping[str, object], *arguments: str) -> Left:
        found = answer("benchmarks.digest", *arguments)
        records, digest = found.pop("records"), found.pop("digest")
        return Left(usage=usage, records=records, digest=digest, extra={**extra, **found})

    def _fresh_database(self) -> Path:
        """A copy of the loaded file, so that no run sees what another left."""
        copy = self._work / "run.duckdb"
        for ending in ("", ".wal"):
            Path(f"{copy}{ending}").unlink(missing_ok=True)
            loaded = self._work / f"loaded.duckdb{ending}"
            if loaded.exists():
                shutil.copyfile(loaded, f"{copy}{ending}")
        return copy


def _measure_embedded(settings: Settings, work: Path) -> tuple[list[dict[str, object]], bool]:
    """The results over the embedded log, and whether all went well."""
    bench = Bench(settings, work)
    results = list(bench.results())
    print(format_table(results))
    singles: list[dict[str, object]] = []
    for name in settings.single:
        tell(f"one record at a time: {name} …")
        singles.append(answer("benchmarks.single", "--query", name, "--directory", str(work)))
        print("  ".join(f"{field} {value}" for field, value in singles[-1].items()))
    if singles:
        settings.results.with_name("single.json").write_text(json.dumps(singles, indent=1) + "\n")
    return results, not bench.failures


def _measure_kafka(settings: Settings, work: Path) -> tuple[list[dict[str, object]], bool]:
    """The same on Kafka; nothing where there is none to be had."""
    try:
        with cluster(settings.broker) as broker:
            bench = KafkaBench(settings, work, broker)
            parts = settings.kafka_parts
            results = list(bench.results()) if "queries" in parts else []
            more = {
                "latency": list(latencies(settings, broker)) if "latency" in parts else [],
                "restore": list(restored(settings, broker)) if "restore" in parts else [],
            }
    except KafkaUnavailable as error:
        tell(f"no runs on Kafka: {error}")
        return [], True
    if results:
        print(format_kafka_table(results))
    for one in (*more["latency"], *more["restore"]):
        print("  ".join(f"{name} {value}" for name, value in one.items()))
    if any(more.values()):
        path = settings.results.with_name("kafka.json")
        path.write_text(json.dumps(more, indent=1) + "\n")
    return results, not bench.failures


def main() -> int:
    """Measures, writes and prints; 1 where a measurement failed, 2 for wrong settings."""
    if os.environ.get("BENCH_QUERIES", "").strip() == "codecs":
        return codecs.main()
    try:
        settings = read_settings(os.environ)
    except ValueError as wrong:
        tell(str(wrong))
        return 2
    settings.results.parent.mkdir(exist_ok=True)
    results: list[dict[str, object]] = []
    well = True
    for log, run in (("embedded", _measure_embedded), ("kafka", _measure_kafka)):
        if log not in settings.logs:
            continue
        with tempfile.TemporaryDirectory(prefix="streamsql-bench-", dir=settings.directory) as work:
            try:
                more, fine = run(settings, Path(work))
            except Failed as failed:
                tell(str(failed))
                return 1
        results += more
        well = well and fine
    settings.results.write_text(json.dumps(results, indent=1) + "\n")
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main())
