"""Scripts: statements separated by semicolons, whole or in pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from streamsql.errors import Position
from streamsql.schema.types import SqlType
from streamsql.sql.cursor import Cursor
from streamsql.sql.datatype import read_columns, read_type
from streamsql.sql.dispatch import read_statement, write_statement
from streamsql.sql.expr import Expr
from streamsql.sql.expression import read_expression
from streamsql.sql.formatting import format_expr
from streamsql.sql.lexer import Lines, Token, lex
from streamsql.sql.statement import ColumnDef, Statement

__all__ = [
    "Piece",
    "format_sql",
    "parse",
    "parse_columns",
    "parse_expression",
    "parse_one",
    "parse_type",
    "split",
]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Piece:
    """A statement that nobody has read yet: its text without semicolon, where it begins, and
    whether it is `complete`: a semicolon ends it.
    """

    text: str
    position: Position
    complete: bool


def parse(
    text: str, *, strict: bool = False, origin: Position | None = None
) -> tuple[Statement, ...]:
    """The statements of a script; ParseError at the first that cannot be read.

    `strict` knows what ksqlDB's grammar knows, and no more. `origin` is the place of `text` in the
    text that the user sees: positions count from there. The last statement may lack its semicolon.
    """
    cursor = Cursor(text, origin=origin, strict=strict)
    statements: list[Statement] = []
    while True:
        while cursor.accept(";"):
            pass
        if cursor.token.kind == "end":
            return tuple(statements)
        statements.append(_read_terminated(cursor))


def _read_terminated(cursor: Cursor) -> Statement:
    statement = read_statement(cursor)
    if not cursor.at(";") and cursor.token.kind != "end":
        cursor.fail_at()
    return statement


def parse_one(text: str, *, strict: bool = False, origin: Position | None = None) -> Statement:
    """The only statement of `text`."""
    cursor = Cursor(text, origin=origin, strict=strict)
    while cursor.accept(";"):
        pass
    statement = _read_terminated(cursor)
    while cursor.accept(";"):
        pass
    if cursor.token.kind != "end":
        cursor.fail_at(hint="one statement is wanted here")
    return statement


def parse_expression(text: str) -> Expr:
    """The expression that is all of `text`."""
    return _parse_all(text, read_expression)


def parse_type(text: str) -> SqlType:
    """The type that is all of `text`."""
    return _parse_all(text, read_type)


def parse_columns(text: str) -> tuple[ColumnDef, ...]:
    """The columns of `A INT KEY, B STRING`; none in an empty text."""
    if all(token.kind in ("comment", "end") for token in lex(text)):
        return ()
    return _parse_all(text, read_columns)


def _parse_all(text: str, read: Callable[[Cursor], _T]) -> _T:
    cursor = Cursor(text)
    value = read(cursor)
    if cursor.token.kind != "end":
        cursor.fail_at()
    return value


def format_sql(value: Statement | Expr) -> str:
    """The text of a statement or expression on one line; parsed, it gives an equal value."""
    return format_expr(value) if isinstance(value, Expr) else write_statement(value)


def split(text: str) -> tuple[Piece, ...]:
    """The pieces between semicolons outside strings, quotes and comments; those of only comments
    are left out.

    A shell may execute its input when the last piece is complete.
    """
    lines = Lines(text)
    pieces: list[Piece] = []
    tokens: list[Token] = []
    for token in lex(text):
        if token.key == ";" or token.kind == "end":
            if tokens:
                start, end = tokens[0].start, tokens[-1].end
                position = lines.position(start)
                pieces.append(Piece(text[start:end], position, token.key == ";"))
            tokens = []
        elif token.kind != "comment":
            tokens.append(token)
    return tuple(pieces)
