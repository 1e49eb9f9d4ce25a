"""BACKUP DATABASE: a copy of the database file; ksqlDB keeps its state in no such file."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form
from streamsql.sql.formatting import format_string
from streamsql.sql.statement import BackupDatabase, Statement
from streamsql.sql.terminal import read_string


def _read(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    cursor.expect("TO")
    return BackupDatabase(path=read_string(cursor))


def _write(statement: BackupDatabase) -> str:
    return f"BACKUP DATABASE TO {format_string(statement.path)}"


FORMS = (
    Form(
        openings=("BACKUP DATABASE",),
        read=_read,
        writers={BackupDatabase: _write},
        ksqldb=False,
    ),
)
