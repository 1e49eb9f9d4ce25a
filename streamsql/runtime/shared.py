"""A persistent query on Kafka: of its partitions this engine reads those that the query's group
gives it.

A *number* is a partition number, for all inputs at once (they are co-partitioned); its state,
outputs and positions belong together. A query that cannot be divided has one number, 0.

1. A step goes over the records of all numbers that are owned: one transaction of the database, and
   inside it the delivery to Kafka (`delivery.py`), which is committed first. So the database is
   never ahead of Kafka; where it is behind (a crash in between), the state changelog has the rest.
2. A number that stays when partitions are given anew is not touched (`numbers.py`).
3. What fails after something was sent: every number is taken over again, from what Kafka
   committed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from streamsql.brokers.group import Fenced, Member
from streamsql.brokers.log import TopicInfo, TopicPartition
from streamsql.brokers.order import column, split_records
from streamsql.engine.database import Database
from streamsql.engine.step import Step, StepError
from streamsql.errors import DatabaseError, QueryError, WorldError
from streamsql.runtime.delivery import AtLeastOnce, ExactlyOnce
from streamsql.runtime.numbers import Numbers
from streamsql.runtime.processing_log import ProcessingLog
from streamsql.runtime.query import (
    ERROR,
    RUNNING,
    RunningQuery,
    advance,
    in_thread,
    process_batch,
    refused,
    stopped,
)
from streamsql.runtime.restore import Restorer, changelog_rows
from streamsql.runtime.standby import Standbys

if TYPE_CHECKING:
    from streamsql.brokers.kafka import KafkaLog
    from streamsql.brokers.kafka_group import KafkaGroup

_LOGGER = logging.getLogger(__name__)
_WAIT_MS = 1_000
"""How long an idle query waits before it looks after its group again; records, a new assignment and
a number that has come wake it up."""

_SMALL_BATCH = 1000
"""Records of a step below which a query with state lingers: it costs as much as one of
thousands."""

_BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the queries of one engine share on Kafka.

    `engine`: this engine's name, which a restart does not change; `listener`: where it answers
    others, or empty. `id`: the service's, the prefix of all names on the cluster. `replicas`: of
    internal topics; `standbys`: engines beside its owner that keep a copy of a state.
    """

    log: KafkaLog
    id: str
    engine: str
    listener: str = ""
    replicas: int = 1
    standbys: int = 0
    session_ms: int = 10_000
    max_poll_ms: int = 300_000
    linger_ms: int = 50

    def name(self, query_id: str) -> str:
        """What begins the names of a query's group, transactions and topics."""
        return f"_streamsql-{self.id}-{query_id}"


