"""Avro schemas: from text to a tree of types, and from columns to text.

The text is what Confluent's AvroData makes of Connect's schemas, in ksqlDB's way: everything is
nullable but the record itself, a MAP is a list of entries (its keys are nullable, which Avro's own
maps cannot say), nested records are called by their path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamsql.formats.format import KEY
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

NAMESPACE = "io.confluent.ksql.avro_schemas"
_CONNECT = "org.apache.kafka.connect.data."
_DECIMAL_PRECISION = 64
"""Connect's, where a schema does not say one."""


class AvroType:
    """A type of a parsed schema."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Primitive(AvroType):
    """`logical`: DATE, TIME, TIMESTAMP or DECIMAL where the value stands for one."""

    name: str
    logical: str = ""
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Fixed(AvroType):
    """Bytes of one length; `logical` as in Primitive."""

    size: int
    logical: str = ""
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Enum(AvroType):
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Items(AvroType):
    """A list; `entries` where it is how Connect writes a map."""

    items: AvroType
    entries: bool = False


@dataclass(frozen=True, slots=True)
class Values(AvroType):
    """A map with STRING keys."""

    values: AvroType


@dataclass(frozen=True, slots=True)
class RecordField:
    """`default`: JSON, in a tuple of one; empty where there is none."""

    name: str
    type: AvroType
    default: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Record(AvroType):
    name: str
    fields: tuple[RecordField, ...]


@dataclass(frozen=True, slots=True)
class Union(AvroType):
    branches: tuple[AvroType, ...]

    @property
    def nullable(self) -> AvroType | None:
        """The other branch of a union with null alone."""
        others = [b for b in self.branches if b != NULL_TYPE]
        return others[0] if len(others) == 1 and len(self.branches) == 2 else None


NULL_TYPE = Primitive("null")
_PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")

# From text


def parse_avro(text: str, imports: Sequence[str] = ()) -> AvroType:
    """The schema that the text describes; raises ValueError, saying why, where it is none."""
    named: dict[str, AvroType | None] = {}
    for imported in imports:
        _parse(_json_of(imported), "", named)
    return _parse(_json_of(text), "", named)


def _json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        # Older producers register a primitive's bare name.
        return text.strip()


def _parse(node: Any, namespace: str, named: dict[str, AvroType | None]) -> AvroType:
    match node:
        case str() if node in _PRIMITIVES:
            return Primitive(node)
        case str():
            return _named(node, namespace, named)
        case [*branches]:
            return Union(tuple(_parse(b, namespace, named) for b in branches))
        case {"type": dict() | list() as inner}:
            return _parse(inner, namespace, named)
        case {"type": "array", "items": items}:
            return _items(_parse(items, namespace, named), items)
        case {"type": "map", "values": values}:
            return Values(_parse(values, namespace, named))
        case {"type": "record" | "error" | "enum" | "fixed", "name": str()}:
            return _parse_named(node, namespace, named)
        case {"type": str() as name} if name in _PRIMITIVES:
            return _with_logical(Primitive(name), node)
        case {"type": str() as name}:
            return _named(name, namespace, named)
        case _:
            raise ValueError(f"this is no Avro schema: {json.dumps(node)[:200]}")


def _named(name: str, namespace: str, named: Mapping[str, AvroType | None]) -> AvroType:
    full = name if "." in name or not namespace else f"{namespace}.{name}"
    if full not in named:
        raise ValueError(f"Undefined name: {json.dumps(full)}")
    found = named[full]
    if found is None:
        raise ValueError(f"KSQL does not support recursive schemas: {full} contains itself")
    return found


def _parse_named(
    node: Mapping[str, Any], outer: str, named: dict[str, AvroType | None]
) -> AvroType:
    name, namespace = node["name"], node.get("namespace", outer)
    if "." in name:
        namespace, _, name = name.rpartition(".")
    full = f"{namespace}.{name}" if namespace else name
    named[full] = None
    made: AvroType
    match node["type"]:
        case "enum":
            made = Enum(tuple(node.get("symbols", ())))
        case "fixed":
            made = _with_logical(Fixed(int(node.get("size", 0))), node)
        case _:
            made = Record(
                full,
                tuple(
                    RecordField(
                        f["name"],
                        _parse(f["type"], namespace, named),
                        (f["default"],) if "default" in f else (),
                    )
                    for f in node.get("fields", ())
                ),
            )
    named[full] = made
    return made


def _items(items: AvroType, source: Any) -> Items:
    """A list of Connect's map entries is a map, told by their name or by a mark on them."""
    described: Mapping[str, Any] = source if isinstance(source, dict) else {}
    marked = described.get("connect.internal.type") == "MapEntry"
    called = isinstance(items, Record) and items.name == "io.confluent.connect.avro.MapEntry"
    return Items(items, entries=isinstance(items, Record) and (marked or called))


