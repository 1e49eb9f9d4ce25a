"""`streamsql run`, and the shell as the command line starts it."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamsql.cli.opening import Options, Terminated, open_connection
from streamsql.cli.summary import Bar, summary_json, summary_lines
from streamsql.errors import StreamSqlError
from streamsql.session.connection import Connection, QueryProgress, SyncPush
from streamsql.shell.app import run_input, run_script, run_shell, run_text
from streamsql.shell.screen import TABULAR, OutputError, Screen
from streamsql.shell.script import Executor, catch_up, decode, read_script
from streamsql.shell.show import PushView

__all__ = ["RunOptions", "open_shell", "run_files"]

DONE, REFUSED, STOPPED, INTERRUPTED, UNREAD, TERMINATED = 0, 1, 3, 130, 141, 143
"""Exit codes; the last ones are those of a program that a signal ended."""
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How `run` ends: `follow`, when told to. `summary_json`: where to write what was done."""

    follow: bool = False
    summary_json: Path | None = None


def open_shell(
    options: Options, version: str, *, sql: str | None = None, script: Path | None = None
) -> int:
    """Executes `sql`, `script`, what comes from a pipe, or what a person types; the exit code."""

    def work(connection: Connection, screen: Screen) -> int:
        if sql is not None:
            # Bytes of an argument that Python could not read are surrogates.
            return run_text(connection, screen, decode(os.fsencode(sql), "--execute"))
        if script is not None:
            return run_script(connection, screen, script)
        # One that was closed gives nothing.
        if sys.stdin is None or not sys.stdin.isatty():
            return run_input(connection, screen, version)
        return run_shell(connection, screen, version)

    return _with_connection(options, work)


def run_files(files: Sequence[Path], options: Options, how: RunOptions) -> int:
    """Executes scripts and waits for their queries; the exit code."""
    return _with_connection(options, lambda c, s: _Run(c, s, how).run(files), files)


def _with_connection(
    options: Options, work: Callable[[Connection, Screen], int], files: Sequence[Path] = ()
) -> int:
    """What `work` gives with an open connection; the exit code of what ended it."""
    screen = Screen(output=options.output)
    try:
        for path in files:
            # A script that cannot be read is found before the first has done anything.
            read_script(path)
        with open_connection(options) as connection:
            # What has been loaded stays: the collector need not walk over it again and again.
            gc.freeze()
            code = work(connection, screen)
        screen.flush()
    except BrokenPipeError:
        screen.forget()
        return UNREAD
    except OutputError as error:
        screen.forget()
        screen.refuse(error)
        return REFUSED
    except StreamSqlError as error:
        screen.refuse(error)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Terminated:
        return TERMINATED
    return code


class _Run:
    """One `streamsql run`: the scripts, the queries until they have caught up, the summary."""

    def __init__(self, connection: Connection, screen: Screen, how: RunOptions) -> None:
        self._connection, self._screen, self._how = connection, screen, how
        self._bar = Bar(screen)
        self._open: list[tuple[SyncPush, PushView]] = []
        self._executor = Executor(
            connection, screen, before_select=self._catch_up, on_push=self._show_push
        )
        self._started = time.perf_counter()

    def run(self, files: Sequence[Path]) -> int:
        """Executes and waits; the exit code."""
        code = DONE
        try:
            if not all(self._executor.execute_file(path) for path in files):
                return REFUSED
            self._catch_up()
            if self._how.follow:
                self._follow()
        except (KeyboardInterrupt, Terminated) as ended:
            code = self._ended(ended)
        finally:
            self._bar.close()
        return self._report() or code

    def _ended(self, ended: BaseException) -> int:
        """The exit code of a run that was told to end: with --follow there is no other end."""
        self._screen.error("ended; what was committed stays, the queries go on when run again")
        if isinstance(ended, KeyboardInterrupt):
            return INTERRUPTED
        return DONE if self._how.follow else TERMINATED

    def _catch_up(self) -> None:
        try:
            catch_up(self._connection, self._bar.update)
        finally:
            self._bar.close()

    def _show_push(self, push: SyncPush) -> None:
        """Shows the rows up to LIMIT or until all is read; with --follow the query stays open."""
        view = PushView(push, self._screen)
        self._open.append((push, view))
        while not push.ended and not self._is_caught_up(push.query_id):
            view.show(push.take(POLL_SECONDS))
        while rows := push.take():
            view.show(rows)
        if push.ended or not self._how.follow:
            push.stop()
            self._open.remove((push, view))

    def _is_caught_up(self, query_id: str) -> bool:
        running = [q for q in self._connection.progress() if q.status == "RUNNING"]
        return all(q.lag == 0 for q in running if q.persistent or q.id == query_id)

    def _follow(self) -> None:
        """Shows the rows of open push queries until somebody ends it."""
        while True:
            if not self._open:
                time.sleep(POLL_SECONDS)
            for push, view in list(self._open):
                view.show(push.take(POLL_SECONDS))
                if push.ended:
                    self._open.remove((push, view))

    def _report(self) -> int:
        """Shows what each query did; the exit code."""
        seconds = time.perf_counter() - self._started
        queries = [q for q in self._connection.progress() if q.persistent]
        if self._how.summary_json is not None:
            text = summary_json(queries, seconds)
            self._how.summary_json.write_text(f"{text}\n", encoding="utf-8")
        if queries and self._screen.output == TABULAR:
            self._screen.write_lines(summary_lines(queries, seconds, self._screen.style))
        return self._report_errors(queries)

    def _report_errors(self, queries: Sequence[QueryProgress]) -> int:
        stopped = [q for q in queries if q.error is not None]
        for query in stopped:
            self._screen.error(f"query {query.id} stopped:")
            if query.error is not None:
                self._screen.refuse(query.error)
        return STOPPED if stopped else DONE
