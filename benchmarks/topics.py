"""Topics on a Kafka cluster: fills those that queries read, and removes what runs left.

A program of its own, so that what it uses is no part of what is measured.

    python -m benchmarks.topics create --broker HOST:PORT --topics bid --partitions 4
    python -m benchmarks.topics load --broker HOST:PORT --spec '{"bids": 1000}' --topics bid
    python -m benchmarks.topics drop --broker HOST:PORT --topics bid,Q1 --prefix _streamsql-bench

`load` and `drop` print {"bid": 1000, …}: the records of each topic, or the topics that are gone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pyarrow as pa

from benchmarks import nexmark
from streamsql.brokers.kafka import KafkaLog, open_kafka
from streamsql.brokers.kafka_settings import kafka_settings
from streamsql.brokers.log import APPENDED, TopicInfo

_READ_RECORDS = 65_536


@asynccontextmanager
async def opened(broker: str) -> AsyncIterator[KafkaLog]:
    """The log of a cluster, closed in the end."""
    log = await open_kafka(kafka_settings(f"kafka://{broker}", {}))
    try:
        yield log
    finally:
        await log.close()


def appended(records: pa.Table) -> pa.Table:
    """Records of the generator as a log takes them, placed by their key."""
    size = len(records)
    columns = [pa.nulls(size, pa.int32())]
    columns += [records[name].combine_chunks() for name in ("timestamp", "key", "value")]
    columns.append(pa.nulls(size, APPENDED.field("headers").type))
    return pa.Table.from_arrays(columns, schema=APPENDED)


async def create(broker: str, topics: Sequence[str], partitions: int) -> dict[str, int]:
    """Creates topics; SystemExit where one is there already: it is not ours to fill or to drop."""
    async with opened(broker) as log:
        there = sorted(set(topics) & (await log.topics()).keys())
        if there:
            raise SystemExit(f"there are topics {', '.join(there)} already; give another broker")
        for name in topics:
            await log.create_topic(TopicInfo(name=name, partitions=partitions))
    return dict.fromkeys(topics, 0)


async def load(
    broker: str, topics: Sequence[str], spec: nexmark.Spec, ndjson: Path
) -> dict[str, int]:
    """Fills topics, and files with a line for each record of a kind; the records of each topic."""
    counts: Counter[str] = Counter()
    kinds = sorted({nexmark.kind_of(topic) for topic in topics})
    for kind in kinds:
        (ndjson / f"{kind}.ndjson").unlink(missing_ok=True)
    async with opened(broker) as log:
        for kind, table in nexmark.rounds(spec, kinds):
            for topic in topics:
                if nexmark.kind_of(topic) == kind:
                    await log.append(topic, appended(nexmark.keyed(table, topic)))
                    counts[topic] += len(table)
            with (ndjson / f"{kind}.ndjson").open("ab") as file:
                nexmark.write_lines(file, table["value"])
    return dict(counts)


async def drop(broker: str, topics: Sequence[str], prefix: str) -> dict[str, int]:
    """Deletes topics by name and by the beginning of their name."""
    async with opened(broker) as log:
        gone = [
            name
            for name in await log.topics()
            if name in topics or (prefix and name.startswith(prefix))
        ]
        for name in gone:
            await log.delete_topic(name)
    return dict.fromkeys(gone, 0)


async def read(broker: str, topic: str) -> list[pa.Table]:
    """All records of a topic (FETCHED)."""
    tables: list[pa.Table] = []
    async with opened(broker) as log:
        reader = await log.reader(await log.offsets([topic], end=False))
        while len(table := await reader.take([topic], records_max=_READ_RECORDS, wait_ms=0)):
            tables.append(table)
        await reader.close()
    return tables


def main(arguments: list[str] | None = None) -> None:
    """Does what is asked and prints what came of it."""
    parser = argparse.ArgumentParser(description="Topics of benchmarks on a Kafka cluster.")
    parser.add_argument("act", choices=("create", "load", "drop"))
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topics", default="")
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--spec", type=json.loads, default={}, help="fields of nexmark.Spec")
    parser.add_argument("--ndjson", type=Path, default=Path(), help="a directory")
    parser.add_argument("--prefix", default="")
    options = parser.parse_args(arguments)
    topics = [topic for topic in options.topics.split(",") if topic]
    if options.act == "create":
        done = create(options.broker, topics, options.partitions)
    elif options.act == "load":
        done = load(options.broker, topics, nexmark.Spec(**options.spec), options.ndjson)
    else:
        done = drop(options.broker, topics, options.prefix)
    print(json.dumps(asyncio.run(done)))


if __name__ == "__main__":
    main()
