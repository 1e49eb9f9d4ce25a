"""A person at the terminal: what they type and what they see."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from streamsql.session.connection import Connection
from tests.shell.terminal import CTRL_C, CTRL_D, PROMPT, STREAMSQL, TAB, UP, Terminal

pytestmark = pytest.mark.slow

CREATE = (
    "CREATE STREAM orders (id INT KEY, item STRING, amount DOUBLE) "
    "WITH (kafka_topic='orders', partitions=1, value_format='json');"
)
TABLE = "CREATE TABLE totals AS SELECT item, COUNT(*) AS n FROM orders GROUP BY item;"
FILL = (
    "INSERT INTO orders VALUES (1, 'apple', 1.5); INSERT INTO orders VALUES (2, '日本', NULL);"
    "INSERT INTO orders VALUES (3, 'apple', 2.5);"
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a stream, three records and a table over them."""
    path = tmp_path_factory.mktemp("filled") / "orders.duckdb"
    with Connection(str(path)) as connection:
        connection.execute(f"{CREATE} {FILL} {TABLE}")
        connection.wait()
    return path


@pytest.fixture
def database(tmp_path: Path, filled: Path) -> str:
    """A copy of it in the test's folder."""
    return shutil.copy(filled, tmp_path / "orders.duckdb").name


def test_a_first_session(tmp_path: Path) -> None:
    with Terminal([], tmp_path) as terminal:
        assert "in memory: nothing is kept" in terminal.prompt()
        # Enter goes on until the semicolon.
        created = terminal.run(CREATE.replace(" WITH", "\r  WITH"))
        assert "\n       ...   WITH" in created
        assert created.endswith("Stream ORDERS created")
        terminal.run(FILL)
        assert " 日本  │ 1" in terminal.run(f"{TABLE} SELECT * FROM totals;")
        shown = terminal.run("SELECT id, item, amount FROM orders WHERE amount IS NULL;")
        assert "  2 │ 日本 │   null\n1 row (" in shown
        shown = terminal.run("select id, amuont from orders;")
        assert "  1 | select id, amuont from orders;\n    |            ^^^^^^" in shown
        assert "did you mean AMOUNT?" in shown
        terminal.type(CTRL_D, enter=False)
        assert terminal.end() == 0


def test_a_push_query_shows_rows_until_ctrl_c(tmp_path: Path, database: str) -> None:
    with Terminal([database], tmp_path) as terminal:
        terminal.prompt()
        terminal.type("SELECT item, amount FROM orders EMIT CHANGES;")
        terminal.wait("│    2.5", "3 rows", "Ctrl-C stops")
        terminal.type(CTRL_C, enter=False)
        shown = terminal.prompt(1)
        assert "3 rows (" in shown
        assert "Ctrl-C stops" not in shown.split("2.5")[1]
        assert "LIMIT reached" in terminal.run("SELECT id FROM orders EMIT CHANGES LIMIT 2;")


def test_ctrl_c_ends_a_statement_that_takes_long(tmp_path: Path) -> None:
    with Connection(str(tmp_path / "a.duckdb")) as connection:
        connection.produce("many", None, [b'{"N":%d}' % n for n in range(200_000)])
    with Terminal(["--set", "streamsql.batch.records.max=200", "a.duckdb"], tmp_path) as terminal:
        terminal.prompt()
        terminal.run("CREATE STREAM many (n INT) WITH (kafka_topic='many', value_format='json');")
        terminal.type("SELECT * FROM many WHERE n < 0;")
        terminal.settle(1)
        shown = terminal.run(CTRL_C, enter=False)
        assert "interrupted" in shown
        assert "rows (" not in shown
        assert "MANY" in terminal.run("SHOW STREAMS;")


def test_ctrl_c_clears_the_line_and_ctrl_d_leaves_only_an_empty_one(tmp_path: Path) -> None:
    with Terminal([], tmp_path) as terminal:
        terminal.prompt()
        shown = terminal.run(f"SELECT nothing{CTRL_C}", enter=False)
        assert "error" not in shown
        assert terminal.lines[-1] == PROMPT
        terminal.type(f"version{CTRL_D}")
        terminal.wait("\nstreamsql 0.")
        terminal.type("exit")
        assert terminal.end() == 0


