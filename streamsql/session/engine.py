"""An open engine: database, log, runtime and the catalog that they serve. Sessions share it.

`open_engine` reads the statement log, so that an engine that was stopped goes on with the same queries at the same
positions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from streamsql import functions
from streamsql.brokers.embedded import EmbeddedLog
from streamsql.brokers.log import Log
from streamsql.catalog.catalog import Catalog, Change
from streamsql.config import SETTINGS
from streamsql.engine.database import Database
from streamsql.engine.plan import PhysicalPlan
from streamsql.runtime.loop import Runtime, wall_clock_ms
from streamsql.runtime.processing_log import ProcessingLog


@dataclass(slots=True, kw_only=True)
class Engine:
    """What the sessions of one process share. `catalog` is replaced, never edited; `plans` are the running queries'.

    `replaying`: the statement log is being executed, so statements are not written to it again.
    """

    database: Database
    log: Log
    runtime: Runtime
    settings: Mapping[str, str]
    catalog: Catalog = field(default_factory=Catalog)
    plans: dict[str, PhysicalPlan] = field(default_factory=dict[str, PhysicalPlan])
    replaying: bool = False
    statements: int = 0
    transient: int = 0

    def apply(self, *changes: Change) -> None:
        """Applies changes of the catalog."""
        for change in changes:
            self.catalog = self.catalog.apply(change)

    def record(self, text: str, properties: Mapping[str, str]) -> None:
        """Writes a definition to the statement log."""
        if self.replaying:
            return
        self.statements += 1
        with self.database.transaction():
            self.database.append_statement(
                self.statements, text, json.dumps(dict(properties), sort_keys=True), ""
            )

    async def partitions(self) -> dict[str, int]:
        """Number of partitions of each topic."""
        return {name: info.partitions for name, info in (await self.log.topics()).items()}

    async def close(self) -> None:
        """Stops everything; what was committed stays."""
        await self.log.close()
        self.database.close()


def setting(settings: Mapping[str, str], name: str) -> str:
    """An engine setting, or its default."""
    return settings.get(name, SETTINGS[name].default)


def new_engine(
    path: str = "",
    *,
    settings: Mapping[str, str] | None = None,
    clock: Callable[[], int] = wall_clock_ms,
    log: Callable[[Database], Log] | None = None,
) -> Engine:
    """An engine over the database file `path` (memory where empty), with an embedded log unless `log` gives another.

    Its statement log has not been read: `session.restore` does that.
    """
    chosen = dict(settings or {})
    database = Database(
        path,
        settings={
            "threads": setting(chosen, "streamsql.threads"),
            "memory_limit": setting(chosen, "streamsql.memory.limit"),
        },
        kernels=functions.KERNELS,
    )
    made = EmbeddedLog(database.connection) if log is None else log(database)
    processing_log = ProcessingLog(made, setting(chosen, "ksql.service.id"))
    runtime = Runtime(database, made, processing_log, clock=clock)
    return Engine(database=database, log=made, runtime=runtime, settings=chosen)
