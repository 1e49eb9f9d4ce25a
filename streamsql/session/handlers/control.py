"""TERMINATE, PAUSE and RESUME of persistent queries; TERMINATE of push queries of this engine."""

from __future__ import annotations

from dataclasses import replace

from streamsql.catalog.catalog import DropQuery, PutSource
from streamsql.errors import StatementError
from streamsql.session.result import Result
from streamsql.session.state import SessionState
from streamsql.sql.statement import ControlQuery


def end_push(statement: ControlQuery, session: SessionState) -> Result | None:
    """Ends the push query that TERMINATE names, whose reader gets no more rows; None where it names
    none. That concerns this engine alone, and is not kept."""
    if statement.action != "TERMINATE" or statement.query_id is None:
        return None
    for query_id, running in session.engine.runtime.queries.items():
        if query_id.upper() == statement.query_id.upper() and running.options.stop is not None:
            running.options.stop()
            return Result(statement=statement.text, message=f"Query {query_id} terminated.")
    return None


async def handle(statement: ControlQuery, session: SessionState) -> Result:
    """The action on one query, or on all."""
    catalog = session.engine.catalog
    if statement.query_id is None:
        ids = list(catalog.queries)
    else:
        ids = [i for i in catalog.queries if i.upper() == statement.query_id.upper()]
        if not ids:
            raise StatementError(
                f"Unknown queryId: {statement.query_id}",
                hint="SHOW QUERIES lists them",
                position=statement.position,
            )
    for query_id in ids:
        await _apply(statement.action, query_id, session)
    word = {"TERMINATE": "terminated", "PAUSE": "paused", "RESUME": "resumed"}[statement.action]
    return Result(statement=statement.text, message=f"Query {', '.join(ids) or 'ALL'} {word}.")


async def _apply(action: str, query_id: str, session: SessionState) -> None:
    engine = session.engine
    if action == "TERMINATE":
        await engine.stop_query(query_id)
        source = engine.catalog.sources.get(engine.catalog.queries[query_id].sink)
        engine.apply(DropQuery(query_id))
        if source is not None and source.query == query_id:
            engine.apply(PutSource(replace(source, query="")))
        return
    engine.pause_query(query_id, paused=action == "PAUSE")
