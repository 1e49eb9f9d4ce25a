"""The prompt's pure parts: when Enter ends the input, colours, where the history is."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_toolkit.history import FileHistory, InMemoryHistory

from streamsql.session.names import Names, SourceNames
from streamsql.shell.banner import banner_lines, examples
from streamsql.shell.prompt import history_path, is_ready, open_history, styled_lines

READY = {
    "": True,
    "  ": True,
    "exit": True,
    "set cli wrap on": True,
    "SELECT 1": False,
    "SELECT 1;": True,
    "SELECT 1; SELECT": False,
    "SELECT ';": False,
    "SELECT\n1;": True,
}


@pytest.mark.parametrize(("text", "ready"), READY.items(), ids=repr)
def test_enter_ends_what_is_complete(text: str, ready: bool) -> None:
    assert is_ready(text) is ready


def test_each_line_has_its_colours() -> None:
    text = "SELECT abs(x), 'a\nb' -- c\n\nFROM t;"
    lines = styled_lines(text)
    assert "\n".join("".join(piece for _, piece in line) for line in lines) == text
    assert ("class:keyword", "SELECT") in lines[0]
    assert ("class:function", "abs") in lines[0]
    assert ("class:string", "'a") in lines[0]
    assert ("class:string", "b'") in lines[1]
    assert ("class:comment", "-- c") in lines[1]
    assert ("class:keyword", "FROM") in lines[3]


@pytest.mark.parametrize("text", ["", "\n", "'", "SELECT '\n", "\n\n a"])
def test_colours_lose_no_line(text: str) -> None:
    assert len(styled_lines(text)) == text.count("\n") + 1


def test_the_history_is_in_the_folder_for_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAMSQL_HISTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert history_path() == Path("/state/streamsql/history")
    monkeypatch.delenv("XDG_STATE_HOME")
    assert history_path() == Path("~/.local/state/streamsql/history").expanduser()
    monkeypatch.setenv("STREAMSQL_HISTORY", "/x/y")
    assert history_path() == Path("/x/y")


def test_only_its_owner_can_read_the_history(tmp_path: Path) -> None:
    path = tmp_path / "a" / "history"
    assert isinstance(open_history(path), FileHistory)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_history_that_cannot_be_written_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert isinstance(open_history(tmp_path / "file" / "history"), InMemoryHistory)


SOURCES = {
    "CLICKS": SourceNames(kind="STREAM", columns=()),
    "my table": SourceNames(kind="TABLE", columns=()),
}


def test_the_first_screen_says_what_a_new_user_needs() -> None:
    shown = "\n".join(banner_lines("1.2.3", "", Names()))
    assert "streamsql 1.2.3, in memory: nothing is kept" in shown
    assert "https://" in shown
    assert "help" in shown
    assert shown.count(";\n") == 3


def test_the_first_screen_of_a_database_shows_what_is_in_it() -> None:
    names = Names(sources=SOURCES, queries=("Q",))
    shown = "\n".join(banner_lines("1.2.3", "a.duckdb", names))
    assert "database a.duckdb" in shown
    assert "1 stream, 1 table, 1 query" in shown
    assert "SELECT * FROM `my table` LIMIT 5;" in shown
    assert "SELECT * FROM CLICKS EMIT CHANGES LIMIT 5;" in shown


@pytest.mark.parametrize("names", [Names(), Names(sources=SOURCES)])
def test_the_first_screen_fits_a_small_terminal(names: Names) -> None:
    assert all(len(line) < 80 for line in banner_lines("1.2.3.dev0", "orders.duckdb", names))
    assert len(examples(names)) == 3
