"""Records in and out of a log, short enough to be read in a test."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa

from streamsql.brokers.log import APPENDED, FETCHED, Log, TopicPartition

T = TypeVar("T")
Header = tuple[str, bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record, as it is appended."""

    key: bytes | None = None
    value: bytes | None = b"v"
    partition: int | None = None
    timestamp: int = 1_000
    headers: tuple[Header, ...] | None = None


def appended(*records: Record) -> pa.Table:
    """Records as a log takes them."""
    rows = [
        {
            "partition": r.partition,
            "timestamp": r.timestamp,
            "key": r.key,
            "value": r.value,
            "headers": None
            if r.headers is None
            else [{"KEY": name, "VALUE": value} for name, value in r.headers],
        }
        for r in records
    ]
    return pa.Table.from_pylist(rows, APPENDED)


def valued(*values: bytes, partition: int | None = None, timestamp: int = 1_000) -> pa.Table:
    """Records with these values and no key."""
    return appended(*(Record(value=v, partition=partition, timestamp=timestamp) for v in values))


def advance(
    positions: Mapping[TopicPartition, int], topics: Sequence[str], table: pa.Table
) -> dict[TopicPartition, int]:
    """`positions` behind the records of `table`."""
    after = dict(positions)
    for row in table.select(["input", "partition", "offset"]).to_pylist():
        after[TopicPartition(topics[row["input"]], row["partition"])] = row["offset"] + 1
    return after


async def read_all(
    log: Log, topics: Sequence[str], *, records_max: int = 1_000, wait_ms: int = 0
) -> list[dict[str, Any]]:
    """Every record of `topics` from the first offsets, fetched `records_max` at a time."""
    positions = dict(await log.offsets(topics, end=False))
    rows: list[dict[str, Any]] = []
    while True:
        table = await log.fetch(topics, positions, records_max=records_max, wait_ms=wait_ms)
        assert table.schema.equals(FETCHED)
        if not len(table):
            return rows
        assert len(table) <= records_max
        rows += table.to_pylist()
        positions = advance(positions, topics, table)


async def values(log: Log, *topics: str, records_max: int = 1_000, wait_ms: int = 0) -> list[bytes]:
    """The values of `read_all`."""
    rows = await read_all(log, topics, records_max=records_max, wait_ms=wait_ms)
    return [row["value"] for row in rows]


def run_at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never suspends; RuntimeError where it does."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        return ended.value
    coroutine.close()
    raise RuntimeError("it suspended")
