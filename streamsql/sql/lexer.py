"""Text to tokens; never raises: what cannot be read becomes a token of kind `error`.

One pass of one regular expression, shared by the parser, the splitting of scripts, `${variables}`
and highlighting, so that all four agree where a string or a comment ends. Rules (ksqlDB:
lexical-structure):

1. An unquoted identifier starts with a letter, `_` or a digit and goes on with letters, digits,
   `_` and `@`; ASCII only.
2. `1.`, `.5`, `1.5` are decimals; an exponent makes a double; `1e5` is a double, `1e5x` an
   identifier.
3. A quote is doubled inside its own kind of quotes; there is no backslash.
4. `--` ends with its line; `/* */` does not nest.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from streamsql.errors import Position

__all__ = ["Lines", "Token", "lex", "unquote"]


class Token(NamedTuple):
    """A piece of text; `key` is the upper-cased word or the symbol, empty for all others.

    `kind`: word, quoted, integer, decimal, double, string, variable, symbol, comment, error or end.
    """

    kind: str
    key: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


# Possessive quantifiers: an unclosed quote of a megabyte is given up in one pass.
_TOKEN = re.compile(
    r"""
      (?P<space>   [\ \t\r\n]++ )
    | (?P<comment> --[^\r\n]*+ | /\*(?s:.*?)\*/ )
    | (?P<string>  '(?:[^']++|'')*+' )
    | (?P<quoted>  `(?:[^`]++|``)*+` | "(?:[^"]++|"")*+" )
    | (?P<double>  (?:[0-9]++\.[0-9]*+ | \.[0-9]++) [eE][+-]?[0-9]++ | [0-9]++[eE][+-][0-9]++
                   | [0-9]++[eE][0-9]++(?![A-Za-z0-9_@]) )
    | (?P<decimal> [0-9]++\.[0-9]*+ | \.[0-9]++ )
    | (?P<integer> [0-9]++(?![A-Za-z0-9_@]) )
    | (?P<word>    [A-Za-z0-9_][A-Za-z0-9_@]*+ )
    | (?P<variable> \$?\$\{[A-Za-z_][A-Za-z0-9_@]*+\} )
    | (?P<symbol>  <> | != | <= | >= | \|\| | -> | => | := | /(?!\*) | [-+*%=<>()\[\],.;:] )
    | (?P<error>   ['`"](?s:.*) | /\*(?s:.*) | [^\ -~]++ | . )
    """,
    re.VERBOSE,
)

_KEYED = frozenset(("word", "symbol"))


def lex(text: str) -> list[Token]:
    """The tokens of `text` in order with its comments, no spaces; the last is of kind `end`."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind is None or kind == "space":
            continue
        piece = match.group()
        key = ""
        if kind in _KEYED:
            key = "<>" if piece == "!=" else piece.upper()
        tokens.append(Token(kind, key, piece, match.start()))
    tokens.append(Token("end", "<EOF>", "", len(text)))
    return tokens


def unquote(text: str) -> str:
    """What a string or a quoted identifier stands for."""
    quote = text[0]
    return text[1:-1].replace(quote + quote, quote)


class Lines:
    """Where the lines of a text begin: offsets to positions."""

    __slots__ = ("_origin", "_starts")

    def __init__(self, text: str, origin: Position | None = None) -> None:
        """`origin` is the place of `text` in the text that the user knows."""
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._origin = origin

    def position(self, offset: int) -> Position:
        line = bisect_right(self._starts, offset)
        column = offset - self._starts[line - 1] + 1
        origin = self._origin
        if origin is None:
            return Position(line, column, offset)
        if line == 1:
            column += origin.column - 1
        return Position(line + origin.line - 1, column, offset + origin.offset)
