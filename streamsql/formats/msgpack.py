"""MSGPACK: what JSON carries, in the bytes of MessagePack. ksqlDB has no such format.

A record is a map, or one bare value, as in JSON; names and values follow JSON's rules
(`json_record.py`). Beside those: BYTES are bin, a DECIMAL is written as a string with all its
digits, a DOUBLE as float 64; a timestamp (extension -1) is read as its milliseconds. Specification:
github.com/msgpack/msgpack, spec.md.
"""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import pyarrow as pa

from streamsql.formats.carried import carrier_type, lift
from streamsql.formats.format import Decode, Encode, FormatOptions
from streamsql.formats.json_parse import FloatToken, Json
from streamsql.formats.json_record import (
    Reader,
    describe,
    described_columns,
    described_reader,
    read_value,
)
from streamsql.formats.json_write import object_text, value_text
from streamsql.formats.kernel import ERROR, Kernel, read_each
from streamsql.formats.rules import check_columns, is_wrapped, map_key_problem
from streamsql.schema.column import Column
from streamsql.schema.duck import literal
from streamsql.schema.types import BYTES, DOUBLE, Array, Field, Map, SqlType, Struct

NAME = "MSGPACK"
_EPOCH = datetime.fromtimestamp(0, UTC)
_EMPTY_MAP = r"'\x80'::BLOB"

Packed = Callable[[Any], Any]
"""What msgpack packs, of a value as JSON carries it that is not null."""


class MsgpackFormat:
    """The format of MessagePack."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def configs(self) -> frozenset[str]:
        return frozenset()

    def check(self, columns: Sequence[Column], options: FormatOptions) -> None:
        check_columns(columns, options, name=NAME, reason=_reason)

    def decode(
        self,
        source: str,
        columns: Sequence[Column],
        options: FormatOptions,
        *,
        wanted: Sequence[str],
    ) -> Decode:
        if not columns:
            return Decode(stages=(), columns=())
        text, record = f"_d_{options.side}_text", f"_d_{options.side}_record"
        carried = {f"c{i}": carrier_type(c.type) for i, c in enumerate(columns) if c.name in wanted}
        structure = literal(json.dumps(carried or {"c0": "JSON"}, ensure_ascii=False))
        is_record = f"starts_with({text}, '{{')"
        return Decode(
            stages=(
                ((text, f"{READ.name}({source}, {_described(columns, options)})"),),
                ((record, f"CASE WHEN {is_record} THEN from_json({text}, {structure}) END"),),
            ),
            columns=tuple(
                lift(f"{record}.c{i}", c.type) if c.name in wanted else "NULL"
                for i, c in enumerate(columns)
            ),
            error=f"CASE WHEN starts_with({text}, '{ERROR}') THEN substr({text}, 2) END",
            null=f"coalesce({text} = 'null', false)",
            slow=True,
        )

    def encode(
        self,
        columns: Sequence[Column],
        values: Sequence[str],
        options: FormatOptions,
        *,
        target: str,
    ) -> Encode:
        if not columns:
            return Encode(sql="NULL::BLOB" if options.side == "key" else _EMPTY_MAP)
        described = _described(columns, options)
        if is_wrapped(columns, options):
            return Encode(sql=f"{WRITE.name}({object_text(columns, values)}, {described})")
        (column,), (value,) = columns, values
        text = value_text(f"({value})", column.type)
        return Encode(
            sql=f"CASE WHEN ({value}) IS NOT NULL THEN {WRITE.name}({text}, {described}) END"
        )


def _reason(columns: Sequence[Column]) -> str:
    if any(map_key_problem(c.type) for c in columns):
        return f"{NAME} only supports MAP types with STRING keys"
    return ""


def _described(columns: Sequence[Column], options: FormatOptions) -> str:
    """A constant of SQL: the columns, and whether they stand in a record."""
    fields = Struct(tuple(Field(c.name, c.type) for c in columns))
    return literal(describe(fields, wrapped=is_wrapped(columns, options)))


# Reading


def _read(records: Any, described: Any) -> Any:
    return read_each(records, described, described_reader, _read_record)


def _read_record(data: bytes, reader: Reader) -> str:
    from msgspec import DecodeError
    from msgspec.msgpack import decode

    try:
        return read_value(_as_json(decode(data)), reader)
    except DecodeError as error:
        raise ValueError(f"Malformed MessagePack: {error}") from None
    except RecursionError:
        raise ValueError("Malformed MessagePack: it is nested too deeply") from None


def _as_json(value: Any) -> Json:
    """The value as JSON has it."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return _number(value)
        case bytes():
            return b64encode(value).decode()
        case list():
            return [_as_json(item) for item in value]
        case dict():
            return {_as_name(key): _as_json(item) for key, item in value.items()}
        case datetime():
            return (value - _EPOCH) // timedelta(milliseconds=1)
        case _:
            raise ValueError("an extension type is no value of JSON")


def _number(value: float) -> Json:
    """JSON has neither these nor a zero with a sign: there they are strings."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    return text if text == "-0.0" else FloatToken(text)


def _as_name(key: object) -> str:
    if not isinstance(key, str):
        raise ValueError(f"a name of a map is no string: {key!r}")
    return key


READ = Kernel(
    name="streamsql_read_msgpack",
    parameters=("BLOB", "VARCHAR"),
    returns="VARCHAR",
    function=_read,
    slow=True,
)
"""Canonical JSON of a record, `null`, or what is wrong with it after `!`."""


# Writing


@lru_cache(maxsize=1024)
def _writer(described: str) -> Packed:
    columns = described_columns(described)
    return _packed(columns if described[0] == "{" else columns.fields[0].type)


def _packed(type_: SqlType) -> Packed:
    match type_:
        case Array(element):
            item = _or_none(_packed(element))
            return lambda value: [item(v) for v in value]
        case Map(_, element):
            item = _or_none(_packed(element))
            return lambda value: {k: item(v) for k, v in value.items()}
        case Struct(fields):
            parts = {f.name: _or_none(_packed(f.type)) for f in fields}
            return lambda value: {k: parts[k](v) for k, v in value.items()}
        case _ if type_ == BYTES:
            return b64decode
        case _ if type_ == DOUBLE:
            return float
        case _:
            return lambda value: value


def _or_none(packed: Packed) -> Packed:
    return lambda value: None if value is None else packed(value)


def _write(texts: Any, described: Any) -> Any:
    from msgspec.msgpack import encode

    if not len(texts):
        return pa.array([], pa.binary())
    packed = _writer(described[0].as_py())
    # A DECIMAL is the only number with a point that stays one: as text it keeps its digits.
    values = (json.loads(text, parse_float=str) for text in texts.to_pylist())
    return pa.array([encode(packed(value)) for value in values], pa.binary())


WRITE = Kernel(
    name="streamsql_write_msgpack",
    parameters=("VARCHAR", "VARCHAR"),
    returns="BLOB",
    function=_write,
    slow=True,
)
"""A record of the JSON of its columns."""

FORMAT = MsgpackFormat()
KERNELS = (READ, WRITE)
