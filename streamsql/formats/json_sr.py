"""JSON_SR: JSON behind a schema id. The bytes behind the id are read and written as JSON's are.

A reader passes over the id: JSON says itself what it holds (ksqlDB docs: reference/serialization).
A writer registers a JSON Schema of its columns.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard

import pyarrow.compute as pc

from streamsql.formats import framed
from streamsql.formats.format import KEY, Decode, Encode, FormatOptions
from streamsql.formats.framed import HEADER_BYTES, NO_SCHEMA, WriteRecords, WriteSpec
from streamsql.formats.json import FORMAT as PLAIN
from streamsql.formats.json_laid_out import with_layouts
from streamsql.formats.json_parse import quote_json
from streamsql.formats.json_schema import json_schema_text, schema_type
from streamsql.formats.rules import is_wrapped
from streamsql.formats.wire import constant_pieces, join_pieces
from streamsql.schema.column import Column
from streamsql.schema.duck import literal
from streamsql.schema.registered import JSON, RegisteredSchema
from streamsql.schema.types import SqlType, Struct

NAME = "JSON_SR"


class JsonSchemaFormat:
    """The format of JSON with a registry."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def kind(self) -> str:
        """What the registry calls its schemas."""
        return JSON

    @property
    def configs(self) -> frozenset[str]:
        return frozenset({"fullSchemaName"})

    def check(self, columns: Sequence[Column], options: FormatOptions) -> None:
        PLAIN.check(columns, options)

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
        body = f"_d_{options.side}_body"
        size = f"octet_length({source})"
        marked = f"{size} > {HEADER_BYTES} AND array_slice({source}, 1, 1) = '\\x00'::BLOB"
        text = f"CASE WHEN {marked} THEN array_slice({source}, {HEADER_BYTES + 1}, {size}) END"
        inner = PLAIN.decode_text(body, columns, options, wanted=wanted)
        bare = f"{source} IS NOT NULL AND {body} IS NULL"
        plain = replace(
            inner,
            stages=(((body, text),), *inner.stages),
            error=f"CASE WHEN {bare} THEN {literal(NO_SCHEMA)} ELSE {inner.error} END",
        )
        return with_layouts(plain, source, columns, options, wanted=wanted, skip=HEADER_BYTES)

    def encode(
        self,
        columns: Sequence[Column],
        values: Sequence[str],
        options: FormatOptions,
        *,
        target: str,
    ) -> Encode:
        plain = PLAIN.encode(columns, values, options, target=target)
        if not columns and options.side == KEY:
            return plain
        text = framed.write_sql(self.write_spec(columns, options), [f"({plain.sql})"])
        if is_wrapped(columns, options):
            return Encode(sql=text)
        return Encode(sql=f"CASE WHEN ({values[0]}) IS NOT NULL THEN {text} END")

    def write_spec(self, columns: Sequence[Column], options: FormatOptions) -> WriteSpec:
        """The columns are in the spec for their schema; a writer is given the JSON of them."""
        return framed.write_spec(NAME, columns, options, wrapped=is_wrapped(columns, options))

    def written_schema(self, spec: WriteSpec) -> RegisteredSchema:
        """The JSON Schema of the columns."""
        columns = [Column(f.name, f.type) for f in spec.columns.fields]
        return RegisteredSchema(kind=JSON, text=json_schema_text(columns, wrapped=spec.wrapped))

    def is_same(self, one: RegisteredSchema, other: RegisteredSchema) -> bool:
        """Whether both are the same JSON."""
        return json.loads(one.text) == json.loads(other.text)

    def writer(self, spec: WriteSpec, schema: RegisteredSchema) -> WriteRecords:
        """Takes the JSON as it is, and adds the fields of a chosen schema that no column gives."""
        found = schema_type(schema.text, dict(schema.imports()), exact=True)
        given = {f.name for f in spec.columns.fields}
        missing = [f.name for f in found.fields if f.name not in given] if _is_row(found) else []
        if not spec.wrapped or not missing or not given:
            return lambda columns, _: columns[0]
        rest = "".join(f",{quote_json(name)}:null" for name in missing) + "}"
        return lambda columns, count: join_pieces(
            [pc.binary_slice(columns[0], 0, -1), constant_pieces(rest.encode(), count)], count
        )

    def columns(
        self, schema: RegisteredSchema, options: FormatOptions, *, exact: bool
    ) -> tuple[Column, ...]:
        """The columns that records of the schema have; ValueError where it gives none."""
        type_ = schema_type(schema.text, dict(schema.imports()), exact=exact)
        return framed.columns_of(type_, options)


def _is_row(type_: SqlType | None) -> TypeGuard[Struct]:
    return isinstance(type_, Struct)


FORMAT = JsonSchemaFormat()
