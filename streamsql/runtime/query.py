"""A running query: its options, its place in its inputs, its counts; and how a batch that cannot be
processed is cut down to the record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import pyarrow as pa

from streamsql.brokers.log import TopicPartition
from streamsql.brokers.order import last_offsets
from streamsql.engine.plan import BAD_TIMESTAMP, PhysicalPlan
from streamsql.engine.step import Step, StepError, Task
from streamsql.errors import QueryError

P = ParamSpec("P")
T = TypeVar("T")

RUNNING, PAUSED, ERROR = "RUNNING", "PAUSED", "ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOptions:
    """How a query runs. `emit` receives the outputs of a push query, `on_error` its end, and `stop`
    ends it from outside; a persistent one has none.

    `ready`: whether the reader of a push query can take more now; the query waits while it cannot.
    `text`: the push query as it was written.
    `exactly_once`: what a crash may do to outputs on Kafka; an embedded log knows nothing else.
    `internal`: inputs that are read from their first offset, whatever `reset` says.
    """

    reset: str = "earliest"
    records_max: int = 65_536
    stop_on_production_error: bool = True
    stop_on_deserialization_error: bool = False
    stop_on_bad_timestamp: bool = False
    emit: Callable[[pa.Table], None] | None = None
    on_error: Callable[[QueryError], None] | None = None
    stop: Callable[[], None] | None = None
    ready: Callable[[], bool] | None = None
    text: str = ""
    exactly_once: bool = True
    internal: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class RunningQuery:
    """A query with its place in its inputs. `positions` are next-to-read; `before`: the plans that
    this one has replaced; `pending`: there may be records to read."""

    task: Task
    options: QueryOptions
    positions: dict[TopicPartition, int]
    before: tuple[PhysicalPlan, ...] = ()
    status: str = RUNNING
    error: QueryError | None = None
    pending: bool = True
    records_in: int = 0
    records_out: int = 0
    records_bad: int = 0
    records_late: int = 0
    steps: int = 0
    busy_seconds: float = 0.0

    @property
    def plan(self) -> PhysicalPlan:
        return self.task.plan

    @property
    def persistent(self) -> bool:
        return self.options.emit is None

    def followed_by(
        self, task: Task, options: QueryOptions, *, positions: dict[TopicPartition, int]
    ) -> RunningQuery:
        """What takes its place (CREATE OR REPLACE), and has counted what it has."""
        return RunningQuery(
            task=task,
            options=options,
            positions=positions,
            before=(*self.before, self.plan),
            records_in=self.records_in,
            records_out=self.records_out,
        )

    def count(self, step: Step) -> None:
        """Adds what a step has done."""
        self.records_in += step.records_in
        self.records_out += step.records_out
        self.records_bad += step.unread
        self.records_late += sum(
            t.num_rows for e, t in zip(self.plan.errors, step.errors, strict=True) if e.late
        )

    def place(self) -> tuple[tuple[str, int], ...]:
        """How far it has come: ("topic-partition", next-to-read)."""
        return tuple((f"{t}-{p}", o) for (t, p), o in sorted(self.positions.items()))

    def check(self, step: Step) -> None:
        """Raises QueryError where the query is to stop at what a step could not read."""
        stop_unread = self.options.stop_on_deserialization_error
        stop_untimed = self.options.stop_on_bad_timestamp
        if not (stop_unread or stop_untimed) or not step.unread:
            return
        untimed = step.untimed
        if stop_unread and step.unread > untimed:
            raise self._stop("a record could not be read", "ksql.fail.on.deserialization.error")
        if stop_untimed and untimed:
            raise self._stop(BAD_TIMESTAMP, "ksql.timestamp.throw.on.invalid")

    def _stop(self, message: str, setting: str) -> QueryError:
        return QueryError(
            message,
            query=self.plan.query_id,
            hint=f"SET '{setting}'='false' before creating it passes over such records",
        )

    def fail(self, error: QueryError) -> None:
        """Stops it in ERROR; whoever takes its rows is told."""
        self.status, self.error = ERROR, error
        if self.options.on_error is not None:
            self.options.on_error(error)


async def process_batch(
    query: RunningQuery,
    batch: pa.Table,
    step: Callable[[pa.Table], Awaitable[None]],
    fail: Callable[[pa.Table, StepError], Awaitable[None]],
) -> None:
    """Steps over `batch`; where DuckDB refuses it, over its halves, down to the record that cannot
    be processed, which `fail` gets."""
    try:
        await step(batch)
    except StepError as error:
        if batch.num_rows == 1:
            await fail(batch, error)
            return
        half = batch.num_rows // 2
        await process_batch(query, batch.slice(0, half), step, fail)
        if query.status == RUNNING:
            await process_batch(query, batch.slice(half), step, fail)


def advance(positions: dict[TopicPartition, int], topics: Sequence[str], batch: pa.Table) -> None:
    """Moves `positions` behind the records of `batch`."""
    for number, partition, offset in last_offsets(batch):
        place = TopicPartition(topics[number], partition)
        positions[place] = max(positions.get(place, 0), offset + 1)


def place_of(query: RunningQuery, record: pa.Table) -> str:
    """Where a batch of one record stands, in words."""
    topic = query.plan.inputs[record["input"][0].as_py()]
    return f"topic {topic}, partition {record['partition'][0]}, offset {record['offset'][0]}"


def refused(query: RunningQuery, record: pa.Table, cause: str) -> QueryError:
    """The error of a query whose output for `record` cannot be written."""
    return QueryError(
        cause,
        query=query.plan.query_id,
        detail=f"at {place_of(query, record)}",
        hint="SET 'ksql.fail.on.production.error'='false' before creating it passes over such"
        " records",
    )


def stopped(query: RunningQuery, error: Exception) -> QueryError:
    """The error of a query that something unforeseen has ended."""
    return QueryError(
        f"query {query.plan.query_id} stopped: {error}",
        query=query.plan.query_id,
        detail=type(error).__name__,
        hint="what it committed is kept; open the database again to go on from there",
    )


async def in_thread(call: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """The result of `call`, made in a thread: the event loop goes on, as does the heartbeat of
    groups. Who is cancelled meanwhile waits for it, since its connection is busy until then."""
    running = asyncio.ensure_future(asyncio.to_thread(call, *args, **named))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
