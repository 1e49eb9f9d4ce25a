"""PROTOBUF: messages behind a schema id and the message's place in its schema, as Confluent's
serializers write them. ksqlDB docs: reference/serialization."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np

from streamsql.errors import StatementError
from streamsql.formats import framed
from streamsql.formats.arrow_column import make_struct
from streamsql.formats.format import Decode, Encode, FormatOptions
from streamsql.formats.framed import Columns, ReadRecords, WriteRecords, WriteSpec
from streamsql.formats.proto_read import message_reader
from streamsql.formats.proto_schema import ProtoFile, message_type, parse_proto
from streamsql.formats.proto_text import OPTIONAL, WRAPPER, proto_text
from streamsql.formats.proto_write import message_writer
from streamsql.formats.rules import WRAP, check_columns, map_key_problem
from streamsql.formats.wire import (
    Arrow,
    Cursor,
    Ints,
    constant_pieces,
    join_pieces,
    read_zigzag,
    zigzag_pieces,
)
from streamsql.schema.column import Column
from streamsql.schema.registered import PROTOBUF, RegisteredSchema
from streamsql.schema.types import Array, Field, Map, SqlType, Struct

NAME = "PROTOBUF"


class ProtobufFormat:
    """The format of Protobuf with a registry."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def kind(self) -> str:
        """What the registry calls its schemas."""
        return PROTOBUF

    @property
    def configs(self) -> frozenset[str]:
        return frozenset({"fullSchemaName"})

    def check(self, columns: Sequence[Column], options: FormatOptions) -> None:
        check_message(NAME, columns, options)

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
        fields = framed.struct_of(columns).fields
        reader = partial(_reader, fields=fields, whole=is_whole(columns, options))
        return framed.decode(source, columns, options, wanted=wanted, reader=reader)

    def encode(
        self,
        columns: Sequence[Column],
        values: Sequence[str],
        options: FormatOptions,
        *,
        target: str,
    ) -> Encode:
        return framed.encode(self.write_spec(columns, options), values, options)

    def write_spec(self, columns: Sequence[Column], options: FormatOptions) -> WriteSpec:
        """Always a message."""
        return framed.write_spec(NAME, columns, options, wrapped=True)

    def written_schema(self, spec: WriteSpec) -> RegisteredSchema:
        """The message of the columns."""
        columns = [Column(f.name, f.type) for f in spec.columns.fields]
        text = proto_text(columns, full_name=spec.full_name, nullable=spec.nullable)
        return RegisteredSchema(kind=PROTOBUF, text=text)

    def is_same(self, one: RegisteredSchema, other: RegisteredSchema) -> bool:
        """Whether both have the same messages."""
        return repr(parsed(one).messages) == repr(parsed(other).messages)

    def writer(self, spec: WriteSpec, schema: RegisteredSchema) -> WriteRecords:
        """Writes the columns as the schema's message says."""
        file = parsed(schema)
        message = file.message(spec.full_name)
        path = file.path_of(message)
        place = b"\x00" if path == (0,) else _place(path)
        fields = spec.columns.fields
        if not spec.wrapped:
            (inner,) = fields
            assert isinstance(inner.type, Struct)
            write_inner = message_writer(message, inner.type.fields)
            return lambda columns, count: join_pieces(
                [constant_pieces(place, count), write_inner(columns[0].flatten(), count)], count
            )
        write = message_writer(message, fields)
        return lambda columns, count: join_pieces(
            [constant_pieces(place, count), write(columns, count)], count
        )

    def columns(
        self, schema: RegisteredSchema, options: FormatOptions, *, exact: bool
    ) -> tuple[Column, ...]:
        """The columns that records of the schema have; ValueError where it gives none."""
        message = parsed(schema).message(options.full_name or "")
        type_ = message_type(message, exact=exact)
        return framed.columns_of(type_, options, unwraps=options.wrap is False)


