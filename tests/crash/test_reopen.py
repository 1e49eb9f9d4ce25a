"""A database that is opened again goes on; one that cannot be opened or written says why and loses
nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

import streamsql
from streamsql.errors import DatabaseError
from tests.crash.conftest import Original
from tests.crash.world import ORDERS, Process, load, sinks

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("crash")]

NOBODY = 65534
HOLDER = """
import sys, streamsql
with streamsql.connect(sys.argv[1]):
    print("open", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_goes_on_where_the_first_was(original: Original, tmp_path: Path) -> None:
    twice, once = (Process(tmp_path / name, original.file) for name in ("twice", "once"))
    assert twice.run() == (0, "")
    with streamsql.connect(str(twice.file)) as connection:
        connection.wait()
        queries = connection.progress()
        # Nothing is read again, and the counts go on from where they were.
        assert [q.steps for q in queries] == [0, 0, 0, 0]
        assert all(q.records_in >= ORDERS for q in queries)
    load(twice.file, 2)
    assert twice.run() == (0, "")
    load(once.file, 2)
    assert once.run() == (0, "")
    assert sinks(twice.file) == sinks(once.file)


def test_a_file_of_another_version_is_refused_by_name(original: Original, tmp_path: Path) -> None:
    process = Process(tmp_path / "run", original.file)
    with duckdb.connect(str(process.file)) as connection:
        connection.execute("UPDATE engine.version SET version = 99")
    with pytest.raises(DatabaseError, match=r"a\.duckdb has version 99, this program reads"):
        streamsql.connect(str(process.file))


def test_a_second_process_hears_who_has_the_file(original: Original, tmp_path: Path) -> None:
    process = Process(tmp_path / "run", original.file)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(process.file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        code, text = process.run()
        holder.communicate()
    assert code == 1
    assert f"in use by process {holder.pid}" in text


def test_a_read_only_folder_is_a_clear_error(original: Original, tmp_path: Path) -> None:
    process = Process(tmp_path / "run", original.file)
    process.file.chmod(0o444)
    process.file.parent.chmod(0o555)
    try:
        code, text = process.run(*(["--user", str(NOBODY)] if os.getuid() == 0 else []))
    finally:
        process.file.parent.chmod(0o755)
        process.file.chmod(0o644)
    assert code == 1
    assert text.startswith("DatabaseError: database a.duckdb cannot be opened")
    assert "can be written" in text
    assert process.run() == (0, "")
    assert sinks(process.file) == original.sinks


def test_a_file_that_may_not_grow_stops_the_queries_and_loses_nothing(
    original: Original, tmp_path: Path
) -> None:
    process = Process(tmp_path / "run", original.file)
    # Enough for some steps and not for all of them.
    code, text = process.run("--file-size-max", "200000")
    assert code == 1
    assert "cannot be written" in text
    assert "nothing that was committed is lost" in text
    left = sum(table.num_rows for table in sinks(process.file).values())
    assert 0 < left < sum(table.num_rows for table in original.sinks.values())
    assert process.run() == (0, "")
    assert sinks(process.file) == original.sinks


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A file system of so many bytes; skips the test where nobody may mount one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_queries_and_loses_nothing(
    original: Original, tmp_path: Path
) -> None:
    whole = sum(table.num_rows for table in original.sinks.values())
    with small_disk(tmp_path / "disk", original.file.stat().st_size + 120_000) as disk:
        process = Process(disk / "run", original.file, notes=tmp_path)
        code, text = process.run()
        assert code == 1
        assert "cannot be written" in text
        assert "free space on the disk" in text
        assert "nothing that was committed is lost" in text
        # The full disk can be opened no more than it can be written; what is on it is whole.
        larger = Process(tmp_path / "larger")
        for path in process.file.parent.glob("a.duckdb*"):
            if path.is_file():
                shutil.copy(path, larger.file.parent)
    left = sum(table.num_rows for table in sinks(larger.file).values())
    assert 0 < left < whole
    assert larger.run() == (0, "")
    assert sinks(larger.file) == original.sinks
