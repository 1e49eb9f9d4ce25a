"""ALTER STREAM and ALTER TABLE: more columns."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.datatype import read_type
from streamsql.sql.form import Form
from streamsql.sql.formatting import format_columns, format_name
from streamsql.sql.statement import AlterSource, ColumnDef, Statement
from streamsql.sql.terminal import read_identifier


def _read(cursor: Cursor, opening: tuple[str, ...]) -> Statement:
    name = read_identifier(cursor)
    columns = [_read_addition(cursor)]
    while cursor.accept(","):
        columns.append(_read_addition(cursor))
    return AlterSource(kind=opening[1], name=name, columns=tuple(columns))


def _read_addition(cursor: Cursor) -> ColumnDef:
    cursor.expect("ADD")
    # COLUMN may be the column's own name: `ADD COLUMN INT`.
    if cursor.at("COLUMN") and _has_name_and_type(cursor):
        cursor.advance()
    position = cursor.position()
    name = read_identifier(cursor)
    return ColumnDef(name=name, type=read_type(cursor), position=position)


def _has_name_and_type(cursor: Cursor) -> bool:
    behind = cursor.peek(2)
    return cursor.at_identifier(1) and (behind.kind in ("word", "quoted"))


def _write(statement: AlterSource) -> str:
    additions = ", ".join(f"ADD COLUMN {format_columns((c,))}" for c in statement.columns)
    return f"ALTER {statement.kind} {format_name(statement.name)} {additions}"


FORMS = (Form(openings=("ALTER STREAM", "ALTER TABLE"), read=_read, writers={AlterSource: _write}),)
