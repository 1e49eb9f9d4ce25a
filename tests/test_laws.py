"""The laws of the core that no other file holds, each shown to fail when it is broken on
purpose."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pyarrow as pa
import pytest

from streamsql.brokers.embedded import EmbeddedLog
from streamsql.catalog import catalog as catalog_module
from streamsql.engine import plan as plan_module
from streamsql.engine.database import Database
from streamsql.engine.plan import PhysicalPlan
from streamsql.engine.step import Task
from streamsql.errors import DatabaseError, LogError, StreamSqlError
from streamsql.plan.rules import RULES
from streamsql.sql import expr as expr_module
from streamsql.sql import statement as statement_module
from streamsql.testing.driver import Driver
from streamsql.testing.sql_cases import CaseFailure, Mode, read_cases, run_sql_case
from tests.laws.queries import giving

CASES = Path(__file__).parent / "cases"
SALES = """
CREATE STREAM sales (id INT KEY, shop STRING, amount DOUBLE)
  WITH (KAFKA_TOPIC='sales', VALUE_FORMAT='JSON');
CREATE TABLE totals AS SELECT shop, COUNT(*) AS n, SUM(amount) AS total FROM sales GROUP BY shop;
"""
INSERT = "INSERT INTO sales VALUES (1, 'north', 2.5);"


def total(driver: Driver) -> object:
    driver.settle()
    (result,) = driver.execute("SELECT n FROM totals;")
    return result.rows


def file_driver(path: Path) -> Driver:
    driver = Driver({"cache.max.bytes.buffering": "0"}, path=path)
    driver.execute(SALES)
    return driver


# Law 3: one step is one transaction


def failing_step(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step whose outputs cannot be written."""

    async def refuse(*_: object, **__: object) -> None:
        raise LogError("the log is full")

    driver.execute(INSERT, settle=False)
    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedLog, "append", refuse)
        driver.settle()


def test_a_step_that_fails_never_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = file_driver(tmp_path / "a.duckdb")
    failing_step(driver, monkeypatch)
    driver.reopen()
    assert total(driver) == ((1,),)
    driver.close()


def test_a_step_that_commits_half_way_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = file_driver(tmp_path / "a.duckdb")
    rollback = Database.transaction

    def commit_anyway(self: Database, _connection: object = None) -> object:
        return _committing(self)

    monkeypatch.setattr(Database, "transaction", commit_anyway)
    failing_step(driver, monkeypatch)
    monkeypatch.setattr(Database, "transaction", rollback)
    driver.reopen()
    assert total(driver) != ((1,),)
    driver.close()


class _committing:
    """A transaction that keeps what was done before it failed."""

    def __init__(self, database: Database, _connection: object = None) -> None:
        self.connection = database.connection

    def __enter__(self) -> None:
        self.connection.begin()

    def __exit__(self, *_: object) -> None:
        self.connection.commit()


# Law 4: the changelog does not depend on the cut


def sums(driver: Driver, values: list[float]) -> list[object]:
    """The totals that every record of `values` gives, from batches as the driver cuts them."""
    driver.execute(SALES)
    for value in values:
        driver.execute(f"INSERT INTO sales VALUES (1, 'north', {value!r});", settle=False)
    driver.settle()
    return [
        v.as_py() for topic, t in driver.written if topic == "TOTALS" for v in t.column("value")
    ]


def cut(records_max: int) -> list[object]:
    values = [0.1, 1e16, 0.3, -1e16, 0.7, 1e-3, 3.3, -0.1] * 5
    driver = Driver(
        {"cache.max.bytes.buffering": "0", "streamsql.batch.records.max": str(records_max)}
    )
    try:
        return sums(driver, values)
    finally:
        driver.close()


@pytest.mark.slow
def test_sums_do_not_depend_on_the_cut() -> None:
    assert cut(1) == cut(7) == cut(65_536)


@pytest.mark.slow
def test_sums_that_depend_on_the_cut_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    # A batch that is taken in another order than it came is the cheapest way to break the law.
    inputs = Task._inputs

    def backwards(self: Task, batch: pa.Table) -> dict[str, pa.Table]:
        order = pa.array(range(batch.num_rows - 1, -1, -1))
        return inputs(self, batch.take(order))

    right = cut(1)
    monkeypatch.setattr(Task, "_inputs", backwards)
    assert cut(1) == right
    assert cut(7) != right


def test_a_case_that_does_not_hold_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "wrong.sql"
    path.write_text(
        "--@test: one is two\n" + SALES + INSERT + "\nASSERT VALUES totals (n) VALUES (2);\n"
    )
    (case,) = read_cases(path)
    with pytest.raises(CaseFailure, match="record 0"):
        run_sql_case(case, Mode(name="one", records_max=1))


# Law 5: what gives rows is ordered


def unordered(plan: PhysicalPlan) -> list[str]:
    return [s.sql for s in giving(plan) if not re.search(r"ORDER BY [^()]*$", s.sql)]


