"""CREATE … AS SELECT and INSERT INTO … SELECT: a persistent query starts, or goes on with another
plan."""

from __future__ import annotations

from streamsql.brokers.log import TopicInfo
from streamsql.catalog.catalog import PutQuery, PutSource, Source
from streamsql.errors import StatementError
from streamsql.plan.persistent import Persistent, plan_create, plan_insert
from streamsql.plan.upgrade import check_query_upgrade
from streamsql.session.engine import RunningPlan
from streamsql.session.handlers.create_source import check_upgrade
from streamsql.session.options import running_plan
from streamsql.session.result import Created, Result
from streamsql.session.schemas import check_chosen_schemas, register_schemas
from streamsql.session.state import SessionState
from streamsql.sql.statement import CreateAsSelect, InsertInto


def _plan(planned: Persistent, session: SessionState) -> RunningPlan:
    return running_plan(planned.stages, planned.internal, session.properties)


async def create(statement: CreateAsSelect, session: SessionState) -> Result:
    """CREATE [OR REPLACE] STREAM | TABLE … AS SELECT."""
    engine = session.engine
    found = engine.catalog.sources.get(statement.name)
    kind = statement.kind.lower()
    if found is not None and statement.if_not_exists:
        return Created(
            statement=statement.text,
            name=statement.name,
            message=f"Cannot add {kind} `{statement.name}`: A {found.kind.lower()} with the same"
            " name"
            " already exists.",
            warnings=("nothing was changed",),
        )
    if found is not None and not statement.or_replace:
        raise StatementError(
            f"Cannot add {kind} '{statement.name}': A {found.kind.lower()} with the same name"
            " already"
            " exists",
            hint=f"DROP {found.kind} {statement.name}, or use CREATE OR REPLACE",
            position=statement.position,
        )
    if found is not None and found.read_only:
        raise StatementError(
            f"Cannot add {kind} '{found.name}': CREATE OR REPLACE is not supported on source"
            f" {kind}s."
        )
    replacing = found is not None and found.query != ""
    prefix = "CSAS" if statement.kind == "STREAM" else "CTAS"
    query_id = f"{prefix}_{statement.name}_{engine.catalog.queries_made}"
    if found is not None and replacing:
        query_id = found.query
    planned = plan_create(
        statement, session.definition_context(), query_id=query_id, topics=await engine.partitions()
    )
    if not engine.replaying:
        check_chosen_schemas(planned.source, engine.registry)
    if found is not None and replacing:
        return await _replace(statement, planned, found, session)
    if found is not None:
        check_upgrade(found, planned.source)
    await _make_topic(planned.source, session)
    if not engine.replaying:
        register_schemas(planned.source, engine.registry, again=True)
    await _start(planned, session)
    engine.apply(PutSource(planned.source), PutQuery(planned.query))
    return Created(
        statement=statement.text,
        name=planned.source.name,
        query_id=query_id,
        message=f"Created query with ID {query_id}",
    )


async def _replace(
    statement: CreateAsSelect, planned: Persistent, found: Source, session: SessionState
) -> Result:
    """CREATE OR REPLACE of a query's own source: the query goes on from where it is."""
    engine = session.engine
    if not session.properties.flag("ksql.create.or.replace.enabled"):
        raise StatementError("CREATE OR REPLACE is disabled (ksql.create.or.replace.enabled)")
    check_upgrade(found, planned.source)
    check_query_upgrade(engine.catalog.queries[found.query], planned, session.definition_context())
    if not engine.replaying:
        register_schemas(planned.source, engine.registry, again=True)
    await engine.replace_query(planned.query.id, _plan(planned, session))
    engine.apply(PutSource(planned.source), PutQuery(planned.query))
    return Created(
        statement=statement.text,
        name=planned.source.name,
        query_id=planned.query.id,
        message=f"Replaced query with ID {planned.query.id}",
    )


async def _make_topic(source: Source, session: SessionState) -> None:
    config = {"cleanup.policy": "compact"} if source.is_table and source.window is None else {}
    await session.engine.create_topic(
        TopicInfo(
            name=source.topic,
            partitions=source.partitions,
            replicas=source.replicas,
            config=config,
        )
    )


async def _start(planned: Persistent, session: SessionState) -> None:
    limit = session.properties.number("ksql.query.persistent.active.limit")
    if len(session.engine.catalog.queries) >= limit:
        raise StatementError(
            "Not executing statement(s) as it would cause the number of active, persistent"
            " queries to"
            f" exceed the configured limit. The configured limit is {limit}.",
            hint="TERMINATE a query, or raise ksql.query.persistent.active.limit",
        )
    await session.engine.start_query(planned.query.id, _plan(planned, session))


async def insert(statement: InsertInto, session: SessionState) -> Result:
    """INSERT INTO … SELECT."""
    engine = session.engine
    given = dict(statement.properties).get("QUERY_ID")
    query_id = str(given) if given else f"INSERTQUERY_{engine.catalog.queries_made}"
    if query_id in engine.catalog.queries:
        raise StatementError(f"Query ID '{query_id}' already exists.")
    planned = plan_insert(statement, session.definition_context(), query_id=query_id)
    await _start(planned, session)
    engine.apply(PutQuery(planned.query))
    return Created(
        statement=statement.text, query_id=query_id, message=f"Created query with ID {query_id}"
    )
