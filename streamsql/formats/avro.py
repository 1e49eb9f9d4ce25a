"""AVRO: records of Avro behind a schema id, as Confluent's serializers write them.

The reader takes each record by the schema that it names, the writer registers what its columns
give, or writes by the schema that the user named. Names are matched without regard to case. ksqlDB
docs: reference/serialization.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

from streamsql.errors import StatementError
from streamsql.formats import framed
from streamsql.formats.avro_read import record_reader, value_reader
from streamsql.formats.avro_schema import (
    AvroType,
    avro_text,
    default_name,
    name_problem,
    parse_avro,
    sql_type,
)
from streamsql.formats.avro_write import record_writer, value_writer
from streamsql.formats.format import Decode, Encode, FormatOptions
from streamsql.formats.framed import ReadRecords, WriteRecords, WriteSpec
from streamsql.formats.rules import check_columns, is_wrapped, map_key_problem
from streamsql.formats.wire import join_pieces
from streamsql.schema.column import Column
from streamsql.schema.registered import AVRO, RegisteredSchema
from streamsql.schema.types import Field

NAME = "AVRO"


class AvroFormat:
    """The format of Avro with a registry."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def kind(self) -> str:
        """What the registry calls its schemas."""
        return AVRO

    @property
    def configs(self) -> frozenset[str]:
        return frozenset({"fullSchemaName"})

    def check(self, columns: Sequence[Column], options: FormatOptions) -> None:
        if options.full_name is not None and not options.full_name.strip():
            raise StatementError(
                "fullSchemaName cannot be empty. Format configuration: {fullSchemaName=}",
                hint="leave the schema's name out, or give one such as com.example.Order",
            )
        check_columns(columns, options, name=NAME, reason=_reason)
        wrong = name_problem(columns) if options.schema_id is None else ""
        if wrong and (is_wrapped(columns, options) or not columns):
            raise StatementError(
                f"Schema is not compatible with Avro: {wrong}",
                hint="names begin with a letter or _, letters, digits and _ follow",
            )

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
        reader = partial(
            _reader,
            fields=framed.struct_of(columns).fields,
            wanted=frozenset(wanted),
            wrapped=is_wrapped(columns, options),
        )
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
        """A key's record is called after its stream or table, so that two do not clash."""
        return framed.write_spec(
            NAME,
            columns,
            options,
            wrapped=is_wrapped(columns, options),
            full_name=options.full_name or default_name(options.source, options.side),
        )

    def written_schema(self, spec: WriteSpec) -> RegisteredSchema:
        """The record, or the bare type, of the columns."""
        columns = [Column(f.name, f.type) for f in spec.columns.fields]
        text = avro_text(columns, wrapped=spec.wrapped, full_name=spec.full_name)
        return RegisteredSchema(kind=AVRO, text=text)

    def is_same(self, one: RegisteredSchema, other: RegisteredSchema) -> bool:
        """Whether both have the same types and names."""
        return _parsed(one) == _parsed(other)

    def writer(self, spec: WriteSpec, schema: RegisteredSchema) -> WriteRecords:
        """Writes the columns as the schema says."""
        parsed = _parsed(schema)
        fields = spec.columns.fields
        if spec.wrapped:
            return record_writer(parsed, fields)
        write = value_writer(parsed, fields[0].type)
        return lambda columns, count: join_pieces(write(columns[0]), count)

    def columns(
        self, schema: RegisteredSchema, options: FormatOptions, *, exact: bool
    ) -> tuple[Column, ...]:
        """The columns that records of the schema have; ValueError where it gives none."""
        return framed.columns_of(sql_type(_parsed(schema), exact=exact), options)


def _reason(columns: Sequence[Column]) -> str:
    if any(map_key_problem(c.type) for c in columns):
        return "Avro only supports MAPs with STRING keys"
    return ""


@lru_cache(maxsize=256)
def _parsed(schema: RegisteredSchema) -> AvroType:
    return parse_avro(schema.text, [text for _, text in schema.imports()])


@lru_cache(maxsize=256)
def _reader(
    schema: RegisteredSchema, *, fields: tuple[Field, ...], wanted: frozenset[str], wrapped: bool
) -> ReadRecords:
    if wrapped:
        return record_reader(_parsed(schema), fields, wanted)
    read = value_reader(_parsed(schema), fields[0].type, "")
    return lambda cursor: [read(cursor)]


FORMAT = AvroFormat()
