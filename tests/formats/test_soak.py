"""A million damaged records per format: each is read rightly or is an error, none ends a batch."""

from __future__ import annotations

import struct
from random import Random

import codec
import json_records
import pytest
import test_delimited
import test_json_decode

from streamsql.formats import FORMATS
from streamsql.schema import types as t
from streamsql.schema.column import Column

RECORDS = 1_000_000
BATCH = 2_000


@pytest.mark.soak
def test_json() -> None:
    for seed in range(RECORDS // BATCH):
        draw = Random(seed)
        wrapped = draw.random() < 0.8
        columns = json_records.random_columns(draw)[: None if wrapped else 1]
        records = json_records.random_records(
            draw, columns, BATCH, wrapped=wrapped, oddness=draw.choice((0.02, 0.1, 0.3))
        )
        damaged = [json_records.corrupt(draw, r) for r in records[: BATCH // 2]]
        test_json_decode.check(columns, damaged + records[BATCH // 2 :], wrapped=wrapped)


@pytest.mark.soak
def test_json_of_one_layout() -> None:
    for seed in range(RECORDS // BATCH):
        draw = Random(seed)
        columns = json_records.random_columns(draw)
        records = json_records.records_alike(
            draw, columns, BATCH, oddness=draw.choice((0.02, 0.1, 0.3))
        )
        test_json_decode.check(columns, records, wrapped=True)


@pytest.mark.soak
def test_delimited_lines() -> None:
    for seed in range(RECORDS // BATCH):
        draw = Random(seed)
        delimiter = draw.choice(",;|\t -")
        types = test_delimited.TYPES
        columns = [Column(f"C{i}", draw.choice(types)) for i in range(draw.randint(1, 6))]
        oddness = draw.choice((0.02, 0.1, 0.3))
        records = [
            test_delimited.random_line(draw, columns, delimiter, oddness) for _ in range(BATCH)
        ]
        damaged = [json_records.corrupt(draw, r) for r in records[: BATCH // 2]]
        test_delimited.check(columns, damaged + records[BATCH // 2 :], delimiter)


@pytest.mark.soak
def test_kafka() -> None:
    layouts = {t.INTEGER: ">i", t.BIGINT: ">q", t.DOUBLE: ">d", t.STRING: "", t.BYTES: ""}
    for seed in range(RECORDS // BATCH):
        draw = Random(seed)
        type_, layout = draw.choice(list(layouts.items()))
        records = [draw.randbytes(draw.choice((0, 3, 4, 4, 5, 8, 8, 20))) for _ in range(BATCH)]
        decoded = codec.decode(FORMATS["KAFKA"], [Column("V", type_)], records)
        for record, (value,), error in zip(records, decoded.rows, decoded.errors, strict=True):
            if layout and len(record) != struct.calcsize(layout):
                assert error
                assert value is None
                continue
            assert error is None
            if layout:
                expected = struct.unpack(layout, record)[0]
                # Of a double that is none, which one does not matter.
                assert value == expected or (value != value and expected != expected)
            elif type_ == t.BYTES:
                assert value == record
