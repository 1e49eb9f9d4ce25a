"""WAIT FOR QUERIES: a script goes on when every query has read all there is. ksqlDB has it not."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form
from streamsql.sql.statement import Statement, WaitForQueries


def _read(_cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    return WaitForQueries()


def _write(_statement: WaitForQueries) -> str:
    return "WAIT FOR QUERIES"


FORMS = (
    Form(
        openings=("WAIT FOR QUERIES",),
        read=_read,
        writers={WaitForQueries: _write},
        ksqldb=False,
    ),
)
