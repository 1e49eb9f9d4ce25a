"""Columns of bytes: what the binary formats read and write with, a batch at a time, on numpy.

A `Cursor` stands in each record of a batch at once; a read moves it in all of them and gives one
value for each. A record that cannot be read fails by itself: its first reason is kept in the
batch's `Failures`, its cursor goes to its end, and what is read of it from there on means nothing.
Pieces are Arrow BINARY columns; `join_pieces` puts them one behind the other, row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Arrow = Any
"""An Arrow array, or a type of one: the stubs know too little of their elements to check more."""

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

PADDING = 16
"""Zeros behind a batch's bytes: a read that begins inside a record stays inside the array."""

VARINT_BYTES_MAX = 10
"""Of 64 bits, 7 in a byte."""

ENDED = "the record ends in the middle of a value"


class Failures:
    """Why records of a batch could not be read: `reasons` by row; the first one of a row stays."""

    def __init__(self) -> None:
        self.reasons: dict[int, str] = {}

    def add(self, rows: Ints, reason: str) -> None:
        """Fails rows, unless they failed before."""
        for row in rows.tolist():
            self.reasons.setdefault(row, reason)


@dataclass(slots=True)
class Cursor:
    """Where reading is: `at` the next byte and `end` the byte behind the last, for each record.

    `rows`: the records' places in their batch.
    """

    data: Bytes
    at: Ints
    end: Ints
    rows: Ints
    failures: Failures

    def __len__(self) -> int:
        return len(self.at)

    def select(self, chosen: Ints) -> Cursor:
        """The cursor in those records only; `put_back` moves this one to where it came."""
        return Cursor(
            self.data, self.at[chosen], self.end[chosen], self.rows[chosen], self.failures
        )

    def put_back(self, chosen: Ints, part: Cursor) -> None:
        """Goes on where `part`, which was selected, has arrived."""
        self.at[chosen] = part.at

    def fail(self, wrong: Mask, reason: str) -> None:
        """Fails the records where `wrong`."""
        chosen = np.flatnonzero(wrong)
        if len(chosen):
            self.failures.add(self.rows[chosen], reason)
            self.at[chosen] = self.end[chosen]


def whole_array(column: Any) -> Arrow:
    """A column, chunked or not, as one array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays(column.chunks or [pa.array([], column.type)])
    )


def record_bytes(column: Any) -> tuple[Bytes, Ints, Ints, Mask]:
    """(bytes, starts, ends, where not null) of a column of BINARY; the bytes are padded."""
    array = whole_array(column).cast(pa.large_binary())
    count = len(array)
    _, offsets, data = array.buffers()
    ends = np.zeros(count + 1, np.int64)
    if count and offsets is not None:
        ends = np.frombuffer(offsets, np.int64)[array.offset : array.offset + count + 1]
    raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    padded = np.concatenate([raw[: ends[-1]], np.zeros(PADDING, np.uint8)])
    there = array.is_valid().to_numpy(zero_copy_only=False)
    return padded, ends[:-1].copy(), ends[1:].copy(), there


# Reading


def read_varint(cursor: Cursor) -> npt.NDArray[np.uint64]:
    """Unsigned numbers of 7 bits a byte, lowest first."""
    data, at = cursor.data, cursor.at
    first = data[at]
    value = first.astype(np.uint64)
    after = at + 1
    chosen = np.flatnonzero(first >= 0x80)
    if len(chosen):
        value[chosen] &= np.uint64(0x7F)
        position = after[chosen]
        shift = 7
        while len(chosen) and shift < 7 * VARINT_BYTES_MAX:
            byte = data[position]
            value[chosen] |= (byte & 0x7F).astype(np.uint64) << np.uint64(shift)
            position += 1
            after[chosen] = position
            more = byte >= 0x80
            chosen, position = chosen[more], np.minimum(position[more], len(data) - 1)
            shift += 7
        if len(chosen):
            wrong = np.zeros(len(at), np.bool_)
            wrong[chosen] = True
            cursor.fail(wrong, "a number has more than ten bytes")
            after[chosen] = cursor.end[chosen]
    _arrive(cursor, after)
    return value


def read_zigzag(cursor: Cursor) -> Ints:
    """Signed numbers, whose sign is the lowest bit of the varint."""
    value = read_varint(cursor)
    sign = (value & np.uint64(1)).astype(np.int64)
    return (value >> np.uint64(1)).view(np.int64) ^ -sign


def read_fixed(cursor: Cursor, dtype: str) -> npt.NDArray[Any]:
    """Numbers of a fixed width, `<f8` for example."""
    width = np.dtype(dtype).itemsize
    matrix = cursor.data[cursor.at[:, None] + np.arange(width)]
    _arrive(cursor, cursor.at + width)
    return np.ascontiguousarray(matrix).view(dtype).reshape(-1)


def read_slices(cursor: Cursor, lengths: Ints) -> tuple[Ints, Ints]:
    """(starts, lengths) of so many bytes at the cursor; of a record that is too short none."""
    short = (lengths < 0) | (lengths > cursor.end - cursor.at)
    if short.any():
        lengths = np.where(short, 0, lengths)
        cursor.fail(short, ENDED)
    starts = cursor.at.copy()
    cursor.at += lengths
    return starts, lengths


def gather(data: Bytes, starts: Ints, lengths: Ints, type_: pa.DataType) -> Arrow:
    """The slices as one column of `type_`, BINARY or STRING."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    index = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    buffers = [None, _buffer(offsets.astype(np.int32)), _buffer(data[index])]
    return pa.Array.from_buffers(type_, len(lengths), buffers)


