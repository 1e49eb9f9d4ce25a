"""A task with a mirror: a second database that knows its state from its changelog alone.

`Mirrored` takes the place of `Task`. After each step the records of the changelog so far, compacted
as Kafka would (the last of each key), are restored into an empty database, and this step's alone
onto the mirror; both have to hold what the task's own database holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

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


def repeated_keys(task: Task, connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Tables of which two rows have one key."""
    for table in task.plan.state:
        listed = ", ".join(map(quote, table.key))
        rows = connection.execute(
            f"SELECT {listed} FROM state.{quote(table.name)} GROUP BY ALL HAVING count(*) > 1"
        ).fetchall()
        if rows:
            yield f"{table.name}: {rows}"


class Mirrored(Task):
    """See the module."""

    steps = 0
    changes = 0
    tombstones = 0

    def __init__(self, plan: PhysicalPlan, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(plan, connection, changelog=True)
        self.mirrored = connection
        self.before: list[PhysicalPlan] = []
        self.database, self.mirror = restored(plan, compacted(LOGS.setdefault(plan.query_id, [])))

    def replace_state(self, before: PhysicalPlan) -> pa.Table | None:
        self.before = [before]
        dropped = super().replace_state(before)
        assert dropped is not None
        LOGS[self.plan.query_id].append(dropped)
        self.database.close()
        self.database, self.mirror = self.fresh(1_000_000)
        return dropped

    def fresh(self, cut: int) -> tuple[Database, Task]:
        records = compacted(LOGS[self.plan.query_id])
        return restored(self.plan, records, cut=cut, before=self.before)

    def step(self, batch: pa.Table, now_ms: int) -> Step:
        step = super().step(batch, now_ms)
        assert step.changelog is not None
        assert step.changelog.schema == changelog.CHANGELOG
        LOGS[self.plan.query_id].append(step.changelog)
        Mirrored.steps += 1
        Mirrored.changes += step.changelog.num_rows
        Mirrored.tombstones += step.changelog.column("value").null_count
        self.compare(step.changelog)
        return step

    def compare(self, records: pa.Table) -> None:
        """AssertionError where the changelog does not give the state."""
        state = state_of(self.plan, self.mirrored)
        self.mirror.restore(records)
        assert state_of(self.plan, self.database.connection) == state
        database, _ = self.fresh(3)
        assert state_of(self.plan, database.connection) == state
        database.close()
        assert not list(repeated_keys(self, self.mirrored))
        keys: list[Any] = records.column("key").to_pylist()
        assert len(set(keys)) == len(keys)
