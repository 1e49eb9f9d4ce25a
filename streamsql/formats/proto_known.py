"""The messages that stand for a time, a date or a decimal, read a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from streamsql.formats.arrow_column import fit_decimals
from streamsql.formats.proto_wire import WIRE_TYPES, read_number, read_turns
from streamsql.formats.wire import Arrow, Cursor, Ints, decimals, read_slices, read_varint

_MS_PER_S = 1000
_NS_PER_MS = 1_000_000


def read_timestamp(cursor: Cursor) -> Ints:
    """Milliseconds since 1970 of google.protobuf.Timestamp."""
    found = _numbers(cursor, {1: "int64", 2: "int32"})
    far = np.abs(found[1]) > 2**62 // _MS_PER_S
    cursor.fail(far, "a timestamp is out of range")
    return np.where(far, 0, found[1]) * _MS_PER_S + found[2] // _NS_PER_MS


def read_date(cursor: Cursor) -> Ints:
    """Days since 1970 of google.type.Date."""
    found = _numbers(cursor, {1: "int32", 2: "int32", 3: "int32"})
    year, month, day = found[1], found[2], found[3]
    wrong = (month < 1) | (month > 12) | (day < 1) | (day > 31) | (np.abs(year) > 5_000_000)
    months = np.where(wrong, 0, (year - 1970) * 12 + month - 1)
    first = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
    after = (months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
    days = first + day - 1
    wrong |= days >= after
    cursor.fail(wrong, "a date is no day of the calendar")
    return np.where(wrong, 0, days)


def read_time(cursor: Cursor) -> Ints:
    """Milliseconds of the day of google.type.TimeOfDay."""
    found = _numbers(cursor, {1: "int32", 2: "int32", 3: "int32", 4: "int32"})
    minutes = found[1] * 60 + found[2]
    return (minutes * 60 + found[3]) * _MS_PER_S + found[4] // _NS_PER_MS


def read_decimal(cursor: Cursor, wanted: Arrow) -> Arrow:
    """confluent.type.Decimal: digits as bytes, and where their point is, record by record."""
    count = len(cursor)
    starts, lengths = np.zeros(count, np.int64), np.zeros(count, np.int64)

    def read_digits(part: Cursor, _: int) -> Arrow:
        return pa.array(np.stack(read_slices(part, read_varint(part).astype(np.int64)), 1).tolist())

    def read_scale(part: Cursor, _: int) -> Arrow:
        return pa.array(read_number(part, "int32"))

    turns = read_turns(cursor, {1: (2, read_digits), 3: (0, read_scale)})
    for rows, values in turns.get(1, []):
        pairs = np.array(values.to_pylist(), np.int64).reshape(-1, 2)
        starts[rows], lengths[rows] = pairs[:, 0], pairs[:, 1]
    scales = _last(turns.get(3, []), count)
    wrong = (scales < 0) | (scales > 38)
    cursor.fail(wrong, "a decimal has its point at no place of DECIMAL")
    scales = np.where(wrong, 0, scales)
    made: list[Arrow] = [None] * count
    for scale in np.unique(scales).tolist():
        rows = np.flatnonzero(scales == scale)
        part = cursor.select(rows)
        array = decimals(part, starts[rows], lengths[rows], pa.decimal128(38, scale))
        array = fit_decimals(part, array, wanted)
        if len(rows) == count:
            return array
        for row, value in zip(rows.tolist(), array.to_pylist(), strict=True):
            made[row] = value
    return pa.array(made, wanted)


def _numbers(cursor: Cursor, kinds: Mapping[int, str]) -> dict[int, Ints]:
    """Whole numbers by their fields; 0 where there is none."""

    def reader(kind: str) -> Callable[[Cursor, int], Arrow]:
        return lambda part, _: pa.array(read_number(part, kind))

    turns = read_turns(cursor, {n: (WIRE_TYPES[k], reader(k)) for n, k in kinds.items()})
    return {n: _last(turns.get(n, []), len(cursor)) for n in kinds}


def _last(parts: list[tuple[Ints, Arrow]], count: int) -> Ints:
    """The last number of each record, 0 where there is none."""
    found = np.zeros(count, np.int64)
    for rows, values in parts:
        found[rows] = values.to_numpy()
    return found
