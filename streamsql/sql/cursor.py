"""A place in the tokens of a script, and the errors that are raised there.

ksqlDB's sentences (its ANTLR error strategy): `line 1:8: Syntax Error`, then `Expecting {…}`,
`missing … at …`, `Unknown statement '…'` or `Syntax error at or near '…' at line 1:8`. What is
read after the tokens are known to be right fails as `Failed to prepare statement: …`.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import NoReturn

from streamsql.errors import ParseError, Position
from streamsql.sql.keywords import NONRESERVED, RESERVED
from streamsql.sql.lexer import Lines, Token, lex

__all__ = ["ABSENT", "NESTING_MAX", "Cursor", "near"]

NESTING_MAX = 80
"""Parentheses, calls and types inside each other: each costs six Python frames of a thousand."""

ABSENT = {
    "ORDER": "a stream has no order but that of its records: ORDER BY does not exist",
    "UNION": "write one INSERT INTO … SELECT for each side: UNION does not exist",
    "DISTINCT": "use GROUP BY, COUNT_DISTINCT or COLLECT_SET: DISTINCT does not exist",
    "OVER": "use GROUP BY with a WINDOW clause: OVER does not exist",
    "CROSS": "only INNER, LEFT, RIGHT and FULL joins with an ON clause exist",
    "USING": "join with ON left.column = right.column: USING does not exist",
    "OFFSET": "LIMIT stands alone: OFFSET does not exist",
}
"""What other dialects of SQL have, and what there is instead."""

_DESCRIPTIONS = {"identifier": "an identifier", "STRING": "a string", "INTEGER_VALUE": "a number"}


class Cursor:
    """Reads tokens one after the other; comments are not seen."""

    __slots__ = ("_depth", "_lines", "index", "strict", "text", "tokens")

    def __init__(self, text: str, *, origin: Position | None = None, strict: bool = False) -> None:
        self.text = text
        self.tokens = [token for token in lex(text) if token.kind != "comment"]
        self.index = 0
        self.strict = strict
        self._depth = 0
        self._lines = Lines(text, origin)

    # -------------------------------------------------------------- looking

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def peek(self, ahead: int = 1) -> Token:
        """The token `ahead` of the current one; the last one where there are no more."""
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def at(self, *keys: str) -> bool:
        """Whether the next tokens are these words or symbols."""
        # The token after the last is never asked for: no sequence goes beyond `<EOF>`.
        return all(self.tokens[n].key == key for n, key in enumerate(keys, self.index))

    def at_any(self, keys: Sequence[str]) -> bool:
        """Whether the next token is one of these words or symbols."""
        return self.token.key in keys

    def at_identifier(self, ahead: int = 0) -> bool:
        """Whether the token can be an identifier."""
        token = self.peek(ahead)
        return token.kind == "quoted" or (token.kind == "word" and token.key not in RESERVED)

    def text_since(self, first: Token) -> str:
        """The text from `first` to the last token read."""
        return self.text[first.start : self.tokens[self.index - 1].end]

    def position(self, token: Token | None = None) -> Position:
        """Where the token is, by default the current one."""
        return self._lines.position((token or self.tokens[self.index]).start)

    # -------------------------------------------------------------- reading

    def advance(self) -> Token:
        """The current token; the cursor stands behind it."""
        token = self.tokens[self.index]
        self.index = min(self.index + 1, len(self.tokens) - 1)
        return token

    def accept(self, *keys: str) -> bool:
        """Reads these words or symbols if they come next."""
        if not self.at(*keys):
            return False
        self.index += len(keys)
        return True

    def expect(self, *keys: str) -> None:
        """Reads these words or symbols."""
        for key in keys:
            if self.tokens[self.index].key != key:
                self.fail_expecting(f"'{key}'")
            self.index += 1

    # -------------------------------------------------------------- nesting

    def enter(self) -> None:
        """Goes one level down; `leave` comes back."""
        self._depth += 1
        if self._depth > NESTING_MAX:
            token = self.token
            raise ParseError(
                f"{self._line_of(token)}: Syntax Error\nnested too deeply",
                position=self.position(token),
                hint=f"at most {NESTING_MAX} levels can be inside each other",
            )

    def leave(self) -> None:
        self._depth -= 1

    # -------------------------------------------------------------- errors

    def _line_of(self, token: Token) -> str:
        position = self.position(token)
        return f"line {position.line}:{position.column}"

    def fail(self, what: str, token: Token, hint: str = "") -> NoReturn:
        """A syntax error at `token`; `what` is ksqlDB's sentence about it."""
        if token.kind == "error":
            what, hint = _describe_error(token)
        raise ParseError(
            f"{self._line_of(token)}: Syntax Error\n{what}",
            position=self.position(token),
            hint=hint or self._hint(token),
        )

    def fail_at(self, token: Token | None = None, hint: str = "") -> NoReturn:
        """Nothing that is possible here begins with the token."""
        token = token or self.token
        text = token.text or "<EOF>"
        self.fail(f"Syntax error at or near '{text}' at {self._line_of(token)}", token, hint)

    def fail_expecting(self, *expected: str) -> NoReturn:
        """One of `expected` (`'WORD'`, `','`, `identifier`, …) had to come here."""
        token = self.token
        if token.kind == "variable":
            self.fail_variable(token)
        text = ", ".join(expected)
        if len(expected) > 1:
            text = f"{{{text}}}"
        words = [e.strip("'") for e in expected if e.startswith("'") and e[1:-1].isalpha()]
        if expected == ("')'",) and token.key == ",":
            self.fail("missing ')' at ','", token)
        detail = _DESCRIPTIONS.get(text, "")
        hint = self._hint(token, words)
        if detail and not hint:
            hint = f"{detail} comes here"
        self.fail(f"Expecting {text}", token, hint)

    def fail_variable(self, token: Token) -> NoReturn:
        """A `${name}` that nobody replaced."""
        name = token.text[2:-1]
        raise ParseError(
            f"{self._line_of(token)}: Syntax Error\nundefined variable {token.text}",
            position=self.position(token),
            hint=f"DEFINE {name} = '…'; comes before it",
        )

    def fail_prepare(self, what: str, token: Token, *, located: bool = False) -> NoReturn:
        """The tokens are right and mean nothing; `located`: ksqlDB's sentence names the place."""
        # In this sentence the columns of ksqlDB begin with 2; those of `position` with 1.
        position = self.position(token)
        line = f"line {position.line}:{position.column + 1}: " if located else ""
        raise ParseError(f"Failed to prepare statement: {line}{what}", position=position)

    def _hint(self, token: Token, words: Sequence[str] = ()) -> str:
        """What may have been meant by `token`, or by the word before it."""
        before = self.tokens[self.index - 1] if self.index else token
        # `a CROSS JOIN b` is wrong three words later: until then CROSS was an alias.
        for candidate in (token, *reversed(self.tokens[max(self.index - 3, 0) : self.index])):
            if candidate.key in ABSENT:
                return ABSENT[candidate.key]
        for candidate in (token, before):
            if candidate.kind == "word" and candidate.key not in words:
                close = near(candidate.key, words)
                if close is None and candidate.key not in RESERVED | NONRESERVED:
                    close = near(candidate.key, sorted(RESERVED))
                if close is not None:
                    return f"did you mean {close}?"
        return ""


def near(word: str, candidates: Sequence[str]) -> str | None:
    """The candidate that `word` is probably a misspelling of."""
    # A slip of one or two letters: `SELCT` is near SELECT, `NAME` is not near NAMESPACE.
    for close in difflib.get_close_matches(word, candidates, n=3, cutoff=0.75):
        if abs(len(close) - len(word)) <= 2 and len(word) >= 3:
            return close
    return None


def _describe_error(token: Token) -> tuple[str, str]:
    text = token.text
    if text[0] in "'`\"" or text.startswith("/*"):
        opening = "/*" if text[0] == "/" else text[0]
        what = "comment" if text[0] == "/" else "string" if text[0] == "'" else "quoted identifier"
        closing = "*/" if text[0] == "/" else text[0]
        return f"token recognition error at: {opening}", f"the {what} has no closing {closing}"
    shown = text if len(text) <= 20 else text[:20] + "…"
    if not shown.isascii():
        return (
            f"token recognition error at: '{shown}'",
            f"names with letters other than A to Z are quoted: `{shown}`",
        )
    return f"token recognition error at: '{shown}'", ""
