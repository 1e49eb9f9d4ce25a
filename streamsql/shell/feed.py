"""Statements out of text that comes line by line, as from a pipe: each as soon as its semicolon is
there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from streamsql.errors import Position
from streamsql.session.text import Piece, split, tokens

__all__ = ["Feed"]


class Feed:
    """Collects lines until they hold a statement. Positions count in all that was fed."""

    def __init__(self) -> None:
        self._pending = ""
        self._line, self._column, self._offset = 1, 1, 0

    @property
    def empty(self) -> bool:
        """Whether no statement has begun."""
        return not split(self._pending)

    def take(self, line: str) -> Iterator[Piece]:
        """The statements that `line`, with its end, completes."""
        self._pending += line
        if ";" not in line:
            return
        ends = [t.end for t in tokens(self._pending) if t.kind == "symbol" and t.text == ";"]
        if ends:
            text, self._pending = self._pending[: ends[-1]], self._pending[ends[-1] :]
            placed = list(self._placed(text))
            self._move(text)
            yield from placed

    def skip(self, line: str) -> None:
        """Counts a line that is no SQL; not inside a statement."""
        self._move(self._pending + line)
        self._pending = ""

    def rest(self) -> Iterator[Piece]:
        """What stands behind the last semicolon when nothing more comes."""
        yield from self._placed(self._pending)
        self._pending = ""

    def _placed(self, text: str) -> Iterator[Piece]:
        for piece in split(text):
            place = piece.position
            column = place.column + (self._column - 1 if place.line == 1 else 0)
            position = Position(place.line + self._line - 1, column, place.offset + self._offset)
            yield replace(piece, position=position)

    def _move(self, text: str) -> None:
        lines = text.count("\n")
        self._line += lines
        self._column = len(text) - text.rfind("\n") if lines else self._column + len(text)
        self._offset += len(text)
