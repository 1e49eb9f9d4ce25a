"""DROP STREAM and DROP TABLE."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form
from streamsql.sql.formatting import format_name
from streamsql.sql.statement import DropSource, Statement
from streamsql.sql.terminal import read_identifier


def _read(cursor: Cursor, opening: tuple[str, ...]) -> Statement:
    if_exists = cursor.accept("IF", "EXISTS")
    name = read_identifier(cursor)
    delete_topic = cursor.accept("DELETE")
    if delete_topic:
        cursor.expect("TOPIC")
    return DropSource(kind=opening[1], name=name, if_exists=if_exists, delete_topic=delete_topic)


def _write(statement: DropSource) -> str:
    guard = "IF EXISTS " if statement.if_exists else ""
    tail = " DELETE TOPIC" if statement.delete_topic else ""
    return f"DROP {statement.kind} {guard}{format_name(statement.name)}{tail}"


FORMS = (Form(openings=("DROP STREAM", "DROP TABLE"), read=_read, writers={DropSource: _write}),)
