"""One JSON record, read exactly as ksqlDB reads it: the slow path of the JSON format.

`read_record(bytes, reader)` gives the record as canonical JSON text of the reader's type, which
DuckDB's typed `from_json` can read in one way only. The rules are ksqlDB's (`KsqlJsonDeserializer`,
`JsonSerdeUtils`, `DecimalUtil.ensureFit`) and those of Jackson below them:

1. The first JSON value counts; what follows it is not looked at. NaN, trailing commas and comments
   are no JSON.
2. Of a repeated field the last one counts. A field is found by its exact name, else by its name in
   upper case.
3. Numbers into INTEGER and BIGINT lose their fraction; strings are parsed as Java parses them.
4. Anything goes into STRING: numbers as BigDecimal spells them, objects as JSON, arrays as
   `[a, b]`.
5. What does not fit is an error of the whole record, with the path of the value. That includes
   integers out of range, of which ksqlDB silently keeps the low bits.
"""

from __future__ import annotations

import json
import math
import re
from base64 import b64encode
from collections.abc import Callable
from decimal import Decimal as Number
from functools import lru_cache
from typing import NoReturn, cast

from streamsql.formats.java import (
    jackson_base64,
    java_bigdecimal,
    java_double,
    java_integer,
    plain_text,
)
from streamsql.schema.duck import DECIMAL_PRECISION_MAX
from streamsql.schema.types import Array, Decimal, Map, Scalar, SqlType, Struct

Json = object
"""None, bool, int, FloatToken, str, list of Json, dict of str to Json, or MISSING."""

Reader = Callable[[Json, str], Json]
"""A canonical value of a JSON value that is not null; the text is its path, for errors."""

DAY_MS = 86_400_000
TIME_RANGE = f"Time values must use number of milliseconds greater than 0 and less than {DAY_MS}."
TIMESTAMP_MS_MIN, TIMESTAMP_MS_MAX = -9_223_372_022_400_000, 9_223_372_036_854_775
"""DuckDB's timestamps count microseconds in 64 bits, from the first whole day on."""

DATE_DAYS_MIN, DATE_DAYS_MAX = -2_147_483_646, 2_147_483_646
"""DuckDB's dates are days in 32 bits; the two outermost are its infinities."""

RANGES = {
    "INTEGER": (-(2**31), 2**31 - 1),
    "BIGINT": (-(2**63), 2**63 - 1),
    "TIME": (0, DAY_MS),
    "DATE": (DATE_DAYS_MIN, DATE_DAYS_MAX),
    "TIMESTAMP": (TIMESTAMP_MS_MIN, TIMESTAMP_MS_MAX),
}
"""What a column holds of the integers that carry it, both ends included."""

_WHITESPACE = " \t\n\r"
_INTEGER_DIGITS_MAX = 1000


class FloatToken(str):
    """A JSON number with a fraction or an exponent, as it was written."""

    __slots__ = ()


class Missing:
    """What stands in a record without any JSON value."""


MISSING = Missing()


def read_record(data: bytes, reader: Reader) -> str:
    """Canonical JSON text of the record, `null` where it holds none; raises ValueError."""
    return json.dumps(reader(parse_json(data), "$"), ensure_ascii=False)


