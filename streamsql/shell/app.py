"""The shell: reads statements from a person, a pipe or an option, executes them, shows results.

Everything that runs is in the connection's own thread; this one types, waits and shows.
"""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from streamsql.errors import QueryError
from streamsql.session.connection import Connection
from streamsql.session.names import Names
from streamsql.session.text import Piece
from streamsql.shell.banner import banner_lines, database_name, help_lines
from streamsql.shell.command import Command, read_command
from streamsql.shell.feed import Feed
from streamsql.shell.screen import OutputError, Screen
from streamsql.shell.script import Executor, ScriptError, catch_up, decode

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

__all__ = ["Shell", "run_input", "run_script", "run_shell", "run_text"]

DONE, REFUSED = 0, 1
"""Exit codes."""


def run_shell(connection: Connection, screen: Screen, version: str) -> int:
    """Reads from the terminal until the person leaves; the exit code."""
    return Shell(connection, screen, version).run()


def run_text(connection: Connection, screen: Screen, text: str) -> int:
    """Executes the statements of an option; the exit code."""
    executor = _unattended(connection, screen)
    return DONE if executor.execute_text(text) else REFUSED


def run_script(connection: Connection, screen: Screen, path: Path) -> int:
    """Executes the statements of a file; the exit code."""
    return DONE if _unattended(connection, screen).execute_file(path) else REFUSED


def run_input(connection: Connection, screen: Screen, version: str) -> int:
    """Executes what comes through standard input, once they are complete; the exit code."""
    shell = Shell(connection, screen, version)
    executor = _unattended(connection, screen)
    shell.executor = executor
    try:
        lines = sys.stdin.buffer if sys.stdin is not None else ()
        done = executor.execute_pieces(_pieces(lines, shell))
    except ScriptError as error:
        screen.refuse(error)
        return REFUSED
    except EOFError:
        return DONE
    return DONE if done else REFUSED


def _unattended(connection: Connection, screen: Screen) -> Executor:
    """An executor whose SELECTs see all that there is: nobody asks again a moment later."""
    return Executor(connection, screen, before_select=lambda: catch_up(connection))


def _pieces(lines: Iterable[bytes], shell: Shell) -> Iterator[Piece]:
    """The statements of lines; commands between them are executed at once. EOFError at `exit`."""
    feed = Feed()
    for number, data in enumerate(lines, 1):
        line = decode(data, "standard input", number)
        command = read_command(line) if feed.empty else None
        if command is None or command.name == "run script":
            yield from feed.take(line if command is None else f"{line.rstrip()};\n")
        else:
            feed.skip(line)
            shell.command(command)
    yield from feed.rest()


class Shell:
    """A person at a terminal."""

    def __init__(self, connection: Connection, screen: Screen, version: str) -> None:
        self.connection, self.screen, self.version = connection, screen, version
        self.executor = Executor(connection, screen, attended=True)
        self._names = Names()
        self._prompt: PromptSession[str] | None = None
        self._told: set[str] = set()

    def run(self) -> int:
        """Prompts until the person leaves; the exit code."""
        from streamsql.shell.prompt import make_prompt

        self._prompt = make_prompt(lambda: self._names)
        self._names = self.connection.names()
        self.screen.write_lines(banner_lines(self.version, self.connection.path, self._names))
        with contextlib.suppress(EOFError):
            while True:
                self._turn(self._prompt)
        self.screen.write("")
        return DONE

    def _turn(self, prompt: PromptSession[str]) -> None:
        try:
            self._tell_errors()
            text = prompt.prompt()
        except KeyboardInterrupt:
            return
        self.screen.spool_only(f"streamsql> {text}")
        try:
            self._execute(text)
        except KeyboardInterrupt:
            self.screen.write("interrupted")
        except (EOFError, OSError, OutputError):
            raise
        except Exception:  # noqa: BLE001  the loop's edge: it ends the statement, not the session
            fault = traceback.format_exc()
            self.screen.error(f"error: this is a fault of streamsql, please report it:\n{fault}")

    def _execute(self, text: str) -> None:
        command = read_command(text)
        if command is not None and command.name != "run script":
            self.command(command)
            return
        self.executor.execute_text(text)
        self._names = self.connection.names()

    def _tell_errors(self) -> None:
        """Says once which queries have stopped."""
        for query in self.connection.progress():
            if isinstance(query.error, QueryError) and query.id not in self._told:
                self._told.add(query.id)
                self.screen.error(f"query {query.id} stopped:")
                self.screen.refuse(query.error)

    # commands -------------------------------------------------------------------------------------

    def command(self, command: Command) -> None:
        """Executes a command; EOFError for exit."""
        screen, argument = self.screen, command.argument
        match command.name:
            case "exit":
                raise EOFError
            case "help":
                screen.write_lines(help_lines())
            case "version":
                screen.write(f"streamsql {self.version}")
            case "server":
                screen.write(
                    f"streamsql runs in this process, {database_name(self.connection.path)}"
                )
            case "clear":
                if screen.can_move:
                    screen.out.write("\x1b[2J\x1b[H")
            case "history":
                screen.write_lines(self._history())
            case "output":
                screen.output = argument.upper() or screen.output
                screen.write(f"output is {screen.output}")
            case "spool":
                self._spool(argument)
            case "set cli wrap":
                screen.wrap = argument == "on"
            case "set cli column-width":
                screen.column_width = int(argument)
            case _:
                raise AssertionError(command)
        screen.flush()

    def _history(self) -> Iterator[str]:
        typed = self._prompt.history.get_strings() if self._prompt is not None else []
        for number, text in enumerate(typed, 1):
            yield f"{number:5}  {text.replace(chr(10), chr(10) + ' ' * 7)}"

    def _spool(self, argument: str) -> None:
        path = "" if argument.lower() == "off" else str(Path(argument).expanduser())
        try:
            self.screen.spool(path)
        except OSError as error:
            self.screen.refuse(ScriptError(f"cannot write {path}: {error.strerror}"))
            return
        self.screen.write(f"session is spooled to {path}" if path else "spooling ended")
