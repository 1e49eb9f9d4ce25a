"""DROP STREAM | TABLE, DROP TYPE."""

from __future__ import annotations

from streamsql.catalog.catalog import DropQuery, DropSource, DropType, Source
from streamsql.errors import StatementError
from streamsql.plan.frame import source_hint
from streamsql.session.result import Result
from streamsql.session.schemas import delete_subjects
from streamsql.session.state import SessionState
from streamsql.sql import statement as st


async def drop_source(statement: st.DropSource, session: SessionState) -> Result:
    """Drops a source and the query that makes it; refused where other queries use it."""
    engine = session.engine
    kind, name = statement.kind.lower(), statement.name
    source = engine.catalog.sources.get(name)
    if source is None:
        if statement.if_exists:
            return Result(statement=statement.text, message=f"Source {name} does not exist.")
        raise StatementError(
            f"{kind.title()} {name} does not exist.",
            hint=source_hint(name, engine.catalog),
            position=statement.position,
        )
    if source.kind != statement.kind:
        raise StatementError(
            f"Incompatible data source type is {source.kind}, but statement was DROP"
            f" {statement.kind}",
            position=statement.position,
        )
    if source.read_only and statement.delete_topic:
        raise StatementError(f"Cannot delete topic for read-only source: {name}")
    _check_unused(source, session)
    if source.query:
        await engine.stop_query(source.query)
        engine.apply(DropQuery(source.query))
    engine.apply(DropSource(name))
    if statement.delete_topic:
        await engine.delete_topic(source.topic)
        if not engine.replaying:
            delete_subjects(source, engine.registry)
    return Result(
        statement=statement.text, message=f"Source `{name}` (topic: {source.topic}) was dropped."
    )


def _check_unused(source: Source, session: SessionState) -> None:
    catalog = session.engine.catalog
    readers = sorted(q.id for q in catalog.readers(source.name) if q.id != source.query)
    writers = sorted(q.id for q in catalog.writers(source.name) if q.id != source.query)
    if readers or writers:
        raise StatementError(
            f"Cannot drop {source.name}.\nThe following streams and/or tables read from this"
            " source:"
            f" [{', '.join(catalog.queries[q].sink for q in readers)}].\nThe following queries"
            " read from"
            f" this source: [{', '.join(readers)}].\nThe following queries write into this source:"
            f" [{', '.join(writers)}].",
            hint=f"You need to terminate them before dropping {source.name}.",
        )


async def drop_type(statement: st.DropType, session: SessionState) -> Result:
    """DROP TYPE: sources that use it keep what it stood for."""
    engine = session.engine
    if statement.name not in engine.catalog.types:
        if statement.if_exists:
            return Result(
                statement=statement.text, message=f"Type '{statement.name}' does not exist"
            )
        raise StatementError(f"Type {statement.name} does not exist.")
    engine.apply(DropType(statement.name))
    return Result(statement=statement.text, message=f"Dropped type '{statement.name}'")