def gather_text(cursor: Cursor, starts: Ints, lengths: Ints) -> Arrow:
    """The slices as STRING; what is no UTF-8 becomes U+FFFD, as Java reads it."""
    array = gather(cursor.data, starts, lengths, pa.string())
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        raw = gather(cursor.data, starts, lengths, pa.binary()).to_pylist()
        return pa.array([text.decode("utf-8", "replace") for text in raw], pa.string())
    return array


def decimals(cursor: Cursor, starts: Ints, lengths: Ints, type_: pa.Decimal128Type) -> Arrow:
    """Big-endian two's complement numbers of any length as a DECIMAL column."""
    data = cursor.data
    first = data[starts]
    sign = np.where((lengths > 0) & (first >= 0x80), 0xFF, 0).astype(np.uint8)
    place = np.arange(16)
    index = (starts + lengths - 1)[:, None] - place
    inside = place < lengths[:, None]
    digits = np.where(inside, data[np.maximum(index, 0)], sign[:, None]).astype(np.uint8)
    # 16 bytes hold a little more than the digits of DECIMAL(38).
    for row in np.flatnonzero(lengths >= 16).tolist():
        number = int.from_bytes(
            data[starts[row] : starts[row] + lengths[row]].tobytes(), signed=True
        )
        if abs(number) >= 10**type_.precision:
            wrong = np.arange(len(lengths)) == row
            cursor.fail(wrong, f"a number has too many digits for DECIMAL({type_.precision})")
            digits[row] = 0
    return pa.Array.from_buffers(type_, len(lengths), [None, pa.py_buffer(digits.tobytes())])


def nulls(count: int, type_: Arrow) -> Arrow:
    """A column of NULL."""
    return pa.nulls(count, type_)


def take(values: Arrow, index: Ints) -> Arrow:
    """The values at these places."""
    return values.take(pa.array(index))


def chosen_rows(mask: Arrow) -> Ints:
    """The places where a BOOLEAN column is true."""
    return np.flatnonzero(mask.to_numpy(zero_copy_only=False))


def spread(values: Arrow, chosen: Ints, count: int) -> Arrow:
    """A column of `count` rows with the values at the chosen rows and NULL at the others."""
    if len(chosen) == count:
        return values
    index = np.zeros(count, np.int64)
    index[chosen] = np.arange(len(chosen))
    missing = np.ones(count, np.bool_)
    missing[chosen] = False
    return values.take(pa.array(index, mask=missing))


def in_lists(
    parts: Sequence[tuple[Ints, Sequence[Arrow]]], count: int, width: int
) -> tuple[npt.NDArray[np.int32], list[Arrow]]:
    """(offsets, items) of lists that were read item by item: a part holds the rows that had
    another item, ascending, and the columns of that item."""
    rows = np.concatenate([r for r, _ in parts]) if parts else np.zeros(0, np.int64)
    order = pa.array(np.argsort(rows, kind="stable"))
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=count), out=offsets[1:])
    items = [
        pa.concat_arrays([columns[i] for _, columns in parts]).take(order) for i in range(width)
    ]
    return offsets, items


