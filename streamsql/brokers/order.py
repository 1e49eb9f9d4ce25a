"""Which records come next: topics cut and merged by the sequence in which they were appended.

For logs that know such a sequence (memory, embedded). Tables here have the columns of FETCHED
without `input`, and `seq`, by which they are sorted; no number stands in two topics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from streamsql.brokers.log import FETCHED, TopicInfo, TopicPartition
from streamsql.brokers.placement import Integers, unknown_partition

UNWANTED = np.iinfo(np.int64).max
"""Stands for the position in a partition that was not asked for: no offset reaches it."""

_NOTHING = pa.table({})


def positions_in(topic: TopicInfo, positions: Mapping[TopicPartition, int]) -> Integers:
    """The position in each partition of `topic`, by its number."""
    wanted = np.full(topic.partitions, UNWANTED, np.int64)
    for (name, partition), offset in positions.items():
        if name == topic.name:
            if not 0 <= partition < topic.partitions:
                raise unknown_partition(topic, partition)
            wanted[partition] = offset
    return wanted


def first_kept(
    topic: TopicInfo, before: Mapping[TopicPartition, int], begins: Integers, ends: Integers
) -> Integers:
    """The first offset of each partition once what stands before `before` is removed."""
    named = positions_in(topic, before)
    kept = np.where(named == UNWANTED, begins, np.minimum(named, ends))
    return np.maximum(kept, begins)


def positions_after(wanted: Integers, table: pa.Table) -> Integers:
    """`wanted` moved behind the records of `table`."""
    after = wanted.copy()
    # Of several values for one place the last is kept, and offsets of a partition ascend.
    after[column(table, "partition")] = column(table, "offset") + 1
    return after


def last_offsets(batch: pa.Table) -> list[tuple[int, int, int]]:
    """(input, partition, greatest offset) of each partition that has records in a batch
    (FETCHED)."""
    if not len(batch):
        return []
    inputs, partitions = column(batch, "input"), column(batch, "partition")
    width = int(partitions.max()) + 1
    last = np.full((int(inputs.max()) + 1) * width, -1, np.int64)
    np.maximum.at(last, inputs * width + partitions, column(batch, "offset"))
    return [
        (*divmod(place, width), int(last[place])) for place in np.flatnonzero(last >= 0).tolist()
    ]


def column(table: pa.Table, name: str) -> Integers:
    """A column of integers without nulls."""
    return table.column(name).to_numpy()


def cut_sequences(sequences: Sequence[Integers], records_max: int) -> list[int]:
    """How many of each of `sequences` (ascending) are among the first `records_max` of all."""
    lengths = [len(s) for s in sequences]
    if sum(lengths) <= records_max:
        return lengths
    whole = np.concatenate(sequences)
    last = np.partition(whole, records_max - 1)[records_max - 1]
    return [int(np.searchsorted(s, last, side="right")) for s in sequences]


def sort_records(table: pa.Table) -> pa.Table:
    """`table` by `seq`; the same table where it is so already, which costs next to nothing."""
    sequence = column(table, "seq")
    if bool(np.all(sequence[1:] > sequence[:-1])):
        return table
    return table.take(pa.array(np.argsort(sequence, kind="stable")))


def split_records(table: pa.Table, numbers: Integers) -> list[tuple[int, pa.Table]]:
    """The records of each number, by number, in their order; they are only copied where those of
    one number do not stand side by side."""
    if not len(numbers):
        return []
    if bool(np.any(numbers[1:] < numbers[:-1])):
        order = np.argsort(numbers, kind="stable")
        table, numbers = table.take(pa.array(order)), numbers[order]
    begins = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    lengths = np.diff(begins, append=len(numbers))
    return [
        (int(numbers[begin]), table.slice(begin, length))
        for begin, length in zip(begins.tolist(), lengths.tolist(), strict=True)
    ]


def merge_topics(tables: Mapping[str, pa.Table], topics: Sequence[str]) -> pa.Table:
    """The records of `tables` (by topic) in order, as FETCHED for the request `topics`.

    A topic that was asked for at several places gives each record once for each, side by side:
    a cut between them could not be told by a position.
    """
    parts = [
        table.append_column("input", pa.array(np.full(len(table), place, np.int32)))
        for place, name in enumerate(topics)
        if len(table := tables.get(name, _NOTHING))
    ]
    if not parts:
        return FETCHED.empty_table()
    # Topics that were written one after the other need no sorting after this, and copies of a
    # record stay in the order of their places, since both sorts are stable.
    parts.sort(key=lambda part: part.column("seq")[0].as_py())
    return sort_records(pa.concat_tables(parts)).select(FETCHED.names)
