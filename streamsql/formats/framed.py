"""Records that name their schema: a zero, the schema's id in four bytes, then the format's bytes.

`SCHEMA` is asked for a batch's schemas before a decoding kernel runs, `WRITE` writes records; both
are DuckDB functions over the registry that whoever opens the connection has (`framed_kernels`).
Confluent documentation: schema-registry, wire format.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streamsql.formats.arrow_column import arrow_type
from streamsql.formats.format import KEY, Decode, Encode, Format, FormatOptions
from streamsql.formats.kernel import ERROR, Kernel
from streamsql.formats.type_text import read_type, write_type
from streamsql.formats.wire import (
    Arrow,
    Bytes,
    Cursor,
    Failures,
    Ints,
    constant_pieces,
    join_pieces,
    nulls,
    record_bytes,
    spread,
    take,
    whole_array,
)
from streamsql.schema.column import Column
from streamsql.schema.duck import literal
from streamsql.schema.registered import Reference, RegisteredSchema, Schemas
from streamsql.schema.types import Field, SqlType, Struct

HEADER_BYTES = 5
_SCHEMA_NAME, _WRITE_NAME = "streamsql_schema", "streamsql_write"
NO_SCHEMA = "Unknown magic byte!"
"""Confluent's words for a record that does not begin with a zero and an id."""

Columns = Sequence[Arrow | None]
"""One for each column of a record, None for one that is not wanted."""

ReadRecords = Callable[[Cursor], Columns]
WriteRecords = Callable[[Sequence[Arrow], int], Arrow]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSpec:
    """How records are written: all that a writer is made from.

    `schema_id`: the writer's schema, where the user chose one; else it is made of the columns and
    registered under `subject`.
    """

    format: str
    subject: str
    columns: Struct
    wrapped: bool
    full_name: str = ""
    nullable: str = ""
    schema_id: int | None = None

    def text(self) -> str:
        """The spec as a constant of SQL."""
        fields = (self.format, self.subject, self.wrapped, self.full_name, self.nullable)
        return json.dumps([*fields, self.schema_id, write_type(self.columns)], ensure_ascii=False)


def read_spec(text: str) -> WriteSpec:
    """The spec that `text()` wrote."""
    format_, subject, wrapped, full_name, nullable, schema_id, columns = json.loads(text)
    type_ = read_type(columns)
    assert isinstance(type_, Struct)
    return WriteSpec(
        format=format_,
        subject=subject,
        columns=type_,
        wrapped=wrapped,
        full_name=full_name,
        nullable=nullable,
        schema_id=schema_id,
    )


class SchemaFormat(Format, Protocol):
    """A format whose records have a schema in a registry."""

    @property
    def kind(self) -> str:
        """What the registry calls its schemas: AVRO, JSON, PROTOBUF."""
        ...

    def columns(
        self, schema: RegisteredSchema, options: FormatOptions, *, exact: bool
    ) -> tuple[Column, ...]:
        """The columns that records of the schema have; ValueError where it gives none.

        Names are as the schema spells them where `exact`, else in capitals.
        """
        ...

    def is_same(self, one: RegisteredSchema, other: RegisteredSchema) -> bool:
        """Whether records of both are the same bytes."""
        ...

    def write_spec(self, columns: Sequence[Column], options: FormatOptions) -> WriteSpec:
        """How the columns are written."""
        ...

    def written_schema(self, spec: WriteSpec) -> RegisteredSchema:
        """The schema that the spec's columns are written with."""
        ...

    def writer(self, spec: WriteSpec, schema: RegisteredSchema) -> WriteRecords:
        """Writes the spec's columns as the schema says; what stands behind the id."""
        ...


# Reading


def schemas_sql(source: str) -> str:
    """Text of VARCHAR: the schema of a record, at one record at least of each that has it."""
    return f"{_SCHEMA_NAME}({source})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Framed:
    """A decoding kernel: `source` is the bytes column, `schemas` the column of `schemas_sql`.

    It adds `<prefix>c0`, … for the wanted columns and `<prefix>error`. `reader` gives the reading
    of a schema's records, or raises ValueError: the reason is the error of all of them.
    """

    source: str
    prefix: str
    columns: tuple[Column, ...]
    wanted: frozenset[str]
    reader: Callable[[RegisteredSchema], ReadRecords]

    def __call__(self, table: pa.Table) -> pa.Table:
        data, starts, ends, there = record_bytes(table.column(self.source))
        framed = there & (ends - starts >= HEADER_BYTES) & (data[starts] == 0)
        ids = schema_ids(data, starts)
        texts = _texts_by_id(ids, table.column(f"{self.prefix}schema"))
        failures = Failures()
        failures.add(np.flatnonzero(there & ~framed), NO_SCHEMA)
        parts: list[tuple[Ints, Columns]] = []
        for schema_id in np.unique(ids[framed]).tolist():
            rows = np.flatnonzero(framed & (ids == schema_id))
            cursor = Cursor(data, starts[rows] + HEADER_BYTES, ends[rows], rows, failures)
            read = self._read(texts.get(schema_id, ""), schema_id, cursor)
            if read is not None:
                parts.append((rows, read))
        table = table.drop_columns([f"{self.prefix}schema"])
        wanted = {i for i, c in enumerate(self.columns) if c.name in self.wanted}
        types = [c.type for c in self.columns]
        return add_columns(table, self.prefix, parts, failures, types=types, wanted=wanted)

    def _read(self, text: str, schema_id: int, cursor: Cursor) -> Columns | None:
        if not text or text.startswith(ERROR):
            reason = text[1:] or f"no schema was found for id {schema_id}"
            cursor.failures.add(cursor.rows, reason)
            return None
        try:
            reader = self.reader(schema_from_text(text))
        except ValueError as error:
            cursor.failures.add(cursor.rows, str(error))
            return None
        return reader(cursor)


