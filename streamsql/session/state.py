"""What one user's session holds: properties and variables over a shared engine."""

from __future__ import annotations

from collections.abc import Mapping

from streamsql.config import Properties
from streamsql.session.engine import Engine


class SessionState:
    """Handlers read and change it. `wrote`: an INSERT was made that a SELECT has to wait for."""

    def __init__(self, engine: Engine, properties: Mapping[str, str] | None = None) -> None:
        self.engine = engine
        self.properties = Properties()
        self.variables: dict[str, str] = {}
        self.wrote = False
        for name, value in (properties or {}).items():
            self.properties = self.properties.with_value(name, value)
