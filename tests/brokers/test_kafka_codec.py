"""Record batches, against aiokafka's reading and writing of the same bytes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from streamsql.brokers.kafka_batch import COMPRESSIONS, HEAD
from streamsql.brokers.kafka_decode import DECODED, decode_records
from streamsql.brokers.kafka_encode import EncodedBatch, encode_records
from streamsql.errors import LogError
from tests.brokers.records import Header, Record, appended

Row = tuple[int, int, bytes | None, bytes | None, list[Header]]


def random_records(seed: int, count: int, longest: int = 300) -> list[Record]:
    rng = random.Random(seed)

    def some(share: float) -> bytes | None:
        return rng.randbytes(rng.randint(0, longest)) if rng.random() < share else None

    def headers() -> tuple[Header, ...] | None:
        if rng.random() < 0.7:
            return None
        return tuple((f"hé{i}", some(0.8)) for i in range(rng.randint(0, 4)))

    return [
        Record(key=some(0.8), value=some(0.9), timestamp=rng.randint(0, 1 << 42), headers=headers())
        for _ in range(count)
    ]


def as_rows(records: Sequence[Record], first_offset: int = 0) -> list[Row]:
    return [
        (first_offset + i, r.timestamp, r.key, r.value, list(r.headers or ()))
        for i, r in enumerate(records)
    ]


def rows_of(table: pa.Table) -> list[Row]:
    assert table.schema.equals(DECODED)
    rows: list[dict[str, Any]] = table.to_pylist()
    return [
        (
            r["offset"],
            r["timestamp"],
            r["key"],
            r["value"],
            [(h["KEY"], h["VALUE"]) for h in r["headers"] or ()],
        )
        for r in rows
    ]


def built(batches: Sequence[EncodedBatch], first_offset: int = 0) -> bytes:
    """The batches as a broker keeps them: it fills in the base offsets."""
    parts: list[bytes] = []
    for batch in batches:
        parts.append(first_offset.to_bytes(8) + batch._build()[8:])
        first_offset += batch.record_count()
    return b"".join(parts)


def written_by_aiokafka(
    records: Sequence[Record],
    *,
    codec: int = 0,
    base: int = 0,
    deltas: Sequence[int] | None = None,
    producer: int = -1,
    attributes: int = 0,
) -> bytes:
    """One batch; `attributes` are set over those that aiokafka sets."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=producer >= 0,
        producer_id=producer,
        producer_epoch=0,
        base_sequence=0,
        batch_size=1 << 30,
    )
    for i, r in enumerate(records):
        delta = deltas[i] if deltas else i
        assert builder.append(
            delta, timestamp=r.timestamp, key=r.key, value=r.value, headers=list(r.headers or ())
        )
    content = bytearray(builder.build())
    content[:8] = base.to_bytes(8)
    if attributes:
        content[22] |= attributes
        content[17:21] = calc_crc32c(bytes(content[21:])).to_bytes(4)
    return bytes(content)


@pytest.mark.parametrize("codec", range(5), ids=COMPRESSIONS)
@pytest.mark.parametrize("longest", [0, 20, 300, 9_000])
def test_what_aiokafka_wrote_is_read(codec: int, longest: int) -> None:
    records = random_records(longest + codec, 40, longest)
    content = b"".join(
        written_by_aiokafka(records[i : i + 8], codec=codec, base=100 + i) for i in range(0, 40, 8)
    )
    decoded = decode_records(content, 100)
    assert rows_of(decoded.records) == as_rows(records, 100)
    assert decoded.next_offset == 140


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("batch_bytes", [1, 500, 1_000_000])
def test_what_is_written_aiokafka_reads(compression: str, batch_bytes: int) -> None:
    records = random_records(batch_bytes, 60)
    table = appended(*records)
    batches = encode_records(table, compression=compression, batch_bytes=batch_bytes)
    content = built(batches, 7)
    memory = MemoryRecords(content)
    found: list[Row] = []
    while memory.has_next():
        batch = memory.next_batch()
        assert batch.validate_crc()
        assert not batch.is_transactional
        mine = [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in batch]
        assert batch.max_timestamp == max(row[1] for row in mine)
        found += mine
    assert found == as_rows(records, 7)
    assert sum(b.record_count() for b in batches) == 60
    assert rows_of(decode_records(content, 7).records) == as_rows(records, 7)


