"""Replaces `${name}` by what DEFINE gave the name (ksqlDB: substitute-variables).

A variable stands for one name, number or string, or for a part of a string: it cannot bring in
clauses of its own. Names are compared without case; `$${name}` is left as `${name}`; comments are
not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from streamsql.errors import ParseError
from streamsql.sql.lexer import Lines, Token, lex

__all__ = ["substitute"]

_REFERENCE = re.compile(r"\$?\$\{([A-Za-z_][A-Za-z0-9_@]*)\}")

_NUMBERS = ("integer", "decimal", "double")


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """The text with its variables replaced; an unknown one stays as it is.

    ParseError where a value outside of quotes is more than one name, number or string.
    """
    if "${" not in text:
        return text
    values = {name.upper(): value for name, value in variables.items()}
    parts: list[str] = []
    end = 0
    for token in lex(text):
        parts.append(text[end : token.start])
        end = token.end
        if token.kind in ("string", "quoted"):
            parts.append(_replace_inside(token.text, values))
        elif token.kind == "variable":
            parts.append(_replace_whole(text, token, values))
        else:
            parts.append(token.text)
    return "".join(parts)


def _replace_inside(text: str, values: Mapping[str, str]) -> str:
    quote = text[0]

    def replace(match: re.Match[str]) -> str:
        if match.group().startswith("$$"):
            return match.group()[1:]
        value = values.get(match[1].upper())
        # A quote in a value ends no string.
        return match.group() if value is None else value.replace(quote, quote + quote)

    return _REFERENCE.sub(replace, text)


def _replace_whole(text: str, token: Token, values: Mapping[str, str]) -> str:
    if token.text.startswith("$$"):
        return token.text[1:]
    name = token.text[2:-1]
    value = values.get(name.upper())
    if value is None or _is_single(value):
        return token.text if value is None else value
    raise ParseError(
        f"Failed to prepare statement: {token.text} is no identifier and no literal: {value}",
        position=Lines(text).position(token.start),
        hint=f"DEFINE {name} = '''…'''; makes it a string",
    )


def _is_single(value: str) -> bool:
    """Whether the value is one identifier or one literal."""
    kinds = [token.key if token.key == "-" else token.kind for token in lex(value)][:-1]
    if kinds[:1] == ["-"]:
        return len(kinds) == 2 and kinds[1] in _NUMBERS
    return len(kinds) == 1 and kinds[0] in (*_NUMBERS, "word", "quoted", "string")
