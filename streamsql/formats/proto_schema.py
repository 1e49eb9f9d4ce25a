"""Protobuf schemas: from text to messages, and from messages to the types of columns.

A message has a field for each column; nested messages are structs, and some messages of Google and
Confluent are dates, times and decimals, as Confluent's ProtobufData reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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

_DECIMAL_PRECISION = 64
"""Connect's, where a schema does not say one."""

SCALARS: dict[str, SqlType] = {
    **dict.fromkeys(("int32", "sint32", "sfixed32"), INTEGER),
    **dict.fromkeys(("uint32", "fixed32", "int64", "uint64"), BIGINT),
    **dict.fromkeys(("sint64", "fixed64", "sfixed64"), BIGINT),
    "float": DOUBLE,
    "double": DOUBLE,
    "bool": BOOLEAN,
    "string": STRING,
    "bytes": BYTES,
}
"""A field's type by its name in a schema."""

WRAPPERS = {
    f"google.protobuf.{name}Value": kind
    for name, kind in {
        "Double": "double",
        "Float": "float",
        "Int64": "int64",
        "UInt64": "uint64",
        "Int32": "int32",
        "UInt32": "uint32",
        "Bool": "bool",
        "String": "string",
        "Bytes": "bytes",
    }.items()
}
"""Messages around one value, so that there may be none."""

LOGICAL: dict[str, Scalar] = {
    "google.protobuf.Timestamp": TIMESTAMP,
    "google.type.Date": DATE,
    "google.type.TimeOfDay": TIME,
}
DECIMAL_MESSAGE = "confluent.type.Decimal"
_KNOWN = (*WRAPPERS, *LOGICAL, DECIMAL_MESSAGE)


@dataclass(slots=True)
class Message:
    """A message; its fields are filled in when all names are known."""

    name: str
    fields: list[ProtoField] = field(default_factory=list["ProtoField"])
    inner: list[Message] = field(default_factory=list["Message"])


@dataclass(frozen=True, slots=True)
class Enumeration:
    """An enum: names by number; the first one is the default."""

    names: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtoField:
    """A field. `kind`: a name of SCALARS, of a known message, an Enumeration or a Message.

    `presence`: a missing value is NULL, not a default. `key`: of a map the kind of its keys, `kind`
    is its values'. `choice`: the oneof that it stands in.
    """

    name: str
    number: int
    kind: str | Enumeration | Message
    repeated: bool = False
    presence: bool = False
    key: str = ""
    choice: str = ""
    decimal: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class ProtoFile:
    """The messages of a schema, in their order; `named` finds them by their full names."""

    messages: tuple[Message, ...]
    named: Mapping[str, Message]

    def message(self, full_name: str) -> Message:
        """The message of that name, or the first one; ValueError where there is none."""
        if not full_name:
            if not self.messages:
                raise ValueError("the schema has no message")
            return self.messages[0]
        found = self.named.get(full_name)
        if found is None:
            raise ValueError(f"the schema has no message {full_name}")
        return found

    def at(self, path: Sequence[int]) -> Message:
        """The message at that place: an index among the messages, then among its inner ones."""
        messages: Sequence[Message] = self.messages
        found: Message | None = None
        for index in path:
            if not 0 <= index < len(messages):
                raise ValueError(f"the schema has no message at {list(path)}")
            found = messages[index]
            messages = found.inner
        if found is None:
            raise ValueError("the schema has no message")
        return found

    def path_of(self, message: Message) -> tuple[int, ...]:
        """Where the message stands."""
        return next(path for path, found in _places(self.messages) if found is message)


def _places(
    messages: Sequence[Message], before: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], Message]]:
    for i, message in enumerate(messages):
        yield (*before, i), message
        yield from _places(message.inner, (*before, i))


# From text


def parse_proto(text: str, imports: Sequence[str] = ()) -> ProtoFile:
    """The messages that the text describes; raises ValueError where it is no Protobuf schema."""
    # Its import takes a quarter of a second, and most engines never see a Protobuf schema.
    from proto_schema_parser.parser import Parser

    parser = Parser(setup_lexer=_listen, setup_parser=_listen)
    files: list[Any] = [parser.parse(source) for source in (*imports, text)]
    named: dict[str, Message | Enumeration] = {}
    made = [_declare(f.file_elements, _package(f), named) for f in files]
    for parsed, messages in zip(files, made, strict=True):
        _fill(parsed.file_elements, messages, named, parsed.syntax)
    own = {n: m for n, m in named.items() if isinstance(m, Message)}
    return ProtoFile(tuple(made[-1]), own)


class _Strict:
    """Makes an error of what the parser would print and pass over."""

    def syntaxError(self, *found: Any) -> None:
        """Raises ValueError."""
        _, _, line, column, what, _ = found
        raise ValueError(f"this is no Protobuf schema: line {line}, column {column + 1}: {what}")

    def __getattr__(self, name: str) -> Any:
        """Reports on how it parses, which nobody reads."""
        return lambda *_: None


def _listen(recognizer: Any) -> None:
    recognizer.removeErrorListeners()
    recognizer.addErrorListener(_Strict())


def _is_a(element: Any, name: str) -> bool:
    return type(element).__name__ == name


def _package(parsed: Any) -> str:
    return next((e.name for e in parsed.file_elements if _is_a(e, "Package")), "")


def _declare(
    elements: Sequence[Any], scope: str, named: dict[str, Message | Enumeration]
) -> list[Message]:
    """The messages of a scope, by their names, before their fields can be read."""
    found: list[Message] = []
    for element in elements:
        name = f"{scope}.{element.name}" if scope and hasattr(element, "name") else ""
        name = name or getattr(element, "name", "")
        if _is_a(element, "Enum"):
            values = [v for v in element.elements if _is_a(v, "EnumValue")]
            named[name] = Enumeration(tuple((int(v.number), v.name) for v in values))
        elif _is_a(element, "Message"):
            message = Message(name)
            named[name] = message
            message.inner = _declare(element.elements, name, named)
            found.append(message)
    return found


