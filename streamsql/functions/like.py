"""LIKE: `%` for any characters, `_` for one, both without line ends, as in ksqlDB's LikeEvaluator.

ksqlDB makes a Java expression of the pattern, in which `%` and `_` stand for `.*` and `.`; these
match neither `\\n`, `\\r` nor U+0085, U+2028 and U+2029. A character after the escape character is
taken as it is, whatever it is; a pattern that ends with the escape character fails.
"""

from __future__ import annotations

import re
from functools import lru_cache

from streamsql.functions.rows import by_row
from streamsql.schema.duck import literal
from streamsql.schema.text import fail_with, let
from streamsql.schema.typed import TypedSql, compose
from streamsql.schema.types import BOOLEAN

__all__ = ["LIKE", "like"]

LINE_END = r"[\n\r\x{85}\x{2028}\x{2029}]"
"""What Java's `.` does not match, for RE2."""

_IN_LINE = "[^\\n\\r\\x85\\u2028\\u2029]"
_WILDCARDS = {"%": "*", "_": ""}
_ESCAPES = "\\!|~^#"
_DANGLING = "LIKE pattern must not end with escape character"


def like(operand: TypedSql, pattern: TypedSql, escape: str | None) -> TypedSql:
    """BOOLEAN; NULL where an argument is."""
    if not isinstance(pattern.literal, str):
        sql = let(operand.sql, lambda x: _of_column(x, pattern.sql, escape))
        found = compose(sql, BOOLEAN, operand, pattern, throws=escape is not None)
        return TypedSql(
            sql=found.sql,
            type=BOOLEAN,
            throws=found.throws,
            columns=found.columns,
            constant=found.constant,
            slow=True,
        )
    parts = read_pattern(pattern.literal, escape)
    if parts is None:
        return compose(fail_with(_DANGLING, BOOLEAN), BOOLEAN, operand, throws=True)
    return compose(let(operand.sql, lambda x: _of_parts(x, parts)), BOOLEAN, operand)


def read_pattern(pattern: str, escape: str | None) -> list[tuple[str, str]] | None:
    """The pattern as `("text", …)`, `("%", "")` and `("_", "")`; None where it ends escaped."""
    parts: list[tuple[str, str]] = []
    escaped = False
    for char in pattern:
        if not escaped and char == escape:
            escaped = True
        elif not escaped and char in _WILDCARDS:
            parts.append((char, ""))
        else:
            escaped = False
            if parts and parts[-1][0] == "text":
                parts[-1] = ("text", parts[-1][1] + char)
            else:
                parts.append(("text", char))
    return None if escaped else parts


def _of_parts(x: str, parts: list[tuple[str, str]]) -> str:
    texts = [text for kind, text in parts if kind == "text"]
    if len(texts) == len(parts):
        return f"{x} = {literal(''.join(texts))}"
    # Rows without a line end are the usual ones: DuckDB's LIKE is right for them.
    regexp = "".join(
        _quote(text) if kind == "text" else f"[^{LINE_END[1:]}{_WILDCARDS[kind]}"
        for kind, text in parts
    )
    exact = f"regexp_full_match({x}, {literal(regexp)})"
    usual = f"NOT regexp_matches({x}, '{LINE_END}')"
    return f"({x} {_like(parts)} AND ({usual} OR {exact}))"


def _quote(text: str) -> str:
    """The text as RE2 reads it literally."""
    return "".join(c if c.isalnum() or ord(c) > 127 else f"\\x{{{ord(c):X}}}" for c in text)


def _like(parts: list[tuple[str, str]]) -> str:
    texts = "".join(text for _, text in parts)
    if not set(texts) & {"%", "_", "\\"}:
        return f"LIKE {literal(''.join(text or kind for kind, text in parts))}"
    free = [c for c in _ESCAPES if c not in texts]
    escape = free[0] if free else "\\"
    special = {"%", "_", escape}
    written = "".join(
        "".join(escape + c if c in special else c for c in text) if kind == "text" else kind
        for kind, text in parts
    )
    return f"LIKE {literal(written)} ESCAPE {literal(escape)}"


def _of_column(x: str, pattern: str, escape: str | None) -> str:
    slow = f"{LIKE.name}({x}, {pattern}, {literal(escape or '')})"
    if escape is not None:
        return slow
    return f"CASE WHEN regexp_matches({x}, '{LINE_END}') THEN {slow} ELSE {x} LIKE {pattern} END"


@lru_cache(maxsize=1000)
def _compile(pattern: str, escape: str) -> re.Pattern[str]:
    parts = read_pattern(pattern, escape or None)
    if parts is None:
        raise ValueError(_DANGLING)
    return re.compile(
        "".join(
            re.escape(text) if kind == "text" else _IN_LINE + _WILDCARDS[kind]
            for kind, text in parts
        )
    )


def _matches(text: str, pattern: str, escape: str) -> bool:
    return _compile(pattern, escape).fullmatch(text) is not None


LIKE = by_row("streamsql_like", ("VARCHAR", "VARCHAR", "VARCHAR"), "BOOLEAN", _matches)
