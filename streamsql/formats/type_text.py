"""A type as a constant in SQL, for a kernel that needs to know it: `write_type`, `read_type`."""

from __future__ import annotations

import json
from typing import Any

from streamsql.schema.types import Array, Decimal, Field, Map, Scalar, SqlType, Struct


def write_type(type_: SqlType) -> str:
    """The type as text."""
    return json.dumps(_pack(type_), ensure_ascii=False, separators=(",", ":"))


def read_type(text: str) -> SqlType:
    """The type that `write_type` wrote."""
    return _unpack(json.loads(text))


def _pack(type_: SqlType) -> object:
    match type_:
        case Scalar(name):
            return name
        case Decimal(precision, scale):
            return ["DECIMAL", precision, scale]
        case Array(element):
            return ["ARRAY", _pack(element)]
        case Map(key, value):
            return ["MAP", _pack(key), _pack(value)]
        case Struct(fields):
            return ["STRUCT", *([f.name, _pack(f.type)] for f in fields)]
        case _:
            raise AssertionError(type_)


def _unpack(packed: Any) -> SqlType:
    match packed:
        case str():
            return Scalar(packed)
        case ["DECIMAL", precision, scale]:
            return Decimal(precision, scale)
        case ["ARRAY", element]:
            return Array(_unpack(element))
        case ["MAP", key, value]:
            return Map(_unpack(key), _unpack(value))
        case ["STRUCT", *fields]:
            return Struct(tuple(Field(name, _unpack(type_)) for name, type_ in fields))
        case _:
            raise AssertionError(packed)
