"""Rows as bytes and back, bit for bit: what the keys and values of a state changelog hold.

A row is its columns one after another, each a block of one value. A block of n values is

    n flags                   1 where there is a value, 0 for NULL
    then, by type:
    numbers, BOOLEAN, times   n values as Arrow holds them, little-endian, zeros for NULL
    VARCHAR, BLOB             n lengths (uint32), then all bytes
    lists, MAP                n lengths (uint32), then one block of all elements (of a MAP: structs)
    STRUCT                    a block of n values for each field

so that equal values are equal bytes, and every step of reading or writing is one over all rows.
The types are Arrow's as DuckDB gives them: HUGEINT is a DECIMAL(38, 0) of the same 128 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["decode_rows", "encode_rows"]

Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]
Array: TypeAlias = "pa.Array[Any]"

BYTES_MAX = 2**31 - 1
"""Of the rows that are written at once: where Arrow's columns of bytes end."""

TOO_LARGE = "rows of more than 2 GB at once"

_ENDS_ELSEWHERE = "the bytes of a row end elsewhere"

_LENGTH = np.dtype("<u4")


def encode_rows(columns: Sequence[Array], rows: int, prefix: bytes) -> Array:
    """`prefix` and then the row, for each of `rows` rows of `columns`; OverflowError where they
    are more than BYTES_MAX."""
    out = _Writer(rows)
    out.fixed(np.broadcast_to(np.frombuffer(prefix, np.uint8), (rows, len(prefix))))
    for column in columns:
        _write(column, None, out)
    return out.joined()


def decode_rows(rows: Array, skip: int, types: Iterable[pa.DataType]) -> list[Array]:
    """The columns of `rows`, of which each begins with `skip` other bytes; ValueError where the
    bytes are no rows of these types."""
    offsets = _numbers(rows.buffers()[1], np.dtype(np.int32))[rows.offset :]
    begins = offsets[: len(rows)].astype(np.int64) + skip
    reader = _Reader(_data(rows.buffers()[2]), begins, offsets[1 : len(rows) + 1].astype(np.int64))
    columns = [_read(type_, None, reader) for type_ in types]
    if not np.array_equal(reader.at, reader.ends):
        raise ValueError(_ENDS_ELSEWHERE)
    return columns


# writing ----------------------------------------------------------------------------------------


class _Writer:
    """The pieces of each row, in order."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._fixed: list[Bytes] = []
        self._pieces: list[Array] = []

    def fixed(self, piece: Bytes) -> None:
        """A piece of the same width in each row: one line of `piece` a row."""
        self._fixed.append(piece)

    def ragged(self, data: Bytes, lengths: Counts) -> None:
        """A piece of `lengths` bytes in each row, cut from `data`."""
        self._flush()
        self._pieces.append(_binary(pa.binary(), lengths, data))

    def values(self, values: npt.NDArray[Any], counts: Counts | None) -> None:
        """`counts` values in each row, one where that is None."""
        width = values.dtype.itemsize
        data = np.ascontiguousarray(values).view(np.uint8)
        if counts is None:
            self.fixed(data.reshape(self.rows, width))
        else:
            self.ragged(data, counts * width)

    def _flush(self) -> None:
        if self._fixed:
            block = np.concatenate(self._fixed, axis=1)
            widths = np.full(self.rows, block.shape[1], np.int64)
            self._pieces.append(_binary(pa.binary(), widths, block.reshape(-1)))
            self._fixed = []

    def joined(self) -> Array:
        """The rows."""
        self._flush()
        if len(self._pieces) == 1:
            return self._pieces[0]
        return pc.call_function("binary_join_element_wise", [*self._pieces, pa.scalar(b"")])


def _write(array: Array, counts: Counts | None, out: _Writer) -> None:
    """Writes a block of `counts` values for each row; `array` holds those of all rows."""
    kind = array.type
    flags = np.asarray(array.is_valid().cast(pa.uint8()))
    out.values(flags, counts)
    if isinstance(array, pa.StructArray):
        for field in array.flatten():
            _write(field, counts, out)
    elif pa.types.is_map(kind) or pa.types.is_list(kind):
        if pa.types.is_map(kind):
            array = array.cast(pa.list_(_entries(kind)))
        lengths = np.asarray(pc.list_value_length(array).fill_null(0)).astype(np.int64)
        out.values(lengths.astype(_LENGTH), counts)
        _write(pc.list_flatten(array), _sums(lengths, counts), out)
    elif pa.types.is_binary(kind) or pa.types.is_string(kind):
        if array.null_count:
            array = array.fill_null("" if pa.types.is_string(kind) else b"")
        ends = _numbers(array.buffers()[1], np.dtype(np.int32))
        ends = ends[array.offset : array.offset + len(array) + 1]
        lengths = np.diff(ends).astype(np.int64)
        out.values(lengths.astype(_LENGTH), counts)
        data = _data(array.buffers()[2])[ends[0] : ends[-1]] if len(ends) else _data(None)
        out.ragged(data, _sums(lengths, counts))
    else:
        out.values(_fixed_values(array, flags), counts)


def _fixed_values(array: Array, flags: Bytes) -> npt.NDArray[Any]:
    """The values of a type of fixed width, zero for NULL."""
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    dtype = np.dtype(f"V{array.type.bit_width // 8}")
    values = _numbers(array.buffers()[1], dtype)
    values = values[array.offset : array.offset + len(array)]
    if array.null_count:
        # Arrow does not say what stands there: equal rows have to be equal bytes.
        values = values.copy()
        values[flags == 0] = np.zeros(1, dtype)
    return values


def _sums(values: Counts, counts: Counts | None) -> Counts:
    """The sum of each row's values, of which it has `counts`."""
    if counts is None:
        return values
    total = np.concatenate(([0], np.cumsum(values)))
    ends = np.cumsum(counts)
    return total[ends] - total[ends - counts]


