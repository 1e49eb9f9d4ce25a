"""A statement's life: text → Statement → handler → Result.

`Session.execute` is the definition flow on one screen. A handler (`handlers/`, one file a kind of
statement) plans against the engine's catalog, starts or stops what has to run, applies the changes
and records the text.
"""

from __future__ import annotations

import json

from streamsql import sql
from streamsql.errors import StatementError, UnsupportedError
from streamsql.session.handlers import HANDLERS, RECORDED
from streamsql.session.handlers.control import end_push
from streamsql.session.result import Result
from streamsql.session.state import SessionState
from streamsql.sql.statement import AlterSystem, ControlQuery, Statement


class Session(SessionState):
    """A session that executes statements."""

    async def execute(self, text: str) -> Result:
        """Executes every statement of `text` and gives the last one's result."""
        results = await self.execute_script(text)
        return results[-1] if results else Result()

    async def execute_script(self, text: str) -> list[Result]:
        """Executes the statements of `text` one by one; stops at the first that is refused."""
        return [await self.execute_piece(piece) for piece in sql.split(text)]

    async def execute_piece(self, piece: sql.Piece) -> Result:
        """Executes one statement: substitute, parse, handle, record. Positions count in the text it
        came from."""
        text = piece.text
        if self.properties.flag("ksql.variable.substitution.enable"):
            text = sql.substitute(text, self.variables)
        strict = self.properties.flag("streamsql.strict")
        return await self.handle(sql.parse_one(text, strict=strict, origin=piece.position))

    async def handle(self, statement: Statement) -> Result:
        """Performs a statement; a definition goes to the statement log: on Kafka first, since all
        engines of the service perform it, else behind it."""
        if isinstance(statement, ControlQuery) and (ended := end_push(statement, self)):
            return ended
        shared = self.engine.submit is not None and self.engine.live
        if shared and isinstance(statement, RECORDED):
            return await self._submit(statement)
        before = self.engine.catalog
        result = await self.perform(statement)
        always = isinstance(statement, ControlQuery | AlterSystem)
        if (self.engine.catalog is not before or always) and isinstance(statement, RECORDED):
            # What ran may say more than what was written: columns that a schema gave.
            self.engine.record(result.statement or statement.text, dict(self.properties.items()))
        return result

    async def perform(self, statement: Statement) -> Result:
        """Runs the handler of a statement."""
        handler = HANDLERS.get(type(statement))
        if handler is None:
            raise UnsupportedError(
                f"{type(statement).__name__} statements are not supported yet",
                position=statement.position,
            )
        try:
            return await handler(statement, self)
        except StatementError as error:
            # What concerns no one word of a statement concerns the statement (law 9).
            error.position = error.position or statement.position
            raise

    async def _submit(self, statement: Statement) -> Result:
        """Tries a definition without effect, so that a wrong one is refused here and goes nowhere;
        then it is performed as it comes back from the service's log."""
        engine = self.engine
        trial = engine.rehearsal()
        result = await Session(trial, dict(self.properties.items())).perform(statement)
        always = isinstance(statement, ControlQuery | AlterSystem)
        if trial.catalog is engine.catalog and not always:
            return result
        added = [s for n, s in trial.catalog.sources.items() if engine.catalog.sources.get(n) != s]
        partitions = {source.topic: source.partitions for source in added}
        if engine.submit is None:
            raise AssertionError(statement)
        text = result.statement or statement.text
        return await engine.submit(text, dict(self.properties.items()), partitions)

    async def restore(self) -> None:
        """Executes the statement log of a database that was closed; the queries that are left go
        on where they were."""
        self.engine.replaying = True
        for number, text, properties in self.engine.statement_log():
            replayed = Session(self.engine, json.loads(properties))
            try:
                await replayed.handle(sql.parse_one(text))
            except StatementError as error:
                raise StatementError(
                    f"statement {number} of the database's log is refused: {error.primary}",
                    detail=text,
                    hint="open the file with the version of streamsql that wrote it",
                ) from error
            self.engine.statements = number
        await self.engine.resume()
