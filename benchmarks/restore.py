"""How fast an engine that has no copy of a state gets it from the changelog on Kafka.

One engine counts bids of as many auctions as there are keys and ends. Another of the same service,
with an empty state directory, starts and ends once it has the state; so does one that finds the
state where it is, which is what starting costs.

    python -m benchmarks.restore --broker HOST:PORT --keys 1000000

Prints {"rows": …, "rows_per_second": …, "rows_per_cpu_second": …, …}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks import nexmark
from benchmarks.measure import Usage, measure
from benchmarks.program import ROOT, streamsql
from benchmarks.topics import appended, create, drop, opened

TOPIC, SINK = "bid_keyed", "AGG_KEYED"
QUERY = Path(__file__).parent / "queries" / "agg_keyed.sql"
CHUNK = 50_000
TIMEOUT_SECONDS = 1800.0


async def load(broker: str, keys: int) -> None:
    """A bid for each key."""
    async with opened(broker) as log:
        for first in range(0, keys, CHUNK):
            last = min(first + CHUNK, keys)
            ids = np.arange(first, last, dtype=np.int64) + nexmark.FIRST_ID
            table = pa.table({"auction": ids, "price": ids % 1_000})
            records = pa.table(
                {
                    "key": pa.nulls(len(ids), pa.binary()),
                    "value": nexmark.encode(table),
                    "timestamp": np.full(len(ids), nexmark.Spec().start_ms, np.int64),
                }
            )
            await log.append(TOPIC, appended(nexmark.keyed(records, TOPIC)))


def run(broker: str, keys: int, guarantee: str) -> dict[str, object]:
    """Measures it."""
    asyncio.run(create(broker, [TOPIC], 1))
    service = f"bench-{uuid.uuid4().hex}"
    try:
        asyncio.run(load(broker, keys))
        with tempfile.TemporaryDirectory(prefix="streamsql-restore-") as work:
            folder = Path(work)

            def engine(state: str, *files: str) -> Usage:
                return _engine(broker, service, guarantee, folder / state, *files)

            engine("first", str(QUERY))
            # The service has its statements: an engine that joins it is given none.
            (folder / "nothing.sql").write_text("SHOW QUERIES;\n")
            start = engine("first", str(folder / "nothing.sql"))
            restored = engine("second", str(folder / "nothing.sql"))
    finally:
        asyncio.run(drop(broker, [TOPIC, SINK], f"_streamsql-{service}"))
    seconds = restored.seconds - start.seconds
    cpu_seconds = restored.cpu_seconds - start.cpu_seconds
    return {
        "rows": keys,
        "guarantee": guarantee,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "start_cpu_seconds": round(start.cpu_seconds, 2),
        "peak_rss_mb": round(restored.peak_rss_mb),
        "rows_per_second": round(keys / seconds),
        "rows_per_cpu_second": round(keys / cpu_seconds),
    }


def _engine(broker: str, service: str, guarantee: str, state: Path, *files: str) -> Usage:
    settings = {"ksql.service.id": service, "processing.guarantee": guarantee}
    given = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    words = [streamsql(), "run", "--broker", broker, "--until-caught-up", "--state-dir", str(state)]
    return measure(
        [*words, *given, *files],
        log=state.with_suffix(".log"),
        timeout_s=TIMEOUT_SECONDS,
        directory=ROOT,
    )


def main(arguments: list[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="How fast a state comes back from its changelog.")
    parser.add_argument("--broker", required=True)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--guarantee", default="exactly_once_v2")
    options = parser.parse_args(arguments)
    print(json.dumps(run(options.broker, options.keys, options.guarantee)))


if __name__ == "__main__":
    main()
