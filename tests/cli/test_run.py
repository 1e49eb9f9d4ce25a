"""`streamsql run` and unattended shells, in this process: output, summary, exit codes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamsql.cli.opening import Options
from streamsql.cli.run import RunOptions, open_shell, run_files
from streamsql.session.connection import Connection

pytestmark = pytest.mark.slow

SETUP = """\
CREATE STREAM orders (id INT KEY, item STRING, amount DOUBLE)
  WITH (kafka_topic='orders', partitions=1, value_format='json');
INSERT INTO orders VALUES (1, 'apple', 1.5);
INSERT INTO orders VALUES (2, 'pear', 2.5);
INSERT INTO orders VALUES (3, 'apple', 4.0);
CREATE TABLE totals AS SELECT item, COUNT(*) AS n FROM orders GROUP BY item;
CREATE STREAM dear AS SELECT id, item FROM orders WHERE amount > 2;
"""
WRONG = """\
CREATE STREAM wrong (id INT KEY, item BIGINT)
  WITH (kafka_topic='orders', value_format='json');
"""


class Runner:
    """Writes scripts into a folder and runs them; what was written is in `out` and `err`."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.out = self.err = ""

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def run(self, *texts: str, follow: bool = False, **options: object) -> int:
        files = []
        for number, text in enumerate(texts, 1):
            files.append(self.folder / f"{number}.sql")
            files[-1].write_text(text, encoding="utf-8")
        how = RunOptions(follow=follow, summary_json=self.folder / "summary.json")
        return self._captured(run_files(files, Options(**options), how))

    def execute(self, sql: str, **options: object) -> int:
        return self._captured(open_shell(Options(**options), "1.2.3", sql=sql))

    def feed(self, monkeypatch: pytest.MonkeyPatch, data: bytes, **options: object) -> int:
        stream = SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False)
        monkeypatch.setattr(sys, "stdin", stream)
        return self._captured(open_shell(Options(**options), "1.2.3"))

    def summary(self) -> dict:
        return json.loads((self.folder / "summary.json").read_text())

    def _captured(self, code: int) -> int:
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture
def runner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(tmp_path, capsys)


def test_queries_run_until_they_have_caught_up(runner: Runner) -> None:
    assert runner.run(SETUP) == 0
    queries = {q["id"]: q for q in runner.summary()["queries"]}
    assert set(queries) == {"CTAS_TOTALS_0", "CSAS_DEAR_1"}
    assert queries["CSAS_DEAR_1"]["records_in"] == 3
    assert queries["CSAS_DEAR_1"]["records_out"] == 2
    assert queries["CSAS_DEAR_1"]["status"] == "RUNNING"
    assert queries["CSAS_DEAR_1"]["steps"] >= 1
    assert queries["CSAS_DEAR_1"]["statements_per_step"] >= 1
    assert 0 < queries["CSAS_DEAR_1"]["seconds"] <= runner.summary()["seconds"]
    assert " CSAS_DEAR_1   │ RUNNING │          3 │           2 │" in runner.out
    assert "2 queries in " in runner.out


def test_a_pull_query_sees_all_that_there_is(runner: Runner) -> None:
    assert runner.run(SETUP + "SELECT * FROM totals;") == 0
    assert " apple │ 2\n pear  │ 1\n" in runner.out


def test_a_push_query_ends_when_all_is_read(runner: Runner) -> None:
    assert runner.run(SETUP + "SELECT id FROM dear EMIT CHANGES; SHOW TABLES;") == 0
    assert " ID\n────\n  2\n  3\n" in runner.out
    assert "TOTALS" in runner.out.split("  3\n")[1]


def test_a_push_query_ends_at_its_limit(runner: Runner) -> None:
    assert runner.run(SETUP + "SELECT id FROM orders EMIT CHANGES LIMIT 2;") == 0
    assert " ID\n────\n  1\n  2\n\n" in runner.out


def test_rows_are_json_where_that_is_wanted(runner: Runner) -> None:
    text = SETUP + "SELECT * FROM totals; SELECT id FROM dear EMIT CHANGES; EXPLAIN CSAS_DEAR_1;"
    assert runner.run(text, output="JSON") == 0
    rows = [json.loads(line) for line in runner.out.splitlines()]
    assert {"ITEM": "pear", "N": 1} in rows
    assert {"ID": 3} in rows
    created = {"message": "Created query with ID CSAS_DEAR_1", "name": "DEAR"}
    assert {**created, "query": "CSAS_DEAR_1"} in rows
    assert any("text" in row for row in rows)


