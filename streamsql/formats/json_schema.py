"""JSON Schemas: the columns that one describes, and the one that describes columns.

The text is what Confluent's JsonSchemaData makes of Connect's schemas: everything may be null but
the record itself (`oneOf`), `connect.index` keeps the order of fields, `connect.type` and `title`
say what JSON's own types cannot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from streamsql.schema.column import Column
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    INTEGER,
    STRING,
    TIME,
    TIMESTAMP,
    Array,
    Decimal,
    Field,
    Map,
    Scalar,
    SqlType,
    Struct,
)

_CONNECT = "org.apache.kafka.connect.data."
_NULL: dict[str, Any] = {"type": "null"}
_DECIMAL_PRECISION = 64
"""Connect's, where a schema does not say one."""

Node = Mapping[str, Any]


# To SQL types


def schema_type(text: str, imports: Mapping[str, str], *, exact: bool) -> SqlType | None:
    """The type that the schema describes, None where no column has it; ValueError where the text is
    no JSON Schema. Names of fields are as written where `exact`, else in capitals."""
    try:
        root = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is no JSON Schema: {error}") from None
    if not isinstance(root, dict):
        raise ValueError(f"this is no JSON Schema: {text[:200]}")
    named = {name: json.loads(imported) for name, imported in imports.items()}
    return _Reading(root, named, exact=exact).type_of(root, ())


class _Reading:
    """One schema being read: `root` holds what its references point to."""

    def __init__(self, root: Node, imports: Mapping[str, Node], *, exact: bool) -> None:
        self._root = root
        self._imports = imports
        self._exact = exact

    def type_of(self, node: Node, path: tuple[str, ...]) -> SqlType | None:
        """The type of a part; `path`: the references that lead to it."""
        if "$ref" in node:
            return self._referenced(node["$ref"], path)
        for word in ("oneOf", "anyOf"):
            if word in node:
                return self._one_of(node[word], path)
        if "allOf" in node:
            return self._all_of(node, path)
        if isinstance(node.get("type"), list):
            return self._one_of([{**node, "type": t} for t in node["type"]], path)
        return self._plain(node, path)

    def _referenced(self, reference: str, path: tuple[str, ...]) -> SqlType | None:
        if reference in path:
            raise ValueError(
                f"KSQL does not support recursive schemas: {reference} contains itself"
            )
        place, _, inner = reference.partition("#")
        found: Any = self._imports.get(place) if place else self._root
        for word in filter(None, inner.split("/")):
            found = found.get(word) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise ValueError(f"the schema refers to {reference}, which is not there")
        return self.type_of(found, (*path, reference))

    def _one_of(self, branches: Sequence[Node], path: tuple[str, ...]) -> SqlType | None:
        others = [b for b in branches if b.get("type") != "null"]
        if len(others) == 1:
            return self.type_of(others[0], path)
        types = [self.type_of(b, path) for b in others]
        fields = [
            self._field(f"connect_union_field_{i}", type_)
            for i, type_ in enumerate(types)
            if type_ is not None
        ]
        return Struct(tuple(fields)) if fields else None

    def _all_of(self, node: Node, path: tuple[str, ...]) -> SqlType | None:
        """The fields of all parts together; of parts without fields the first type."""
        rest = {k: v for k, v in node.items() if k != "allOf"}
        types = [self.type_of(part, path) for part in (rest, *node["allOf"]) if part]
        fields = {f.name: f for type_ in types if isinstance(type_, Struct) for f in type_.fields}
        if fields:
            return Struct(tuple(fields.values()))
        return next((type_ for type_ in types if type_ is not None), None)

    def _plain(self, node: Node, path: tuple[str, ...]) -> SqlType | None:
        connect = node.get("connect.type", "")
        logical = _logical(node, connect)
        if logical is not None:
            return logical
        match node.get("type"):
            case "boolean":
                return BOOLEAN
            case "integer" | "number" as name:
                return _NUMBERS.get(connect, BIGINT if name == "integer" else DOUBLE)
            case "string":
                return BYTES if connect == "bytes" else STRING
            case "array":
                return self._array(node, path, is_map=connect == "map")
            case "object":
                return self._object(node, path, is_map=connect == "map")
            case None if "enum" in node or "const" in node:
                return STRING
            case None if "properties" in node:
                return self._object(node, path, is_map=False)
            case _:
                return None

    def _array(self, node: Node, path: tuple[str, ...], *, is_map: bool) -> SqlType | None:
        items = node.get("items")
        element = self.type_of(items, path) if isinstance(items, dict) else None
        if element is None:
            return None
        if is_map and isinstance(element, Struct) and len(element.fields) == 2:
            return Map(STRING, element.fields[1].type)
        return Array(element)

    def _object(self, node: Node, path: tuple[str, ...], *, is_map: bool) -> SqlType | None:
        values = node.get("additionalProperties")
        properties: Mapping[str, Node] = node.get("properties", {})
        if is_map or (not properties and isinstance(values, dict)):
            value = self.type_of(values, path) if isinstance(values, dict) else None
            return None if value is None else Map(STRING, value)
        ordered = sorted(properties.items(), key=lambda p: p[1].get("connect.index", 0))
        fields = [
            self._field(name, type_)
            for name, inner in ordered
            if (type_ := self.type_of(inner, path)) is not None
        ]
        return Struct(tuple(fields)) if fields else None

    def _field(self, name: str, type_: SqlType) -> Field:
        return Field(name if self._exact else name.upper(), type_, name)


