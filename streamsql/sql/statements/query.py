"""SELECT: a push query with EMIT, a pull query without."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form
from streamsql.sql.formatting import format_query
from streamsql.sql.query import read_query
from streamsql.sql.statement import Query, Statement


def _read(cursor: Cursor, opening: tuple[str, ...]) -> Statement:
    # A query stands inside other statements too, so its reader reads its first word itself.
    cursor.index -= len(opening)
    return read_query(cursor)


FORMS = (Form(openings=("SELECT", "WITH"), read=_read, writers={Query: format_query}),)
