"""CREATE CONNECTOR and DROP CONNECTOR."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.form import Form, read_properties
from streamsql.sql.formatting import format_name, format_properties
from streamsql.sql.statement import CreateConnector, DropConnector, Statement
from streamsql.sql.terminal import read_identifier


def _read_create(cursor: Cursor, opening: tuple[str, ...]) -> Statement:
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    name = read_identifier(cursor)
    if not cursor.at("WITH"):
        cursor.fail_expecting("'WITH'")
    # Connectors read their settings by exact names.
    properties = read_properties(cursor, upper=False)
    return CreateConnector(
        kind=opening[1], name=name, properties=properties, if_not_exists=if_not_exists
    )


def _write_create(statement: CreateConnector) -> str:
    guard = "IF NOT EXISTS " if statement.if_not_exists else ""
    head = f"CREATE {statement.kind} CONNECTOR {guard}{format_name(statement.name)}"
    return head + format_properties(statement.properties)


def _read_drop(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    if_exists = cursor.accept("IF", "EXISTS")
    return DropConnector(name=read_identifier(cursor), if_exists=if_exists)


def _write_drop(statement: DropConnector) -> str:
    guard = "IF EXISTS " if statement.if_exists else ""
    return f"DROP CONNECTOR {guard}{format_name(statement.name)}"


FORMS = (
    Form(
        openings=("CREATE SOURCE CONNECTOR", "CREATE SINK CONNECTOR"),
        read=_read_create,
        writers={CreateConnector: _write_create},
    ),
    Form(openings=("DROP CONNECTOR",), read=_read_drop, writers={DropConnector: _write_drop}),
)
