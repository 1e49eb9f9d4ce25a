"""A task with a mirror: a second database that knows its state from its changelog alone.

`Mirrored` takes the place of `Task`. After each step its records are restored onto the mirror, and
now and then all so far, compacted as Kafka would (the last of each key), into an empty database;
both have to hold what the task's own database holds.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from streamsql.engine import changelog
from streamsql.engine.database import Database
from streamsql.engine.plan import PhysicalPlan
from streamsql.engine.step import Step, Task
from streamsql.schema.duck import quote

State = dict[str, list[str]]

LOGS: dict[str, list[pa.Table]] = {}
"""The changelog of each query, over all its tasks; a test begins it anew."""


def state_of(plan: PhysicalPlan, connection: duckdb.DuckDBPyConnection) -> State:
    """The rows of each state table, every bit of them spelled, in some fixed order."""
    found: State = {}
    for table in plan.state:
        rows = connection.execute(f"SELECT * FROM state.{quote(table.name)}").fetchall()
        found[table.name] = sorted(map(repr, rows))
    return found


def compacted(records: Sequence[pa.Table]) -> pa.Table:
    """The last record of each key, at its place; tombstones stay."""
    whole = pa.concat_tables([changelog.CHANGELOG.empty_table(), *records])
    last: dict[bytes, int] = {key: i for i, key in enumerate(whole.column("key").to_pylist())}
    return whole.take(pa.array(sorted(last.values()), pa.int64()))


def restored(
    plan: PhysicalPlan,
    records: pa.Table,
    *,
    cut: int = 1_000_000,
    before: Sequence[PhysicalPlan] = (),
) -> tuple[Database, Task]:
    """A new database with the state that `records` give, `cut` of them at a time."""
    database = Database()
    task = Task(plan, database.connection, changelog=True)
    task.create_state()
    for start in range(0, records.num_rows, cut):
        task.restore(records.slice(start, cut), before=before)
    return database, task


def repeated_keys(plan: PhysicalPlan, connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Tables of which two rows have one key."""
    for table in plan.state:
        listed = ", ".join(map(quote, table.key))
        rows = connection.execute(
            f"SELECT {listed} FROM state.{quote(table.name)} GROUP BY ALL HAVING count(*) > 1"
        ).fetchall()
        if rows:
            yield f"{table.name}: {rows}"


class Mirrored(Task):
    """See the module."""

    counts: ClassVar[Counter[str]] = Counter()

    def __init__(self, plan: PhysicalPlan, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(plan, connection, changelog=True)

        self.before: list[PhysicalPlan] = []
        self.mirror: tuple[Database, Task] | None = None

    @property
    def records(self) -> list[pa.Table]:
        return LOGS.setdefault(self.plan.query_id, [])

    def replace_state(self, before: PhysicalPlan) -> pa.Table | None:
        self.before = [before]
        dropped = super().replace_state(before)
        assert dropped is not None
        self.records.append(dropped)
        return dropped

    def step(self, batch: pa.Table, now_ms: int) -> Step:
        step = super().step(batch, now_ms)
        assert step.changelog is not None
        if self.plan.state:
            self.compare(step.changelog)
        return step

    def compare(self, changes: pa.Table) -> None:
        """AssertionError where the changelog does not give the state."""
        assert changes.schema == changelog.CHANGELOG
        assert pc.count_distinct(changes.column("key")).as_py() == changes.num_rows
        state = state_of(self.plan, self.connection)
        if self.mirror is None:
            self.mirror = restored(self.plan, compacted(self.records), before=self.before)
        self.records.append(changes)
        self.mirror[1].restore(changes)
        assert state_of(self.plan, self.mirror[0].connection) == state
        if len(self.records) % 8 == 1:
            database, _ = restored(self.plan, compacted(self.records), cut=5, before=self.before)
            assert state_of(self.plan, database.connection) == state
            database.close()
        assert not list(repeated_keys(self.plan, self.connection))
        self.counts["steps"] += 1
        self.counts["changes"] += changes.num_rows
        self.counts["tombstones"] += changes.column("value").null_count


class Moving(Mirrored):
    """A task that is taken over before each step, as another machine would: of all partitions or
    of one its state is dropped, and comes back from the compacted changelog."""

    def step(self, batch: pa.Table, now_ms: int) -> Step:
        if self.plan.state:
            self.move()
        return super().step(batch, now_ms)

    def move(self) -> None:
        rng = random.Random(len(self.records))
        records = compacted(self.records)
        lost = [p for p in self.state_partitions() if rng.random() < 0.6]
        before = state_of(self.plan, self.connection)
        self.drop_partitions(lost)
        assert not set(lost) & set(self.state_partitions())
        own = pc.is_in(records.column("part"), pa.array(lost, pa.int32()))
        self.restore(records.filter(own), before=self.before)
        assert state_of(self.plan, self.connection) == before
        self.counts["moves"] += bool(lost)
