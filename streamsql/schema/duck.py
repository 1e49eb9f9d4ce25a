"""How types and columns are called inside DuckDB; the only place that quotes identifiers or
literals.

INTEGER, BIGINT, DOUBLE, BOOLEAN, DECIMAL, DATE and TIME are held as DuckDB's types of the same
name, STRING as VARCHAR, BYTES as BLOB, TIMESTAMP as TIMESTAMP (UTC), ARRAY as a list, MAP as MAP
and STRUCT as STRUCT with the same field names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from streamsql.schema.types import Array, Decimal, Map, Scalar, SqlType, Struct

_SCALARS = {
    "BOOLEAN": "BOOLEAN",
    "INTEGER": "INTEGER",
    "BIGINT": "BIGINT",
    "DOUBLE": "DOUBLE",
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "TIME": "TIME",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
    "NULL": "INTEGER",
}

DECIMAL_PRECISION_MAX = 38
"""DuckDB's limit; ksqlDB's decimals may be wider, ours are refused or cut to it (DECISIONS.md)."""

RESERVED = frozenset(
    "_seq _sub _input _part _off _ts _key _val _hdr _null _ws _we _fin _rid _old rowid"
    " _err _log _error _ok _passes _row".split()
)
"""Names that steps use beside the user's columns; compared without case, as DuckDB does."""

_NUMBERED = re.compile(r"_[a-z]+[0-9]+")
"""Names like `_try0` that steps count up."""


def quote(name: str) -> str:
    """An identifier for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal for DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def duckdb_type(type_: SqlType) -> str:
    """The DuckDB spelling of a type."""
    match type_:
        case Scalar(name):
            return _SCALARS[name]
        case Decimal(precision, scale):
            return f"DECIMAL({min(precision, DECIMAL_PRECISION_MAX)},{scale})"
        case Array(element):
            return f"{duckdb_type(element)}[]"
        case Map(key, value):
            return f"MAP({duckdb_type(key)}, {duckdb_type(value)})"
        case Struct(fields):
            inner = ", ".join(f"{quote(f.name)} {duckdb_type(f.type)}" for f in fields)
            return f"STRUCT({inner})"
        case _:
            raise AssertionError(type_)


def physical_names(names: Iterable[str]) -> tuple[str, ...]:
    """One physical column name for each of `names`, in order, unquoted.

    DuckDB compares identifiers without case: `a` beside `A`, and a user's `_seq`, get a suffix. A
    name keeps its own spelling where it can, since people read the SQL in EXPLAIN.
    """
    return _physical_names(tuple(names))


@lru_cache(maxsize=4096)
def _physical_names(names: tuple[str, ...]) -> tuple[str, ...]:
    # Kept, since every column that an operator names asks for those of its whole relation.
    taken: set[str] = set(RESERVED)
    out: list[str] = []
    for name in names:
        candidate, n = name, 1
        while candidate.lower() in taken or _NUMBERED.fullmatch(candidate.lower()):
            n += 1
            candidate = f"{name}__{n}"
        taken.add(candidate.lower())
        out.append(candidate)
    return tuple(out)


def duckdb_identifier_list(columns: Iterable[tuple[str, str]]) -> str:
    """`"name" TYPE, …` of a table definition."""
    return ", ".join(f"{quote(name)} {type_}" for name, type_ in columns)
