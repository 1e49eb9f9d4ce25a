"""One JSON record, read exactly as ksqlDB reads it: the slow path of the JSON format.

`read_record(bytes, reader)` gives the record as canonical JSON text of the reader's type, which
DuckDB's typed `from_json` can read in one way only. The rules are ksqlDB's (`KsqlJsonDeserializer`,
`JsonSerdeUtils`, `DecimalUtil.ensureFit`); what is JSON at all stands in `json_parse.py`.

1. A field is found by its exact name, else by its name in upper case.
2. Numbers into INTEGER and BIGINT lose their fraction; strings are parsed as Java parses them.
3. Anything goes into STRING: numbers as BigDecimal spells them, objects as JSON, arrays as
   `[a, b]`.
4. What does not fit is an error of the whole record, with the path of the value. That includes
   integers out of range, of which ksqlDB silently keeps the low bits.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable
from decimal import Decimal as Number
from functools import lru_cache
from json.encoder import encode_basestring
from typing import cast

from streamsql.formats.java import (
    jackson_base64,
    java_bigdecimal,
    java_double,
    java_integer,
    plain_text,
)
from streamsql.formats.json_parse import (
    INTEGER_DIGITS_MAX,
    FloatToken,
    Json,
    clean,
    json_text,
    node_name,
    parse_json,
)
from streamsql.formats.type_text import read_type, write_type
from streamsql.schema.duck import DECIMAL_PRECISION_MAX
from streamsql.schema.types import Array, Decimal, Map, Scalar, SqlType, Struct

Reader = Callable[[Json], str]
"""Canonical JSON text of a JSON value that is not null; raises Mismatch."""

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


class Mismatch(ValueError):
    """A value that does not become its column's type; `path` grows on the way out."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path

    def under(self, part: str) -> Mismatch:
        """The same with the part of the path before it."""
        return Mismatch(self.reason, part + self.path)


def read_record(data: bytes, reader: Callable[[Json], str]) -> str:
    """Canonical JSON text of the record, `null` where it holds none; raises ValueError."""
    return read_value(parse_json(data), reader)


def read_value(value: Json, reader: Reader) -> str:
    """The same of a record that is parsed."""
    try:
        return reader(value)
    except Mismatch as error:
        raise ValueError(f"{error.reason}, path: ${error.path}") from None


def describe(columns: Struct, *, wrapped: bool) -> str:
    """The columns as text, and whether they stand in a record."""
    return ("{" if wrapped else "=") + write_type(columns)


def described_columns(described: str) -> Struct:
    """The columns of such a text."""
    columns = read_type(described[1:])
    assert isinstance(columns, Struct)
    return columns


@lru_cache(maxsize=1024)
def described_reader(described: str) -> Reader:
    """The reader of a record of such a text."""
    columns = described_columns(described)
    wrapped = described[0] == "{"
    return record_reader(columns) if wrapped else single_reader(columns.fields[0].type)


def record_reader(columns: Struct) -> Reader:
    """The reader of a record of columns; they come out as `c0`, `c1`, ….

    DuckDB would take columns `a` and `A` for one.
    """
    named = tuple((f.name, f"c{i}", reader_of(f.type)) for i, f in enumerate(columns.fields))
    reader = _struct_reader(columns, named)
    return lambda value: "null" if value is None else reader(value)


def single_reader(column: SqlType) -> Reader:
    """The reader of a record that is one bare value; it comes out as `c0`."""
    reader = reader_of(column)
    return lambda value: f'{{"c0":{"null" if value is None else reader(value)}}}'


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


def _struct_reader(type_: SqlType, fields: tuple[tuple[str, str, Reader], ...]) -> Reader:
    named = tuple(
        (name, f"{encode_basestring(target)}:", reader) for name, target, reader in fields
    )

    def read(value: Json) -> str:
        if not isinstance(value, dict):
            raise _refusal(value, _sql_name(type_))
        found = cast(dict[str, Json], value)
        upper: dict[str, Json] | None = None
        out: list[str] = []
        for name, key, reader in named:
            if name in found:
                item = found[name]
            else:
                if upper is None:
                    upper = {key.upper(): item for key, item in found.items()}
                item = upper.get(name)
            if item is None:
                continue
            try:
                out.append(key + reader(item))
            except Mismatch as error:
                raise error.under(f".{name}") from None
        return f"{{{','.join(out)}}}"

    return read


def _array_reader(type_: SqlType, element: Reader) -> Reader:
    def read(value: Json) -> str:
        if not isinstance(value, list):
            raise _refusal(value, _sql_name(type_))
        out: list[str] = []
        for i, item in enumerate(cast(list[Json], value)):
            try:
                out.append("null" if item is None else element(item))
            except Mismatch as error:
                raise error.under(f"[{i}]") from None
        return f"[{','.join(out)}]"

    return read