def test_tab_completes_names(tmp_path: Path, database: str) -> None:
    with Terminal([database], tmp_path) as terminal:
        terminal.prompt()
        terminal.type("select * from tot", enter=False)
        terminal.wait("totals", "table")
        assert "apple │ 2" in terminal.run(f"{TAB};")


def test_what_was_typed_is_there_the_next_time(tmp_path: Path) -> None:
    with Terminal([], tmp_path) as terminal:
        terminal.prompt()
        terminal.run("SHOW\rSTREAMS;")
        assert "1  SHOW\n       STREAMS;" in terminal.run("history")
        terminal.type("quit")
        assert terminal.end() == 0
    with Terminal([], tmp_path) as terminal:
        terminal.prompt()
        assert "(no streams)" in terminal.run(f"{UP}{UP}{UP}")


def test_the_commands(tmp_path: Path, database: str) -> None:
    (tmp_path / "a.sql").write_text("SELECT item\nFROM totals;\nSELECT nix FROM totals;\n")
    with Terminal([database], tmp_path) as terminal:
        terminal.prompt()
        assert "run script 'file'" in terminal.run("help")
        assert "database orders.duckdb" in terminal.run("server")
        assert "spooled to spool.txt" in terminal.run("spool 'spool.txt'")
        terminal.run("output json")
        assert '\n{"ITEM":"apple","N":2}\n' in terminal.run("SELECT * FROM totals;")
        terminal.run("output tabular;")
        terminal.run("set cli column-width 3")
        assert " app │   2\n le  │" in terminal.run("SELECT * FROM totals;")
        terminal.run("set cli wrap off")
        assert " ap… │   2\n 日… │" in terminal.run("SELECT * FROM totals;")
        terminal.run("set cli column-width 0")
        terminal.run("spool off")
        shown = terminal.run("run script 'a.sql'")
        assert " apple" in shown
        assert "at a.sql:3:8" in shown
        assert "cannot read nix.sql: No such file" in terminal.run("RUN SCRIPT 'nix.sql';")
        assert "cannot write" in terminal.run("spool '/nix/x'")
        terminal.type("clear")
        terminal.wait(PROMPT)
    spooled = (tmp_path / "spool.txt").read_text()
    assert "streamsql> SELECT * FROM totals;" in spooled
    assert '{"ITEM":"apple","N":2}' in spooled
    assert "\x1b" not in spooled


def test_a_narrow_terminal_shows_records(tmp_path: Path, database: str) -> None:
    with Terminal([database], tmp_path, columns=20) as terminal:
        terminal.prompt()
        shown = terminal.run("SELECT id, item, amount FROM orders;")
        assert "\nITEM   │ apple\nAMOUNT │ 1.5" in shown


def test_a_terminal_that_can_do_nothing_is_enough(tmp_path: Path, database: str) -> None:
    with Terminal([database], tmp_path, TERM="dumb", NO_COLOR="1") as terminal:
        terminal.wait("streamsql>")
        terminal.type("SELECT item FROM orders EMIT CHANGES LIMIT 2; SELECT nix FROM orders;")
        shown = terminal.wait("apple", "cannot be resolved")
        assert "Ctrl-C stops" not in shown


def test_a_query_that_stops_is_told_once(tmp_path: Path, database: str) -> None:
    with Terminal([database], tmp_path) as terminal:
        terminal.prompt()
        terminal.run("SET 'ksql.fail.on.deserialization.error'='true';")
        terminal.run(
            "CREATE STREAM numbers (id INT KEY, item BIGINT) "
            "WITH (kafka_topic='orders', value_format='json');"
        )
        terminal.type("CREATE STREAM more AS SELECT * FROM numbers;")
        terminal.wait("Created query with ID")
        terminal.settle(1)
        shown = terminal.run("version") + terminal.run("version")
        assert terminal.text.count("stopped:") == 1, shown


def test_a_database_has_one_process_at_a_time(tmp_path: Path, database: str) -> None:
    with Terminal([database], tmp_path) as terminal:
        terminal.prompt()
        second = subprocess.run(
            [STREAMSQL, "-e", "SHOW STREAMS;", database],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 1
        assert f"is in use by process {terminal.child.pid}" in second.stderr
        terminal.child.kill(signal.SIGTERM)
        assert terminal.end() == 143
