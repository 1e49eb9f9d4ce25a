"""One DELIMITED record, read exactly as ksqlDB reads it: the slow path of the DELIMITED format.

A line is taken apart as Apache Commons CSV does by default: a field that begins with a quote ends
at the next single one, blanks may follow it, anything else is an error; a quote elsewhere is a
letter. Empty lines are skipped, only the first record counts, but the lines after it must be
readable too. An empty field is NULL.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from json.encoder import encode_basestring

from streamsql.formats.java import java_base64, java_bigdecimal, java_double, java_integer
from streamsql.formats.json_record import DAY_MS, RANGES, TIME_RANGE, double_json, fit_decimal
from streamsql.schema.types import Decimal, Field, Scalar, SqlType

QUOTE = '"'

LineReader = Callable[[str], str]
"""Canonical JSON text of a line, its columns called `c0`, `c1`, …; raises ValueError."""


def line_reader(columns: Sequence[Field], delimiter: str) -> LineReader:
    """The reader of lines with these columns."""
    parsers = [(f'"c{i}":', c, _parser_of(c.type)) for i, c in enumerate(columns)]

    def read(line: str) -> str:
        fields = read_fields(line, delimiter)
        if len(fields) != len(parsers):
            raise ValueError(
                f"Unexpected field count, csvFields:{len(fields)} schemaFields:{len(parsers)}"
            )
        out = [
            key + _parse(field, column, parser)
            for field, (key, column, parser) in zip(fields, parsers, strict=True)
            if field
        ]
        return f"{{{','.join(out)}}}"

    return read


def read_fields(text: str, delimiter: str) -> list[str]:
    """The fields of the first record; raises ValueError with the reason."""
    if QUOTE not in text and "\r" not in text and "\n" not in text:
        records = [text.split(delimiter)] if text else []
    else:
        records = _read_records(text, delimiter)
    if not records:
        raise ValueError("No fields in record")
    return records[0]


def _read_records(text: str, delimiter: str) -> list[list[str]]:
    plain, quoted = _patterns(delimiter)
    records: list[list[str]] = []
    fields: list[str] = []
    position = 0
    while position < len(text):
        if not fields and text[position] in "\r\n":
            position += 1
            continue
        if text[position] == QUOTE:
            found = quoted.match(text, position)
            if found is None:
                raise ValueError(_quoting_problem(text, position))
            value = found[1].replace(QUOTE * 2, QUOTE)
        else:
            found = plain.match(text, position)
            assert found is not None
            value = found[0]
        fields.append(value)
        position = found.end()
        if text[position : position + 1] == delimiter:
            position += 1
            if position < len(text):
                continue
            fields.append("")
        records.append(fields)
        fields, position = [], position + 1
    return records


@lru_cache(maxsize=64)
def _patterns(delimiter: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A field without quotes, and one in quotes with the blanks after it, up to where it ends.

    Blanks are `Character.isWhitespace`: no-break spaces are none.
    """
    apart = re.escape(delimiter)
    plain = re.compile(rf"[^{apart}\r\n]*")
    blanks = rf"(?:(?![{apart}\r\n\x85\xa0\u2007\u202f])\s)*"
    return plain, re.compile(rf'"((?:[^"]|"")*+)"{blanks}(?=[{apart}\r\n]|\Z)')


def _quoting_problem(text: str, start: int) -> str:
    line = len(re.findall(r"\r\n|\r|\n", text[:start])) + 1
    closed = re.compile(r'"(?:[^"]|"")*+"').match(text, start)
    if closed is None:
        return f"(startline {line}) EOF reached before encapsulated token finished"
    return f"(line {line}) invalid char between encapsulated token and delimiter"


# Values


Parser = Callable[[str], str]
"""Canonical JSON text of a field that is not empty; a ValueError without text: a bad number."""


def _parse(field: str, column: Field, parser: Parser) -> str:
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


def _parse_integer(allowed: tuple[int, int], field: str) -> str:
    number = _integer_of(field)
    if not allowed[0] <= number <= allowed[1]:
        raise ValueError
    return str(number)


def _integer_of(field: str) -> int:
    try:
        return java_integer(field)
    except ValueError:
        raise ValueError from None


def _parse_time(field: str) -> str:
    number = _integer_of(field)
    if not 0 <= number <= DAY_MS:
        raise ValueError(TIME_RANGE)
    return str(number)


def _parse_double(field: str) -> str:
    try:
        return double_json(java_double(field))
    except ValueError:
        raise ValueError from None


def _parse_decimal(type_: Decimal, field: str) -> str:
    try:
        number = java_bigdecimal(field)
    except ValueError:
        raise ValueError from None
    return f'"{fit_decimal(number, type_)}"'


def _parse_bytes(field: str) -> str:
    try:
        return f'"{b64encode(java_base64(field)).decode()}"'
    except ValueError:
        raise ValueError(f"Value is not a valid Base64 encoded string: {field}") from None


_PARSERS: dict[str, Parser] = {
    "BOOLEAN": lambda field: "true" if field.lower() == "true" else "false",
    "DOUBLE": _parse_double,
    "STRING": encode_basestring,
    "TIME": _parse_time,
    "BYTES": _parse_bytes,
}
