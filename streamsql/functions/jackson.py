"""JSON as ksqlDB's functions read and write it, with Jackson: the digits of numbers count.

A value is None, bool, int, Decimal (what has a fraction or an exponent), float (infinite: what no
double can hold), str, list or dict. Reading
stops after the first value: what follows it is not looked at, except that a number or a word has
to end there. Of a name that occurs twice the last value counts, in the first one's place.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import NoReturn, TypeAlias, cast

Json: TypeAlias = "bool | int | Decimal | float | str | list[Json] | dict[str, Json] | None"

MISSING = object()
"""What an empty text holds."""

_SCALE_MAX = 9999
"""Jackson refuses to write out a number with more digits after, or zeros before, the point."""
_EXPONENT_MAX = 2**31 - 1
"""A BigDecimal's scale is an int."""
_BLANK = re.compile(r"[ \t\n\r]*")
_IDENTIFIER = frozenset("Lu Ll Lt Lm Lo Nl Nd Sc Pc Mn Mc Cf Cc".split())
"""Categories of what Java takes as part of an identifier."""


def read(text: str) -> Json | object:
    """The first value of a text, MISSING if there is none. ValueError where Jackson throws."""
    start = _skip(text, 0)
    if start == len(text):
        return MISSING
    value, end = scan(text, start)
    if isinstance(value, int | Decimal | float) and not isinstance(value, bool):
        if end < len(text) and text[end] not in " \t\n\r":
            raise ValueError(f"expected space separating root-level values: {text}")
    elif not isinstance(value, str | list | dict):
        check_word_end(text, end)
    return value


def scan(text: str, start: int) -> tuple[Json, int]:
    """The value that begins at `start`, and where it ends."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return cast("Json", value), end


def check_word_end(text: str, end: int) -> None:
    """`true`, `false` and `null` end where no part of an identifier follows."""
    if text[end : end + 1] >= "0" and unicodedata.category(text[end]) in _IDENTIFIER:
        raise ValueError(f"unrecognized token: {text}")


def _skip(text: str, start: int) -> int:
    found = _BLANK.match(text, start)
    assert found is not None
    return found.end()


skip = _skip


def _read_decimal(text: str) -> Decimal | float:
    double = float(text)
    if math.isinf(double):
        return double
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"malformed numeric value: {text}") from error
    if abs(_exponent(value)) > _EXPONENT_MAX:
        raise ValueError(f"malformed numeric value: {text}")
    # BigDecimal has no negative zero.
    return abs(value) if value.is_zero() else value


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"non-standard token: {word}")


_DECODER = json.JSONDecoder(parse_float=_read_decimal, parse_constant=_refuse)

_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_ESCAPES = {'"': '\\"', "\\": "\\\\"} | dict(
    zip("\b\t\n\f\r", ("\\b", "\\t", "\\n", "\\f", "\\r"), strict=True)
)


def quote(text: str) -> str:
    """A text as JSON."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04X}"


def write(value: Json, *, plain: bool = False) -> str:
    """The value without blanks. `plain`: no exponents, else as BigDecimal.toString has them."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return _write_plain(value) if plain else str(value)
        case float():
            return '"Infinity"' if value > 0 else '"-Infinity"'
        case str():
            return quote(value)
        case list():
            return f"[{','.join(write(v, plain=plain) for v in value)}]"
        case dict():
            fields = (f"{quote(k)}:{write(v, plain=plain)}" for k, v in value.items())
            return f"{{{','.join(fields)}}}"


def _write_plain(value: Decimal) -> str:
    if abs(_exponent(value)) > _SCALE_MAX:
        raise ValueError(f"a number of more than {_SCALE_MAX} places")
    return format(value, "f")
