"""Columns to Kafka's record batches, without an object per record.

In: Arrow tables of records of one partition. Out: batches (format v2) for aiokafka's producer.
The numbers around keys and values are made by numpy for every record at once, and Arrow joins
them with keys and values, row by row: what it joined are the bytes of the batches.

Knows no connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import google_crc32c
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode

from streamsql.brokers.kafka_batch import (
    COMPRESSIONS,
    CRC_END,
    HEAD,
    LENGTH_END,
    TRANSACTIONAL,
    Bytes,
)
from streamsql.brokers.placement import Integers

_LEADER_EPOCH_UNKNOWN, _MAGIC = -1, 2

# aiokafka's levels for gzip and lz4 are 9, which takes many times as long for a few percent less.
_ENCODERS: Sequence[Callable[[memoryview], bytes | memoryview]] = (
    lambda content: content,
    lambda content: gzip_encode(content, 6),
    snappy_encode,
    lambda content: lz4_encode(bytes(content), 1),
    zstd_encode,
)


class EncodedBatch:
    """Records ready to be sent: aiokafka's producer takes it in the place of its BatchBuilder.

    Bytes from the attributes on, without what only the producer knows: `_build` adds its id,
    epoch and sequence, and the checksum over all.
    """

    def __init__(
        self,
        records: bytes | memoryview,
        *,
        attributes: int,
        count: int,
        timestamps: tuple[int, int],
    ) -> None:
        self._records = records
        self._attributes = attributes
        self._count = count
        self._timestamps = timestamps
        self._producer = (-1, -1, -1)
        self._built: bytes | None = None

    def record_count(self) -> int:
        return self._count

    def size(self) -> int:
        return HEAD.size + len(self._records)

    def closed(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def _set_producer_state(
        self, producer_id: int, producer_epoch: int, base_sequence: int
    ) -> None:
        self._producer = (producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytes:
        if self._built is None:
            values = (*self._timestamps, *self._producer, self._count)
            # The base offset is the broker's to give.
            length = HEAD.size - LENGTH_END + len(self._records)
            fields = (0, length, _LEADER_EPOCH_UNKNOWN, _MAGIC, 0, self._attributes)
            head = HEAD.pack(*fields, self._count - 1, *values)
            content = b"".join((head[CRC_END:], self._records))
            crc = google_crc32c.value(content).to_bytes(4)
            self._built = b"".join((head[: CRC_END - 4], crc, content))
        return self._built


def encode_records(
    records: pa.Table,
    *,
    compression: str = "none",
    transactional: bool = False,
    batch_bytes: int = 1_000_000,
) -> list[EncodedBatch]:
    """`records` (timestamp, key, value, headers) of one partition, as batches in their order.

    A batch holds at most `batch_bytes` before compression, or a single record. Timestamps are
    not null.
    """
    codec = COMPRESSIONS.index(compression)
    columns = {name: records.column(name).combine_chunks() for name in ("key", "value", "headers")}
    timestamps = records.column("timestamp").to_numpy()
    tails = _encode_headers(columns["headers"])
    key_lengths, value_lengths = (_lengths(columns[name]) for name in ("key", "value"))
    tail_lengths = 1 if tails is None else _lengths(tails)
    # Lengths and deltas take at most 5 + 1 + 10 + 5 + 5 + 5 bytes.
    bounds = np.maximum(key_lengths, 0) + np.maximum(value_lengths, 0) + tail_lengths + 31
    cuts = _cut(np.broadcast_to(bounds, len(records)), batch_bytes)
    sizes = np.diff(cuts)
    firsts = cuts[:-1]
    numbers = np.arange(len(records)) - np.repeat(firsts, sizes)
    deltas = timestamps - np.repeat(timestamps[firsts], sizes)
    middles, middle_lengths = _encode_varints([value_lengths])
    heads, head_lengths = _encode_varints(
        [np.zeros(len(records), np.int64), deltas, numbers, key_lengths]
    )
    lengths = head_lengths + middle_lengths + tail_lengths
    lengths += np.maximum(key_lengths, 0) + np.maximum(value_lengths, 0)
    begins, _ = _encode_varints([lengths])
    whole = pc.binary_join_element_wise(
        begins,
        heads,
        columns["key"],
        middles,
        columns["value"],
        pa.scalar(b"\x00") if tails is None else tails,
        pa.scalar(b""),
        null_handling="replace",
        null_replacement="",
    )
    _, offsets, data = whole.buffers()
    ends = np.frombuffer(offsets, np.int32)[cuts]
    content = memoryview(data)
    return [
        EncodedBatch(
            _ENCODERS[codec](content[ends[i] : ends[i + 1]]),
            attributes=codec | (TRANSACTIONAL if transactional else 0),
            count=int(sizes[i]),
            timestamps=(
                int(timestamps[cuts[i]]),
                int(timestamps[cuts[i] : cuts[i + 1]].max()),
            ),
        )
        for i in range(len(sizes))
    ]


def _lengths(column: pa.Array) -> Integers:
    """The length of each value in bytes, -1 for null."""
    return pc.fill_null(pc.binary_length(column), -1).to_numpy(zero_copy_only=False).astype(int)


def _cut(sizes: Integers, batch_bytes: int) -> Integers:
    """Where batches begin, and where the last one ends: each of at most `batch_bytes`, or one."""
    ends = np.cumsum(sizes)
    cuts = [0]
    while cuts[-1] < len(sizes):
        before = ends[cuts[-1] - 1] if cuts[-1] else 0
        cut = int(np.searchsorted(ends, before + batch_bytes, side="right"))
        cuts.append(max(cut, cuts[-1] + 1))
    return np.array(cuts, np.int64)


def _encode_varints(columns: Sequence[Integers]) -> tuple[pa.Array, Integers]:
    """The zigzag numbers of each row side by side, as bytes, and how many bytes that are."""
    parts: list[Bytes] = []
    used: list[npt.NDArray[np.bool_]] = []
    for column in columns:
        rest = ((column << 1) ^ (column >> 63)).view(np.uint64)
        present = np.ones(len(rest), np.bool_)
        while True:
            left = rest >> np.uint64(7)
            more = left != 0
            parts.append((rest & np.uint64(0x7F)).astype(np.uint8) | (more << 7).astype(np.uint8))
            used.append(present)
            if not more.any():
                break
            rest, present = left, more
    present = np.stack(used, axis=1)
    lengths = present.sum(axis=1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    data = np.stack(parts, axis=1)[present]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(lengths), buffers), lengths


def _encode_headers(headers: pa.Array) -> pa.Array | None:
    """Number and content of each record's headers; None where no record has one."""
    if headers.null_count == len(headers):
        return None
    counts = pc.fill_null(pc.list_value_length(headers), 0).to_numpy().astype(np.int64)
    if not counts.any():
        return None
    entries = pc.list_flatten(headers)
    keys = entries.field("KEY").cast(pa.binary())
    values = entries.field("VALUE")
    key_lengths, _ = _encode_varints([_lengths(keys)])
    value_lengths, _ = _encode_varints([_lengths(values)])
    joined = pc.binary_join_element_wise(
        key_lengths,
        keys,
        value_lengths,
        values,
        pa.scalar(b""),
        null_handling="replace",
        null_replacement="",
    )
    _, offsets, data = joined.buffers()
    ends = np.concatenate([[0], np.cumsum(counts)])
    per_record = np.frombuffer(offsets, np.int32)[ends]
    buffers = [None, pa.py_buffer(per_record), data]
    contents = pa.Array.from_buffers(pa.binary(), len(counts), buffers)
    number, _ = _encode_varints([counts])
    return pc.binary_join_element_wise(number, contents, pa.scalar(b""))
