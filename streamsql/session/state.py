"""What one user's session holds: properties and variables over a shared engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace

from streamsql.config import Properties
from streamsql.plan.frame import Context
from streamsql.session.engine import Engine
from streamsql.session.result import Result
from streamsql.sql import Piece


class SessionState(ABC):
    """Handlers read and change it. `own`: what the session itself has SET.

    `wrote`: an INSERT was made that a SELECT has to wait for. `reads_files`: who gave the session
    its statements may have it read files (RUN SCRIPT); `depth`: scripts that run scripts.
    """

    def __init__(self, engine: Engine, properties: Mapping[str, str] | None = None) -> None:
        self.engine = engine
        self.own = Properties()
        self.variables: dict[str, str] = {}
        self.wrote = False
        self.reads_files = False
        self.depth = 0
        for name, value in (properties or {}).items():
            self.own = self.own.with_value(name, value)

    @property
    def properties(self) -> Properties:
        """What statements are executed with: the session's own settings over the engine's
        (ALTER SYSTEM)."""
        return self.own.over(self.engine.system)

    @abstractmethod
    async def execute_piece(self, piece: Piece) -> Result:
        """Executes one statement."""

    def definition_context(self) -> Context:
        """What a definition is planned against: on Kafka its plan is cut for several engines."""
        context = Context(catalog=self.engine.catalog, properties=self.properties, persistent=True)
        service = self.engine.service
        return replace(context, distributed=True, service=service) if service else context
