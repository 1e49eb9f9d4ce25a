"""The state changelog: restored elsewhere it gives the state, bit for bit, and the task that has it
goes on as the first one would have.

Every `.sql` case runs with a mirror of each of its queries (`mirror.py`), and so do random records
through every kind of state. Each comparison is shown to see a breach.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from streamsql.engine import changelog, step
from streamsql.engine.step import Task
from streamsql.operators.table_state import TableKey
from streamsql.runtime import loop
from streamsql.testing.driver import Driver
from streamsql.testing.sql_cases import Mode, SqlCase, read_cases, run_sql_case
from tests.laws import mirror
from tests.laws.mirror import Mirrored, Moving, compacted, restored, state_of
from tests.laws.queries import planned_queries
from tests.laws.state_queries import QUERIES, SOURCES, feed, random_records, read_topics

CASES = Path(__file__).parent.parent / "cases"
STEPS = Mode(name="three", records_max=3)


@pytest.fixture
def mirrored(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Every query that starts has a mirror; gives what was compared."""
    monkeypatch.setattr(loop, "Task", Mirrored)
    yield begin()
    mirror.LOGS.clear()


def begin() -> Counter[str]:
    mirror.LOGS.clear()
    Mirrored.counts.clear()
    return Mirrored.counts


def cases() -> list[object]:
    return [
        pytest.param(
            case,
            id=f"{path.relative_to(CASES).with_suffix('')}: {case.title}",
            marks=[pytest.mark.modes],
        )
        for path in sorted(CASES.rglob("*.sql"))
        for case in read_cases(path)
        if not case.error
        and ("GROUP BY" in case.text or "TABLE" in case.text or "JOIN" in case.text)
    ]


@pytest.mark.parametrize("case", cases())
def test_a_mirror_of_every_case_has_its_state(case: SqlCase, mirrored: Counter[str]) -> None:
    run_sql_case(case, STEPS)


def test_every_state_table_has_a_key_that_begins_with_the_partition() -> None:
    tables = [t for query in planned_queries() for plan in query.plans for t in plan.state]
    assert len(tables) > 100
    for table in tables:
        columns = [name for name, _ in table.columns]
        assert set(table.key) <= set(columns)
        assert len(set(table.key)) == len(table.key)
        assert dict(table.columns)[table.key[0]] == "INTEGER"
        assert table.key[0] in ("_part", "_k0"), table


# --- random records through every kind of state

COUNT = 120
"""Records of a run: in steps of four, windows are expired once or twice."""

Written = list[tuple[str, list[dict[str, object]]]]


def outputs(name: str, seed: int, task: type[Task], *, every_change: bool = True) -> Written:
    """What query `name` writes over random records whose tasks are of class `task`."""
    begin()
    caching = "0" if every_change else "10000000"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "Task", task)
        driver = Driver(
            {"cache.max.bytes.buffering": caching, "streamsql.batch.records.max": "4"},
            settings={"streamsql.threads": "2"},
        )
        try:
            driver.execute(SOURCES + QUERIES[name])
            feed(driver, random_records(seed, COUNT, read_topics(QUERIES[name])))
            (query,) = driver.engine.runtime.queries.values()
            if query.error is not None:
                raise AssertionError(query.error) from query.error
            if isinstance(query.task, Mirrored):
                check_tails(query.task, random.Random(seed))
            return [(topic, table.to_pylist()) for topic, table in driver.written]
        finally:
            driver.close()


def check_tails(task: Mirrored, rng: random.Random) -> None:
    """The end of the changelog, compacted, onto an older copy of the state."""
    state = state_of(task.plan, task.connection)
    for _ in range(3):
        at = rng.randint(0, len(task.records))
        database, older = restored(task.plan, compacted(task.records[:at]))
        older.restore(compacted(task.records[at:]))
        assert state_of(task.plan, database.connection) == state
        database.close()


FAST = ("chain", "final sessions", "stream-stream", "table groups")
"""What `make check` compares; `make all` does the rest."""


def runs() -> list[object]:
    return [
        pytest.param(
            name,
            seed,
            every_change,
            id=f"{name}, {seed}, {'every change' if every_change else 'the last'}",
            marks=[]
            if (name in FAST, seed, every_change) == (True, 0, True)
            else [pytest.mark.modes],
        )
        for name in QUERIES
        for seed in range(2)
        for every_change in (True, False)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seed", "every_change"), runs())
def test_a_task_that_is_taken_over_goes_on_as_it_would_have(
    name: str, seed: int, every_change: bool
) -> None:
    moved = outputs(name, seed, Moving, every_change=every_change)
    assert Mirrored.counts["moves"] > 5
    assert Mirrored.counts["changes"] > 20
    assert moved == outputs(name, seed, Task, every_change=every_change)


# --- shown to see a breach


def without_tombstones(changes: Sequence[changelog.Change]) -> pa.Table:
    found = NET(changes)
    return found.filter(found.column("value").is_valid())


def without_housekeeping(changes: Sequence[changelog.Change]) -> pa.Table:
    return NET([c for c in changes if "USING" not in c.effect.sql])


def rounded(columns: Sequence[pa.Array], rows: int, prefix: bytes) -> pa.Array:
    """`encode_rows` that spells doubles as a short text would."""
    short = [pc.round(c, 6) if c.type == pa.float64() else c for c in columns]
    return ENCODE(short, rows, prefix)


NET, ENCODE = changelog.net_changes, changelog.encode_rows
BREACHES = {
    "tombstones": ("table groups", step, "net_changes", without_tombstones),
    "housekeeping": ("tumbling", step, "net_changes", without_housekeeping),
    "doubles": ("numbers", changelog, "encode_rows", rounded),
    "signs of zero": ("signs", TableKey, "exact", True),
}


@pytest.mark.parametrize("breach", [pytest.param(b, marks=pytest.mark.modes) for b in BREACHES])
def test_a_breach_is_seen(breach: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, owner, attribute, value = BREACHES[breach]
    monkeypatch.setattr(owner, attribute, value)
    with pytest.raises(AssertionError):
        outputs(name, 0, Mirrored)
