"""Errors as people read them: the sentence, the place with the text under it, detail and hint."""

from __future__ import annotations

import re

from streamsql.errors import Position, StreamSqlError
from streamsql.shell.cells import harmless, width_of, wrap

__all__ = ["paint", "render_error"]

WIDTH_MAX = 110
"""Cells that are used of a line of the script; scripts may have lines of megabytes."""
_WIDTH_MIN = 40
_WORD = re.compile(r"[\w@$]+|`[^`\n]*`|\"[^\"\n]*\"|'[^'\n]*'|[<>=!|:-]{2}|\S")
_CODES = {"red": "1;31", "bold": "1", "dim": "2", "green": "32", "yellow": "33"}


def paint(text: str, style: str, *, color: bool) -> str:
    """`text` in a style of a terminal; as it is where `color` is false."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if color and text else text


def render_error(
    error: StreamSqlError,
    text: str = "",
    *,
    name: str = "",
    width: int | None = None,
    color: bool = False,
) -> str:
    """The lines of an error in the statement `text`, which positions count in; `name` is its file.

    Primary sentence; line and column; the line of text with a mark under the place; detail; hint.
    `width`: cells of the terminal, None where there is none; of the line of text only what fits is
    shown.
    """
    lines = _filled(error.primary, "error: ", width)
    lines[0] = lines[0].replace("error:", paint("error:", "red", color=color), 1)
    position: Position | None = getattr(error, "position", None)
    if position is not None:
        # An editor's terminal opens file:line:column.
        line, column = position.line, position.column
        lines.append(f"  at {name}:{line}:{column}" if name else f"  line {line}, column {column}")
        lines += _marked(position, text, min(width or WIDTH_MAX, WIDTH_MAX), color=color)
    elif name:
        lines.append(f"  in {name}")
    if error.detail:
        lines += _filled(error.detail, "  ", width)
    if error.hint:
        hint = _filled(error.hint, "  hint: ", width)
        hint[0] = hint[0].replace("hint:", paint("hint:", "bold", color=color), 1)
        lines += hint
    return "\n".join(lines)


def _filled(text: str, head: str, width: int | None) -> list[str]:
    """The lines of `text`: `head` before the first, as many spaces, or two, before others."""
    indent = " " * (len(head) if head.startswith(" ") else 2)
    lines = harmless(text).strip().splitlines() or ["(nothing)"]
    if width is not None:
        room = max(_WIDTH_MIN, width) - len(head)
        lines = [part for line in lines for part in wrap(line, room)]
    return [head + lines[0], *(indent + line for line in lines[1:])]


def _marked(position: Position, text: str, width: int, *, color: bool) -> list[str]:
    """The line of text, and the mark under the word at the position."""
    source = _line(text, position.line)
    if source is None:
        return []
    number = str(position.line)
    room = max(_WIDTH_MIN, width) - len(number) - 5
    shown, start, length = _excerpt(source, position.column - 1, room)
    before = harmless(shown[:start])
    marked = harmless(shown[start : start + length])
    mark = paint("^" * max(1, width_of(marked)), "red", color=color)
    return [
        f"  {number} | {before}{marked}{harmless(shown[start + length :])}",
        f"  {' ' * len(number)} | {' ' * width_of(before)}{mark}",
    ]


def _line(text: str, number: int) -> str | None:
    """The line `number` from 1, without its end; None where the text has fewer."""
    start = 0
    for _ in range(number - 1):
        start = text.find("\n", start) + 1
        if start == 0:
            return None
    end = text.find("\n", start)
    return text[start : len(text) if end < 0 else end].rstrip("\r")


def _excerpt(line: str, column: int, room: int) -> tuple[str, int, int]:
    """What is shown of a line around `column` from 0 in at most `room` cells, where `column` is in
    it, and the length of the word there.
    """
    column = min(column, len(line))
    # Two cells for the dots; a tab takes four and a wide character two.
    size = (room - 2) // (1 if line.isascii() and "\t" not in line else 2)
    first, last = 0, len(line)
    if width_of(harmless(line)) > room:
        first = max(0, min(column - size * 2 // 3, len(line) - size))
        last = min(len(line), first + size)
    head, tail = "…" if first else "", "…" if last < len(line) else ""
    word = _WORD.match(line, column, last)
    length = len(word[0]) if word else 1
    return head + line[first:last] + tail, column - first + len(head), length
