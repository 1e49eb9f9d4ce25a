"""REGEXP_* functions: java.util.regex.

A literal pattern that RE2 reads as Java does is DuckDB's; the other ones, and patterns of a column,
are matched by Python's `re` row by row. A pattern that Java refuses fails for each row, as in
ksqlDB. After an empty match Java goes on one character further.

Deviation: REGEXP_SPLIT_TO_ARRAY with a pattern that matches nothing, and empty matches elsewhere,
never come to stand within a character beyond U+FFFF.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from streamsql.functions.like import LINE_END
from streamsql.functions.regex_cursor import PatternError
from streamsql.functions.regex_print import Re2, compile_python, translate_re2
from streamsql.functions.regex_tree import Pattern, read_pattern
from streamsql.functions.registry import GUARDED, scalar, signature
from streamsql.functions.rows import by_row
from streamsql.schema.duck import literal
from streamsql.schema.typed import TypedSql

# ------------------------------------------------------------------ row by row


def find_all(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Matcher.find, again and again: `re.finditer` looks twice where it found nothing."""
    at = 0
    while at <= len(text) and (found := pattern.search(text, at)) is not None:
        yield found
        at = found.end() + (found.end() == found.start())


def _extract(pattern: str, text: str, group: int) -> str | None:
    compiled = compile_python(pattern)
    if group > compiled.groups:
        return None
    found = compiled.search(text)
    if found is not None and group < 0:
        raise ValueError(f"no group {group}")
    return None if found is None else found[group]


def _extract_all(pattern: str, text: str, group: int) -> list[str | None] | None:
    compiled = compile_python(pattern)
    if group > compiled.groups:
        return None
    matches = list(find_all(compiled, text))
    if matches and group < 0:
        raise ValueError(f"no group {group}")
    return [m[group] for m in matches]


def replace_all(text: str, pattern: str, new: str) -> str:
    """String.replaceAll."""
    compiled = compile_python(pattern)
    out: list[str] = []
    at = 0
    for found in find_all(compiled, text):
        # Java looks at the new text where it needs it: without a match it may be wrong.
        pieces = read_replacement(new, read_pattern(pattern))
        new_text = "".join(t if g is None else found[g] or "" for g, t in pieces)
        out += [text[at : found.start()], new_text]
        at = found.end()
    return "".join([*out, text[at:]])


_REFERENCE = re.compile(r"\\(.)|\$(?:([0-9])|\{([A-Za-z][A-Za-z0-9]*)\})|[^\\$]+", re.DOTALL)


def read_replacement(new: str, pattern: Pattern) -> list[tuple[int | None, str]]:
    """`$1` as (1, ""), text as (None, text); ValueError where Matcher.appendReplacement throws."""
    pieces: list[tuple[int | None, str]] = []
    at = 0
    while at < len(new):
        found = _REFERENCE.match(new, at)
        if found is None or (found[3] or "") not in {"", *pattern.names}:
            raise ValueError(f"illegal group reference: {new}")
        at = found.end()
        if found[2] is None and found[3] is None:
            pieces.append((None, found[1] or found[0]))
            continue
        number = pattern.names[found[3]] if found[3] else int(found[2])
        if number > pattern.groups:
            raise ValueError(f"no group {number}: {new}")
        while found[2] and new[at : at + 1] in _DIGITS:
            if number * 10 + int(new[at]) > pattern.groups:
                break
            number = number * 10 + int(new[at])
            at += 1
        pieces.append((number, ""))
    return pieces


_DIGITS = frozenset("0123456789")


def _split(text: str, pattern: str) -> list[str]:
    compiled = compile_python(pattern)
    if compiled.fullmatch("") is not None:
        return _split_at_all(compiled, text)
    parts: list[str] = []
    offset: int | None = 0
    while offset is not None:
        start = offset
        end, offset = _next_separator(compiled, text, start)
        if end is not None:
            parts.append(text[start:end])
    return parts


def _next_separator(
    compiled: re.Pattern[str], text: str, start: int
) -> tuple[int | None, int | None]:
    """Where a part ends and the next one begins, as Guava's Splitter has it.

    A match of nothing separates, but not where a part begins; nor is there a part after one at the
    end.
    """
    for offset in (start, start + 1):
        found = compiled.search(text, offset) if offset <= len(text) else None
        if found is None:
            return (len(text), None) if offset <= len(text) else (None, None)
        if found.end() != start:
            return found.start(), found.end()
    return None, None


def _split_at_all(compiled: re.Pattern[str], text: str) -> list[str]:
    """Pattern.split: no empty part before an empty match at the start, none at the end."""
    parts: list[str] = []
    start = 0
    for found in find_all(compiled, text):
        if start == 0 and found.end() == 0:
            continue
        parts.append(text[start : found.start()])
        start = found.end()
    if start == 0:
        return [text]
    parts.append(text[start:])
    while parts and not parts[-1]:
        parts.pop()
    return parts


_TEXT = "VARCHAR"
EXTRACT = by_row("streamsql_regexp_extract", (_TEXT, _TEXT, "INTEGER"), _TEXT, _extract)
EXTRACT_ALL = by_row(
    "streamsql_regexp_extract_all", (_TEXT, _TEXT, "INTEGER"), "VARCHAR[]", _extract_all
)
REPLACE = by_row("streamsql_regexp_replace", (_TEXT, _TEXT, _TEXT), _TEXT, replace_all)
SPLIT = by_row("streamsql_regexp_split", (_TEXT, _TEXT), "VARCHAR[]", _split)


