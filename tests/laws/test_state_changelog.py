"""The state changelog: restored elsewhere it gives the state, bit for bit.

Every `.sql` case runs with a mirror of each of its queries (`mirror.py`), and so do random records
through every kind of state.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsql.runtime import loop
from streamsql.testing.sql_cases import Mode, SqlCase, read_cases, run_sql_case
from tests.laws import mirror
from tests.laws.mirror import Mirrored
from tests.laws.queries import planned_queries

CASES = Path(__file__).parent.parent / "cases"
STEPS = Mode(name="three", records_max=3)


@pytest.fixture
def mirrored(monkeypatch: pytest.MonkeyPatch) -> type[Mirrored]:
    """Every query that starts has a mirror."""
    mirror.LOGS.clear()
    monkeypatch.setattr(loop, "Task", Mirrored)
    for count in ("steps", "changes", "tombstones"):
        monkeypatch.setattr(Mirrored, count, 0)
    return Mirrored


def cases() -> list[object]:
    return [
        pytest.param(case, id=f"{path.relative_to(CASES).with_suffix('')}: {case.title}")
        for path in sorted(CASES.rglob("*.sql"))
        for case in read_cases(path)
        if not case.error
        and ("GROUP BY" in case.text or "TABLE" in case.text or "JOIN" in case.text)
    ]


@pytest.mark.parametrize("case", cases())
def test_a_mirror_of_every_case_has_its_state(case: SqlCase, mirrored: type[Mirrored]) -> None:
    run_sql_case(case, STEPS)
    assert mirrored.steps


def test_every_state_table_has_a_key_that_begins_with_the_partition() -> None:
    tables = [t for query in planned_queries() for plan in query.plans for t in plan.state]
    assert len(tables) > 100
    for table in tables:
        columns = [name for name, _ in table.columns]
        assert set(table.key) <= set(columns)
        assert len(set(table.key)) == len(table.key)
        assert dict(table.columns)[table.key[0]] == "INTEGER"
        assert table.key[0] in ("_part", "_k0"), table