def add_columns(
    table: pa.Table,
    prefix: str,
    parts: Sequence[tuple[Ints, Columns]],
    failures: Failures,
    *,
    types: Sequence[SqlType],
    wanted: Collection[int],
) -> pa.Table:
    """The table with `<prefix>c0`, … for the wanted columns, and `<prefix>error`.

    A part holds rows, and what was read of them.
    """
    count = table.num_rows
    fields = [Field("", t) for t in types]
    for i, column in enumerate(merged(parts, fields, count, wanted=wanted)):
        if column is not None:
            table = table.append_column(f"{prefix}c{i}", column)
    reasons: list[str | None] = [None] * count
    for row, reason in failures.reasons.items():
        reasons[row] = reason
    return table.append_column(f"{prefix}error", pa.array(reasons, pa.string()))


def merged(
    parts: Sequence[tuple[Ints, Columns]],
    fields: Sequence[Field],
    count: int,
    *,
    wanted: Collection[int] | None = None,
) -> list[Arrow | None]:
    """Columns of `count` rows from those of some rows each, NULL where none is there."""
    rows = np.concatenate([r for r, _ in parts]) if parts else np.zeros(0, np.int64)
    order = np.argsort(rows, kind="stable")
    whole: list[Arrow | None] = []
    for i, field in enumerate(fields):
        given = [a for _, columns in parts if (a := columns[i]) is not None]
        if wanted is not None and i not in wanted:
            whole.append(None)
        elif not given:
            whole.append(nulls(count, arrow_type(field.type)))
        else:
            values = given[0] if len(given) == 1 else take(pa.concat_arrays(given), order)
            whole.append(spread(values, rows[order], count))
    return whole


def schema_ids(data: Bytes, starts: Ints) -> npt.NDArray[np.int64]:
    """The number in the four bytes behind the first, of each record."""
    matrix = data[starts[:, None] + np.arange(1, HEADER_BYTES)].astype(np.int64)
    return (matrix << np.array([24, 16, 8, 0])).sum(axis=1)


def _texts_by_id(ids: Ints, column: Arrow) -> dict[int, str]:
    given = whole_array(column)
    rows = np.flatnonzero(given.is_valid().to_numpy(zero_copy_only=False))
    return dict(zip(ids[rows].tolist(), take(given, rows).to_pylist(), strict=True))


def schema_text(schema: RegisteredSchema) -> str:
    """A schema as text, for a column of SQL."""
    return json.dumps(_pack(schema), ensure_ascii=False)


@lru_cache(maxsize=1024)
def schema_from_text(text: str) -> RegisteredSchema:
    """The schema that `schema_text` wrote."""
    return _unpack(json.loads(text))


def _pack(schema: RegisteredSchema) -> list[Any]:
    inner = [[r.name, r.subject, r.version, _pack(r.schema)] for r in schema.references]
    return [schema.kind, schema.text, inner]


def _unpack(packed: Any) -> RegisteredSchema:
    kind, text, references = packed
    return RegisteredSchema(
        kind=kind,
        text=text,
        references=tuple(
            Reference(name=n, subject=s, version=v, schema=_unpack(inner))
            for n, s, v, inner in references
        ),
    )


def decode(
    source: str,
    columns: Sequence[Column],
    options: FormatOptions,
    *,
    wanted: Sequence[str],
    reader: Callable[[RegisteredSchema], ReadRecords],
) -> Decode:
    """How framed records become columns: the kernel reads them, SQL takes them as they are."""
    prefix = f"_d_{options.side}_"
    texts = [f"{prefix}c{i}" if c.name in wanted else "NULL" for i, c in enumerate(columns)]
    return Decode(
        before=((f"{prefix}schema", schemas_sql(source)),),
        stages=(),
        columns=tuple(texts),
        error=f"{prefix}error",
        kernel=Framed(
            source=source.strip('"'),
            prefix=prefix,
            columns=tuple(columns),
            wanted=frozenset(wanted),
            reader=reader,
        ),
        after=(*(t for t in texts if t != "NULL"), f"{prefix}error"),
    )


