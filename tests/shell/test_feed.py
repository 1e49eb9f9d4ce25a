"""Statements are found in lines as they come, with their places."""

from __future__ import annotations

import pytest

from streamsql.session.text import is_complete
from streamsql.shell.feed import Feed

TEXT = """\
-- a comment; with a semicolon
CREATE STREAM a
  (x INT);  SELECT 'one;
two' FROM a; /* ; */ SHOW

STREAMS ; DROP STREAM "b;c"; ; SELECT ünïcode
"""


def feed(text: str) -> tuple[list[list[str]], list[tuple[str, int, int, int]]]:
    """The texts that each line completed, and every statement with its place."""
    found = Feed()
    by_line = [list(found.take(line)) for line in text.splitlines(keepends=True)]
    pieces = [piece for pieces in by_line for piece in pieces] + list(found.rest())
    places = [(p.text, p.position.line, p.position.column, p.position.offset) for p in pieces]
    return [[p.text for p in pieces] for pieces in by_line], places


def test_a_statement_comes_with_the_line_that_completes_it() -> None:
    by_line, places = feed(TEXT)
    assert by_line == [
        [],
        [],
        ["CREATE STREAM a\n  (x INT)"],
        ["SELECT 'one;\ntwo' FROM a"],
        [],
        ["SHOW\n\nSTREAMS", 'DROP STREAM "b;c"'],
    ]
    assert places[-1][0] == "SELECT ünïcode"


def test_places_count_in_all_that_came() -> None:
    _, places = feed(TEXT)
    for text, line, column, offset in places:
        assert TEXT[offset:].startswith(text)
        before = TEXT[:offset]
        assert line == before.count("\n") + 1
        assert column == offset - before.rfind("\n")


def test_a_line_that_is_no_sql_is_counted() -> None:
    found = Feed()
    assert list(found.take("SHOW STREAMS;\n")) != []
    assert found.empty
    found.skip("help\n")
    assert list(found.take("SELECT\n")) == []
    assert not found.empty
    [piece] = found.take("1;")
    assert (piece.position.line, piece.position.column) == (3, 1)


COMPLETE = {
    "": True,
    "  \n": True,
    "-- only this": True,
    "SHOW STREAMS": False,
    "SHOW STREAMS;": True,
    "SHOW STREAMS; -- done": True,
    "SHOW STREAMS; SELECT": False,
    "SELECT ';": False,
    "SELECT ';'": False,
    "SELECT `;": False,
    "SHOW STREAMS -- ;": False,
}


@pytest.mark.parametrize(("text", "complete"), COMPLETE.items(), ids=repr)
def test_when_a_text_is_complete(text: str, complete: bool) -> None:
    assert is_complete(text) is complete