def test_a_tombstone_is_one_in_json_and_in_a_table(runner: Runner) -> None:
    database = runner.path("a.duckdb")
    with Connection(database) as connection:
        connection.produce("t", [b"a", b"a"], [b'{"V":1}', None])
    text = """CREATE TABLE t (k STRING PRIMARY KEY, v INT)
        WITH (kafka_topic='t', value_format='json');
      SELECT * FROM t EMIT CHANGES;"""
    assert runner.run(text, database=database) == 0
    assert " a │           1\n a │ <TOMBSTONE>\n" in runner.out
    assert runner.run("SELECT * FROM t EMIT CHANGES;", database=database, output="JSON") == 0
    assert runner.out.splitlines() == ['{"K":"a","V":1}', '{"K":"a","V":null,"@tombstone":true}']


def test_the_first_wrong_statement_ends_it_with_its_place(runner: Runner) -> None:
    assert runner.run(SETUP, "SHOW TABLES;\nSELECT id,\n  amuont FROM orders;\nSHOW STREAMS;") == 1
    assert f"at {runner.path('2.sql')}:3:3\n" in runner.err
    assert "  3 |   amuont FROM orders;\n    |   ^^^^^^\n" in runner.err
    assert "hint: did you mean AMOUNT?" in runner.err
    assert "Stream Name" not in runner.out


def test_a_query_that_stops_gives_3_and_says_why(runner: Runner) -> None:
    text = f"""{WRONG}
      SET 'ksql.fail.on.deserialization.error'='true';
      CREATE STREAM more AS SELECT * FROM wrong;"""
    assert runner.run(SETUP, text) == 3
    assert "query CSAS_MORE_2 stopped:\nerror: " in runner.err
    status = {q["id"]: q["status"] for q in runner.summary()["queries"]}
    assert status == {"CTAS_TOTALS_0": "RUNNING", "CSAS_DEAR_1": "RUNNING", "CSAS_MORE_2": "ERROR"}


def test_records_that_are_too_late_are_counted(runner: Runner) -> None:
    text = """CREATE STREAM hits (page STRING KEY, n INT)
        WITH (kafka_topic='hits', partitions=1, value_format='json');
      CREATE TABLE counts AS SELECT page, COUNT(*) AS n FROM hits
        WINDOW HOPPING (SIZE 2 SECONDS, ADVANCE BY 1 SECOND, GRACE PERIOD 0 SECONDS) GROUP BY page;
      INSERT INTO hits (ROWTIME, page, n) VALUES (9000, 'a', 1);
      INSERT INTO hits (ROWTIME, page, n) VALUES (8500, 'a', 1);
      INSERT INTO hits (ROWTIME, page, n) VALUES (5000, 'b', 1);
      SHOW QUERIES;"""
    assert runner.run(text) == 0
    # One window of the second record is closed, and both of the third.
    assert [q["records_late"] for q in runner.summary()["queries"]] == [3]
    assert "3 times a record came too late for a window" in runner.out
    assert "Records Late" in runner.out


def test_bad_records_are_counted(runner: Runner) -> None:
    assert runner.run(SETUP, f"{WRONG} CREATE STREAM more AS SELECT * FROM wrong;") == 0
    assert [q["records_bad"] for q in runner.summary()["queries"]] == [0, 0, 3]
    assert "3 bad records" in runner.out


def test_a_second_run_goes_on_and_counts_its_own(runner: Runner) -> None:
    database = runner.path("a.duckdb")
    assert runner.run(SETUP, database=database) == 0
    text = "INSERT INTO orders VALUES (4, 'fig', 9.0); SELECT * FROM totals;"
    assert runner.run(text, database=database) == 0
    assert " fig   │ 1\n" in runner.out
    assert [q["records_in"] for q in runner.summary()["queries"]] == [1, 1]


def test_scripts_may_run_scripts(runner: Runner) -> None:
    (runner.folder / "b.sql").write_text("SHOW TABLES;\nSELECT nix FROM totals;")
    assert runner.run(SETUP + f"RUN SCRIPT '{runner.path('b.sql')}';") == 1
    assert "TOTALS" in runner.out
    assert f"at {runner.path('b.sql')}:2:8" in runner.err


def test_scripts_in_a_circle_are_refused(runner: Runner) -> None:
    assert runner.run(f"RUN SCRIPT '{runner.path('1.sql')}';") == 1
    assert "in a circle" in runner.err


