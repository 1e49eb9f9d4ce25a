"""A staged plan run as a cluster would run it, in one process and in any order: one task for each
partition number of each stage, each number with a database of its own, over one memory log.

`staged` and `unsplit` give what a query writes to its sink of the same records. Every step checks
what a runtime counts on: rows that leave belong to the task, and so do all rows of its state.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from streamsql.brokers.log import APPENDED, TopicInfo, TopicPartition
from streamsql.engine.database import Database
from streamsql.engine.plan import PhysicalPlan
from streamsql.engine.step import Task
from streamsql.formats import schema_kernels
from streamsql.plan.frame import Context
from streamsql.plan.kernels import KERNELS
from streamsql.plan.persistent import Persistent, plan_create, plan_insert
from streamsql.runtime.processing_log import ProcessingLog
from streamsql.session.schemas import register_schemas
from streamsql.sql import parse_one
from streamsql.sql.statement import CreateAsSelect, InsertInto
from streamsql.testing.driver import Driver, run

EVERY_CHANGE = {"cache.max.bytes.buffering": "0"}
LAST_CHANGE = {"cache.max.bytes.buffering": "10000000"}
QUERY_ID = "CTAS_X_1"
LOG = "default_ksql_processing_log"
DISTRIBUTED = True
"""A test that sees tasks with a plan of one process sets it to false."""

Record = dict[str, object]
Phase = Sequence[tuple[str, Record]]
"""(topic, record) in order; the next phase begins when all tasks have nothing to read."""


@dataclass(frozen=True, slots=True)
class Written:
    """A record of the sink."""

    partition: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: object


def appended(rows: Iterable[Record]) -> pa.Table:
    """Records as a log takes them; what is not given is null."""
    names = APPENDED.names
    complete = [{**dict.fromkeys(names), "timestamp": 0, **row} for row in rows]
    return pa.Table.from_pylist(complete, schema=APPENDED)


def plan_staged(sources: str, query: str, properties: dict[str, str] | None = None) -> Persistent:
    """The distributed plan of `query` over the `sources`."""
    driver = Driver(properties or EVERY_CHANGE)
    try:
        driver.execute(sources)
        return plan_over(driver, query, distributed=True)
    finally:
        driver.close()


def plan_over(driver: Driver, query: str, *, distributed: bool) -> Persistent:
    """The plan of `query` over what the driver's engine knows."""
    statement = parse_one(query)
    context = Context(
        catalog=driver.engine.catalog,
        properties=driver.session.properties,
        persistent=True,
        distributed=distributed,
    )
    if isinstance(statement, InsertInto):
        return plan_insert(statement, context, query_id=QUERY_ID)
    assert isinstance(statement, CreateAsSelect)
    topics = run(driver.engine.partitions())
    return plan_create(statement, context, query_id=QUERY_ID, topics=topics)


@dataclass(slots=True, kw_only=True)
class StageTask:
    """One partition number of one stage; all of them where the stage is whole."""

    plan: PhysicalPlan
    numbers: tuple[int, ...]
    database: Database
    task: Task
    positions: dict[TopicPartition, int] = field(default_factory=dict)

    def step(self, cluster: Cluster, records_max: int) -> bool:
        """One step; says whether there was anything to read."""
        batch = run(
            cluster.driver.engine.log.fetch(
                self.plan.inputs, self.positions, records_max=records_max
            )
        )
        if batch.num_rows == 0:
            return False
        with self.database.transaction():
            step = self.task.step(batch, now_ms=0)
        for output, table in zip(self.plan.outputs, step.outputs, strict=True):
            parts = set(table.column("part").to_pylist())
            assert parts <= {self.numbers[0]}, f"part {parts} left task {self.numbers}"
            run(cluster.driver.engine.log.append(output.sink, table.drop_columns(["part"])))
        if sum(table.num_rows for table in step.errors):
            run(cluster.processing_log.write(self.plan, step, 0))
        for place in logged_partitions(step.errors):
            assert place in self.numbers, f"an entry of partition {place} in task {self.numbers}"
        for row in batch.select(["input", "partition", "offset"]).to_pylist():
            place = TopicPartition(self.plan.inputs[row["input"]], row["partition"])
            self.positions[place] = row["offset"] + 1
        assert self.plan.whole or set(self.task.state_partitions()) <= set(self.numbers)
        return True


def logged_partitions(errors: Iterable[pa.Table]) -> Iterator[int]:
    """The partitions that a step's entries of the processing log name."""
    for table in errors:
        for row in table.to_pylist():
            if row["_err"] is not None and row["_err"]["_part"] is not None:
                yield row["_err"]["_part"]
            for entry in json.loads(f"[{row['_log'] or ''}]"):
                yield entry["partition"]


