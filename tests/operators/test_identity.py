"""RANDOM and UUID: another value for each row, column and query; the same when a row is read again.

That they do not depend on how records are cut is in `tests/laws/test_changelog.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from streamsql.testing.driver import Driver

SOURCE = """
CREATE STREAM s (k STRING KEY, n INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
"""
RECORDS = "".join(f"INSERT INTO s (k, n) VALUES ('{k}', {n});" for n, k in enumerate("aabb"))


@pytest.fixture
def driver() -> Iterator[Driver]:
    driver = Driver({"cache.max.bytes.buffering": "0"})
    yield driver
    driver.close()


def written(driver: Driver, queries: str) -> dict[str, list[dict[str, object]]]:
    """The values that each topic got, after the records of `s`."""
    driver.execute(SOURCE + queries + RECORDS)
    found: dict[str, list[dict[str, object]]] = {}
    for topic, table in driver.written:
        values = table.column("value").to_pylist()
        found.setdefault(topic, []).extend(json.loads(v) for v in values)
    return found


def test_rows_columns_and_queries_differ(driver: Driver) -> None:
    made = "AS SELECT k, UUID() AS u, UUID() AS v FROM s;"
    found = written(driver, f"CREATE STREAM a {made} CREATE STREAM b {made}")
    ids = [row[c] for topic in "AB" for row in found[topic] for c in "UV"]
    assert len(set(ids)) == len(ids) == 16


def test_rows_of_a_table_function_differ(driver: Driver) -> None:
    found = written(
        driver,
        "CREATE STREAM a AS SELECT k, EXPLODE(ARRAY[1, 1]) AS x, UUID() AS u FROM s;"
        "CREATE STREAM b AS SELECT k, x, EXPLODE(ARRAY[1, 1]) AS y, UUID() AS u"
        " FROM (SELECT k, EXPLODE(ARRAY[1, 1]) AS x FROM s) AS e;",
    )
    for topic, count in ("A", 8), ("B", 16):
        assert len({row["U"] for row in found[topic]}) == count


def test_a_condition_may_ask(driver: Driver) -> None:
    found = written(
        driver,
        "CREATE STREAM a AS SELECT k, n FROM s WHERE RANDOM() >= 0;"
        "CREATE TABLE b AS SELECT k, COUNT(*) AS c FROM s GROUP BY k HAVING RANDOM() >= 0;",
    )
    assert len(found["A"]) == len(found["B"]) == 4


def test_a_pull_query_sees_what_was_written(driver: Driver) -> None:
    found = written(
        driver, "CREATE TABLE a AS SELECT k, COUNT(*) AS c, UUID() AS u FROM s GROUP BY k;"
    )
    (rows,) = driver.execute("SELECT u FROM a WHERE k = 'b';")
    assert rows.rows == ((found["A"][-1]["U"],),)  # type: ignore[attr-defined]


def test_each_insert_differs(driver: Driver) -> None:
    driver.execute(SOURCE + "INSERT INTO s (k) VALUES (UUID()); INSERT INTO s (k) VALUES (UUID());")
    keys = [k for _, table in driver.written for k in table.column("key").to_pylist()]
    assert len(set(keys)) == 2


def test_a_text_with_the_name_of_a_parameter_is_a_text(driver: Driver) -> None:
    found = written(
        driver, "CREATE TABLE a AS SELECT k, LATEST_BY_OFFSET('$now') AS t FROM s GROUP BY k;"
    )
    assert found["A"][0] == {"T": "$now"}
    (rows,) = driver.execute("SELECT '{rows} $now', UNIX_TIMESTAMP() FROM a WHERE k = 'b';")
    assert rows.rows == (("{rows} $now", 0),)  # type: ignore[attr-defined]
