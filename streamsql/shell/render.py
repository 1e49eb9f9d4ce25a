"""Errors as people read them: the sentence, the place with the text under it, detail and hint."""

from __future__ import annotations

import re

from streamsql.errors import Position, StreamSqlError
from streamsql.shell.cells import harmless, width_of

__all__ = ["paint", "render_error"]

LINE_MAX = 100
"""Characters that are shown of the line of an error; scripts may have lines of megabytes."""
_LEAD = 60
_WORD = re.compile(r"[\w@$]+|`[^`\n]*`|\"[^\"\n]*\"|'[^'\n]*'|[<>=!|:-]{2}|\S")
_CODES = {"red": "1;31", "bold": "1", "dim": "2", "green": "32", "yellow": "33"}


def paint(text: str, style: str, *, color: bool) -> str:
    """`text` in a style of a terminal; as it is where `color` is false."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if color and text else text


def render_error(
    error: StreamSqlError, text: str = "", *, name: str = "", color: bool = False
) -> str:
    """The lines of an error in the statement `text`, which positions count in; `name` is its file.

    Primary sentence; line and column; the line of text with a mark under the place; detail; hint.
    """
    primary = harmless(error.primary).rstrip()
    lines = [f"{paint('error:', 'red', color=color)} {primary}"]
    position: Position | None = getattr(error, "position", None)
    if position is not None:
        lines += _place(position, text, name, color=color)
    elif name:
        lines.append(f"  in {name}")
    lines += [f"  {line}" for line in harmless(error.detail).splitlines()]
    hint = harmless(error.hint).splitlines()
    lines += [f"  {paint('hint:', 'bold', color=color)} {line}" for line in hint[:1]]
    lines += [f"        {line}" for line in hint[1:]]
    return "\n".join(lines)


def _place(position: Position, text: str, name: str, *, color: bool) -> list[str]:
    # An editor's terminal opens file:line:column.
    where = f"line {position.line}, column {position.column}"
    lines = [f"  at {name}:{position.line}:{position.column}" if name else f"  {where}"]
    source = _line(text, position.line)
    if source is None:
        return lines
    shown, start, length = _excerpt(source, position.column - 1)
    before = harmless(shown[:start])
    marked = harmless(shown[start : start + length])
    number = str(position.line)
    mark = " " * width_of(before) + "^" * max(1, width_of(marked))
    lines.append(f"  {number} | {before}{marked}{harmless(shown[start + length :])}")
    lines.append(f"  {' ' * len(number)} | {paint(mark, 'red', color=color)}")
    return lines


def _line(text: str, number: int) -> str | None:
    """The line `number` from 1, without its end; None where the text has fewer."""
    start = 0
    for _ in range(number - 1):
        start = text.find("\n", start) + 1
        if start == 0:
            return None
    end = text.find("\n", start)
    return text[start : len(text) if end < 0 else end].rstrip("\r")


def _excerpt(line: str, column: int) -> tuple[str, int, int]:
    """What is shown of a line around `column` from 0, where that is in it, and the length of the
    word there.
    """
    column = min(column, len(line))
    first = 0 if len(line) <= LINE_MAX else max(0, min(column - _LEAD, len(line) - LINE_MAX))
    last = min(len(line), first + LINE_MAX)
    head, tail = "…" if first else "", "…" if last < len(line) else ""
    word = _WORD.match(line, column, last)
    length = len(word[0]) if word else 1
    return head + line[first:last] + tail, column - first + len(head), length
