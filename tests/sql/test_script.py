"""Scripts: pieces and whether they are complete, variables, tokens to colour."""

from __future__ import annotations

import pytest

from streamsql.errors import ParseError, Position
from streamsql.sql import parse, split, substitute, tokens


def test_a_script_is_its_statements() -> None:
    assert parse("") == ()
    assert parse(" ;; -- nothing\n;/* at all */") == ()
    assert len(parse("SHOW TOPICS;SHOW TABLES")) == 2
    assert parse("SHOW TOPICS;") == parse("SHOW TOPICS")


PIECES = {
    "": [],
    " -- a;b\n": [],
    ";;": [],
    "SELECT": [("SELECT", False)],
    "SELECT;": [("SELECT", True)],
    "a; b": [("a", True), ("b", False)],
    "'a;b';": [("'a;b'", True)],
    '"a;b" `c;d`;': [('"a;b" `c;d`', True)],
    "a -- b;\n;": [("a", True)],
    "a /* ; */ b;": [("a /* ; */ b", True)],
    "/* x */ a;": [("a", True)],
    "a 'open;": [("a 'open;", False)],
    "a `open;": [("a `open;", False)],
    "a /* open;": [("a /* open;", False)],
    "'it''s;';": [("'it''s;'", True)],
    "a;\n -- tail": [("a", True)],
}


@pytest.mark.parametrize(("text", "expected"), PIECES.items(), ids=PIECES)
def test_a_text_is_split_where_a_statement_ends(
    text: str, expected: list[tuple[str, bool]]
) -> None:
    assert [(piece.text, piece.complete) for piece in split(text)] == expected


def test_a_piece_knows_where_it_begins() -> None:
    text = "\n a;\n\n  b;"
    assert [piece.position for piece in split(text)] == [Position(2, 2, 2), Position(4, 3, 8)]


def test_pieces_parsed_one_by_one_are_the_script() -> None:
    text = "SET 'a'='b;c'; -- d;\nSHOW TOPICS;\n  SELECT ';' FROM s;"
    whole = parse(text)
    apart = [parse(piece.text, origin=piece.position)[0] for piece in split(text)]
    assert list(whole) == apart
    assert [s.position for s in whole] == [s.position for s in apart]
    assert [s.text for s in whole] == [s.text for s in apart]


VARIABLES = {"name": "Orders", "N": "3", "Text": "'a b'", "it's": "x", "q": "it's", "neg": "-1.5"}

SUBSTITUTED = {
    "SELECT * FROM ${name}": "SELECT * FROM Orders",
    "SELECT ${NAME}, ${n}": "SELECT Orders, 3",
    "${text}": "'a b'",
    "a=${neg}": "a=-1.5",
    "'x${name}y'": "'xOrdersy'",
    "'${name}${n}'": "'Orders3'",
    "`${name}`": "`Orders`",
    "'${q}'": "'it''s'",
    "`${q}`": "`it's`",
    "'${text}'": "'''a b'''",
    "$${name}": "${name}",
    "'$${name}'": "'${name}'",
    "${unknown} '${unknown}'": "${unknown} '${unknown}'",
    "-- ${name}\n/* ${name} */": "-- ${name}\n/* ${name} */",
    "$ {name}": "$ {name}",
    "a  +\n${n}": "a  +\n3",
}


@pytest.mark.parametrize(("text", "expected"), SUBSTITUTED.items(), ids=SUBSTITUTED)
def test_variables_are_replaced(text: str, expected: str) -> None:
    assert substitute(text, VARIABLES) == expected


def test_nothing_is_replaced_twice() -> None:
    assert substitute("'${a}'", {"a": "${b}", "b": "c"}) == "'${b}'"


@pytest.mark.parametrize(
    "value", ["a b", "1; DROP STREAM s", "a -- b", "'a' 'b'", "", "- a", "'open", "a.b", "()"]
)
def test_a_variable_brings_in_no_clauses(value: str) -> None:
    with pytest.raises(ParseError) as caught:
        substitute("SELECT\n ${v}", {"v": value})
    assert caught.value.position == Position(2, 2, 8)
    assert caught.value.hint
    quoted = value.replace("'", "''")
    assert substitute("SELECT '${v}'", {"v": value}) == f"SELECT '{quoted}'"


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.text, token.kind) for token in tokens(text)]


def test_tokens_have_kinds_for_an_editor() -> None:
    assert kinds("SELECT ucase(a), `b`, 1.5 FROM s -- c\nWHERE x = 'y' AND z <> ${v};") == [
        ("SELECT", "keyword"),
        ("ucase", "function"),
        ("(", "symbol"),
        ("a", "name"),
        (")", "symbol"),
        (",", "symbol"),
        ("`b`", "name"),
        (",", "symbol"),
        ("1.5", "number"),
        ("FROM", "keyword"),
        ("s", "name"),
        ("-- c", "comment"),
        ("WHERE", "keyword"),
        ("x", "name"),
        ("=", "symbol"),
        ("'y'", "string"),
        ("AND", "keyword"),
        ("z", "name"),
        ("<>", "symbol"),
        ("${v}", "variable"),
        (";", "symbol"),
    ]
    assert kinds("a DECIMAL(1, 2), b array<int> emit") == [
        ("a", "name"),
        ("DECIMAL", "type"),
        ("(", "symbol"),
        ("1", "number"),
        (",", "symbol"),
        ("2", "number"),
        (")", "symbol"),
        (",", "symbol"),
        ("b", "name"),
        ("array", "type"),
        ("<", "symbol"),
        ("int", "type"),
        (">", "symbol"),
        ("emit", "keyword"),
    ]


def test_tokens_of_an_unfinished_text() -> None:
    assert kinds("a 'open") == [("a", "name"), ("'open", "error")]
    assert kinds("é ?") == [("é", "error"), ("?", "error")]
    assert kinds("") == []


def test_tokens_have_offsets() -> None:
    text = "SELECT a  FROM"
    assert [text[t.start : t.end] for t in tokens(text)] == ["SELECT", "a", "FROM"]
