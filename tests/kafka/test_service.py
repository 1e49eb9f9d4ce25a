"""One engine on Kafka from end to end: statements, restarts, what it leaves and what it refuses."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path

import pytest

import streamsql
from streamsql.errors import QueryError, StatementError
from streamsql.session.connection import Connection, SyncPush
from streamsql.session.result import Rows
from tests.kafka.broker import Broker
from tests.kafka.service import ServicePlace, by_key, content, eventually, int_keys

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]

SOURCES = """
CREATE STREAM orders (user INT KEY, item STRING, amount INT)
  WITH (kafka_topic='{t}orders', partitions=3, value_format='json');
CREATE TABLE users (id INT PRIMARY KEY, name STRING)
  WITH (kafka_topic='{t}users', partitions=3, value_format='json');
"""
QUERIES = """
CREATE STREAM dear WITH (kafka_topic='{t}dear') AS SELECT * FROM orders WHERE amount > 50;
CREATE TABLE per_user WITH (kafka_topic='{t}per_user') AS
  SELECT user, COUNT(*) AS n, SUM(amount) AS total FROM orders GROUP BY user;
CREATE TABLE per_item WITH (kafka_topic='{t}per_item') AS
  SELECT item, COUNT(*) AS n FROM orders GROUP BY item;
CREATE TABLE windowed WITH (kafka_topic='{t}windowed') AS
  SELECT user, COUNT(*) AS n FROM orders WINDOW TUMBLING (SIZE 2 SECONDS) GROUP BY user;
CREATE STREAM named WITH (kafka_topic='{t}named') AS
  SELECT o.user AS user, u.name AS name, o.amount AS amount
  FROM orders o JOIN users u ON o.user = u.id;
CREATE STREAM by_item WITH (kafka_topic='{t}by_item') AS
  SELECT item, user, amount FROM orders PARTITION BY item;
"""
BEGIN_MS = int(time.time()) // 10 * 10_000
"""Timestamps are of today: the end of a transaction is, and where a record is older than a segment
may be, Kafka begins a new segment at each, and compacts tables under the test."""
COUNTS = """
CREATE STREAM orders (user INT KEY, item STRING, amount INT)
  WITH (kafka_topic='{t}orders', partitions=2, value_format='json');
CREATE TABLE per_item WITH (kafka_topic='{t}per_item') AS
  SELECT item, COUNT(*) AS n FROM orders GROUP BY item;
