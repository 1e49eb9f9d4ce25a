"""Reads types and lists of columns.

A name that is no type of ksqlDB becomes a CustomType: whether CREATE TYPE declared it is the
binder's question.
"""

from __future__ import annotations

from streamsql.schema.types import NAMES, Array, Decimal, Field, Map, SqlType, Struct
from streamsql.sql.cursor import Cursor
from streamsql.sql.expr import CustomType
from streamsql.sql.statement import ColumnDef
from streamsql.sql.terminal import read_identifier, read_integer, read_string

__all__ = ["read_columns", "read_elements", "read_names", "read_type"]


def read_type(cursor: Cursor) -> SqlType:
    """Reads a type; `INT ARRAY` is `ARRAY<INT>`."""
    cursor.enter()
    type_ = _read_prefix(cursor)
    levels = 1
    while cursor.accept("ARRAY"):
        cursor.enter()
        levels += 1
        type_ = Array(type_)
    for _ in range(levels):
        cursor.leave()
    return type_


def _read_prefix(cursor: Cursor) -> SqlType:
    if cursor.at("ARRAY", "<"):
        cursor.expect("ARRAY", "<")
        element = read_type(cursor)
        cursor.expect(">")
        return Array(element)
    if cursor.at("MAP", "<"):
        cursor.expect("MAP", "<")
        key = read_type(cursor)
        cursor.expect(",")
        value = read_type(cursor)
        cursor.expect(">")
        return Map(key, value)
    if cursor.at("STRUCT", "<") or cursor.at("STRUCT", "<>"):
        return _read_struct(cursor)
    if cursor.at("DECIMAL"):
        return _read_decimal(cursor)
    return _read_named(cursor)


def _read_struct(cursor: Cursor) -> Struct:
    cursor.expect("STRUCT")
    # The lexer has no way to know that here `<>` is no comparison.
    if cursor.accept("<>") or cursor.accept("<", ">"):
        return Struct(())
    cursor.expect("<")
    fields: list[Field] = []
    while True:
        written = cursor.token.text
        name = read_identifier(cursor)
        fields.append(Field(name, read_type(cursor), written))
        if not cursor.accept(","):
            break
    if not cursor.accept(">"):
        cursor.fail_expecting("','", "'>'")
    return Struct(tuple(fields))


def _read_decimal(cursor: Cursor) -> Decimal:
    start = cursor.advance()
    cursor.expect("(")
    precision = read_integer(cursor, "DECIMAL")
    cursor.expect(",")
    scale = read_integer(cursor, "DECIMAL")
    cursor.expect(")")
    if precision < 1:
        cursor.fail_prepare(f"DECIMAL precision must be >= 1: DECIMAL({precision},{scale})", start)
    if scale > precision:
        cursor.fail_prepare(
            f"DECIMAL precision must be >= scale: DECIMAL({precision},{scale})", start
        )
    return Decimal(precision, scale)


def _read_named(cursor: Cursor) -> SqlType:
    start = cursor.token
    if start.kind not in ("word", "quoted"):
        cursor.fail_at(start, hint="a type comes here: STRING, INT, DECIMAL(10, 2), ARRAY<…>, …")
    name = read_identifier(cursor)
    if cursor.accept("("):
        # ksqlDB reads VARCHAR(STRING) and VARCHAR(100) and makes nothing of the parameter.
        while True:
            if cursor.token.kind != "integer" and not cursor.at("STRING"):
                cursor.fail_expecting("{'STRING', INTEGER_VALUE}")
            cursor.advance()
            if not cursor.accept(","):
                break
        if not cursor.accept(")"):
            cursor.fail_expecting("','", "')'")
    known = NAMES.get(name)
    return known or CustomType(name, cursor.position(start))


def read_columns(cursor: Cursor) -> tuple[ColumnDef, ...]:
    """Reads `name type [KEY | PRIMARY KEY | HEADERS | HEADER('key')], …` without parentheses."""
    columns = [_read_column(cursor)]
    while cursor.accept(","):
        columns.append(_read_column(cursor))
    return tuple(columns)


def read_elements(cursor: Cursor) -> tuple[ColumnDef, ...]:
    """Reads `(name type, …)` if it comes next."""
    if not cursor.accept("("):
        return ()
    columns = read_columns(cursor)
    if not cursor.accept(")"):
        cursor.fail_expecting("','", "')'")
    return columns


def _read_column(cursor: Cursor) -> ColumnDef:
    position = cursor.position()
    written = cursor.token.text
    name = read_identifier(cursor)
    type_ = read_type(cursor)
    constraint = header_key = None
    if cursor.accept("PRIMARY"):
        cursor.expect("KEY")
        constraint = "PRIMARY KEY"
    elif cursor.accept("KEY"):
        constraint = "KEY"
    elif cursor.accept("HEADERS"):
        constraint = "HEADERS"
    elif cursor.accept("HEADER"):
        constraint = "HEADER"
        cursor.expect("(")
        header_key = read_string(cursor)
        cursor.expect(")")
    return ColumnDef(
        name=name,
        type=type_,
        constraint=constraint,
        header_key=header_key,
        position=position,
        written=written,
    )


def read_names(cursor: Cursor) -> tuple[str, ...]:
    """Reads `(name, …)`."""
    cursor.expect("(")
    names = [read_identifier(cursor)]
    while cursor.accept(","):
        names.append(read_identifier(cursor))
    if not cursor.accept(")"):
        cursor.fail_expecting("','", "')'")
    return tuple(names)
