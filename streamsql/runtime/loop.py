"""The loop of records: fetch, step, produce, commit, for every running query. The only loop, the
only clock.

One step of a query is one database transaction: its state, its positions and, in an embedded log,
its outputs. A batch that DuckDB refuses is cut in halves down to the record, so that what came
before it is kept; the query then stops in ERROR with its cause, or goes on without the record where
the user chose so. Other queries go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pyarrow as pa

from streamsql.brokers.log import Log, TopicPartition
from streamsql.engine.database import Database
from streamsql.engine.plan import PhysicalPlan
from streamsql.engine.step import Step, StepError, Task
from streamsql.errors import DatabaseError, QueryError, StatementError, WorldError
from streamsql.runtime.processing_log import ProcessingLog
from streamsql.runtime.query import (
    PAUSED,
    RUNNING,
    QueryOptions,
    RunningQuery,
    advance,
    process_batch,
    refused,
    stopped,
)

CANCELLED = "The statement was cancelled."


def wall_clock_ms() -> int:
    """Milliseconds since 1970, now."""
    return time.time_ns() // 1_000_000


class Runtime:
    """Runs the queries of one engine, one step after the other.

    `cancelled`: who waits for a `drain` has given up; another thread may set it.
    """

    def __init__(
        self,
        database: Database,
        log: Log,
        processing_log: ProcessingLog,
        *,
        clock: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self.queries: dict[str, RunningQuery] = {}
        self.cancelled = False
        self._ended: list[RunningQuery] = []
        self.database = database
        self.log = log
        self._processing_log = processing_log
        self._clock = clock

    def now_ms(self) -> int:
        """The time that statements see."""
        return self._clock()

    # starting and stopping ----------------------------------------------------------------------

    async def start(
        self, plan: PhysicalPlan, options: QueryOptions, *, before: Sequence[PhysicalPlan] = ()
    ) -> RunningQuery:
        """Starts a query where it was, or at `options.reset`; DatabaseError where its state has
        another layout. `before`: the plans that it has replaced."""
        task = self._new_task(plan)
        saved = self.database.position(plan.query_id) if options.emit is None else None
        with self.database.transaction(task.connection):
            task.create_state()
        query = RunningQuery(task=task, options=options, positions={}, before=tuple(before))
        if saved is not None:
            sequence, offsets, layout, query.records_in, query.records_out = saved
            if layout != plan.layout:
                raise DatabaseError(
                    f"the state of query {plan.query_id} was written with another layout",
                    hint="open the file with the version that wrote it; what is dropped there can"
                    " be created again here",
                )
            task.sequence = sequence
            query.positions = {TopicPartition(t, p): o for (t, p), o in offsets.items()}
        await _add_positions(self.log, query, known=saved is not None)
        if saved is None and query.persistent:
            # Where it begins is kept before its first step: `latest` is the end as it is now.
            with self.database.transaction():
                _save(self.database, query)
        self.queries[plan.query_id] = query
        return query

    def _new_task(self, plan: PhysicalPlan) -> Task:
        return Task(plan, self.database.connection)

    async def replace(self, plan: PhysicalPlan, options: QueryOptions) -> RunningQuery:
        """Puts a plan in the place of a running one: it goes on from the same positions, with the
        same state."""
        old = self.queries[plan.query_id]
        task = Task(plan, self.database.connection)
        task.sequence = old.task.sequence
        with self.database.transaction():
            task.replace_state(old.plan)
            query = old.followed_by(task, options, positions=dict(old.positions))
            _save(self.database, query)
        self.queries[plan.query_id] = query
        await _add_positions(self.log, query, known=True)
        return query

    async def stop(self, query_id: str, *, drop_state: bool) -> None:
        """Stops a query; with `drop_state` it leaves nothing behind."""
        query = self.queries.pop(query_id, None)
        if query is None or not drop_state:
            return
        with self.database.transaction():
            query.task.drop_state()
            self.database.forget_position(query_id)

    def pause(self, query_id: str, *, paused: bool) -> None:
        """Lets a query rest where it is, or go on; one in ERROR does neither."""
        query = self.queries[query_id]
        if query.status in (RUNNING, PAUSED):
            query.status = PAUSED if paused else RUNNING
            query.pending = True

    def stop_soon(self, query_id: str) -> None:
        """Stops a push query and drops its state once the step that may be running is over."""
        query = self.queries.pop(query_id, None)
        if query is not None and query.plan.state:
            self._ended.append(query)

    # running ------------------------------------------------------------------------------------

    def notify(self, topic: str) -> None:
        """Says that `topic` has new records."""
        for query in self.queries.values():
            if topic in query.plan.inputs:
                query.pending = True

    async def run_once(self, wait_ms: int = 0) -> bool:
        """One step of each running query that may have records; says whether there was one."""
        while self._ended:
            ended = self._ended.pop()
            with self.database.transaction(ended.task.connection):
                ended.task.drop_state()
        progress = False
        for query in list(self.queries.values()):
            ready = query.options.ready is None or query.options.ready()
            if query.pending and query.status == RUNNING and ready:
                progress |= await self._run_safely(query, wait_ms)
        return progress

    async def _run_safely(self, query: RunningQuery, wait_ms: int) -> bool:
        """A step of one query; what stops it leaves the others running."""
        try:
            return await self._run_query(query, wait_ms)
        except QueryError as error:
            query.fail(error)
        except WorldError as error:
            query.fail(
                QueryError(
                    error.primary, query=query.plan.query_id, detail=error.detail, hint=error.hint
                )
            )
        except Exception as error:  # noqa: BLE001  the edge of the loop: one query ends
            query.fail(stopped(query, error))
        return False

    async def lag(self, query: RunningQuery) -> int:
        """How many records of its inputs a query has still to read."""
        end = await self.log.offsets(sorted(set(query.plan.inputs)), end=True)
        return sum(max(0, end.get(tp, 0) - offset) for tp, offset in query.positions.items())

    async def drain(self) -> None:
        """Runs until no query has anything to read; StatementError once `cancelled` is set."""
        self.cancelled = False
        while await self.run_once():
            if self.cancelled:
                raise StatementError(CANCELLED)

    async def drain_query(self, query_id: str) -> None:
        """Runs one query until it has nothing to read or has ended; StatementError once
        `cancelled` is set."""
        self.cancelled = False
        while (query := self.queries.get(query_id)) is not None and query.status == RUNNING:
            if not query.pending:
                return
            if self.cancelled:
                raise StatementError(CANCELLED)
            await self._run_safely(query, 0)

    async def _run_query(self, query: RunningQuery, wait_ms: int) -> bool:
        batch = await self._fetch(query, wait_ms)
        # A log gives fewer than asked where records are large: only none says that there are none.
        if batch.num_rows == 0:
            query.pending = False
            return False
        query.pending = True
        started = time.perf_counter()
        await process_batch(
            query,
            batch,
            lambda part: self._step(query, part),
            lambda record, error: self._fail(query, record, error),
        )
        query.busy_seconds += time.perf_counter() - started
        return True

    async def _fetch(self, query: RunningQuery, wait_ms: int) -> pa.Table:
        """The next records of a query; the log knows in which order they came."""
        return await self.log.fetch(
            query.plan.inputs,
            query.positions,
            records_max=query.options.records_max,
            wait_ms=wait_ms,
        )

    async def _step(self, query: RunningQuery, batch: pa.Table) -> None:
        """One transaction: state, positions, and the outputs where the log lives in the same
        database."""
        sequence, positions = query.task.sequence, dict(query.positions)
        counts = query.records_in, query.records_out, query.records_bad, query.records_late
        try:
            with self.database.transaction(query.task.connection):
                step = query.task.step(batch, self._clock())
                await self._write(query, step)
                advance(query.positions, query.plan.inputs, batch)
                if query.persistent:
                    _save(self.database, query)
        except BaseException:
            query.task.sequence, query.positions = sequence, positions
            query.records_in, query.records_out, query.records_bad, query.records_late = counts
            raise
        query.steps += 1

    async def _write(self, query: RunningQuery, step: Step) -> None:
        for output, table in zip(query.plan.outputs, step.outputs, strict=True):
            if query.options.emit is not None:
                query.options.emit(table)
            elif table.num_rows:
                await self.log.append(output.sink, table.drop_columns(["part"]))
                self.notify(output.sink)
        if any(table.num_rows for table in step.errors):
            await self._processing_log.write(query.plan, step, self._clock())
            self.notify(self._processing_log.topic)
        query.count(step)
        query.check(step)

    async def _fail(self, query: RunningQuery, record: pa.Table, error: StepError) -> None:
        """Stops the query at `record`, or passes over it."""
        cause = str(error).splitlines()[0]
        query.records_bad += 1
        await self._processing_log.write_failure(query.plan, record, cause, self._clock())
        if query.options.stop_on_production_error:
            query.fail(refused(query, record, cause))
            return
        advance(query.positions, query.plan.inputs, record)
        if query.persistent:
            with self.database.transaction():
                _save(self.database, query)

    async def close(self) -> None:
        """Closes log and database; what was committed stays."""
        await self.log.close()
        self.database.close()


def _save(database: Database, query: RunningQuery) -> None:
    database.save_position(
        query.plan.query_id,
        sequence=query.task.sequence,
        offsets=query.positions,
        layout=query.plan.layout,
        records=(query.records_in, query.records_out),
    )


async def _add_positions(log: Log, query: RunningQuery, *, known: bool) -> None:
    """Gives partitions that the query has not read their first position."""
    end = query.options.reset == "latest" and not known
    offsets = await log.offsets(sorted(set(query.plan.inputs)), end=end)
    for partition, offset in offsets.items():
        query.positions.setdefault(partition, offset)
