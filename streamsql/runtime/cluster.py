"""The runtime of an engine on Kafka: each query runs by itself, as a task of the event loop.

Persistent queries are shared with the other engines of the service (`shared.py`). A push query is
this engine's alone: it reads all partitions, writes nothing, and is gone with who asked for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pyarrow as pa

from streamsql.engine.database import Database
from streamsql.engine.plan import PhysicalPlan
from streamsql.engine.step import Task
from streamsql.errors import StatementError
from streamsql.runtime.loop import CANCELLED, Runtime
from streamsql.runtime.processing_log import ProcessingLog
from streamsql.runtime.query import RUNNING, QueryOptions, RunningQuery
from streamsql.runtime.shared import Service, SharedQuery

_POLL_SECONDS = 0.05
"""How often is looked whether queries have caught up, and a full reader has room again."""

_WAIT_MS = 200
"""How long a push query waits for records at a time."""


class SharedRuntime(Runtime):
    """Runs the queries of one engine of `service`. `shared`: the persistent ones' stages by id."""

    def __init__(
        self,
        database: Database,
        service: Service,
        processing_log: ProcessingLog,
        *,
        clock: Callable[[], int],
    ) -> None:
        super().__init__(database, service.log, processing_log, clock=clock)
        self.service = service
        self.shared: dict[str, SharedQuery] = {}
        self._push: dict[str, asyncio.Task[None]] = {}
        self._processing = processing_log

    # starting and stopping ----------------------------------------------------------------------

    async def start(
        self, plan: PhysicalPlan, options: QueryOptions, *, before: Sequence[PhysicalPlan] = ()
    ) -> RunningQuery:
        """Starts a stage of a persistent query as a member of its group, or a push query."""
        if options.emit is not None:
            query = await super().start(plan, options)
            self._push[plan.query_id] = asyncio.create_task(self._follow(query))
            return query
        task = self._new_task(plan)
        with self.database.transaction(task.connection):
            task.create_state()
        return await self._share(
            RunningQuery(task=task, options=options, positions={}, before=tuple(before))
        )

    async def _share(self, query: RunningQuery) -> RunningQuery:
        shared = SharedQuery(
            query, self.service, self.database, self._processing, clock=self.now_ms
        )
        await shared.open()
        self.queries[query.plan.query_id] = query
        self.shared[query.plan.query_id] = shared
        return query

    def _new_task(self, plan: PhysicalPlan) -> Task:
        # A connection of its own: its transaction is open while others work.
        return Task(plan, self.database.cursor(), changelog=bool(plan.state))

    async def replace(self, plan: PhysicalPlan, options: QueryOptions) -> RunningQuery:
        """Puts a plan in the place of a running one: it leaves its group, takes over the state and
        joins again."""
        old = self.shared.pop(plan.query_id)
        await old.close()
        task = self._new_task(plan)
        with self.database.transaction(task.connection):
            task.replace_state(old.query.plan)
            self.database.set_layout(f"{plan.query_id}#", plan.layout, task.connection)
        return await self._share(old.query.followed_by(task, options, positions={}))

    async def stop(self, query_id: str, *, drop_state: bool) -> None:
        """Stops a query on this engine; with `drop_state` it leaves nothing behind."""
        shared = self.shared.get(query_id)
        if shared is None:
            await super().stop(query_id, drop_state=drop_state)
            return
        await shared.close(drop=drop_state)
        self.queries.pop(query_id)
        self.shared.pop(query_id)

    def pause(self, query_id: str, *, paused: bool) -> None:
        super().pause(query_id, paused=paused)
        shared = self.shared.get(query_id)
        if shared is not None:
            shared.wake()

    def stop_soon(self, query_id: str) -> None:
        """Ends a push query; it drops its state after the step that may be running."""
        self.queries.pop(query_id, None)

    # running ------------------------------------------------------------------------------------

    async def run_once(self, wait_ms: int = 0) -> bool:  # noqa: ARG002  as in Runtime
        """Nothing: every query runs by itself."""
        return False

    async def lag(self, query: RunningQuery) -> int:
        """As `Runtime.lag`, of the partitions that this engine has; at least 1 while it does not
        know yet which those are."""
        shared = self.shared.get(query.plan.query_id)
        if shared is None:
            # Behind the last record there may be those that only end a transaction.
            return await super().lag(query) if query.pending else 0
        found = await super().lag(query)
        return found if shared.settled else max(found, 1)

    async def _fetch(self, query: RunningQuery, wait_ms: int) -> pa.Table:
        """The same of Kafka, which has no order between topics but time: tables go first."""
        return await self.service.log.fetch(
            query.plan.inputs,
            query.positions,
            records_max=query.options.records_max,
            wait_ms=wait_ms,
            first=query.plan.tables,
        )

    def _ready(self, query: RunningQuery) -> bool:
        return query.status == RUNNING and (query.options.ready is None or query.options.ready())

    async def _follow(self, query: RunningQuery) -> None:
        """Runs a push query until it is stopped."""
        while self.queries.get(query.plan.query_id) is query:
            if not self._ready(query):
                await asyncio.sleep(_POLL_SECONDS)
                continue
            # It is pending until a fetch has found nothing: `drain_query` waits for that.
            await self._run_safely(query, 0 if query.pending else _WAIT_MS)
        self._push.pop(query.plan.query_id, None)
        if query.plan.state:
            with self.database.transaction(query.task.connection):
                query.task.drop_state()

    async def drain(self) -> None:
        """Returns when every query has read all that is there; StatementError once `cancelled`."""
        self.cancelled = False
        while not await self._is_caught_up():
            if self.cancelled:
                raise StatementError(CANCELLED)
            await asyncio.sleep(_POLL_SECONDS)

    async def _is_caught_up(self) -> bool:
        """Whether nothing is left to read. What one query reads another may still write, so all
        have to be at the same ends twice."""
        topics = sorted({t for s in self.shared.values() for t in s.query.plan.inputs})
        ends = await self.log.offsets(topics, end=True) if topics else {}
        for _ in range(2):
            if not all(s.is_caught_up(ends) for s in self.shared.values()):
                return False
            again = await self.log.offsets(topics, end=True) if topics else {}
            if again != ends:
                return False
        push = [self.queries[i] for i in self._push if i in self.queries]
        return not any(q.pending and self._ready(q) for q in push)

    async def drain_query(self, query_id: str) -> None:
        """Returns when a push query has read all that is there, or has ended."""
        self.cancelled = False
        while (query := self.queries.get(query_id)) is not None and query.status == RUNNING:
            if not query.pending:
                return
            if self.cancelled:
                raise StatementError(CANCELLED)
            await asyncio.sleep(_POLL_SECONDS / 10)

    def notify(self, topic: str) -> None:
        """Says that `topic` has new records."""
        for query_id in self._push:
            query = self.queries.get(query_id)
            if query is not None and topic in query.plan.inputs:
                query.pending = True

    async def close(self) -> None:
        """Ends every query after its step, leaves the groups, closes log and database."""
        await asyncio.gather(*(shared.close() for shared in self.shared.values()))
        self.shared.clear()
        self.queries.clear()
        await asyncio.gather(*self._push.values(), return_exceptions=True)
        await super().close()
