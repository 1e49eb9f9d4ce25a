"""EXPLAIN of a statement or of a running query: its tree, its SQL, its state."""

from __future__ import annotations

from streamsql.errors import StatementError
from streamsql.plan.explain import explain
from streamsql.session.result import Result, Text
from streamsql.session.state import SessionState
from streamsql.sql import parse_one
from streamsql.sql.statement import Explain, Statement


async def handle(statement: Explain, session: SessionState) -> Result:
    """What ksqlDB's EXPLAIN shows, and the SQL of each operator."""
    explained = _statement(statement, session)
    parts = explain(explained, session.definition_context())
    if statement.stage is not None:
        name = "OPERATORS" if statement.stage == "BOUND" else statement.stage
        return Text(statement=statement.text, body=parts[name])
    body = "\n\n".join(
        f"{title.title()}\n{'-' * len(title)}\n{text}" for title, text in parts.items()
    )
    return Text(statement=statement.text, body=body)


def _statement(statement: Explain, session: SessionState) -> Statement:
    if statement.statement is not None:
        return statement.statement
    wanted = (statement.query_id or "").upper()
    for query in session.engine.catalog.queries.values():
        if query.id.upper() == wanted:
            return parse_one(query.text)
    for query_id, running in session.engine.runtime.queries.items():
        if query_id.upper() == wanted and running.options.text:
            return parse_one(running.options.text)
    raise StatementError(
        f"Query with id:{statement.query_id} does not exist, use SHOW QUERIES to view the full set"
        " of"
        " queries.",
        position=statement.position,
    )
