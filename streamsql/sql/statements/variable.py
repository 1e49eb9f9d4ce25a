"""DEFINE and UNDEFINE: variables of the session; their names keep their case."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form
from streamsql.sql.formatting import format_string
from streamsql.sql.statement import Define, Statement, Undefine
from streamsql.sql.terminal import read_plain_name, read_string


def _read_define(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    name = read_plain_name(cursor)
    cursor.expect("=")
    return Define(name=name, value=read_string(cursor))


def _write_define(statement: Define) -> str:
    return f"DEFINE {statement.name} = {format_string(statement.value)}"


def _read_undefine(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    return Undefine(name=read_plain_name(cursor))


def _write_undefine(statement: Undefine) -> str:
    return f"UNDEFINE {statement.name}"


FORMS = (
    Form(openings=("DEFINE",), read=_read_define, writers={Define: _write_define}),
    Form(openings=("UNDEFINE",), read=_read_undefine, writers={Undefine: _write_undefine}),
)
