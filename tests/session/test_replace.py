"""CREATE OR REPLACE of a query with state: what it keeps, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import streamsql
from streamsql.errors import StatementError
from streamsql.session.connection import Connection
from streamsql.session.result import Rows

SOURCES = """
CREATE STREAM l (k INT KEY, a BIGINT, b BIGINT)
  WITH (KAFKA_TOPIC='l', PARTITIONS=1, VALUE_FORMAT='JSON');
CREATE STREAM r (k INT KEY, x BIGINT) WITH (KAFKA_TOPIC='r', PARTITIONS=1, VALUE_FORMAT='JSON');
CREATE TABLE t (k INT PRIMARY KEY, a BIGINT, b BIGINT)
  WITH (KAFKA_TOPIC='t', PARTITIONS=1, VALUE_FORMAT='JSON');
"""
KEY = b"\0\0\0\1"
SUM = "TABLE o AS SELECT k, SUM(a) AS n FROM l WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k"
UNDONE = "TABLE o AS SELECT a, SUM(b) AS n FROM t GROUP BY a"
GROUPED = "TABLE o AS SELECT a % 2 AS g, SUM(b) AS n FROM l GROUP BY a % 2"
NESTED = f"TABLE o AS SELECT g, n + 1 AS m FROM ({GROUPED.removeprefix('TABLE o AS ')}) i"
HOPPING = "HOPPING (SIZE 1 HOUR, ADVANCE BY 1 MINUTE)"
LISTED = "TABLE o AS SELECT a, COLLECT_LIST(b) AS n FROM t GROUP BY a"
JOINED = "STREAM o AS SELECT l.k, b FROM l JOIN r WITHIN 1 HOUR ON l.k = r.k"


@pytest.fixture
def connection() -> Iterator[Connection]:
    with streamsql.connect() as opened:
        opened.execute(SOURCES)
        yield opened


def put(connection: Connection, topic: str, **value: int) -> None:
    text = json.dumps({name.upper(): v for name, v in value.items()}).encode()
    connection.produce(topic, [KEY], [text], timestamps_ms=[1_000])
    connection.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "old", "new", "message"),
    [
        (SUM, "SUM(a)", "SUM(b)", "other aggregates"),
        (SUM, "SUM(a)", "SUM(a + 1)", "other aggregates"),
        (SUM, "SUM(a)", "MAX(a)", "other aggregates"),
        (
            SUM,
            "1 HOUR",
            "2 HOURS",
            "TUMBLING of 3600000 ms which is not upgradeable to TUMBLING of",
        ),
        (SUM, "TUMBLING (SIZE 1 HOUR)", HOPPING, "upgradeable to HOPPING of 3600000 ms"),
        (UNDONE, "SUM(b)", "SUM(b + 1)", "other aggregates"),
        (GROUPED, "a % 2", "a % 3", "another GROUP BY"),
        (NESTED, "a % 2", "a % 3", "another GROUP BY"),
        (LISTED, "(b)", "(b * 2)", "other aggregates"),
        (JOINED, "1 HOUR", "2 HOURS", "another JOIN"),
    ],
)
def test_state_of_something_else_is_refused(
    connection: Connection, before: str, old: str, new: str, message: str
) -> None:
    connection.execute(f"CREATE {before};")
    after = before.replace(old, new)
    assert after != before
    with pytest.raises(StatementError) as caught:
        connection.execute(f"CREATE OR REPLACE {after};")
    assert str(caught.value.primary).startswith("Cannot upgrade data source")
    assert message in str(caught.value.primary)


def test_an_aggregate_that_is_appended_begins_where_it_was_appended(
    connection: Connection,
) -> None:
    connection.execute(f"CREATE {SUM};")
    put(connection, "l", a=10, b=100)
    connection.execute(f"CREATE OR REPLACE {SUM.replace('AS n', 'AS n, SUM(b) AS m')};")
    put(connection, "l", a=10, b=100)
    found = connection.execute("SELECT n, m FROM o;")
    assert isinstance(found, Rows)
    assert found.rows == ((20, 100),)


def test_a_join_that_reads_a_column_more_keeps_the_others_apart(connection: Connection) -> None:
    """The new column stands before the old one in its source."""
    connection.execute(f"CREATE {JOINED};")
    put(connection, "l", a=1, b=2)
    connection.execute(f"CREATE OR REPLACE {JOINED.replace('b FROM', 'b, a FROM')};")
    put(connection, "r", x=0)
    put(connection, "l", a=3, b=4)
    found = connection.execute("SELECT b, a FROM o;")
    assert isinstance(found, Rows)
    assert found.rows == ((2, None), (4, 3))