# ------------------------------------------------------------------ DuckDB


def _translate(pattern: TypedSql) -> Re2 | None:
    """The literal pattern for RE2, or None where the rows have to be matched one by one."""
    if not isinstance(pattern.literal, str):
        return None
    try:
        return translate_re2(pattern.literal)
    except PatternError:
        return None


def _where_re2_is_right(x: str, re2: Re2, fast: str, slow: str) -> str:
    wrong: list[str] = []
    if re2.by_line_end:
        wrong.append(f"regexp_matches({x}, '{LINE_END}\\z')")
    if re2.by_words:
        wrong.append(f"strlen({x}) <> length({x})")
    return f"CASE WHEN {' OR '.join(wrong)} THEN {slow} ELSE {fast} END" if wrong else fast


def extract(pattern: TypedSql, text: TypedSql, group: TypedSql | None = None) -> str:
    x, number = text.sql, 0 if group is None else group.literal
    slow = f"{EXTRACT.name}({pattern.sql}, {x}, {number if group is None else group.sql})"
    re2 = _translate(pattern)
    if re2 is None or number not in re2.certain:
        return slow
    # No match and an empty one look the same, and the group is never empty.
    fast = f"nullif(regexp_extract({x}, {literal(re2.text)}, {number}), '')"
    return _where_re2_is_right(x, re2, fast, slow)


def extract_all(pattern: TypedSql, text: TypedSql, group: TypedSql | None = None) -> str:
    x, number = text.sql, 0 if group is None else group.literal
    slow = f"{EXTRACT_ALL.name}({pattern.sql}, {x}, {number if group is None else group.sql})"
    re2 = _translate(pattern)
    if re2 is None or number not in re2.certain:
        return slow
    fast = f"regexp_extract_all({x}, {literal(re2.text)}, {number})"
    return _where_re2_is_right(x, re2, fast, slow)


def replace(text: TypedSql, pattern: TypedSql, new: TypedSql) -> str:
    x = text.sql
    slow = f"{REPLACE.name}({x}, {pattern.sql}, {new.sql})"
    re2 = _translate(pattern)
    if re2 is None or not isinstance(new.literal, str):
        return slow
    try:
        pieces = read_replacement(new.literal, read_pattern(str(pattern.literal)))
    except ValueError:
        return slow
    written = "".join(t.replace("\\", "\\\\") if g is None else f"\\{g}" for g, t in pieces)
    fast = f"regexp_replace({x}, {literal(re2.text)}, {literal(written)}, 'g')"
    return _where_re2_is_right(x, re2, fast, slow)


def split(text: TypedSql, pattern: TypedSql) -> str:
    x = text.sql
    slow = f"{SPLIT.name}({x}, {pattern.sql})"
    re2 = _translate(pattern)
    if re2 is None:
        return slow
    return _where_re2_is_right(x, re2, f"regexp_split_to_array({x}, {literal(re2.text)})", slow)


ENTRIES = (
    scalar(
        "regexp_extract",
        *(
            signature(
                f"STRING, STRING{group} -> STRING",
                extract,
                throws=True,
                nulls=GUARDED,
                kernels=(EXTRACT,),
            )
            for group in ("", ", INTEGER")
        ),
        doc="The first part of a text that matches a pattern, or a group of it; NULL if none.",
        examples=[
            ("REGEXP_EXTRACT('(.*) (.*)', 'hello there', 2)", '"there"'),
            ("REGEXP_EXTRACT('x+', 'hello')", "null"),
        ],
    ),
    scalar(
        "regexp_extract_all",
        *(
            signature(
                f"STRING, STRING{group} -> ARRAY<STRING>",
                extract_all,
                throws=True,
                nulls=GUARDED,
                kernels=(EXTRACT_ALL,),
            )
            for group in ("", ", INTEGER")
        ),
        doc="All parts of a text that match a pattern, or a group of each.",
        examples=[("REGEXP_EXTRACT_ALL('(\\w+) (\\w*)', 'a b c d', 1)", '["a","c"]')],
    ),
    scalar(
        "regexp_replace",
        signature(
            "STRING, STRING, STRING -> STRING",
            replace,
            throws=True,
            nulls=GUARDED,
            kernels=(REPLACE,),
        ),
        doc="The text with each match of a pattern replaced; $1 stands for the first group.",
        examples=[
            ("REGEXP_REPLACE('baababaa', '(ab)+', 'cat')", '"bacataa"'),
            ("REGEXP_REPLACE('a-b', '(.)-(.)', '$2-$1')", '"b-a"'),
        ],
    ),
    scalar(
        "regexp_split_to_array",
        signature(
            "STRING, STRING -> ARRAY<STRING>", split, throws=True, nulls=GUARDED, kernels=(SPLIT,)
        ),
        doc="The parts of a text between the matches of a pattern.",
        examples=[("REGEXP_SPLIT_TO_ARRAY('aabcda', '(ab|cd)')", '["a","","a"]')],
    ),
)
