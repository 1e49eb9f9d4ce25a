"""SELECT without EMIT: the rows that are there now.

Of a materialized table they are its query's state. Of a stream they are its records up to the
current end; and of a table that no query keeps the last record of each key, unless strict.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pyarrow as pa

from streamsql.catalog.catalog import Source
from streamsql.errors import StatementError
from streamsql.plan.frame import Context
from streamsql.plan.pull import PUSH_HINT, Pull, check_pull, plan_pull
from streamsql.plan.table_query import TableQuery, goes_beyond, plan_table_query, read_sources
from streamsql.plan.transient import Transient, plan_read
from streamsql.runtime.query import QueryOptions, RunningQuery
from streamsql.runtime.shared import SharedQuery
from streamsql.schema.duck import duckdb_type, physical_names, quote
from streamsql.session.owners import all_rows, own_rows
from streamsql.session.peers import Answer, Question
from streamsql.session.push import PushStream, to_python
from streamsql.session.result import Rows
from streamsql.session.state import SessionState
from streamsql.sql import parse_one
from streamsql.sql.formatting import format_name
from streamsql.sql.statement import Query

Start = Callable[..., Awaitable[tuple[Transient, PushStream, str]]]


async def pull(statement: Query, session: SessionState, start: Start) -> Rows:
    """The rows of a pull query; `start` starts a push query."""
    if not session.properties.flag("ksql.pull.queries.enable"):
        raise StatementError("Pull queries are disabled (ksql.pull.queries.enable)")
    catalog = session.engine.catalog
    context = Context(catalog=catalog, properties=session.properties, persistent=False)
    strict = session.properties.flag("streamsql.strict")
    if goes_beyond(statement) and not strict:
        return await _pull_query(statement, session, context)
    source = check_pull(statement, context)
    if not source.is_table:
        return await _pull_stream(statement, session, start)
    kept = _kept(source, session)
    if kept is None and not strict:
        return await _pull_query(statement, session, context)
    if kept is None:
        raise StatementError(
            f"The `{source.name}` table isn't queryable. To derive a queryable table, you can do"
            f" 'CREATE TABLE QUERYABLE_{source.name} AS SELECT * FROM {source.name}'. {PUSH_HINT}",
            hint="or declare it as CREATE SOURCE TABLE",
        )
    planned = plan_pull(statement, source, context)
    table = await _read(planned, kept, statement, session)
    return _rows(statement, planned, table, kept.place())


async def answer(question: Question, session: SessionState) -> Answer:
    """This engine's part of the rows that a pull query of another engine reads."""
    context = Context(
        catalog=session.engine.catalog, properties=session.properties, persistent=False
    )
    statement = parse_one(question.statement)
    if not isinstance(statement, Query):
        raise StatementError("only a SELECT can be answered", position=statement.position)
    source = check_pull(statement, context)
    shared = session.engine.shared_query(source.query)
    if shared is None:
        raise StatementError(f"{source.name} is not kept by this engine")
    return own_rows(session.engine, shared, plan_pull(statement, source, context).where)


def _kept(source: Source, session: SessionState) -> RunningQuery | None:
    """The query whose state is the table; None where none is."""
    query = session.engine.runtime.queries.get(source.query) if source.query else None
    return query if query is not None and query.plan.materialized else None


async def _read(
    planned: Pull, kept: RunningQuery, statement: Query, session: SessionState
) -> pa.Table:
    """What a pull query over a table selects: of a table that engines share, of all of them."""
    engine, source = session.engine, planned.source
    database, now = engine.runtime.database, engine.runtime.now_ms()
    shared = engine.shared_query(source.query)
    if shared is None:
        return database.read(planned.over(kept.plan.materialized), now=now)
    rows = await _shared_rows(source, shared, statement.text, session, planned.where)
    return database.read_with(planned.over, rows, now=now)


async def _shared_rows(
    source: Source, shared: SharedQuery, text: str, session: SessionState, where: str
) -> pa.Table:
    """The rows of a table that engines share; `text` is the SELECT that the others answer."""
    question = Question(
        statement=text, properties=dict(session.properties.items()), source=source.name
    )
    return await all_rows(session.engine, session.engine.peers, shared, question, where)


def _rows(
    statement: Query,
    planned: Pull | TableQuery,
    table: pa.Table,
    position: tuple[tuple[str, int], ...],
) -> Rows:
    rows = tuple(zip(*(to_python(c) for c in table.columns), strict=True))
    limited = planned.limit is not None and len(rows) > planned.limit
    return Rows(
        statement=statement.text,
        columns=planned.columns,
        types=planned.types,
        rows=rows[: planned.limit] if limited else rows,
        schema=planned.schema,
        limited=limited,
        position=position,
        table=table,
    )


# streams as ksqlDB reads them --------------------------------------------------------------------


