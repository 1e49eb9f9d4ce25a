"""CREATE STREAM and CREATE TABLE: over a topic, or AS a query."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.datatype import read_elements
from streamsql.sql.form import Form, read_properties
from streamsql.sql.formatting import (
    format_columns,
    format_name,
    format_properties,
    format_query,
)
from streamsql.sql.query import read_query
from streamsql.sql.statement import CreateAsSelect, CreateSource, Statement
from streamsql.sql.terminal import read_identifier


def _read(cursor: Cursor, opening: tuple[str, ...]) -> Statement:
    kind = opening[-1]
    or_replace, read_only = "REPLACE" in opening, "SOURCE" in opening
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    name = read_identifier(cursor)
    columns = read_elements(cursor)
    properties = read_properties(cursor)
    if not columns and not read_only and cursor.accept("AS"):
        return CreateAsSelect(
            kind=kind,
            name=name,
            query=read_query(cursor),
            properties=properties,
            or_replace=or_replace,
            if_not_exists=if_not_exists,
        )
    return CreateSource(
        kind=kind,
        name=name,
        columns=columns,
        properties=properties,
        or_replace=or_replace,
        if_not_exists=if_not_exists,
        read_only=read_only,
    )


def _write_head(statement: CreateSource | CreateAsSelect, source: str = "") -> str:
    replace = "OR REPLACE " if statement.or_replace else ""
    guard = "IF NOT EXISTS " if statement.if_not_exists else ""
    return f"CREATE {replace}{source}{statement.kind} {guard}{format_name(statement.name)}"


def _write_source(statement: CreateSource) -> str:
    head = _write_head(statement, "SOURCE " if statement.read_only else "")
    columns = f" ({format_columns(statement.columns)})" if statement.columns else ""
    return head + columns + format_properties(statement.properties)


def _write_as_select(statement: CreateAsSelect) -> str:
    head = _write_head(statement) + format_properties(statement.properties)
    return f"{head} AS {format_query(statement.query)}"


FORMS = (
    Form(
        openings=tuple(
            f"CREATE {replace}{source}{kind}"
            for replace in ("", "OR REPLACE ")
            for source in ("", "SOURCE ")
            for kind in ("STREAM", "TABLE")
        ),
        read=_read,
        writers={CreateSource: _write_source, CreateAsSelect: _write_as_select},
    ),
)
