"""Law: grammar/ says what is accepted, and the parser accepts that.

GRAMMAR_STATEMENTS sets how many mutations the soak judges.
"""

from __future__ import annotations

import os
import random
import re

import generate
import pytest
from lark.exceptions import LarkError
from lark.lexer import PatternStr
from read_grammar import GRAMMAR, list_files, read_keywords
from walker import Walker, load

from streamsql.errors import ParseError
from streamsql.sql import format as format_sql
from streamsql.sql import keywords, parse, parse_one
from streamsql.sql.dispatch import openings
from streamsql.sql.lexer import lex

REFUSED_BY_THE_PARSER_ALONE = {
    r"DECIMAL precision must be >= 1": "numbers inside a type are bounded, tokens are not",
    r"DECIMAL precision must be >= scale": "numbers inside a type are bounded, tokens are not",
    r"Expected number columns and values to match": "no rule gives two lists one length",
    r"Invalid numeric literal": "a BIGINT is bounded by its value",
    r"Number overflows DOUBLE": "a DOUBLE is bounded by its value",
    r"Invalid duration": "a duration is bounded by its value",
    r"nested too deeply": "the parser has a limit of nesting, the rules have none",
}
"""What of an error's text, and why the grammar cannot say it."""

WALKS = 200
MUTATIONS = 250


def explain(error: ParseError) -> str | None:
    """Why the grammar may accept what the parser refuses with `error`; None where it may not."""
    reasons = REFUSED_BY_THE_PARSER_ALONE.items()
    return next((why for text, why in reasons if re.search(text, str(error))), None)


def is_accepted(text: str, *, strict: bool) -> bool:
    """Whether the grammar accepts the text."""
    try:
        load(strict=strict).parse(text)
    except LarkError:
        return False
    return True


def find_difference(text: str, *, strict: bool) -> str:
    """What grammar and parser do not agree about, or nothing."""
    accepted = is_accepted(text, strict=strict)
    try:
        parse(text, strict=strict)
    except ParseError as error:
        return (
            f"only the grammar accepts {text}\n{error}" if accepted and not explain(error) else ""
        )
    return "" if accepted else f"only the parser accepts {text}"


def judge_mutations(count: int, seed: int, *, strict: bool) -> tuple[list[str], int]:
    """Differences, and how many of `count` mutations the grammar accepted."""
    walker = Walker(seed, strict=strict)
    differences: list[str] = []
    accepted = judged = 0
    while judged < count:
        tokens = walker.walk(budget=walker.random.choice((9, 11, 13, 15, 17)))
        # Earley's time grows with the square of the length: a long statement costs many short ones.
        if len(tokens) > 60:
            continue
        text = " ".join(walker.mutate(tokens))
        judged += 1
        accepted += is_accepted(text, strict=strict)
        differences += filter(None, [find_difference(text, strict=strict)])
    return differences, accepted


@pytest.mark.parametrize("path", generate.OUTPUTS, ids=lambda path: path.name)
def test_what_is_generated_is_not_stale(path) -> None:
    assert path.read_text() == generate.OUTPUTS[path](), "run `python grammar/generate.py`"


def test_every_keyword_of_the_grammar_stands_in_one_list() -> None:
    reserved, nonreserved = read_keywords("reserved"), read_keywords("nonreserved")
    assert reserved == sorted(set(reserved))
    assert nonreserved == sorted(set(nonreserved))
    assert not set(reserved) & set(nonreserved)
    patterns = [t.pattern for t in load(strict=True).terminals]
    words = {p.value for p in patterns if isinstance(p, PatternStr) and p.value.isalpha()}
    assert words <= {*reserved, *nonreserved}
    assert frozenset(reserved) == keywords.RESERVED
    assert frozenset(nonreserved) == keywords.NONRESERVED


def test_every_family_of_statements_has_its_file_in_both_places() -> None:
    package = GRAMMAR.parent / "streamsql" / "sql" / "statements"
    readers = {path.stem for path in package.glob("*.py")} - {"__init__"}
    rules = {path.stem for path in (GRAMMAR / "statements").glob("*.lark")}
    # Strict mode leaves a file out as a whole, so the assertions of tests have one of their own.
    assert rules - {"asserting_records"} == readers
    assert set(list_files()) == {*GRAMMAR.glob("*.lark"), *(GRAMMAR / "statements").glob("*.lark")}