def columns_of(
    type_: SqlType | None, options: FormatOptions, *, unwraps: bool = True
) -> tuple[Column, ...]:
    """The columns of records that are read as `type_`; ValueError where it gives none.

    A key is one column, and so is a value that is not wrapped; a format that never `unwraps` has
    the fields of its record.
    """
    is_key = options.side == KEY
    if unwraps and (is_key or options.wrap is False):
        if type_ is None:
            raise ValueError(_NO_COLUMNS)
        return (Column("ROWKEY" if is_key else "ROWVAL", type_),)
    if type_ is None:
        raise ValueError(_NO_COLUMNS)
    if not isinstance(type_, Struct):
        raise ValueError(
            "Schema returned from schema registry is anonymous type. To use this schema with"
            " ksqlDB, set 'WRAP_SINGLE_VALUE=false' in the WITH clause properties."
        )
    return tuple(Column(f.name, f.type, f.written) for f in type_.fields)


_NO_COLUMNS = "Schema does not include any columns with types that ksqlDB supports."


# Writing


def write_spec(
    name: str,
    columns: Sequence[Column],
    options: FormatOptions,
    *,
    wrapped: bool,
    full_name: str | None = None,
) -> WriteSpec:
    """How the columns are written in the format called `name`."""
    return WriteSpec(
        format=name,
        subject=options.subject,
        columns=struct_of(columns),
        wrapped=wrapped,
        full_name=full_name or options.full_name or "",
        nullable=(options.nullable or "").upper(),
        schema_id=options.schema_id,
    )


def encode(spec: WriteSpec, values: Sequence[str], options: FormatOptions) -> Encode:
    """The bytes of the columns; none for a bare value that is null, or a key without columns."""
    if not values and options.side == KEY:
        return Encode(sql="NULL::BLOB")
    text = write_sql(spec, [f"({value})" for value in values])
    if spec.wrapped:
        return Encode(sql=text)
    return Encode(sql=f"CASE WHEN ({values[0]}) IS NOT NULL THEN {text} END")


def write_sql(spec: WriteSpec, values: Sequence[str]) -> str:
    """Text of BLOB: the record of the columns' texts."""
    return f"{_WRITE_NAME}({', '.join([literal(spec.text()), *values])})"


def framed_kernels(schemas: Schemas, formats: Mapping[str, SchemaFormat]) -> tuple[Kernel, ...]:
    """The functions that reading and writing call, over a registry."""

    def find(records: Any) -> Arrow:
        """A schema's text at the first record that names it, NULL at the others."""
        data, starts, ends, there = record_bytes(records)
        named = np.flatnonzero(there & (ends - starts >= HEADER_BYTES) & (data[starts] == 0))
        found: list[str | None] = [None] * len(starts)
        ids, first = np.unique(schema_ids(data, starts[named]), return_index=True)
        for schema_id, at in zip(ids.tolist(), first.tolist(), strict=True):
            schema = schemas.schema(schema_id)
            missing = f"{ERROR}Schema with id {schema_id} not found in the Schema Registry"
            found[named[at]] = missing if schema is None else schema_text(schema)
        return pa.array(found, pa.string())

    @lru_cache(maxsize=256)
    def writer(text: str) -> tuple[bytes, WriteRecords]:
        spec = read_spec(text)
        format_ = formats[spec.format]
        if spec.schema_id is None:
            schema = format_.written_schema(spec)
            schema_id = schemas.register(spec.subject, schema)
        else:
            schema_id = spec.schema_id
            found = schemas.schema(schema_id)
            if found is None:
                raise ValueError(f"Schema with id {schema_id} not found in the Schema Registry")
            schema = found
        return b"\x00" + schema_id.to_bytes(4, "big"), format_.writer(spec, schema)

    def write(spec: Any, *columns: Any) -> Arrow:
        count = len(spec)
        if not count:
            return pa.array([], pa.binary())
        header, records = writer(spec[0].as_py())
        arrays = [whole_array(c) for c in columns]
        return join_pieces([constant_pieces(header, count), records(arrays, count)], count)

    return (
        Kernel(name=_SCHEMA_NAME, parameters=("BLOB",), returns="VARCHAR", function=find),
        Kernel(name=_WRITE_NAME, parameters=None, returns="BLOB", function=write),
    )


def struct_of(columns: Sequence[Column]) -> Struct:
    """The columns as a type."""
    return Struct(tuple(Field(c.name, c.type) for c in columns))
