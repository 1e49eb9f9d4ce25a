"""The first JSON value of some bytes, as Jackson parses it; and what its parts are called there.

Numbers with a fraction or an exponent stay as they were written: ksqlDB reads them into BigDecimal.
Of a repeated field the last value counts, at the place of the first.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import NoReturn, cast

from streamsql.formats.java import java_bigdecimal

Json = object
"""None, bool, int, FloatToken, str, list of Json, dict of str to Json, or MISSING."""

INTEGER_DIGITS_MAX = 1000
"""Longer integers are kept as they were written: no column holds one, and `int` is slow."""

_BLANKS = re.compile(r"[ \t\n\r]*")


class FloatToken(str):
    """A JSON number with a fraction or an exponent, as it was written."""

    __slots__ = ()


class Missing:
    """What stands in a record without any JSON value."""


MISSING = Missing()


def parse_json(data: bytes) -> Json:
    """The first JSON value of the bytes, MISSING where they are blank; raises ValueError.

    What follows the value is not looked at, except that a bare number or word must end there.
    """
    text = _decode(data)
    blanks = _BLANKS.match(text)
    start = blanks.end() if blanks else 0
    if start == len(text):
        return MISSING
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise ValueError(f"Malformed JSON: {error.msg}, column: {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("Malformed JSON: it is nested too deeply") from None
    if text[end - 1] not in '}]"' and text[end : end + 1] not in ("", *" \t\n\r"):
        raise ValueError(
            f"Malformed JSON: Expected space separating root-level values, column: {end + 1}"
        )
    return value


def _decode(data: bytes) -> str:
    # Like Jackson, Python tells UTF-16 and UTF-32 by the zeros and marks at the beginning.
    plain = data[:1] in (b"{", b"[", b'"') and data[1:2] != b"\x00"
    try:
        return data.decode("utf-8" if plain else json.detect_encoding(data))
    except UnicodeDecodeError as error:
        raise ValueError(
            f"Invalid UTF-8 byte 0x{data[error.start]:x}, position: {error.start + 1}"
        ) from None


def _parse_integer(token: str) -> Json:
    return int(token) if len(token) <= INTEGER_DIGITS_MAX else FloatToken(token)


def _refuse_constant(token: str) -> NoReturn:
    raise ValueError(f"Malformed JSON: Non-standard token '{token}'")


_DECODER = json.JSONDecoder(
    parse_float=FloatToken, parse_int=_parse_integer, parse_constant=_refuse_constant
)


def node_name(value: Json) -> str:
    """The name of Jackson's class for a value."""
    match value:
        case bool():
            return "BooleanNode"
        case int():
            bits = value.bit_length()
            return "IntNode" if bits < 32 else "LongNode" if bits < 64 else "BigIntegerNode"
        case FloatToken():
            return "DecimalNode"
        case str():
            return "TextNode"
        case list():
            return "ArrayNode"
        case dict():
            return "ObjectNode"
        case _:
            return "MissingNode"


# Texts


def clean(text: str) -> str:
    """The text with `?` for half surrogates, as Java writes them in UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def number_text(token: FloatToken) -> str:
    """A number with a fraction or an exponent as BigDecimal spells it."""
    try:
        return str(java_bigdecimal(token))
    except ValueError:
        raise ValueError(f"Malformed JSON: the exponent of {token[:30]} is out of range") from None


def json_text(value: Json) -> str:
    """A value as Jackson writes it."""
    match value:
        case FloatToken():
            return number_text(value)
        case str():
            return quote_json(clean(value))
        case list():
            return f"[{','.join(map(json_text, cast(list[Json], value)))}]"
        case dict():
            pairs = cast(dict[str, Json], value).items()
            return f"{{{','.join(f'{quote_json(clean(k))}:{json_text(v)}' for k, v in pairs)}}}"
        case _:
            return json.dumps(value)


def quote_json(text: str) -> str:
    """A JSON string as Jackson writes it: only what must be escaped is, in capitals."""
    return _CONTROL.sub(lambda found: found[0].upper().replace("U", "u"), encode_basestring(text))


_CONTROL = re.compile(r"(?<!\\)(?:\\\\)*\\u00[01][0-9a-f]")
