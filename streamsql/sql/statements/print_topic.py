"""PRINT: the records of a topic."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form
from streamsql.sql.formatting import format_string
from streamsql.sql.statement import PrintTopic, Statement
from streamsql.sql.terminal import read_integer, read_resource


def _read(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    topic = read_resource(cursor)
    from_beginning = cursor.accept("FROM")
    if from_beginning:
        cursor.expect("BEGINNING")
    interval = limit = None
    if cursor.accept("INTERVAL") or cursor.accept("SAMPLE"):
        interval = read_integer(cursor, "INTERVAL")
    if cursor.accept("LIMIT"):
        limit = read_integer(cursor, "LIMIT")
    return PrintTopic(topic=topic, from_beginning=from_beginning, interval=interval, limit=limit)


def _write(statement: PrintTopic) -> str:
    parts = [f"PRINT {format_string(statement.topic)}"]
    if statement.from_beginning:
        parts.append("FROM BEGINNING")
    if statement.interval is not None:
        parts.append(f"INTERVAL {statement.interval}")
    if statement.limit is not None:
        parts.append(f"LIMIT {statement.limit}")
    return " ".join(parts)


FORMS = (Form(openings=("PRINT",), read=_read, writers={PrintTopic: _write}),)