class SharedQuery:
    """One stage of a query, running as a task of the event loop from `open` to `close`.

    Its statements run on a connection of their own, in a thread: other queries, the group's
    heartbeats and pull queries go on meanwhile.
    """

    def __init__(
        self,
        query: RunningQuery,
        service: Service,
        database: Database,
        processing_log: ProcessingLog,
        *,
        clock: Callable[[], int],
    ) -> None:
        self.query = query
        self._service = service
        self._log = service.log
        self._database = database
        self._processing_log = processing_log
        self._clock = clock
        self._name = service.name(query.plan.query_id)
        self._closing = asyncio.Event()
        self._woken = asyncio.Event()
        # Who may not be silent for long has to show itself more often.
        self._wait_ms = min(_WAIT_MS, service.max_poll_ms // 3)
        self._runner: asyncio.Task[None] | None = None
        self._numbers: Numbers
        self._group: KafkaGroup
        self._delivery: ExactlyOnce | AtLeastOnce
        self._restorer: Restorer | None = None
        self._standbys: Standbys | None = None

    # opening and closing ------------------------------------------------------------------------

    async def open(self) -> None:
        """Joins the group and begins to run; LogError where topics are missing or unreachable."""
        plan, service = self.query.plan, self._service
        topics = sorted(set(plan.inputs))
        counts = {t: i.partitions for t, i in (await self._log.topics()).items() if t in topics}
        places = _divide(counts, whole=plan.whole)
        if plan.state:
            await self._create_changelog(len(places))
        self._group = self._log.group(
            plan.query_id,
            group=self._name,
            topics=topics,
            member=self._member,
            whole=plan.whole,
            standbys=service.standbys if plan.state else 0,
            session_ms=service.session_ms,
            max_poll_ms=service.max_poll_ms,
        )
        if self.query.options.exactly_once:
            self._delivery = ExactlyOnce(self._log, group=self._name, prefix=self._name)
        else:
            self._delivery = AtLeastOnce(self._log, name=self._name, group=self._group)
        self._numbers = Numbers(
            self.query, self._log, self._delivery, self._restorer, places, come=self.wake
        )
        self._group.on_change = self.wake
        await self._group.open()
        self._runner = asyncio.create_task(self._run())

    async def _create_changelog(self, partitions: int) -> None:
        topic = f"{self._name}-changelog"
        await self._log.create_topic(
            TopicInfo(
                name=topic,
                partitions=partitions,
                replicas=self._service.replicas,
                config={"cleanup.policy": "compact"},
            )
        )
        self._restorer = Restorer(self.query, topic, self._log, self._database)
        self._standbys = Standbys(self._restorer)

    def _member(self) -> Member:
        held = self._restorer.held() if self._restorer else frozenset[int]()
        return Member(
            engine=self._service.engine,
            listener=self._service.listener,
            owned=frozenset(self._numbers.owned),
            standby=held - self._numbers.owned,
        )

    def wake(self) -> None:
        """Lets the query look again at what it is to do: it does not wait for records meanwhile."""
        self._woken.set()
        if self._numbers.reader is not None:
            self._numbers.reader.interrupt()

    async def close(self, *, drop: bool = False) -> None:
        """Ends after the step that is running and leaves the group: others take over at once.

        With `drop` the state goes, and what stands for it on the cluster.
        """
        self._closing.set()
        self.wake()
        if self._runner is not None:
            await self._runner
            await self._group.close()
        if drop:
            with self._database.transaction():
                self.query.task.drop_state()
                self._database.forget_positions(f"{self.query.plan.query_id}#")
            if self._restorer is not None:
                await self._restorer.delete_topic()

    # the loop of one query ----------------------------------------------------------------------

    async def _run(self) -> None:
        failures, query_id = 0, self.query.plan.query_id
        while not self._closing.is_set():
            try:
                await self._turn()
                failures = 0
            except Fenced:
                # Another engine owns it now; what is still ours comes with the next assignment.
                await self._numbers.reopen()
            except QueryError as error:
                await self._end(error)
            except DatabaseError as error:
                await self._leave(error)
            except WorldError as error:
                # The world is tried again, for ever: a broker that is down comes back.
                if not failures:
                    _LOGGER.warning("query %s is tried again: %s", query_id, error.primary)
                seconds = _BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)]
                await _wait_for(self._closing, seconds)
                failures += 1
                await self._numbers.reopen()
            except Exception as error:  # noqa: BLE001  the edge of the loop: one query ends
                await self._end(stopped(self.query, error))
        if self._standbys is not None:
            await self._standbys.want(())
        await self._numbers.close()

    async def _leave(self, error: DatabaseError) -> None:
        """Stops the query in ERROR and leaves its group: another engine may have a disk that can
        be written."""
        query_id = self.query.plan.query_id
        await self._end(
            QueryError(error.primary, query=query_id, detail=error.detail, hint=error.hint)
        )
        await self._group.close()
        self._closing.set()

    async def _end(self, error: QueryError) -> None:
        """Stops the query in ERROR and gives its numbers up."""
        self.query.fail(error)
        await self._numbers.want(())

    async def _turn(self) -> None:
        """Looks after the group, then one step over what there is to read."""
        self._woken.clear()
        await self._group.poll()
        if self._group.changed.is_set():
            self._group.changed.clear()
            held = self._group.assignment
            owned = held.partitions if held else frozenset[int]()
            if self._standbys is not None:
                # Before its number may be taken over: two would write the same rows.
                following = held.standbys.get(self._service.engine, ()) if held else ()
                await self._standbys.want(set(following) - owned)
            await self._numbers.want(owned)
        await self._numbers.admit()
        query, reader = self.query, self._numbers.reader
        if query.status != RUNNING or reader is None:
            await _wait_for(self._woken, self._wait_ms / 1000)
            return
        batch = await reader.take(
            query.plan.inputs,
            records_max=query.options.records_max,
            wait_ms=self._wait_ms,
            first=query.plan.tables,
            apart=not query.plan.whole,
        )
        if not len(batch):
            # Behind the last record there may be those that only end a transaction.
            query.positions |= reader.reached()
            return
        if query.status != RUNNING:
            # It was paused while it waited: nothing of what came since is processed.
            await self._numbers.read_again()
            return
        started = time.perf_counter()
        await process_batch(query, batch, self._step, self._fail)
        spent = time.perf_counter() - started
        query.busy_seconds += spent
        if query.plan.state and len(batch) < _SMALL_BATCH:
            await _wait_for(self._closing, max(0.0, self._service.linger_ms / 1000 - spent))

    @property
    def owned(self) -> frozenset[int]:
        """The numbers whose state is complete here."""
        return frozenset(self._numbers.owned)

    @property
    def numbers(self) -> tuple[int, ...]:
        """All numbers of the query."""
        return tuple(self._numbers.places)

    @property
    def part(self) -> str:
        """The number of a row of the table, as SQL over `PhysicalPlan.materialized`."""
        return "0" if self.query.plan.whole else "_part"

    def owner(self, number: int) -> str:
        """Where the engine answers that has a number, as of the last assignment; or empty."""
        held = self._group.assignment
        return "" if held is None else held.listeners.get(number, "")

    @property
    def settled(self) -> bool:
        """Whether it has what its group gave it, or does not run."""
        if self.query.status == ERROR:
            return True
        return not self._group.changed.is_set() and self._numbers.settled

    def is_caught_up(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether what this engine has of the query is read up to `ends`, or does not run."""
        if self.query.status != RUNNING:
            return True
        if not self.settled:
            return False
        positions = self.query.positions
        return all(positions[place] >= ends.get(place, 0) for place in positions)

    # a step -------------------------------------------------------------------------------------

    async def _step(self, batch: pa.Table) -> None:
        """One transaction of the database, and in it the delivery to Kafka (rule 1)."""
        query, connection = self.query, self.query.task.connection
        sequence, positions = query.task.sequence, dict(query.positions)
        advance(positions, query.plan.inputs, batch)
        numbers = _numbers(batch, query.plan.whole)
        # Copies of others' state are written beside this step.
        query.task.numbers = None if query.plan.whole else self.owned
        places = {n: {p: positions[p] for p in self._numbers.places[n]} for n in numbers}
        try:
            with self._database.transaction(connection):
                step = await in_thread(query.task.step, batch, self._clock())
                await self._deliver(step, places)
        except BaseException:
            query.task.sequence = sequence
            raise
        # Not before it is committed: whoever waits for the query looks at these.
        query.positions = positions
        query.steps += 1
        query.count(step)

    async def _deliver(
        self, step: Step, positions: Mapping[int, Mapping[TopicPartition, int]]
    ) -> None:
        outputs: dict[int, list[tuple[str, pa.Table]]] = {number: [] for number in positions}

        def add(topic: str, table: pa.Table) -> None:
            for number, part in _by_number(table, self.query.plan.whole):
                outputs.setdefault(number, []).append((topic, part))

        for output, table in zip(self.query.plan.outputs, step.outputs, strict=True):
            add(output.sink, table)
        if any(t.num_rows for t in step.errors):
            await self._processing_log.create()
            entries = self._processing_log.entries(self.query.plan, step, self._clock())
            # What knows no number any more goes with the first.
            add(self._processing_log.topic, _numbered(entries, min(positions)))
            self.query.check(step)
        await self._commit(outputs, step.changelog, positions)

    async def _commit(
        self,
        outputs: dict[int, list[tuple[str, pa.Table]]],
        changelog: pa.Table | None,
        positions: Mapping[int, Mapping[TopicPartition, int]],
    ) -> None:
        """Sends outputs, changelog and positions, and notes in the database what its state then
        stands for."""
        if self._restorer is not None:
            sequence = self.query.task.sequence
            rows = changelog_rows(changelog, positions, sequence, self._clock())
            for number, table in rows.items():
                outputs[number].append((self._restorer.topic, table))
        await self._delivery.deliver(outputs, positions)
        if self._restorer is not None:
            for number in positions:
                place = self._restorer.place(number)
                end = self._delivery.end(number, place)
                self._restorer.save(number, positions[number], end, self.query.task)

    async def _fail(self, record: pa.Table, error: StepError) -> None:
        """Stops the query at `record`, or passes over it; the processing log has it."""
        cause = str(error).splitlines()[0]
        query = self.query
        query.records_bad += 1
        await self._processing_log.write_failure(query.plan, record, cause, self._clock())
        if query.options.stop_on_production_error:
            raise refused(query, record, cause)
        (number,) = _numbers(record, query.plan.whole)
        positions = dict(query.positions)
        advance(positions, query.plan.inputs, record)
        places = {place: positions[place] for place in self._numbers.places[number]}
        with self._database.transaction(query.task.connection):
            await self._commit({number: []}, None, {number: places})
        query.positions = positions


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    """Waits for so long, or until `event`."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return


def _by_number(table: pa.Table, whole: bool) -> Iterable[tuple[int, pa.Table]]:
    """The rows of each number; column `part` is the partition that they came from."""
    if not table.num_rows:
        return
    if whole:
        yield 0, table
        return
    yield from split_records(table, column(table, "part"))


def _numbered(table: pa.Table, number: int) -> pa.Table:
    """`table` with `number` where `part` is NULL."""
    at = table.column_names.index("part")
    return table.set_column(at, "part", table.column("part").fill_null(number))


def _divide(counts: Mapping[str, int], *, whole: bool) -> dict[int, list[TopicPartition]]:
    """The partitions of all inputs that belong to each number."""
    places: dict[int, list[TopicPartition]] = {}
    for topic, count in sorted(counts.items()):
        for partition in range(count):
            number = 0 if whole else partition
            places.setdefault(number, []).append(TopicPartition(topic, partition))
    return places


def _numbers(batch: pa.Table, whole: bool) -> list[int]:
    """The numbers that a batch has records of."""
    return [0] if whole else sorted(pc.unique(batch.column("partition")).to_pylist())
