"""What JSON records have in common that a producer wrote one like the other.

They have the same names in the same order, with other values between them. A `Layout` is taken of
one record, and holds for each other record that is the same, byte for byte, outside of its values
(`pieces`), and whose values (`slots`) are what the columns may hold. That proves all that there is
to prove: no name is repeated or spelled in another way, nothing stands behind the record, each
string ends where it seems to. So:

1. Values are found by the places of quotes. A record with a backslash or a broken character has no
   layout, nor one of which two numbers stand between two quotes.
2. A control character may stand between values only: records have as many as their layout.
3. A slot that is no string takes `null` too; a string that is `null` makes another layout.

`json_match.py` finds the records that a layout holds, `json_laid_out.py` reads them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    STRING,
    TIME,
    TIMESTAMP,
    Decimal,
    Field,
)

INTEGERS = (INTEGER, BIGINT, DATE, TIME, TIMESTAMP)
"""Columns that JSON integers carry."""

QUOTE, BACKSLASH, BLANK = b'"\\ '
_TOKEN = re.compile(rb'"[^"\\]*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value stands. `start` and `end`: the number of a quote, and how many bytes behind it;
    of an end behind the last quote the number is None, and counted from the record's end.
    `text`: it is a string, without its quotes. `column`: the number of the column that it is."""

    start: tuple[int, int]
    end: tuple[int | None, int]
    text: bool
    column: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """What records have in common: `pieces` around their `slots`, `quotes` in all, and `controls`,
    characters below the blank."""

    pieces: tuple[bytes, ...]
    slots: tuple[Slot, ...]
    quotes: int
    controls: int


def can_lay_out(fields: Sequence[Field]) -> bool:
    """Whether slots know the types of all columns."""
    return bool(fields) and all(
        isinstance(f.type, Decimal) or f.type in (*INTEGERS, BOOLEAN, DOUBLE, STRING)
        for f in fields
    )


def layout_of(record: bytes, fields: Sequence[Field]) -> Layout | None:
    """The layout of a record that may be one of many; None where it has none."""
    if BACKSLASH in record:
        return None
    try:
        pairs = _PAIRS.decode(record.decode())
    except (ValueError, RecursionError):
        return None
    columns = _columns_of(pairs, fields) if isinstance(pairs, _Object) else None
    if columns is None:
        return None
    slots, edges = _walk(record, columns, fields)
    # A number's ends are told by the quotes beside it.
    shared = any(not a.text and not b.text and a.start[0] == b.start[0] for a, b in pairwise(slots))
    if shared or any(a > b for a, b in pairwise(edges)):
        return None
    pieces = [record[a:b] for a, b in list(pairwise(edges))[::2]]
    controls = sum(byte < BLANK for byte in record)
    return Layout(tuple(pieces), tuple(slots), record.count(b'"'), controls)


class _Object(tuple[tuple[str, object], ...]):
    """The fields of an object, repeated ones too."""

    __slots__ = ()


_PAIRS = json.JSONDecoder(object_pairs_hook=_Object)


def _columns_of(pairs: _Object, fields: Sequence[Field]) -> list[int | None] | None:
    """The column of each field; None where two fields are of one column, or a value is of another
    kind than strings for STRING and bare words for all else."""
    columns: list[int | None] = []
    for name, value in pairs:
        column = next((i for i, f in enumerate(fields) if f.name in (name, name.upper())), None)
        if column is not None:
            kind = str if fields[column].type == STRING else int | float
            if column in columns or not (value is None or isinstance(value, kind)):
                return None
        columns.append(column)
    return columns


def _walk(
    record: bytes, columns: Sequence[int | None], fields: Sequence[Field]
) -> tuple[list[Slot], list[int]]:
    """The slots of a record, and the edges between its pieces and them."""
    slots: list[Slot] = []
    edges = [0]
    left = iter(columns)
    quotes, last, inside, is_name, column = 0, -1, b"", False, None
    for token in _TOKEN.finditer(record):
        text, at, end = token[0], token.start(), token.end()
        if text in b"{}[]:,":
            inside = inside + text if text in b"{[" else inside[:-1] if text in b"}]" else inside
            is_name = text == b"{" or (text == b"," and inside[-1:] == b"{")
            continue
        if text[0] == QUOTE and is_name:
            column = next(left) if len(inside) == 1 else column if len(inside) > 1 else None
        elif text[0] == QUOTE:
            slots.append(Slot((quotes, 1), (quotes + 1, 0), True, _own(column, inside)))
            edges += [at + 1, end - 1]
        elif text != b"null" or not _is_text(_own(column, inside), fields):
            following = record.find(b'"', end)
            back = (quotes, end - following) if following >= 0 else (None, end - len(record))
            slots.append(Slot((quotes - 1, at - last), back, False, _own(column, inside)))
            edges += [at, end]
        if text[0] == QUOTE:
            quotes, last = quotes + 2, end - 1
    return slots, [*edges, len(record)]


def _own(column: int | None, inside: bytes) -> int | None:
    """The column of a value that stands in the record itself, not in a part of it."""
    return column if inside == b"{" else None


def _is_text(column: int | None, fields: Sequence[Field]) -> bool:
    return column is not None and fields[column].type == STRING
