"""An open engine: the runtime and the catalog that it serves. Sessions share it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from streamsql.brokers.log import Log, TopicInfo, delete_if_there
from streamsql.catalog.catalog import Catalog, Change
from streamsql.config import Properties
from streamsql.engine.plan import PhysicalPlan
from streamsql.errors import WorldError
from streamsql.formats import schema_kernels
from streamsql.plan.kernels import KERNELS
from streamsql.plan.stages import InternalTopic
from streamsql.registry.opening import open_registry
from streamsql.registry.registry import Registry
from streamsql.registry.rehearsal import RehearsedRegistry
from streamsql.runtime.cluster import SharedRuntime
from streamsql.runtime.loop import Runtime, wall_clock_ms
from streamsql.runtime.opening import open_runtime, open_shared_runtime
from streamsql.runtime.query import QueryOptions
from streamsql.runtime.shared import SharedQuery
from streamsql.session.peers import Peers
from streamsql.session.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningPlan:
    """How a persistent query runs: its stages, upstream first, and the topics between them.

    `before`: the stages of what it has replaced, whose rows may still be in the state changelogs.
    """

    stages: tuple[PhysicalPlan, ...]
    topics: tuple[InternalTopic, ...]
    options: QueryOptions
    before: tuple[PhysicalPlan, ...] = ()

    def earlier(self, stage: PhysicalPlan) -> tuple[PhysicalPlan, ...]:
        """What a stage was before."""
        return tuple(plan for plan in self.before if plan.query_id == stage.query_id)


Submit = Callable[[str, Mapping[str, str], Mapping[str, int]], Awaitable[Result]]
"""Puts a statement with its properties, and the partitions of topics it rests on, into the
statement log of a service; gives its result on this engine."""


@dataclass(slots=True, kw_only=True)
class Engine:
    """What the sessions of one process share. `catalog` is replaced, never edited.

    `plans`: of every persistent query, how it is to run; `paused`: which of them rest.
    `replaying`: the statement log is being read; only what is left at its end is started.
    `rehearsing`: see `rehearsal`.
    `submit`: where definitions go on Kafka; None: into the database's own log.
    `peers`: the other engines of the service, and `secret` what they know each other by.
    `assumed`: partitions of topics as they were when a statement of the log was accepted.
    `transient`: number of push queries that were started. `system`: what ALTER SYSTEM has set for
    every session.
    """

    runtime: Runtime
    registry: Registry
    settings: Mapping[str, str]
    catalog: Catalog = field(default_factory=Catalog)
    plans: dict[str, RunningPlan] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    submit: Submit | None = None
    assumed: Mapping[str, int] = field(default_factory=dict)
    statements: int = 0
    transient: int = 0
    system: Properties = field(default_factory=Properties)
    peers: Peers | None = None
    secret: str = ""
    replaying: bool = False
    rehearsing: bool = False

    @property
    def live(self) -> bool:
        """Whether statements have their effects."""
        return not (self.replaying or self.rehearsing)

    @property
    def log(self) -> Log:
        """Where the topics are."""
        return self.runtime.log

    def shared_query(self, query_id: str) -> SharedQuery | None:
        """The last stage of a query that engines of a service share, by the query's id."""
        runtime = self.runtime
        return runtime.shared.get(query_id) if isinstance(runtime, SharedRuntime) else None

    @property
    def service(self) -> str:
        """The id of the service on Kafka that this is an engine of; empty for an embedded log."""
        runtime = self.runtime
        return runtime.service.id if isinstance(runtime, SharedRuntime) else ""

    def apply(self, *changes: Change) -> None:
        """Applies changes of the catalog."""
        for change in changes:
            self.catalog = self.catalog.apply(change)

    # effects of statements ----------------------------------------------------------------------

    async def start_query(self, query_id: str, plan: RunningPlan) -> None:
        """Starts a persistent query, or nothing of it."""
        if self.live:
            await self._start(plan)
        self.plans[query_id] = plan

    async def _start(self, plan: RunningPlan) -> None:
        for topic in plan.topics:
            await self.log.create_topic(TopicInfo(name=topic.name, partitions=topic.partitions))
        try:
            for stage in plan.stages:
                await self.runtime.start(stage, plan.options, before=plan.earlier(stage))
        except WorldError:
            # Whoever tries again starts all of them.
            for stage in plan.stages:
                await self.runtime.stop(stage.query_id, drop_state=False)
            raise

    async def replace_query(self, query_id: str, plan: RunningPlan) -> None:
        """Puts a plan of the same stages in the place of a query's, and lets it run."""
        old = self.plans[query_id]
        plan = replace(plan, before=(*old.before, *old.stages))
        self.plans[query_id] = plan
        self.paused.discard(query_id)
        if self.live:
            for stage in plan.stages:
                await self.runtime.replace(stage, plan.options)

    async def stop_query(self, query_id: str) -> None:
        """Stops a persistent query; its state goes, and the topics between its stages. What fails
        half-way can be done again."""
        plan = self.plans.get(query_id)
        if plan is not None and self.live:
            for stage in plan.stages:
                await self.runtime.stop(stage.query_id, drop_state=True)
            for topic in plan.topics:
                await self.delete_topic(topic.name)
        self.plans.pop(query_id, None)
        self.paused.discard(query_id)

    def pause_query(self, query_id: str, *, paused: bool) -> None:
        """Lets a query rest where it is, or go on."""
        (self.paused.add if paused else self.paused.discard)(query_id)
        if self.live:
            for stage in self.plans[query_id].stages:
                self.runtime.pause(stage.query_id, paused=paused)

    async def create_topic(self, topic: TopicInfo) -> None:
        """Creates a topic where it is not there."""
        if self.live:
            await self.log.create_topic(topic)

    async def delete_topic(self, name: str) -> None:
        """Deletes a topic where it is there."""
        if self.live:
            await delete_if_there(self.log, name)

    def rehearsal(self) -> Engine:
        """A copy on which a statement can be tried: it changes its own catalog and nothing else."""
        return replace(
            self,
            rehearsing=True,
            registry=RehearsedRegistry(self.registry),
            plans=dict(self.plans),
            paused=set(self.paused),
        )

    async def resume(self) -> None:
        """Starts what the statement log has left, each query where it was."""
        self.replaying = False
        self.assumed = {}
        for plan in self.plans.values():
            await self._start(plan)
        for query_id in set(self.paused):
            self.pause_query(query_id, paused=True)

    # the statement log --------------------------------------------------------------------------

    def record(self, text: str, properties: Mapping[str, str]) -> None:
        """Writes a definition to the database's statement log."""
        if not self.live:
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
        """Number of partitions of each topic; of one that is gone, as it was."""
        there = {name: info.partitions for name, info in (await self.log.topics()).items()}
        return {**self.assumed, **there}

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
    return _engine(runtime, chosen)