def _with_logical(type_: Primitive | Fixed, node: Mapping[str, Any]) -> Primitive | Fixed:
    named = str(node.get("connect.name", "")).removeprefix(_CONNECT)
    logical = _LOGICAL.get(str(node.get("logicalType", "")), named.upper())
    carrier = type_.name if isinstance(type_, Primitive) else "fixed"
    if logical not in _CARRIED or carrier not in _CARRIED[logical]:
        return type_
    if logical != "DECIMAL":
        return Primitive(carrier, logical)
    parameters = node.get("connect.parameters", {})
    precision = parameters.get("connect.decimal.precision", node.get("precision"))
    scale = int(node.get("scale", parameters.get("scale", 0)))
    digits = _DECIMAL_PRECISION if precision is None else int(precision)
    if isinstance(type_, Fixed):
        return Fixed(type_.size, logical, digits, scale)
    return Primitive(carrier, logical, digits, scale)


_LOGICAL = {
    "date": "DATE",
    "time-millis": "TIME",
    "timestamp-millis": "TIMESTAMP",
    "decimal": "DECIMAL",
}
_CARRIED = {
    "DATE": ("int",),
    "TIME": ("int",),
    "TIMESTAMP": ("long",),
    "DECIMAL": ("bytes", "fixed"),
}


# To SQL types


def sql_type(type_: AvroType, *, exact: bool) -> SqlType | None:
    """The SQL type that reads the Avro type, None where there is none.

    Names of fields are as they are written where `exact`, else in capitals.
    """
    match type_:
        case Primitive(name, logical, precision, scale):
            return _logical_type(logical, precision, scale) or _SQL_TYPES.get(name)
        case Fixed(_, logical, precision, scale):
            return _logical_type(logical, precision, scale) or BYTES
        case Enum():
            return STRING
        case Items(Record(_, fields), True):
            entry = {f.name: sql_type(f.type, exact=exact) for f in fields}
            value = entry.get("value")
            return Map(STRING, value) if value is not None else None
        case Items(items):
            element = sql_type(items, exact=exact)
            return Array(element) if element is not None else None
        case Values(values):
            value = sql_type(values, exact=exact)
            return Map(STRING, value) if value is not None else None
        case Record(_, fields):
            return _struct_type([(f.name, f.type) for f in fields], exact=exact)
        case Union():
            if (inner := type_.nullable) is not None:
                return sql_type(inner, exact=exact)
            return _struct_type(branch_names(type_), exact=exact)
        case _:
            raise AssertionError(type_)


def branch_names(union: Union) -> list[tuple[str, AvroType]]:
    """The branches of a union with several types, as the fields of Connect's struct for it."""
    named: list[tuple[str, AvroType]] = []
    for branch in union.branches:
        match branch:
            case Primitive("null"):
                continue
            case Primitive(name):
                named.append((name, branch))
            case Record(name):
                named.append((name.rpartition(".")[2], branch))
            case Items():
                named.append(("array", branch))
            case Values():
                named.append(("map", branch))
            case _:
                named.append((type(branch).__name__.lower(), branch))
    return named


def _struct_type(fields: Sequence[tuple[str, AvroType]], *, exact: bool) -> SqlType | None:
    made: list[Field] = []
    for name, inner in fields:
        type_ = sql_type(inner, exact=exact)
        if type_ is not None:
            made.append(Field(name if exact else name.upper(), type_, name))
    return Struct(tuple(made)) if made else None


def _logical_type(logical: str, precision: int, scale: int) -> SqlType | None:
    if logical == "DECIMAL":
        return Decimal(precision, scale)
    return {"DATE": DATE, "TIME": TIME, "TIMESTAMP": TIMESTAMP}.get(logical)


