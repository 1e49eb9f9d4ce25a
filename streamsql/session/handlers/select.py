"""SELECT: pull queries over what is there now, push queries over what changes."""

from __future__ import annotations

from dataclasses import replace

from streamsql.plan.frame import Context
from streamsql.plan.transient import Transient, plan_push
from streamsql.runtime.query import QueryOptions
from streamsql.session.handlers.pull import pull
from streamsql.session.push import PushStream
from streamsql.session.result import Push, Result
from streamsql.session.state import SessionState
from streamsql.sql.statement import Query


async def handle(statement: Query, session: SessionState) -> Result:
    """A pull query where there is no EMIT, else a push query."""
    if session.wrote:
        # A SELECT sees every INSERT that was made on its connection before.
        await session.engine.runtime.drain()
        session.wrote = False
    if statement.emit is not None:
        return await push(statement, session)
    return await pull(statement, session, start)


def _context(session: SessionState) -> Context:
    return Context(catalog=session.engine.catalog, properties=session.properties, persistent=False)


async def push(statement: Query, session: SessionState) -> Push:
    """A query that runs until its LIMIT, or until it is stopped."""
    reset = session.properties.text("auto.offset.reset")
    planned, stream, query_id = await start(statement, session, reset=reset)
    return Push(
        statement=statement.text,
        columns=tuple(name for name, _, _, _ in planned.columns),
        types=tuple(type_ for _, type_, _, _ in planned.columns),
        schema=planned.schema,
        query_id=query_id,
        rows=stream,
        limit=statement.limit,
    )


async def start(
    statement: Query, session: SessionState, *, reset: str
) -> tuple[Transient, PushStream, str]:
    """A push query that runs: its plan, its rows and its id."""
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
        stop=stream.stop,
        text=statement.text,
    )
    if not stream.ended:
        await engine.runtime.start(planned.plan, options)
    return planned, stream, query_id
