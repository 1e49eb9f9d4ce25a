"""One DELIMITED record, read exactly as ksqlDB reads it: the slow path of the DELIMITED format.

A line is taken apart as Apache Commons CSV does by default: a field that begins with a quote ends
at the next single one, blanks may follow it, anything else is an error; a quote elsewhere is a
letter. Empty lines are skipped, only the first record counts, but the lines after it must be
readable too. An empty field is NULL.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from streamsql.formats.java import java_base64, java_bigdecimal, java_double, java_integer
from streamsql.formats.json_record import DAY_MS, RANGES, TIME_RANGE, Json, fit_decimal
from streamsql.schema.types import Decimal, Field, Scalar, SqlType

QUOTE = '"'
_ENDS = "\r\n"


def read_fields(text: str, delimiter: str) -> list[str]:
    """The fields of the first record; raises ValueError with the reason."""
    if QUOTE not in text and "\r" not in text and "\n" not in text:
        if not text:
            raise ValueError("No fields in record")
        return text.split(delimiter)
    records = _read_records(text, delimiter)
    if not records:
        raise ValueError("No fields in record")
    return records[0]


def _read_records(text: str, delimiter: str) -> list[list[str]]:
    records: list[list[str]] = []
    fields: list[str] = []
    position, line = 0, 1
    while position < len(text):
        if not fields and text[position] in _ENDS:
            position, line = position + 1, line + 1
            continue
        value, position = _read_field(text, position, delimiter, line)
        fields.append(value)
        if text[position : position + 1] == delimiter:
            position += 1
            if position < len(text):
                continue
            fields.append("")
        records.append(fields)
        fields, position, line = [], position + 1, line + 1
    return records


def _read_field(text: str, start: int, delimiter: str, line: int) -> tuple[str, int]:
    """A field and the position after it: of a delimiter, an end of line, or the end of the text."""
    if text[start : start + 1] == QUOTE != delimiter:
        return _read_quoted(text, start + 1, delimiter, line)
    end = start
    while end < len(text) and text[end] != delimiter and text[end] not in _ENDS:
        end += 1
    return text[start:end], end


def _read_quoted(text: str, start: int, delimiter: str, line: int) -> tuple[str, int]:
    parts: list[str] = []
    while True:
        end = text.find(QUOTE, start)
        if end < 0:
            raise ValueError(f"(startline {line}) EOF reached before encapsulated token finished")
        parts.append(text[start:end])
        if text[end + 1 : end + 2] != QUOTE:
            break
        parts.append(QUOTE)
        start = end + 2
    end += 1
    while end < len(text) and text[end] != delimiter and text[end] not in _ENDS:
        if not _is_blank(text[end]):
            raise ValueError(f"(line {line}) invalid char between encapsulated token and delimiter")
        end += 1
    return "".join(parts), end


def _is_blank(letter: str) -> bool:
    """`Character.isWhitespace`: no-break spaces are none."""
    return letter.isspace() and letter not in "\x85\xa0\u2007\u202f"


LineReader = Callable[[str], str]
"""Canonical JSON text of a line, its columns called `c0`, `c1`, …; raises ValueError."""


def line_reader(columns: Sequence[Field], delimiter: str) -> LineReader:
    """The reader of lines with these columns."""
    parsers = [(c, _parser_of(c.type)) for c in columns]

    def read(line: str) -> str:
        fields = read_fields(line, delimiter)
        if len(fields) != len(parsers):
            raise ValueError(
                f"Unexpected field count, csvFields:{len(fields)} schemaFields:{len(parsers)}"
            )
        values = (
            _parse(field, column, parser) if field else None
            for field, (column, parser) in zip(fields, parsers, strict=True)
        )
        return json.dumps({f"c{i}": v for i, v in enumerate(values)}, ensure_ascii=False)

    return read


Parser = Callable[[str], Json]
"""A canonical value of a field that is not empty; a ValueError without text: a bad number."""


def _parse(field: str, column: Field, parser: Parser) -> Json:
    try:
        return parser(field)
    except ValueError as error:
        reason = str(error) or f'For input string: "{field}"'
        raise ValueError(f"{reason}, column: {column}") from None


def _parser_of(type_: SqlType) -> Parser:
    if isinstance(type_, Decimal):
        return partial(_parse_decimal, type_)
    assert isinstance(type_, Scalar)
    return _PARSERS.get(type_.name) or partial(_parse_integer, RANGES[type_.name])


def _parse_integer(allowed: tuple[int, int], field: str) -> Json:
    try:
        number = java_integer(field)
    except ValueError:
        raise ValueError from None
    if not allowed[0] <= number <= allowed[1]:
        raise ValueError
    return number


def _parse_time(field: str) -> Json:
    number = _parse_integer(RANGES["BIGINT"], field)
    if not 0 <= cast(int, number) <= DAY_MS:
        raise ValueError(TIME_RANGE)
    return number


def _parse_double(field: str) -> Json:
    try:
        return java_double(field)
    except ValueError:
        raise ValueError from None


def _parse_decimal(type_: Decimal, field: str) -> Json:
    try:
        number = java_bigdecimal(field)
    except ValueError:
        raise ValueError from None
    return fit_decimal(number, type_)


def _parse_bytes(field: str) -> Json:
    try:
        return b64encode(java_base64(field)).decode()
    except ValueError:
        raise ValueError(f"Value is not a valid Base64 encoded string: {field}") from None


_PARSERS: dict[str, Parser] = {
    "BOOLEAN": lambda field: field.lower() == "true",
    "DOUBLE": _parse_double,
    "STRING": lambda field: field,
    "TIME": _parse_time,
    "BYTES": _parse_bytes,
}
