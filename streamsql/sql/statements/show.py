"""SHOW, also called LIST: what there is."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form
from streamsql.sql.statement import Show, Statement

_EXTENDED = ("TOPICS", "STREAMS", "TABLES", "QUERIES")
_PLAIN = (
    "FUNCTIONS",
    "PROPERTIES",
    "TYPES",
    "VARIABLES",
    "CONNECTORS",
    "SOURCE CONNECTORS",
    "SINK CONNECTORS",
    "CONNECTOR PLUGINS",
)


def _read(cursor: Cursor, opening: tuple[str, ...]) -> Statement:
    what = " ".join(opening[1:])
    every = what == "ALL TOPICS"
    if every:
        what = "TOPICS"
    extended = what in _EXTENDED and cursor.accept("EXTENDED")
    return Show(what=what, extended=extended, every=every)


def _write(statement: Show) -> str:
    every = "ALL " if statement.every else ""
    extended = " EXTENDED" if statement.extended else ""
    return f"SHOW {every}{statement.what}{extended}"


FORMS = (
    Form(
        openings=tuple(
            f"{verb} {what}"
            for verb in ("SHOW", "LIST")
            for what in (*_EXTENDED, "ALL TOPICS", *_PLAIN)
        ),
        read=_read,
        writers={Show: _write},
    ),
)
