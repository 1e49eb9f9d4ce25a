"""The command as a process: options, exit codes, signals, pipes, start-up."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamsql.session.connection import Connection

STREAMSQL = str(Path(sys.executable).with_name("streamsql"))
VERSION_SECONDS_MAX = 0.5
"""CPU time: 0.1 on a quiet machine, where an engine takes more than a second."""
QUERY = "CREATE STREAM copied AS SELECT * FROM bids;"
RECORDS = 100_000


def streamsql(*arguments: str, cwd: Path, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [STREAMSQL, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        **more,  # type: ignore[call-overload]
    )


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a stream of many records."""
    path = tmp_path_factory.mktemp("loaded") / "bids.duckdb"
    with Connection(str(path)) as connection:
        connection.execute(
            "CREATE STREAM bids (price BIGINT) WITH (kafka_topic='bids', value_format='json');"
        )
        values = [b'{"PRICE":%d}' % n for n in range(RECORDS)]
        connection.produce("bids", None, values, timestamps_ms=range(RECORDS))
    return path


def test_the_version_is_there_at_once(tmp_path: Path) -> None:
    best = 9.0
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = streamsql("--version", cwd=tmp_path)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0
        assert done.stdout.startswith("streamsql 0.")
    assert best < VERSION_SECONDS_MAX


