"""WAIT FOR QUERIES: until every query has read all there is."""

from __future__ import annotations

from streamsql.errors import StatementError
from streamsql.runtime.query import ERROR
from streamsql.session.result import Result
from streamsql.session.state import SessionState
from streamsql.sql.statement import WaitForQueries


async def handle(statement: WaitForQueries, session: SessionState) -> Result:
    """How many queries there are; StatementError where one has stopped in ERROR."""
    engine = session.engine
    await engine.runtime.drain()
    running = [engine.runtime.queries[i] for i in engine.catalog.queries]
    for query in running:
        if query.status == ERROR:
            raise StatementError(
                f"Query {query.plan.query_id} has stopped in ERROR",
                detail=str(query.error),
                hint="SHOW QUERIES lists them; TERMINATE ends one",
                position=statement.position,
            )
    word = "query has" if len(running) == 1 else "queries have"
    return Result(statement=statement.text, message=f"{len(running)} {word} read all there was.")
