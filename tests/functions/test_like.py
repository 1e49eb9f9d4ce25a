"""LIKE against a matcher of its own, with and without escapes and line ends."""

from __future__ import annotations

import random
from functools import cache

import pytest

from streamsql.functions.like import LIKE, like
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import STRING

LINE_ENDS = "\n\r\x85\u2028\u2029"
LETTERS = "ab%_\\!.*é😀\n\r\u2028"


def matches(text: str, pattern: str, escape: str | None) -> bool:
    """By the definition, a character of the pattern at a time."""
    steps = []
    chars = iter(pattern)
    for char in chars:
        if char == escape:
            following = next(chars, None)
            if following is None:
                raise ValueError("ends with the escape character")
            steps.append(("is", following))
        elif char in "%_":
            steps.append((char, char))
        else:
            steps.append(("is", char))

    @cache
    def match(i: int, j: int) -> bool:
        if j == len(steps):
            return i == len(text)
        kind, char = steps[j]
        here = text[i] if i < len(text) else None
        if kind == "%":
            in_line = here is not None and here not in LINE_ENDS
            return match(i, j + 1) or (in_line and match(i + 1, j))
        fits = here == char if kind == "is" else here is not None and here not in LINE_ENDS
        return fits and match(i + 1, j + 1)

    return match(0, 0)


def expected(text, pattern, escape):
    try:
        return None if text is None or pattern is None else matches(text, pattern, escape)
    except ValueError:
        return None


def pairs(count: int, seed: int) -> list[tuple[str | None, str | None]]:
    chance = random.Random(seed)

    def text(letters: str, size: int) -> str | None:
        short = "".join(chance.choices(letters, k=chance.randrange(size)))
        return None if chance.random() < 0.03 else short

    return [(text(LETTERS, 6), text("ab%%%__\\!.é😀\n", 6)) for _ in range(count)]


@pytest.fixture
def table(calls):
    def make(rows):
        calls.register_kernel(LIKE)
        calls.fill([STRING, STRING], rows)
        return calls

    return make


@pytest.mark.slow
@pytest.mark.parametrize("escape", [None, "\\", "!", "%", "a", "é"])
def test_patterns_of_a_column(table, escape):
    rows = pairs(1500, 1)
    x, p = (TypedSql(sql=n, type=STRING, columns=frozenset({n})) for n in ("c0", "c1"))
    call = like(x, p, escape)
    assert call.slow
    for (text, pattern), found in zip(rows, table(rows).select(call), strict=True):
        assert found == expected(text, pattern, escape), (text, pattern, escape)


@pytest.mark.slow
@pytest.mark.parametrize("escape", [None, "\\", "!", "_"])
def test_literal_patterns(table, const, escape):
    rows = pairs(400, 2)
    calls = table(rows)
    x = TypedSql(sql="c0", type=STRING, columns=frozenset({"c0"}))
    patterns = {p for _, p in pairs(150, 3) if p is not None} | {"", "%", "_", "%a%", "a%", "%\\"}
    for pattern in sorted(patterns):
        call = like(x, const(pattern), escape)
        assert not call.slow
        for (text, _), found in zip(rows, calls.select(call), strict=True):
            assert found == expected(text, pattern, escape), (text, pattern, escape)


def test_a_literal_without_wildcards_is_compared(const):
    x = TypedSql(sql="c0", type=STRING, columns=frozenset({"c0"}))
    assert like(x, const("v12"), None).sql == "c0 = 'v12'"
    assert like(x, const("v!%"), "!").sql == "c0 = 'v%'"
    assert like(x, const("v!"), "!").throws
