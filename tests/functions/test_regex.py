"""REGEXP_* against Python's `re` where it agrees with Java, and against known answers elsewhere."""

from __future__ import annotations

import random
import re

import pytest

from streamsql.functions import resolve_scalar
from streamsql.functions.charset import fold_unicode, intersect, negate, of, union
from streamsql.functions.regex import read_replacement
from streamsql.functions.regex_cursor import PatternError, Unsupported
from streamsql.functions.regex_print import compile_python, translate_re2
from streamsql.functions.regex_tree import read_pattern
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import INTEGER, STRING

ROWS = 60

ATOMS = ["a", "b", "ab", "[ab]", "[^a]", "[a-c]", r"\d", r"\w", "x", r"\.", "-", "é", r"[\w-]", "1"]
LETTERS = "aaabbbcx1.-é"


def pattern(chance: random.Random, depth: int = 0) -> str:
    """A pattern that Java and Python read alike."""
    kind = chance.random()
    if depth > 2 or kind < 0.45:
        found = chance.choice(ATOMS)
    elif kind < 0.65:
        found = f"({pattern(chance, depth + 1)})"
    elif kind < 0.75:
        found = f"(?:{pattern(chance, depth + 1)}|{pattern(chance, depth + 1)})"
    elif kind < 0.8:
        found = f"{chance.choice(['(?=', '(?!'])}{chance.choice(ATOMS)})"
    else:
        found = "".join(pattern(chance, depth + 1) for _ in range(chance.randrange(1, 4)))
    return found + chance.choice(["", "", "", "", "+", "{2}", "+?", "*", "?", "{1,2}"])


def usable(text: str) -> re.Pattern[str] | None:
    """The pattern for ASCII `\\w` and `\\d`; None for what Python refuses: a repeat of a repeat."""
    try:
        return re.compile(text, re.ASCII)
    except re.error:
        return None


def patterns(count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    found: list[str] = []
    while len(found) < count:
        text = pattern(chance)
        compiled = usable(text)
        if compiled is not None and compiled.fullmatch("") is None:
            found.append(text)
    return found


def texts_for(seed: int) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices(LETTERS, k=chance.randrange(9))) for _ in range(ROWS)]


def finds(compiled: re.Pattern[str], text: str) -> list[re.Match[str]]:
    found, at = [], 0
    while at <= len(text) and (match := compiled.search(text, at)):
        found.append(match)
        at = match.end() + (match.start() == match.end())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_random_patterns(compare, const, seed):
    ways = set()
    for number, text in enumerate(patterns(25, seed)):
        compiled = usable(text)
        rows = [(t,) for t in texts_for(number)]
        ways.add(translate_re2(text) is None)
        for group in range(min(compiled.groups, 2) + 1):
            compare(
                "REGEXP_EXTRACT",
                [const(text), STRING, const(group)],
                rows,
                lambda _, t, g, c=compiled: m[g] if (m := c.search(t)) else None,
            )
            compare(
                "REGEXP_EXTRACT_ALL",
                [const(text), STRING, const(group)],
                rows,
                lambda _, t, g, c=compiled: [m[g] for m in finds(c, t)],
            )
        compare(
            "REGEXP_REPLACE",
            [STRING, const(text), const("<$0>")],
            rows,
            lambda t, *_, c=compiled: c.sub(lambda m: f"<{m[0]}>", t),
        )
    assert ways == {True, False}


def test_patterns_of_a_column(compare):
    chosen = [*patterns(40, 20), "(", "[", None, "a{2,1}", r"\y", "*a", "x(?<n>y)"]
    rows = [
        (p, t, g) for p in chosen for t in [*texts_for(1)[:6], None] for g in (0, 1, 9, -1, None)
    ]

    def oracle(p, t, g, every=False):
        if None in (p, t, g):
            return None
        compiled = usable(p.replace("?<n>", "?P<n>"))
        if compiled is None:
            raise ValueError(p)
        found = finds(compiled, t)
        if g > compiled.groups:
            return None
        if g < 0 and found:
            raise ValueError(g)
        return [m[g] for m in found] if every else found[0][g] if found else None

    compare("REGEXP_EXTRACT", [STRING, STRING, INTEGER], rows, oracle)
    compare(
        "REGEXP_EXTRACT_ALL", [STRING, STRING, INTEGER], rows, lambda *row: oracle(*row, every=True)
    )