def test_help_loads_no_engine() -> None:
    program = """
import sys
from streamsql.cli.app import main
sys.argv = ["streamsql", "--help"]
try:
    main()
finally:
    heavy = {"duckdb", "pyarrow", "numpy", "prompt_toolkit", "rich", "asyncio", "sqlglot"}
    print("LOADED", sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "streamsql run [OPTIONS] FILE..." in done.stdout
    assert done.stdout.endswith("LOADED []\n")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run"], "Missing argument"),
        (["run", "nix.sql"], "'nix.sql' does not exist"),
        (["run", "--nix", "a.sql"], "No such option"),
        (["run", "--set", "x", "a.sql"], "takes NAME=VALUE"),
        (["run", "--set", "auto.offset.rest=x", "a.sql"], "did you mean auto.offset.reset?"),
        (["run", "--set", "auto.offset.reset=x", "a.sql"], "earliest or latest"),
        (["-D", "1=2", "-e", "SHOW STREAMS;"], "a variable's name"),
        (["a.sql"], "streamsql run a.sql"),
        (["-e", "SHOW STREAMS;", "-f", "a.sql"], "either --execute or --file"),
        (["-f", "nix.sql"], "'nix.sql' does not exist"),
        (["run", "--set", "ksql.streams.max.task.idle.ms=x", "a.sql"], "a whole number"),
        (["http://localhost:9092"], "or kafka://host:port"),
        (["."], "is a directory"),
        (["a", "b"], "unexpected extra argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_gives_2(arguments: list[str], told: str, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("SHOW STREAMS;")
    done = streamsql(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in " ".join(done.stderr.split())


@pytest.mark.slow
def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("hello " * 1000)
    done = streamsql("-e", "SHOW STREAMS;", "text.db", cwd=tmp_path)
    assert done.returncode == 1
    assert "error: database text.db cannot be opened" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = streamsql("-e", "SHOW STREAMS;", "nix/a.db", cwd=tmp_path)
    assert done.returncode == 1
    assert "check that its folder exists" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    done = streamsql("-e", "SHOW STREAMS;", "read-only/a.db", cwd=tmp_path)
    assert done.returncode == 1
    assert "can be written" in done.stderr


@pytest.mark.slow
def test_the_module_is_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streamsql", "-e", "SHOW STREAMS;"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "(no streams)" in done.stdout


@pytest.mark.slow
def test_nobody_reads_the_output(loaded: Path) -> None:
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [STREAMSQL, "-e", "SELECT * FROM bids EMIT CHANGES;", str(loaded)],
        stdout=writer,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    os.close(writer)
    assert os.read(reader, 10)
    os.close(reader)
    _, told = child.communicate(timeout=30)
    assert (child.returncode, told) == (141, b"")


@pytest.mark.slow
def test_ctrl_c_ends_what_nobody_types_at(loaded: Path) -> None:
    child = subprocess.Popen(
        [STREAMSQL, "-e", "SELECT * FROM bids EMIT CHANGES; SHOW STREAMS;", str(loaded)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == " PRICE\n"
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (130, "")
    assert "Stream Name" not in out


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a full disk")
def test_a_full_disk(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [STREAMSQL, "-e", "SHOW STREAMS;"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "error: cannot write the output: No space left on device\n"


@pytest.mark.slow
def test_output_that_is_closed(tmp_path: Path) -> None:
    command = f"{STREAMSQL} -e 'SHOW STREAMS;' >&- 2>&-"
    assert subprocess.run(command, shell=True, cwd=tmp_path, check=False).returncode == 0


@pytest.mark.parametrize(
    ("sent", "follow", "code"),
    [(signal.SIGINT, False, 130), (signal.SIGTERM, False, 143), (signal.SIGTERM, True, 0)],
    ids=["Ctrl-C", "SIGTERM", "SIGTERM with --follow"],
)
@pytest.mark.slow
def test_a_signal_ends_a_run_and_what_was_committed_stays(
    sent: signal.Signals, follow: bool, code: int, loaded: Path, tmp_path: Path
) -> None:
    database = tmp_path / "a.duckdb"
    database.write_bytes(loaded.read_bytes())
    (tmp_path / "q.sql").write_text(QUERY)
    options = ["--set", "streamsql.batch.records.max=2000", *(["--follow"] if follow else [])]
    command = [STREAMSQL, "run", "--database", str(database), *options, "--summary-json"]
    child = subprocess.Popen(
        [*command, str(tmp_path / "s.json"), str(tmp_path / "q.sql")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    assert "Created query" in child.stdout.readline()
    time.sleep(0.5)
    child.send_signal(sent)
    child.communicate(timeout=30)
    assert child.returncode == code
    [query] = json.loads((tmp_path / "s.json").read_text())["queries"]
    assert 0 < query["records_in"] < RECORDS or follow
    with Connection(str(database)) as connection:
        connection.wait()
        [after] = connection.progress()
        assert after.records_in == after.records_out == RECORDS
        assert connection.read_topic("COPIED").num_rows == RECORDS


@pytest.mark.slow
def test_follow_shows_rows_until_it_is_ended(loaded: Path, tmp_path: Path) -> None:
    database = tmp_path / "a.duckdb"
    database.write_bytes(loaded.read_bytes())
    (tmp_path / "q.sql").write_text(
        "SELECT price FROM bids WHERE price < 3 EMIT CHANGES; SHOW STREAMS;"
    )
    child = subprocess.Popen(
        [STREAMSQL, "run", "--follow", "--database", str(database), str(tmp_path / "q.sql")],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    shown = [child.stdout.readline().strip() for _ in range(8)]
    assert shown[2:5] == ["0", "1", "2"]
    assert "BIDS" in shown[7]
    assert child.poll() is None
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=30)
    assert child.returncode == 0


CASES = """\
--@test: dear orders are kept
CREATE STREAM o (id INT KEY, amount INT) WITH (kafka_topic='o', value_format='JSON');
CREATE STREAM dear AS SELECT * FROM o WHERE amount > 10;
INSERT INTO o VALUES (1, 5);
INSERT INTO o VALUES (2, 15);
ASSERT VALUES dear (id, amount) VALUES (2, 15);

--@test: this does not hold
CREATE STREAM o (id INT KEY, amount INT) WITH (kafka_topic='o', value_format='JSON');
INSERT INTO o VALUES (1, 5);
ASSERT VALUES o (id, amount) VALUES (1, 6);
"""


@pytest.mark.slow
def test_cases_that_hold_and_cases_that_do_not(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.sql").write_text(CASES)
    (tmp_path / "tests" / "b.sql").write_text(CASES.split("--@test: this")[0])
    done = streamsql("test", "tests", cwd=tmp_path)
    assert done.returncode == 1
    assert "FAILED tests/a.sql: this does not hold" in done.stdout
    assert done.stdout.endswith("2 passed, 1 failed\n")
    (tmp_path / "empty.sql").write_text("SHOW STREAMS;")
    done = streamsql("test", "empty.sql", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "0 passed\n")
    assert "no case found" in done.stderr
