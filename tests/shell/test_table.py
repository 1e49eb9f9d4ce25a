"""Tables fit the terminal, whatever is in them."""

from __future__ import annotations

import pytest

from streamsql.shell.cells import cut, harmless, pad, width_of, wrap
from streamsql.shell.table import Style, lay_out, record_lines, table_lines

TEXTS = {
    "letters": ("abc", 3),
    "wide": ("日本", 4),
    "combined": ("é", 1),
    "emoji": ("🎉", 2),
    "nothing": ("", 0),
}


@pytest.mark.parametrize(("text", "cells"), TEXTS.values(), ids=TEXTS)
def test_a_text_is_as_wide_as_it_looks(text: str, cells: int) -> None:
    assert width_of(text) == cells
    assert width_of(pad(text, 6)) == 6
    assert pad(text, 6, right=True).endswith(text)


WRAPPED = {
    "short": ("abc", 5, ["abc"]),
    "at spaces": ("one two three", 8, ["one two", "three"]),
    "a long word": ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
    "a space too early to break at": ("a bcdefghijk", 8, ["a bcdefg", "hijk"]),
    "behind a mark": ("ksql.cast_nulls", 10, ["ksql.cast_", "nulls"]),
    "lines stay": ("a\n\nb", 5, ["a", "", "b"]),
    "wide characters": ("日本語日本語", 5, ["日本", "語日", "本語"]),
    "wider than the line": ("日", 1, ["日"]),
    "ends where the line does": ("abcd ", 4, ["abcd"]),
    "nothing": ("", 4, [""]),
}


@pytest.mark.parametrize(("text", "width", "lines"), WRAPPED.values(), ids=WRAPPED)
def test_a_text_wraps(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


CUT = {
    "fits": ("abc", 3, "abc"),
    "does not fit": ("abcd", 3, "ab…"),
    "wide": ("日本語", 4, "日…"),
    "more lines": ("a\nb", 5, "a…"),
}


@pytest.mark.parametrize(("text", "width", "shown"), CUT.values(), ids=CUT)
def test_a_text_is_cut(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown


def test_a_value_cannot_move_the_cursor() -> None:
    assert harmless("a\x1b[2Jb\rc\x07\t|\u202e") == "a\\u001b[2Jb\\u000dc\\u0007    |\\u202e"
    assert harmless("a\r\nb") == "a\nb"


COLUMNS, TYPES = ("ITEM", "N", "NOTE"), ("STRING", "BIGINT", "STRING")
ROWS = [("apple", "12", "one two three four five six seven"), ("日本", "null", "x")]


def lines(style: Style) -> list[str]:
    return list(table_lines(COLUMNS, TYPES, ROWS, style))


def test_a_table_that_has_room_is_as_wide_as_it_needs() -> None:
    assert lines(Style()) == [
        " ITEM  │    N │ NOTE",
        "───────┼──────┼───────────────────────────────────",
        " apple │   12 │ one two three four five six seven",
        " 日本  │ null │ x",
    ]


def test_long_values_take_more_lines() -> None:
    assert lines(Style(width=34)) == [
        " ITEM  │    N │ NOTE",
        "───────┼──────┼───────────────────",
        " apple │   12 │ one two three",
        "       │      │ four five six",
        "       │      │ seven",
        " 日本  │ null │ x",
    ]


def test_long_values_are_cut_where_that_is_wanted() -> None:
    assert lines(Style(width=34, wrap=False))[2:] == [
        " apple │   12 │ one two three fo…",
        " 日本  │ null │ x",
    ]


def test_every_column_is_as_wide_as_was_set() -> None:
    assert lines(Style(width=80, column_width=4, wrap=False)) == [
        " ITEM │    N │ NOTE",
        "──────┼──────┼──────",
        " app… │   12 │ one…",
        " 日本 │ null │ x",
    ]


def test_a_table_without_room_is_written_as_records() -> None:
    shown = lines(Style(width=20))
    assert shown[0].startswith("─ 1 ──")
    assert shown[1:5] == [
        "ITEM │ apple",
        "N    │ 12",
        "NOTE │ one two three",
        "     │ four five six",
    ]
    assert any(line.startswith("─ 2 ──") for line in shown)


def test_without_unicode_lines_are_ascii() -> None:
    shown = lines(Style(ascii=True))
    assert shown[1] == "-------+------+-----------------------------------"
    assert lines(Style(ascii=True, width=20))[0].startswith("- 1 --")


@pytest.mark.parametrize("width", range(20, 120, 7))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    columns = tuple(f"COLUMN_{i}" for i in range(6))
    types = ("STRING", "BIGINT") * 3
    rows = [("日本語 " * 9, str(10**i), "word " * i, str(i), "a" * 40, "-1") for i in range(12)]
    shown = list(table_lines(columns, types, rows, Style(width=width)))
    assert max(width_of(line) for line in shown) <= width


def widths(columns: list[str], types: list[str], row: list[str], width: int) -> object:
    return lay_out(columns, types, [row], Style(width=width)).widths


def test_names_give_way_before_values() -> None:
    names, types = ["Key Format", "Name"], ["STRING", "STRING"]
    assert widths(names, types, ["JSON", "x" * 20], 40) == (10, 20)
    assert widths(names, types, ["JSON", "x" * 20], 31) == (6, 20)
    assert widths(["CELSIUS_MAXIMUM", "N"], ["DOUBLE", "STRING"], ["21.5", "x" * 20], 34) == (8, 20)


def test_numbers_keep_their_line_longer_than_texts() -> None:
    types = ["BIGINT", "STRING"]
    assert widths(["A", "B"], types, ["1" * 18, "x" * 60], 40) == (18, 17)
    assert widths(["A", "B"], types, ["1" * 18, "x" * 60], 30) is None
    assert widths(["A", "B"], ["BIGINT", "DOUBLE"], ["1" * 18, "2" * 18], 30) is None


def test_a_table_without_rows_has_a_head() -> None:
    assert list(table_lines(("A",), ("STRING",), [], Style(width=80))) == [" A", "───"]


def test_records_name_each_value() -> None:
    shown = list(record_lines(("Type", "Statement"), ("STREAM", "a b c " * 6), Style(width=30)))
    assert shown == [
        "Type      │ STREAM",
        "Statement │ a b c a b c a b c",
        "          │ a b c a b c a b c",
    ]
