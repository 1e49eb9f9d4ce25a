"""Reads topics with aiokafka's own consumer and does nothing with the records: what a figure on
Kafka is held against, since machines differ, and one machine from hour to hour.

    python -m benchmarks.consume --broker 127.0.0.1:9092 --topics bid

Prints {"records": …, "cpu_seconds_per_million": …}; starting Python and connecting are not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

RECORDS_MAX = 20_000
WAIT_MS = 1_000


async def consume(broker: str, topics: Sequence[str]) -> dict[str, float]:
    """Reads all that the topics hold now."""
    # In no group: all partitions are its own.
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=broker,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 << 20,
    )
    await consumer.start()
    try:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(consumer.assignment())
        left = {place: end for place, end in ends.items() if end}
        records, started = 0, time.process_time()
        while left:
            found = await consumer.getmany(timeout_ms=WAIT_MS, max_records=RECORDS_MAX)
            for place, batch in found.items():
                records += len(batch)
                if batch[-1].offset + 1 >= ends[place]:
                    left.pop(place, None)
        used = time.process_time() - started
    finally:
        await consumer.stop()
    return {
        "records": records,
        "cpu_seconds_per_million": round(used / max(records, 1) * 1e6, 3),
    }


def main(arguments: list[str] | None = None) -> None:
    """Reads what is asked for and prints what it took."""
    parser = argparse.ArgumentParser(description="The cost of reading topics, and no more.")
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topics", required=True)
    options = parser.parse_args(arguments)
    print(json.dumps(asyncio.run(consume(options.broker, options.topics.split(",")))))


if __name__ == "__main__":
    main()