async def join_service(
    address: str,
    *,
    settings: Mapping[str, str] | None = None,
    clock: Callable[[], int] = wall_clock_ms,
) -> Engine:
    """An engine of the service `ksql.service.id` on the Kafka cluster at `address`
    (`kafka://host:port[,…]`); LogError where the cluster cannot be reached.

    `streamsql.state.dir` says where its copy of the state is; without it, in memory. The service's
    statement log has not been read: `session.statement_log` does that.
    """
    from streamsql.brokers.kafka import open_kafka
    from streamsql.brokers.kafka_settings import DEFAULTS, kafka_settings

    chosen = dict(settings or {})
    log = await open_kafka(
        kafka_settings(address, {name: chosen[name] for name in DEFAULTS if name in chosen})
    )
    try:
        runtime = open_shared_runtime(log, chosen, kernels=KERNELS, clock=clock)
    except BaseException:
        await log.close()
        raise
    return _engine(runtime, chosen)


def _engine(runtime: Runtime, settings: Mapping[str, str]) -> Engine:
    shared = isinstance(runtime, SharedRuntime)
    registry = open_registry(settings, runtime.database.connection, shared=shared)
    runtime.database.add_kernels(schema_kernels(registry))
    return Engine(runtime=runtime, registry=registry, settings=settings)
