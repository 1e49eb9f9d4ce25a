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

from streamsql.errors import StatementError
from streamsql.formats.carried import carrier_type, lift, lower_scalar
from streamsql.formats.delimited_record import QUOTE, LineReader, line_reader
from streamsql.formats.format import Decode, Encode, FormatOptions
from streamsql.formats.kernel import ERROR, Kernel, read_each
from streamsql.formats.number_text import double_text, plain_decimal_text
from streamsql.formats.rules import UNWRAP, check_columns
from streamsql.formats.text import lossy, strict_text
from streamsql.formats.type_text import read_type, write_type
from streamsql.schema.column import Column
from streamsql.schema.duck import DECIMAL_PRECISION_MAX, literal
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
        prefix = f"_d_{options.side}_"
        text, right, fields = f"{prefix}text", f"{prefix}right", f"{prefix}fields"
        careful, record = f"{prefix}careful", f"{prefix}record"
        described = options.delimiter + write_type(
            Struct(tuple(Field(c.name, c.type) for c in columns))
        )
        carried = {f"c{i}": carrier_type(c.type) for i, c in enumerate(columns) if c.name in wanted}
        structure = literal(json.dumps(carried or {"c0": "VARCHAR"}))
        proof = f"coalesce({_line_proof(text, columns, options.delimiter)}, false)"
        kernel = f"{READ.name}({source}, {literal(described)})"
        return Decode(
            stages=(
                ((text, strict_text(source)),),
                ((right, proof), (fields, f"string_split({text}, {literal(options.delimiter)})")),
                ((careful, f"CASE WHEN {source} IS NOT NULL AND NOT {right} THEN {kernel} END"),),
                (
                    (
                        record,
                        f"CASE WHEN starts_with({careful}, '{{')"
                        f" THEN from_json({careful}, {structure}) END",
                    ),
                ),
            ),
            columns=tuple(
                f"CASE WHEN {right} THEN {_quick_value(f'{fields}[{i + 1}]', c.type)}"
                f" ELSE {lift(f'{record}.c{i}', c.type)} END"
                if c.name in wanted
                else "NULL"
                for i, c in enumerate(columns)
            ),
            error=f"CASE WHEN starts_with({careful}, '{ERROR}') THEN substr({careful}, 2) END",
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


# Reading


def _line_proof(text: str, columns: Sequence[Column], delimiter: str) -> str:
    """Text of BOOLEAN: true where the line has no quotes and each field is of its type."""
    if delimiter.isalnum() or delimiter in _IN_NUMBERS:
        return "false"
    apart = re.escape(delimiter)
    fields = (f"(?:{_field_pattern(c.type, apart)})?" for c in columns)
    # An empty text is no record, not even of one empty field.
    return f"{text} <> '' AND regexp_full_match({text}, {literal(apart.join(fields))})"


def _field_pattern(type_: SqlType, apart: str) -> str:
    match type_:
        case Decimal(precision, scale):
            whole = min(precision, DECIMAL_PRECISION_MAX) - scale
            fraction = rf"(?:\.[0-9]{{1,{scale}}})?" if scale else ""
            return rf"-?{rf'[0-9]{{1,{whole}}}' if whole else '0'}{fraction}"
        case Scalar():
            return _FIELDS.get(type_) or rf'[^"\r\n{apart}]+'
        case _:
            raise AssertionError(type_)


_IN_NUMBERS = "+-./="
"""Beside letters and digits; a delimiter of these could stand in a field of digits or base64."""

_FIELDS: dict[Scalar, str] = {
    BOOLEAN: "[A-Za-z]+",
    INTEGER: "-?(?:[0-9]{1,9}|1[0-9]{9}|20[0-9]{8})",
    BIGINT: "-?[0-9]{1,18}",
    DOUBLE: r"-?[0-9]{1,17}(?:\.[0-9]{1,17})?(?:E-?[0-9]{1,3})?",
    DATE: "-?[0-9]{1,9}",
    TIME: "[0-9]{1,7}|[1-7][0-9]{7}|8[0-5][0-9]{6}",
    TIMESTAMP: "-?[0-9]{1,15}",
    BYTES: "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
}
"""What fields that are not empty match, at most, if DuckDB casts them as Java parses them."""


def _quick_value(field: str, type_: SqlType) -> str:
    if type_ == BOOLEAN:
        return f"lower(nullif({field}, '')) = 'true'"
    return lift(f"nullif({field}, '')::{carrier_type(type_)}", type_)


# Writing


def _field_text(sql: str, type_: SqlType, delimiter: str, *, first: bool) -> str:
    """Text of a field, empty for NULL, in quotes where it must be."""
    text = _scalar_text(sql, type_)
    plain = f"coalesce({text}, '')"
    asks = _asks_for_quotes(text, type_, delimiter, first=first)
    if not asks:
        return plain
    quoted = f"concat('\"', replace({text}, '\"', '\"\"'), '\"')"
    return f"CASE WHEN {asks} THEN {quoted} ELSE {plain} END"


def _scalar_text(sql: str, type_: SqlType) -> str:
    if isinstance(type_, Decimal):
        return plain_decimal_text(sql, type_)
    return double_text(sql) if type_ == DOUBLE else f"{lower_scalar(sql, type_)}::VARCHAR"


def _asks_for_quotes(text: str, type_: SqlType, delimiter: str, *, first: bool) -> str:
    """Text of BOOLEAN: whether a reader could misread the field; empty where none could."""
    is_number = type_ not in (STRING, BYTES)
    if is_number and not (delimiter.isalnum() or delimiter in _IN_NUMBERS):
        return f"starts_with({text}, '-')" if first else ""
    unsafe = [rf'["\r\n{re.escape(delimiter)}]', r"^[\x00-#]", r"[\x00- ]$"]
    unsafe += ["^[^0-9A-Za-z]", "^$"] if first else []
    return f"regexp_matches({text}, {literal('|'.join(unsafe))})"


@lru_cache(maxsize=1024)
def _reader(described: str) -> LineReader:
    columns = read_type(described[1:])
    assert isinstance(columns, Struct)
    return line_reader(columns.fields, described[0])


def _read(records: Any, described: Any) -> Any:
    return read_each(records, described, _reader, lambda data, reader: reader(lossy(data)))


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
