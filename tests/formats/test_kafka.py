"""KAFKA against Python's struct: numbers big-endian, text and bytes as they are."""

from __future__ import annotations

import math
import struct
from random import Random

import codec
import pytest

from streamsql.formats import FORMATS
from streamsql.schema import types as t
from streamsql.schema.column import Column

KAFKA = FORMATS["KAFKA"]
NUMBERS = {t.INTEGER: ">i", t.BIGINT: ">q", t.DOUBLE: ">d"}


@pytest.mark.parametrize(("type_", "layout"), NUMBERS.items(), ids=map(str, NUMBERS))
def test_numbers_are_read_from_their_bytes(type_: t.SqlType, layout: str) -> None:
    draw = Random(str(type_))
    size = struct.calcsize(layout)
    records = [draw.randbytes(size) for _ in range(2000)]
    records += [b"\x00" * size, b"\xff" * size, b"\x7f" + b"\xff" * (size - 1), b"\x80" * size]
    found = codec.decode(KAFKA, [Column("V", type_)], records)
    assert set(found.errors) == {None}
    for record, (value,) in zip(records, found.rows, strict=True):
        (expected,) = struct.unpack(layout, record)
        assert value == expected or (math.isnan(value) and math.isnan(expected))


@pytest.mark.parametrize(("type_", "layout"), NUMBERS.items(), ids=map(str, NUMBERS))
def test_numbers_are_written_as_their_bytes(type_: t.SqlType, layout: str) -> None:
    draw = Random(str(type_))
    size = struct.calcsize(layout)
    numbers = [struct.unpack(layout, draw.randbytes(size))[0] for _ in range(500)]
    numbers = [n for n in numbers if n == n]
    rows = [[f"'{n!r}'"] for n in numbers]
    found = codec.encode(KAFKA, [Column("V", type_)], rows)
    assert found == [struct.pack(layout, n) for n in numbers]
    assert codec.encode(KAFKA, [Column("V", type_)], [["NULL"]]) == [None]


@pytest.mark.parametrize(
    ("type_", "size", "error"),
    [
        (t.INTEGER, 4, "Size of data received by IntegerDeserializer is not 4"),
        (t.BIGINT, 8, "Size of data received by LongDeserializer is not 8"),
        (t.DOUBLE, 8, "Size of data received by Deserializer is not 8"),
    ],
    ids=str,
)
def test_another_size_is_an_error(type_: t.SqlType, size: int, error: str) -> None:
    sizes = [n for n in range(12) if n != size]
    good = b"\x01" * size
    found = codec.decode(KAFKA, [Column("V", type_)], [good, *map(bytes, sizes), None, good])
    assert found.errors == [None, *[error] * len(sizes), None, None]
    assert found.rows[1:-1] == [(None,)] * (len(sizes) + 1)
    assert found.rows[0] == found.rows[-1] != (None,)


JAVA_TEXTS = [
    (b"", ""),
    (b"abc", "abc"),
    ("é日本😀".encode(), "é日本😀"),
    (b"a\x00b", "a\x00b"),
    (b"a\xffb", "a\ufffdb"),
    (b"\xc3", "\ufffd"),
    (b"\xc3\x28", "\ufffd("),
    (b"\xe2\x82", "\ufffd"),
    (b"\xe2\x28\xa1", "\ufffd(\ufffd"),
    (b"\xf0\x9f\x98", "\ufffd"),
    (b"\xc0\x80", "\ufffd\ufffd"),
    (b"\xf5\x80\x80\x80", "\ufffd" * 4),
    (b"\xed\xa0\x80", "\ufffd"),  # half of a pair: one for Java
]


def test_text_that_is_no_utf8_is_read_as_java_reads_it() -> None:
    records = [data for data, _ in JAVA_TEXTS]
    found = codec.decode(KAFKA, [Column("V", t.STRING)], [*records, None])
    assert found.errors == [None] * (len(records) + 1)
    assert found.rows == [(text,) for _, text in JAVA_TEXTS] + [(None,)]


def test_no_columns_are_no_bytes() -> None:
    decoded = codec.decode(KAFKA, [], [b"anything", None])
    assert decoded.rows == [(), ()]
    assert decoded.errors == [None, None]
    assert KAFKA.encode([], [], codec.FormatOptions(), target="_key").sql == "NULL::BLOB"