def _arrive(cursor: Cursor, after: Ints) -> None:
    beyond = after > cursor.end
    cursor.at = after
    if beyond.any():
        cursor.fail(beyond, ENDED)


# Writing


def varint_pieces(values: npt.NDArray[np.uint64]) -> Arrow:
    """Each number as 7 bits a byte, lowest first."""
    count = len(values)
    longest = int(values.max()).bit_length() if count else 0
    width = max(1, -(-longest // 7))
    if width == 1:
        return _cut(values.astype(np.uint8), np.arange(count + 1, dtype=np.int32))
    shifts = (np.arange(width, dtype=np.uint64) * np.uint64(7))[None, :]
    groups = values[:, None] >> shifts
    more = np.zeros(groups.shape, np.bool_)
    more[:, :-1] = groups[:, 1:] > 0
    written = np.ones(groups.shape, np.bool_)
    written[:, 1:] = groups[:, 1:] > 0
    matrix = (groups & np.uint64(0x7F)).astype(np.uint8) | (more.astype(np.uint8) << 7)
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(written.sum(axis=1), out=offsets[1:])
    return _cut(matrix[written], offsets)


def zigzag_pieces(values: Ints) -> Arrow:
    """Each signed number as a varint whose lowest bit is the sign."""
    return varint_pieces(((values << 1) ^ (values >> 63)).view(np.uint64))


def fixed_pieces(values: npt.NDArray[Any]) -> Arrow:
    """Each number as the bytes that its type has in memory."""
    raw = np.ascontiguousarray(values)
    offsets = np.arange(len(raw) + 1, dtype=np.int32) * raw.dtype.itemsize
    return _cut(raw.view(np.uint8).reshape(-1), offsets)


def constant_pieces(value: bytes, count: int) -> Arrow:
    """The same bytes in each row."""
    return pa.repeat(pa.scalar(value, pa.binary()), count)


def length_pieces(pieces: Arrow) -> npt.NDArray[np.int64]:
    """The number of bytes in each row, 0 for NULL."""
    return pc.binary_length(pieces).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)


def join_pieces(pieces: Sequence[Arrow], count: int) -> Arrow:
    """The pieces of each row one behind the other; NULL is no bytes."""
    if not pieces:
        return constant_pieces(b"", count)
    filled = [p.fill_null(b"") for p in pieces]
    if len(filled) == 1:
        return filled[0]
    return pc.binary_join_element_wise(*filled, pa.scalar(b"", pa.binary()))


def join_lists(items: Arrow, offsets: Ints) -> Arrow:
    """The pieces of each list one behind the other; `offsets` are the lists' among the items."""
    items = items.fill_null(b"").cast(pa.binary())
    _, ends, data = items.buffers()
    found = np.zeros(1, np.int32)
    if len(items) and ends is not None:
        found = np.frombuffer(ends, np.int32)[items.offset : items.offset + len(items) + 1]
    buffers = [None, _buffer(found[offsets]), data or pa.py_buffer(b"")]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def decimal_pieces(array: Arrow) -> Arrow:
    """Each DECIMAL as the shortest big-endian two's complement number."""
    count = len(array)
    raw = array.buffers()[1]
    digits = np.zeros((count, 16), np.uint8)
    if raw is not None and count:
        start = array.offset * 16
        digits = np.frombuffer(raw, np.uint8)[start : start + 16 * count].reshape(count, 16)
    digits = digits[:, ::-1]
    sign = np.where(digits[:, :1] >= 0x80, 0xFF, 0)
    # A leading byte goes where it is the sign alone and the next byte shows the same sign.
    spare = (digits[:, :-1] == sign) & ((digits[:, 1:] >= 0x80) == (sign > 0))
    written = np.ones(digits.shape, np.bool_)
    written[:, :-1] = ~np.logical_and.accumulate(spare, axis=1)
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(written.sum(axis=1), out=offsets[1:])
    return _cut(digits[written], offsets)


def _buffer(array: npt.NDArray[Any]) -> Arrow:
    """The array's bytes, without a copy where they lie in one piece."""
    raw: Any = np.ascontiguousarray(array)
    return pa.py_buffer(raw)


def _cut(data: npt.NDArray[Any], offsets: npt.NDArray[np.int32]) -> Arrow:
    buffers = [None, _buffer(offsets), _buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
