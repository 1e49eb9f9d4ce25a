"""Texts as Java's parsers read them, for values that a record carries as text.

Each raises ValueError where Java throws.
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from binascii import Error as Base64Error
from decimal import Decimal

_INTEGER = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?0*\d{1,10})?")
_DOUBLE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?", re.ASCII)
_HEX_DOUBLE = re.compile(
    r"([+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+)[fFdD]?", re.ASCII
)
_NAMED = re.compile(r"([+-]?)(NaN|Infinity)")
_CONTROLS = "".join(map(chr, range(33)))
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")

_EXPONENT_MAX = 2**31 - 1
"""BigDecimal's scale is an int."""

DECIMAL_DIGITS_MAX = 4_000
"""Beyond it Python's integers refuse text; no column holds as many."""


def java_integer(text: str) -> int:
    """`Long.parseLong` without its range: an optional sign and digits, no spaces."""
    if not _INTEGER.fullmatch(text) or len(text) > DECIMAL_DIGITS_MAX:
        raise ValueError(text)
    return int(text)


def java_double(text: str) -> float:
    """`Double.parseDouble`: spaces around it, exponents, hexadecimal, NaN and Infinity are read."""
    trimmed = text.strip(_CONTROLS)
    if _DOUBLE.fullmatch(trimmed):
        return float(trimmed.rstrip("fFdD"))
    if named := _NAMED.fullmatch(trimmed):
        value = math.nan if named[2] == "NaN" else math.inf
        return -value if named[1] == "-" else value
    if hexadecimal := _HEX_DOUBLE.fullmatch(trimmed):
        try:
            return float.fromhex(hexadecimal[1])
        except OverflowError:
            return -math.inf if trimmed[0] == "-" else math.inf
    raise ValueError(text)


def java_bigdecimal(text: str) -> Decimal:
    """`new BigDecimal(text)`: no spaces, no NaN, and no negative zero."""
    if not _DECIMAL.fullmatch(text) or len(text) > DECIMAL_DIGITS_MAX:
        raise ValueError(text)
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and abs(exponent) > _EXPONENT_MAX:
        raise ValueError(text)
    return value.copy_abs() if value.is_zero() else value


def plain_text(value: Decimal) -> str:
    """`BigDecimal.toPlainString`."""
    return format(value, "f")


def jackson_base64(text: str) -> bytes:
    """`TextNode.binaryValue`: quads with their padding, spaces between them, padding anywhere."""
    kept = text.strip(_CONTROLS)
    out = bytearray()
    position = 0
    while position < len(kept):
        if kept[position] <= " ":
            position += 1
            continue
        quad = kept[position : position + 4]
        if len(quad) < 4 or not _BASE64.fullmatch(quad.rstrip("=")) or quad.count("=") > 2:
            raise ValueError(text)
        out += b64decode(quad)
        position += 4
    return bytes(out)


def java_base64(text: str) -> bytes:
    """`Base64.getDecoder().decode`: the padding may be missing, nothing else may stand there."""
    body = text.rstrip("=")
    padding = len(text) - len(body)
    rest = len(body) % 4
    if not _BASE64.fullmatch(body) or rest == 1 or padding not in (0, -rest % 4):
        raise ValueError(text)
    try:
        return b64decode(body + "=" * (-rest % 4))
    except Base64Error as error:
        raise ValueError(text) from error


def double_text(value: float) -> str:
    """`Double.toString` with the fewest digits."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, _ = Decimal(repr(value)).as_tuple()
    exponent = Decimal(repr(value)).adjusted()
    text = "".join(map(str, digits)).rstrip("0")
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{exponent}"
