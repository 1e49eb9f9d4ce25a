"""The runs on Kafka: the same queries as an engine of a service, with the broker in a process of
its own, which is not measured.

For each number of partitions: topics are created, each query runs once over empty topics (what
starting costs: Python, connections, groups, internal topics), the topics are loaded, and each query
runs over them in every mode and guarantee. `cpu_seconds_per_million` is without the start.
"""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shutil import rmtree

from benchmarks.measure import Failed, Usage, measure
from benchmarks.peers import PEERS, PREFIX, Job
from benchmarks.program import ROOT, Left, answer, module, read_summary, streamsql, tell
from benchmarks.query import Query, floor_text, key_columns
from benchmarks.settings import MODES, Settings
from tests.kafka.broker import Broker

SERVICE = "bench"
"""What begins the service of each run: of a group that was there before, Kafka knows positions."""


@contextmanager
def cluster(address: str) -> Iterator[str]:
    """The address of a cluster: `address`, or of a broker that runs meanwhile. KafkaUnavailable
    where there is none to be had."""
    if address:
        yield address
        return
    with tempfile.TemporaryDirectory(prefix="streamsql-kafka-") as folder:
        broker = Broker(Path(folder), memory="1g")
        try:
            yield broker.address
        finally:
            broker.stop()


def latencies(settings: Settings, broker: str) -> Iterator[dict[str, object]]:
    """The latency of a projection and of a GROUP BY at each rate, under each guarantee."""
    for query in ("q1", "agg"):
        for rate in settings.rates:
            for guarantee in settings.guarantees:
                tell(f"latency {query} {rate} {guarantee} …")
                words = ("--query", query, "--rate", str(rate), "--guarantee", guarantee)
                yield answer("benchmarks.latency", "--broker", broker, *words)


