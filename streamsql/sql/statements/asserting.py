"""ASSERT: a topic or schema that has to be there; in tests also the next record, or a source."""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.datatype import read_elements, read_names
from streamsql.sql.form import Form, read_properties
from streamsql.sql.formatting import (
    format_columns,
    format_duration,
    format_name,
    format_names,
    format_properties,
    format_string,
    format_values,
)
from streamsql.sql.statement import (
    AssertNullValues,
    AssertSchema,
    AssertSource,
    AssertTopic,
    AssertValues,
    Statement,
)
from streamsql.sql.statements.insert import read_row
from streamsql.sql.terminal import read_duration_ms, read_identifier, read_integer, read_resource


def _read_topic(cursor: Cursor, opening: tuple[str, ...]) -> Statement:
    topic = read_resource(cursor)
    properties = read_properties(cursor)
    timeout_ms = _read_timeout(cursor)
    return AssertTopic(
        topic=topic, properties=properties, exists="NOT" not in opening, timeout_ms=timeout_ms
    )


def _read_schema(cursor: Cursor, opening: tuple[str, ...]) -> Statement:
    subject = read_resource(cursor) if cursor.accept("SUBJECT") else None
    schema_id = read_integer(cursor, "ID") if cursor.accept("ID") else None
    timeout_ms = _read_timeout(cursor)
    return AssertSchema(
        subject=subject,
        schema_id=schema_id,
        exists="NOT" not in opening,
        timeout_ms=timeout_ms,
    )


def _read_timeout(cursor: Cursor) -> int | None:
    return read_duration_ms(cursor, "TIMEOUT") if cursor.accept("TIMEOUT") else None


def _read_values(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    source = read_identifier(cursor)
    columns = read_names(cursor) if cursor.at("(") else ()
    cursor.expect("VALUES")
    return AssertValues(source=source, columns=columns, values=read_row(cursor))


def _read_null_values(cursor: Cursor, _opening: tuple[str, ...]) -> Statement:
    source = read_identifier(cursor)
    columns = read_names(cursor) if cursor.at("(") else ()
    cursor.expect("KEY")
    return AssertNullValues(source=source, columns=columns, values=read_row(cursor))


def _read_source(cursor: Cursor, opening: tuple[str, ...]) -> Statement:
    name = read_identifier(cursor)
    columns = read_elements(cursor)
    properties = read_properties(cursor)
    return AssertSource(kind=opening[1], name=name, columns=columns, properties=properties)


def _write_head(exists: bool, what: str) -> str:
    return f"ASSERT {what}" if exists else f"ASSERT NOT EXISTS {what}"


def _write_timeout(timeout_ms: int | None) -> str:
    return "" if timeout_ms is None else f" TIMEOUT {format_duration(timeout_ms)}"


def _write_topic(statement: AssertTopic) -> str:
    head = f"{_write_head(statement.exists, 'TOPIC')} {format_string(statement.topic)}"
    return head + format_properties(statement.properties) + _write_timeout(statement.timeout_ms)


def _write_schema(statement: AssertSchema) -> str:
    text = _write_head(statement.exists, "SCHEMA")
    if statement.subject is not None:
        text += f" SUBJECT {format_string(statement.subject)}"
    if statement.schema_id is not None:
        text += f" ID {statement.schema_id}"
    return text + _write_timeout(statement.timeout_ms)


def _write_values(statement: AssertValues) -> str:
    head = f"ASSERT VALUES {format_name(statement.source)}{format_names(statement.columns)}"
    return f"{head} VALUES ({format_values(statement.values)})"


def _write_null_values(statement: AssertNullValues) -> str:
    head = f"ASSERT NULL VALUES {format_name(statement.source)}{format_names(statement.columns)}"
    return f"{head} KEY ({format_values(statement.values)})"


def _write_source(statement: AssertSource) -> str:
    columns = f" ({format_columns(statement.columns)})" if statement.columns else ""
    head = f"ASSERT {statement.kind} {format_name(statement.name)}{columns}"
    return head + format_properties(statement.properties)


FORMS = (
    Form(
        openings=("ASSERT TOPIC", "ASSERT NOT EXISTS TOPIC"),
        read=_read_topic,
        writers={AssertTopic: _write_topic},
    ),
    Form(
        openings=("ASSERT SCHEMA", "ASSERT NOT EXISTS SCHEMA"),
        read=_read_schema,
        writers={AssertSchema: _write_schema},
    ),
    Form(
        openings=("ASSERT VALUES",),
        read=_read_values,
        writers={AssertValues: _write_values},
        ksqldb=False,
    ),
    Form(
        openings=("ASSERT NULL VALUES",),
        read=_read_null_values,
        writers={AssertNullValues: _write_null_values},
        ksqldb=False,
    ),
    Form(
        openings=("ASSERT STREAM", "ASSERT TABLE"),
        read=_read_source,
        writers={AssertSource: _write_source},
        ksqldb=False,
    ),
)
