"""`make bench`: measures `streamsql run` on query files, and floors beside it on the same records.

For each query: a fresh copy of a loaded database file, `streamsql run` as a process of its own,
a digest of the sink's bytes by another; then the floors. All results go to results/latest.json,
and as a table to the terminal. Settings come from the environment: README.md.

    BENCH_RECORDS=200000 BENCH_QUERIES=q1,agg python -m benchmarks.run
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.measure import Failed, Usage, measure
from benchmarks.query import FOLDER, Query, key_columns
from benchmarks.settings import MODES, Settings, read_settings
from benchmarks.table import format_table

ROOT = Path(__file__).resolve().parent.parent
FLOORS = Path(__file__).resolve().parent / "floors"
FLOOR_SINK = "floor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a measured program left: the cost, the records of its sink and their digests."""

    usage: Usage
    records: int
    digest: str
    extra: Mapping[str, object] = field(default_factory=dict[str, object])


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
                    _tell(f"{query.name} {engine} {mode} …")
                    try:
                        yield self._result(query, engine, mode)
                    except Failed as failed:
                        self.failures.append(f"{query.name} {engine} {mode}: {failed}")
                        _tell(f"FAILED {self.failures[-1]}")

    def _modes(self, query: Query, engine: str) -> tuple[str, ...]:
        """The modes to measure: both for streamsql where they differ, one for a floor."""
        if engine == "floor-duckdb":
            # A batch has last values only, which for a query without state are all of them.
            has_text = query.path.parent == FOLDER and _floor_text(query).exists()
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
        _tell(f"loading {', '.join(topics)} …")
        return _program(
            "benchmarks.load",
            *("--spec", json.dumps(self._settings.spec), "--topics", ",".join(topics)),
            *("--database", str(self._work / "loaded.duckdb"), "--ndjson", str(self._work)),
        )

    def _run_streamsql(self, query: Query, mode: str) -> Left:
        database = self._fresh_database()
        summary = self._work / "summary.json"
        usage = self._measure(
            *(_streamsql(), "run", "--database", str(database), "--summary-json", str(summary)),
            *("--set", f"cache.max.bytes.buffering={MODES[mode]}", str(query.path)),
        )
        extra = _of_summary(summary, usage)
        table = ("--table",) if query.is_table else ()
        return self._digest(
            usage, extra, "--database", str(database), "--topic", query.sink, *table
        )

    def _run_floor_log(self, query: Query) -> Left:
        database = self._fresh_database()
        usage = self._measure(
            *_module("benchmarks.floor"),
            *("log", "--database", str(database), "--topics", ",".join(query.topics)),
            *("--sink", FLOOR_SINK),
        )
        return self._digest(usage, {}, "--database", str(database), "--topic", FLOOR_SINK)

    def _run_floor_duckdb(self, query: Query) -> Left:
        rows = self._work / "rows.ndjson"
        text = _floor_text(query)
        usage = self._measure(
            *_module("benchmarks.floor"),
            *("duckdb", str(text), "--ndjson", str(self._work), "--out", str(rows)),
        )
        return self._digest(usage, {}, "--ndjson", str(rows), "--key", key_columns(text))

    def _measure(self, *command: str) -> Usage:
        log = self._work / "measured.log"
        return measure(command, log=log, timeout_s=self._settings.timeout_s, directory=ROOT)

    def _digest(self, usage: Usage, extra: Mapping[str, object], *arguments: str) -> Left:
        found = _program("benchmarks.digest", *arguments)
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


def _floor_text(query: Query) -> Path:
    return FLOORS / f"{query.name}.sql"


def _of_summary(path: Path, usage: Usage) -> dict[str, object]:
    """What `streamsql run` says of its steps, and what one of them cost."""
    queries = json.loads(path.read_text())["queries"]
    steps = sum(query["steps"] for query in queries)
    milliseconds = usage.cpu_seconds * 1000 / max(steps, 1)
    return {
        "steps": steps,
        "statements_per_step": sum(query["statements_per_step"] for query in queries),
        "cpu_milliseconds_per_step": round(milliseconds, 1),
    }


def _streamsql() -> str:
    """The command beside the interpreter that runs this, whatever the search path says."""
    return str(Path(sys.executable).with_name("streamsql"))


def _module(name: str) -> tuple[str, str, str]:
    return (sys.executable, "-m", name)


def _program(name: str, *arguments: str) -> dict:
    """The JSON object that one of our programs prints; Failed where it does not end well."""
    done = subprocess.run(
        [*_module(name), *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise Failed(f"{name} {' '.join(arguments)}: exit {done.returncode}")
    return json.loads(done.stdout)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Measures, writes and prints; 1 where a measurement failed, 2 for wrong settings."""
    try:
        settings = read_settings(os.environ)
    except ValueError as wrong:
        _tell(str(wrong))
        return 2
    with tempfile.TemporaryDirectory(prefix="streamsql-bench-", dir=settings.directory) as work:
        bench = Bench(settings, Path(work))
        try:
            results = list(bench.results())
        except Failed as failed:
            _tell(str(failed))
            return 1
    settings.results.parent.mkdir(exist_ok=True)
    settings.results.write_text(json.dumps(results, indent=1) + "\n")
    print(format_table(results))
    return 1 if bench.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
