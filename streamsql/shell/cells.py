"""Text in columns of terminal cells: how wide it is, cut and wrapped so that it fits.

A cell is what one Latin letter takes; a wide character takes two, a combining one none. Control
characters never reach the terminal: a value from a topic must not move its cursor.
"""

from __future__ import annotations

import re

from rich.cells import cell_len

__all__ = ["cut", "harmless", "pad", "width_of", "wrap"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_TAB = "    "
_MARKS = "_.,/-"


def harmless(text: str) -> str:
    """`text` with control characters and changes of direction spelled out; lines stay."""
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\t", _TAB)
    return _CONTROL.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def width_of(text: str) -> int:
    """Cells that one line takes."""
    return len(text) if text.isascii() else cell_len(text)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text` filled up with spaces to `width` cells; `right`: on its left."""
    missing = " " * max(0, width - width_of(text))
    return missing + text if right else text + missing


def cut(text: str, width: int, *, mark: str = "…") -> str:
    """`text` in one line of at most `width` cells, with `mark` where something is left out."""
    line, *more = text.split("\n", 1)
    if not more and width_of(line) <= width:
        return line
    kept = _head(line, max(0, width - width_of(mark)))
    return line[:kept] + mark


def wrap(text: str, width: int) -> list[str]:
    """The lines of `text`, none wider than `width` cells (or one character); breaks at a space, or
    behind a mark as names have them, where one is in the second half of the line.
    """
    out: list[str] = []
    for line in text.split("\n"):
        rest = line
        while width_of(rest) > width:
            end = max(1, _head(rest, width))
            space = rest.rfind(" ", end // 2, end + 1)
            if space > 0:
                out.append(rest[:space])
                rest = rest[space + 1 :]
            else:
                end = max((rest.rfind(m, end // 2, end) for m in _MARKS), default=-1) + 1 or end
                out.append(rest[:end])
                rest = rest[end:]
        if rest or not line:
            out.append(rest)
    return out


def _head(line: str, width: int) -> int:
    """How many characters of `line` fit into `width` cells."""
    if line.isascii():
        return min(len(line), width)
    used = 0
    for index, char in enumerate(line):
        used += cell_len(char)
        if used > width:
            return index
    return len(line)