_SQL_TYPES = {
    "boolean": BOOLEAN,
    "int": INTEGER,
    "long": BIGINT,
    "float": DOUBLE,
    "double": DOUBLE,
    "bytes": BYTES,
    "string": STRING,
}


# To text


def avro_text(columns: Sequence[Column], *, wrapped: bool, full_name: str) -> str:
    """The schema of the columns: a record called `full_name`, or the type of a bare value."""
    if not wrapped:
        node = _write(columns[0].type, full_name)
    else:
        node = _write_record([(c.name, c.type) for c in columns], full_name, outer="")
    return json.dumps(node, ensure_ascii=False, separators=(",", ":"))


def default_name(source: str, side: str) -> str:
    """The name of a record that the user did not name."""
    if side != KEY or not source:
        return f"{NAMESPACE}.KsqlDataSourceSchema"
    return f"{NAMESPACE}.{''.join(word.capitalize() for word in source.split('_'))}Key"


def name_problem(columns: Sequence[Column]) -> str:
    """Why a column or a field cannot be called so in Avro, or nothing."""
    for column in columns:
        for name in (column.name, *_field_names(column.type)):
            if not re.match("[A-Za-z_]", name):
                return f"Illegal initial character: {name}"
            if not _NAME.fullmatch(name):
                return f"Illegal character in: {name}"
    return ""


_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def _field_names(type_: SqlType) -> list[str]:
    match type_:
        case Array(element):
            return _field_names(element)
        case Map(_, value):
            return _field_names(value)
        case Struct(fields):
            return [n for f in fields for n in (f.name, *_field_names(f.type))]
        case _:
            return []


def _write_record(fields: Sequence[tuple[str, SqlType]], name: str, *, outer: str) -> object:
    namespace, _, short = name.rpartition(".")
    node: dict[str, object] = {"type": "record", "name": short}
    if namespace and namespace != outer:
        node["namespace"] = namespace
    node["fields"] = [_write_field(n, t, f"{name}_{n}", namespace) for n, t in fields]
    node["connect.name"] = name
    return node


def _write_field(name: str, type_: SqlType, path: str, namespace: str) -> object:
    nullable = ["null", _write(type_, path, outer=namespace)]
    return {"name": name, "type": nullable, "default": None}


def _write(type_: SqlType, path: str, *, outer: str = "") -> object:
    """A type's node; records in it are called by `path`."""
    match type_:
        case Decimal(precision, scale):
            parameters = {"scale": str(scale), "connect.decimal.precision": str(precision)}
            return {
                "type": "bytes",
                "scale": scale,
                "precision": precision,
                "connect.version": 1,
                "connect.parameters": parameters,
                "connect.name": f"{_CONNECT}Decimal",
                "logicalType": "decimal",
            }
        case Scalar():
            return _SCALARS[type_]
        case Array(element):
            return {"type": "array", "items": ["null", _write(element, path, outer=outer)]}
        case Map(key, value):
            namespace, _, short = path.rpartition(".")
            entry: dict[str, object] = {"type": "record", "name": short}
            if namespace and namespace != outer:
                entry["namespace"] = namespace
            entry["fields"] = [
                _write_field("key", key, f"{path}_MapKey", namespace),
                _write_field("value", value, f"{path}_MapValue", namespace),
            ]
            entry["connect.internal.type"] = "MapEntry"
            return {"type": "array", "items": entry, "connect.name": path}
        case Struct(fields):
            return _write_record([(f.name, f.type) for f in fields], path, outer=outer)
        case _:
            raise AssertionError(type_)


def _logical(type_: str, connect: str, logical: str) -> object:
    name = {"connect.name": f"{_CONNECT}{connect}", "logicalType": logical}
    return {"type": type_, "connect.version": 1, **name}


_SCALARS: dict[Scalar, object] = {
    BOOLEAN: "boolean",
    INTEGER: "int",
    BIGINT: "long",
    DOUBLE: "double",
    STRING: "string",
    BYTES: "bytes",
    DATE: _logical("int", "Date", "date"),
    TIME: _logical("int", "Time", "time-millis"),
    TIMESTAMP: _logical("long", "Timestamp", "timestamp-millis"),
}
