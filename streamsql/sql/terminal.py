"""Reads names, strings, numbers and durations."""

from __future__ import annotations

from streamsql.sql.cursor import ABSENT, Cursor
from streamsql.sql.keywords import RESERVED
from streamsql.sql.lexer import Token, unquote

__all__ = [
    "DURATION_UNITS",
    "read_duration_ms",
    "read_identifier",
    "read_integer",
    "read_plain_name",
    "read_resource",
    "read_string",
    "to_bigint",
]

DURATION_UNITS = {
    "DAY": 86_400_000,
    "HOUR": 3_600_000,
    "MINUTE": 60_000,
    "SECOND": 1_000,
    "MILLISECOND": 1,
}
"""Milliseconds; each word is also written with an S (ksqlDB: time-and-windows)."""

_UNITS = {unit + plural: ms for unit, ms in DURATION_UNITS.items() for plural in ("", "S")}

_BIGINT_DIGITS = 19


def read_identifier(cursor: Cursor) -> str:
    """Reads a name: upper-cased unless it is quoted."""
    token = cursor.token
    if token.kind == "word":
        if token.key in RESERVED:
            reserved = f"{token.key} is a reserved keyword: as an identifier it is `{token.key}`"
            cursor.fail_at(hint=ABSENT.get(token.key, reserved))
        cursor.advance()
        return token.key
    if token.kind != "quoted":
        cursor.fail_expecting("identifier")
    name = unquote(token.text)
    if not name:
        cursor.fail_at(hint="an identifier has a character at least")
    cursor.advance()
    return name


def read_string(cursor: Cursor) -> str:
    """Reads a string literal."""
    token = cursor.token
    if token.kind != "string":
        cursor.fail_expecting("STRING")
    cursor.advance()
    return unquote(token.text)


def read_resource(cursor: Cursor) -> str:
    """Reads the name of a topic or subject: as written, quoted in any way or not at all."""
    token = cursor.token
    if token.kind == "string":
        return read_string(cursor)
    name = read_identifier(cursor)
    return token.text if token.kind == "word" else name


def read_plain_name(cursor: Cursor) -> str:
    """Reads an unquoted identifier that begins with no digit, as written."""
    token = cursor.token
    if token.kind == "quoted" or token.text[:1].isdigit():
        cursor.fail_expecting("identifier")
    read_identifier(cursor)
    return token.text


def read_integer(cursor: Cursor, command: str) -> int:
    """Reads a number from 0 to the largest BIGINT for the clause `command`."""
    start = cursor.token
    negative = cursor.accept("-")
    token = cursor.token
    if token.kind not in ("integer", "decimal", "double"):
        cursor.fail_expecting("INTEGER_VALUE")
    if token.kind != "integer":
        cursor.fail_prepare(f"Value must be integer for command: {command}", start)
    if negative:
        cursor.fail_prepare(f"Value must be non-negative for command: {command}", start)
    cursor.advance()
    return to_bigint(cursor, token)


def to_bigint(cursor: Cursor, token: Token, sign: int = 1) -> int:
    """The value of an integer token; an error where it does not fit a BIGINT."""
    digits = token.text.lstrip("0") or "0"
    # Python refuses to convert some thousand digits.
    value = sign * int(digits) if len(digits) <= _BIGINT_DIGITS else 1 << 64
    if not -(1 << 63) <= value < 1 << 63:
        minus = "-" if sign < 0 else ""
        cursor.fail_prepare(f"Invalid numeric literal: {minus}{token.text}", token, located=True)
    return value


def read_duration_ms(cursor: Cursor, command: str) -> int:
    """Reads `30 SECONDS`."""
    start = cursor.token
    number = read_integer(cursor, command)
    unit = cursor.token.key
    if unit not in _UNITS:
        cursor.fail_expecting(*(f"'{word}'" for word in _UNITS))
    cursor.advance()
    value = number * _UNITS[unit]
    if value >= 1 << 63:
        cursor.fail_prepare(f"Invalid duration: {number} {unit}", start)
    return value