@pytest.mark.slow
def test_what_opens_a_statement_is_the_same_in_both() -> None:
    walker = Walker(1)
    opened = {" ".join(words.split()[:1]) for words in openings()}
    # WITH takes more words than the budget of a short walk.
    assert {walker.walk(budget=12)[0] for _ in range(2000)} | {"WITH"} == opened


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True], ids=["all", "strict"])
@pytest.mark.parametrize("seed", range(2))
def test_a_generated_statement_is_read_and_written_back(seed: int, strict: bool) -> None:
    """Law 8."""
    walker = Walker(seed, strict=strict)
    read = 0
    for _ in range(WALKS):
        text = " ".join(walker.walk())
        try:
            statement = parse_one(text, strict=strict)
        except ParseError as error:
            if not explain(error):
                raise
            continue
        read += 1
        written = format_sql(statement)
        assert parse_one(written, strict=strict) == statement, text
        assert format_sql(parse_one(written)) == written, text
    assert read > WALKS * 0.85


def test_a_generated_statement_is_read_in_any_case_and_spacing() -> None:
    walker = Walker(7)
    for _ in range(WALKS // 4):
        tokens = walker.walk()
        try:
            statement = parse_one(" ".join(tokens))
        except ParseError:
            continue
        spaces = (" ", "\n", "\t \r\n", " /* ; ' */ ", " -- '\n")
        lowered = [t if t[0] in "'`\"" else t.lower() for t in tokens]
        text = "".join(t + walker.random.choice(spaces) for t in lowered)
        # Topics and variables keep their case.
        if not {"PRINT", "TOPIC", "SUBJECT", "DEFINE", "UNDEFINE"} & set(tokens):
            assert parse_one(text) == statement


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True], ids=["all", "strict"])
def test_a_mutation_is_judged_alike_by_grammar_and_parser(strict: bool) -> None:
    differences, accepted = judge_mutations(MUTATIONS, seed=3, strict=strict)
    assert not differences, differences[0]
    assert accepted > MUTATIONS * 0.03


def cut_by_grammar(text: str) -> list[str] | None:
    """The tokens of the grammar's own lexer; None where it knows none."""
    try:
        return [str(token) for token in load().lex(text)]
    except LarkError:
        return None


def cut_by_parser(text: str) -> list[str] | None:
    tokens = [token for token in lex(text)[:-1] if token.kind != "comment"]
    known = all(token.kind not in ("error", "variable") for token in tokens)
    # An empty name is a token, and refused later.
    empty = any(token.text in ("``", '""') for token in tokens)
    return [token.text for token in tokens] if known and not empty else None


@pytest.mark.slow
def test_tokens_are_cut_alike_by_grammar_and_parser() -> None:
    rng = random.Random(5)
    pieces = (
        "A E 1 0 . + - 5 _ @ ' ` \" -> => := <> != -- /* */ / * 1E5 .5 1. X9 9X ( [ $ é".split()
    )
    cut = 0
    for _ in range(2000):
        chosen = (rng.choice((*pieces, " ", "\n")) for _ in range(rng.randrange(1, 8)))
        text = "".join(chosen)
        tokens = cut_by_grammar(text)
        assert cut_by_parser(text) == tokens, text
        cut += tokens is not None
    assert cut > 500


@pytest.mark.soak
@pytest.mark.parametrize("strict", [False, True], ids=["all", "strict"])
def test_many_mutations_are_judged_alike(strict: bool) -> None:
    count = int(os.environ.get("GRAMMAR_STATEMENTS", "20000"))
    differences, _ = judge_mutations(count, seed=1000, strict=strict)
    assert not differences, differences[0]


SABOTAGE = [
    ("SELECT A FROM S UNION SELECT A FROM T", "only the parser accepts", "parse"),
    ("SELECT A FROM S", "only the grammar accepts", "refuse"),
]


@pytest.mark.parametrize(("text", "expected", "act"), SABOTAGE, ids=[s[2] for s in SABOTAGE])
def test_a_difference_would_be_found(monkeypatch, text: str, expected: str, act: str) -> None:
    def broken(*_: object, **__: object) -> None:
        if act == "refuse":
            raise ParseError("broken on purpose")

    monkeypatch.setitem(globals(), "parse", broken)
    assert find_difference(text, strict=False).startswith(expected)
