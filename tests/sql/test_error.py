"""What is wrong with a statement, in ksqlDB's words, with the place and a hint."""

from __future__ import annotations

import pytest

from streamsql.errors import ParseError, Position
from streamsql.sql import parse, parse_one

# text: (place of the error, a part of the message, a part of the hint)
WRONG = {
    "SELCT * FROM s": (0, "line 1:1: Syntax Error\nUnknown statement 'SELCT'", "SELECT?"),
    "frob s": (0, "Unknown statement 'frob'", ""),
    "UPDATE s": (0, "Unknown statement 'UPDATE'", "replaces"),
    "5": (0, "Syntax error at or near '5' at line 1:1", ""),
    "'open": (0, "token recognition error at: '", "no closing '"),
    "SELECT 'a FROM s": (7, "token recognition error at: '", "the string has no closing '"),
    "SELECT a /* b": (9, "token recognition error", "the comment has no closing */"),
    "SELECT é FROM s": (7, "token recognition error at: 'é'", "`é`"),
    "SELECT a FORM s": (14, "Expecting {',', 'FROM'}", "FROM?"),
    "SELECT * FROM": (13, "Expecting identifier", "an identifier comes here"),
    "SELECT * FROM s WHRE a": (21, "Syntax error at or near 'a' at line 1:22", "WHERE?"),
    "SELECT * FROM s UNION SELECT * FROM t": (22, "Syntax Error", "UNION does not exist"),
    "SELECT sum(a) OVER (PARTITION BY b) FROM s": (19, "Expecting {',', 'FROM'}", "OVER"),
    "SELECT * FROM a CROSS JOIN b": (28, "", "only INNER, LEFT"),
    "SELECT * FROM a JOIN b USING (c)": (29, "Expecting {'WITHIN', 'ON'}", "USING does not"),
    "SELECT * FROM a JOIN b WITHIN 1 HOUR": (36, "Expecting 'ON'", ""),
    "SELECT * FROM a LEFT b": (21, "Expecting 'JOIN'", ""),
    "SELECT * FROM f(a)": (15, "Syntax error at or near '('", ""),
    "SELECT a+b->* FROM s": (10, "Syntax error at or near '->'", ""),
    "SELECT * FROM s LIMIT x": (22, "line 1:23: Syntax Error\nExpecting INTEGER_VALUE", "a number"),
    "SELECT * FROM s LIMIT 1.5": (22, "Value must be integer for command: LIMIT", ""),
    "SELECT * FROM s LIMIT -1": (22, "Value must be non-negative for command: LIMIT", ""),
    "SELECT * FROM s EMIT CHANGE": (21, "Syntax error at or near 'CHANGE'", ""),
    "SELECT * FROM s GROUP a": (22, "Expecting 'BY'", ""),
    "SELECT * FROM s GROUP BY a AND b": (27, "Syntax error at or near 'AND'", ""),
    "SELECT * FROM s GROUP BY a, (b, c)": (30, "missing ')' at ','", ""),
    "SELECT * FROM s GROUP BY ()": (26, "Syntax Error", ""),
    "SELECT * FROM s GROUP BY (a, b": (27, "missing ')' at ','", ""),
    "SELECT * FROM s WINDOW TUMBLNG (SIZE 1 DAY)": (31, "", "TUMBLING?"),
    "SELECT * FROM s WINDOW TUMBLING (1 DAY)": (33, "Expecting 'SIZE'", ""),
    "SELECT * FROM s WINDOW TUMBLING (SIZE 1 WEEK)": (40, "Expecting {'DAY', 'DAYS'", ""),
    "SELECT * FROM s WINDOW TUMBLING (SIZE 1 DAY, SIZE)": (45, "'RETENTION', 'GRACE'", ""),
    "SELECT * FROM s WINDOW TUMBLING (SIZE 1 DAY": (43, "Expecting {',', ')'}", ""),
    "SELECT * FROM s WINDOW TUMBLING (SIZE 999999999999 DAYS)": (38, "Invalid duration", ""),
    "SELECT * FROM s WINDOW HOPPING (SIZE 1 DAY)": (42, "Expecting ','", ""),
    "SELECT * FROM (s)": (15, "Expecting 'SELECT'", ""),
    "SELECT * FROM a JOIN (b) ON c": (23, "Expecting 'JOIN'", ""),
    "CREATE": (6, "Syntax error at or near '<EOF>'", "expecting one of"),
    "CREATE STRAEM s": (7, "Syntax error at or near 'STRAEM'", "STREAM?"),
    "CREATE OR STREAM s": (10, "Expecting 'REPLACE'", ""),
    "CREATE STREAM select": (14, "Syntax error at or near 'select'", "reserved keyword"),
    "CREATE STREAM s ()": (17, "Expecting identifier", ""),
    "CREATE STREAM s (a INT": (22, "Expecting {',', ')'}", ""),
    "CREATE STREAM s (a)": (18, "Syntax error at or near ')'", "a type comes here"),
    "CREATE STREAM s (a NULL)": (19, "Syntax error at or near 'NULL'", ""),
    "CREATE STREAM s (a STRING (KEY))": (27, "Expecting {'STRING', INTEGER_VALUE}", ""),
    "CREATE STREAM s (a INT PRIMARY)": (30, "Expecting 'KEY'", ""),
    "CREATE STREAM s (a DECIMAL(0, 0))": (19, "DECIMAL precision must be >= 1", ""),
    "CREATE STREAM s (a DECIMAL(1, 2))": (19, "DECIMAL precision must be >= scale", ""),
    "CREATE STREAM s WITH ()": (22, "Expecting identifier", ""),
    "CREATE STREAM s WITH (a)": (23, "Expecting '='", ""),
    "CREATE STREAM s WITH (a=b)": (24, "Syntax error at or near 'b'", "a literal comes here"),
    "CREATE STREAM s WITH (a=1": (25, "Expecting {',', ')'}", ""),
    "CREATE STREAM s WITH (a=${b})": (24, "undefined variable ${b}", "DEFINE b ="),
    "CREATE STREAM s (a INT) AS SELECT * FROM t": (24, "Syntax error at or near 'AS'", ""),
    "CREATE SOURCE STREAM s AS SELECT * FROM t": (23, "Syntax error at or near 'AS'", ""),
    "CREATE SINK CONNECTOR c": (23, "Expecting 'WITH'", ""),
    "INSERT INTO s": (13, "Expecting {'WITH', '(', 'VALUES', 'SELECT'}", ""),
    "INSERT INTO s (a) SELECT * FROM t": (18, "Expecting 'VALUES'", ""),
    "INSERT INTO s (a VALUES (1)": (17, "Expecting {',', ')'}", ""),
    "INSERT INTO s VALUES (1": (23, "Expecting {',', ')'}", ""),
    "INSERT INTO s (a, b) VALUES (1)": (28, "columns and values to match: 2, 1", ""),
    "INSERT INTO s VALUES (1), (2)": (24, "Syntax error at or near ','", ""),
    "SHOW STREMS": (5, "Syntax error at or near 'STREMS'", "STREAMS?"),
    "SHOW CONNECTOR": (14, "Expecting 'PLUGINS'", ""),
    "SHOW FUNCTIONS EXTENDED": (15, "Syntax error at or near 'EXTENDED'", ""),
    "DROP STREAM s DELETE": (20, "Expecting 'TOPIC'", ""),
    "SET a = 'b'": (4, "Expecting STRING", "a string comes here"),
    "SET 'a' 'b'": (8, "Expecting '='", ""),
    "SET 'a' = ${b}": (10, "undefined variable ${b}", ""),
    "DEFINE `a` = 'b'": (7, "Expecting identifier", ""),
    "DEFINE 1a = 'b'": (7, "Expecting identifier", ""),
    "TERMINATE": (9, "Expecting identifier", ""),
    "PRINT t FROM": (12, "Expecting 'BEGINNING'", ""),
    "PRINT t LIMIT": (13, "Expecting INTEGER_VALUE", ""),
    "EXPLAIN (LOGICAL) SELECT * FROM s": (9, "Expecting {'STATEMENT'", ""),
    "EXPLAIN SELECT": (8, "reserved", ""),
    "ASSERT STREAM s (a INT": (22, "Expecting {',', ')'}", ""),
    "ASSERT STREEM s": (7, "Syntax error at or near 'STREEM'", "STREAM?"),
    "DESCRIBE": (8, "Expecting identifier", ""),
    "SELECT * FROM s SELECT": (16, "Syntax error at or near 'SELECT' at line 1:17", ""),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.items(), ids=WRONG)
