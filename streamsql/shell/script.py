"""Executes the statements of a text one by one and shows what each gives; the first that is refused
ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from streamsql.errors import StreamSqlError
from streamsql.session.connection import Connection, QueryProgress, SyncPush
from streamsql.session.result import Result
from streamsql.session.text import Piece, split, tokens
from streamsql.shell.command import read_command
from streamsql.shell.screen import OutputError, Screen
from streamsql.shell.show import show_push, show_result

__all__ = ["Executor", "ScriptError", "catch_up", "read_script"]

RUNNING = "RUNNING"
DEPTH_MAX = 16
"""Scripts that run scripts: deeper is a circle."""
_POLL_SECONDS = (0.002, 0.2)
"""How often to ask whether the queries have caught up: at first, and in the end."""


class ScriptError(StreamSqlError):
    """A script that cannot be read."""


def read_script(path: Path) -> str:
    """The text of a file; ScriptError where it is not there or is not UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ScriptError(f"cannot read {path}: {error.strerror}") from error
    return decode(data, str(path))


def decode(data: bytes, name: str, line: int = 1) -> str:
    """UTF-8 as text, without a byte order mark; `line` is the number of its first line."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line += data.count(b"\n", 0, error.start)
        raise ScriptError(
            f"{name} is not UTF-8: byte 0x{data[error.start]:02X} in line {line}",
            hint="convert it, for example with: iconv -f WINDOWS-1252 -t UTF-8",
        ) from error


def catch_up(
    connection: Connection, tell: Callable[[list[QueryProgress]], None] | None = None
) -> list[QueryProgress]:
    """Returns when every persistent query that runs has read all there is; `tell` hears how far
    they are. Can be interrupted, unlike `Connection.wait`.
    """
    pause, longest = _POLL_SECONDS
    while True:
        found = [q for q in connection.progress() if q.persistent]
        if tell is not None:
            tell(found)
        if all(q.lag == 0 or q.status != RUNNING for q in found):
            return found
        time.sleep(pause)
        pause = min(pause * 1.5, longest)


class Executor:
    """Executes statements on `connection` and shows the results on `screen`.

    `before_select` is called before a SELECT, `on_push` takes a push query that has started.
    `attended`: a person waits; Ctrl-C ends a push query, and what comes after it goes on.
    """

    def __init__(
        self,
        connection: Connection,
        screen: Screen,
        *,
        before_select: Callable[[], object] | None = None,
        on_push: Callable[[SyncPush], None] | None = None,
        attended: bool = False,
    ) -> None:
        self.connection, self.screen = connection, screen
        self._before_select = before_select
        self._on_push = on_push
        self._attended = attended
        self._depth = 0

    def execute_file(self, path: Path) -> bool:
        """Executes a file; False when a statement was refused."""
        try:
            text = read_script(path)
        except ScriptError as error:
            self.screen.refuse(error)
            return False
        return self.execute_text(text, name=str(path))

    def execute_text(self, text: str, *, name: str = "") -> bool:
        """Executes all statements of `text`, which is the file `name`; False at the first that was
        refused.
        """
        return self.execute_pieces(split(text), name=name, text=text)

    def execute_pieces(self, pieces: Iterable[Piece], *, name: str = "", text: str = "") -> bool:
        """Executes statements; without their `text` an error shows the statement's own lines."""
        return all(self._execute_piece(piece, name, text) for piece in pieces)

    def _execute_piece(self, piece: Piece, name: str, text: str) -> bool:
        command = read_command(piece.text)
        if command is not None and command.name == "run script":
            return self._run_script(command.argument, name)
        try:
            if self._before_select is not None and _is_select(piece.text):
                self._before_select()
            started = time.perf_counter()
            result = self.connection.execute_piece(piece)
            self._show(result, time.perf_counter() - started, typed=not name)
        except OutputError:
            raise
        except StreamSqlError as error:
            line = f"{name}:{piece.position.line}" if name else ""
            located = getattr(error, "position", None) is not None
            self.screen.refuse(error, text or _placed(piece), name if located else line)
            return False
        return True

    def _show(self, result: Result, seconds: float, *, typed: bool) -> None:
        if not isinstance(result, SyncPush):
            acknowledge = typed and self.screen.is_terminal
            show_result(result, self.screen, seconds, acknowledge=acknowledge)
        elif self._on_push is not None:
            self._on_push(result)
        elif not show_push(result, self.screen) and not self._attended:
            raise KeyboardInterrupt

    def _run_script(self, path: str, name: str) -> bool:
        if self._depth == DEPTH_MAX:
            self.screen.refuse(
                ScriptError(f"{path}: scripts run each other in a circle"), name=name
            )
            return False
        self._depth += 1
        try:
            return self.execute_file(Path(path).expanduser())
        finally:
            self._depth -= 1


def _is_select(text: str) -> bool:
    first = next((t.text.upper() for t in tokens(text) if t.kind != "comment"), "")
    return first in ("SELECT", "WITH")


def _placed(piece: Piece) -> str:
    """The statement where it stands in its text, with nothing before it."""
    position = piece.position
    return "\n" * (position.line - 1) + " " * (position.column - 1) + piece.text
