"""A changelog by its records: their form, their order, and what restoring does with them.

The plan is made by hand: one table, whose rows come from a batch's key (what tells them apart) and
value (NULL: the row goes).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pytest

from streamsql.brokers.log import FETCHED
from streamsql.engine.changelog import CHANGELOG, table_logs
from streamsql.engine.database import Database
from streamsql.engine.plan import PhysicalPlan, Statement, StateTable
from streamsql.engine.step import StepError, Task
from streamsql.errors import DatabaseError
from streamsql.schema import row_bytes

COLUMNS = (("_part", "INTEGER"), ("k", "DOUBLE"), ("v", "VARCHAR"))
TABLE = StateTable(name="Q$rows0", columns=COLUMNS, key=("_part", "k"))
STATE = 'state."Q$rows0"'
READ = "(SELECT _part, decode(_key)::DOUBLE AS k, decode(_val) AS v FROM in0)"


def plan(table: StateTable = TABLE, *more: Statement) -> PhysicalPlan:
    """Rows that are replaced, ended, and put in; `more` after that."""
    effects = (
        f"DELETE FROM {STATE} st USING {READ} b WHERE st._part = b._part AND st.k = b.k",
        f"INSERT INTO {STATE} (_part, k, v) SELECT * FROM {READ} WHERE v IS NOT NULL",
    )
    statements = tuple(Statement(sql=sql, operator="Test") for sql in effects)
    return PhysicalPlan(
        query_id="Q", inputs=("given",), state=(table,), statements=(*statements, *more)
    )


def batch(*rows: tuple[int, float, str | None]) -> pa.Table:
    columns = {
        "input": [0] * len(rows),
        "partition": [part for part, _, _ in rows],
        "offset": list(range(len(rows))),
        "timestamp": [0] * len(rows),
        "key": [repr(k).encode() for _, k, _ in rows],
        "value": [None if v is None else v.encode() for _, _, v in rows],
        "headers": [None] * len(rows),
    }
    return pa.table(columns, schema=FETCHED)


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database()
    yield database
    database.close()


def started(database: Database, made: PhysicalPlan | None = None) -> Task:
    task = Task(made or plan(), database.connection, changelog=True)
    task.create_state()
    return task


def changes(task: Task, *rows: tuple[int, float, str | None]) -> pa.Table:
    step = task.step(batch(*rows), 0)
    assert step.changelog is not None
    return step.changelog


def state(database: Database, columns: str = "*") -> list[str]:
    rows = database.connection.execute(f"SELECT {columns} FROM {STATE}").fetchall()
    return sorted(map(repr, rows))


def elsewhere(records: Sequence[pa.Table], made: PhysicalPlan | None = None) -> list[str]:
    """The state that records give an empty database."""
    database = Database()
    task = started(database, made)
    for table in records:
        task.restore(table)
    found = state(database)
    database.close()
    return found


def key_of(part: int, k: float) -> bytes:
    return b"Arows0\x00" + struct.pack("<BiBd", 1, part, 1, k)


def test_a_change_is_one_record(database: Database) -> None:
    task = started(database)
    found = changes(task, (3, 1.5, "x"))
    assert found.schema == CHANGELOG
    (record,) = found.to_pylist()
    assert record["part"] == 3
    assert record["key"] == key_of(3, 1.5)
    assert record["value"][4:] == b"\x01\x01\x00\x00\x00x"
    assert changes(task, (3, 1.5, None)).to_pylist() == [
        {"part": 3, "key": key_of(3, 1.5), "value": None}
    ]
    assert changes(task, (3, 1.5, None)).num_rows == 0


def test_a_task_keeps_none_unasked(database: Database) -> None:
    task = Task(plan(), database.connection)
    task.create_state()
    assert task.step(batch((0, 1.0, "x")), 0).changelog is None


def test_of_a_row_that_is_put_in_again_only_that_is_told(database: Database) -> None:
    task = started(database)
    changes(task, (0, 1.0, "x"), (0, 2.0, "y"), (1, 1.0, "z"))
    found = changes(task, (0, 1.0, "new"), (1, 1.0, None))
    assert [(r["key"], r["value"] is None) for r in found.to_pylist()] == [
        (key_of(1, 1.0), True),
        (key_of(0, 1.0), False),
    ]


def test_the_records_do_not_depend_on_the_order_of_rows(database: Database) -> None:
    rows = [(i % 3, float(i), "v") for i in range(50)]
    first = changes(started(database), *rows)
    database.connection.execute(f"DELETE FROM {STATE}")
    assert changes(started(database), *reversed(rows)).equals(first)


def test_a_zero_that_changes_its_sign_is_kept_wherever_the_log_is_cut(database: Database) -> None:
    """To SQL it is one key, to compaction two: the tombstone has to come first."""
    task = started(database)
    signs = (0.0, -0.0, 0.0, -0.0)
    found = [changes(task, (0, sign, f"v{i}")) for i, sign in enumerate(signs)]
    whole = pa.concat_tables(found)
    for cut in (1, 2, 3, len(whole)):
        pieces = [whole.slice(i, cut) for i in range(0, len(whole), cut)]
        assert elsewhere(pieces) == state(database) == ["(0, -0.0, 'v3')"]


def test_housekeeping_ends_rows(database: Database) -> None:
    expiry = Statement(
        sql=f"DELETE FROM {STATE} st USING (SELECT 2 AS top) b WHERE st.k < b.top",
        operator="Test",
        every=2,
    )
    task = started(database, plan(TABLE, expiry))
    found = [changes(task, (0, 1.0, "a"), (0, 2.0, "b")), changes(task, (0, 1.5, "c"))]
    assert [r["value"] is None for r in found[1].to_pylist()] == [True, True]
    assert elsewhere(found) == state(database) == ["(0, 2.0, 'b')"]


def test_partitions_are_dropped_alone(database: Database) -> None:
    task = started(database)
    found = changes(task, (0, 1.0, "a"), (1, 1.0, "b"), (2, 1.0, "c"))
    assert task.state_partitions() == [0, 1, 2]
    task.drop_partitions({2, 0, 7})
    assert state(database) == ["(1, 1.0, 'b')"]
    task.restore(found.filter(pa.compute.equal(found.column("part"), 2)))
    assert task.state_partitions() == [1, 2]


def test_what_is_not_the_tasks_is_passed_over(database: Database) -> None:
    task = started(database)
    found = changes(task, (0, 1.0, "a"))
    (value,) = found.column("value").to_pylist()
    keys = [b"\x00positions", b"Arows\x00x", b"Arows01\x00x", b"Aother0\x00x"]
    others = pa.table({"key": pa.array(keys), "value": pa.array([b"{}", value, value, None])})
    assert elsewhere([others, found, others]) == state(database)
    task.restore(found.slice(0, 0))


def test_columns_that_a_replaced_query_did_not_have_are_null(database: Database) -> None:
    before = plan()
    old = [changes(started(database, before), (0, 1.0, "a"), (1, 2.0, "b"))]
    grown = replace(TABLE, columns=(*COLUMNS[:2], ("w", "BIGINT[]"), COLUMNS[2]))
    task = Task(plan(grown), database.connection, changelog=True)
    dropped = task.replace_state(before)
    assert dropped is not None
    assert dropped.num_rows == 0
    new = changes(task, (1, 2.0, "c"))
    assert state(database) == ["(0, 1.0, None, 'a')", "(1, 2.0, None, 'c')"]
    other = Database()
    again = started(other, plan(grown))
    again.restore(pa.concat_tables([*old, new]), before=[before])
    assert state(other) == state(database)
    with pytest.raises(DatabaseError, match=r"Q\$rows0 has rows of another layout"):
        again.restore(old[0])
    other.close()


def test_a_table_that_a_replaced_query_drops_ends(database: Database) -> None:
    before = plan(replace(TABLE, disposable=True))
    old = changes(started(database, before), (0, 1.0, "a"))
    task = Task(plan(), database.connection, changelog=True)
    dropped = task.replace_state(before)
    assert dropped is not None
    assert dropped.to_pylist() == [{"part": 0, "key": key_of(0, 1.0), "value": None}]
    assert elsewhere([old, dropped]) == state(database) == []


@pytest.mark.parametrize("most", [10, 60])
def test_more_than_arrow_can_hold_is_for_the_caller_to_halve(
    most: int, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one table's rows, and of the whole step."""
    monkeypatch.setattr(row_bytes, "BYTES_MAX", most)
    task = started(database)
    with pytest.raises(StepError, match="more than 2 GB"):
        changes(task, (0, 1.0, "a"), (0, 2.0, "b"))
    assert task.sequence == 0


