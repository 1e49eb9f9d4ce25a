"""ASSERT [NOT EXISTS] SCHEMA: waits for a schema to be in the registry, or not to be."""

from __future__ import annotations

from streamsql.errors import StatementError
from streamsql.session.handlers.assert_topic import wait_until_right
from streamsql.session.result import Result
from streamsql.session.state import SessionState
from streamsql.sql.statement import AssertSchema


async def handle(statement: AssertSchema, session: SessionState) -> Result:
    """Whether the schema is there; StatementError where it is not within TIMEOUT."""
    if statement.subject is None and statement.schema_id is None:
        raise StatementError(
            "ASSERT SCHEMA statements must include a subject name or an id",
            hint="ASSERT SCHEMA SUBJECT 'orders-value'; or ASSERT SCHEMA ID 5;",
        )
    named = "Schema with"
    named += f" subject name {statement.subject}" if statement.subject is not None else ""
    named += f" id {statement.schema_id}" if statement.schema_id is not None else ""

    async def check() -> str:
        if _is_there(statement, session) == statement.exists:
            return ""
        return f"{named} {'does not exist' if statement.exists else 'exists'}"

    wrong = await wait_until_right(check, statement.timeout_ms)
    if wrong:
        raise StatementError(
            wrong,
            hint="a topic's schemas are under <topic>-key and <topic>-value; TIMEOUT says how long"
            " to wait",
            position=statement.position,
        )
    word = "exists" if statement.exists else "does not exist"
    return Result(statement=statement.text, message=f"{named} {word}.")


def _is_there(statement: AssertSchema, session: SessionState) -> bool:
    registry = session.engine.registry
    subject, schema_id = statement.subject, statement.schema_id
    if schema_id is None:
        assert subject is not None
        return registry.latest(subject) is not None
    if subject is None:
        return registry.schema(schema_id) is not None
    return registry.has(subject, schema_id)
