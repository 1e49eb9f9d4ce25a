"""Latency on Kafka at a steady rate: from the making of a record, a time in its value, to the time
at which the broker appended the result to the sink (`message.timestamp.type` = LogAppendTime).

The engine runs as a process of its own, and has read a record of each of 100,000 keys before. What
was sent in the first seconds does not count.

    python -m benchmarks.latency --broker HOST:PORT --query agg --rate 1000

Prints {"p50_ms": …, "p99_ms": …, "records": …, "rate": …, "cpu_percent": …}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import nexmark
from benchmarks.program import ROOT, streamsql
from benchmarks.topics import appended, create, drop, opened, read
from streamsql.brokers.kafka import KafkaLog
from streamsql.brokers.log import TopicInfo

FOLDER = Path(__file__).parent / "latency_queries"
TOPIC, SINK = "bid_timed", "latency"
KEYS = 100_000
TICK_SECONDS = 0.005
WARM_SECONDS = 5.0
START_SECONDS = 120.0
PER_CHUNK = 50_000


class Sender:
    """Bids with the time of their sending, at `rate` records a second."""

    def __init__(self, log: KafkaLog, rate: int) -> None:
        self._log = log
        self._rate = rate
        self._spec = nexmark.Spec(skew="uniform", keys=KEYS, bid_bytes=250, bids=2**31 - 1)
        self._made = 0

    async def fill(self) -> None:
        """Sends a record of each key, with 0 as its time."""
        for first in range(0, KEYS, PER_CHUNK):
            table = nexmark.columns(self._spec, "bid", first, first + PER_CHUNK)
            ids = pa.array(np.arange(first, first + PER_CHUNK) + nexmark.FIRST_ID)
            table = table.set_column(0, "auction", ids)
            await self._append(table, 0)
        self._made = KEYS

    async def send(self, seconds: float) -> int:
        """Sends at the rate for so long; gives the number of records."""
        before = self._made
        chunk, used = self._chunk(), 0
        started = time.monotonic()
        while (spent := time.monotonic() - started) < seconds:
            due = before + int(spent * self._rate) - self._made
            if due > len(chunk) - used:
                chunk, used = self._chunk(), 0
                due = min(due, len(chunk))
            if due > 0:
                await self._append(chunk.slice(used, due), time.time_ns() // 1_000_000)
                used += due
                self._made += due
            behind = time.monotonic() - started - spent
            await asyncio.sleep(max(0.0, TICK_SECONDS - behind))
        return self._made - before

    def _chunk(self) -> pa.Table:
        return nexmark.columns(self._spec, "bid", self._made, self._made + PER_CHUNK)

    async def _append(self, table: pa.Table, sent_ms: int) -> None:
        sent = pa.array(np.full(len(table), sent_ms, np.int64))
        records = pa.table(
            {
                "key": pa.nulls(len(table), pa.binary()),
                "value": nexmark.encode(table.append_column("sent", sent)),
                "timestamp": table["date_time"],
            }
        )
        await self._log.append(TOPIC, appended(nexmark.keyed(records, nexmark.KEYED_BID)))


async def measure(broker: str, process: subprocess.Popen[bytes], rate: int, seconds: float) -> int:
    """Sends at the rate to the engine that runs as `process`; gives when counting begins (ms)."""
    async with opened(broker) as log:
        sender = Sender(log, rate)
        await sender.fill()
        await _wait_for(log, process, KEYS)
        begin_ms = time.time_ns() // 1_000_000 + int(WARM_SECONDS * 1000)
        sent = await sender.send(WARM_SECONDS + seconds)
        await _wait_for(log, process, KEYS + sent)
    return begin_ms


async def _wait_for(log: KafkaLog, process: subprocess.Popen[bytes], count: int) -> None:
    """Waits until the sink has `count` records, or what ends transactions beside them."""
    deadline = time.monotonic() + START_SECONDS
    while sum((await log.offsets([SINK], end=True)).values()) < count:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the engine wrote no {count} records; exit {process.poll()}")
        await asyncio.sleep(0.2)


def latencies(tables: list[pa.Table], begin_ms: int) -> np.ndarray:
    """The milliseconds of every record in the sink that was sent from `begin_ms` on."""
    found = [np.empty(0, np.int64)]
    for table in tables:
        values = table["value"].cast(pa.string())
        matched = pc.extract_regex(values, r'"SENT":(?P<sent>\d+)')
        sent = pc.struct_field(matched, "sent").cast(pa.int64()).to_numpy()
        times = table["timestamp"].to_numpy()
        found.append((times - sent)[sent >= begin_ms])
    return np.concatenate(found)


def start_engine(broker: str, query: str, guarantee: str, work: Path) -> subprocess.Popen[bytes]:
    """An engine that runs the query until it is told to end."""
    settings = {
        "ksql.service.id": f"bench-{uuid.uuid4().hex}",
        "processing.guarantee": guarantee,
        "cache.max.bytes.buffering": "0",
    }
    given = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    words = [streamsql(), "run", "--broker", broker, "--state-dir", str(work / "state"), *given]
    with (work / "engine.log").open("wb") as output:
        return subprocess.Popen(
            [*words, str(FOLDER / f"{query}.sql")], cwd=ROOT, stdout=output, stderr=output
        )


def run(broker: str, query: str, guarantee: str, rate: int, seconds: float) -> dict[str, object]:
    """The latencies of one query."""
    asyncio.run(create(broker, [TOPIC], 1))
    asyncio.run(_create_sink(broker))
    with tempfile.TemporaryDirectory(prefix="streamsql-latency-") as work:
        process = start_engine(broker, query, guarantee, Path(work))
        try:
            started = time.monotonic()
            begin_ms = asyncio.run(measure(broker, process, rate, seconds))
            spent = time.monotonic() - started
            found = latencies(asyncio.run(read(broker, SINK)), begin_ms)
        finally:
            process.send_signal(signal.SIGTERM)
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
            asyncio.run(drop(broker, [TOPIC, SINK], "_streamsql-bench-"))
    p50, p99 = np.percentile(found, [50, 99])
    return {
        "query": query,
        "guarantee": guarantee,
        "rate": rate,
        "records": len(found),
        "rate_reached": round(len(found) / seconds),
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "cpu_percent": round((usage.ru_utime + usage.ru_stime) / spent * 100, 1),
    }


async def _create_sink(broker: str) -> None:
    append_time = {"message.timestamp.type": "LogAppendTime"}
    async with opened(broker) as log:
        await log.create_topic(TopicInfo(name=SINK, partitions=1, config=append_time))


def main(arguments: list[str] | None = None) -> None:
    """Measures one query at one rate and prints what came of it."""
    parser = argparse.ArgumentParser(description="Latency on Kafka at a steady rate.")
    parser.add_argument("--broker", required=True)
    parser.add_argument("--query", choices=("q1", "agg"), required=True)
    parser.add_argument("--guarantee", default="exactly_once_v2")
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args(arguments)
    found = run(options.broker, options.query, options.guarantee, options.rate, options.seconds)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
