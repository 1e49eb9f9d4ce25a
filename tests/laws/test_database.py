"""Law 7: a database holds statements and the layout of state, never a plan. What does not fit is
refused by name, with a way out, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from streamsql.engine import database as database_module
from streamsql.engine.database import VERSION
from streamsql.errors import DatabaseError
from streamsql.schema.duck import quote
from streamsql.testing.driver import Driver

SCRIPT = """
CREATE STREAM sales (id INT KEY, shop STRING, amount DOUBLE)
  WITH (KAFKA_TOPIC='sales', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE TABLE totals AS
  SELECT shop, COUNT(*) AS n, SUM(amount) AS total FROM sales GROUP BY shop;
"""
INSERT = "INSERT INTO sales VALUES (1, 'north', 2.5);"
QUERY = "CTAS_TOTALS_0"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with a query that has run, closed."""
    path = tmp_path / "shop.duckdb"
    driver = Driver({"cache.max.bytes.buffering": "0"}, path=path)
    driver.execute(SCRIPT + INSERT)
    driver.close()
    return path


def texts(path: Path) -> dict[str, list[str]]:
    """Every text that stands in a table of the file outside of the topics."""
    with duckdb.connect(str(path)) as con:
        columns = con.execute(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns"
            " WHERE table_schema IN ('engine', 'state') AND data_type = 'VARCHAR' ORDER BY ALL"
        ).fetchall()
        return {
            f"{schema}.{table}.{column}": [
                value
                for (value,) in con.execute(
                    f"SELECT {quote(column)} FROM {quote(schema)}.{quote(table)} ORDER BY ALL"
                ).fetchall()
                if value is not None
            ]
            for schema, table, column in columns
        }


def plan_texts(path: Path, plan_sql: list[str]) -> list[str]:
    """Where the file holds a plan: a text of it, or DuckDB SQL that reads a batch."""
    return [
        name
        for name, values in texts(path).items()
        if any(sql in value or "_seq" in value for value in values for sql in plan_sql)
    ]


def edit(path: Path, sql: str) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute(sql)


def reopened(path: Path) -> Driver:
    """The database opened and its statement log executed."""
    driver = Driver(path=path)
    driver.reopen()
    return driver


def test_the_file_holds_statements_and_layout_and_no_plan(file: Path) -> None:
    driver = reopened(file)
    plan = driver.engine.runtime.queries[QUERY].plan
    statements = [s.sql for s in plan.statements]
    driver.close()
    found = texts(file)
    assert [t.strip() for t in found["engine.statements.text"]] == [
        t.strip() for t in SCRIPT.split(";")[:-1]
    ]
    assert found["engine.positions.layout"] == [plan.layout]
    assert plan_texts(file, statements) == []
    # Shown to see one that is kept.
    edit(file, f"INSERT INTO engine.statements VALUES (9, $${statements[0]}$$, '{{}}', '')")
    assert plan_texts(file, statements) == ["engine.statements.text"]


def test_the_plan_is_made_again_from_the_text(file: Path) -> None:
    """Another text in the log is another plan: nothing else was kept of it."""
    edit(
        file,
        "UPDATE engine.statements SET text = replace(text, 'SUM(amount)', 'SUM(amount * 10)')",
    )
    driver = reopened(file)
    driver.execute(INSERT)
    (pulled,) = driver.execute("SELECT * FROM totals;")
    assert [tuple(row) for row in pulled.rows] == [("north", 2, 27.5)]  # type: ignore[attr-defined]
    driver.close()


def test_state_of_another_layout_is_refused_by_name(file: Path) -> None:
    edit(file, f"UPDATE engine.positions SET layout = 'old(n INTEGER)' WHERE query = '{QUERY}'")
    with pytest.raises(DatabaseError) as caught:
        reopened(file)
    assert QUERY in caught.value.primary
    assert "layout" in caught.value.primary
    assert caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1], ids=["older", "newer"])
def test_a_file_of_another_version_is_refused_by_name(file: Path, version: int) -> None:
    before = texts(file)
    edit(file, f"UPDATE engine.version SET version = {version}")
    with pytest.raises(DatabaseError) as caught:
        Driver(path=file)
    assert f"{file} has version {version}" in caught.value.primary
    assert f"version {VERSION}" in caught.value.primary
    assert caught.value.hint
    # The way out: the program of that version still finds all of it.
    assert texts(file) == before


def test_a_program_of_another_version_is_seen(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "VERSION", VERSION + 1)
    with pytest.raises(DatabaseError, match=f"has version {VERSION}"):
        Driver(path=file)
