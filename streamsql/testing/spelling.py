"""A case's values as a record's bytes, and back: JSON as it stands, DELIMITED as the line, KAFKA as
a scalar, formats with a schema through their own codecs."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal as Number
from typing import Any

import pyarrow as pa

from streamsql.catalog.catalog import FormatSpec, Source
from streamsql.formats import WITH_SCHEMAS, SchemaFormat, protobuf_nosr
from streamsql.formats.arrow_column import arrow_type
from streamsql.formats.format import KEY, VALUE, FormatOptions
from streamsql.formats.framed import HEADER_BYTES, schema_text, struct_of, write_spec
from streamsql.plan.declare import options_of
from streamsql.registry.registry import Registry
from streamsql.schema.column import Column
from streamsql.schema.registered import JSON, RegisteredSchema
from streamsql.schema.types import (
    BIGINT,
    BYTES,
    DATE,
    DOUBLE,
    INTEGER,
    TIME,
    TIMESTAMP,
    Array,
    Decimal,
    Map,
    SqlType,
    Struct,
)

Json = Any
_PACKED = {INTEGER: ">i", BIGINT: ">q", DOUBLE: ">d"}
_EPOCH = datetime(1970, 1, 1)


def json_text(value: Json) -> str:
    """JSON that keeps a Decimal's digits."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{json_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(json_text(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The key or the value of a topic: how a source, if one reads it, says that it is written."""

    spec: FormatSpec
    columns: tuple[Column, ...]
    options: FormatOptions
    registry: Registry

    @property
    def format(self) -> SchemaFormat | None:
        """The format, where it has schemas."""
        return WITH_SCHEMAS.get(self.spec.name)

    def encode(self, value: Json) -> bytes | None:
        """The bytes of a case's value."""
        if value is None:
            return None
        if self.format is not None:
            return self._encode_by_schema(self.format, value)
        name = self.spec.name
        if name == protobuf_nosr.NAME:
            return self._encode_by_columns(value)
        if name == "JSON":
            return json_text(value).encode()
        if name == "KAFKA" and self.columns and self.columns[0].type in _PACKED:
            number = float(value) if self.columns[0].type == DOUBLE else int(value)
            return struct.pack(_PACKED[self.columns[0].type], number)
        if isinstance(value, bool):
            return str(value).lower().encode()
        return (value if isinstance(value, str) else json_text(value)).encode()

    def decode(self, data: bytes | None) -> Json:
        """A case's value of the bytes."""
        if data is None:
            return None
        if self.format is not None:
            return self._decode_by_schema(self.format, data)
        name = self.spec.name
        if name == protobuf_nosr.NAME:
            return self._decode_by_columns(data)
        if name == "JSON":
            return json.loads(data, parse_float=Number)
        if name == "KAFKA" and self.columns and self.columns[0].type in _PACKED:
            return struct.unpack(_PACKED[self.columns[0].type], data)[0]
        if name == "KAFKA" and self.columns and self.columns[0].type == BYTES:
            return base64.b64encode(data).decode()
        return data.decode()

    def _encode_by_schema(self, format_: SchemaFormat, value: Json) -> bytes | None:
        """Written as the subject's last schema says: a record of it is one value of its type."""
        latest = self.registry.latest(self.options.subject)
        if latest is None:
            raise AssertionError(f"{self.options.subject} has no schema")
        if format_.kind == JSON:
            return _header(latest.id) + json_text(value).encode()
        column = self._whole(format_, latest.schema)
        array = pa.array([_column_value(value, column.type)], arrow_type(column.type))
        spec = write_spec(self.spec.name, [column], self.options, wrapped=False)
        (body,) = format_.writer(spec, latest.schema)([array], 1).to_pylist()
        return _header(latest.id) + body

    def _decode_by_schema(self, format_: SchemaFormat, data: bytes) -> Json:
        schema = self.registry.schema(int.from_bytes(data[1:HEADER_BYTES], "big"))
        assert schema is not None
        if format_.kind == JSON:
            value = json.loads(data[HEADER_BYTES:], parse_float=Number)
            return _with_floats(value, self._whole(format_, schema).type)
        column = self._whole(format_, schema)
        options = replace(self.options, wrap=False, side=VALUE)
        made = format_.decode("_val", [column], options, wanted=[column.name])
        names = {"_val": pa.array([data], pa.binary()), made.before[0][0]: [schema_text(schema)]}
        assert made.kernel is not None
        table = made.kernel(pa.table(names))
        error = table.column(made.error)[0].as_py()
        if error is not None:
            raise AssertionError(error)
        return _case_value(table.column(made.columns[0])[0].as_py(), column.type)

    def _encode_by_columns(self, value: Json) -> bytes:
        row = _column_value(value, struct_of(self.columns))
        spec = write_spec(self.spec.name, self.columns, self.options, wrapped=True).text()
        arrays = [pa.array([row[c.name]], arrow_type(c.type)) for c in self.columns]
        return protobuf_nosr.WRITE.function(pa.array([spec]), *arrays)[0].as_py()

    def _decode_by_columns(self, data: bytes) -> Json:
        names = [c.name for c in self.columns]
        made = protobuf_nosr.FORMAT.decode("_val", self.columns, self.options, wanted=names)
        assert made.kernel is not None
        table = made.kernel(pa.table({"_val": pa.array([data], pa.binary())}))
        return {
            c.name: _case_value(table.column(name)[0].as_py(), c.type)
            for c, name in zip(self.columns, made.columns, strict=True)
        }

    def _whole(self, format_: SchemaFormat, schema: RegisteredSchema) -> Column:
        options = replace(self.options, wrap=False, side=VALUE)
        (column,) = format_.columns(schema, options, exact=True)
        return column


