"""Kafka's record batches to columns, without an object per record.

In: the bytes of batches as they stand in the response to a fetch (format v2; older ones are read
through aiokafka). Out: Arrow tables. Of a record only its length is read one by one, since it says
where the next one begins; all else is numpy over every record at once. Keys and values are taken
from the bytes in one go: laid over them, an array whose elements are key, gap, value, gap, ….

Knows no connection.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import google_crc32c
import numpy as np
import pyarrow as pa
from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from aiokafka.errors import KafkaError
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.util import decode_varint

from streamsql.brokers.kafka_batch import (
    CODEC,
    CONTROL,
    CRC_END,
    HEAD,
    LENGTH_END,
    LOG_APPEND_TIME,
    MAGIC_AT,
    TRANSACTIONAL,
    Bytes,
)
from streamsql.brokers.log import FETCHED, HEADER
from streamsql.brokers.placement import Integers
from streamsql.errors import LogError

DECODED = pa.schema(
    [FETCHED.field(name) for name in ("offset", "timestamp", "key", "value", "headers")]
)
"""Columns of records that were read from one partition."""

_DECODERS: Sequence[Callable[[bytes], bytes]] = (
    bytes,
    gzip_decode,
    snappy_decode,
    lz4_decode,
    zstd_decode,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Records (DECODED) of a partition, and the offset at which reading goes on.

    That may be behind the last record: control records, aborted ones and those that compaction
    removed have offsets too.
    """

    records: pa.Table
    next_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Where a batch's records are in the bytes, and what they are relative to.

    `append_timestamp`: of all its records, or -1 where each has its own. `codec`: -1 for a batch
    of an older format, which is kept whole.
    """

    begin: int
    end: int
    codec: int
    count: int = 0
    base_offset: int = 0
    first_timestamp: int = 0
    append_timestamp: int = -1


class _Aborted:
    """Tells which transactional batches were aborted, from what a fetch response says of them."""

    def __init__(self, transactions: Sequence[tuple[int, int]] | None) -> None:
        self._coming = sorted(transactions or (), key=lambda t: t[1], reverse=True)
        self._open: set[int] = set()

    def hides(self, producer: int, last_offset: int) -> bool:
        """Whether a batch of `producer` that ends at `last_offset` is of no concern."""
        while self._coming and self._coming[-1][1] <= last_offset:
            self._open.add(self._coming.pop()[0])
        return producer in self._open

    def end(self, producer: int) -> None:
        """An abort marker of `producer` was met."""
        self._open.discard(producer)


def decode_records(
    content: bytes,
    first_offset: int,
    *,
    aborted: Sequence[tuple[int, int]] | None = None,
    place: str = "",
) -> Decoded:
    """The records in `content` from `first_offset` on; a batch cut short at its end is left out.

    `aborted`: (producer id, first offset) of each aborted transaction, as the response of a
    read_committed fetch names them. LogError that names `place` where the bytes are damaged.
    """
    try:
        batches, next_offset = _find_batches(content, first_offset, _Aborted(aborted))
        tables = [
            _decode_legacy(content, run) if legacy else _decode_batches(content, run)
            for legacy, group in groupby(batches, lambda batch: batch.codec < 0)
            if (run := list(group))
        ]
    except (IndexError, ValueError, struct.error, OSError, KafkaError, pa.ArrowInvalid) as error:
        raise LogError(
            f"the records of {place} cannot be read",
            detail=str(error),
            hint="the broker's disk or the network damaged them; another replica may have them",
        ) from error
    records = pa.concat_tables([DECODED.empty_table(), *tables])
    late = np.flatnonzero(records.column("offset").to_numpy() >= first_offset)
    if len(late) < len(records):
        # A batch is sent whole, though only its end was asked for.
        records = records.slice(late[0]) if len(late) else DECODED.empty_table()
    return Decoded(records=records, next_offset=next_offset)


def _find_batches(content: bytes, first_offset: int, aborted: _Aborted) -> tuple[list[_Batch], int]:
    """The batches that hold records to be seen, and the offset behind the last one."""
    found: list[_Batch] = []
    next_offset = first_offset
    position = 0
    while (end := _end_of(content, position)) <= len(content):
        begin, position = position, end
        if content[begin + MAGIC_AT] < 2:
            found.append(_Batch(begin=begin, end=end, codec=-1))
            next_offset = max(next_offset, int.from_bytes(content[begin : begin + 8]) + 1)
            continue
        head = HEAD.unpack_from(content, begin)
        base, _, _, _, crc, attributes, delta, first, greatest, producer, _, _, count = head
        if google_crc32c.value(content[begin + CRC_END : end]) != crc:
            raise ValueError(f"the checksum of the batch at offset {base} is wrong")
        next_offset = max(next_offset, base + delta + 1)
        hidden = bool(attributes & TRANSACTIONAL) and aborted.hides(producer, base + delta)
        if attributes & CONTROL:
            if count and _is_abort(content, begin + HEAD.size):
                aborted.end(producer)
        elif not hidden and count:
            batch = _Batch(
                begin=begin + HEAD.size,
                end=end,
                codec=attributes & CODEC,
                count=count,
                base_offset=base,
                first_timestamp=first,
                append_timestamp=greatest if attributes & LOG_APPEND_TIME else -1,
            )
            found.append(batch)
    return found, next_offset


def _end_of(content: bytes, begin: int) -> int:
    """Where the batch ends that begins there; behind the bytes where it is cut short."""
    if begin + MAGIC_AT >= len(content):
        return len(content) + 1
    return begin + LENGTH_END + int.from_bytes(content[begin + 8 : begin + LENGTH_END])


def _is_abort(content: bytes, begin: int) -> bool:
    """Whether the control record there ends a transaction that was aborted: its key is a version
    and a type (int16 each), of which 0 is abort and 1 commit."""
    fields, places = _record_fields(
        np.frombuffer(content, np.uint8), _starts(content, [begin], [1])
    )
    key = int(places["key"][0])
    return fields["key"][0] >= 4 and content[key + 2 : key + 4] == b"\x00\x00"


def _decode_batches(content: bytes, batches: Sequence[_Batch]) -> pa.Table:
    """The records of batches of format v2, compressed or not."""
    begins = [batch.begin for batch in batches]
    if any(batch.codec for batch in batches):
        pieces = [_DECODERS[b.codec](content[b.begin : b.end]) for b in batches]
        ends = np.cumsum([len(piece) for piece in pieces])
        begins = [0, *ends[:-1].tolist()]
        content = b"".join(pieces)
    counts = [batch.count for batch in batches]
    data = np.frombuffer(content, np.uint8)
    fields, places = _record_fields(data, _starts(content, begins, counts))

    def of_batch(values: list[int]) -> Integers:
        return np.repeat(np.array(values, np.int64), counts)

    appended = of_batch([batch.append_timestamp for batch in batches])
    created = of_batch([batch.first_timestamp for batch in batches]) + fields["timestamp"]
    key, value = _take_bytes(content, [(places[n], fields[n]) for n in ("key", "value")])
    return pa.table(
        {
            "offset": pa.array(of_batch([b.base_offset for b in batches]) + fields["offset"]),
            "timestamp": pa.array(np.where(appended >= 0, appended, created)),
            "key": key,
            "value": value,
            "headers": _headers(content, data, fields["headers"], places["headers"]),
        },
        schema=DECODED,
    )


def _starts(content: bytes, begins: Sequence[int], counts: Sequence[int]) -> Integers:
    """Where each record begins, behind its length."""
    starts: list[int] = []
    add = starts.append
    for begin, count in zip(begins, counts, strict=True):
        position = begin
        for _ in range(count):
            # A length is zigzag: never negative, so twice itself, in groups of seven bits. One or
            # two groups are the common case, and this loop is half the price of a fetch.
            low, high = content[position], content[position + 1]
            if low < 0x80:
                position += 1
                add(position)
                position += low >> 1
            elif high < 0x80:
                position += 2
                add(position)
                position += (high << 6) | ((low & 0x7F) >> 1)
            else:
                length, position = decode_varint(content, position)
                add(position)
                position += length
    return np.array(starts, np.int64)


def _record_fields(
    data: Bytes, starts: Integers
) -> tuple[dict[str, Integers], dict[str, Integers]]:
    """Deltas of timestamp and offset, lengths of key and value (-1: null), number of headers; and
    where key, value and the first header begin."""
    fields: dict[str, Integers] = {}
    places: dict[str, Integers] = {}
    at = starts + 1  # behind the attributes, of which none is in use
    for name in ("timestamp", "offset", "key", "value", "headers"):
        fields[name], at = _varints(data, at)
        if name in ("key", "value", "headers"):
            places[name] = at
        if name in ("key", "value"):
            at = at + np.maximum(fields[name], 0)
    return fields, places


def _varints(data: Bytes, at: Integers) -> tuple[Integers, Integers]:
    """The zigzag number at each place, and where it ends."""
    byte = data[at]
    value = (byte & 0x7F).astype(np.int64)
    end = at + 1
    more = np.flatnonzero(byte > 0x7F)
    shift = 7
    while len(more):
        byte = data[end[more]]
        value[more] |= (byte & 0x7F).astype(np.int64) << shift
        end[more] += 1
        more = more[byte > 0x7F]
        shift += 7
    # The shift is one of unsigned numbers: ten groups of seven bits fill the sign.
    half = (value.view(np.uint64) >> np.uint64(1)).view(np.int64)
    return half ^ -(value & 1), end


def _take_bytes(content: bytes, pieces: Sequence[tuple[Integers, Integers]]) -> list[pa.Array]:
    """Columns of bytes: for each of `pieces`, what stands at these places with these lengths.

    -1 is null. In `content` the first piece of a row comes before its second, and all of a row
    before the next: so they are elements, each followed by a gap, of one array over `content`.
    """
    rows, width = len(pieces[0][0]), len(pieces)
    offsets = np.empty((rows, width, 2), np.int32)
    for i, (place, length) in enumerate(pieces):
        offsets[:, i, 0] = place
        offsets[:, i, 1] = place + np.maximum(length, 0)
    count = offsets.size - 1
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(content)]
    laid = pa.Array.from_buffers(pa.binary(), count, buffers)
    found: list[pa.Array] = []
    for i, (_, length) in enumerate(pieces):
        index = np.arange(rows, dtype=np.int32) * (2 * width) + 2 * i
        null = length < 0
        found.append(laid.take(pa.array(index, mask=null if null.any() else None)))
    return found


def _headers(content: bytes, data: Bytes, counts: Integers, at: Integers) -> pa.Array:
    """The headers of each record, null where it has none; they are read in rounds: the first of
    each record that has one, the second of each that has two, …."""
    if not counts.any():
        return pa.nulls(len(counts), FETCHED.field("headers").type)
    total = int(counts.sum())
    ends = np.cumsum(counts)
    pieces = [(np.empty(total, np.int64), np.empty(total, np.int64)) for _ in range(2)]
    rows = np.flatnonzero(counts > 0)
    at = at[rows]
    nth = 0
    while len(rows):
        slots = ends[rows] - counts[rows] + nth
        for place, length in pieces:
            length[slots], at = _varints(data, at)
            place[slots] = at
            at = at + np.maximum(length[slots], 0)
        nth += 1
        more = counts[rows] > nth
        rows, at = rows[more], at[more]
    keys, values = _take_bytes(content, pieces)
    entries = pa.StructArray.from_arrays([keys.cast(pa.string()), values], fields=list(HEADER))
    offsets = pa.array(np.concatenate([[0], ends]), pa.int32())
    lists = pa.ListArray.from_arrays(offsets, entries, mask=pa.array(counts == 0))
    return lists.cast(FETCHED.field("headers").type)


def _decode_legacy(content: bytes, batches: Sequence[_Batch]) -> pa.Table:
    """The records of batches that were written before Kafka 0.11; they have no headers."""
    rows = [
        {"offset": r.offset, "timestamp": r.timestamp or -1, "key": r.key, "value": r.value}
        for batch in batches
        for r in LegacyRecordBatch(content[batch.begin : batch.end], content[batch.begin + 16])
    ]
    columns = {
        name: pa.array([row[name] for row in rows], DECODED.field(name).type)
        for name in ("offset", "timestamp", "key", "value")
    }
    nulls = pa.nulls(len(rows), DECODED.field("headers").type)
    return pa.table({**columns, "headers": nulls}, schema=DECODED)
