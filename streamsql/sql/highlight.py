"""Tokens of a text as an editor colours them; never raises."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from streamsql.schema.types import NAMES
from streamsql.sql.keywords import NONRESERVED, RESERVED
from streamsql.sql.lexer import Token, lex

__all__ = ["Highlight", "tokens"]

_KINDS = {
    "quoted": "name",
    "integer": "number",
    "decimal": "number",
    "double": "number",
    "string": "string",
    "variable": "variable",
    "symbol": "symbol",
    "comment": "comment",
    "error": "error",
}

_TYPES = frozenset(NAMES) | {"ARRAY", "DECIMAL", "MAP", "STRUCT"}


@dataclass(frozen=True, slots=True)
class Highlight:
    """`kind` is keyword, type, function, name, string, number, variable, symbol, comment or error;
    `start` and `end` are offsets in characters.
    """

    kind: str
    start: int
    end: int
    text: str


def tokens(text: str) -> tuple[Highlight, ...]:
    """All that is not space, in order."""
    found = lex(text)
    return tuple(
        Highlight(_classify(token, following), token.start, token.end, token.text)
        for token, following in pairwise(found)
    )


def _classify(token: Token, following: Token) -> str:
    if token.kind != "word":
        return _KINDS[token.kind]
    if token.key in RESERVED and token.key not in _TYPES:
        return "keyword"
    if following.key == "(" and following.start == token.end and token.key not in _TYPES:
        return "function"
    if token.key in _TYPES:
        return "type"
    return "keyword" if token.key in NONRESERVED else "name"
