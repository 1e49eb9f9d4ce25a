"""What JSON records have in common that a producer wrote one like the other.

They have the same names in the same order, with other values between them. A `Layout` is taken of
one record, and holds for each other record that is the same, byte for byte, outside of its values
(`pieces`), and whose values (`slots`) are what the columns may hold. That proves all that there is
to prove: no name is repeated or spelled in another way, nothing stands behind the record, each
string ends where it seems to. So:

1. Values are found by the places of quotes: a string ends at its second one, and what is no string
   ends where the piece behind it, with the next name's quote, begins. A record with a backslash in
   a name or a broken character has no layout, nor one of which two values could be told apart by
   commas only.
2. A control character may stand between values only: records have as many as their layout.
3. Any value may be `null`, and one of no column a string in one record and none in the next.

`json_match.py` finds the records that a layout holds, `json_laid_out.py` reads them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
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
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


class Kind(Enum):
    """What may stand in a slot beside `null`: a string, a bare word (numbers too), or both."""

    TEXT = auto()
    BARE = auto()
    ANY = auto()


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value stands, with its quotes. `column`: the number of the column that it is."""

    kind: Kind
    column: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """What records have in common: `pieces`, each but the last with a slot behind it, and
    `controls`, how many characters are below the blank."""

    pieces: tuple[bytes, ...]
    slots: tuple[Slot, ...]
    controls: int


def can_lay_out(fields: Sequence[Field]) -> bool:
    """Whether slots know the types of all columns."""
    return bool(fields) and all(
        isinstance(f.type, Decimal) or f.type in (*INTEGERS, BOOLEAN, DOUBLE, STRING)
        for f in fields
    )


def layout_of(record: bytes, fields: Sequence[Field]) -> Layout | None:
    """The layout of a record that may be one of many; None where it has none."""
    try:
        pairs = _PAIRS.decode(record.decode())
    except (ValueError, RecursionError):
        return None
    columns = _columns_of(pairs, fields) if isinstance(pairs, _Object) else None
    if columns is None:
        return None
    values = _values(record, columns)
    edges = [0, *(edge for at, end, _ in values for edge in (at, end)), len(record)]
    pieces = [record[a:b] for a, b in list(pairwise(edges))[::2]]
    if any(BACKSLASH in piece for piece in pieces):
        return None
    slots: list[Slot] = []
    for number, (at, _, column) in enumerate(values, 1):
        # Behind the last value there is the record's end.
        ends_it = b'"' in pieces[number] or number == len(values)
        kind = _kind(column, fields, ends_it=ends_it, is_text=record[at] == QUOTE)
        if kind is None:
            return None
        slots.append(Slot(kind, column))
    controls = sum(byte < BLANK for byte in record)
    return Layout(tuple(pieces), tuple(slots), controls)


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


def _values(record: bytes, columns: Sequence[int | None]) -> list[tuple[int, int, int | None]]:
    """(start, end, column) of each value that is no object or array, in order; a value inside of
    one of these is of no column."""
    found: list[tuple[int, int, int | None]] = []
    left = iter(columns)
    inside, is_name, column = b"", False, None
    for token in _TOKEN.finditer(record):
        text = token[0]
        if text in b"{}[]:,":
            inside = inside + text if text in b"{[" else inside[:-1] if text in b"}]" else inside
            is_name = text == b"{" or (text == b"," and inside[-1:] == b"{")
        elif not (text[0] == QUOTE and is_name):
            found.append((*token.span(), column if inside == b"{" else None))
        elif len(inside) == 1:
            column = next(left)
    return found


def _kind(
    column: int | None, fields: Sequence[Field], *, ends_it: bool, is_text: bool
) -> Kind | None:
    """What may stand in a slot; None where nobody could tell its end."""
    if column is not None:
        kind = Kind.TEXT if fields[column].type == STRING else Kind.BARE
    else:
        kind = Kind.ANY if ends_it or not is_text else Kind.TEXT
    return kind if kind == Kind.TEXT or ends_it else None