def test_a_wrong_statement(text: str, expected: tuple[int, str, str]) -> None:
    offset, primary, hint = expected
    with pytest.raises(ParseError) as caught:
        parse_one(text)
    error = caught.value
    assert error.position is not None
    assert error.position.offset == offset
    assert primary in str(error)
    assert hint in error.hint


@pytest.mark.parametrize(
    ("text", "primary"),
    [
        ("RUN SCRIPT 'x'", "Unknown statement 'RUN'"),
        ("ASSERT VALUES s VALUES (1)", "Syntax error at or near 'VALUES' at line 1:8"),
        ("SELECT * FROM (SELECT * FROM s)", "Expecting identifier"),
        ("SELECT * FROM a JOIN (b JOIN c ON d) ON e", "Expecting identifier"),
        ("EXPLAIN (STATE) q", "Expecting identifier"),
        ("EXPLAIN RUN SCRIPT 'x'", "Unknown statement 'RUN'"),
        ("WITH a AS (SELECT * FROM s) SELECT * FROM a", "Syntax error at or near 'WITH'"),
    ],
)
def test_what_only_streamsql_has_is_unknown_in_strict_mode(text: str, primary: str) -> None:
    parse_one(text)
    with pytest.raises(ParseError) as caught:
        parse_one(text, strict=True)
    assert primary in str(caught.value)


