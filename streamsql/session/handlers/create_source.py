"""CREATE STREAM | TABLE with columns, ALTER … ADD COLUMN, CREATE TYPE."""

from __future__ import annotations

from dataclasses import replace

from streamsql.brokers.log import TopicInfo
from streamsql.catalog.catalog import PutSource, PutType, Source
from streamsql.errors import StatementError
from streamsql.plan.declare import check_formats, columns_schema, declare, resolve_type
from streamsql.plan.source_table import plan_source_table
from streamsql.schema.column import Schema
from streamsql.session.options import running_plan
from streamsql.session.result import Created, Result
from streamsql.session.schemas import infer_columns, register_schemas
from streamsql.session.state import SessionState
from streamsql.sql.statement import AlterSource, CreateSource, CreateType


async def handle(statement: CreateSource, session: SessionState) -> Result:
    """Declares a stream or table; its topic is created where PARTITIONS says how, or in an embedded
    log."""
    engine = session.engine
    found = engine.catalog.sources.get(statement.name)
    if found is not None and statement.if_not_exists:
        return Created(
            statement=statement.text,
            name=statement.name,
            message=f"Cannot add {statement.kind.lower()} `{statement.name}`: A"
            f" {found.kind.lower()}"
            " with the same name already exists.",
            warnings=("nothing was changed",),
        )
    if not engine.replaying:
        statement = infer_columns(statement, engine.registry, session.properties)
    topics = await engine.partitions()
    source = declare(statement, engine.catalog, session.properties, topics)
    if (
        engine.service
        and source.topic not in topics
        and "PARTITIONS" not in dict(statement.properties)
    ):
        raise _missing_topic(source)
    _check_replace(statement, source, found)
    if not engine.replaying:
        register_schemas(source, engine.registry, again=False)
    await engine.create_topic(
        TopicInfo(name=source.topic, partitions=source.partitions, replicas=source.replicas)
    )
    if source.read_only and source.is_table:
        source = replace(source, query=await _materialize(source, session))
    engine.apply(PutSource(source))
    return Created(
        statement=statement.text,
        name=source.name,
        message=f"{source.kind.title()} {source.name} created",
    )


def _missing_topic(source: Source) -> StatementError:
    return StatementError(
        f"Topic '{source.topic}' does not exist. If you want to create a new topic for the"
        " stream/table please re-run the statement providing the required 'PARTITIONS'"
        " configuration in the WITH clause (and optionally 'REPLICAS'). For example:"
        f" CREATE {source.kind} {source.name} WITH (KAFKA_TOPIC='{source.topic}',"
        " PARTITIONS=NUM_PARTITIONS);",
        hint="SHOW TOPICS lists those that there are",
    )


def _check_replace(statement: CreateSource, source: Source, found: Source | None) -> None:
    kind, name = source.kind.lower(), source.name
    if statement.or_replace and (source.read_only or (found is not None and found.read_only)):
        raise StatementError(
            f"Cannot add {kind} '{name}': CREATE OR REPLACE is not supported on source {kind}s."
        )
    if found is None:
        return
    if not statement.or_replace:
        raise StatementError(
            f"Cannot add {kind} '{name}': A {found.kind.lower()} with the same name already exists",
            hint=f"DROP {found.kind} {name}, or use CREATE OR REPLACE",
            position=statement.position,
        )
    check_upgrade(found, source)


def check_upgrade(old: Source, new: Source) -> None:
    """Refuses a replacement that is another kind, changes the key, or changes or drops columns."""
    kind, name = new.kind.lower(), new.name
    if old.kind != new.kind:
        raise StatementError(
            f"Cannot add {kind} '{name}': A {old.kind.lower()} with the same name already exists"
        )
    for what, a, b in (
        ("topic", old.topic, new.topic),
        ("key format", old.key_format, new.key_format),
        ("value format", old.value_format, new.value_format),
        ("window", old.window, new.window),
    ):
        if a != b:
            raise StatementError(
                f"Cannot upgrade data source: DataSource '`{name}`' has {what} = {a} which is not"
                f" upgradeable to {b}"
            )
    key = [f"{c} KEY" for i, c in enumerate(old.schema.key) if new.schema.key[i : i + 1] != (c,)]
    value = [str(c) for i, c in enumerate(old.schema.value) if new.schema.value[i : i + 1] != (c,)]
    why = ""
    if key or len(old.schema.key) != len(new.schema.key):
        why = "(Key columns must be identical. The following key columns are changed, missing or"
        why += f" reordered: [{', '.join(key)}])"
    elif value:
        why = "(The following columns are changed, missing or reordered:"
        why += f" [{', '.join(value)}])"
    if why:
        raise StatementError(
            f"Cannot upgrade data source: DataSource '`{name}`' has schema = {old.schema} which is"
            " not"
            f" upgradeable to {new.schema}. {why}"
        )


async def _materialize(source: Source, session: SessionState) -> str:
    """Starts the query that keeps a SOURCE TABLE's rows for pull queries; gives its id."""
    engine = session.engine
    if not session.properties.flag("ksql.source.table.materialization.enabled"):
        return ""
    query_id = f"CST_{source.name}_{engine.catalog.queries_made}"
    plan = plan_source_table(source, session.definition_context(), query_id=query_id)
    await engine.start_query(query_id, running_plan([plan], (), session.properties))
    return query_id


async def alter(statement: AlterSource, session: SessionState) -> Result:
    """ALTER STREAM | TABLE x ADD COLUMN: appends value columns to a declared source."""
    engine = session.engine
    kind = statement.kind.lower()
    source = engine.catalog.sources.get(statement.name)
    if source is None:
        raise StatementError(f"Source {statement.name} does not exist.")
    if source.kind != statement.kind:
        raise StatementError(
            f"Incompatible data source type is {source.kind}, but statement was ALTER"
            f" {statement.kind}"
        )
    if source.read_only:
        raise StatementError(
            f"Cannot alter {kind} '{source.name}': ALTER operations are not supported on source"
            f" {kind}s."
        )
    if source.query:
        raise StatementError(
            f"ALTER command is not supported for CREATE ... AS statements. Source {source.name} is"
            " made"
            f" by query {source.query}."
        )
    added = columns_schema(statement.columns, statement.kind, engine.catalog)
    for column in added.value:
        if source.schema.find(column.name) is not None:
            raise StatementError(
                f"Cannot add column `{column.name}` to schema. A column with the same name already"
                " exists."
            )
    schema = Schema(
        key=source.schema.key,
        value=(*source.schema.value, *added.value),
        headers=source.schema.headers,
    )
    altered = replace(source, schema=schema)
    check_formats(altered)
    engine.apply(PutSource(altered))
    return Created(
        statement=statement.text, name=source.name, message=f"{kind.title()} {source.name} altered"
    )


async def create_type(statement: CreateType, session: SessionState) -> Result:
    """CREATE TYPE."""
    engine = session.engine
    if statement.name in engine.catalog.types:
        if statement.if_not_exists:
            return Created(
                statement=statement.text,
                name=statement.name,
                message=f"{statement.name} is already registered",
            )
        raise StatementError(
            f"Cannot register custom type '{statement.name}' since it is already registered with"
            " type:"
            f" {engine.catalog.types[statement.name]}"
        )
    type_ = resolve_type(statement.type, engine.catalog)
    engine.apply(PutType(statement.name, type_))
    return Created(
        statement=statement.text,
        name=statement.name,
        message=f"Registered custom type with name '{statement.name}' and SQL type {type_}",
    )
