"""DESCRIBE: a source, all sources, a function, a connector."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form
from streamsql.sql.formatting import format_name
from streamsql.sql.statement import Describe, Statement
from streamsql.sql.terminal import read_identifier


def _read(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    for kind in ("FUNCTION", "CONNECTOR"):
        # FUNCTION alone is the name of a source.
        if cursor.at(kind) and (kind == "CONNECTOR" or cursor.at_identifier(1)):
            cursor.advance()
            return Describe(kind=kind, name=read_identifier(cursor))
    for kind in ("STREAMS", "TABLES"):
        if cursor.accept(kind):
            return Describe(kind=kind, extended=cursor.accept("EXTENDED"))
    name = read_identifier(cursor)
    return Describe(kind="SOURCE", name=name, extended=cursor.accept("EXTENDED"))


def _write(statement: Describe) -> str:
    extended = " EXTENDED" if statement.extended else ""
    if statement.kind in ("STREAMS", "TABLES"):
        return f"DESCRIBE {statement.kind}{extended}"
    kind = "" if statement.kind == "SOURCE" else statement.kind + " "
    return f"DESCRIBE {kind}{format_name(statement.name)}{extended}"


FORMS = (Form(openings=("DESCRIBE",), read=_read, writers={Describe: _write}),)
