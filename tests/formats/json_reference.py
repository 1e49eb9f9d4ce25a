"""What ksqlDB makes of a JSON record, value by value, in plain Python: the oracle of the tests.

Written from the rules alone (Jackson's tree model, then ksqlDB's coercions), without a look at how
the format does it. Values come as their carriers: days, milliseconds, bytes.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from streamsql.schema import types as t
from streamsql.schema.column import Column

BLANKS = " \t\n\r"
DAY = 86_400_000


class Unreadable(Exception):
    """The record is an error."""


class Real(str):
    """A number token that is no integer."""


class Blank:
    """No value at all."""


def read_record(data: bytes, columns: Sequence[Column], *, wrapped: bool) -> list[Any] | None:
    """The columns' carried values, None for a record of null; raises Unreadable."""
    value = parse(data)
    if not wrapped:
        return [None if value is None else convert(value, columns[0].type)]
    if value is None:
        return None
    return struct(value, [(c.name, c.type) for c in columns])


def parse(data: bytes) -> Any:
    """The first value, repeated names resolved to the last."""
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError as error:
        raise Unreadable from error
    text = text.lstrip(BLANKS)
    if not text:
        return Blank()
    try:
        value, end = json.JSONDecoder(
            parse_float=Real, parse_constant=_no_constant, object_pairs_hook=_last_of_each
        ).raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable from error
    is_open = not isinstance(value, dict | list) and (
        not isinstance(value, str) or isinstance(value, Real)
    )
    if is_open and text[end : end + 1] not in ("", *BLANKS):
        raise Unreadable
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _last_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in pairs:
        out[name] = value
    return out


def struct(value: Any, fields: Sequence[tuple[str, t.SqlType]]) -> list[Any]:
    """Values of the fields: by exact name, else by the last whose upper case is the name."""
    if not isinstance(value, dict):
        raise Unreadable
    out = []
    for name, type_ in fields:
        if name in value:
            found = value[name]
        else:
            found = None
            for other, candidate in value.items():
                if other.upper() == name:
                    found = candidate
        out.append(None if found is None else convert(found, type_))
    return out


def convert(value: Any, type_: t.SqlType) -> Any:
    """A value that is not null as the type's carrier."""
    match type_:
        case t.Struct(fields):
            names = [f.name for f in fields]
            values = struct(value, [(f.name, f.type) for f in fields])
            return dict(zip(names, values, strict=True))
        case t.Array(element):
            if not isinstance(value, list):
                raise Unreadable
            return [None if v is None else convert(v, element) for v in value]
        case t.Map(_, element):
            if not isinstance(value, dict):
                raise Unreadable
            return {clean(k): None if v is None else convert(v, element) for k, v in value.items()}
        case t.Decimal(precision, scale):
            return decimal(value, min(precision, 38), scale)
        case _:
            return SCALARS[str(type_)](value)


def clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | Real):
        return "number"
    return {str: "text", list: "array", dict: "object"}.get(type(value), "blank")


def exact(token: int | str) -> Fraction:
    """A number token's value; refuses what no column could hold anyway."""
    text = str(token)
    if found := re.search(r"[eE]([-+]?\d+)$", text):
        power = int(found[1])
        if power > 400:
            return Fraction(10) ** 400 if Fraction(text[: found.start()]) else Fraction(0)
        if power < -2000:
            return Fraction(1, 10**2000) if Fraction(text[: found.start()]) else Fraction(0)
    return Fraction(text)


def integer(low: int, high: int) -> Any:
    def read(value: Any) -> int:
        if kind(value) == "number":
            found = exact(value)
            number = abs(found).__floor__() * (1 if found >= 0 else -1)
        elif kind(value) == "text" and re.fullmatch(r"[+-]?\d+", value):
            number = int(value)
        else:
            raise Unreadable
        if not low <= number <= high:
            raise Unreadable
        return number

    return read


def decimal(value: Any, precision: int, scale: int) -> Decimal:
    pattern = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?0*\d{1,10})?"
    if kind(value) != "number" and not (kind(value) == "text" and re.fullmatch(pattern, value)):
        raise Unreadable
    found = exact(value)
    scaled = found * 10**scale
    if scaled.denominator != 1 or abs(scaled) >= 10**precision:
        raise Unreadable
    sign, digits = int(scaled < 0), tuple(map(int, str(abs(scaled.numerator))))
    return Decimal((sign, digits, -scale))


def double(value: Any) -> float:
    if kind(value) == "number":
        try:
            return float(str(value)) + 0.0
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    if kind(value) != "text":
        raise Unreadable
    text = value.strip("".join(map(chr, range(33))))
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?", text, re.ASCII):
        return float(text.rstrip("fFdD"))
    if re.fullmatch(r"[+-]?(NaN|Infinity)", text):
        return float(text.lower())
    if re.fullmatch(r"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+", text):
        return float.fromhex(text)
    raise Unreadable


def boolean(value: Any) -> bool:
    if kind(value) != "boolean":
        raise Unreadable
    return value


def string(value: Any) -> str:
    match kind(value):
        case "text":
            return clean(value)
        case "boolean":
            return str(value).lower()
        case "number":
            return number_text(value)
        case "array":
            return "[" + ", ".join("null" if v is None else string(v) for v in value) + "]"
        case "object":
            return json_text(value)
        case _:
            return ""


def number_text(value: int | Real) -> str:
    if isinstance(value, int):
        return str(value)
    found = Decimal(value)
    return str(found.copy_abs() if found.is_zero() else found)


def json_text(value: Any) -> str:
    match kind(value):
        case "number":
            return number_text(value)
        case "array":
            return "[" + ",".join(json_text(v) for v in value) + "]"
        case "object":
            pairs = (f"{json_text(k)}:{json_text(v)}" for k, v in value.items())
            return "{" + ",".join(pairs) + "}"
        case "text":
            plain = json.dumps(clean(value), ensure_ascii=False)
            return re.sub(r"\\u00([01][0-9a-f])", lambda m: "\\u00" + m[1].upper(), plain)
        case _:
            return json.dumps(value)


def base64(value: Any) -> bytes:
    """Quads, each with its own padding; blanks may stand between them and around all."""
    if kind(value) != "text":
        raise Unreadable
    text = value.strip("".join(map(chr, range(33))))
    out = b""
    while text:
        text = text.lstrip("".join(map(chr, range(33))))
        quad, text = text[:4], text[4:]
        if not re.fullmatch(r"[A-Za-z0-9+/]{2}(==|[A-Za-z0-9+/]=|[A-Za-z0-9+/]{2})", quad):
            raise Unreadable
        out += b64decode(quad)
    return out


SCALARS = {
    "BOOLEAN": boolean,
    "INTEGER": integer(-(2**31), 2**31 - 1),
    "BIGINT": integer(-(2**63), 2**63 - 1),
    "DOUBLE": double,
    "STRING": string,
    "BYTES": base64,
    "DATE": integer(-2_147_483_646, 2_147_483_646),
    "TIME": integer(0, DAY),
    "TIMESTAMP": integer(-9_223_372_022_400_000, 9_223_372_036_854_775),
}
