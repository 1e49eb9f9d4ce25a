"""Where a door writes: standard output with its width and format, and the spool file beside it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TextIO

from streamsql.errors import StreamSqlError
from streamsql.shell.render import paint, render_error
from streamsql.shell.table import Style

__all__ = ["JSON", "TABULAR", "OutputError", "Screen", "has_colors"]

TABULAR, JSON = "TABULAR", "JSON"
CHUNK_LINES = 1000
WIDTH = 80
"""Cells of a terminal that does not say."""


def has_colors() -> bool:
    """Whether colours are wanted (no-color.org) and can be shown."""
    return "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


class OutputError(StreamSqlError):
    """Nothing more can be written: a disk is full."""


@contextlib.contextmanager
def _output_errors(what: str) -> Iterator[None]:
    """What the system says of a write, as OutputError; that nobody reads stays BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {what}: {error.strerror}") from error


class Screen:
    """Standard output and error. `output`: TABULAR or JSON; `wrap`, `column_width`: of tables."""

    def __init__(self, *, output: str = TABULAR) -> None:
        # A program that was started with its output closed has none.
        self.out: TextIO = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  kept open
        self.err: TextIO = sys.stderr or open(os.devnull, "w")  # noqa: SIM115  kept open
        self.output = output
        self.wrap = True
        self.column_width = 0
        self._spool: TextIO | None = None
        for stream in (self.out, self.err):
            # A terminal that knows only Latin letters shows the others as their numbers.
            with contextlib.suppress(AttributeError, ValueError):
                stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]

    @property
    def is_terminal(self) -> bool:
        """Whether a person is looking."""
        return self.out.isatty()

    @property
    def can_move(self) -> bool:
        """Whether a line that was shown can be written anew."""
        return self.is_terminal and os.environ.get("TERM") != "dumb"

    @property
    def colors(self) -> bool:
        """Whether errors may have colours."""
        return self.err.isatty() and has_colors()

    @property
    def is_unicode(self) -> bool:
        """Whether lines and marks beyond ASCII can be written."""
        return (self.out.encoding or "").lower().replace("-", "") in ("utf8", "utf16")

    @property
    def style(self) -> Style:
        """How tables look here and now: windows change their size."""
        return Style(
            width=self.width if self.is_terminal else None,
            column_width=self.column_width,
            wrap=self.wrap,
            ascii=not self.is_unicode,
        )

    @property
    def width(self) -> int:
        """Cells of a line of the terminal; the terminal knows better than COLUMNS."""
        with contextlib.suppress(OSError, ValueError):
            return os.get_terminal_size(self.out.fileno()).columns or WIDTH
        return shutil.get_terminal_size((WIDTH, 24)).columns

    def write(self, text: str) -> None:
        """A line, or lines; OutputError where it cannot be written."""
        with _output_errors("the output"):
            self.out.write(f"{text}\n")
        self.spool_only(text)

    def write_lines(self, lines: Iterable[str]) -> None:
        """Many lines, some at once: the first are there before the last are made."""
        rest = iter(lines)
        while chunk := list(islice(rest, CHUNK_LINES)):
            self.write("\n".join(chunk))

    def flush(self) -> None:
        """Shows what was written."""
        with _output_errors("the output"):
            self.out.flush()

    def forget(self) -> None:
        """Drops what nobody can read, which Python would try to write once more when it ends."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.out.fileno())

    def error(self, plain: str, colored: str = "") -> None:
        """A line for standard error, after what was written before it."""
        self.flush()
        self.err.write(f"{colored if colored and self.colors else plain}\n")
        self.err.flush()
        self.spool_only(plain)

    def refuse(self, error: StreamSqlError, text: str = "", name: str = "") -> None:
        """An error with its place in `text`, which is the file `name`."""
        width = self.width if self.err.isatty() else None
        plain, colored = (
            render_error(error, text, name=name, width=width, color=color)
            for color in (False, True)
        )
        self.error(plain, colored)

    def live(self, text: str) -> None:
        """Shows `text` in the terminal's last line until something is written; "" clears it."""
        self.out.write(f"\r\x1b[2K{paint(text, 'dim', color=self.colors)}")
        self.out.flush()

    def spool_only(self, text: str) -> None:
        """A line for the spool file."""
        if self._spool is not None:
            with _output_errors("the spool file"):
                self._spool.write(f"{text}\n")
                self._spool.flush()

    def spool(self, path: str) -> None:
        """Begins to write to the file too, behind what it has; an empty path ends that."""
        opened = open(path, "a", encoding="utf-8") if path else None  # noqa: SIM115  kept open
        if self._spool is not None:
            self._spool.close()
        self._spool = opened
