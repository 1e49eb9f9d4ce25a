"""The Protobuf schema of columns, as Confluent's ProtobufData writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    Map,
    Scalar,
    SqlType,
    Struct,
)

OPTIONAL, WRAPPER = "OPTIONAL", "WRAPPER"
_DEFAULT_NAME = "ConnectDefault"

_SCALARS: dict[Scalar, str] = {
    BOOLEAN: "bool",
    INTEGER: "int32",
    BIGINT: "int64",
    DOUBLE: "double",
    STRING: "string",
    BYTES: "bytes",
}
_WRAPPED = {
    "bool": "Bool",
    "int32": "Int32",
    "int64": "Int64",
    "double": "Double",
    "string": "String",
    "bytes": "Bytes",
}
_LOGICAL: dict[Scalar, tuple[str, str]] = {
    DATE: ("google.type.Date", "google/type/date.proto"),
    TIME: ("google.type.TimeOfDay", "google/type/timeofday.proto"),
    TIMESTAMP: ("google.protobuf.Timestamp", "google/protobuf/timestamp.proto"),
}


def proto_text(columns: Sequence[Column], *, full_name: str, nullable: str) -> str:
    """The schema of the columns: one message called `full_name`.

    `nullable`: how a scalar that may be NULL is written: OPTIONAL, WRAPPER, or as if it were none.
    """
    writing = _Writing(nullable)
    package, _, name = full_name.rpartition(".")
    if not name:
        name = writing.next_name()
    body = writing.message(name, [(c.name, c.type) for c in columns], "")
    lines = ['syntax = "proto3";']
    lines += [f"package {package};"] if package else []
    lines.append("")
    if writing.imports:
        lines += [f'import "{i}";' for i in sorted(writing.imports)]
        lines.append("")
    return "\n".join([*lines, *body, ""])


@dataclass(slots=True)
class _Writing:
    """One schema being written: what it imports, and how many messages have no name."""

    nullable: str
    imports: set[str] = field(default_factory=set[str])
    unnamed: int = 0

    def next_name(self) -> str:
        """The next name of a message that has none."""
        self.unnamed += 1
        return f"{_DEFAULT_NAME}{self.unnamed}"

    def message(self, name: str, fields: Sequence[tuple[str, SqlType]], indent: str) -> list[str]:
        """The lines of a message; those of its inner ones stand in it."""
        inner: list[str] = []
        lines = [
            f"{indent}  {self._field(n, t, inner, indent + '  ')} = {i}{_options(t)};"
            for i, (n, t) in enumerate(fields, 1)
        ]
        return [f"{indent}message {name} {{", *lines, *inner, f"{indent}}}"]

    def _field(self, name: str, type_: SqlType, inner: list[str], indent: str) -> str:
        match type_:
            case Array(element):
                return f"repeated {self._type(element, inner, indent)} {name}"
            case Map(_, value):
                return f"map<string, {self._type(value, inner, indent)}> {name}"
            case Scalar() if type_ in _SCALARS and self.nullable == OPTIONAL:
                return f"optional {self._type(type_, inner, indent)} {name}"
            case _:
                return f"{self._type(type_, inner, indent)} {name}"

    def _type(self, type_: SqlType, inner: list[str], indent: str) -> str:
        match type_:
            case Struct(fields):
                name = self.next_name()
                described = [(f.name, f.type) for f in fields]
                inner += ["", *self.message(name, described, indent)]
                return name
            case Decimal():
                self.imports |= {"confluent/meta.proto", "confluent/type/decimal.proto"}
                return "confluent.type.Decimal"
            case Scalar() if type_ in _LOGICAL:
                name, where = _LOGICAL[type_]
                self.imports.add(where)
                return name
            case Scalar() if self.nullable == WRAPPER:
                self.imports.add("google/protobuf/wrappers.proto")
                return f"google.protobuf.{_WRAPPED[_SCALARS[type_]]}Value"
            case Scalar():
                return _SCALARS[type_]
            case _:
                raise AssertionError(type_)


def _options(type_: SqlType) -> str:
    """What a decimal's own message does not say: its precision and scale."""
    match type_:
        case Array(inner) | Map(_, inner):
            return _options(inner)
        case Decimal(precision, scale):
            values = [
                f'{{value: "{v}", key: "{k}"}}'
                for k, v in (("precision", precision), ("scale", scale))
            ]
            return f" [(confluent.field_meta) = {{params: [{', '.join(values)}]}}]"
        case _:
            return ""
