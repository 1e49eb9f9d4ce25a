"""A record with a schema in a registry as text for people, as ksqlDB's PRINT shows it.

AVRO as `GenericRecord.toString` does: JSON with the schema's own names, numbers behind dates and
decimals. JSON_SR is the text behind the id. PROTOBUF is its text format on one line, without fields
that have their default.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pyarrow as pa

from streamsql.formats.format import FormatOptions
from streamsql.formats.framed import HEADER_BYTES, SchemaFormat, schema_text
from streamsql.schema.column import Column
from streamsql.schema.registered import JSON, PROTOBUF, RegisteredSchema
from streamsql.schema.types import Array, Map, SqlType, Struct

_EPOCH_DAY, _EPOCH = date(1970, 1, 1), datetime(1970, 1, 1)


def schema_id(data: bytes) -> int:
    """The id of a record's schema; ValueError where it has none."""
    if len(data) < HEADER_BYTES or data[0]:
        raise ValueError("no schema")
    return int.from_bytes(data[1:HEADER_BYTES])


def shown_record(format_: SchemaFormat, schema: RegisteredSchema, data: bytes) -> str:
    """The text of a record; ValueError where it is of another format, or damaged."""
    if schema.kind != format_.kind:
        raise ValueError(f"a schema of {schema.kind}")
    if schema.kind == JSON:
        text = data[HEADER_BYTES:].decode()
        json.loads(text)
        return text
    columns, options = _columns(format_, schema)
    values = _values(format_, schema, columns, options, data)
    if options.wrap is False:
        return _write(values[0])
    if schema.kind == PROTOBUF:
        fields = ((c.name, c.type) for c in columns)
        return " ".join(_proto(dict(zip(fields, values, strict=True))))
    return _write({c.name: value for c, value in zip(columns, values, strict=True)})


@lru_cache(maxsize=256)
def _columns(
    format_: SchemaFormat, schema: RegisteredSchema
) -> tuple[tuple[Column, ...], FormatOptions]:
    """A record's fields, or the one column of a bare value."""
    try:
        options = FormatOptions()
        return format_.columns(schema, options, exact=True), options
    except ValueError:
        options = FormatOptions(wrap=False)
        return format_.columns(schema, options, exact=True), options


def _values(
    format_: SchemaFormat,
    schema: RegisteredSchema,
    columns: tuple[Column, ...],
    options: FormatOptions,
    data: bytes,
) -> list[Any]:
    """The columns' values, as JSON has them."""
    decode = format_.decode("record", columns, options, wanted=[c.name for c in columns])
    assert decode.kernel is not None
    (named, _), *_ = decode.before
    record, text = pa.array([data], pa.binary()), pa.array([schema_text(schema)])
    read = decode.kernel(pa.table({"record": record, named: text}))
    reason = read.column(decode.error)[0].as_py()
    if reason is not None:
        raise ValueError(reason)
    return [
        _plain(read.column(name)[0].as_py(), column.type)
        for name, column in zip(decode.columns, columns, strict=True)
    ]


def _plain(value: Any, type_: SqlType) -> Any:
    """A value of Arrow's as JSON has it; dates and times as the numbers that they are."""
    if value is None:
        return None
    match type_:
        case Array(element):
            return [_plain(item, element) for item in value]
        case Map(_, inner):
            pairs = value.items() if isinstance(value, dict) else value
            return {str(key): _plain(item, inner) for key, item in pairs}
        case Struct(fields):
            return {f.name: _plain(value[f.name], f.type) for f in fields}
        case _:
            return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case Decimal():
            return str(value)
        case datetime():
            return (value.replace(tzinfo=None) - _EPOCH) // timedelta(milliseconds=1)
        case date():
            return (value - _EPOCH_DAY).days
        case time():
            seconds = (value.hour * 60 + value.minute) * 60 + value.second
            return seconds * 1000 + value.microsecond // 1000
        case _:
            return value


def _write(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _proto(fields: Mapping[tuple[str, SqlType], Any]) -> Iterator[str]:
    """The fields in Protobuf's text format."""
    for (name, type_), value in fields.items():
        match type_:
            case _ if not value:
                continue  # a default, or not there
            case Array(element):
                for item in value:
                    yield _proto_field(name, element, item)
            case Map(key, inner):
                for k, item in value.items():
                    entry = {("key", key): k, ("value", inner): item}
                    yield f"{name} {{ {' '.join(_proto(entry))} }}"
            case _:
                yield _proto_field(name, type_, value)


def _proto_field(name: str, type_: SqlType, value: Any) -> str:
    if isinstance(type_, Struct):
        inner = {(f.name, f.type): (value or {}).get(f.name) for f in type_.fields}
        return f"{name} {{ {' '.join(_proto(inner))} }}"
    return f"{name}: {_write(value)}"