def _fill(
    elements: Sequence[Any],
    messages: Sequence[Message],
    named: Mapping[str, Message | Enumeration],
    syntax: str | None,
) -> None:
    own = iter(messages)
    for element in elements:
        if _is_a(element, "Message"):
            message = next(own)
            message.fields = list(_fields(element.elements, message.name, named, syntax))
            _fill(element.elements, message.inner, named, syntax)


def _fields(
    elements: Sequence[Any],
    scope: str,
    named: Mapping[str, Message | Enumeration],
    syntax: str | None,
    choice: str = "",
) -> Iterator[ProtoField]:
    for element in elements:
        if _is_a(element, "OneOf"):
            yield from _fields(element.elements, scope, named, syntax, element.name)
        elif _is_a(element, "MapField"):
            yield ProtoField(
                name=element.name,
                number=int(element.number),
                kind=_kind(element.value_type, scope, named),
                repeated=True,
                key=element.key_type,
                decimal=_decimal(element.options),
            )
        elif _is_a(element, "Field"):
            label = getattr(element.cardinality, "value", element.cardinality)
            kind = _kind(element.type, scope, named)
            repeated = label == "REPEATED"
            is_message = isinstance(kind, Message) or kind in _KNOWN
            explicit = label == "OPTIONAL" or (syntax == "proto2" and label == "REQUIRED")
            yield ProtoField(
                name=element.name,
                number=int(element.number),
                kind=kind,
                repeated=repeated,
                presence=not repeated and (is_message or explicit or bool(choice)),
                choice=choice,
                decimal=_decimal(element.options),
            )


def _kind(
    name: str, scope: str, named: Mapping[str, Message | Enumeration]
) -> str | Enumeration | Message:
    """What a type's name means inside `scope`: the innermost thing of that name."""
    if name in SCALARS:
        return name
    plain = name.removeprefix(".")
    inner = "" if name.startswith(".") else scope
    while True:
        full = f"{inner}.{plain}" if inner else plain
        if full in named:
            return named[full]
        if not inner:
            break
        inner = inner.rpartition(".")[0]
    if plain in _KNOWN:
        return plain
    raise ValueError(f"the schema has no type {name}")


def _decimal(options: Sequence[Any] | None) -> tuple[int, int]:
    """(precision, scale) of a field's `confluent.field_meta`."""
    found: dict[str, str] = {}
    for option in options or ():
        if option.name.strip("()") != "confluent.field_meta":
            continue
        for part in _literals(option.value):
            pair = {f.name: str(f.value) for f in part.elements if not hasattr(f.value, "elements")}
            if "key" in pair and "value" in pair:
                found[pair["key"]] = pair["value"]
    return int(found.get("precision", _DECIMAL_PRECISION)), int(found.get("scale", 0))


def _literals(value: Any) -> Iterator[Any]:
    """The message literals in an option's value, however deep."""
    if isinstance(value, list):
        for inner in value:
            yield from _literals(inner)
    elif hasattr(value, "elements"):
        yield value
        for inner in value.elements:
            yield from _literals(inner.value)


# To SQL types


def message_type(message: Message, *, exact: bool, path: tuple[str, ...] = ()) -> SqlType | None:
    """The STRUCT of a message's fields, None where it has none; a oneof is a STRUCT of its own."""
    if message.name in path:
        what = f"{message.name} contains itself"
        raise ValueError(f"KSQL does not support recursive schemas: {what}")
    made: list[Field] = []
    for name, members in columns_of_message(message):
        if isinstance(members, ProtoField):
            type_ = field_type(members, exact=exact, path=(*path, message.name))
        else:
            inner = Message(f"{message.name}.{name}", members)
            type_ = message_type(inner, exact=exact, path=path)
        if type_ is not None:
            made.append(Field(name if exact else name.upper(), type_, name))
    return Struct(tuple(made)) if made else None


def columns_of_message(message: Message) -> list[tuple[str, ProtoField | list[ProtoField]]]:
    """Each field by its name; the fields of a oneof together, as Connect names it."""
    found: dict[str, ProtoField | list[ProtoField]] = {}
    choices: dict[str, str] = {}
    for f in message.fields:
        if not f.choice:
            found[f.name] = f
            continue
        name = choices.setdefault(f.choice, f"{f.choice}_{len(choices)}")
        # Inside its STRUCT a member is a field like any other.
        member = ProtoField(
            name=f.name, number=f.number, kind=f.kind, presence=True, decimal=f.decimal
        )
        group = found.setdefault(name, [])
        assert isinstance(group, list)
        group.append(member)
    return list(found.items())


def field_type(f: ProtoField, *, exact: bool, path: tuple[str, ...] = ()) -> SqlType | None:
    """The type of a field."""
    one = _single_type(f, exact=exact, path=path)
    if one is None:
        return None
    if f.key:
        return Map(STRING, one)
    return Array(one) if f.repeated else one


def _single_type(f: ProtoField, *, exact: bool, path: tuple[str, ...]) -> SqlType | None:
    match f.kind:
        case Enumeration():
            return STRING
        case Message():
            return message_type(f.kind, exact=exact, path=path)
        case kind if kind in LOGICAL:
            return LOGICAL[kind]
        case kind if kind == DECIMAL_MESSAGE:
            return Decimal(*f.decimal)
        case kind:
            return SCALARS[WRAPPERS.get(kind, kind)]
