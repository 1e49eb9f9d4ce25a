"""SET, UNSET and ALTER SYSTEM: settings of the session and of the engine."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form
from streamsql.sql.formatting import format_string
from streamsql.sql.statement import AlterSystem, SetProperty, Statement, UnsetProperty
from streamsql.sql.terminal import read_string


def _read_set(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    name, value = _read_pair(cursor)
    return SetProperty(name=name, value=value)


def _read_alter(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    name, value = _read_pair(cursor)
    return AlterSystem(name=name, value=value)


def _read_pair(cursor: Cursor) -> tuple[str, str]:
    name = read_string(cursor)
    cursor.expect("=")
    return name, read_string(cursor)


def _write_set(statement: SetProperty) -> str:
    return f"SET {format_string(statement.name)} = {format_string(statement.value)}"


def _write_alter(statement: AlterSystem) -> str:
    return f"ALTER SYSTEM {format_string(statement.name)} = {format_string(statement.value)}"


def _read_unset(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    return UnsetProperty(name=read_string(cursor))


def _write_unset(statement: UnsetProperty) -> str:
    return f"UNSET {format_string(statement.name)}"


FORMS = (
    Form(openings=("SET",), read=_read_set, writers={SetProperty: _write_set}),
    Form(openings=("ALTER SYSTEM",), read=_read_alter, writers={AlterSystem: _write_alter}),
    Form(openings=("UNSET",), read=_read_unset, writers={UnsetProperty: _write_unset}),
)
