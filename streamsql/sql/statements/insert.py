"""INSERT INTO: one row of VALUES, or all that a query gives."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.datatype import read_names
from streamsql.sql.expr import Expr
from streamsql.sql.expression import read_value
from streamsql.sql.form import Form, read_properties
from streamsql.sql.formatting import (
    format_name,
    format_names,
    format_properties,
    format_query,
    format_values,
)
from streamsql.sql.query import at_query, read_query
from streamsql.sql.statement import InsertInto, InsertValues, Statement
from streamsql.sql.terminal import read_identifier


def _read(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    target = read_identifier(cursor)
    if at_query(cursor):
        return InsertInto(target=target, query=read_query(cursor))
    if cursor.at("WITH"):
        properties = read_properties(cursor)
        return InsertInto(target=target, query=read_query(cursor), properties=properties)
    columns: tuple[str, ...] = ()
    if cursor.at("("):
        columns = read_names(cursor)
    if not cursor.accept("VALUES"):
        expected = ("'VALUES'",) if columns else ("'WITH'", "'('", "'VALUES'", "'SELECT'")
        cursor.fail_expecting(*expected)
    start = cursor.token
    values = read_row(cursor)
    if columns and len(columns) != len(values):
        cursor.fail_prepare(
            f"Expected number columns and values to match: {len(columns)}, {len(values)}",
            start,
        )
    return InsertValues(target=target, columns=columns, values=values)


def read_row(cursor: Cursor) -> tuple[Expr, ...]:
    """Reads `(value, …)`; `()` is a row of nothing."""
    cursor.expect("(")
    values: list[Expr] = []
    if cursor.accept(")"):
        return ()
    while True:
        values.append(read_value(cursor))
        if not cursor.accept(","):
            break
    if not cursor.accept(")"):
        cursor.fail_expecting("','", "')'")
    return tuple(values)


def _write_query(statement: InsertInto) -> str:
    head = f"INSERT INTO {format_name(statement.target)}"
    return f"{head}{format_properties(statement.properties)} {format_query(statement.query)}"


def _write_values(statement: InsertValues) -> str:
    head = f"INSERT INTO {format_name(statement.target)}{format_names(statement.columns)}"
    return f"{head} VALUES ({format_values(statement.values)})"


FORMS = (
    Form(
        openings=("INSERT INTO",),
        read=_read,
        writers={InsertInto: _write_query, InsertValues: _write_values},
    ),
)
