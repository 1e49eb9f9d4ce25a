"""SELECT: pull queries over what is there now, push queries over what changes."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from streamsql.catalog.catalog import Source
from streamsql.errors import StatementError
from streamsql.plan.frame import Context
from streamsql.plan.pull import PUSH_HINT, Pull, check_pull, plan_pull
from streamsql.plan.transient import Transient, plan_push
from streamsql.runtime.query import QueryOptions
from streamsql.session.owners import all_rows, own_rows
from streamsql.session.peers import Answer, Question
from streamsql.session.push import PushStream, to_python
from streamsql.session.result import Push, Result, Rows
from streamsql.session.state import SessionState
from streamsql.sql import parse_one
from streamsql.sql.statement import Query


async def handle(statement: Query, session: SessionState) -> Result:
    """A pull query where there is no EMIT, else a push query."""
    if session.wrote:
        # A SELECT sees every INSERT that was made on its connection before.
        await session.engine.runtime.drain()
        session.wrote = False
    if statement.emit is not None:
        return await push(statement, session)
    return await pull(statement, session)


def _context(session: SessionState) -> Context:
    return Context(catalog=session.engine.catalog, properties=session.properties, persistent=False)


async def pull(statement: Query, session: SessionState) -> Rows:
    """The rows that are there now."""
    if not session.properties.flag("ksql.pull.queries.enable"):
        raise StatementError("Pull queries are disabled (ksql.pull.queries.enable)")
    context = _context(session)
    source = check_pull(statement, context)
    if not source.is_table:
        return await _pull_stream(statement, session)
    planned = plan_pull(statement, source, context)
    table = await _read(planned, statement, session)
    rows = tuple(zip(*(to_python(c) for c in table.columns), strict=True))
    limited = planned.limit is not None and len(rows) > planned.limit
    rows = rows[: planned.limit] if limited else rows
    return Rows(
        statement=statement.text,
        columns=planned.columns,
        types=planned.types,
        rows=rows,
        schema=planned.schema,
        limited=limited,
        position=session.engine.runtime.queries[source.query].place(),
    )


async def _read(planned: Pull, statement: Query, session: SessionState) -> pa.Table:
    """What a pull query over a table selects: of a table that engines share, of all of them."""
    engine, source = session.engine, planned.source
    materialized = _materialized(source, session)
    shared = engine.shared_query(source.query)
    if shared is None:
        return engine.runtime.database.read(planned.over(materialized), now=engine.runtime.now_ms())
    question = Question(
        statement=statement.text,
        properties=dict(session.properties.items()),
        source=source.name,
    )
    rows = await all_rows(engine, engine.peers, shared, question, planned.where)
    return engine.runtime.database.read_with(planned.over, rows, now=engine.runtime.now_ms())


async def answer(question: Question, session: SessionState) -> Answer:
    """This engine's part of the rows that a pull query of another engine reads."""
    context = _context(session)
    statement = parse_one(question.statement)
    if not isinstance(statement, Query):
        raise StatementError("only a SELECT can be answered", position=statement.position)
    source = check_pull(statement, context)
    shared = session.engine.shared_query(source.query)
    if shared is None:
        raise StatementError(f"{source.name} is not kept by this engine")
    return own_rows(session.engine, shared, plan_pull(statement, source, context).where)


def _materialized(source: Source, session: SessionState) -> str:
    """The SELECT over the state of the query that makes the table."""
    query = session.engine.runtime.queries.get(source.query) if source.query else None
    if query is None or not query.plan.materialized:
        raise StatementError(
            f"The `{source.name}` table isn't queryable. To derive a queryable table, you can do"
            f" 'CREATE TABLE QUERYABLE_{source.name} AS SELECT * FROM {source.name}'. {PUSH_HINT}",
            hint="or declare it as CREATE SOURCE TABLE",
        )
    return query.plan.materialized


async def _pull_stream(statement: Query, session: SessionState) -> Rows:
    """The records of a stream from the beginning to its current end."""
    if not session.properties.flag("ksql.query.pull.stream.enabled"):
        raise StatementError(
            "Pull queries on streams are disabled (ksql.query.pull.stream.enabled)"
        )
    engine = session.engine
    earliest = session.properties.with_value("auto.offset.reset", "earliest")
    found = await _start(statement, session, reset=earliest.text("auto.offset.reset"))
    planned, stream, query_id = found
    try:
        await engine.runtime.drain_query(query_id)
        rows = tuple(row.values for row in stream.take())
        if stream.error is not None:
            raise stream.error
    finally:
        stream.stop()
    return Rows(
        statement=statement.text,
        columns=tuple(name for name, _, _, _ in planned.columns),
        types=tuple(type_ for _, type_, _, _ in planned.columns),
        rows=rows,
        schema=planned.schema,
        limited=stream.limited,
    )


async def push(statement: Query, session: SessionState) -> Push:
    """A query that runs until its LIMIT, or until it is stopped."""
    reset = session.properties.text("auto.offset.reset")
    planned, stream, query_id = await _start(statement, session, reset=reset)
    return Push(
        statement=statement.text,
        columns=tuple(name for name, _, _, _ in planned.columns),
        types=tuple(type_ for _, type_, _, _ in planned.columns),
        schema=planned.schema,
        query_id=query_id,
        rows=stream,
        limit=statement.limit,
    )


async def _start(
    statement: Query, session: SessionState, *, reset: str
) -> tuple[Transient, PushStream, str]:
    engine = session.engine
    engine.transient += 1
    query_id = f"transient_{engine.transient}"
    planned = plan_push(replace(statement, limit=None), _context(session), query_id=query_id)

    def end() -> None:
        engine.runtime.stop_soon(query_id)

    stream = PushStream(
        [(physical, is_key) for _, _, physical, is_key in planned.columns],
        table=planned.table,
        limit=statement.limit,
        on_end=end,
    )
    options = QueryOptions(
        reset=reset,
        records_max=session.properties.number("streamsql.batch.records.max"),
        emit=stream.receive,
        ready=stream.ready,
        on_error=stream.fail,
        text=statement.text,
    )
    if not stream.ended:
        await engine.runtime.start(planned.plan, options)
    return planned, stream, query_id
