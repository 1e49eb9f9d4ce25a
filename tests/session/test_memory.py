"""State and steps that are larger than the memory that DuckDB may use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import streamsql
from streamsql.errors import DatabaseError

pytestmark = pytest.mark.slow

KEYS, RECORDS = 40_000, 80_000
SCRIPT = """
CREATE STREAM hits (page STRING KEY, note STRING)
  WITH (kafka_topic='hits', partitions=1, value_format='json');
CREATE TABLE notes AS SELECT page, COUNT(*) AS n, LATEST_BY_OFFSET(note) AS note FROM hits
  GROUP BY page;
"""


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_state_larger_than_memory_goes_to_the_temporary_directory(
    kind: str, tmp_path: Path
) -> None:
    spilled = tmp_path / "spilled"
    path = str(tmp_path / "a.duckdb") if kind == "file" else ""
    with streamsql.connect(
        path, streamsql_memory_limit="50MB", streamsql_temp_directory=str(spilled)
    ) as connection:
        connection.execute(SCRIPT)
        seen = False
        for first in range(0, RECORDS, 10_000):
            numbers = [n % KEYS for n in range(first, first + 10_000)]
            connection.produce(
                "hits",
                [b"%d" % n for n in numbers],
                [json.dumps({"NOTE": f"{first}-{n}-".ljust(1000, "x")}).encode() for n in numbers],
            )
            connection.wait()
            seen = seen or (spilled.exists() and any(spilled.iterdir()))
        assert [q.status for q in connection.progress()] == ["RUNNING"]
        [row] = connection.execute("SELECT n, note FROM notes WHERE page = '39999';").rows
        assert row == (2, "70000-39999-".ljust(1000, "x"))
    assert seen
    # What was spilled is gone with the connection.
    assert not spilled.exists() or not any(spilled.iterdir())


def test_a_limit_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(DatabaseError, match="memory_limit"):
        streamsql.connect("", streamsql_memory_limit="much")
