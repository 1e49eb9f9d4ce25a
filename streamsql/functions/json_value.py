"""TO_JSON_STRING: DuckDB text that writes a value of any type as JSON.

DECIMAL keeps its scale, DOUBLE is spelled as in Java (NaN and Infinity as texts), BYTES are base64,
DATE, TIME and TIMESTAMP are texts as CAST spells them. Fields of a struct and entries of a map come
in the order of their names, as ksqlDB sorts them.
"""

from __future__ import annotations

from streamsql.functions import jackson
from streamsql.schema.duck import literal, quote
from streamsql.schema.spelling import spell
from streamsql.schema.text import each, let
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DOUBLE,
    INTEGER,
    NULL,
    STRING,
    Array,
    Decimal,
    Map,
    SqlType,
    Struct,
)


def json_of(sql: str, type_: SqlType) -> str:
    """The JSON text; `null` of NULL."""
    return "'null'" if type_ == NULL else f"coalesce({_write(sql, type_)}, 'null')"


def _write(sql: str, type_: SqlType) -> str:
    """The JSON text; NULL of NULL."""
    match type_:
        case Array(element):
            return let(each(sql, lambda v: json_of(v, element)), lambda x: _enclose("[", x, "]"))
        case Map(key, value):
            return _write_map(sql, key, value)
        case Struct():
            return let(sql, lambda v: _write_struct(v, type_))
        case Decimal():
            return f"CAST({sql} AS VARCHAR)"
        case _ if type_ in (BOOLEAN, INTEGER, BIGINT):
            return f"CAST({sql} AS VARCHAR)"
        case _ if type_ == STRING:
            return _write_text(sql)
        case _ if type_ == DOUBLE:
            return let(sql, _write_double)
        case _ if type_ == BYTES:
            return f"""'"' || to_base64({sql}) || '"'"""
        case _:
            return f"""'"' || {spell(sql, type_)} || '"'"""


def _write_text(sql: str) -> str:
    return f"CAST(to_json({sql}) AS VARCHAR)"


def _write_double(v: str) -> str:
    mark = f"CASE WHEN isfinite({v}) THEN '' ELSE '\"' END"
    return f"{mark} || {spell(v, DOUBLE)} || {mark}"


def _enclose(start: str, items: str, end: str) -> str:
    return f"{literal(start)} || array_to_string({items}, ',') || {literal(end)}"


def _write_map(sql: str, key: SqlType, value: SqlType) -> str:
    def entry(v: str) -> str:
        name = spell(f"{v}.key", key)
        return f"[{name}, {json_of(f'{v}.value', value)}]"

    entries = f"list_sort({each(f'map_entries({sql})', entry)})"
    items = each(entries, lambda v: f"{_write_text(f'{v}[1]')} || ':' || {v}[2]")
    return let(items, lambda x: _enclose("{", x, "}"))


def _write_struct(v: str, type_: Struct) -> str:
    fields = sorted(type_.fields, key=lambda f: f.name.encode("utf-16-be"))
    parts = [
        f"{literal(jackson.quote(f.name) + ':')} || {json_of(f'{v}.{quote(f.name)}', f.type)}"
        for f in fields
    ]
    text = " || ',' || ".join(parts) or "''"
    return f"CASE WHEN {v} IS NOT NULL THEN '{{' || {text} || '}}' END"