def test_nothing_is_executed_when_a_script_cannot_be_read(runner: Runner) -> None:
    (runner.folder / "bad.sql").write_bytes(b"SHOW STREAMS;\n-- caf\xe9\n")
    (runner.folder / "good.sql").write_text(SETUP)
    files = [runner.folder / "good.sql", runner.folder / "bad.sql"]
    database = runner.folder / "a.duckdb"
    code = run_files(files, Options(database=str(database)), RunOptions())
    assert runner._captured(code) == 1
    assert "bad.sql is not UTF-8: byte 0xE9 in line 2" in runner.err
    assert not database.exists()


def test_a_byte_order_mark_is_no_statement(runner: Runner) -> None:
    assert runner.run("\ufeffSHOW STREAMS;") == 0


def test_variables_and_properties(runner: Runner) -> None:
    options = {
        "defines": {"what": "it's"},
        "session": {"auto.offset.reset": "latest"},
        "engine": {"streamsql.threads": "2"},
    }
    text = SETUP + "SELECT '${what}' AS x FROM orders LIMIT 1; SHOW PROPERTIES;"
    assert runner.execute(text, **options) == 0
    assert " it's\n" in runner.out
    lines = {line.split()[0]: line.split()[1:] for line in runner.out.splitlines() if "│" in line}
    assert lines["auto.offset.reset"][1:4] == ["SESSION", "│", "latest"]
    assert "2" in lines["streamsql.threads"]


def test_execute_ends_with_its_first_error(runner: Runner) -> None:
    assert runner.execute("SHOW STREAMS; SELEC 1; SHOW TABLES;") == 1
    assert "(no streams)" in runner.out
    assert "(no tables)" not in runner.out
    assert "  1 | SHOW STREAMS; SELEC 1; SHOW TABLES;\n    |               ^^^^^" in runner.err


def test_a_file_is_executed_as_if_it_were_typed(runner: Runner) -> None:
    script = runner.folder / "a.sql"
    script.write_text(SETUP + "SELECT * FROM totals;\nSELECT nix FROM totals;")
    assert runner._captured(open_shell(Options(), "1.2.3", script=script)) == 1
    assert " apple │ 2\n" in runner.out
    assert "Records/s" not in runner.out
    assert f"at {script}:9:8" in runner.err


def test_statements_come_through_a_pipe(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    data = f"{SETUP}version\noutput json\nSELECT * FROM totals;\nSELECT\n nix FROM totals".encode()
    assert runner.feed(monkeypatch, data) == 1
    assert "streamsql 1.2.3\noutput is JSON\n" in runner.out
    assert '{"ITEM":"apple","N":2}' in runner.out
    assert "line 12, column 2\n  12 |  nix FROM totals\n     |  ^^^" in runner.err


def test_exit_in_a_pipe_ends_it(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runner.feed(monkeypatch, b"SHOW STREAMS;\nexit\nnonsense;\n") == 0
    assert runner.err == ""


def test_a_pipe_that_is_not_utf8_is_refused(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runner.feed(monkeypatch, b"SHOW STREAMS;\n\nSHOW \xff;") == 1
    assert "standard input is not UTF-8: byte 0xFF in line 3" in runner.err


def test_wide_values_are_whole_where_nobody_looks(runner: Runner) -> None:
    text = SETUP + f"INSERT INTO orders VALUES (9, '{'日' * 500}', 0);SELECT item FROM orders;"
    assert runner.run(text) == 0
    assert "日" * 500 in runner.out


def test_wide_values_of_a_push_query_are_whole_too(runner: Runner) -> None:
    text = SETUP + f"INSERT INTO orders VALUES (9, '{'x ' * 500}', 0);"
    assert runner.run(text + "SELECT item, id FROM orders EMIT CHANGES;") == 0
    assert "x " * 500 + " │  9\n" in runner.out


def test_lines_in_a_value_stay_lines_of_its_cell(runner: Runner) -> None:
    text = SETUP + "INSERT INTO orders VALUES (9, 'a\n日\x1b[2J', 0);"
    assert runner.run(text + "SELECT id, item FROM orders WHERE id = 9;") == 0
    assert "  9 │ a\n    │ 日\\u001b[2J\n" in runner.out


def test_rows_come_in_the_order_of_the_statements(runner: Runner) -> None:
    text = SETUP + "".join(f"SELECT {n} AS x FROM totals LIMIT 1;" for n in range(10, 13))
    assert runner.run(text) == 0
    assert [line.strip() for line in runner.out.splitlines() if line.strip().isdigit()] == [
        "10",
        "11",
        "12",
    ]