def _map_reader(type_: SqlType, reader: Reader) -> Reader:
    def read(value: Json) -> str:
        if not isinstance(value, dict):
            raise _refusal(value, _sql_name(type_))
        out: dict[str, str] = {}
        for key, item in cast(dict[str, Json], value).items():
            try:
                out[clean(key)] = "null" if item is None else reader(item)
            except Mismatch as error:
                raise error.under(f".{clean(key)}.value") from None
        return f"{{{','.join(f'{encode_basestring(k)}:{v}' for k, v in out.items())}}}"

    return read


def _decimal_reader(type_: Decimal) -> Reader:
    def read(value: Json) -> str:
        return f'"{fit_decimal(_decimal_of(value, str(type_)), type_)}"'

    return read


def fit_decimal(number: Number, type_: Decimal) -> str:
    """The number as text that the type holds exactly; raises Mismatch where it does not."""
    precision, scale = type_.precision, type_.scale
    if number.is_zero():
        return "0"
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if number.adjusted() >= min(precision, DECIMAL_PRECISION_MAX) - scale:
        raise Mismatch(
            f"Numeric field overflow: A field with precision {precision} and scale {scale} must"
            f" round to an absolute value less than 10^{precision - scale}. Got {_short(number)}"
        )
    beyond = -exponent - scale
    if beyond > 0 and any(digits[-beyond:]):
        raise Mismatch(
            f"Cannot fit decimal '{_short(number)}' into {type_} without rounding."
            f" (Requires {len(digits)},{-exponent})"
        )
    return plain_text(number)


def _decimal_of(value: Json, name: str) -> Number:
    if isinstance(value, int) and not isinstance(value, bool):
        return Number(value)
    if isinstance(value, FloatToken):
        return _bigdecimal(value)
    if not isinstance(value, str):
        raise _refusal(value, name)
    try:
        return java_bigdecimal(value)
    except ValueError:
        raise _not_coerced(name) from None


def _bigdecimal(token: FloatToken) -> Number:
    try:
        return java_bigdecimal(token)
    except ValueError:
        raise Mismatch(f"Malformed JSON: the exponent of {token[:30]} is out of range") from None


def _short(number: Number) -> str:
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    return plain_text(number) if len(digits) + abs(exponent) <= 100 else str(number)


def _integer_reader(name: str) -> Reader:
    low, high = RANGES[name]

    def read(value: Json) -> str:
        number = value if type(value) is int else _integer_of(value, name)
        if low <= number <= high:
            return str(number)
        raise Mismatch(TIME_RANGE if name == "TIME" else f"Numeric value is out of range of {name}")

    return read


def _integer_of(value: Json, name: str) -> int:
    match value:
        case FloatToken():
            number = _bigdecimal(value)
            if number.is_zero() or number.adjusted() < 0:
                return 0
            if number.adjusted() > INTEGER_DIGITS_MAX:
                raise Mismatch(f"Numeric value is out of range of {name}")
            return int(number)
        case str():
            try:
                return java_integer(value)
            except ValueError:
                raise _not_coerced(name) from None
        case _:
            raise _refusal(value, name)


def _read_double(value: Json) -> str:
    match value:
        case bool():
            raise _refusal(value, "DOUBLE")
        case int():
            try:
                return repr(float(value))
            except OverflowError:
                return double_json(math.copysign(math.inf, value))
        case FloatToken():
            return double_json(float(value) + 0.0)  # a BigDecimal has no negative zero
        case str():
            try:
                return double_json(java_double(value))
            except ValueError:
                raise _not_coerced("DOUBLE") from None
        case _:
            raise _refusal(value, "DOUBLE")


def double_json(value: float) -> str:
    """JSON text of a double that DuckDB reads back to the bit."""
    return repr(value) if math.isfinite(value) else f'"{value}"'


def _read_boolean(value: Json) -> str:
    if not isinstance(value, bool):
        raise _refusal(value, "BOOLEAN")
    return "true" if value else "false"


def _read_bytes(value: Json) -> str:
    if not isinstance(value, str) or isinstance(value, FloatToken):
        raise _refusal(value, "BYTES")
    try:
        return f'"{b64encode(jackson_base64(value)).decode()}"'
    except ValueError:
        shown = clean(value)
        raise Mismatch(f"Value is not a valid Base64 encoded string: {shown}") from None


def _read_string(value: Json) -> str:
    return encode_basestring(_string_of(value))


def _string_of(value: Json) -> str:
    match value:
        case FloatToken():
            return str(_bigdecimal(value))
        case str():
            return clean(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case dict():
            return json_text(cast(Json, value))
        case list():
            items = cast(list[Json], value)
            return f"[{', '.join('null' if i is None else _string_of(i) for i in items)}]"
        case _:
            return ""  # a blank record: Jackson's MissingNode as text


_SCALAR_READERS: dict[str, Reader] = {
    "BOOLEAN": _read_boolean,
    "DOUBLE": _read_double,
    "STRING": _read_string,
    "BYTES": _read_bytes,
    **{name: _integer_reader(name) for name in RANGES},
}


def _not_coerced(name: str) -> Mismatch:
    return Mismatch(f"Can't coerce string to type. targetType: {name}")


def _refusal(value: Json, required: str) -> Mismatch:
    return Mismatch(f"Can't convert type. sourceType: {node_name(value)}, requiredType: {required}")


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