"""


@pytest.fixture
def place(broker: Broker) -> ServicePlace:
    return ServicePlace(broker.address)


def order(number: int) -> bytes:
    return json.dumps({"ITEM": f"i{number % 7}", "AMOUNT": number * 37 % 100}).encode()


def load_orders(connection: Connection, topic: str, count: int = 200, first: int = 0) -> None:
    numbers = range(first, first + count)
    connection.produce(
        topic,
        int_keys([n % 20 for n in numbers]),
        [order(n) for n in numbers],
        timestamps_ms=[BEGIN_MS + n * 10 for n in numbers],
    )


def load_all(connection: Connection, place: ServicePlace) -> None:
    users = range(15)
    connection.produce(
        place.topic("users"),
        int_keys(list(users)),
        [json.dumps({"NAME": f"n{n}"}).encode() for n in users],
        timestamps_ms=[BEGIN_MS - 1_000 + n for n in users],
    )
    load_orders(connection, place.topic("orders"))


def rows(connection: Connection, sql: str) -> list[tuple[object, ...]]:
    result = connection.execute(sql)
    assert isinstance(result, Rows)
    return sorted(result.rows)


def counts(total: int, first: int = 0) -> list[tuple[object, ...]]:
    found = dict.fromkeys((f"i{n}" for n in range(7)), 0)
    for number in range(first, first + total):
        found[f"i{number % 7}"] += 1
    return sorted(found.items())


def status(connection: Connection) -> dict[str, str]:
    return {q.id: q.status for q in connection.progress()}


def test_each_kind_of_query_writes_what_an_embedded_engine_writes(place: ServicePlace) -> None:
    with (
        place.engine() as shared,
        streamsql.connect(cache_max_bytes_buffering="0") as embedded,
    ):
        for connection in (shared, embedded):
            connection.execute(place.text(SOURCES))
            load_all(connection, place)
            connection.execute(place.text(QUERIES))
            connection.wait()
        for name in ("dear", "per_user", "per_item", "windowed", "named", "by_item"):
            topic = place.topic(name)
            left, right = content(shared, topic), content(embedded, topic)
            assert len(left) > 90
            # These two get records of several partitions: no two runs mix them alike.
            if name == "per_item":
                assert by_key(left) == by_key(right)
            elif name == "by_item":
                assert sorted(left, key=repr) == sorted(right, key=repr)
            else:
                assert left == right, name
        assert rows(shared, "SELECT * FROM per_item;") == counts(200)
        assert rows(shared, "SELECT n FROM per_user WHERE user = 3;") == [(10,)]
        assert rows(shared, "SELECT * FROM windowed;") == rows(embedded, "SELECT * FROM windowed;")


def taken(push: object, count: int) -> list[tuple[object, ...]]:
    """The first rows of a push query, which is stopped then."""
    assert isinstance(push, SyncPush)
    found: list[tuple[object, ...]] = []
    eventually(lambda: found.extend(r.values for r in push.take(0.1)) or len(found) >= count)
    push.stop()
    return found


def test_inserted_values_reach_push_queries(place: ServicePlace) -> None:
    with place.engine() as connection:
        connection.execute(place.text(COUNTS))
        of_table = connection.execute("SELECT item, n FROM per_item EMIT CHANGES;")
        of_stream = connection.execute("SELECT user, amount FROM orders EMIT CHANGES;")
        for n in range(3):
            connection.execute(f"INSERT INTO orders VALUES ({n}, 'a', {n * 2});")
        assert taken(of_table, 3) == [("a", 1), ("a", 2), ("a", 3)]
        assert sorted(taken(of_stream, 3)) == [(0, 0), (1, 2), (2, 4)]
        assert set(status(connection)) == {"CTAS_PER_ITEM_0", "CTAS_PER_ITEM_0-0"}


def test_a_query_rests_goes_on_and_is_replaced(place: ServicePlace) -> None:
    with place.engine() as connection:
        connection.execute(place.text(SOURCES))
        connection.execute(
            place.text(
                "CREATE STREAM dear WITH (kafka_topic='{t}dear') AS"
                " SELECT * FROM orders WHERE amount > 50;"
            )
        )
        load_orders(connection, place.topic("orders"))
        connection.wait()
        before = len(content(connection, place.topic("dear")))
        assert before == sum(n * 37 % 100 > 50 for n in range(200))
        connection.execute("PAUSE CSAS_DEAR_0;")
        load_orders(connection, place.topic("orders"), first=200)
        connection.wait()
        assert len(content(connection, place.topic("dear"))) == before
        assert status(connection) == {"CSAS_DEAR_0": "PAUSED"}
        connection.execute(
            place.text(
                "CREATE OR REPLACE STREAM dear WITH (kafka_topic='{t}dear') AS"
                " SELECT * FROM orders WHERE amount > 90;"
            )
        )
        connection.execute("RESUME CSAS_DEAR_0;")
        connection.wait()
        after = before + sum(n * 37 % 100 > 90 for n in range(200, 400))
        assert len(content(connection, place.topic("dear"))) == after


def test_a_replaced_query_is_restored_from_rows_of_both_shapes(place: ServicePlace) -> None:
    create = (
        "CREATE OR REPLACE TABLE per_user WITH (kafka_topic='{t}per_user') AS"
        " SELECT user, COUNT(*) AS n%s FROM orders GROUP BY user;"
    )
    with place.engine() as connection:
        connection.execute(
            place.text(
                "CREATE STREAM orders (user INT KEY, item STRING, amount INT)"
                " WITH (kafka_topic='{t}orders', partitions=2, value_format='json');"
            )
        )
        connection.execute(place.text(create % ""))
        load_orders(connection, place.topic("orders"))
        connection.wait()
        connection.execute(place.text(create % ", MAX(amount) AS m"))
        # Of half of the keys: the other rows stay in the changelog as they were.
        for user in range(10):
            connection.produce(place.topic("orders"), int_keys([user]), [b'{"AMOUNT":7}'])
        connection.wait()
    wanted = [(user, 11, 7) if user < 10 else (user, 10, None) for user in range(20)]
    # Without a state directory an engine has only the changelog.
    with place.engine() as connection:
        connection.wait()
        assert rows(connection, "SELECT user, n, m FROM per_user;") == wanted


def test_a_changelog_that_cannot_be_read_stops_the_query_and_says_so(place: ServicePlace) -> None:
    with place.engine() as connection:
        connection.execute(place.text(COUNTS))
        load_orders(connection, place.topic("orders"))
        connection.wait()
        # As a later version may write it.
        changelog = f"_streamsql-{place.id}-CTAS_PER_ITEM_0-changelog"
        connection.produce(changelog, [b"Zgroups0"], [b"?"])
    with place.engine() as connection:
        with pytest.raises(QueryError, match="a format that this version does not know"):
            connection.wait()
        assert status(connection)["CTAS_PER_ITEM_0"] == "ERROR"


def test_a_dropped_query_leaves_nothing_of_its_own(place: ServicePlace) -> None:
    with place.engine() as connection:
        connection.execute(place.text(COUNTS))
        load_orders(connection, place.topic("orders"))
        connection.wait()
        prefix = f"_streamsql-{place.id}-"
        internal = {name for name in place.topics() if name.startswith(prefix)}
        assert {name.removeprefix(prefix) for name in internal} == {
            "statements",
            "CTAS_PER_ITEM_0-changelog",
            "CTAS_PER_ITEM_0-Aggregate-GroupBy-repartition",
        }
        connection.execute("TERMINATE CTAS_PER_ITEM_0;")
        assert place.topics() == {
            f"{prefix}statements",
            place.topic("orders"),
            place.topic("per_item"),
        }
        connection.execute("DROP TABLE per_item DELETE TOPIC; DROP STREAM orders;")
        assert place.topics() == {f"{prefix}statements", place.topic("orders")}
        # What comes after it begins anew, under the same name.
        connection.execute(place.text(COUNTS))
        connection.wait()
        assert rows(connection, "SELECT * FROM per_item;") == counts(200)


@pytest.mark.parametrize("kept", ["all", "older", "nothing"])
def test_a_restart_goes_on_with_the_state(place: ServicePlace, tmp_path: Path, kept: str) -> None:
    folder, copy = tmp_path / "state", tmp_path / "copy"
    settings = {"streamsql_state_dir": str(folder)}
    with place.engine(**settings) as connection:
        connection.execute(place.text(COUNTS))
        load_orders(connection, place.topic("orders"))
        connection.wait()
    shutil.copytree(folder, copy)
    with place.engine(**settings) as connection:
        load_orders(connection, place.topic("orders"), first=200)
        connection.wait()
    if kept != "all":
        shutil.rmtree(folder)
    if kept == "older":
        shutil.copytree(copy, folder)
    with place.engine(**settings) as connection:
        load_orders(connection, place.topic("orders"), first=400)
        connection.wait()
        assert rows(connection, "SELECT * FROM per_item;") == counts(600)
        found = by_key(content(connection, place.topic("per_item")))
        for values in found.values():
            assert values == [b'{"N":%d}' % n for n in range(1, len(values) + 1)]
        assert sum(len(values) for values in found.values()) == 600


def test_latest_stays_where_it_was_at_the_first_start(place: ServicePlace, tmp_path: Path) -> None:
    settings = {"streamsql_state_dir": str(tmp_path), "auto_offset_reset": "latest"}
    with place.engine(**settings) as connection:
        connection.execute(place.text(COUNTS.partition("CREATE TABLE")[0]))
        load_orders(connection, place.topic("orders"))
        connection.execute(place.text("CREATE TABLE" + COUNTS.partition("CREATE TABLE")[2]))
        connection.wait()
        assert rows(connection, "SELECT * FROM per_item;") == []
    with ServicePlace(place.address).engine() as beside:
        load_orders(beside, place.topic("orders"), first=200)
    with place.engine(**settings) as connection:
        connection.wait()
        assert rows(connection, "SELECT * FROM per_item;") == counts(200, first=200)


def test_at_least_once_writes_the_same_without_a_crash(place: ServicePlace) -> None:
    with place.engine(processing_guarantee="at_least_once") as connection:
        connection.execute(place.text(COUNTS))
        load_orders(connection, place.topic("orders"))
        connection.wait()
        assert rows(connection, "SELECT * FROM per_item;") == counts(200)
    with place.engine(processing_guarantee="at_least_once") as connection:
        load_orders(connection, place.topic("orders"), first=200)
        connection.wait()
        assert rows(connection, "SELECT * FROM per_item;") == counts(400)
        assert len(content(connection, place.topic("per_item"))) == 400


def test_a_record_that_cannot_be_read_is_in_the_processing_log(place: ServicePlace) -> None:
    with place.engine() as connection:
        connection.execute(place.text(COUNTS))
        connection.produce(place.topic("orders"), int_keys([1, 2]), [b"{no json", order(0)])
        connection.wait()
        assert rows(connection, "SELECT * FROM per_item;") == [("i0", 1)]
        (entry,) = connection.read_topic(f"{place.id}ksql_processing_log")["value"].to_pylist()
        body = json.loads(entry)["message"]["deserializationError"]
        assert (body["topic"], body["offset"]) == (place.topic("orders"), 0)


@pytest.mark.parametrize("stops", [True, False])
def test_a_record_that_is_too_large_for_the_sink(place: ServicePlace, stops: bool) -> None:
    place.create_topic("wide", 2, **{"max.message.bytes": "2000"})
    with place.engine(ksql_fail_on_production_error=str(stops).lower()) as connection:
        connection.execute(
            place.text(
                "CREATE STREAM narrow (id INT KEY, v STRING)"
                " WITH (kafka_topic='{t}narrow', partitions=2, value_format='json');"
                "CREATE STREAM wide WITH (kafka_topic='{t}wide') AS SELECT * FROM narrow;"
            )
        )
        texts = ["a", "b", "x" * 3_000, "c"]
        connection.produce(
            place.topic("narrow"),
            int_keys([1] * len(texts)),
            [json.dumps({"V": text}).encode() for text in texts],
        )
        if stops:
            with pytest.raises(QueryError) as raised:
                connection.wait()
            assert "a record is larger than the topic takes" in raised.value.primary
            assert f"topic {place.topic('narrow')}" in raised.value.detail
            assert "offset 2" in raised.value.detail
            assert "ksql.fail.on.production.error" in raised.value.hint
        else:
            connection.wait()
        written = [
            json.loads(row[3] or b"")["V"] for row in content(connection, place.topic("wide"))
        ]
        assert written == (["a", "b"] if stops else ["a", "b", "c"])
        (entry,) = connection.read_topic(f"{place.id}ksql_processing_log")["value"].to_pylist()
        assert json.loads(entry)["message"]["productionError"]["offset"] == 2


def test_two_engines_that_create_the_same_at_once(place: ServicePlace) -> None:
    """One is told that it exists; both have the same catalog."""
    outcomes: list[str] = []

    def create(connection: Connection, kind: str) -> None:
        text = "CREATE STREAM x (id INT KEY, {c} INT) WITH (kafka_topic='{t}x', partitions=2,"
        try:
            connection.execute(place.text(text.replace("{c}", kind) + " value_format='json');"))
            outcomes.append(kind)
        except StatementError as error:
            outcomes.append(error.primary)

    with place.engine() as one, place.engine() as two:
        for connection in (one, two):
            assert rows(connection, "SHOW STREAMS;") == []
        threads = [
            threading.Thread(target=create, args=(one, "a")),
            threading.Thread(target=create, args=(two, "b")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winner, refusal = sorted(outcomes, key=len)
        assert "already exists" in refusal
        for connection in (one, two):
            described = eventually(lambda c=connection: rows(c, "SHOW STREAMS;"))
            assert len(described) == 1
            assert winner.upper() in {row[0] for row in rows(connection, "DESCRIBE x;")}


def test_a_second_engine_sees_the_catalog_and_shares_the_work(place: ServicePlace) -> None:
    with place.engine() as one:
        one.execute(place.text(COUNTS))
        load_orders(one, place.topic("orders"))
        one.wait()
        with place.engine() as two:
            assert rows(two, "SHOW TABLES;") == rows(one, "SHOW TABLES;")
            both = lambda: [len(partitions(c)) for c in (one, two)]  # noqa: E731
            eventually(both, lambda found: found == [1, 1])
            load_orders(two, place.topic("orders"), first=200)
            topic = place.topic("per_item")
            eventually(lambda: len(content(one, topic)), lambda n: n == 400)
            two.execute("DROP TABLE per_item DELETE TOPIC;")
            eventually(lambda: rows(one, "SHOW QUERIES;"), lambda found: not found)
            eventually(lambda: one.progress(), lambda found: not found)


def partitions(connection: Connection) -> set[int]:
    """The partitions of PER_ITEM's state that an engine has."""
    shared = connection._engine.runtime.shared["CTAS_PER_ITEM_0"]
    return set(shared._numbers.owned)


