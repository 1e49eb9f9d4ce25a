"""JSON to columns against the oracle of `json_reference.py`: random types, records and damage."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import codec
import json_records
import pytest
from carriers import carried, same
from json_reference import Unreadable, read_record

from streamsql.formats import FORMATS
from streamsql.formats.format import FormatOptions
from streamsql.schema.column import Column

JSON = FORMATS["JSON"]


def check(columns: Sequence[Column], records: Sequence[bytes], *, wrapped: bool) -> int:
    """Compares a batch with the oracle; gives how many records were right."""
    options = FormatOptions(wrap=None if wrapped else False)
    decoded = codec.decode(JSON, columns, records, options)
    right = 0
    for record, row, error, null in zip(
        records, decoded.rows, decoded.errors, decoded.nulls, strict=True
    ):
        told = f"{record!r} as {[str(c) for c in columns]} gave {row}, error {error}"
        try:
            expected = read_record(record, columns, wrapped=wrapped)
        except Unreadable:
            assert error, told
            continue
        assert error is None, told
        right += 1
        assert null == (expected is None), told
        for value, column, wanted in zip(
            row, columns, expected or [None] * len(columns), strict=True
        ):
            value = carried(value, column.type)
            assert same(value, wanted), f"{told}; expected {wanted!r} in {column}"
    return right


@pytest.mark.parametrize("wrapped", [True, False], ids=["record", "bare"])
@pytest.mark.parametrize("oddness", [0.0, 0.03, 0.2], ids=["tame", "odd", "wild"])
@pytest.mark.parametrize("seed", range(6))
def test_records_are_read_as_the_rules_say(seed: int, oddness: float, wrapped: bool) -> None:
    draw = Random(f"{seed} {oddness} {wrapped}")
    right = 0
    for _ in range(3):
        columns = json_records.random_columns(draw)
        if not wrapped:
            columns = columns[:1]
        records = json_records.random_records(draw, columns, 100, wrapped=wrapped, oddness=oddness)
        right += check(columns, records, wrapped=wrapped)
    assert right > (299 if not oddness else 10)
