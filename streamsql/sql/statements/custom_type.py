"""CREATE TYPE and DROP TYPE: names for types."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.datatype import read_type
from streamsql.sql.form import Form
from streamsql.sql.formatting import format_name
from streamsql.sql.statement import CreateType, DropType, Statement
from streamsql.sql.terminal import read_identifier


def _read_create(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    name = read_identifier(cursor)
    cursor.expect("AS")
    return CreateType(name=name, type=read_type(cursor), if_not_exists=if_not_exists)


def _write_create(statement: CreateType) -> str:
    guard = "IF NOT EXISTS " if statement.if_not_exists else ""
    return f"CREATE TYPE {guard}{format_name(statement.name)} AS {statement.type}"


def _read_drop(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    if_exists = cursor.accept("IF", "EXISTS")
    return DropType(name=read_identifier(cursor), if_exists=if_exists)


def _write_drop(statement: DropType) -> str:
    guard = "IF EXISTS " if statement.if_exists else ""
    return f"DROP TYPE {guard}{format_name(statement.name)}"


FORMS = (
    Form(openings=("CREATE TYPE",), read=_read_create, writers={CreateType: _write_create}),
    Form(openings=("DROP TYPE",), read=_read_drop, writers={DropType: _write_drop}),
)