def restored(settings: Settings, broker: str) -> Iterator[dict[str, object]]:
    """How fast a state comes back."""
    tell(f"restoring {settings.restored_keys:,} rows …")
    keys = ("--keys", str(settings.restored_keys))
    yield answer("benchmarks.restore", "--broker", broker, *keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a query on Kafka; `engine`: `streamsql`, or a peer."""

    query: Query
    partitions: int
    guarantee: str
    mode: str
    engine: str = "streamsql"

    @property
    def start(self) -> tuple[str, str, str]:
        """What runs have in common that start alike."""
        return (self.engine, self.query.name, self.guarantee)

    def __str__(self) -> str:
        where = f"{self.partitions} partition{'s' * (self.partitions > 1)}"
        return f"{self.query.name} {self.engine} kafka {where} {self.guarantee} {self.mode}"


@dataclass(slots=True)
class KafkaBench:
    """All runs on one cluster; `work` is a directory that the caller makes and removes."""

    settings: Settings
    work: Path
    broker: str
    failures: list[str] = field(default_factory=list[str])
    _counts: Mapping[str, int] = field(default_factory=dict[str, int])
    _starts: dict[tuple[str, str, str], Usage] = field(
        default_factory=dict[tuple[str, str, str], Usage]
    )
    _floors: dict[str, str] = field(default_factory=dict[str, str])

    def results(self) -> Iterator[dict[str, object]]:
        """Measures one thing after the other; what fails stands in `failures` and is left out."""
        topics = sorted({topic for query in self.settings.kafka_queries for topic in query.topics})
        for partitions in self.settings.partitions:
            runs = self._runs(partitions)
            self._topics("create", *("--partitions", str(partitions), "--topics", ",".join(topics)))
            try:
                self._counts = {}
                for run in {run.start: run for run in runs}.values():
                    tell(f"{run}: start")
                    self._starts[run.start] = self._measure(run)
                    self._drop(run.query)
                self._load(topics)
                for run in runs:
                    yield from self._results(run)
            finally:
                self._topics("drop", "--topics", ",".join(topics))

    def _runs(self, partitions: int) -> list[Run]:
        return [
            Run(query=query, partitions=partitions, guarantee=guarantee, mode=mode, engine=engine)
            for query in self.settings.kafka_queries
            for mode in (self.settings.modes if query.has_state else ("changes",))
            for engine in ("streamsql", *self.settings.peers)
            if engine == "streamsql" or query.name in PEERS[engine].queries
            for guarantee in self.settings.guarantees
            if engine == "streamsql" or guarantee == "at_least_once"
        ]

    def _results(self, run: Run) -> Iterator[dict[str, object]]:
        tell(f"{run} …")
        try:
            lefts = [self._run(run) for _ in range(self.settings.repeats)]
            result = self._result(run, min(lefts, key=lambda left: left.usage.cpu_seconds))
            yield {**result, **self._consumed(run, result)}
        except Failed as failed:
            self.failures.append(f"{run}: {failed}")
            tell(f"FAILED {self.failures[-1]}")

    def _run(self, run: Run) -> Left:
        try:
            usage = self._measure(run)
            table = ("--table",) if run.query.is_table else ()
            found = answer(
                "benchmarks.digest", "--broker", self.broker, "--topic", run.query.sink, *table
            )
        finally:
            self._drop(run.query)
        ours = run.engine == "streamsql"
        extra = read_summary(self.work / "summary.json", usage) if ours else {}
        records, digest = found.pop("records"), found.pop("digest")
        return Left(usage=usage, records=records, digest=digest, extra={**extra, **found})

    def _result(self, run: Run, left: Left) -> dict[str, object]:
        start = self._starts[run.start]
        records_in = sum(self._counts[topic] for topic in run.query.topics)
        spent = max(left.usage.cpu_seconds - start.cpu_seconds, 0.0)
        usage = {name: round(value, 3) for name, value in asdict(left.usage).items()}
        return {
            "query": run.query.name,
            "broker": "kafka",
            "engine": run.engine,
            "mode": run.mode,
            "partitions": run.partitions,
            "guarantee": run.guarantee,
            "records_in": records_in,
            "records_out": left.records,
            **usage,
            "start_seconds": round(start.seconds, 3),
            "start_cpu_seconds": round(start.cpu_seconds, 3),
            "digest": left.digest,
            "right": left.digest == self._floor(run.query),
            "cpu_seconds_per_million": round(spent / records_in * 1e6, 3),
            **left.extra,
        }

    def _consumed(self, run: Run, result: dict[str, object]) -> dict[str, object]:
        """What reading the same records costs in the same minute, without doing anything."""
        topics = ",".join(run.query.topics)
        found = answer("benchmarks.consume", "--broker", self.broker, "--topics", topics)
        floor = float(found["cpu_seconds_per_million"])
        spent = float(str(result["cpu_seconds_per_million"]))
        return {
            "consume_cpu_seconds_per_million": floor,
            "times_consume": round(spent / floor, 2),
        }

    def _floor(self, query: Query) -> str:
        """The digest that DuckDB's batch over the same records has."""
        if query.name not in self._floors:
            rows, text = self.work / "rows.ndjson", floor_text(query)
            words = ("duckdb", str(text), "--ndjson", str(self.work), "--out", str(rows))
            self._program(*module("benchmarks.floor"), *words)
            found = answer("benchmarks.digest", "--ndjson", str(rows), "--key", key_columns(text))
            self._floors[query.name] = found["digest"]
        return self._floors[query.name]

    def _measure(self, run: Run) -> Usage:
        """One engine from its start until it has read all there is."""
        state = self.work / "state"
        rmtree(state, ignore_errors=True)
        if run.engine != "streamsql":
            return self._measure_peer(run, state)
        settings = {
            "ksql.service.id": f"{SERVICE}-{uuid.uuid4().hex}",
            "processing.guarantee": run.guarantee,
            "cache.max.bytes.buffering": str(MODES[run.mode]),
        }
        words = ("--broker", self.broker, "--until-caught-up", "--state-dir", str(state))
        summary = ("--summary-json", str(self.work / "summary.json"))
        given = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        return self._program(streamsql(), "run", *words, *summary, *given, str(run.query.path))

    def _measure_peer(self, run: Run, state: Path) -> Usage:
        """The same of another engine, which finds its sink made."""
        query, partitions = run.query, run.partitions
        self._topics("create", "--partitions", str(partitions), "--topics", query.sink)
        job = Job(
            broker=self.broker,
            query=query.name,
            sink=query.sink,
            partitions=partitions,
            records=sum(self._counts.get(topic, 0) for topic in query.topics),
            cache=MODES[run.mode],
            work=state,
        )
        return self._program(*PEERS[run.engine].command(job))

    def _program(self, *command: str) -> Usage:
        log = self.work / "measured.log"
        return measure(command, log=log, timeout_s=self.settings.timeout_s, directory=ROOT)

    def _load(self, topics: list[str]) -> None:
        tell(f"loading {', '.join(topics)} …")
        spec = {"bid_bytes": 250, **self.settings.spec}
        self._counts = self._topics(
            "load",
            *("--topics", ",".join(topics), "--spec", json.dumps(spec)),
            *("--ndjson", str(self.work)),
        )

    def _drop(self, query: Query) -> None:
        for prefix in (f"_streamsql-{SERVICE}", PREFIX):
            self._topics("drop", "--topics", query.sink, "--prefix", prefix)

    def _topics(self, act: str, *words: str) -> Mapping[str, int]:
        return answer("benchmarks.topics", act, "--broker", self.broker, *words)
