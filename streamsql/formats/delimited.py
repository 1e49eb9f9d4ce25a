"""DELIMITED: a line of fields, as Apache Commons CSV reads and writes it by default.

Fields are told apart by position alone; an empty one is NULL. DATE is days, TIME and TIMESTAMP are
milliseconds, BYTES base64, DOUBLE as Java spells it, DECIMAL without an exponent (ksqlDB docs:
reference/serialization). A field is quoted where a reader could take it for something else; of the
first one that is so for all that does not begin with an ASCII letter or digit, `"-10"` too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa

from streamsql.errors import StatementError
from streamsql.formats.carried import carrier_type, lift, lower_scalar
from streamsql.formats.delimited_record import QUOTE, LineReader, line_reader
from streamsql.formats.format import Decode, Encode, FormatOptions
from streamsql.formats.kernel import ERROR, Kernel
from streamsql.formats.number_text import double_text
from streamsql.formats.rules import UNWRAP, check_columns
from streamsql.formats.text import lossy
from streamsql.formats.type_text import read_type, write_type
from streamsql.schema.column import Column
from streamsql.schema.duck import literal
from streamsql.schema.types import (
    BYTES,
    DOUBLE,
    STRING,
    Array,
    Decimal,
    Field,
    Map,
    SqlType,
    Struct,
)

NAME = "DELIMITED"


class DelimitedFormat:
    """The format of lines of text."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def configs(self) -> frozenset[str]:
        return frozenset({"delimiter"})

    def check(self, columns: Sequence[Column], options: FormatOptions) -> None:
        if options.delimiter in (QUOTE, "\r", "\n"):
            raise StatementError(
                f"Delimiter cannot be {options.delimiter!r}", hint="for example ';'"
            )
        check_columns(columns, options, name=NAME, reason=_reason, wraps=(UNWRAP,))

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
        text, record = f"_d_{options.side}_text", f"_d_{options.side}_record"
        described = options.delimiter + write_type(
            Struct(tuple(Field(c.name, c.type) for c in columns))
        )
        carried = {f"c{i}": carrier_type(c.type) for i, c in enumerate(columns) if c.name in wanted}
        kernel = f"{READ.name}({source}, {literal(described)})"
        structure = literal(json.dumps(carried or {"c0": "VARCHAR"}))
        return Decode(
            stages=(
                ((text, f"CASE WHEN {source} IS NOT NULL THEN {kernel} END"),),
                (
                    (
                        record,
                        f"CASE WHEN starts_with({text}, '{{')"
                        f" THEN from_json({text}, {structure}) END",
                    ),
                ),
            ),
            columns=tuple(
                lift(f"{record}.c{i}", c.type) if c.name in wanted else "NULL"
                for i, c in enumerate(columns)
            ),
            error=f"CASE WHEN starts_with({text}, '{ERROR}') THEN substr({text}, 2) END",
            slow=True,
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
            return Encode(sql="NULL::BLOB")
        fields = [
            _field_text(f"({value})", column.type, options.delimiter, first=i == 0)
            for i, (column, value) in enumerate(zip(columns, values, strict=True))
        ]
        return Encode(sql=f"encode(concat_ws({literal(options.delimiter)}, {', '.join(fields)}))")


def _reason(columns: Sequence[Column]) -> str:
    for column in columns:
        if isinstance(column.type, Array | Map | Struct):
            base = column.type.base
            return f"The '{NAME}' format does not support type '{base}', column: `{column.name}`"
    return ""


def _field_text(sql: str, type_: SqlType, delimiter: str, *, first: bool) -> str:
    """Text of a field, empty for NULL, in quotes where it must be."""
    text = double_text(sql) if type_ == DOUBLE else f"{lower_scalar(sql, type_)}::VARCHAR"
    inside = re.escape(delimiter) + r'"\r\n'
    unsafe = [rf"[{inside}]", r"^[\x00-#]", r"[\x00- ]$"]
    unsafe += [r"^[^0-9A-Za-z]", "^$"] if first else []
    if _is_safe(type_, delimiter, first=first):
        return f"coalesce({text}, '')"
    quoted = f"concat('\"', replace({text}, '\"', '\"\"'), '\"')"
    pattern = literal(f"(?s){'|'.join(unsafe)}")
    return (
        f"CASE WHEN regexp_matches({text}, {pattern}) THEN {quoted} ELSE coalesce({text}, '') END"
    )


def _is_safe(type_: SqlType, delimiter: str, *, first: bool) -> bool:
    """Whether no value of the type needs quotes: numbers that are not first."""
    if type_ in (STRING, BYTES, DOUBLE) or isinstance(type_, Decimal):
        return False
    return not first and delimiter not in "-0123456789truefals"


@lru_cache(maxsize=1024)
def _reader(described: str) -> LineReader:
    columns = read_type(described[1:])
    assert isinstance(columns, Struct)
    return line_reader(columns.fields, described[0])


def _read(records: Any, described: Any) -> Any:
    if not len(records):
        return pa.array([], pa.string())
    reader = _reader(described[0].as_py())
    return pa.array([_read_one(data, reader) for data in records.to_pylist()], pa.string())


def _read_one(data: bytes | None, reader: LineReader) -> str | None:
    if data is None:
        return None
    try:
        return reader(lossy(data))
    except ValueError as error:
        return f"{ERROR}{error}"


READ = Kernel(
    name="streamsql_read_delimited",
    parameters=("BLOB", "VARCHAR"),
    returns="VARCHAR",
    function=_read,
    slow=True,
)
"""Canonical JSON text of a record, or what is wrong with it after ERROR."""

FORMAT = DelimitedFormat()
KERNELS = (READ,)
