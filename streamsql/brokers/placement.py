"""Where appended records go: a partition and an offset for each, columns at a time.

A record keeps the partition that it names. Without one it goes where Kafka's default partitioner
puts its key. Without a key either, it goes by its place in the topic: record number n of a topic
(from 0, over all partitions) to partition n modulo their number. So records without keys are
spread evenly, and in the same way however they were cut into batches and after a restart. (Kafka
leaves it to the producer: KIP-480 sticks to a random partition for a batch.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streamsql.brokers.log import APPENDED, TopicInfo
from streamsql.errors import LogError, UnknownTopicError
from streamsql.schema.murmur2 import partition_of

Integers = npt.NDArray[np.int64]

# Kafka's rule (org.apache.kafka.common.internals.Topic): what works embedded works there.
_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")


@dataclass(frozen=True, slots=True)
class Placement:
    """Partition and offset of each record, and the next offset of each partition after them."""

    partitions: Integers
    offsets: Integers
    ends: Integers


def check_topic(topic: TopicInfo, existing: TopicInfo | None) -> None:
    """Raises LogError where `topic` cannot be created, or exists with other partitions."""
    if not _NAME.fullmatch(topic.name) or topic.name in (".", ".."):
        raise LogError(
            f"topic name {topic.name!r} is invalid",
            hint="use 1 to 249 ASCII letters, digits, '.', '_' and '-'",
        )
    if topic.partitions < 1:
        raise LogError(
            f"topic {topic.name} cannot have {topic.partitions} partitions",
            hint="give it at least one",
        )
    if existing is not None and existing.partitions != topic.partitions:
        raise LogError(
            f"A Kafka topic with the name '{topic.name}' already exists, with different"
            " partition/replica configuration than required."
            f" KSQL expects {topic.partitions} partitions (topic has {existing.partitions}),"
            f" and {topic.replicas} replication factor (topic has {existing.replicas}).",
            hint=f"ask for {existing.partitions} partitions, or use another topic",
        )


def unknown_topic(name: str) -> UnknownTopicError:
    """The error for a topic that is not there."""
    return UnknownTopicError(
        f"topic {name} does not exist",
        hint="SHOW TOPICS lists those that do; WITH (PARTITIONS=n) creates one",
    )


def unknown_partition(topic: TopicInfo, partition: int) -> LogError:
    """The error for a partition that a topic does not have."""
    last = topic.partitions - 1
    return LogError(
        f"topic {topic.name} has no partition {partition}",
        hint=f"its partitions are 0 to {last}" if last else "its only partition is 0",
    )


def as_appended(records: pa.Table) -> pa.Table:
    """`records` with exactly APPENDED's columns and types."""
    chosen = records.select(APPENDED.names)
    return chosen if chosen.schema.equals(APPENDED) else chosen.cast(APPENDED)


def place_records(records: pa.Table, topic: TopicInfo, ends: Integers) -> Placement:
    """The place of each of `records` (APPENDED) behind the next offsets `ends` of `topic`.

    LogError where a record names a partition that the topic does not have.
    """
    partitions = choose_partitions(records, topic, first=int(ends.sum()))
    count = len(partitions)
    if topic.partitions == 1:
        return Placement(partitions, ends[0] + np.arange(count), ends + count)
    counts = np.bincount(partitions, minlength=topic.partitions)
    order = np.argsort(partitions, kind="stable")
    rank = np.arange(count) - np.repeat(np.cumsum(counts) - counts, counts)
    offsets = np.empty(count, np.int64)
    offsets[order] = rank + np.repeat(ends, counts)
    return Placement(partitions, offsets, ends + counts)


def choose_partitions(records: pa.Table, topic: TopicInfo, *, first: int) -> Integers:
    """The partition of each record; `first` is the number of the first one in the topic."""
    named = records.column("partition")
    known = pc.min_max(named).as_py()
    for partition in (known["min"], known["max"]):
        if partition is not None and not 0 <= partition < topic.partitions:
            raise unknown_partition(topic, partition)
    if topic.partitions == 1:
        return np.zeros(len(named), np.int64)
    if named.null_count:
        by_key = partition_of(records.column("key"), topic.partitions)
        by_turn = pa.array((first + np.arange(len(named))) % topic.partitions, pa.int32())
        named = pc.coalesce(named, by_key, by_turn)
    return named.to_numpy().astype(np.int64)