def _logical(node: Node, connect: str) -> SqlType | None:
    name = str(node.get("title", "")).removeprefix(_CONNECT)
    if name == "Decimal" and connect == "bytes":
        parameters = node.get("connect.parameters", {})
        precision = int(parameters.get("connect.decimal.precision", _DECIMAL_PRECISION))
        return Decimal(precision, int(parameters.get("scale", 0)))
    return {"Date": DATE, "Time": TIME, "Timestamp": TIMESTAMP}.get(name)


_NUMBERS: dict[str, SqlType] = {
    "int8": INTEGER,
    "int16": INTEGER,
    "int32": INTEGER,
    "int64": BIGINT,
    "float32": DOUBLE,
    "float64": DOUBLE,
}


# To text


def json_schema_text(columns: Sequence[Column], *, wrapped: bool) -> str:
    """The schema of the columns: an object, or the type of a bare value."""
    if wrapped:
        node = _object([(c.name, c.type) for c in columns])
    else:
        node = _nullable(columns[0].type)
    return json.dumps(node, ensure_ascii=False, separators=(",", ":"))


def _object(fields: Sequence[tuple[str, SqlType]]) -> dict[str, Any]:
    properties = {
        name: {"connect.index": i, **_nullable(type_)} for i, (name, type_) in enumerate(fields)
    }
    return {"type": "object", "properties": properties}


def _nullable(type_: SqlType) -> dict[str, Any]:
    return {"oneOf": [_NULL, _write(type_)]}


def _write(type_: SqlType) -> dict[str, Any]:
    match type_:
        case Decimal(precision, scale):
            parameters = {"scale": str(scale), "connect.decimal.precision": str(precision)}
            named = {"type": "number", "title": f"{_CONNECT}Decimal", "connect.version": 1}
            return {**named, "connect.type": "bytes", "connect.parameters": parameters}
        case Scalar():
            return _SCALARS[type_]
        case Array(element):
            return {"type": "array", "items": _nullable(element)}
        case Map(_, value):
            values = {"additionalProperties": _nullable(value)}
            return {"type": "object", "connect.type": "map", **values}
        case Struct(fields):
            return _object([(f.name, f.type) for f in fields])
        case _:
            raise AssertionError(type_)


def _titled(title: str, connect: str) -> dict[str, Any]:
    named = {"type": "integer", "title": f"{_CONNECT}{title}", "connect.version": 1}
    return {**named, "connect.type": connect}


_SCALARS: dict[Scalar, dict[str, Any]] = {
    BOOLEAN: {"type": "boolean"},
    INTEGER: {"type": "integer", "connect.type": "int32"},
    BIGINT: {"type": "integer", "connect.type": "int64"},
    DOUBLE: {"type": "number", "connect.type": "float64"},
    STRING: {"type": "string"},
    BYTES: {"type": "string", "connect.type": "bytes"},
    DATE: _titled("Date", "int32"),
    TIME: _titled("Time", "int32"),
    TIMESTAMP: _titled("Timestamp", "int64"),
}
