"""Statements and the schema registry: columns that come from a schema, schemas that come from
columns.

ksqlDB docs: operate-and-deploy/schema-registry-integration, schema-inference-with-id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from streamsql.catalog.catalog import FormatSpec, Source
from streamsql.config import Properties
from streamsql.errors import RegistryError, StatementError
from streamsql.formats import WITH_SCHEMAS, SchemaFormat
from streamsql.formats.format import KEY, VALUE, FormatOptions
from streamsql.plan.declare import With, options_of
from streamsql.registry.registry import Registry
from streamsql.schema.column import Column
from streamsql.schema.registered import RegisteredSchema, subject_of
from streamsql.sql import format as format_sql
from streamsql.sql.statement import ColumnDef, CreateSource

_KEYS = ("KEY", "PRIMARY KEY")


def infer_columns(
    statement: CreateSource, registry: Registry, properties: Properties
) -> CreateSource:
    """The statement with the columns that the registry has for a side that declares none."""
    if With(statement.properties).text("KAFKA_TOPIC") is None:
        return statement
    inferred = {side: _infer_side(statement, side, registry, properties) for side in (KEY, VALUE)}
    if not any(inferred.values()):
        return statement
    mark = "PRIMARY KEY" if statement.kind == "TABLE" else "KEY"
    columns = (
        *(_column_def(c, mark) for c in inferred[KEY]),
        *(c for c in statement.columns if c.constraint in _KEYS),
        *(c for c in statement.columns if c.constraint not in _KEYS),
        *(_column_def(c, "") for c in inferred[VALUE]),
    )
    filled = replace(statement, columns=columns)
    return replace(filled, text=format_sql(filled))


def _column_def(column: Column, constraint: str) -> ColumnDef:
    return ColumnDef(
        name=column.name,
        type=column.type,
        constraint=constraint or None,
        written=column.written,
    )


def _infer_side(
    statement: CreateSource, side: str, registry: Registry, properties: Properties
) -> tuple[Column, ...]:
    given, prefix = With(statement.properties), side.upper()
    default = properties.text(f"ksql.persistence.default.format.{side}")
    name = (given.format(prefix) or default).upper()
    schema_id = given.number(f"{prefix}_SCHEMA_ID")
    format_ = WITH_SCHEMAS.get(name)
    if format_ is None:
        if schema_id is not None:
            raise StatementError(
                f"{prefix}_FORMAT should support schema inference when {prefix}_SCHEMA_ID is"
                f" provided. Current format is {name}.",
                hint=f"formats with schemas are {', '.join(WITH_SCHEMAS)}",
            )
        return ()
    if any(
        (c.constraint in _KEYS) == (side == KEY) and not _is_header(c) for c in statement.columns
    ):
        if schema_id is not None:
            raise StatementError(
                f"Table elements and {prefix}_SCHEMA_ID cannot both exist for create statement.",
                hint=f"leave out the {side} columns, or {prefix}_SCHEMA_ID",
            )
        return ()
    spec = given.spec(prefix, name)
    options = FormatOptions(
        side=side, wrap=spec.wrap, full_name=spec.full_name, nullable=spec.nullable
    )
    topic = given.text("KAFKA_TOPIC") or ""
    schema = _registered(topic, side, schema_id, registry)
    return schema_columns(format_, schema, topic, options, exact=schema_id is not None)


def _is_header(column: ColumnDef) -> bool:
    return column.constraint in ("HEADERS", "HEADER")


def _registered(
    topic: str, side: str, schema_id: int | None, registry: Registry
) -> RegisteredSchema:
    """The schema of that id, or the subject's last one."""
    subject = subject_of(topic, side)
    if schema_id is not None:
        found = registry.schema(schema_id)
    else:
        version = registry.latest(subject)
        found = version.schema if version else None
    if found is not None:
        return found
    with_id = f" with schema id {schema_id}" if schema_id is not None else ""
    raise StatementError(
        f"Schema for message {side}s on topic '{topic}'{with_id} does not exist in the Schema"
        f" Registry.\nSubject: {subject}",
        hint="declare the columns, or register a schema under that subject",
    )


