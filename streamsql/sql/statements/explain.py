"""EXPLAIN: how a statement would run, or how a query runs."""

from __future__ import annotations

from collections.abc import Callable

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form
from streamsql.sql.formatting import format_name
from streamsql.sql.statement import Explain, Statement
from streamsql.sql.terminal import read_identifier

_STAGES = ("STATEMENT", "BOUND", "OPERATORS", "PHYSICAL", "STATE")


def make_forms(
    at: Callable[[Cursor], bool],
    read: Callable[[Cursor], Statement],
    write: Callable[[Statement], str],
) -> tuple[Form, ...]:
    """The forms of EXPLAIN; the arguments look for, read and write the statement inside."""

    def read_explain(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
        stage = None
        if not cursor.strict and cursor.accept("("):
            if not cursor.at_any(_STAGES):
                cursor.fail_expecting(*(f"'{word}'" for word in _STAGES))
            stage = cursor.advance().key
            cursor.expect(")")
        if not at(cursor):
            return Explain(query_id=read_identifier(cursor), stage=stage)
        cursor.enter()
        statement = read(cursor)
        cursor.leave()
        return Explain(statement=statement, stage=stage)

    def write_explain(statement: Explain) -> str:
        head = "EXPLAIN " if statement.stage is None else f"EXPLAIN ({statement.stage}) "
        if statement.statement is not None:
            return head + write(statement.statement)
        return head + format_name(statement.query_id or "")

    return (Form(openings=("EXPLAIN",), read=read_explain, writers={Explain: write_explain}),)