class Cluster:
    """The tasks of a query's stages over the log of a driver, which holds the sources."""

    def __init__(self, sources: str, query: str, properties: dict[str, str], seed: int) -> None:
        self.driver = Driver(properties)
        self.driver.execute(sources)
        self.planned = plan_over(self.driver, query, distributed=DISTRIBUTED)
        self.random = random.Random(seed)
        self.processing_log = ProcessingLog(self.driver.engine.log, "default_")
        source = self.planned.source
        register_schemas(source, self.driver.engine.registry, again=True)
        topics = [(t.name, t.partitions) for t in self.planned.internal]
        for name, partitions in [*topics, (source.topic, source.partitions)]:
            run(self.driver.engine.log.create_topic(TopicInfo(name=name, partitions=partitions)))
        self.databases: dict[int, Database] = {}
        self.tasks = [task for plan in self.planned.stages for task in self._tasks(plan)]

    def _tasks(self, plan: PhysicalPlan) -> list[StageTask]:
        offsets = run(self.driver.engine.log.offsets(plan.inputs, end=False))
        numbers = sorted({place.partition for place in offsets})
        groups = [tuple(numbers)] if plan.whole else [(n,) for n in numbers]
        return [self._task(plan, group, offsets) for group in groups]

    def _task(
        self, plan: PhysicalPlan, numbers: tuple[int, ...], offsets: dict[TopicPartition, int]
    ) -> StageTask:
        if numbers[0] not in self.databases:
            kernels = [*KERNELS, *schema_kernels(self.driver.engine.registry)]
            database = Database(settings={"threads": "1"}, kernels=kernels)
            self.databases[numbers[0]] = database
        database = self.databases[numbers[0]]
        task = Task(plan, database.connection)
        task.create_state()
        mine = {place: o for place, o in offsets.items() if place.partition in numbers}
        return StageTask(plan=plan, numbers=numbers, database=database, task=task, positions=mine)

    def produce(self, phase: Phase) -> None:
        """Appends records one by one."""
        for topic, row in phase:
            run(self.driver.engine.log.append(topic, appended([row])))

    def settle(self) -> None:
        """Steps the tasks in random order, in batches of random size, until none can read."""
        idle: set[int] = set()
        while len(idle) < len(self.tasks):
            number = self.random.randrange(len(self.tasks))
            if self.tasks[number].step(self, self.random.choice((1, 5, 40, 40))):
                idle.clear()
            else:
                idle.add(number)

    def close(self) -> None:
        for database in self.databases.values():
            database.close()
        self.driver.close()


def read_topic(driver: Driver, topic: str) -> list[Written]:
    """All records of a topic, in append order."""
    begin = run(driver.engine.log.offsets([topic], end=False))
    table = run(driver.engine.log.fetch([topic], begin, records_max=10**9))
    columns = (table.column(n).to_pylist() for n in Written.__slots__)
    return [Written(*row) for row in zip(*columns, strict=True)]


def staged(
    sources: str,
    query: str,
    phases: Sequence[Phase],
    *,
    seed: int = 0,
    properties: dict[str, str] | None = None,
    topic: str = "X",
) -> list[Written]:
    """What the tasks of the distributed plan write to `topic`."""
    cluster = Cluster(sources, query, properties or EVERY_CHANGE, seed)
    try:
        for phase in phases:
            cluster.produce(phase)
            cluster.settle()
        return read_topic(cluster.driver, topic)
    finally:
        cluster.close()


def unsplit(
    sources: str,
    query: str,
    phases: Sequence[Phase],
    *,
    properties: dict[str, str] | None = None,
    topic: str = "X",
) -> list[Written]:
    """What the query writes to `topic` in one process."""
    driver = Driver(properties or EVERY_CHANGE)
    try:
        driver.execute(sources)
        driver.execute(query)
        for phase in phases:
            for name, row in phase:
                run(driver.engine.log.append(name, appended([row])))
                driver.engine.runtime.notify(name)
            driver.settle()
        for running in driver.engine.runtime.queries.values():
            assert running.error is None, running.error
        return read_topic(driver, topic)
    finally:
        driver.close()


def by_key(records: Iterable[Written]) -> dict[tuple[int, bytes | None], list[Written]]:
    """The records of each key, in order; a key has one partition."""
    found: dict[tuple[int, bytes | None], list[Written]] = defaultdict(list)
    for record in records:
        found[record.partition, record.key].append(record)
    return dict(found)


def sorted_records(records: Iterable[Written]) -> list[str]:
    """The records without their order, which places those without a key."""
    placed = (r if r.key is not None else replace(r, partition=-1) for r in records)
    return sorted(map(repr, placed))
