"""Statements that concern a session and its machine more than its streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamsql.errors import QueryError, StatementError
from streamsql.session.connection import Connection, SyncPush
from streamsql.session.result import Listing, Rows, Text
from streamsql.testing.driver import Driver

STREAM = "CREATE STREAM s (k INT KEY, v INT) WITH (kafka_topic='s', value_format='json');"


@pytest.fixture
def connection() -> Iterator[Connection]:
    with Connection() as opened:
        yield opened


def test_a_script_runs_statement_by_statement(connection: Connection, tmp_path: Path) -> None:
    script = tmp_path / "it's.sql"
    script.write_text(f"-- a stream\n{STREAM}\nINSERT INTO s VALUES (1, 2);", encoding="utf-8")
    quoted = str(script).replace("'", "''")
    result = connection.execute(f"RUN SCRIPT '{quoted}';")
    assert result.message == f"2 statements of {script} executed."
    rows = connection.execute("SELECT * FROM s;")
    assert isinstance(rows, Rows)
    assert rows.rows == ((1, 2),)


def test_a_script_that_is_refused_says_where(connection: Connection, tmp_path: Path) -> None:
    script = tmp_path / "bad.sql"
    script.write_text(f"{STREAM}\nDROP STREAM nowhere;\nDROP STREAM s;", encoding="utf-8")
    with pytest.raises(StatementError, match="Stream NOWHERE does not exist") as caught:
        connection.execute(f"RUN SCRIPT '{script}';")
    assert f"{script}: Line: 2, Col: 1" in caught.value.detail
    listed = connection.execute("SHOW STREAMS;")
    assert isinstance(listed, Listing)
    assert len(listed.rows) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"RUN SCRIPT '%s';", "run each other in a circle"),
    ],
    ids=["missing", "not-utf-8", "circle"],
)
def test_a_script_that_cannot_be_run(
    connection: Connection, tmp_path: Path, content: bytes | None, message: str
) -> None:
    script = tmp_path / "script.sql"
    if content is not None:
        script.write_bytes(content.replace(b"%s", str(script).encode()))
    with pytest.raises(StatementError) as caught:
        connection.execute(f"RUN SCRIPT '{script}';")
    assert message in str(caught.value)


def test_only_a_connection_reads_files() -> None:
    driver = Driver()
    with pytest.raises(StatementError, match="cannot be used in this context"):
        driver.execute("RUN SCRIPT '/etc/passwd';")
    driver.close()


def test_push_queries_are_listed_and_explained(connection: Connection) -> None:
    connection.execute(STREAM)
    push = connection.execute("SELECT k FROM s WHERE v > 1 EMIT CHANGES;")
    assert isinstance(push, SyncPush)
    listed = connection.execute("SHOW QUERIES EXTENDED;")
    assert isinstance(listed, Listing)
    [row] = [dict(zip(listed.columns, r, strict=True)) for r in listed.rows]
    assert (row["Query ID"], row["Query Type"], row["Status"]) == (push.query_id, "PUSH", "RUNNING")
    assert row["Query String"] == "SELECT k FROM s WHERE v > 1 EMIT CHANGES"
    assert row["Lag"] == 0
    explained = connection.execute(f"EXPLAIN {push.query_id};")
    assert isinstance(explained, Text)
    assert "[ COLLECT ] STREAM" in explained.body
    push.stop()


def test_state_of_queries_is_counted(connection: Connection) -> None:
    connection.execute(f"{STREAM} CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;")
    connection.execute("INSERT INTO s VALUES (1, 1); INSERT INTO s VALUES (2, 1);")
    connection.wait()
    listed = connection.execute("SHOW QUERIES EXTENDED;")
    assert isinstance(listed, Listing)
    [row] = [dict(zip(listed.columns, r, strict=True)) for r in listed.rows]
    assert (row["Records In"], row["Lag"], row["State Rows"], row["Error"]) == (2, 0, 2, "")


def test_printing_goes_on_as_records_come(connection: Connection) -> None:
    connection.execute(STREAM)
    connection.execute("INSERT INTO s VALUES (1, 1);")
    push = connection.execute("PRINT s;")
    assert isinstance(push, SyncPush)
    assert push.drain() == []
    connection.produce("s", [None, b"\x00\x00\x00\x07"], [b"\xff\xfe", None], timestamps_ms=[1, 2])
    shown = [row.values[:4] for row in push.drain()]
    assert shown == [(1, "<null>", "<Failed to deserialize>", 0), (2, "7", "<null>", 0)]
    connection.produce("s", None, [b"x"] * 3)
    connection.execute("PRINT s FROM BEGINNING LIMIT 0;")
    assert [row.values[5] for row in push.drain()] == [""] * 3
    push.stop()
    assert push.ended


def test_a_push_query_is_terminated_by_its_id(tmp_path: Path) -> None:
    with Connection(str(tmp_path / "q.duckdb")) as connection:
        connection.execute(STREAM)
        push = connection.execute("SELECT * FROM s EMIT CHANGES;")
        printed = connection.execute("PRINT s;")
        assert isinstance(push, SyncPush)
        assert isinstance(printed, SyncPush)
        connection.execute("INSERT INTO s VALUES (1, 1);")
        listed = connection.execute("SHOW QUERIES;")
        assert isinstance(listed, Listing)
        ids = [row[0] for row in listed.rows if row[1] == "PUSH"]
        for query_id in ids:
            connection.execute(f"TERMINATE {str(query_id).upper()};")
        assert [len(one.drain()) for one in (push, printed)] == [1, 1]
        assert push.ended
        assert printed.ended
        with pytest.raises(StatementError, match="Unknown queryId"):
            connection.execute(f"TERMINATE {ids[0]};")
    # It was nothing to be done again.
    with Connection(str(tmp_path / "q.duckdb")) as connection:
        listed = connection.execute("SHOW QUERIES;")
        assert isinstance(listed, Listing)
        assert listed.rows == ()


def test_a_setting_of_the_system_outlives_the_engine(tmp_path: Path) -> None:
    path = str(tmp_path / "kept.duckdb")
    with Connection(path) as first:
        first.execute("ALTER SYSTEM 'ksql.functions.collect_list.limit' = '7';")
    with Connection(path) as second:
        listed = second.execute("SHOW PROPERTIES;")
        assert isinstance(listed, Listing)
        [row] = [r for r in listed.rows if r[0] == "ksql.functions.collect_list.limit"]
        assert row[1:3] == ("SYSTEM", "7")


TIMED = (
    "CREATE STREAM s (day STRING, v INT)"
    " WITH (kafka_topic='s', partitions=1, value_format='json', timestamp='day',"
    " timestamp_format='yyyy-MM-dd');"
    "CREATE STREAM t AS SELECT v FROM s;"
)
UNTIMED, UNREAD = '{"day":"someday","v":1}', '{"day":"2020-01-01","v":"x"}'


@pytest.mark.parametrize(
    ("setting", "bad", "error"),
    [
        ("ksql.timestamp.throw.on.invalid", UNTIMED, "the record has no timestamp"),
        ("ksql.timestamp.throw.on.invalid", UNREAD, ""),
        ("ksql.fail.on.deserialization.error", UNREAD, "a record could not be read"),
        ("ksql.fail.on.deserialization.error", UNTIMED, ""),
    ],
)
def test_a_setting_says_at_what_a_query_stops(
    connection: Connection, setting: str, bad: str, error: str
) -> None:
    connection.execute_script(f"SET '{setting}'='true'; {TIMED}")
    good = b'{"day":"2020-01-02","v":2}'
    connection.produce("s", None, [bad.encode(), good])
    if error:
        with pytest.raises(QueryError, match=error) as caught:
            connection.wait()
        assert setting in caught.value.hint
    else:
        connection.wait()
        (query,) = connection.progress()
        assert (query.records_out, query.records_bad) == (1, 1)


@pytest.mark.parametrize(
    ("setting", "statement", "error"),
    [
        (
            "ksql.suppress.enabled",
            "CREATE TABLE t AS SELECT k, COUNT(*) FROM s WINDOW TUMBLING (SIZE 1 DAY) GROUP BY k"
            " EMIT FINAL;",
            "Suppression is currently disabled",
        ),
        (
            "ksql.lambdas.enabled",
            "CREATE STREAM t AS SELECT k, TRANSFORM(ARRAY[v], x => x + 1) FROM s;",
            "Lambdas are not enabled",
        ),
        (
            "ksql.headers.columns.enabled",
            "CREATE STREAM t (h ARRAY<STRUCT<key STRING, value BYTES>> HEADERS)"
            " WITH (kafka_topic='t', value_format='json', partitions=1);",
            "Cannot create Stream because schema with headers columns is disabled.",
        ),
    ],
)
def test_a_setting_says_what_is_allowed(
    connection: Connection, setting: str, statement: str, error: str
) -> None:
    connection.execute(STREAM.replace("(kafka_topic", "(partitions=1, kafka_topic"))
    connection.execute(f"SET '{setting}'='false';")
    with pytest.raises(StatementError, match=error):
        connection.execute(statement)
    connection.execute(f"UNSET '{setting}';")
    connection.execute(statement)


def test_a_switch_that_knows_one_way_says_so(connection: Connection) -> None:
    with pytest.raises(StatementError, match="nothing here works in the other way"):
        connection.execute("SET 'ksql.nested.error.set.null'='false';")
