"""`streamsql test`: runs .sql cases on the test bench and says which do not hold."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from streamsql.errors import StreamSqlError
from streamsql.shell.render import render_error
from streamsql.shell.script import ScriptError, read_script
from streamsql.testing.sql_cases import MODES, CaseFailure, Mode, SqlCase, read_cases, run_sql_case

__all__ = ["run_cases"]

DONE, FAILED = 0, 1
FAST_MODES = ("all", "one")
"""A batch of everything and a batch a record: they differ where a query depends on batches."""


def run_cases(paths: Sequence[Path], *, every_mode: bool) -> int:
    """Runs the cases of files and of the .sql files in folders; the exit code."""
    modes = [m for m in MODES if every_mode or m.name in FAST_MODES]
    held = 0
    failures: list[str] = []
    for path in _files(paths):
        try:
            read_script(path)
        except ScriptError as error:
            failures.append(render_error(error))
            click.echo(failures[-1])
            continue
        for case in read_cases(path):
            failure = _failure(case, modes)
            if failure:
                failures.append(f"FAILED {path}: {failure}")
                click.echo(failures[-1])
            else:
                held += 1
    click.echo(f"{held} passed" + (f", {len(failures)} failed" if failures else ""))
    if not held and not failures:
        click.echo("no case found: a case begins with a line --@test: and its title", err=True)
    return DONE if held and not failures else FAILED


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.rglob("*.sql")) if path.is_dir() else (path,)


def _failure(case: SqlCase, modes: Sequence[Mode]) -> str:
    """What is wrong in the first mode in which the case does not hold; empty where it does."""
    for mode in modes:
        with tempfile.TemporaryDirectory(prefix="streamsql-test-") as folder:
            try:
                run_sql_case(case, mode, Path(folder))
            except (CaseFailure, StreamSqlError) as error:
                return f"{error} [{mode.name}]"
    return ""
