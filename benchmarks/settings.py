"""What a run of the benchmarks measures, read from the environment (BENCH_…, see README.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers import PEERS
from benchmarks.query import DEFAULT, DEFAULT_KAFKA, FOLDER, Query, read_query

__all__ = ["ENGINES", "MODES", "Settings", "read_settings"]

ENGINES = ("streamsql", "floor-log", "floor-duckdb")

LOGS = ("embedded", "kafka")
GUARANTEES = ("at_least_once", "exactly_once_v2")

KAFKA_PARTS = ("queries", "latency", "restore")
"""What is measured on Kafka."""

SINGLE = ("q1", "agg", "q12")
"""Queries through which one record goes at a time: a projection, a GROUP BY, a window."""

MODES = {"changes": 0, "batch": 10_000_000}
"""The emission modes as values of cache.max.bytes.buffering: none, and ksqlDB's default."""

RESULTS = Path(__file__).resolve().parent / "results" / "latest.json"

_SPEC = {"SEED": int, "SKEW": str, "KEYS": int, "EXPONENT": float, "BID_BYTES": int}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`spec` holds fields of nexmark.Spec; `directory` is where working files go, None: the
    system's place for them. A program that is not done after `timeout_s` seconds is ended.

    `logs`: where queries run. On Kafka it is `kafka_queries`, on the cluster `broker` or one that
    is started; of `repeats` runs the one counts that used the least CPU; `peers` are other engines
    that run them there. `rates`: records a second
    for latency. `restored_keys`: rows of the state that is restored. `single`: the query files
    through which one record goes at a time.
    """

    queries: tuple[Query, ...]
    kafka_queries: tuple[Query, ...] = ()
    logs: tuple[str, ...] = LOGS
    broker: str = ""
    partitions: tuple[int, ...] = (1, 4)
    guarantees: tuple[str, ...] = GUARANTEES
    repeats: int = 1
    peers: tuple[str, ...] = ()
    kafka_parts: tuple[str, ...] = KAFKA_PARTS
    rates: tuple[int, ...] = (1_000, 20_000)
    restored_keys: int = 1_000_000
    single: tuple[str, ...] = SINGLE
    spec: Mapping[str, object] = field(default_factory=dict[str, object])
    modes: tuple[str, ...] = tuple(MODES)
    engines: tuple[str, ...] = ENGINES
    timeout_s: float = 1800.0
    directory: str | None = None
    results: Path = RESULTS


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings; ValueError says which is wrong. An empty text counts as not set."""
    given = {name: text for name, text in environment.items() if text.strip()}
    spec: dict[str, object] = {"bids": int(given.get("BENCH_RECORDS", "1000000").replace("_", ""))}
    for name, kind in _SPEC.items():
        if f"BENCH_{name}" in given:
            spec[name.lower()] = kind(given[f"BENCH_{name}"])
    return Settings(
        queries=_queries(given, DEFAULT),
        kafka_queries=_queries(given, DEFAULT_KAFKA),
        logs=_some_of(given, "BENCH_LOGS", LOGS),
        broker=given.get("BENCH_BROKER", "").removeprefix("kafka://"),
        partitions=tuple(int(n) for n in _listed(given.get("BENCH_PARTITIONS", "1,4"))),
        guarantees=_some_of(given, "BENCH_GUARANTEES", GUARANTEES),
        repeats=int(given.get("BENCH_REPEATS", "1")),
        peers=_some_of(given, "BENCH_PEERS", tuple(PEERS)) if "BENCH_PEERS" in given else (),
        kafka_parts=_some_of(given, "BENCH_KAFKA", KAFKA_PARTS),
        rates=tuple(int(n) for n in _listed(given.get("BENCH_RATES", "1000,20000"))),
        restored_keys=int(given.get("BENCH_RESTORED_KEYS", "1000000").replace("_", "")),
        single=_listed(given.get("BENCH_SINGLE", "" if _chosen(given) else ",".join(SINGLE))),
        spec=spec,
        modes=_some_of(given, "BENCH_MODES", tuple(MODES)),
        engines=_some_of(given, "BENCH_ENGINES", ENGINES),
        timeout_s=float(given.get("BENCH_TIMEOUT", "1800")),
        directory=given.get("BENCH_DIR"),
        results=Path(given.get("BENCH_RESULTS", RESULTS)),
    )


def _queries(given: Mapping[str, str], names: tuple[str, ...]) -> tuple[Query, ...]:
    """The queries by name, then the file BENCH_SQL; the file alone where only it is given. `names`
    where nothing is."""
    if _chosen(given):
        names = _listed(given.get("BENCH_QUERIES", ""))
    paths = [FOLDER / f"{name}.sql" for name in names]
    if "BENCH_SQL" in given:
        paths.append(Path(given["BENCH_SQL"]).resolve())
    for path in paths:
        if not path.exists():
            known = ", ".join(sorted(found.stem for found in FOLDER.glob("*.sql")))
            raise ValueError(f"no query file {path}; there are {known}")
    return tuple(read_query(path) for path in paths)


def _chosen(given: Mapping[str, str]) -> bool:
    """Whether queries are named."""
    return bool(_listed(given.get("BENCH_QUERIES", "")) or "BENCH_SQL" in given)


def _some_of(given: Mapping[str, str], name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    chosen = _listed(given.get(name, "")) or known
    wrong = [item for item in chosen if item not in known]
    if wrong:
        raise ValueError(f"{name}: {', '.join(wrong)} is none of {', '.join(known)}")
    return chosen


def _listed(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())
