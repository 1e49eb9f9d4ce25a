"""The cursor that a java.util.regex pattern is read with: its place, flags and groups."""

from __future__ import annotations

import re
from dataclasses import dataclass

LINE_ENDS = "\n\r\x85\u2028\u2029"


class PatternError(ValueError):
    """Java would refuse the pattern."""


class Unsupported(PatternError):
    """Java would take the pattern, streamsql does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """`i d m s u x U`, as in (?i)."""

    i: bool = False
    d: bool = False
    m: bool = False
    s: bool = False
    u: bool = False
    x: bool = False
    U: bool = False


class Cursor:
    """A place in a pattern; the flags are those of the group that is open."""

    def __init__(self, text: str) -> None:
        self.text = _QUOTATION.sub(_escape_quotation, text)
        self.at = 0
        self.flags = Flags()
        self.groups = 0
        self.open: set[int] = set()
        self.names: dict[str, int] = {}

    def fail(self, why: str) -> PatternError:
        return PatternError(f"{why} near index {self.at}: {self.text}")

    def ended(self) -> bool:
        self.skip()
        return self.at >= len(self.text)

    def peek(self) -> str:
        self.skip()
        return self.text[self.at : self.at + 1]

    def next(self) -> str:
        char = self.text[self.at : self.at + 1]
        if not char:
            raise self.fail("unexpected end of pattern")
        self.at += 1
        return char

    def take(self, wanted: str) -> bool:
        """Passes `wanted` if it stands here."""
        if self.text.startswith(wanted, self.at):
            self.at += len(wanted)
            return True
        return False

    def stands(self, wanted: str) -> bool:
        """Whether `wanted` stands here."""
        return self.text.startswith(wanted, self.at)

    def skip(self) -> None:
        """Passes blanks and comments under (?x)."""
        while self.flags.x and self.at < len(self.text):
            char = self.text[self.at]
            if char in " \t\n\x0b\f\r":
                self.at += 1
            elif char == "#":
                ends = "\n" if self.flags.d else LINE_ENDS
                while self.at < len(self.text) and self.text[self.at] not in ends:
                    self.at += 1
            else:
                return


_QUOTATION = re.compile(r"\\Q(.*?)(?:\\E|$)|\\.", re.DOTALL)


def _escape_quotation(found: re.Match[str]) -> str:
    """`\\Q…\\E` with a backslash before each character that may need it; other escapes stay."""
    if found[1] is None:
        return found[0]
    return "".join(c if c.isalnum() and c.isascii() else f"\\{c}" for c in found[1])
