"""KAFKA: one column, as Kafka's own serializers write it.

INTEGER 4 bytes, BIGINT 8 bytes, DOUBLE 8 bytes IEEE, all big-endian; STRING as UTF-8; BYTES as they
are. DuckDB's BIT holds a number's bytes in this order, so that a cast through it is the codec.
Kafka's StringDeserializer never fails: bytes that are no UTF-8 become U+FFFD.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamsql.formats.format import Decode, Encode, FormatOptions
from streamsql.formats.rules import UNWRAP, check_columns, single_column
from streamsql.formats.text import lossy_text
from streamsql.schema.column import Column
from streamsql.schema.duck import duckdb_type, literal
from streamsql.schema.types import BIGINT, BYTES, DOUBLE, INTEGER, STRING, Scalar

NAME = "KAFKA"

_WIDTHS: dict[Scalar, tuple[int, str]] = {
    INTEGER: (4, "Size of data received by IntegerDeserializer is not 4"),
    BIGINT: (8, "Size of data received by LongDeserializer is not 8"),
    DOUBLE: (8, "Size of data received by Deserializer is not 8"),
}
"""Bytes of a number and what Kafka's deserializer says about any other count."""


class KafkaFormat:
    """The format of a single primitive column."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def configs(self) -> frozenset[str]:
        return frozenset()

    def check(self, columns: Sequence[Column], options: FormatOptions) -> None:
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
        (column,) = columns
        assert isinstance(column.type, Scalar)
        asked = column.name in wanted
        if column.type in _WIDTHS:
            width, complaint = _WIDTHS[column.type]
            value = (
                f"CASE WHEN octet_length({source}) = {width}"
                f" THEN {source}::BIT::{duckdb_type(column.type)} END"
            )
            return Decode(
                stages=(),
                columns=(value if asked else "NULL",),
                error=f"CASE WHEN octet_length({source}) <> {width} THEN {literal(complaint)} END",
            )
        text = source if column.type == BYTES else lossy_text(source)
        return Decode(stages=(), columns=(text if asked else "NULL",))

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
        (column,), (value,) = columns, values
        if column.type == STRING:
            return Encode(sql=f"encode({value})")
        if column.type == BYTES:
            return Encode(sql=f"({value})")
        return Encode(sql=f"({value})::{duckdb_type(column.type)}::BIT::BLOB")


def _reason(columns: Sequence[Column]) -> str:
    if why := single_column(columns, NAME):
        return why
    supported = (*_WIDTHS, STRING, BYTES)
    for column in columns:
        if column.type not in supported:
            return f"The '{NAME}' format does not support type '{column.type.base}'"
    return ""


FORMAT = KafkaFormat()