def plans() -> list[PhysicalPlan]:
    found: list[PhysicalPlan] = []
    for path in sorted(CASES.rglob("*.sql")):
        for case in read_cases(path):
            driver = Driver({"cache.max.bytes.buffering": "0"})
            for piece in case.text.split(";"):
                if piece.strip().upper().startswith("CREATE"):
                    try:
                        driver.execute(piece + ";")
                    except StreamSqlError:
                        break
            found += [q.plan for q in driver.engine.runtime.queries.values()]
            driver.close()
    return found


@pytest.mark.slow
def test_every_statement_that_gives_rows_is_ordered() -> None:
    found = plans()
    assert len(found) > 10
    assert [sql for plan in found for sql in unordered(plan)] == []


def test_a_statement_without_order_is_seen() -> None:
    statement = plan_module.Statement(sql="SELECT * FROM in0", operator="Sink", result="out1")
    kept = PhysicalPlan(query_id="q", inputs=("t",), statements=(statement,))
    assert not unordered(kept)
    assert unordered(
        dataclasses.replace(kept, outputs=(plan_module.Output(sink="x", result="out1"),))
    )


# Law 6: values are frozen


def thawed(*modules: object) -> list[str]:
    found = [v for m in modules for v in vars(m).values() if dataclasses.is_dataclass(v)]
    assert found
    return [str(v) for v in found if not v.__dataclass_params__.frozen]


def test_statements_catalog_and_plans_are_frozen() -> None:
    assert thawed(statement_module, expr_module, catalog_module, plan_module) == []


def test_a_thawed_value_is_seen() -> None:
    @dataclasses.dataclass
    class Melting:
        value: int = 0

    holder = type("module", (), {"Melting": Melting})
    assert thawed(holder)


# Law 7: plans are not persisted, versions and layouts are named


def test_state_of_another_layout_is_refused_by_name(tmp_path: Path) -> None:
    driver = file_driver(tmp_path / "a.duckdb")
    connection = driver.engine.runtime.database.connection
    connection.execute("UPDATE engine.positions SET layout = 'another'")
    with pytest.raises(DatabaseError, match="CTAS_TOTALS_0 was written with another layout"):
        driver.reopen()


def test_a_file_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    path = str(tmp_path / "a.duckdb")
    database = Database(path)
    database.connection.execute("UPDATE engine.version SET version = 99")
    database.close()
    with pytest.raises(DatabaseError, match="has version 99"):
        Database(path)


# Law 8: a rule keeps schema and key


def test_every_rule_keeps_the_schema() -> None:
    from streamsql.plan.frame import Context
    from streamsql.plan.query import plan_query
    from streamsql.sql import parse_one

    driver = Driver()
    driver.execute(SALES)
    for text in ("SELECT shop FROM sales EMIT CHANGES", "SELECT * FROM sales EMIT CHANGES"):
        context = Context(
            catalog=driver.engine.catalog,
            properties=driver.session.properties,
            persistent=False,
        )
        query = parse_one(text)
        assert isinstance(query, statement_module.Query)
        node = plan_query(query, context).node
        for rule in RULES:
            assert rule(node).schema == node.schema
            assert rule(node) != node or "*" in text
    driver.close()


# Law 9: errors name a place or an object, and a way out

WRONG = [
    "CREATE STREAM s (id INT KEY) WITH (KAFKA_TOPIC='s');",
    "CREATE STREAM s (id INT PRIMARY KEY) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');",
    "CREATE TABLE t (id INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');",
    "CREATE STREAM s (id INT KEY) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='YAML');",
    "CREATE STREAM sales (id INT KEY) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');",
    "CREATE STREAM x AS SELECT id, amuont FROM sales;",
    "CREATE STREAM x AS SELECT amount FROM sales;",
    "CREATE STREAM x AS SELECT id, UCAES(shop) FROM sales;",
    "CREATE STREAM x AS SELECT id, UCASE(amount, 1) FROM sales;",
    "CREATE STREAM x AS SELECT id FROM slaes;",
    "CREATE STREAM x AS SELECT id, amount + TRUE FROM sales;",
    "CREATE STREAM x AS SELECT id, shop FROM sales WHERE amount;",
    "CREATE STREAM x AS SELECT shop, COUNT(*) FROM sales GROUP BY shop;",
    "CREATE TABLE x AS SELECT id, COUNT(*) FROM sales GROUP BY shop;",
    "CREATE TABLE x AS SELECT shop, COUNT(*) FROM sales WINDOW TUMBLING (SIZE 0 SECONDS);",
    "INSERT INTO sales VALUES (1, 2);",
    "INSERT INTO nowhere VALUES (1);",
    "DROP STREAM nowhere;",
    "TERMINATE nothing;",
    "SET 'auto.offset.rest'='latest';",
    "SET 'auto.offset.reset'='middle';",
    "SELECT * FROM totals GROUP BY shop;",
    "SELEC 1;",
]


@pytest.mark.slow
@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_statement_gets_an_error_with_a_place_or_a_name(text: str) -> None:
    driver = Driver()
    driver.execute(SALES)
    with pytest.raises(StreamSqlError) as raised:
        driver.execute(text)
    error = raised.value
    assert getattr(error, "position", None) is not None or re.search(r"['`:.]|[A-Z]{2}", str(error))
    assert "Traceback" not in str(error)
    driver.close()