def test_batches_keep_to_their_size() -> None:
    table = appended(*(Record(value=b"x" * 100) for _ in range(50)), Record(value=b"y" * 2_000))
    sizes = [b.size() - HEAD.size for b in encode_records(table, batch_bytes=1_000)]
    assert all(s <= 1_000 for s in sizes[:-1])
    assert max(sizes[:-1]) > 700
    assert sizes[-1] > 2_000


def test_slices_and_chunks_are_written_as_they_are() -> None:
    records = random_records(3, 30)
    table = appended(*records)
    assert rows_of(decode_records(built(encode_records(table.slice(5, 9))), 0).records) == as_rows(
        records[5:14]
    )
    chunks = pa.concat_tables([table.slice(20), table.slice(0, 4)])
    assert rows_of(decode_records(built(encode_records(chunks)), 0).records) == as_rows(
        [*records[20:], *records[:4]]
    )


def test_a_transactional_batch_carries_its_producer() -> None:
    (batch,) = encode_records(appended(Record(), Record()), transactional=True)
    batch._set_producer_state(77, 3, 12)
    read = MemoryRecords(batch._build()).next_batch()
    assert read.is_transactional
    assert (read.producer_id, read.producer_epoch, read.base_sequence) == (77, 3, 12)
    assert read.validate_crc()
    assert batch._build() is batch._build()


def test_a_batch_that_begins_before_the_position_is_cut() -> None:
    records = random_records(4, 10)
    decoded = decode_records(written_by_aiokafka(records, base=50), 57)
    assert rows_of(decoded.records) == as_rows(records, 50)[7:]
    assert decoded.next_offset == 60


def test_a_batch_that_is_cut_short_is_left_for_the_next_fetch() -> None:
    first = written_by_aiokafka([Record(value=b"a")], base=0)
    second = written_by_aiokafka([Record(value=b"b")], base=1)
    for length in (0, 1, 16, 17, 61, len(second) - 1):
        decoded = decode_records(first + second[:length], 0)
        assert [row[3] for row in rows_of(decoded.records)] == [b"a"]
        assert decoded.next_offset == 1
    assert decode_records(b"", 9).next_offset == 9


def test_offsets_that_compaction_removed_are_passed_over() -> None:
    content = written_by_aiokafka([Record(value=b"a"), Record(value=b"b")], base=10, deltas=[2, 5])
    changed = bytearray(content)
    changed[23:27] = (8).to_bytes(4)  # the last offset delta stays when its record goes
    changed[17:21] = calc_crc32c(bytes(changed[21:])).to_bytes(4)
    decoded = decode_records(bytes(changed), 10)
    assert [(row[0], row[3]) for row in rows_of(decoded.records)] == [(12, b"a"), (15, b"b")]
    assert decoded.next_offset == 19


def test_a_batch_that_compaction_emptied_still_moves_the_position() -> None:
    head = HEAD.pack(40, HEAD.size - 12, 0, 2, 0, 0, 9, 0, 0, -1, -1, -1, 0)
    content = head[:17] + calc_crc32c(head[21:]).to_bytes(4) + head[21:]
    decoded = decode_records(content, 40)
    assert len(decoded.records) == 0
    assert decoded.next_offset == 50


def test_log_append_time_is_that_of_all_records_of_a_batch() -> None:
    records = [Record(timestamp=5), Record(timestamp=99), Record(timestamp=7)]
    content = written_by_aiokafka(records, attributes=0x08)
    assert [row[1] for row in rows_of(decode_records(content, 0).records)] == [99, 99, 99]


