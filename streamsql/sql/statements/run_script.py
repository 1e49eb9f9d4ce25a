"""RUN SCRIPT: the statements of a file; ksqlDB's command line and test runner have it."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form
from streamsql.sql.formatting import format_string
from streamsql.sql.statement import RunScript, Statement
from streamsql.sql.terminal import read_string


def _read(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    return RunScript(path=read_string(cursor))


def _write(statement: RunScript) -> str:
    return f"RUN SCRIPT {format_string(statement.path)}"


FORMS = (Form(openings=("RUN SCRIPT",), read=_read, writers={RunScript: _write}, ksqldb=False),)
