"""An open engine: the runtime and the catalog that it serves. Sessions share it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from streamsql.brokers.log import Log, TopicInfo
from streamsql.catalog.catalog import Catalog, Change
from streamsql.config import Properties
from streamsql.engine.plan import PhysicalPlan
from streamsql.formats import schema_kernels
from streamsql.plan.kernels import KERNELS
from streamsql.registry.opening import open_registry
from streamsql.registry.registry import Registry
from streamsql.registry.rehearsal import RehearsedRegistry
from streamsql.runtime.loop import Runtime, wall_clock_ms
from streamsql.runtime.opening import open_runtime
from streamsql.runtime.query import QueryOptions


@dataclass(slots=True, kw_only=True)
class Engine:
    """What the sessions of one process share. `catalog` is replaced, never edited.

    `replaying`: the statement log is being executed, so statements are not written to it again.
    `transient`: number of push queries that were started. `rehearsing`: see `rehearsal`.
    `system`: what ALTER SYSTEM has set for every session.
    """

    runtime: Runtime
    registry: Registry
    settings: Mapping[str, str]
    catalog: Catalog = field(default_factory=Catalog)
    replaying: bool = False
    statements: int = 0
    transient: int = 0
    system: Properties = field(default_factory=Properties)
    rehearsing: bool = False

    @property
    def log(self) -> Log:
        """Where the topics are."""
        return self.runtime.log

    def apply(self, *changes: Change) -> None:
        """Applies changes of the catalog."""
        for change in changes:
            self.catalog = self.catalog.apply(change)

    # effects of statements; a rehearsal has none ------------------------------------------------

    async def start_query(self, plan: PhysicalPlan, options: QueryOptions) -> None:
        """Starts a persistent query."""
        if not self.rehearsing:
            await self.runtime.start(plan, options)

    async def replace_query(self, plan: PhysicalPlan, options: QueryOptions) -> None:
        """Puts a plan in the place of a running query's."""
        if not self.rehearsing:
            await self.runtime.replace(plan, options)

    async def stop_query(self, query_id: str) -> None:
        """Stops a persistent query and drops its state."""
        if not self.rehearsing:
            await self.runtime.stop(query_id, drop_state=True)

    async def create_topic(self, topic: TopicInfo) -> None:
        """Creates a topic, where the statement is not replayed: the topic may be gone since."""
        if not self.rehearsing and not self.replaying:
            await self.log.create_topic(topic)

    async def delete_topic(self, name: str) -> None:
        """Deletes a topic, where the statement is not replayed."""
        if not self.rehearsing and not self.replaying:
            await self.log.delete_topic(name)

    def rehearsal(self) -> Engine:
        """A copy on which a statement can be tried: it changes its own catalog and nothing else."""
        registry = RehearsedRegistry(self.registry)
        return replace(self, rehearsing=True, registry=registry)

    # the statement log --------------------------------------------------------------------------

    def record(self, text: str, properties: Mapping[str, str]) -> None:
        """Writes a definition to the statement log."""
        if self.replaying or self.rehearsing:
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
        self.registry.close()
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
    registry = open_registry(chosen, runtime.database.connection)
    runtime.database.add_kernels(schema_kernels(registry))
    return Engine(runtime=runtime, registry=registry, settings=chosen)
