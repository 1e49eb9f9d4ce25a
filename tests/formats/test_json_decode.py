"""JSON to columns against the oracle of `json_reference.py`: random types, records and damage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from random import Random
from typing import Any

import codec
import json_records
import pytest
from json_reference import Unreadable, read_record

from streamsql.formats import FORMATS
from streamsql.formats.format import FormatOptions
from streamsql.schema import types as t
from streamsql.schema.column import Column

JSON = FORMATS["JSON"]
FAR = "beyond Python's calendar"


def carried(value: Any, type_: t.SqlType) -> Any:
    """A value that DuckDB gave, as its carrier."""
    match value, type_:
        case None, _:
            return None
        case _, t.Array(element):
            return [carried(v, element) for v in value]
        case _, t.Map(_, element):
            return {k: carried(v, element) for k, v in value.items()}
        case _, t.Struct(fields):
            return {f.name: carried(value[f.name], f.type) for f in fields}
        case date(), t.DATE:
            return (value - date(1970, 1, 1)).days
        case time(), t.TIME:
            return (
                (value.hour * 60 + value.minute) * 60_000
                + value.second * 1000
                + (value.microsecond // 1000)
            )
        case datetime(), t.TIMESTAMP:
            passed = value - datetime(1970, 1, 1)
            return (passed.days * 86_400 + passed.seconds) * 1000 + passed.microseconds // 1000
        case str(), t.DATE | t.TIME | t.TIMESTAMP:
            return FAR
        case _:
            return value


def same(found: Any, expected: Any) -> bool:
    """Equality to the bit, digit and key; times that Python cannot hold are not looked at."""
    match found, expected:
        case str(), _ if found is FAR:
            return True
        case float(), float():
            if math.isnan(expected):
                return math.isnan(found)
            return found == expected and math.copysign(1, found) == math.copysign(1, expected)
        case Decimal(), Decimal():
            return found.as_tuple() == expected.as_tuple()
        case list(), list():
            return len(found) == len(expected) and all(map(same, found, expected))
        case dict(), dict():
            return found.keys() == expected.keys() and all(
                same(v, expected[k]) for k, v in found.items()
            )
        case _:
            return type(found) is type(expected) and found == expected


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
