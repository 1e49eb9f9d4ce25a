"""Moving over Avro values that no column takes, and through their lists, unions and lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from streamsql.formats.avro_schema import (
    AvroType,
    Enum,
    Fixed,
    Items,
    Primitive,
    Record,
    Union,
    Values,
)
from streamsql.formats.wire import (
    ENDED,
    Arrow,
    Cursor,
    Ints,
    read_fixed,
    read_slices,
    read_zigzag,
)

Skipper = Callable[[Cursor], None]


def skipper(schema: AvroType) -> Skipper:
    """Moves over a value."""
    match schema:
        case Primitive("null"):
            return _pass
        case Primitive("boolean"):
            return lambda cursor: _pass(read_fixed(cursor, "u1"))
        case Primitive("float"):
            return lambda cursor: _pass(read_fixed(cursor, "<f4"))
        case Primitive("double"):
            return lambda cursor: _pass(read_fixed(cursor, "<f8"))
        case Primitive("int" | "long") | Enum():
            return lambda cursor: _pass(read_zigzag(cursor))
        case Primitive() | Fixed():
            lengths = lengths_reader(schema)
            return lambda cursor: _pass(read_slices(cursor, lengths(cursor)))
        case Items(items):
            return _block_skipper([skipper(items)])
        case Values(values):
            return _block_skipper([skipper(Primitive("string")), skipper(values)])
        case Record(_, fields):
            return _all([skipper(f.type) for f in fields])
        case Union(branches):
            return _branch_skipper([skipper(b) for b in branches])
        case _:
            raise AssertionError(schema)


def _pass(_: object) -> None:
    """What was read is not needed."""


def _all(steps: Sequence[Skipper]) -> Skipper:
    def skip(cursor: Cursor) -> None:
        for step in steps:
            step(cursor)

    return skip


def _block_skipper(steps: Sequence[Skipper]) -> Skipper:
    skip_item = _all(steps)

    def read_nothing(part: Cursor) -> list[Arrow]:
        skip_item(part)
        return []

    return lambda cursor: _pass(read_blocks(cursor, read_nothing))


def _branch_skipper(steps: Sequence[Skipper]) -> Skipper:
    def skip(cursor: Cursor) -> None:
        branch = read_branch(cursor, len(steps))
        for number, step in enumerate(steps):
            chosen = np.flatnonzero(branch == number)
            if len(chosen):
                part = cursor.select(chosen)
                step(part)
                cursor.put_back(chosen, part)

    return skip


def lengths_reader(schema: Primitive | Fixed) -> Callable[[Cursor], Ints]:
    """The number of bytes of each value: a number before it, or the schema's."""
    if isinstance(schema, Fixed):
        size = schema.size
        return lambda cursor: np.full(len(cursor), size, np.int64)
    return read_zigzag


def read_branch(cursor: Cursor, count: int) -> Ints:
    """The place of each value's type in its union; -1 for one that is not there."""
    branch = read_zigzag(cursor)
    wrong = (branch < 0) | (branch >= count)
    if wrong.any():
        cursor.fail(wrong, "a value is of no type of its union")
        branch = np.where(wrong, -1, branch)
    return branch


def read_blocks(
    cursor: Cursor, read_item: Callable[[Cursor], Sequence[Arrow]]
) -> list[tuple[Ints, Sequence[Arrow]]]:
    """The items of lists in blocks: for each place in a list, the rows that have it and what was
    read there."""
    parts: list[tuple[Ints, Sequence[Arrow]]] = []
    rows = np.arange(len(cursor))
    left = _read_count(cursor)
    while True:
        running = np.flatnonzero(left > 0)
        if not len(running):
            break
        part = cursor.select(running)
        parts.append((rows[running], read_item(part)))
        left[running] -= 1
        # A block that is used up is followed by another one's count.
        done = np.flatnonzero(left[running] == 0)
        if len(done):
            ended = part.select(done)
            left[running[done]] = _read_count(ended)
            part.put_back(done, ended)
        cursor.put_back(running, part)
    return parts


def _read_count(cursor: Cursor) -> Ints:
    """A block's number of items; where it is negative its number of bytes follows."""
    count = read_zigzag(cursor)
    sized = np.flatnonzero(count < 0)
    if len(sized):
        part = cursor.select(sized)
        read_zigzag(part)
        cursor.put_back(sized, part)
        count[sized] = -count[sized]
    # An item takes a byte at least, so that a damaged count cannot ask for memory.
    wrong = (count > cursor.end - cursor.at) | (count < 0)
    if wrong.any():
        cursor.fail(wrong, ENDED)
        count[wrong] = 0
    return count
