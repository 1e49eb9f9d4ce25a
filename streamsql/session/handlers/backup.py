"""BACKUP DATABASE: topics, positions, state and statements as they stand between two steps."""

from __future__ import annotations

from streamsql.errors import DatabaseError, StatementError
from streamsql.runtime.backup import back_up
from streamsql.session.result import Result
from streamsql.session.state import SessionState
from streamsql.sql.statement import BackupDatabase


async def handle(statement: BackupDatabase, session: SessionState) -> Result:
    """The size of the copy."""
    try:
        size = back_up(session.engine.runtime.database, statement.path)
    except DatabaseError as error:
        raise StatementError(
            error.primary, detail=error.detail, hint=error.hint, position=statement.position
        ) from error
    return Result(
        statement=statement.text,
        message=f"Database backed up to {statement.path}: {size / 1e6:,.1f} MB.",
    )
