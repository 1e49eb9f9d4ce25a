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
import pyarrow.compute as pc

from streamsql.formats.json_layout import BACKSLASH, BLANK, QUOTE, Kind, Layout
from streamsql.formats.wire import Arrow, Bytes, Ints, Mask, take

Places = npt.NDArray[np.int32]
"""Offsets into the bytes of a block of records."""

NULL = b"null"
_ASCII_MAX = 0x7F


@dataclass(frozen=True, slots=True)
class Block:
    """Some records, one behind the other. `places`: where their quotes are, but for those that a
    backslash makes a character; `first`: the number of each record's first one; `counts`: how many
    each has; `controls`: likewise. `slashes`: where each one's first and last backslash are; behind
    all and before all where it has none."""

    buffer: pa.Buffer
    data: Bytes
    starts: Places
    ends: Places
    places: Places
    first: Places
    counts: Places
    controls: Places
    slashes: tuple[Places, Places]

    def quote_at(self, number: Places) -> Places:
        """Where the quotes of these numbers are; of one that is none anywhere."""
        return self.places[np.minimum(number, len(self.places) - 1)]

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
    slashes = np.full(count, len(data), np.int32), np.full(count, -1, np.int32)
    if BACKSLASH in part.to_pybytes():
        slashes = _outermost(np.flatnonzero(data == BACKSLASH), starts, ends, len(data))
        places = _without_escaped(data, places)
    first, counts = _spans(places, starts, ends)
    controls = np.zeros(count, np.int32)
    if len(data) and data.min() < BLANK:
        controls = _spans(np.flatnonzero(data < BLANK), starts, ends)[1]
    fit = ends > starts
    if skip and len(data):
        fit &= data[np.minimum(starts - skip, len(data) - 1)] == 0
    if records.null_count:
        fit &= records.is_valid().to_numpy(zero_copy_only=False)
    if not _is_utf8(part, data):
        fit &= _spans(np.flatnonzero(data > _ASCII_MAX), starts, ends)[1] == 0
    return Block(
        part, data, starts, ends, places, first, counts, controls, slashes
    ), np.flatnonzero(fit)


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


def _outermost(
    places: npt.NDArray[np.integer], starts: Places, ends: Places, size: int
) -> tuple[Places, Places]:
    """The first and last of the places in each record."""
    first, counts = _spans(places, starts, ends)
    padded = np.append(places, size).astype(np.int32)
    there = counts > 0
    return (
        np.where(there, padded[first], np.int32(size)),
        np.where(there, padded[first + counts - 1], np.int32(-1)),
    )


def _without_escaped(data: Bytes, places: Places) -> Places:
    """Those that no odd number of backslashes stands before."""
    behind = np.flatnonzero(data[np.maximum(places - 1, 0)] == BACKSLASH)
    at, odd = places[behind] - 1, np.ones(len(behind), np.bool_)
    more = np.arange(len(behind))
    while len(more):
        at[more] -= 1
        more = more[(at[more] >= 0) & (data[np.maximum(at[more], 0)] == BACKSLASH)]
        odd[more] = ~odd[more]
    return np.delete(places, behind[odd])


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
    """Records of a block that a layout holds: `rows`, and where the value of each slot starts and
    ends in them, with its quotes. `texts`: in which rows it is a string; None for all, or of a bare
    slot."""

    rows: Ints
    starts: list[Places]
    ends: list[Places]
    texts: list[Mask | None]

    def bare(self, block: Block, number: int, rows: Ints | None = None) -> Arrow:
        """What stands in a slot, in all or some of the records."""
        starts, ends = self.starts[number], self.ends[number]
        return _cut(block, starts, ends) if rows is None else _cut(block, starts[rows], ends[rows])

    def text(self, block: Block, number: int) -> Arrow:
        """The strings of a slot, without their quotes; NULL where it is none."""
        cut = _cut(block, self.starts[number] + 1, self.ends[number] - 1)
        texts = self.texts[number]
        return cut if texts is None else pc.if_else(pa.array(texts), cut, None)

    def slashed(self, block: Block, number: int) -> tuple[Ints, Arrow]:
        """(rows, strings without their quotes) of a slot, where there may be a backslash."""
        first, last = (places[self.rows] for places in block.slashes)
        rows = np.flatnonzero((last > self.starts[number]) & (first < self.ends[number]))
        texts = self.texts[number]
        rows = rows if texts is None else rows[texts[rows]]
        return rows, _cut(block, self.starts[number][rows] + 1, self.ends[number][rows] - 1)


