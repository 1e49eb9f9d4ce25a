"""Arrow tables under names that last."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from streamsql.engine.database import Database
from streamsql.engine.given import give, let_go
from streamsql.errors import DatabaseError


@pytest.fixture
def database():
    opened = Database()
    yield opened
    opened.close()


def _read(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT * FROM given ORDER BY ALL").fetchall()


def test_a_name_shows_the_table_that_was_given_last(database: Database) -> None:
    connection = database.connection
    give(connection, "given", pa.table({"a": [1, 2]}))
    total = connection.sql("SELECT sum(a)::BIGINT AS s FROM given")
    assert total.to_arrow_table().to_pydict() == {"s": [3]}
    give(connection, "given", pa.table({"a": [5]}))
    assert total.to_arrow_table().to_pydict() == {"s": [5]}
    give(connection, "given", pa.table({"b": ["x"], "c": [1]}))
    assert _read(connection) == [("x", 1)]


def test_nothing_is_held_behind_a_step(database: Database) -> None:
    give(database.connection, "given", pa.table({"a": [1]}))
    let_go(database.connection)
    assert _read(database.connection) == []


class Refused(Exception):
    """What ends a transaction."""


def _give_and_refuse(database: Database) -> None:
    with database.transaction():
        give(database.connection, "given", pa.table({"a": [1]}))
        raise Refused


def test_a_name_that_a_rollback_took_away_is_there_again(database: Database) -> None:
    with pytest.raises(Refused):
        _give_and_refuse(database)
    give(database.connection, "given", pa.table({"a": [2]}))
    assert _read(database.connection) == [(2,)]


def _give_and_collide(database: Database, other: duckdb.DuckDBPyConnection) -> None:
    with database.transaction(other):
        give(other, "given", pa.table({"a": [1]}))
        other.execute("INSERT INTO one VALUES (1)")
        # Each is new to the other one until it is committed.
        database.connection.execute("INSERT INTO one VALUES (1)")


def test_a_name_that_went_with_a_commit_that_failed_is_there_again(database: Database) -> None:
    database.connection.execute("CREATE TABLE one (k INTEGER PRIMARY KEY)")
    other = database.cursor()
    with pytest.raises(DatabaseError, match="cannot be written"):
        _give_and_collide(database, other)
    give(other, "given", pa.table({"a": [2]}))
    assert _read(other) == [(2,)]