def marker(offset: int, producer: int, *, commit: bool) -> bytes:
    """A control batch, as a transaction coordinator has it written."""
    key = b"\x00\x00" + (b"\x00\x01" if commit else b"\x00\x00")
    record = Record(key=key, value=b"\x00" * 6)
    return written_by_aiokafka([record], base=offset, producer=producer, attributes=0x20)


def transactions() -> bytes:
    """Producer 1 aborts at 0 to 1 and commits at 5; producer 2 aborts at 3, between them."""

    def one(offset: int, producer: int, value: bytes) -> bytes:
        return written_by_aiokafka([Record(value=value)], base=offset, producer=producer)

    return b"".join(
        [
            one(0, 1, b"aborted 0"),
            one(1, 1, b"aborted 1"),
            marker(2, 1, commit=False),
            one(3, 2, b"aborted 3"),
            one(4, -1, b"plain"),
            one(5, 1, b"committed"),
            marker(6, 2, commit=False),
            marker(7, 1, commit=True),
            one(8, 2, b"later"),
        ]
    )


def test_aborted_records_and_markers_are_not_seen() -> None:
    decoded = decode_records(transactions(), 0, aborted=[(2, 3), (1, 0)])
    assert [(row[0], row[3]) for row in rows_of(decoded.records)] == [
        (4, b"plain"),
        (5, b"committed"),
        (8, b"later"),
    ]
    assert decoded.next_offset == 9


def test_markers_at_the_end_move_the_position() -> None:
    decoded = decode_records(marker(3, 1, commit=True), 3)
    assert len(decoded.records) == 0
    assert decoded.next_offset == 4


def test_who_reads_uncommitted_sees_what_was_aborted() -> None:
    values = [row[3] for row in rows_of(decode_records(transactions(), 0).records)]
    assert values == [b"aborted 0", b"aborted 1", b"aborted 3", b"plain", b"committed", b"later"]


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("codec", [0, 1, 2], ids=["none", "gzip", "snappy"])
def test_formats_before_kafka_0_11_are_read(magic: int, codec: int) -> None:
    builder = LegacyRecordBatchBuilder(magic, codec, 1 << 20)
    for i in range(5):
        builder.append(i, timestamp=1_000 + i, key=None if i == 2 else b"k%d" % i, value=b"v%d" % i)
    content = bytes(builder.build()) + written_by_aiokafka([Record(value=b"new")], base=5)
    decoded = decode_records(content, 0)
    rows = rows_of(decoded.records)
    assert [row[3] for row in rows] == [b"v0", b"v1", b"v2", b"v3", b"v4", b"new"]
    assert [row[2] for row in rows[:5]] == [b"k0", b"k1", None, b"k3", b"k4"]
    assert [row[1] for row in rows[:5]] == [1_000 + i if magic else -1 for i in range(5)]
    assert decoded.next_offset == 6


@pytest.mark.parametrize("at", [30, 61, 75, -1])
def test_damaged_bytes_are_named(at: int) -> None:
    content = bytearray(written_by_aiokafka([Record(key=b"k" * 20, value=b"v" * 20)], base=3))
    content[at] ^= 0x55
    with pytest.raises(LogError) as raised:
        decode_records(bytes(content), 3, place="topic t, partition 2")
    assert raised.value.primary == "the records of topic t, partition 2 cannot be read"
    assert "checksum of the batch at offset 3 is wrong" in raised.value.detail


def test_lengths_that_lead_out_of_the_bytes_are_damage_too() -> None:
    content = bytearray(written_by_aiokafka([Record(value=b"v")]))
    content[HEAD.size + 4] = 0x7E  # the length of the key
    content[17:21] = calc_crc32c(bytes(content[21:])).to_bytes(4)
    with pytest.raises(LogError, match="cannot be read"):
        decode_records(bytes(content), 0, place="topic t, partition 0")