def check_message(name: str, columns: Sequence[Column], options: FormatOptions) -> None:
    """Raises StatementError where the columns are no message of the format called `name`."""
    if options.nullable is not None and options.nullable.upper() not in (OPTIONAL, WRAPPER):
        raise StatementError(
            f"Invalid value {options.nullable} for property"
            f" {options.side.upper()}_PROTOBUF_NULLABLE_REPRESENTATION",
            hint="it is OPTIONAL or WRAPPER",
        )
    check_columns(columns, options, name=name, reason=partial(_reason, name), wraps=(WRAP,))


def _reason(name: str, columns: Sequence[Column]) -> str:
    for column in columns:
        if map_key_problem(column.type):
            return "PROTOBUF format only supports MAP types with STRING keys"
        if _is_nested_list(column.type):
            return f"{name} cannot hold an ARRAY or a MAP in another: `{column.name}`"
        for wrong in _names(column):
            return f"{name} does not take the name {wrong}"
    return ""


def _is_nested_list(type_: SqlType) -> bool:
    """A field is repeated or it is not: a list in a list needs a STRUCT between them."""
    match type_:
        case Array(inner) | Map(_, inner):
            return isinstance(inner, Array | Map) or _is_nested_list(inner)
        case Struct(fields):
            return any(_is_nested_list(f.type) for f in fields)
        case _:
            return False


def _names(column: Column | Field) -> list[str]:
    """Names that are no identifiers."""
    wrong = [] if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", column.name) else [column.name]
    inner = column.type
    while isinstance(inner, Array | Map):
        inner = inner.element if isinstance(inner, Array) else inner.value
    if isinstance(inner, Struct):
        wrong += [n for f in inner.fields for n in _names(f)]
    return wrong


def is_whole(columns: Sequence[Column], options: FormatOptions) -> bool:
    """Whether the one column is the message itself (for readers of any schema, as PRINT is)."""
    return options.wrap is False and len(columns) == 1


@lru_cache(maxsize=256)
def parsed(schema: RegisteredSchema) -> ProtoFile:
    """The messages of a schema."""
    return parse_proto(schema.text, [text for _, text in schema.imports()])


@lru_cache(maxsize=256)
def _reader(schema: RegisteredSchema, *, fields: tuple[Field, ...], whole: bool) -> ReadRecords:
    file = parsed(schema)

    def read(cursor: Cursor) -> Columns:
        """Records of one message at a time, put together in their order."""
        paths = _read_paths(cursor)
        parts: list[tuple[Ints, Columns]] = []
        for path in sorted(set(paths)):
            chosen = np.flatnonzero([p == path for p in paths])
            part = cursor.select(chosen)
            try:
                parts.append((chosen, _message_columns(file, path, fields, whole, part)))
            except ValueError as error:
                cursor.failures.add(part.rows, str(error))
        if len(parts) == 1 and len(parts[0][0]) == len(cursor):
            return parts[0][1]
        return framed.merged(parts, fields, len(cursor))

    return read


def _message_columns(
    file: ProtoFile, path: tuple[int, ...], fields: tuple[Field, ...], whole: bool, part: Cursor
) -> list[Arrow]:
    message = file.at(path)
    if not whole:
        return message_reader(message, fields)(part)
    (inner,) = fields
    assert isinstance(inner.type, Struct)
    return [make_struct(message_reader(message, inner.type.fields)(part), inner.type)]


def _read_paths(cursor: Cursor) -> list[tuple[int, ...]]:
    """The place of each record's message: how many indexes, then those; a 0 alone is the first."""
    counts = read_zigzag(cursor)
    wrong = (counts < 0) | (counts > cursor.end - cursor.at)
    cursor.fail(wrong, "the record does not say which message it is")
    counts = np.where(wrong, 0, counts)
    found: list[tuple[int, ...]] = [(0,) if n == 0 else () for n in counts.tolist()]
    for turn in range(int(counts.max(initial=0))):
        chosen = np.flatnonzero(counts > turn)
        part = cursor.select(chosen)
        for row, index in zip(chosen.tolist(), read_zigzag(part).tolist(), strict=True):
            found[row] = (*found[row], index)
        cursor.put_back(chosen, part)
    return found


def _place(path: tuple[int, ...]) -> bytes:
    numbers = np.array([len(path), *path], np.int64)
    return b"".join(zigzag_pieces(numbers).to_pylist())


FORMAT = ProtobufFormat()
