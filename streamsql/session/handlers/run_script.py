"""RUN SCRIPT: the statements of a file, one by one, up to the first that is refused."""

from __future__ import annotations

from pathlib import Path

from streamsql.errors import StatementError
from streamsql.session.result import Result
from streamsql.session.state import SessionState
from streamsql.sql import split
from streamsql.sql.statement import RunScript

DEPTH_MAX = 16
"""Scripts that run scripts: deeper is a circle."""


async def handle(statement: RunScript, session: SessionState) -> Result:
    """Executes the file; StatementError with its name and line where a statement is refused."""
    if not session.reads_files:
        raise StatementError(
            "RUN SCRIPT cannot be used in this context.",
            hint="it reads a file of the machine that asks: send the statements themselves",
            position=statement.position,
        )
    if session.depth == DEPTH_MAX:
        raise StatementError(
            f"{statement.path}: scripts run each other in a circle", position=statement.position
        )
    text = _read(statement)
    count = 0
    session.depth += 1
    try:
        for piece in split(text):
            try:
                await session.execute_piece(piece)
            except StatementError as error:
                if error.position is not None:
                    error.detail = "\n".join(
                        p for p in (f"{statement.path}: {error.position}", error.detail) if p
                    )
                # A position in the file is none in the text that named it.
                error.position = statement.position
                raise
            count += 1
    finally:
        session.depth -= 1
    plural = "" if count == 1 else "s"
    return Result(
        statement=statement.text, message=f"{count} statement{plural} of {statement.path} executed."
    )


def _read(statement: RunScript) -> str:
    path = Path(statement.path).expanduser()
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise StatementError(
            f"Failed to read the script: {path}",
            detail=error.strerror or str(error),
            position=statement.position,
        ) from error
    except UnicodeDecodeError as error:
        raise StatementError(
            f"Failed to read the script: {path}",
            detail="it is not UTF-8",
            position=statement.position,
        ) from error