async def _pull_stream(statement: Query, session: SessionState, start: Start) -> Rows:
    """The records of a stream from the beginning to its current end."""
    _check_streams(session)
    planned, stream, query_id = await start(statement, session, reset="earliest")
    try:
        await session.engine.runtime.drain_query(query_id)
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


def _check_streams(session: SessionState) -> None:
    if not session.properties.flag("ksql.query.pull.stream.enabled"):
        raise StatementError(
            "Pull queries on streams are disabled (ksql.query.pull.stream.enabled)"
        )


# beyond ksqlDB -----------------------------------------------------------------------------------


async def _pull_query(statement: Query, session: SessionState, context: Context) -> Rows:
    """One SELECT over all the sources at one moment; topics are read before it."""
    runtime = session.engine.runtime
    sources = {source.name: source for source in read_sources(statement, context)}
    read: dict[str, str] = {}
    texts: dict[str, str] = {}
    position: list[tuple[str, int]] = []
    try:
        for name, source in sources.items():
            kept = _kept(source, session)
            shared = session.engine.shared_query(source.query) if kept is not None else None
            if shared is not None:
                read[name] = await _keep_shared(source, shared, session)
                texts[name] = f"SELECT *, {_sequence(source)} FROM temp.{quote(read[name])}"
            elif kept is None:
                read[name] = await _read_topic(source, session)
                texts[name] = _topic_rows(source, read[name])
        for name, source in sources.items():
            kept = _kept(source, session)
            if kept is not None and name not in texts:
                rows = kept.plan.materialized
                texts[name] = f"SELECT * REPLACE ({_sequence(source)}) FROM ({rows})"
                position += kept.place()
        planned = plan_table_query(statement, context, lambda source: texts[source.name])
        table = runtime.database.read(planned.sql, now=runtime.now_ms())
        return _rows(statement, planned, table, tuple(position))
    finally:
        for kept_rows in read.values():
            runtime.database.kept.drop(kept_rows)


async def _keep_shared(source: Source, shared: SharedQuery, session: SessionState) -> str:
    """All rows of a table that engines share; the name of a temporary table of them."""
    text = f"SELECT * FROM {format_name(source.name)}"
    rows = await _shared_rows(source, shared, text, session, "")
    return _make(source, rows.select([name for name, _ in _columns(source)]), session)


def _make(source: Source, rows: pa.Table, session: SessionState) -> str:
    session.engine.transient += 1
    name = f"transient_{session.engine.transient}"
    session.engine.runtime.database.kept.make(name, _columns(source))
    session.engine.runtime.database.kept.add(name, rows)
    return name


def _keys(source: Source) -> str:
    """The key's physical columns, with the window's start."""
    names = physical_names(c.name for c in source.schema.columns())[: len(source.schema.key)]
    return ", ".join([*map(quote, names), *(["_ws"] if source.window else [])])


def _sequence(source: Source) -> str:
    """A table's rows are in the order of its key."""
    return f"row_number() OVER (ORDER BY {_keys(source)}) AS _seq"


def _topic_rows(source: Source, table: str) -> str:
    """What a topic's records say: all of a stream, the last of each key of a table."""
    last = ""
    if source.is_table:
        last = f" QUALIFY row_number() OVER (PARTITION BY {_keys(source)} ORDER BY rowid DESC) = 1"
    records = f"SELECT *, rowid AS _seq FROM temp.{quote(table)}{last}"
    return f"SELECT * FROM ({records}) WHERE NOT _null"


async def _read_topic(source: Source, session: SessionState) -> str:
    """Reads a source's topic to its current end; the name of a temporary table of its records."""
    if not source.is_table:
        _check_streams(session)
    engine = session.engine
    engine.transient += 1
    query_id = f"transient_{engine.transient}"
    database = engine.runtime.database
    failed: list[Exception] = []
    options = QueryOptions(
        records_max=session.properties.number("streamsql.batch.records.max"),
        emit=lambda batch: database.kept.add(query_id, batch),
        on_error=failed.append,
    )
    database.kept.make(query_id, _columns(source))
    try:
        await engine.runtime.start(plan_read(source, query_id=query_id), options)
        await engine.runtime.drain_query(query_id)
        if failed:
            raise failed[0]
    except BaseException:
        database.kept.drop(query_id)
        raise
    finally:
        engine.runtime.stop_soon(query_id)
    return query_id


def _columns(source: Source) -> list[tuple[str, str]]:
    """What a read source's rows have: names and DuckDB types."""
    columns = list(source.schema.columns())
    names = physical_names(c.name for c in columns)
    bounds = [("_ws", "BIGINT"), ("_we", "BIGINT")] if source.window else []
    values = [(name, duckdb_type(c.type)) for name, c in zip(names, columns, strict=True)]
    return [("_ts", "BIGINT"), ("_part", "INTEGER"), ("_null", "BOOLEAN"), *bounds, *values]
