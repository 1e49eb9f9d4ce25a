"""A case's values as a record's bytes, and back: JSON as it stands, DELIMITED as the line, KAFKA as
a scalar."""

from __future__ import annotations

import base64
import json
import struct
from decimal import Decimal
from typing import Any

from streamsql.catalog.catalog import FormatSpec, Source
from streamsql.schema.column import Column
from streamsql.schema.types import BIGINT, BYTES, DOUBLE, INTEGER

Json = Any
_PACKED = {INTEGER: ">i", BIGINT: ">q", DOUBLE: ">d"}


def json_text(value: Json) -> str:
    """JSON that keeps a Decimal's digits."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{json_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(json_text(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _encode(value: Json, spec: FormatSpec | None, columns: tuple[Column, ...]) -> bytes | None:
    if value is None:
        return None
    name = spec.name if spec else "KAFKA"
    if name in ("JSON", "JSON_SR"):
        return json_text(value).encode()
    if name == "KAFKA" and columns and columns[0].type in _PACKED:
        number = float(value) if columns[0].type == DOUBLE else int(value)
        return struct.pack(_PACKED[columns[0].type], number)
    if name in ("KAFKA", "DELIMITED", "NONE"):
        if isinstance(value, bool):
            return str(value).lower().encode()
        return (value if isinstance(value, str) else json_text(value)).encode()
    raise NotImplementedError(f"format {name}")


def _decode(data: bytes | None, spec: FormatSpec | None, columns: tuple[Column, ...]) -> Json:
    if data is None:
        return None
    name = spec.name if spec else "KAFKA"
    if name in ("JSON", "JSON_SR"):
        return json.loads(data, parse_float=Decimal)
    if name == "KAFKA" and columns and columns[0].type in _PACKED:
        return struct.unpack(_PACKED[columns[0].type], data)[0]
    if name == "KAFKA" and columns and columns[0].type == BYTES:
        return base64.b64encode(data).decode()
    if name in ("KAFKA", "DELIMITED", "NONE"):
        return data.decode()
    raise NotImplementedError(f"format {name}")


def write_key(record: Json, source: Source | None) -> bytes | None:
    """The key's bytes; of a windowed one with its window."""
    spec = source.key_format if source else None
    data = _encode(record.get("key"), spec, source.schema.key if source else ())
    window = record.get("window")
    if data is None or not window:
        return data
    if window["type"] == "session":
        return data + struct.pack(">qq", window["end"], window["start"])
    return data + struct.pack(">q", window["start"])


def write_value(value: Json, source: Source | None) -> bytes | None:
    """The value's bytes."""
    return _encode(
        value, source.value_format if source else None, source.schema.value if source else ()
    )


def read_key(data: bytes | None, source: Source | None) -> tuple[Json, Json]:
    """The key and its window, or None."""
    spec = source.key_format if source else None
    columns = source.schema.key if source else ()
    if source is None or source.window is None or data is None:
        return _decode(data, spec, columns), None
    if source.window.kind == "SESSION":
        end, start = struct.unpack(">qq", data[-16:])
        return _decode(data[:-16], spec, columns), {"start": start, "end": end, "type": "session"}
    (start,) = struct.unpack(">q", data[-8:])
    window = {"start": start, "end": start + (source.window.size_ms or 0), "type": "time"}
    return _decode(data[:-8], spec, columns), window


def read_value(data: bytes | None, source: Source | None) -> Json:
    """The value as the cases spell it."""
    return _decode(
        data, source.value_format if source else None, source.schema.value if source else ()
    )