def _header(schema_id: int) -> bytes:
    return b"\x00" + schema_id.to_bytes(4, "big")


def _with_floats(value: Json, type_: SqlType) -> Json:
    """A value of JSON in which a DOUBLE is a float."""
    match type_:
        case Struct(fields) if isinstance(value, dict):
            types = {f.name: f.type for f in fields}
            return {k: _with_floats(v, types[k]) for k, v in value.items()}
        case Array(element) if isinstance(value, list):
            return [_with_floats(v, element) for v in value]
        case Map(_, inner) if isinstance(value, dict):
            return {k: _with_floats(v, inner) for k, v in value.items()}
        case _:
            return float(value) if type_ == DOUBLE and isinstance(value, Number) else value


def side_of(source: Source | None, side: str, registry: Registry) -> Side:
    """The key or the value of the topic that `source` reads."""
    if source is None:
        return Side(
            spec=FormatSpec(name="KAFKA"), columns=(), options=FormatOptions(), registry=registry
        )
    is_key = side == KEY
    return Side(
        spec=source.key_format if is_key else source.value_format,
        columns=source.schema.key if is_key else source.schema.value,
        options=options_of(source, side),
        registry=registry,
    )


def _column_value(value: Json, type_: SqlType) -> Any:
    """A case's value as Arrow takes it for a column; names are found without regard to case."""
    match type_:
        case _ if value is None:
            return None
        case Struct(fields):
            given = {k.upper(): v for k, v in value.items()}
            return {f.name: _column_value(given.get(f.name.upper()), f.type) for f in fields}
        case Array(element):
            return [_column_value(v, element) for v in value]
        case Map(key, inner):
            return [(_column_value(k, key), _column_value(v, inner)) for k, v in value.items()]
        case Decimal(_, scale):
            return Number(str(value)).quantize(Number(1).scaleb(-scale))
        case _:
            return _scalar_value(value, type_)


def _scalar_value(value: Json, type_: SqlType) -> Any:
    if type_ == BYTES:
        return base64.b64decode(value)
    if type_ == DATE:
        return date(1970, 1, 1) + timedelta(days=int(value))
    if type_ == TIME:
        return (_EPOCH + timedelta(milliseconds=int(value))).time()
    if type_ == TIMESTAMP:
        return _EPOCH + timedelta(milliseconds=int(value))
    if type_ == DOUBLE:
        return float(value)
    if type_ in (INTEGER, BIGINT):
        return int(value)
    if isinstance(value, bool | str):
        return value
    return json_text(value)


def _case_value(value: Any, type_: SqlType) -> Json:
    """What a column gives, as a case spells it."""
    match type_:
        case _ if value is None:
            return None
        case Struct(fields):
            return {f.name: _case_value(value[f.name], f.type) for f in fields}
        case Array(element):
            return [_case_value(v, element) for v in value]
        case Map(_, inner):
            pairs: Sequence[tuple[Any, Any]] = value
            return {k: _case_value(v, inner) for k, v in pairs}
        case _:
            return _case_scalar(value, type_)


def _case_scalar(value: Any, type_: SqlType) -> Json:
    if type_ == DATE:
        return (value - date(1970, 1, 1)).days
    if type_ == TIME:
        return (datetime.combine(_EPOCH, value or time()) - _EPOCH) // timedelta(milliseconds=1)
    if type_ == TIMESTAMP:
        return (value - _EPOCH) // timedelta(milliseconds=1)
    return value


def write_key(record: Json, side: Side, *, window: Json = None) -> bytes | None:
    """The key's bytes; of a windowed one with its window."""
    data = side.encode(record.get("key"))
    if data is None or not window:
        return data
    if window["type"] == "session":
        return data + struct.pack(">qq", window["end"], window["start"])
    return data + struct.pack(">q", window["start"])


def read_key(data: bytes | None, source: Source | None, side: Side) -> tuple[Json, Json]:
    """The key and its window, or None."""
    if source is None or source.window is None or data is None:
        return side.decode(data), None
    if source.window.kind == "SESSION":
        end, start = struct.unpack(">qq", data[-16:])
        return side.decode(data[:-16]), {"start": start, "end": end, "type": "session"}
    (start,) = struct.unpack(">q", data[-8:])
    window = {"start": start, "end": start + (source.window.size_ms or 0), "type": "time"}
    return side.decode(data[:-8]), window
