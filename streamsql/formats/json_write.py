"""Columns as JSON: DuckDB text of type VARCHAR, with the bytes that ksqlDB writes.

ksqlDB writes through Kafka Connect's JsonConverter and Jackson: no spaces, only what must be is
escaped, NaN and Infinity are strings, a DECIMAL keeps its scale, a null field is written.
DuckDB's own `to_json` does the same for types without DOUBLE, DECIMAL, BYTES and times; a value of
those types is put together here.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamsql.formats.carried import lower_scalar
from streamsql.formats.json_parse import quote_json
from streamsql.formats.number_text import decimal_text, double_text
from streamsql.schema.column import Column
from streamsql.schema.duck import literal, quote
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DOUBLE,
    INTEGER,
    STRING,
    Array,
    Decimal,
    Map,
    Scalar,
    SqlType,
    Struct,
)

_PLAIN = (BOOLEAN, INTEGER, BIGINT, STRING)
"""Scalars that `to_json` writes as ksqlDB does."""


def object_text(columns: Sequence[Column], values: Sequence[str]) -> str:
    """Text of a JSON object with a field for each column, in order."""
    parts: list[str] = []
    for i, (column, value) in enumerate(zip(columns, values, strict=True)):
        opening = "," if i else "{"
        parts.append(literal(f"{opening}{quote_json(column.name)}:"))
        parts.append(value_text(f"({value})", column.type))
    return f"concat({', '.join([*parts, literal('}')])})" if parts else "'{}'"


def value_text(sql: str, type_: SqlType, depth: int = 0) -> str:
    """Text of one value's JSON, `null` for NULL."""
    if _is_plain(type_):
        return f"coalesce({sql}::VARCHAR, 'null')" if _is_bare(type_) else _quoted(sql)
    name = f"_y{depth}"
    match type_:
        case Scalar() | Decimal():
            return f"coalesce({_scalar_text(sql, type_)}, 'null')"
        case Array(element):
            items = f"list_transform({sql}, lambda {name}: {value_text(name, element, depth + 1)})"
            return _brackets(items, "[", "]")
        case Map(_, value):
            text = value_text(f"{name}.value", value, depth + 1)
            pair = f"concat(to_json({name}.key)::VARCHAR, ':', {text})"
            return _brackets(f"list_transform(map_entries({sql}), lambda {name}: {pair})", "{", "}")
        case Struct(fields):
            columns = [Column(f.name, f.type) for f in fields]
            values = [f"{name}.{quote(f.name)}" for f in fields]
            inner = "concat('{', '}')" if not fields else _struct_text(columns, values, depth + 1)
            whole = f"CASE WHEN {name} IS NULL THEN 'null' ELSE {inner} END"
            return f"list_transform([{sql}], lambda {name}: {whole})[1]"
        case _:
            raise AssertionError(type_)


def _struct_text(columns: Sequence[Column], values: Sequence[str], depth: int) -> str:
    parts: list[str] = []
    for i, (column, value) in enumerate(zip(columns, values, strict=True)):
        parts.append(literal(f"{',' if i else '{'}{quote_json(column.name)}:"))
        parts.append(value_text(value, column.type, depth))
    return f"concat({', '.join([*parts, literal('}')])})"


def _scalar_text(sql: str, type_: SqlType) -> str:
    match type_:
        case Decimal():
            return decimal_text(sql, type_)
        case _ if type_ == DOUBLE:
            # The long text once: a statement with it twice takes twice as long to plan.
            return (
                f"CASE WHEN isnan({sql}) THEN '\"NaN\"' WHEN {sql} = 'Infinity' THEN"
                f" '\"Infinity\"' WHEN {sql} = '-Infinity' THEN '\"-Infinity\"'"
                f" ELSE {double_text(sql)} END"
            )
        case _ if type_ == BYTES:
            return f"('\"' || {lower_scalar(sql, type_)} || '\"')"
        case _:
            return f"{lower_scalar(sql, type_)}::VARCHAR"


def _quoted(sql: str) -> str:
    return f"coalesce(to_json({sql})::VARCHAR, 'null')"


def _brackets(items: str, opening: str, closing: str) -> str:
    joined = f"'{opening}' || array_to_string({items}, ',') || '{closing}'"
    return f"coalesce({joined}, 'null')"


def _is_bare(type_: SqlType) -> bool:
    return type_ in (BOOLEAN, INTEGER, BIGINT)


def _is_plain(type_: SqlType) -> bool:
    match type_:
        case Scalar():
            return type_ in _PLAIN
        case Array(element):
            return _is_plain(element)
        case Map(key, value):
            return key == STRING and _is_plain(value)
        case Struct(fields):
            return bool(fields) and all(_is_plain(f.type) for f in fields)
        case _:
            return False