def _cut(block: Block, starts: Places, ends: Places) -> Arrow:
    """The text between these places."""
    # What lies between the slots of two records is cut out too, and left.
    edges = np.empty(2 * len(starts), np.int32)
    edges[::2], edges[1::2] = starts, ends
    buffers = [None, _arrow_buffer(edges), block.buffer]
    cut = pa.Array.from_buffers(pa.string(), max(len(edges) - 1, 0), buffers)
    return take(cut, np.arange(0, len(edges), 2))


def match_layout(block: Block, rows: Ints, layout: Layout) -> Match:
    """Those of the rows that the layout holds, as far as its pieces tell."""
    names = sum(piece.count(QUOTE) for piece in layout.pieces)
    strings = block.counts[rows] - names
    most = 2 * sum(slot.kind != Kind.BARE for slot in layout.slots)
    like = (strings >= 0) & (strings <= most) & (strings % 2 == 0)
    like &= block.controls[rows] == layout.controls
    rows = rows if like.all() else rows[like]
    while True:
        match = Match(rows, [], [], [])
        wrong = _match_rows(block, match, layout) if len(rows) else None
        if wrong is None:
            return match
        rows = rows[~wrong]


def _match_rows(block: Block, match: Match, layout: Layout) -> Mask | None:
    """Goes over the layout in all rows at once, and notes their slots; gives the rows that the
    first piece or slot does not hold that does not hold all: behind it places mean nothing."""
    first, last, at = (a[match.rows] for a in (block.first, block.ends, block.starts))
    quote: Places = first
    for piece, slot, behind in zip(
        layout.pieces, (*layout.slots, None), (*layout.pieces[1:], b""), strict=True
    ):
        start = at + len(piece)
        good = start < last if slot else start == last
        if good.all():
            good = block.window(len(piece))[at] == piece
        if not good.all():
            return ~good
        if slot is None:
            break
        quote = quote + piece.count(QUOTE)
        is_text = None if slot.kind == Kind.BARE else block.data[start] == QUOTE
        at, good = _ends(block, _Front(start, last, quote, is_text), slot.kind, behind)
        if not good.all():
            return ~good
        match.starts.append(start)
        match.ends.append(at)
        some = is_text is not None and not is_text.all()
        match.texts.append(is_text if some else None)
        if is_text is not None:
            quote = quote + (2 * is_text.astype(np.int32) if some else 2)
    return None


@dataclass(frozen=True, slots=True)
class _Front:
    """Where a value starts in each row, where the row ends, and the number of the first quote that
    is not before the value. `is_text`: whether it is a string; None of a bare slot."""

    start: Places
    last: Places
    quote: Places
    is_text: Mask | None


def _ends(block: Block, front: _Front, kind: Kind, behind: bytes) -> tuple[Places, Mask]:
    """(where values end, in which rows they can); `behind`: the piece that comes next."""
    start, last, quote, is_text = front.start, front.last, front.quote, front.is_text
    if is_text is not None and is_text.all():
        end = block.quote_at(quote + 1) + 1
        return end, end <= last
    if kind == Kind.TEXT:
        end = start + len(NULL)
        good = end <= last
        nulls = np.flatnonzero(good if is_text is None else good & ~is_text)
        good[nulls] = block.window(len(NULL))[start[nulls]] == NULL
    else:
        place = behind.find(QUOTE)
        end = last - len(behind) if place < 0 else block.quote_at(quote) - place
        good = (end > start) & (end <= last)
    if is_text is not None:
        closed = block.quote_at(quote + 1) + 1
        end, good = np.where(is_text, closed, end), np.where(is_text, closed <= last, good)
    return end, good


def _arrow_buffer(values: Any) -> pa.Buffer:
    return pa.py_buffer(values)