def test_another_format_is_refused(database: Database) -> None:
    records = pa.table({"key": pa.array([b"B?"]), "value": pa.array([b""])})
    with pytest.raises(DatabaseError, match="a format that this version does not know") as caught:
        started(database).restore(records)
    assert caught.value.hint


def test_names_of_tables_do_not_depend_on_the_query() -> None:
    other = replace(plan(), query_id="Z", state=(replace(TABLE, name="Z$rows0"),))
    assert [(o.prefix, o.head) for o in table_logs(other)] == [
        (o.prefix, o.head) for o in table_logs(plan())
    ]


EXTREMES: tuple[tuple[str, str, str], ...] = (
    ("_part", "INTEGER", "1"),
    ("h", "HUGEINT", "'-170141183460469231731687303715884105728'"),
    ("d", "DECIMAL(38,3)", "-99999999999999999999999999999999999.999"),
    ("n", "DOUBLE", "'nan'"),
    ("z", "DOUBLE", "'-0.0'"),
    ("t", "TIMESTAMP", "'infinity'"),
    ("a", "DATE", "'-infinity'"),
    (
        "m",
        "MAP(VARCHAR, STRUCT(x DOUBLE[], y BLOB))",
        "MAP {'k': {'x': [NULL, 5e-324], 'y': NULL}}",
    ),
)


def test_extreme_values_come_back_through_a_database(database: Database) -> None:
    names, types, values = zip(*EXTREMES, strict=True)
    columns = tuple(zip(names, types, strict=True))
    table = StateTable(name="Q$rows0", columns=columns, key=names[:3])
    listed = ", ".join(f"{v}::{t}" for v, t in zip(values, types, strict=True))
    insert = Statement(sql=f"INSERT INTO {STATE} SELECT {listed} FROM in0", operator="Test")
    made = replace(plan(table), statements=(insert,))
    found = changes(started(database, made), (0, 0.0, None))
    (row,) = state(database)
    assert elsewhere([found], made) == [row]
