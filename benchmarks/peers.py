"""Other engines on the same topics of Kafka: Kafka Streams, which ksqlDB runs on, and Flink SQL.

A program for each stands in `jvm/`; Maven brings its jars, once, into the user's cache. They write
the keys and the JSON that our query files ask for, so that the same digest tells whether they are
right. Both run at least once, with what their documentation advises: Kafka Streams with its record
cache for the last change of a batch, Flink with object reuse, and mini-batches for the same.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Failed

SOURCES = Path(__file__).with_name("jvm")
PREFIX = "streamsql-bench-peer"
"""What begins the names of what a peer leaves on the cluster."""

HEAP = "2g"

_OPENED = ("util", "lang", "time", "util.concurrent", "net", "text")
"""Packages of java.base that Flink reaches into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One query for a peer: `records` in its topics, `cache`: bytes, 0 for every change."""

    broker: str
    query: str
    sink: str
    partitions: int
    records: int
    cache: int
    work: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """An engine: its queries by name, its program, and the words of that for a job."""

    name: str
    queries: tuple[str, ...]
    program: str
    words: Callable[[Job], Sequence[str]]
    options: tuple[str, ...] = ()

    def command(self, job: Job) -> list[str]:
        """What runs the job; Failed where jars or a compiler are missing."""
        folder = self._folder()
        job.work.mkdir(parents=True, exist_ok=True)
        # What they unpack goes with the job's folder: both leave it behind where they are killed.
        own = (
            f"-Djava.io.tmpdir={job.work}",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        )
        path = f"{folder / 'classes'}:{folder / 'libs'}/*"
        java = ["java", f"-Xmx{HEAP}", *self.options, *own, "-cp", path, self.program]
        return [*java, *self.words(job)]

    def _folder(self) -> Path:
        """The folder with jars and classes, filled where it is not."""
        source, pom = SOURCES / self.name / f"{self.program}.java", SOURCES / self.name / "pom.xml"
        mark = hashlib.sha256(source.read_bytes() + pom.read_bytes()).hexdigest()[:12]
        cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
        folder = cache / "streamsql" / "peers" / f"{self.name}-{mark}"
        if (folder / "classes" / f"{self.program}.class").exists():
            return folder
        for program in ("mvn", "javac"):
            if shutil.which(program) is None:
                raise Failed(f"{self.name} needs {program}")
        libs, classes = folder / "libs", folder / "classes"
        get = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
        _call(*get, f"-DoutputDirectory={libs}")
        _call("javac", "-nowarn", "-cp", f"{libs}/*", "-d", str(classes), str(source))
        return folder


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{command[0]}: {(done.stdout + done.stderr)[-500:]}")


def _streams_words(job: Job) -> Sequence[str]:
    numbers = (str(job.records), str(job.cache))
    return (job.broker, job.query, job.sink, *numbers, str(job.work))


def _flink_words(job: Job) -> Sequence[str]:
    mode = "batch" if job.cache else "changes"
    return (job.broker, job.query, job.sink, str(job.partitions), mode, str(job.work))


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            name="kstreams",
            queries=("q1", "agg", "q12"),
            program="KafkaStreamsPeer",
            words=_streams_words,
        ),
        Peer(
            name="flink",
            queries=("q1", "agg"),
            program="FlinkPeer",
            words=_flink_words,
            options=tuple(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in _OPENED),
        ),
    )
}