@pytest.mark.parametrize("seed", range(3))
def test_splitting(compare, const, seed):
    for number, text in enumerate(patterns(10, 40 + seed)):
        compiled = usable(text)
        rows = [(t,) for t in texts_for(number)]
        if any(m.start() == m.end() for (t,) in rows for m in finds(compiled, t)):
            continue

        def oracle(t, *_, c=compiled):
            edges = [0, *(e for m in finds(c, t) for e in m.span()), len(t)]
            return [t[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]

        compare("REGEXP_SPLIT_TO_ARRAY", [STRING, const(text)], rows, oracle)


# ------------------------------------------------------------------ what is Java's own


@pytest.mark.parametrize(
    ("text", "by", "parts"),
    [
        ("abc", "", ["a", "b", "c"]),
        ("", "", [""]),
        ("aXbX", "X", ["a", "b", ""]),
        ("XXa", "X", ["", "", "a"]),
        ("a1b22", r"\d*", ["a", "", "b"]),
        ("aBcD", "(?=[A-Z])", ["a", "Bc", "D"]),
        ("zxy", "(ab|cd)", ["zxy"]),
        ("ab", "(?<=b)", ["ab"]),
        ("", "x", [""]),
        ("a😀b", "", ["a", "😀", "b"]),
    ],
)
def test_known_splits(compare, const, text, by, parts):
    compare("REGEXP_SPLIT_TO_ARRAY", [STRING, const(by)], [(text,)], lambda *_: parts)
    compare("REGEXP_SPLIT_TO_ARRAY", [STRING, STRING], [(text, by)], lambda *_: parts)


ANSWERS = [
    # `$` stands before a line end at the end, `.` stops at every line end.
    ("a$", "ba\n", ["a"]),
    ("a$", "ba\r\n", ["a"]),
    ("a$", "ba\n\n", []),
    (r"a\z", "ba\n", []),
    (r"a\Z", "a\u2028", ["a"]),
    ("(?m)^.", "ab\ncd\r\nef", ["a", "c", "e"]),
    ("(?m).$", "ab\ncd\r\nef", ["b", "d", "f"]),
    ("(?d).+", "a\rb\nc", ["a\rb", "c"]),
    (".+", "a\rb\u0085c", ["a", "b", "c"]),
    ("(?s).+", "a\rb", ["a\rb"]),
    # Words are ASCII, the borders of words are not.
    (r"\w+", "aé b", ["a", "b"]),
    (r"\b.", "é b", ["é", " ", "b"]),
    ("(?U)\\w+", "aé b", ["aé", "b"]),
    ("(?i)é", "É", []),
    ("(?iu)é", "É", ["É"]),
    ("(?i)[a-c]k", "BK", ["BK"]),
    # Sets: unions, intersections, quotations, names.
    ("[a-d&&[^b]]+", "abcd", ["a", "cd"]),
    ("[a[xy]]+", "axby", ["ax", "y"]),
    (r"[\Q]^\E]+", "a]^b", ["]^"]),
    (r"\Qa.b\E+", "a.bb", ["a.bb"]),
    (r"\p{Lu}+", "aÉB", ["ÉB"]),
    (r"\p{Upper}+", "aÉB", ["B"]),
    (r"\P{L}+", "a1é!", ["1", "!"]),
    ("[]a]+", "]a[", ["]a"]),
    (r"\h+", "a \u00a0b", [" \u00a0"]),
    (r"\R", "a\r\nb\n", ["\r\n", "\n"]),
    (r"\x{1F600}|\ud83d\ude01", "😀😁", ["😀", "😁"]),
    (r"\0101\t\cA", "A\t\x01", ["A\t\x01"]),
    # Repeats, references, looking around.
    ("a++b", "aab", ["aab"]),
    ("a*+a", "aa", []),
    (r"(a|b)\1", "abba", ["bb"]),
    (r"(?<x>a)\k<x>", "aa", ["aa"]),
    ("(?<=a|bb)c", "acbbc", ["c", "c"]),
    ("(?<!a)b", "abb", ["b"]),
    ("(?>a+)ab", "aaab", []),
    ("x*", "axb", ["", "x", "", ""]),
    ("|a", "a", ["", ""]),
    ("(?x) a b # rest", "ab", ["ab"]),
    ("a{2}{0}", "aaa", ["aa"]),
    (r"\B", "", [""]),
]


@pytest.mark.parametrize(("text", "value", "found"), ANSWERS)
def test_known_matches(compare, const, text, value, found):
    compare("REGEXP_EXTRACT_ALL", [const(text), STRING], [(value,)], lambda *_: found)
    compare("REGEXP_EXTRACT_ALL", [STRING, STRING], [(text, value)], lambda *_: found)
    first = found[0] if found else None
    compare("REGEXP_EXTRACT", [const(text), STRING], [(value,)], lambda *_: first)


@pytest.mark.parametrize(
    "text",
    [
        *("(", ")", "a)", "[", "[a", "[]", "[^", "*", "a**", "a{", "a{x}", "a{2,1}", "{2"),
        *("\\", "\\y", "\\g", "[z-a]", "[a-\\d]", "(?<1>a)", "(?<n>a)(?<n>b)", "(?z)", "(?i"),
        *("\\k<n>", "\\x{110000}", "\\xg1", "\\u12", "\\08", "\\p{L", "[&&]", "\\N{no such}"),
        *("a{99999999999}", "\\", "(?<n", "\\kn"),
    ],
)
def test_what_java_refuses(compare, const, text):
    with pytest.raises(PatternError):
        read_pattern(text)
    compare("REGEXP_EXTRACT", [const(text), STRING], [("a",)], lambda *_: None)
    compare("REGEXP_REPLACE", [STRING, const(text), const("x")], [("a",)], lambda *_: None)


@pytest.mark.parametrize("text", [r"\G", r"\X", r"\b{g}", r"\p{IsLatin}", r"(a\1)", r"\2(a)(b)"])
def test_what_streamsql_refuses(text):
    with pytest.raises(Unsupported):
        read_pattern(text)


def test_looking_back_over_any_length_is_refused():
    with pytest.raises(Unsupported):
        compile_python("(?<=a{1,3})b")


REPLACED = [
    ("a-b", "(.)-(.)", "$2$1", "ba"),
    ("abc", "b", r"\$\\", "a$\\c"),
    ("abc", "(b)", "$11", "ab1c"),
    ("abc", "(?<n>b)", "<${n}>", "a<b>c"),
    ("abc", "(x)?b", "[$1]", "a[]c"),
    ("baac", "a*", "X", "XbXXcX"),
    ("abc", "b", "$1", None),
    ("abc", "x", "$1", "abc"),
    ("abc", "b", "$", None),
    ("abc", "b", "\\", None),
    ("abc", "b", "${n}", None),
    ("a.b", r"\.", "\\0", "a0b"),
    ("abc", "(?i)B", "é😀", "aé😀c"),
    ("ab\n", "b$", "x", "ax\n"),
]


@pytest.mark.parametrize(("text", "by", "new", "found"), REPLACED)
def test_known_replacements(compare, const, text, by, new, found):
    compare("REGEXP_REPLACE", [STRING, const(by), const(new)], [(text,)], lambda *_: found)
    compare("REGEXP_REPLACE", [STRING, STRING, STRING], [(text, by, new)], lambda *_: found)


def test_pieces_of_replacements():
    pattern_ = read_pattern("(a)(?<n>b)")
    assert read_replacement(r"x$1\$${n}$21", pattern_) == [
        *[(None, "x"), (1, ""), (None, "$"), (2, ""), (2, ""), (None, "1")]
    ]


def test_nulls(compare, const):
    rows = [(None, "a"), ("a", None), (None, None)]
    compare("REGEXP_EXTRACT", [STRING, STRING], rows, lambda *_: None)
    compare("REGEXP_SPLIT_TO_ARRAY", [STRING, STRING], rows, lambda *_: None)
    compare("REGEXP_REPLACE", [STRING, const("a"), const(None)], [("a",)], lambda *_: None)


def test_usual_patterns_are_duckdbs(const):
    x = TypedSql(sql="c0", type=STRING, columns=frozenset({"c0"}))
    assert not resolve_scalar("REGEXP_EXTRACT", [const("(.*) (.*)"), x]).slow
    assert not resolve_scalar("REGEXP_EXTRACT", [const(r"^id=(\d+);"), x, const(1)]).slow
    assert not resolve_scalar("REGEXP_REPLACE", [x, const("[aeiou]+"), const("$0$0")]).slow
    assert resolve_scalar("REGEXP_EXTRACT", [const("a*"), x]).slow
    assert resolve_scalar("REGEXP_EXTRACT", [const("(?=a)b"), x]).slow


@pytest.mark.slow
def test_sets():
    assert union(((1, 2), (5, 9)), ((3, 4),)) == ((1, 9),)
    assert negate(negate(of("az"))) == of("az")
    assert intersect(((1, 5),), ((4, 9),)) == ((4, 5),)
    assert fold_unicode(of("k")) == of("kK\u212a")
