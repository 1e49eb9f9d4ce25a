"""An open engine: the runtime and the catalog that it serves. Sessions share it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from streamsql.brokers.log import Log
from streamsql.catalog.catalog import Catalog, Change
from streamsql.plan.kernels import KERNELS
from streamsql.runtime.loop import Runtime, wall_clock_ms
from streamsql.runtime.opening import open_runtime


@dataclass(slots=True, kw_only=True)
class Engine:
    """What the sessions of one process share. `catalog` is replaced, never edited.

    `replaying`: the statement log is being executed, so statements are not written to it again.
    `transient`: number of push queries that were started.
    """

    runtime: Runtime
    settings: Mapping[str, str]
    catalog: Catalog = field(default_factory=Catalog)
    replaying: bool = False
    statements: int = 0
    transient: int = 0

    @property
    def log(self) -> Log:
        """Where the topics are."""
        return self.runtime.log

    def apply(self, *changes: Change) -> None:
        """Applies changes of the catalog."""
        for change in changes:
            self.catalog = self.catalog.apply(change)

    def record(self, text: str, properties: Mapping[str, str]) -> None:
        """Writes a definition to the statement log."""
        if self.replaying:
            return
        self.statements += 1
        database = self.runtime.database
        with database.transaction():
            database.append_statement(
                self.statements, text, json.dumps(dict(properties), sort_keys=True), ""
            )

    def statement_log(self) -> list[tuple[int, str, str]]:
        """The definitions in order: (number, text, session properties as JSON)."""
        return [(n, t, p) for n, t, p, _ in self.runtime.database.statements()]

    async def partitions(self) -> dict[str, int]:
        """Number of partitions of each topic."""
        return {name: info.partitions for name, info in (await self.log.topics()).items()}

    async def close(self) -> None:
        """Stops everything; what was committed stays."""
        await self.runtime.close()


def new_engine(
    path: str = "",
    *,
    settings: Mapping[str, str] | None = None,
    clock: Callable[[], int] = wall_clock_ms,
    log: Log | None = None,
) -> Engine:
    """An engine over the database file `path` (memory where empty), with an embedded log unless
    `log` is given.

    Its statement log has not been read: `Session.restore` does that.
    """
    chosen = dict(settings or {})
    runtime = open_runtime(path, chosen, kernels=KERNELS, clock=clock, log=log)
    return Engine(runtime=runtime, settings=chosen)