def schema_columns(
    format_: SchemaFormat,
    schema: RegisteredSchema,
    topic: str,
    options: FormatOptions,
    *,
    exact: bool,
) -> tuple[Column, ...]:
    """The columns of a schema; StatementError where it has none for the format."""
    side = options.side
    if schema.kind != format_.kind:
        raise StatementError(
            f"{side.title()} schema is not in the expected format. You may want to set"
            f" {side.upper()}_FORMAT to '{schema.kind}'.\ntopic: {topic}\n"
            f"expected format: {format_.kind}\nactual format: {schema.kind}"
        )
    try:
        return format_.columns(schema, options, exact=exact)
    except ValueError as error:
        raise StatementError(
            f"Unable to verify if the {side} schema for topic: {topic} is compatible with ksqlDB.\n"
            f"Reason: {error}",
            detail=f"Schema:{schema.text}",
            hint=f"declare the columns, or choose another {side.upper()}_FORMAT",
        ) from None


def _sides(source: Source) -> list[tuple[str, FormatSpec, tuple[Column, ...]]]:
    return [
        (KEY, source.key_format, source.schema.key),
        (VALUE, source.value_format, source.schema.value),
    ]


def register_schemas(source: Source, registry: Registry, *, again: bool) -> None:
    """Registers what a source's columns give; a subject that is there gets it only if `again`.

    A schema that the user chose by its id is registered as it is.
    """
    for side, spec, columns in _sides(source):
        format_ = WITH_SCHEMAS.get(spec.name)
        if format_ is None or (not columns and side == KEY):
            continue
        options = options_of(source, side)
        if spec.schema_id is not None:
            schema = _registered(source.topic, side, spec.schema_id, registry)
            if not registry.has(options.subject, spec.schema_id):
                _register(registry, options.subject, schema)
        elif again or registry.latest(options.subject) is None:
            schema = format_.written_schema(format_.write_spec(columns, options))
            _register(registry, options.subject, schema)


def _register(registry: Registry, subject: str, schema: RegisteredSchema) -> int:
    try:
        return registry.register(subject, schema)
    except RegistryError as error:
        raise StatementError(
            f"Could not register schema for topic: {error.primary}",
            detail=error.detail,
            hint=error.hint,
        ) from error


def check_chosen_schemas(source: Source, registry: Registry) -> None:
    """Refuses a query's columns where a schema that was chosen by its id has others."""
    for side, spec, columns in _sides(source):
        format_ = WITH_SCHEMAS.get(spec.name)
        if spec.schema_id is None or format_ is None:
            if spec.schema_id is not None:
                raise StatementError(
                    f"{side.upper()}_FORMAT should support schema inference when"
                    f" {side.upper()}_SCHEMA_ID is provided. Current format is {spec.name}.",
                    hint=f"formats with schemas are {', '.join(WITH_SCHEMAS)}",
                )
            continue
        options = options_of(source, side)
        schema = _registered(source.topic, side, spec.schema_id, registry)
        found = schema_columns(format_, schema, source.topic, options, exact=True)
        if side == KEY:
            # What a key is called is not in its schema where it is one bare value.
            found = _renamed(found, columns)
        wrong = [str(c) for i, c in enumerate(columns) if found[i : i + 1] != (c,)]
        if wrong:
            listed = ", ".join(str(c) for c in found)
            raise StatementError(
                f"The following {side} columns are changed, missing or reordered:"
                f" [{', '.join(wrong)}]. Schema from schema registry is [{listed}]",
                hint="give the columns the schema's names, types and order",
            )


def _renamed(found: Sequence[Column], columns: Sequence[Column]) -> tuple[Column, ...]:
    if len(found) == len(columns) == 1 and found[0].name == "ROWKEY":
        return (replace(found[0], name=columns[0].name),)
    return tuple(found)


def check_key_schema(source: Source, registry: Registry) -> None:
    """Refuses an INSERT whose key would be written with another schema than the topic has: equal
    keys would be placed in different partitions."""
    format_ = WITH_SCHEMAS.get(source.key_format.name)
    if format_ is None or not source.schema.key or source.key_format.schema_id is not None:
        return
    options = options_of(source, KEY)
    latest = registry.latest(options.subject)
    written = format_.written_schema(format_.write_spec(source.schema.key, options))
    if latest is not None and not format_.is_same(latest.schema, written):
        raise StatementError(
            f"Cannot INSERT VALUES into data source `{source.name}`. ksqlDB generated schema would"
            f" overwrite existing key schema.\n\tExisting Schema: {latest.schema.text}\n\tksqlDB"
            f" Generated: {written.text}",
            hint="declare the key as its schema says, or produce with a client that has the schema",
        )


def delete_subjects(source: Source, registry: Registry) -> None:
    """Deletes the schemas of a topic that goes."""
    for side, spec, _ in _sides(source):
        if spec.name in WITH_SCHEMAS:
            registry.delete(subject_of(source.topic, side))