def test_an_engine_without_the_topic_of_a_source(place: ServicePlace) -> None:
    text = "CREATE STREAM x (a INT) WITH (kafka_topic='{t}none', value_format='json');"
    with place.engine() as connection:
        with pytest.raises(StatementError, match="If you want to create") as raised:
            connection.execute(place.text(text))
        assert place.topic("none") in raised.value.primary
        assert place.topic("none") not in place.topics()


def test_a_table_goes_before_a_stream_of_the_same_time(place: ServicePlace) -> None:
    """The stream is repartitioned, so that it may also come later than the table."""
    users = list(range(20))
    times = [BEGIN_MS + n for n in users]
    items = [json.dumps({"USER2": n}).encode() for n in users]
    names = [json.dumps({"NAME": f"n{n}"}).encode() for n in users]
    with place.engine() as connection:
        connection.execute(
            place.text(
                "CREATE STREAM orders (user INT KEY, user2 INT)"
                " WITH (kafka_topic='{t}orders', partitions=3, value_format='json');"
                "CREATE TABLE users (id INT PRIMARY KEY, name STRING)"
                " WITH (kafka_topic='{t}users', partitions=3, value_format='json');"
            )
        )
        connection.produce(place.topic("orders"), int_keys(users), items, timestamps_ms=times)
        connection.produce(place.topic("users"), int_keys(users), names, timestamps_ms=times)
        for name, column in (("direct", "user"), ("moved", "user2")):
            connection.execute(
                place.text(
                    f"CREATE STREAM {name} WITH (kafka_topic='{{t}}{name}') AS SELECT o.{column},"
                    f" u.name FROM orders o JOIN users u ON o.{column} = u.id;"
                )
            )
        connection.wait()
        assert [len(content(connection, place.topic(t))) for t in ("direct", "moved")] == [20, 20]
        pushed = connection.execute(
            "SELECT o.user, u.name FROM orders o JOIN users u ON o.user = u.id EMIT CHANGES;"
        )
        assert sorted(taken(pushed, 20)) == [(n, f"n{n}") for n in users]
