"""Which JSON records of a batch a layout holds (`json_layout.py`), and where their values stand.

A batch is looked at in blocks, by columns of places: where the quotes are, where each slot begins
and ends. Numpy goes over all records of a block at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streamsql.formats.json_layout import BACKSLASH, BLANK, QUOTE, Layout
from streamsql.formats.wire import Arrow, Bytes, Ints, Mask, take

Places = npt.NDArray[np.int32]
"""Offsets into the bytes of a block of records."""

_ASCII_MAX = 0x7F


@dataclass(frozen=True, slots=True)
class Block:
    """Some records, one behind the other. `places`: where their quotes are; `first`: the number of
    each record's first one; `counts`: how many each has; `controls`: likewise."""

    buffer: pa.Buffer
    data: Bytes
    starts: Places
    ends: Places
    places: Places
    first: Places
    counts: Places
    controls: Places

    def quotes(self, rows: Ints, each: int) -> Places:
        """Where the quotes of some rows are that have so many: (each, rows)."""
        if len(rows) * each == len(self.places):
            table = self.places.reshape(len(rows), each).T
        else:
            table = self.places[self.first[rows] + np.arange(each, dtype=np.int32)[:, None]]
        return np.ascontiguousarray(table)

    def window(self, size: int) -> npt.NDArray[np.bytes_]:
        """At each place the bytes that begin there, so many."""
        count = len(self.data) - size + 1
        return np.ndarray((count,), f"S{size}", self.data, strides=(1,))


def block_of(records: Arrow, skip: int) -> tuple[Block, Ints]:
    """The records as a block, and those that may have a layout."""
    count = len(records)
    _, offsets, buffer = records.buffers()
    bounds = np.frombuffer(offsets, np.int32)[records.offset : records.offset + count + 1]
    base, end = (int(bounds[0]), int(bounds[-1])) if count else (0, 0)
    part = buffer.slice(base, end - base) if buffer is not None else pa.py_buffer(b"")
    data = np.frombuffer(memoryview(part), np.uint8)
    starts, ends = bounds[:-1] - np.int32(base - skip), bounds[1:] - np.int32(base)
    places = np.flatnonzero(data == QUOTE).astype(np.int32)
    first, counts = _spans(places, starts, ends)
    controls = np.zeros(count, np.int32)
    if len(data) and data.min() < BLANK:
        controls = _spans(np.flatnonzero(data < BLANK), starts, ends)[1]
    fit = ends > starts
    if skip:
        fit &= data[np.minimum(starts - skip, len(data) - 1)] == 0
    if records.null_count:
        fit &= records.is_valid().to_numpy(zero_copy_only=False)
    if BACKSLASH in part.to_pybytes():
        fit &= _spans(np.flatnonzero(data == BACKSLASH), starts, ends)[1] == 0
    if not _is_utf8(part, data):
        fit &= _spans(np.flatnonzero(data > _ASCII_MAX), starts, ends)[1] == 0
    return Block(part, data, starts, ends, places, first, counts, controls), np.flatnonzero(fit)


def _spans(places: npt.NDArray[np.integer], starts: Places, ends: Places) -> tuple[Places, Places]:
    """(number of the first, how many) of the places in each record."""
    count = len(starts)
    if count and len(places) % count == 0 and len(places):
        # As many in each, as records of one layout have.
        each = len(places) // count
        table = places.reshape(count, each)
        if (table[:, 0] >= starts).all() and (table[:, -1] < ends).all():
            first = np.arange(0, len(places), each, dtype=np.int32)
            return first, np.full(count, each, np.int32)
    first = np.searchsorted(places, starts).astype(np.int32)
    return first, np.searchsorted(places, ends).astype(np.int32) - first


def _is_utf8(buffer: pa.Buffer, data: Bytes) -> bool:
    """Whether records that begin and end with ASCII are UTF-8, all of them."""
    if not len(data) or data.max() <= _ASCII_MAX:
        return True
    offsets = _arrow_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.Array.from_buffers(pa.binary(), 1, [None, offsets, buffer]).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Match:
    """Records of a block that a layout holds: `rows`, and where each slot starts and ends in them,
    one array for all rows."""

    rows: Ints
    starts: tuple[Places, ...]
    ends: tuple[Places, ...]

    def only(self, good: Mask) -> Match:
        """The same for some of the records."""
        if good.all():
            return self
        return Match(
            self.rows[good],
            tuple(places[good] for places in self.starts),
            tuple(places[good] for places in self.ends),
        )

    def text(self, block: Block, number: int) -> Arrow:
        """The text of a slot in each record."""
        # What lies between the slots of two records is cut out too, and left.
        edges = np.empty(2 * len(self.rows), np.int32)
        edges[::2], edges[1::2] = self.starts[number], self.ends[number]
        buffers = [None, _arrow_buffer(edges), block.buffer]
        cut = pa.Array.from_buffers(pa.string(), max(len(edges) - 1, 0), buffers)
        return take(cut, np.arange(0, len(edges), 2))


def match_layout(block: Block, rows: Ints, layout: Layout) -> Match:
    """Those of the rows that the layout holds, as far as its pieces tell."""
    like = (block.counts[rows] == layout.quotes) & (block.controls[rows] == layout.controls)
    rows = rows if like.all() else rows[like]
    quotes = block.quotes(rows, layout.quotes)
    first, last = block.starts[rows], block.ends[rows]
    starts = tuple(quotes[number] + behind for number, behind in (s.start for s in layout.slots))
    ends = tuple(
        (last if number is None else quotes[number]) + behind
        for number, behind in (s.end for s in layout.slots)
    )
    good = np.ones(len(rows), np.bool_)
    for start, end in zip(starts, ends, strict=True):
        good &= end >= start
    edges = list(zip((first, *ends), (*starts, last), layout.pieces, strict=True))
    for start, end, piece in edges:
        good &= end - start == len(piece)
    found = Match(rows, starts, ends).only(good)
    if not len(found.rows):
        return found
    good = good[good]
    for number, piece in enumerate(layout.pieces):
        at = found.ends[number - 1] if number else block.starts[found.rows]
        good &= block.window(len(piece))[at] == piece
    return found.only(good)


def _arrow_buffer(values: Any) -> pa.Buffer:
    return pa.py_buffer(values)
