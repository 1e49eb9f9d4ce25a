"""Rows between the stages of one query: a value is a JSON object of all columns, by their place.

Nobody else reads or writes it, so that DuckDB's own JSON is enough: fields are `c0`, `c1`, …, and
what JSON would round or spell in two ways travels as text that casts back to the same value.
Columns that are appended later are NULL in rows that were written before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from streamsql.schema.duck import duckdb_type, literal, quote
from streamsql.schema.types import BYTES, Array, Decimal, Map, SqlType, Struct


def encode_row(types: Sequence[SqlType], values: Sequence[str]) -> str:
    """Text of BLOB: a row of columns of `types`, whose DuckDB texts are `values`."""
    if not types:
        return "encode('{}')"
    fields = (
        f"c{i} := {_carried(value, type_)}"
        for i, (type_, value) in enumerate(zip(types, values, strict=True))
    )
    return f"encode(to_json(struct_pack({', '.join(fields)})))"


def decode_row(source: str, types: Sequence[SqlType]) -> tuple[str, tuple[str, ...]]:
    """Text of the row in `source` (a BLOB), and the text of each column over it, which is called
    `_row`."""
    fields = {f"c{i}": _carrier(type_) for i, type_ in enumerate(types)} or {"c0": "BOOLEAN"}
    row = f"from_json(decode({source}), {literal(json.dumps(fields, ensure_ascii=False))})"
    columns = (
        f"_row.c{i}" if _is_exact(type_) else f"(_row.c{i})::{duckdb_type(type_)}"
        for i, type_ in enumerate(types)
    )
    return row, tuple(columns)


def _carried(value: str, type_: SqlType) -> str:
    return f"({value})" if _is_exact(type_) else f"({value})::{_carrier(type_)}"


def _is_exact(type_: SqlType) -> bool:
    """Whether DuckDB's JSON gives back the same value."""
    return _carrier(type_) == duckdb_type(type_)


def _carrier(type_: SqlType) -> str:
    """The DuckDB type that travels: a DECIMAL would pass through a double, bytes are no text."""
    match type_:
        case Decimal():
            return "VARCHAR"
        case Array(element):
            return f"{_carrier(element)}[]"
        case Map(key, value):
            return f"MAP({_carrier(key)}, {_carrier(value)})"
        case Struct(fields):
            inner = ", ".join(f"{quote(f.name)} {_carrier(f.type)}" for f in fields)
            return f"STRUCT({inner})"
        case _:
            return "VARCHAR" if type_ == BYTES else duckdb_type(type_)
