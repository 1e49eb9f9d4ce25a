"""State tables whose rows are replaced for ever: how much room they take, and that no row is
lost."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from streamsql.engine.compaction import Compaction
from streamsql.engine.database import Database

KEYS = 30_000
CHANGED = 20_000
TABLE = 'state."CTAS_T_0$groups0"'
ROOM = 2 * (KEYS + 122_880) + 122_880
"""What Compaction promises, and what a round may add before it is looked at."""


@pytest.fixture
def connection(tmp_path: Path):
    database = Database(str(tmp_path / "x.duckdb"), settings={"max_vacuum_tasks": "0"})
    with database.transaction():
        _create(database.connection)
    yield database.connection
    database.close()


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"CREATE TABLE {TABLE} (k BIGINT, v BIGINT)")
    connection.execute(f"INSERT INTO {TABLE} SELECT i, -1 FROM range({KEYS}) r(i)")


def _round(connection: duckdb.DuckDBPyConnection, compaction: Compaction | None, n: int) -> None:
    """Replaces rows as a step does: others in each round, and some keys never."""
    hot = KEYS * 9 // 10
    chosen = f"SELECT (i * 3 + {n * 1_237}) % {hot} AS k FROM range({CHANGED // 3}) r(i)"
    delete = f"DELETE FROM {TABLE} WHERE k IN ({chosen})"
    insert = f"INSERT INTO {TABLE} SELECT DISTINCT k, {n} FROM ({chosen})"
    for sql in (delete, insert):
        [(count,)] = connection.execute(sql).fetchall()
        if compaction is not None:
            compaction.note(sql, count)
    if compaction is not None:
        compaction.compact()


def _rows(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, int]]:
    return connection.execute(f"SELECT k, v FROM {TABLE} ORDER BY ALL").fetchall()


def _room(connection: duckdb.DuckDBPyConnection) -> int:
    sql = f"SELECT max(rowid) + 1 - min(rowid) FROM {TABLE}"
    return connection.execute(sql).fetchall()[0][0]


@pytest.mark.slow
def test_holes_are_won_back_and_no_row_is_lost(connection) -> None:
    compaction = Compaction(connection)
    plain = duckdb.connect(config={"max_vacuum_tasks": "0"})
    plain.execute("CREATE SCHEMA state")
    _create(plain)
    rooms: list[int] = []
    for n in range(150):
        connection.begin()
        _round(connection, compaction, n)
        if n % 10 == 7:
            # As a step that fails: its counts are wrong from then on, until they are taken again.
            connection.rollback()
        else:
            connection.commit()
            _round(plain, None, n)
        rooms.append(_room(connection))
    assert _rows(connection) == _rows(plain)
    assert max(rooms) <= ROOM
    assert _room(plain) > ROOM, "the same rounds without compaction take more"


def test_a_table_that_only_grows_is_left_alone(connection) -> None:
    compaction = Compaction(connection)
    for n in range(4):
        connection.begin()
        sql = f"INSERT INTO {TABLE} SELECT i, {n} FROM range(100_000) r(i)"
        [(count,)] = connection.execute(sql).fetchall()
        compaction.note(sql, count)
        compaction.compact()
        connection.commit()
        connection.execute("CHECKPOINT")
    places = f"SELECT min(rowid), max(rowid) FROM {TABLE}"
    assert connection.execute(places).fetchall() == [(0, KEYS + 399_999)]


@pytest.mark.slow
def test_rows_of_other_partition_numbers_are_let_alone(connection) -> None:
    """A standby's copy is written in another transaction meanwhile: to move its rows would be to
    change them twice."""
    compaction = Compaction(connection, {TABLE: "v"})
    compaction.only(frozenset({1, 2}))
    connection.execute(f"INSERT INTO {TABLE} SELECT i, 1 FROM range(300_000) r(i)")
    for n in range(8):
        connection.begin()
        for sql in (
            f"DELETE FROM {TABLE} WHERE v IN (1, 2) AND k <> {n}",
            f"INSERT INTO {TABLE} SELECT i, 2 FROM range(300_000) r(i) WHERE i <> {n}",
        ):
            [(count,)] = connection.execute(sql).fetchall()
            compaction.note(sql, count)
        compaction.compact()
        connection.commit()
    others = f"SELECT count(*), min(rowid), max(rowid) FROM {TABLE} WHERE v = -1"
    assert connection.execute(others).fetchall() == [(KEYS, 0, KEYS - 1)]
    own = f"SELECT count(*), count(DISTINCT k), max(rowid) - min(rowid) FROM {TABLE} WHERE v > 0"
    [(rows, keys, room)] = connection.execute(own).fetchall()
    assert rows == keys == 300_000
    assert room <= 2 * (300_000 + 122_880) + 600_000
