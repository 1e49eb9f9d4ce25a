"""PROTOBUF_NOSR: bare messages, whose schema is what the columns give. ksqlDB docs:
reference/serialization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from streamsql.formats import framed
from streamsql.formats.format import Decode, Encode, FormatOptions
from streamsql.formats.framed import Columns, WriteRecords, add_columns, read_spec, struct_of
from streamsql.formats.kernel import Kernel
from streamsql.formats.proto_read import message_reader
from streamsql.formats.proto_schema import parse_proto
from streamsql.formats.proto_text import proto_text
from streamsql.formats.proto_write import message_writer
from streamsql.formats.protobuf import check_message
from streamsql.formats.wire import Arrow, Cursor, Failures, Ints, record_bytes, whole_array
from streamsql.schema.column import Column
from streamsql.schema.duck import literal

NAME = "PROTOBUF_NOSR"


class BareProtobufFormat:
    """The format of Protobuf without a registry."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def configs(self) -> frozenset[str]:
        return frozenset()

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
        prefix = f"_d_{options.side}_"
        texts = [f"{prefix}c{i}" if c.name in wanted else "NULL" for i, c in enumerate(columns)]
        return Decode(
            stages=(),
            columns=tuple(texts),
            error=f"{prefix}error",
            kernel=Bare(
                source=source.strip('"'),
                prefix=prefix,
                columns=tuple(columns),
                wanted=frozenset(wanted),
                nullable=(options.nullable or "").upper(),
            ),
            after=(*(t for t in texts if t != "NULL"), f"{prefix}error"),
        )

    def encode(
        self,
        columns: Sequence[Column],
        values: Sequence[str],
        options: FormatOptions,
        *,
        target: str,
    ) -> Encode:
        if not columns:
            return Encode(sql="NULL::BLOB" if options.side == "key" else "''::BLOB")
        spec = framed.write_spec(NAME, columns, options, wrapped=True).text()
        return Encode(
            sql=f"{WRITE.name}({', '.join([literal(spec), *(f'({v})' for v in values)])})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """A decoding kernel for messages without a frame; fields as `Framed`."""

    source: str
    prefix: str
    columns: tuple[Column, ...]
    wanted: frozenset[str]
    nullable: str

    def __call__(self, table: pa.Table) -> pa.Table:
        data, starts, ends, there = record_bytes(table.column(self.source))
        rows, failures = np.flatnonzero(there), Failures()
        cursor = Cursor(data, starts[rows], ends[rows], rows, failures)
        read = _reader(self.columns, self.nullable)
        parts: list[tuple[Ints, Columns]] = [(rows, [*read(cursor)])] if len(rows) else []
        wanted = {i for i, c in enumerate(self.columns) if c.name in self.wanted}
        types = [c.type for c in self.columns]
        return add_columns(table, self.prefix, parts, failures, types=types, wanted=wanted)


@lru_cache(maxsize=256)
def _reader(columns: tuple[Column, ...], nullable: str) -> Any:
    file = parse_proto(proto_text(columns, full_name="", nullable=nullable))
    return message_reader(file.message(""), struct_of(columns).fields)


@lru_cache(maxsize=256)
def _writer(text: str) -> WriteRecords:
    spec = read_spec(text)
    columns = [Column(f.name, f.type) for f in spec.columns.fields]
    file = parse_proto(proto_text(columns, full_name="", nullable=spec.nullable))
    return message_writer(file.message(""), spec.columns.fields)


def _write(spec: Any, *columns: Any) -> Arrow:
    if not len(spec):
        return pa.array([], pa.binary())
    return _writer(spec[0].as_py())([whole_array(c) for c in columns], len(spec))


WRITE = Kernel(name="streamsql_write_protobuf", parameters=None, returns="BLOB", function=_write)
"""A message of the columns behind the spec."""

FORMAT = BareProtobufFormat()
KERNELS = (WRITE,)