def test_a_place_counts_in_the_whole_text() -> None:
    with pytest.raises(ParseError) as caught:
        parse("SET 'a'='b';\n\n  SELECT *\n  FRM s;")
    assert caught.value.position == Position(4, 3, 27)
    assert str(caught.value).startswith("line 4:3: Syntax Error\n")


def test_a_place_counts_from_where_the_text_begins() -> None:
    origin = Position(7, 5, 100)
    with pytest.raises(ParseError) as caught:
        parse("SELECT *\nFRM s", origin=origin)
    assert caught.value.position == Position(8, 1, 109)
    with pytest.raises(ParseError) as caught:
        parse_one("SELECT FROM s", origin=origin)
    assert caught.value.position == Position(7, 12, 107)
    assert parse_one("SHOW TOPICS", origin=origin).position == origin


def test_numbers_that_fit_no_type_are_named_with_the_column_of_ksqldb() -> None:
    """ksqlDB counts this column from 2; the position is where the number begins."""
    for number, sentence in {
        "9223372036854775808": "Invalid numeric literal: 9223372036854775808",
        "1E309": "Number overflows DOUBLE: 1E309",
        "-1E309": "Number overflows DOUBLE: -1E309",
        "9" * 5000: "Invalid numeric literal: 999",
    }.items():
        with pytest.raises(ParseError) as caught:
            parse_one(f"SELECT\n  {number} FROM s")
        assert f"Failed to prepare statement: line 2:4: {sentence}" in str(caught.value)
        assert caught.value.position == Position(2, 3, 9)


def test_only_one_statement_is_wanted() -> None:
    assert parse_one(";;SHOW TOPICS;;") == parse("SHOW TOPICS")[0]
    with pytest.raises(ParseError):
        parse_one("SHOW TOPICS; SHOW TABLES")
    with pytest.raises(ParseError):
        parse_one(" ; ")
