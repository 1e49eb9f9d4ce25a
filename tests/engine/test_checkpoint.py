"""Checkpoints while queries run side by side, as on Kafka: each has a transaction open nearly
always."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import streamsql
from streamsql.engine.database import Database

_PACKAGE = Path(streamsql.__file__).parent
_UPDATES = re.compile(r"\b(?:UPDATE|MERGE INTO) (?:state\.|engine\.|\{)")


@pytest.mark.slow
def test_the_write_ahead_log_is_emptied_beside_open_transactions(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    database = Database(str(path), settings={"checkpoint_threshold": "1MB"})
    database.connection.execute("CREATE TABLE state.s (part INTEGER, k BIGINT)")
    cursors = [database.cursor() for _ in range(3)]
    largest = 0

    def work(number: int, step: int) -> None:
        cursor = cursors[number]
        cursor.begin()
        cursor.execute("DELETE FROM state.s WHERE part = ?", [number])
        cursor.execute("INSERT INTO state.s SELECT ?, r FROM range(3000) t(r)", [number])
        database.save_position(
            f"q{number}",
            sequence=step,
            offsets={("t", number): step},
            layout="",
            records=(step, step),
            connection=cursor,
        )

    work(0, 0)
    for step in range(200):
        # The next one begins before this one commits.
        work((step + 1) % 3, step)
        cursors[step % 3].commit()
        log = Path(f"{path}.wal")
        largest = max(largest, log.stat().st_size if log.exists() else 0)
    cursors[200 % 3].commit()
    assert database.position("q1") == (198, {("t", 1): 198}, "", 198, 198)
    database.close()
    # All that was written is 10 MB.
    assert largest < 2_000_000


def test_steps_do_not_update_rows() -> None:
    """DuckDB makes no checkpoint after a transaction with an UPDATE, a MERGE's too, while others
    are open: the log would grow for ever."""
    for room in ("engine", "operators"):
        for file in sorted((_PACKAGE / room).rglob("*.py")):
            found = _UPDATES.findall(file.read_text())
            # When a query is replaced, once, the layout of its positions is updated.
            assert len(found) == (1 if file.name == "database.py" else 0), file


def test_an_update_is_seen() -> None:
    assert _UPDATES.findall('f"MERGE INTO {time} tm"')
    assert _UPDATES.findall("UPDATE engine.x SET")
