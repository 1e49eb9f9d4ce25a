"""The Protobuf wire format, a batch at a time: fields in any order, numbers of every kind.

Protobuf documentation: programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsql.formats.wire import (
    Arrow,
    Cursor,
    Ints,
    read_fixed,
    read_slices,
    read_varint,
)

VARINT, FIXED64, SIZED, FIXED32 = 0, 1, 2, 5

FIXED: dict[str, str] = {
    "double": "<f8",
    "fixed64": "<u8",
    "sfixed64": "<i8",
    "float": "<f4",
    "fixed32": "<u4",
    "sfixed32": "<i4",
}
"""Numbers of a fixed width, and how numpy calls them."""

WIRE_TYPES: dict[str, int] = {
    **dict.fromkeys("int32 int64 uint32 uint64 sint32 sint64 bool".split(), VARINT),
    **{name: FIXED64 if dtype.endswith("8") else FIXED32 for name, dtype in FIXED.items()},
    "string": SIZED,
    "bytes": SIZED,
}

Turns = dict[int, list[tuple[Ints, Arrow]]]
"""By a field's number: what each turn read, and the records it read it in."""


def read_turns(
    cursor: Cursor, readers: Mapping[int, tuple[int, Callable[[Cursor, int], Any]]]
) -> Turns:
    """Reads records to their ends, a field a turn.

    A reader takes a field with its own wire type, or numbers in one piece (SIZED): it gives their
    values, or (places among its records, values). Other fields are passed over.
    """
    turns: Turns = {}
    places = np.arange(len(cursor))
    while len(running := np.flatnonzero(cursor.at < cursor.end)):
        part = cursor.select(running)
        tags = read_varint(part)
        for tag in np.unique(tags).tolist():
            chosen = np.flatnonzero(tags == tag)
            if len(chosen) == len(tags):
                _read_field(part, tag, places[running], readers, turns)
                continue
            some = part.select(chosen)
            _read_field(some, tag, places[running][chosen], readers, turns)
            part.put_back(chosen, some)
        cursor.put_back(running, part)
    return turns


def _read_field(
    cursor: Cursor,
    tag: int,
    rows: Ints,
    readers: Mapping[int, tuple[int, Callable[[Cursor, int], Any]]],
    turns: Turns,
) -> None:
    number, wire = tag >> 3, tag & 7
    wanted, reader = readers.get(number, (-1, None))
    if reader is None or wire not in (wanted, SIZED):
        _pass(cursor, wire, number)
        return
    if wire != wanted and wanted == SIZED:
        _pass(cursor, wire, number)
        return
    found = reader(cursor, wire)
    if isinstance(found, tuple):
        places, values = found
        turns.setdefault(number, []).append((rows[places], values))
    else:
        turns.setdefault(number, []).append((rows, found))


def _pass(cursor: Cursor, wire: int, number: int) -> None:
    """Moves over a value that no column takes."""
    if wire == VARINT:
        read_varint(cursor)
    elif wire == FIXED64:
        read_fixed(cursor, "<u8")
    elif wire == FIXED32:
        read_fixed(cursor, "<u4")
    elif wire == SIZED:
        read_slices(cursor, read_varint(cursor).astype(np.int64))
    else:
        everywhere = np.ones(len(cursor), np.bool_)
        cursor.fail(everywhere, f"a field has the wire type {wire}, which there is not")
    if number == 0:
        cursor.fail(np.ones(len(cursor), np.bool_), "a field has the number 0")


def inside(cursor: Cursor, starts: Ints, lengths: Ints) -> Cursor:
    """A cursor in parts of the records."""
    return Cursor(cursor.data, starts.copy(), starts + lengths, cursor.rows, cursor.failures)


def read_number(cursor: Cursor, kind: str) -> npt.NDArray[Any]:
    """Numbers of a kind as int64 or float64."""
    if kind in FIXED:
        read = read_fixed(cursor, FIXED[kind])
        return read.astype(np.float64 if kind in ("float", "double") else np.int64)
    value = read_varint(cursor)
    match kind:
        case "int32":
            return value.astype(np.uint32).view(np.int32).astype(np.int64)
        case "uint32":
            return value.astype(np.uint32).astype(np.int64)
        case "sint32" | "sint64":
            sign = (value & np.uint64(1)).astype(np.int64)
            return (value >> np.uint64(1)).astype(np.int64) ^ -sign
        case _:
            return value.view(np.int64)
