"""MSGPACK: what another wrote, and damage. Round trips: test_round_trip.py."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import codec
import msgspec.msgpack
import pytest
from json_records import corrupt

from streamsql.formats import FORMATS
from streamsql.formats.format import FormatOptions
from streamsql.schema import types as t
from streamsql.schema.column import Column

FORMAT = FORMATS["MSGPACK"]
COLUMNS = [
    Column("I", t.INTEGER),
    Column("D", t.DOUBLE),
    Column("S", t.STRING),
    Column("Y", t.BYTES),
    Column("AT", t.TIMESTAMP),
    Column("L", t.Array(t.BIGINT)),
]
ROW: dict[str, Any] = {"i": 7, "D": -1.5, "s": "x", "y": b"\x00\xff", "at": 1_000, "l": [1, None]}


def read(value: Any, type_: t.SqlType) -> Any:
    """A bare value of the type."""
    data = msgspec.msgpack.encode(value)
    decoded = codec.decode(FORMAT, [Column("V", type_)], [data], FormatOptions(wrap=False))
    return decoded.errors[0] or decoded.rows[0][0]


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        (b"ab", t.BYTES, b"ab"),
        ("YWI=", t.BYTES, b"ab"),
        (2**64 - 1, t.Decimal(20, 0), 2**64 - 1),
        (0.1, t.Decimal(3, 1), pytest.approx(0.1)),
        (float("-inf"), t.DOUBLE, float("-inf")),
        (3, t.DOUBLE, 3.0),
        (3.9, t.INTEGER, 3),
        (7, t.STRING, "7"),
        (
            datetime(1970, 1, 1, 0, 0, 2, 500_999, UTC),
            t.TIMESTAMP,
            datetime(1970, 1, 1, 0, 0, 2, 500_000),
        ),
    ],
)
def test_values_of_others_are_read(value: Any, type_: t.SqlType, expected: Any) -> None:
    found = read(value, type_)
    assert (float(found) if isinstance(value, float) and value == 0.1 else found) == expected


@pytest.mark.parametrize(
    ("value", "type_", "error"),
    [
        (2**31, t.INTEGER, "Numeric value is out of range of INTEGER"),
        (True, t.INTEGER, "Can't convert type. sourceType: BooleanNode"),
        ({1: 2}, t.Map(t.STRING, t.INTEGER), "a name of a map is no string: 1"),
        (msgspec.msgpack.Ext(5, b"x"), t.STRING, "an extension type is no value of JSON"),
    ],
)
def test_values_that_no_column_takes_are_errors(value: Any, type_: t.SqlType, error: str) -> None:
    assert error in read(value, type_)


def damaged(seed: int, count: int) -> None:
    """Damaged records are read alike in any company, or are errors, and end no batch."""
    draw = Random(seed)
    good = msgspec.msgpack.encode(ROW)
    records = [corrupt(draw, good) for _ in range(count)]
    decoded = codec.decode(FORMAT, COLUMNS, [*records, good])
    assert decoded.errors[-1] is None
    assert decoded.rows[-1][:4] == (7, -1.5, "x", b"\x00\xff")
    assert any(decoded.errors)
    alone = codec.decode(FORMAT, COLUMNS, records[:20])
    assert (alone.rows, alone.errors) == (decoded.rows[:20], decoded.errors[:20])


@pytest.mark.parametrize("seed", range(5))
def test_damaged_records(seed: int) -> None:
    damaged(seed, 500)


@pytest.mark.soak
def test_a_million_damaged_records() -> None:
    for seed in range(200):
        damaged(seed, 5_000)
