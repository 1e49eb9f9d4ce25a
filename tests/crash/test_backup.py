"""BACKUP DATABASE: a copy that is whole, made while queries run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import streamsql
from streamsql.errors import StatementError
from tests.crash.conftest import Original
from tests.crash.world import Process, Sinks, load, sinks

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("crash")]

OPEN = "import sys, streamsql; streamsql.connect(sys.argv[1])"


def is_prefix(part: Sinks, whole: Sinks) -> bool:
    """Whether each sink of `part` is how that of `whole` begins, byte for byte."""
    return all(table == whole[name].slice(0, len(table)) for name, table in part.items())


def test_a_backup_under_load_is_a_prefix_and_goes_on_to_the_same_end(
    original: Original, tmp_path: Path
) -> None:
    process = Process(tmp_path / "run", original.file)
    copies: list[Path] = []
    with streamsql.connect(str(process.file), streamsql_linger_ms="0") as connection:
        while any(query.lag for query in connection.progress()):
            copies.append(tmp_path / f"{len(copies)}.duckdb")
            result = connection.execute(f"BACKUP DATABASE TO '{copies[-1]}';")
            assert result.message.startswith(f"Database backed up to {copies[-1]}: ")
    assert sinks(process.file) == original.sinks
    sizes: set[int] = set()
    for copy in copies:
        found = sinks(copy)
        assert is_prefix(found, original.sinks)
        sizes.add(sum(map(len, found.values())))
    # Some were made in the middle: neither before the first step nor behind the last.
    assert any(0 < n < sum(map(len, original.sinks.values())) for n in sizes)
    restored = Process(tmp_path / "restored", copies[len(copies) // 2])
    assert restored.run() == (0, "")
    assert sinks(restored.file) == original.sinks
    assert list(tmp_path.glob("*.part")) == []


def test_records_behind_a_backup_are_not_in_it(original: Original, tmp_path: Path) -> None:
    process = Process(tmp_path / "run", original.file)
    assert process.run() == (0, "")
    copy = tmp_path / "copy.duckdb"
    with streamsql.connect(str(process.file)) as connection:
        connection.execute(f"BACKUP DATABASE TO '{copy}';")
    load(process.file, 2)
    assert process.run() == (0, "")
    assert sinks(copy) == original.sinks != sinks(process.file)


def test_the_file_stays_this_process_s_own(original: Original, tmp_path: Path) -> None:
    process = Process(tmp_path / "run", original.file)
    with streamsql.connect(str(process.file)) as connection:
        connection.execute(f"BACKUP DATABASE TO '{tmp_path / 'copy.duckdb'}';")
        second = subprocess.run(
            [sys.executable, "-c", OPEN, str(process.file)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert second.returncode != 0
    assert "in use by process" in second.stderr


@pytest.mark.parametrize(
    ("target", "why"),
    [
        pytest.param("there.duckdb", r"file .*there\.duckdb exists", id="exists"),
        pytest.param("no/folder.duckdb", "cannot be written: No such file or directory", id="path"),
        pytest.param("state.duckdb", r"cannot be called state\.duckdb", id="name"),
    ],
)
def test_a_backup_that_cannot_be_made_says_why_and_leaves_nothing(
    tmp_path: Path, target: str, why: str
) -> None:
    (tmp_path / "there.duckdb").write_text("mine")
    with streamsql.connect(str(tmp_path / "a.duckdb")) as connection:
        with pytest.raises(StatementError, match=why) as raised:
            connection.execute(f"BACKUP DATABASE TO '{tmp_path / target}';")
        assert raised.value.hint
        assert raised.value.position
        connection.execute("SHOW STREAMS;")
    assert (tmp_path / "there.duckdb").read_text() == "mine"
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"there.duckdb", "a.duckdb", "a.duckdb.wal"}


def test_a_database_in_memory_has_nothing_to_copy(tmp_path: Path) -> None:
    with (
        streamsql.connect("") as connection,
        pytest.raises(StatementError, match="in memory cannot be backed up"),
    ):
        connection.execute(f"BACKUP DATABASE TO '{tmp_path / 'copy.duckdb'}';")
    assert list(tmp_path.iterdir()) == []