def parse_json(data: bytes) -> Json:
    """The first JSON value of the bytes, MISSING where they are blank; raises ValueError."""
    text = _decode(data)
    start = _skip_blanks(text)
    if start == len(text):
        return MISSING
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise ValueError(f"Malformed JSON: {error.msg}, column: {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("Malformed JSON: it is nested too deeply") from None
    if text[end - 1] not in '}]"' and text[end : end + 1] not in ("", *_WHITESPACE):
        raise ValueError(
            f"Malformed JSON: Expected space separating root-level values, column: {end + 1}"
        )
    return value


def _decode(data: bytes) -> str:
    try:
        return data.decode(json.detect_encoding(data))
    except UnicodeDecodeError as error:
        raise ValueError(
            f"Invalid UTF-8 byte 0x{data[error.start]:x}, position: {error.start + 1}"
        ) from None


def _skip_blanks(text: str) -> int:
    position = 0
    while position < len(text) and text[position] in _WHITESPACE:
        position += 1
    return position


def _parse_integer(token: str) -> Json:
    return int(token) if len(token) <= _INTEGER_DIGITS_MAX else FloatToken(token)


def _refuse_constant(token: str) -> NoReturn:
    raise ValueError(f"Malformed JSON: Non-standard token '{token}'")


_DECODER = json.JSONDecoder(
    parse_float=FloatToken, parse_int=_parse_integer, parse_constant=_refuse_constant
)


# Readers of types


@lru_cache(maxsize=1024)
def reader_of(type_: SqlType) -> Reader:
    """The reader of a type."""
    match type_:
        case Decimal():
            return _decimal_reader(type_)
        case Array(element):
            return _array_reader(type_, reader_of(element))
        case Map(_, value):
            return _map_reader(type_, reader_of(value))
        case Struct(fields):
            named = tuple((f.name, f.name, reader_of(f.type)) for f in fields)
            return _struct_reader(type_, named)
        case Scalar(name):
            return _SCALAR_READERS[name]
        case _:
            raise AssertionError(type_)


def record_reader(columns: Struct) -> Reader:
    """The reader of a record of columns; they come out as `c0`, `c1`, ….

    DuckDB would take columns `a` and `A` for one.
    """
    named = tuple((f.name, f"c{i}", reader_of(f.type)) for i, f in enumerate(columns.fields))
    reader = _struct_reader(columns, named)
    return lambda value, path: None if value is None else reader(value, path)


def single_reader(column: SqlType) -> Reader:
    """The reader of a record that is one bare value; it comes out as `c0`."""
    reader = reader_of(column)
    return lambda value, path: {"c0": None if value is None else reader(value, path)}


def _struct_reader(type_: SqlType, fields: tuple[tuple[str, str, Reader], ...]) -> Reader:
    def read(value: Json, path: str) -> Json:
        if not isinstance(value, dict):
            raise _refusal(value, _sql_name(type_), path)
        found = cast(dict[str, Json], value)
        upper: dict[str, Json] | None = None
        out: dict[str, Json] = {}
        for name, target, reader in fields:
            if name in found:
                item = found[name]
            else:
                if upper is None:
                    upper = {key.upper(): item for key, item in found.items()}
                item = upper.get(name)
            out[target] = None if item is None else reader(item, f"{path}.{name}")
        return out

    return read


def _array_reader(type_: SqlType, element: Reader) -> Reader:
    def read(value: Json, path: str) -> Json:
        if not isinstance(value, list):
            raise _refusal(value, _sql_name(type_), path)
        items = enumerate(cast(list[Json], value))
        return [None if item is None else element(item, f"{path}[{i}]") for i, item in items]

    return read


def _map_reader(type_: SqlType, reader: Reader) -> Reader:
    def read(value: Json, path: str) -> Json:
        if not isinstance(value, dict):
            raise _refusal(value, _sql_name(type_), path)
        return {
            _clean(key): None if item is None else reader(item, f"{path}.{key}.value")
            for key, item in cast(dict[str, Json], value).items()
        }

    return read


def _decimal_reader(type_: Decimal) -> Reader:
    def read(value: Json, path: str) -> Json:
        number = _decimal_of(value, str(type_), path)
        try:
            return fit_decimal(number, type_)
        except ValueError as error:
            raise ValueError(f"{error}, path: {path}") from None

    return read


def fit_decimal(number: Number, type_: Decimal) -> str:
    """The number as text that the type holds exactly; raises ValueError where it does not."""
    precision, scale = type_.precision, type_.scale
    if number.is_zero():
        return "0"
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if number.adjusted() >= min(precision, DECIMAL_PRECISION_MAX) - scale:
        raise ValueError(
            f"Numeric field overflow: A field with precision {precision} and scale {scale} must"
            f" round to an absolute value less than 10^{precision - scale}. Got {_short(number)}"
        )
    beyond = -exponent - scale
    if beyond > 0 and any(digits[-beyond:]):
        raise ValueError(
            f"Cannot fit decimal '{_short(number)}' into {type_} without rounding."
            f" (Requires {len(digits)},{-exponent})"
        )
    return plain_text(number)


def _decimal_of(value: Json, name: str, path: str) -> Number:
    if isinstance(value, int) and not isinstance(value, bool):
        return Number(value)
    if not isinstance(value, str):
        raise _refusal(value, name, path)
    try:
        return java_bigdecimal(value)
    except ValueError:
        raise ValueError(f"Can't coerce string to type. targetType: {name}, path: {path}") from None


def _short(number: Number) -> str:
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    return plain_text(number) if len(digits) + abs(exponent) <= 100 else str(number)


def _integer_reader(name: str) -> Reader:
    low, high = RANGES[name]

    def read(value: Json, path: str) -> Json:
        number = _integer_of(value, name, path)
        if low <= number <= high:
            return number
        if name == "TIME":
            raise ValueError(f"{TIME_RANGE}, path: {path}")
        raise ValueError(f"Numeric value is out of range of {name}, path: {path}")

    return read


def _integer_of(value: Json, name: str, path: str) -> int:
    match value:
        case bool():
            raise _refusal(value, name, path)
        case int():
            return value
        case FloatToken():
            number = java_bigdecimal(value)
            if number.adjusted() > _INTEGER_DIGITS_MAX:
                raise ValueError(f"Numeric value is out of range of {name}, path: {path}")
            return int(number) if number.adjusted() >= 0 else 0
        case str():
            try:
                return java_integer(value)
            except ValueError:
                message = f"Can't coerce string to type. targetType: {name}, path: {path}"
                raise ValueError(message) from None
        case _:
            raise _refusal(value, name, path)


def _read_double(value: Json, path: str) -> Json:
    match value:
        case bool():
            raise _refusal(value, "DOUBLE", path)
        case int():
            try:
                return float(value)
            except OverflowError:
                return math.inf if value > 0 else -math.inf
        case FloatToken():
            return float(value) + 0.0  # a BigDecimal has no negative zero
        case str():
            try:
                return java_double(value)
            except ValueError:
                message = f"Can't coerce string to type. targetType: DOUBLE, path: {path}"
                raise ValueError(message) from None
        case _:
            raise _refusal(value, "DOUBLE", path)


def _read_boolean(value: Json, path: str) -> Json:
    if not isinstance(value, bool):
        raise _refusal(value, "BOOLEAN", path)
    return value


def _read_bytes(value: Json, path: str) -> Json:
    if not isinstance(value, str) or isinstance(value, FloatToken):
        raise _refusal(value, "BYTES", path)
    try:
        return b64encode(jackson_base64(value)).decode()
    except ValueError:
        message = f"Value is not a valid Base64 encoded string: {_clean(value)}, path: {path}"
        raise ValueError(message) from None


def _read_string(value: Json, _path: str) -> Json:
    match value:
        case FloatToken():
            return _number_text(value)
        case str():
            return _clean(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case dict():
            return _json_text(cast(Json, value))
        case list():
            items = cast(list[Json], value)
            texts = ("null" if item is None else _read_string(item, "") for item in items)
            return f"[{', '.join(str(text) for text in texts)}]"
        case _:
            return ""  # a blank record: Jackson's MissingNode as text


_SCALAR_READERS: dict[str, Reader] = {
    "BOOLEAN": _read_boolean,
    "DOUBLE": _read_double,
    "STRING": _read_string,
    "BYTES": _read_bytes,
    **{name: _integer_reader(name) for name in RANGES},
}


# Texts


def _number_text(token: FloatToken) -> str:
    return str(java_bigdecimal(token))


def _json_text(value: Json) -> str:
    match value:
        case FloatToken():
            return _number_text(value)
        case str():
            return quote_json(_clean(value))
        case list():
            return f"[{','.join(_json_text(item) for item in cast(list[Json], value))}]"
        case dict():
            pairs = cast(dict[str, Json], value).items()
            texts = (f"{quote_json(_clean(key))}:{_json_text(item)}" for key, item in pairs)
            return f"{{{','.join(texts)}}}"
        case _:
            return json.dumps(value)


def quote_json(text: str) -> str:
    """A JSON string as Jackson writes it: only what must be escaped is."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04X}"


_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


def _clean(text: str) -> str:
    """The text with `?` for half surrogates, as Java writes them in UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _refusal(value: Json, required: str, path: str) -> ValueError:
    return ValueError(
        f"Can't convert type. sourceType: {_node(value)}, requiredType: {required}, path: {path}"
    )


def _node(value: Json) -> str:
    """The name of Jackson's class for a value."""
    match value:
        case bool():
            return "BooleanNode"
        case int():
            return (
                "IntNode"
                if abs(value) < 2**31
                else "LongNode"
                if abs(value) < 2**63
                else "BigIntegerNode"
            )
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


def _sql_name(type_: SqlType) -> str:
    """A type as ksqlDB's SqlSchemaFormatter spells it in these errors."""
    match type_:
        case Array(element):
            return f"ARRAY<{_sql_name(element)}>"
        case Map(key, value):
            return f"MAP<{_sql_name(key)}, {_sql_name(value)}>"
        case Struct(fields):
            return f"STRUCT<{', '.join(f'{f.name} {_sql_name(f.type)}' for f in fields)}>"
        case Scalar(name):
            return {"INTEGER": "INT", "STRING": "VARCHAR"}.get(name, name)
        case _:
            return str(type_)
