"""Errors say what, where and what to do."""

from __future__ import annotations

import pytest

from streamsql.errors import DatabaseError, ParseError, Position, StatementError
from streamsql.shell.cells import width_of
from streamsql.shell.render import render_error

TEXT = "SELECT\n  item, amuont\nFROM orders;"


def error(line: int, column: int, **more: str) -> StatementError:
    return StatementError(
        "SELECT column 'AMUONT' cannot be resolved.", position=Position(line, column), **more
    )


def test_an_error_marks_the_word() -> None:
    found = error(2, 9, detail="ORDERS has ITEM, AMOUNT", hint="did you mean AMOUNT?")
    assert render_error(found, TEXT) == (
        "error: SELECT column 'AMUONT' cannot be resolved.\n"
        "  line 2, column 9\n"
        "  2 |   item, amuont\n"
        "    |         ^^^^^^\n"
        "  ORDERS has ITEM, AMOUNT\n"
        "  hint: did you mean AMOUNT?"
    )


def test_an_error_in_a_file_names_it() -> None:
    assert "  at q.sql:2:9\n" in render_error(error(2, 9), TEXT, name="q.sql")
    assert render_error(DatabaseError("it is locked"), name="a.db") == (
        "error: it is locked\n  in a.db"
    )


PLACES = {
    "at the end of the text": ("SELECT 1", 1, 9, "  1 | SELECT 1\n    |         ^"),
    "behind wide characters": (
        "SELECT '日本', x",
        1,
        14,
        "  1 | SELECT '日本', x\n    |                ^",
    ),
    "behind a tab": ("\tx", 1, 2, "  1 |     x\n    |     ^"),
    "a string": ("a 'b c'", 1, 3, "  1 | a 'b c'\n    |   ^^^^^"),
    "a line of Windows": ("a\r\nbc\r\n", 2, 1, "  2 | bc\n    | ^^"),
    "a symbol": ("a <> b", 1, 3, "  1 | a <> b\n    |   ^^"),
}


@pytest.mark.parametrize(("text", "line", "column", "shown"), PLACES.values(), ids=PLACES)
def test_the_mark_is_under_the_place(text: str, line: int, column: int, shown: str) -> None:
    found = ParseError("no", position=Position(line, column))
    assert render_error(found, text).split("\n", 2)[2] == shown


def test_a_place_that_the_text_does_not_have_is_only_named() -> None:
    assert render_error(error(9, 1), "x").splitlines()[1:] == ["  line 9, column 1"]


@pytest.mark.parametrize("text", ["word, " * 2_000_000, "日本, " * 10_000, "\tab," * 10_000])
@pytest.mark.parametrize("width", [40, 80, None])
def test_of_a_long_line_the_part_with_the_place_is_shown(text: str, width: int | None) -> None:
    column = len(text) // 2
    start = text.rfind(" " if " " in text else "\t", 0, column) + 2
    shown = render_error(ParseError("no", position=Position(1, start)), text, width=width)
    line, mark = shown.splitlines()[2:]
    assert width_of(line) <= (width or 110)
    word = "word" if "word" in text else text[start - 1 : start + 1]
    at = mark.index("^")
    assert mark[at:] == "^" * width_of(word)
    cells = "".join(c if width_of(c) == 1 else f"{c}\0" for c in line)
    assert cells[at : at + len(mark) - at].replace("\0", "") == word


def test_an_error_fits_the_terminal() -> None:
    long = StatementError(
        "one two three four five six seven eight nine\nten", hint="a b c d e f g " * 5
    )
    shown = render_error(long, width=44)
    assert all(len(line) <= 44 for line in shown.splitlines())
    assert shown.splitlines()[:3] == [
        "error: one two three four five six seven",
        "  eight nine",
        "  ten",
    ]


def test_colors_change_nothing_but_colors() -> None:
    import re

    plain = render_error(error(2, 9, hint="x"), TEXT)
    colored = render_error(error(2, 9, hint="x"), TEXT, color=True)
    assert "\x1b[" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == plain


def test_what_a_user_wrote_cannot_move_the_cursor() -> None:
    shown = render_error(ParseError("bad \x1b[2J", position=Position(1, 1)), "\x1b[2Jx")
    assert "\x1b" not in shown
