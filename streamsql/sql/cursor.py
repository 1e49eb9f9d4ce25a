"""A place in the tokens of a script, and the errors that are raised there.

ksqlDB's sentences (its ANTLR error strategy): `line 1:8: Syntax Error`, then `Expecting {…}`, `missing … at …`,
`Unknown statement '…'` or `Syntax error at or near '…' at line 1:8`. What is read after the tokens are known to be
right fails as `Failed to prepare statement: …`.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import NoReturn

from streamsql.errors import ParseError, Position
from streamsql.sql.keywords import NONRESERVED, RESERVED
from streamsql.sql.lexer import Lines, Token, lex, unquote

__all__ = ["DURATION_UNITS", "NESTING_MAX", "Cursor", "near"]

NESTING_MAX = 80
"""Parentheses, calls and types inside each other: each costs six Python frames of a thousand."""

DURATION_UNITS = {
    "DAY": 86_400_000,
    "HOUR": 3_600_000,
    "MINUTE": 60_000,
    "SECOND": 1_000,
    "MILLISECOND": 1,
}
"""Milliseconds; each word is also written with an S (ksqlDB: time-and-windows)."""

_UNITS = {unit + plural: ms for unit, ms in DURATION_UNITS.items() for plural in ("", "S")}

_ABSENT = {
    "ORDER": "a stream has no order but that of its records: ORDER BY does not exist",
    "UNION": "write one INSERT INTO … SELECT for each side: UNION does not exist",
    "DISTINCT": "use GROUP BY, COUNT_DISTINCT or COLLECT_SET: DISTINCT does not exist",
    "OVER": "use GROUP BY with a WINDOW clause: OVER does not exist",
    "CROSS": "only INNER, LEFT, RIGHT and FULL joins with an ON clause exist",
    "USING": "join with ON left.column = right.column: USING does not exist",
    "OFFSET": "LIMIT stands alone: OFFSET does not exist",
    "UPDATE": "INSERT INTO … VALUES with the same key replaces a row of a table",
    "DELETE": "a record with a null value deletes a row of a table",
}

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

    def at_window_name(self) -> bool:
        """Whether a name stands before TUMBLING, HOPPING or SESSION: ksqlDB reads it and makes nothing of it."""
        token = self.token
        return token.kind == "word" and token.key not in RESERVED | NONRESERVED

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
        if token.kind != "end":
            self.index += 1
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

    def identifier(self) -> str:
        """Reads a name: upper-cased unless it is quoted."""
        token = self.tokens[self.index]
        if token.kind == "word":
            if token.key in RESERVED:
                self.fail_reserved(token)
            self.index += 1
            return token.key
        if token.kind == "quoted":
            self.index += 1
            name = unquote(token.text)
            if not name:
                self.fail_at(token)
            return name
        if token.kind == "variable":
            self.fail_variable(token)
        return self.fail_expecting("identifier")

    def string(self) -> str:
        """Reads a string literal."""
        token = self.token
        if token.kind == "variable":
            self.fail_variable(token)
        if token.kind != "string":
            self.fail_expecting("STRING")
        self.index += 1
        return unquote(token.text)

    def resource(self) -> str:
        """Reads the name of a topic or subject: as written, quoted in any way or not at all."""
        token = self.token
        if token.kind == "string":
            return self.string()
        name = self.identifier()
        return token.text if token.kind == "word" else name

    def plain_name(self) -> str:
        """Reads an unquoted identifier as written."""
        token = self.token
        if token.kind == "quoted":
            self.fail_expecting("IDENTIFIER")
        self.identifier()
        return token.text

    def integer(self, command: str) -> int:
        """Reads a number from 0 to the largest BIGINT for the clause `command`."""
        start = self.token
        negative = self.accept("-")
        token = self.token
        if token.kind == "variable":
            self.fail_variable(token)
        if token.kind not in ("integer", "decimal", "double"):
            self.fail_expecting("INTEGER_VALUE")
        if token.kind != "integer":
            self.fail_prepare(f"Value must be integer for command: {command}", start)
        if negative:
            self.fail_prepare(f"Value must be non-negative for command: {command}", start)
        self.index += 1
        return self.bounded(token)

    def bounded(self, token: Token, sign: int = 1) -> int:
        """The value of an integer token; an error where it does not fit a BIGINT."""
        digits = token.text.lstrip("0") or "0"
        value = sign * int(digits) if len(digits) <= 19 else 1 << 64
        if not -(1 << 63) <= value < 1 << 63:
            minus = "-" if sign < 0 else ""
            self.fail_prepare(f"Invalid numeric literal: {minus}{token.text}", token, located=True)
        return value

    def duration_ms(self, command: str) -> int:
        """Reads `30 SECONDS`."""
        start = self.token
        number = self.integer(command)
        unit = self.token
        if unit.key not in _UNITS:
            self.fail_expecting(*(f"'{word}'" for word in _UNITS))
        self.index += 1
        value = number * _UNITS[unit.key]
        if value >= 1 << 63:
            self.fail_prepare(f"Invalid duration: {number} {unit.key}", start)
        return value

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

    def fail_reserved(self, token: Token) -> NoReturn:
        """A reserved word stands where an identifier has to."""
        self.fail_at(
            token,
            self._hint(token)
            or f'"{token.key}" is a reserved keyword: as an identifier it is written `{token.key}`',
        )

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
        # Here ksqlDB counts columns from 1 twice over; its clients know the text, ours also have `position`.
        position = self.position(token)
        line = f"line {position.line}:{position.column + 1}: " if located else ""
        raise ParseError(f"Failed to prepare statement: {line}{what}", position=position)

    def _hint(self, token: Token, words: Sequence[str] = ()) -> str:
        """What may have been meant by `token`, or by the word before it."""
        before = self.tokens[self.index - 1] if self.index else token
        for candidate in (token, before):
            if candidate.key in _ABSENT:
                return _ABSENT[candidate.key]
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