# reading ----------------------------------------------------------------------------------------


class _Reader:
    """Bytes with a place in each row, which has to stay before its end."""

    def __init__(self, data: Bytes, at: Counts, ends: Counts) -> None:
        self._bytes = data
        self.at = at
        self.ends = ends

    def values(self, dtype: np.dtype[Any], counts: Counts | None) -> npt.NDArray[Any]:
        """The next `counts` values of each row, one where that is None; of all rows as one."""
        width = dtype.itemsize
        if counts is not None:
            return self.ragged(counts * width).view(dtype)
        starts = max(len(self._bytes) - width + 1, 0)
        # A value at every byte: what is picked need not be aligned.
        every = np.ndarray((starts,), dtype, self._bytes, strides=(1,))
        begins = self.at
        self._go_to(begins + width)
        return every[begins]

    def ragged(self, lengths: Counts) -> Bytes:
        """The next `lengths` bytes of each row; of all rows as one."""
        begins, ends = self.at, self.at + lengths
        self._go_to(ends)
        # Arrow copies slices faster than numpy does by index: of slices and gaps, every second.
        places = np.empty(2 * len(ends), np.int32)
        places[0::2], places[1::2] = begins, ends
        if not len(ends):
            return np.empty(0, np.uint8)
        buffers = [None, _buffer(places), _buffer(self._bytes)]
        slices = pa.Array.from_buffers(pa.binary(), len(places) - 1, buffers)
        taken = slices.take(pa.array(np.arange(0, len(places) - 1, 2), pa.int64()))
        return _data(taken.buffers()[2])[: lengths.sum()]

    def _go_to(self, places: Counts) -> None:
        """Goes on there; what lies behind a row's end would be any memory."""
        if (places > self.ends).any():
            raise ValueError(_ENDS_ELSEWHERE)
        self.at = places


def _read(kind: pa.DataType, counts: Counts | None, reader: _Reader) -> Array:
    """The block of `counts` values of each row, those of all rows as one array."""
    flags = reader.values(np.dtype(np.uint8), counts)
    valid = None if flags.all() else _buffer(np.packbits(flags, bitorder="little"))
    size = len(flags)
    if isinstance(kind, pa.StructType):
        children = [_read(field.type, counts, reader) for field in kind]
        return pa.Array.from_buffers(kind, size, [valid], children=children)
    if isinstance(kind, pa.MapType | pa.ListType):
        lengths = reader.values(_LENGTH, counts).astype(np.int64)
        inner = _entries(kind) if isinstance(kind, pa.MapType) else kind.value_type
        child = _read(inner, _sums(lengths, counts), reader)
        # Arrow ends the process over a map with such an entry.
        if (
            isinstance(kind, pa.MapType)
            and isinstance(child, pa.StructArray)
            and (child.null_count or child.field(0).null_count)
        ):
            raise ValueError("an entry of a map is not there, or has no key")
        buffers = [valid, _buffer(_offsets(lengths))]
        return pa.Array.from_buffers(kind, size, buffers, children=[child])
    if pa.types.is_binary(kind) or pa.types.is_string(kind):
        lengths = reader.values(_LENGTH, counts).astype(np.int64)
        array = _binary(kind, lengths, reader.ragged(_sums(lengths, counts)), valid)
        if pa.types.is_string(kind):
            # DuckDB takes a text for UTF-8 without a look at it.
            array.validate(full=True)
        return array
    if pa.types.is_boolean(kind):
        bits = np.packbits(reader.values(np.dtype(np.uint8), counts), bitorder="little")
        return pa.Array.from_buffers(kind, size, [valid, _buffer(bits)])
    values = reader.values(np.dtype(f"V{kind.bit_width // 8}"), counts)
    return pa.Array.from_buffers(kind, size, [valid, _buffer(values)])


def _entries(kind: pa.DataType) -> pa.StructType:
    """The type of a map's entries."""
    assert isinstance(kind, pa.MapType)
    return pa.struct([kind.key_field, kind.item_field])


def _binary(
    kind: pa.DataType, lengths: Counts, data: Bytes, valid: pa.Buffer | None = None
) -> Array:
    """An array of texts or blobs of these lengths."""
    buffers = [valid, _buffer(_offsets(lengths)), _buffer(data)]
    return pa.Array.from_buffers(kind, len(lengths), buffers)


def _offsets(lengths: Counts) -> npt.NDArray[np.int32]:
    """Where each begins, and where the last ends; OverflowError beyond BYTES_MAX."""
    if lengths.sum() > BYTES_MAX:
        raise OverflowError(TOO_LARGE)
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _data(buffer: pa.Buffer | None) -> Bytes:
    """A buffer's bytes."""
    return _numbers(buffer, np.dtype(np.uint8))


def _numbers(buffer: pa.Buffer | None, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """A buffer's numbers. Arrow may leave a buffer out where there are none, and one may be longer
    than they need."""
    if buffer is None or buffer.size < dtype.itemsize:
        return np.empty(0, dtype)
    return np.frombuffer(memoryview(buffer), dtype, count=buffer.size // dtype.itemsize)


def _buffer(values: npt.NDArray[Any]) -> pa.Buffer:
    """Numbers as a buffer, without a copy."""
    return pa.py_buffer(np.ascontiguousarray(values).view(np.uint8).data)
