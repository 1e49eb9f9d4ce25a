"""TERMINATE, PAUSE and RESUME: running queries."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form
from streamsql.sql.formatting import format_name
from streamsql.sql.statement import ControlQuery, Statement
from streamsql.sql.terminal import read_identifier


def _read(cursor: Cursor, opening: tuple[str, ...]) -> Statement:
    query_id = None if cursor.accept("ALL") else read_identifier(cursor)
    return ControlQuery(action=opening[0], query_id=query_id)


def _write(statement: ControlQuery) -> str:
    target = "ALL" if statement.query_id is None else format_name(statement.query_id)
    return f"{statement.action} {target}"


FORMS = (
    Form(openings=("TERMINATE", "PAUSE", "RESUME"), read=_read, writers={ControlQuery: _write}),
)
