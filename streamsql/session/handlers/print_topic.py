"""PRINT: the records of a topic, as they are and as they come."""

from __future__ import annotations

from streamsql.errors import StatementError
from streamsql.plan.scope import near_hint
from streamsql.plan.transient import plan_print
from streamsql.runtime.query import QueryOptions
from streamsql.session.push import PushStream
from streamsql.session.result import Push
from streamsql.session.state import SessionState
from streamsql.session.topic_print import PRINTED, RecordPrinter
from streamsql.sql.statement import PrintTopic


async def handle(statement: PrintTopic, session: SessionState) -> Push:
    """Every record from now on, or FROM BEGINNING; until LIMIT or until it is stopped."""
    engine = session.engine
    await _check(statement, session)
    engine.transient += 1
    query_id = f"print_{engine.transient}"
    stream = PushStream(
        [(column.name, True) for column in PRINTED.value],
        table=True,
        limit=statement.limit,
        on_end=lambda: engine.runtime.stop_soon(query_id),
    )
    printer = RecordPrinter(
        stream.receive,
        interval=statement.interval or 1,
        sources=[s for s in engine.catalog.sources.values() if s.topic == statement.topic],
        schemas=engine.registry,
    )
    options = QueryOptions(
        reset="earliest" if statement.from_beginning else "latest",
        records_max=session.properties.number("streamsql.batch.records.max"),
        emit=printer.take,
        ready=stream.ready,
        on_error=stream.fail,
        stop=stream.stop,
        text=statement.text,
    )
    if not stream.ended:
        await engine.runtime.start(plan_print(statement.topic, query_id=query_id), options)
    return Push(
        statement=statement.text,
        columns=tuple(c.name for c in PRINTED.value),
        types=tuple(str(c.type) for c in PRINTED.value),
        schema=PRINTED,
        query_id=query_id,
        rows=stream,
        limit=statement.limit,
        topic=statement.topic,
    )


async def _check(statement: PrintTopic, session: SessionState) -> None:
    topics = await session.engine.log.topics()
    name = statement.topic
    if name not in topics:
        same = sorted(t for t in topics if t.upper() == name.upper())
        detail = "\n".join(["Did you mean:", *(f"\tprint {t};" for t in same)]) if same else ""
        raise StatementError(
            f"Could not find topic '{name}', or the KSQL user does not have permissions to list the"
            " topic. Topic names are case-sensitive.",
            detail=detail,
            hint="" if same else near_hint(name, topics) or "SHOW TOPICS lists them",
            position=statement.position,
        )
    if statement.interval is not None and statement.interval < 1:
        raise StatementError(
            f"INTERVAL must be greater than one, but was: {statement.interval}",
            hint="INTERVAL n shows every n-th record",
            position=statement.position,
        )
