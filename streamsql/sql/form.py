"""What a statement's file gives: the words it opens with, how it is read, how it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streamsql.sql.cursor import Cursor
from streamsql.sql.expr import (
    BooleanLiteral,
    DecimalLiteral,
    DoubleLiteral,
    IntegerLiteral,
    StringLiteral,
)
from streamsql.sql.expression import read_literal
from streamsql.sql.statement import Properties, PropertyValue, Statement
from streamsql.sql.terminal import read_identifier, read_string

__all__ = ["Form", "read_properties"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A family of statements.

    `read` is called behind the opening words, which it gets; `text` and `position` are set by its
    caller.
    `writers` has the way back to text for each class that `read` gives.
    `ksqldb`: ksqlDB has it outside its test runner too; otherwise strict mode does not know it.
    """

    openings: tuple[str, ...]
    read: Callable[[Cursor, tuple[str, ...]], Statement]
    writers: Mapping[type[Statement], Callable[[Any], str]]
    ksqldb: bool = True


def read_properties(cursor: Cursor, *, upper: bool = True) -> Properties:
    """Reads `WITH (name = literal, …)` if it comes next; without `upper`, names in quotes stay."""
    if not cursor.accept("WITH"):
        return ()
    cursor.expect("(")
    pairs: list[tuple[str, PropertyValue]] = []
    while True:
        name = read_string(cursor) if cursor.token.kind == "string" else read_identifier(cursor)
        cursor.expect("=")
        pairs.append((name.upper() if upper else name, _read_value(cursor)))
        if not cursor.accept(","):
            break
    if not cursor.accept(")"):
        cursor.fail_expecting("','", "')'")
    return tuple(pairs)


def _read_value(cursor: Cursor) -> PropertyValue:
    match read_literal(cursor):
        case StringLiteral(value=text):
            return text
        case BooleanLiteral(value=value):
            return value
        case IntegerLiteral(value=number):
            return number
        case DecimalLiteral(value=number):
            return float(number)
        case DoubleLiteral(value=number):
            return number
        case _:
            return None
