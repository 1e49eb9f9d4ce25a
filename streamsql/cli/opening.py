"""Opens the database that a command works on, and sees that it is closed whatever happens."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from streamsql.config import KAFKA, SETTINGS, Properties, normal_name
from streamsql.errors import StatementError

if TYPE_CHECKING:
    from streamsql.session.connection import Connection

__all__ = ["Options", "Terminated", "open_connection", "read_options", "split_settings"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SQL_SUFFIXES = frozenset({".sql", ".ksql"})


class Terminated(BaseException):
    """SIGTERM came: commit and end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every command that opens a database has. `database` empty: in memory.

    `engine`: settings given at start; `session`: properties; `defines`: variables.
    """

    database: str = ""
    engine: Mapping[str, str] = field(default_factory=dict)
    session: Mapping[str, str] = field(default_factory=dict)
    defines: Mapping[str, str] = field(default_factory=dict)
    output: str = "TABULAR"


def read_options(
    database: str,
    settings: Sequence[str],
    defines: Sequence[str],
    output: str,
    *,
    state_dir: Path | None = None,
) -> Options:
    """The options of a command line; UsageError for wrong ones, before anything is opened.

    `state_dir`: where an engine on Kafka keeps its copy of the state.
    """
    _check_database(database)
    if state_dir is not None and not database.startswith(KAFKA):
        raise click.UsageError("--state-dir belongs to a Kafka cluster: a database file has both")
    engine, session = split_settings(_read_pairs(settings, "--set"))
    if state_dir is not None:
        engine["streamsql.state.dir"] = str(state_dir)
    variables = _read_pairs(defines, "--define")
    for name in variables:
        if not _NAME.fullmatch(name):
            raise click.UsageError(f"--define {name}: a variable's name is letters, digits and _")
    return Options(
        database=database,
        engine=engine,
        session=session,
        defines=variables,
        output=output.upper(),
    )


def _read_pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping."""
    pairs: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise click.UsageError(f"{option} takes NAME=VALUE, not {text!r}")
        pairs[name.strip()] = value
    return pairs


def _check_database(database: str) -> None:
    """Refuses what is no database file."""
    if database.startswith(KAFKA):
        return
    if "://" in database:
        raise click.UsageError(
            f"{database}: give a database file, or kafka://host:port for a Kafka cluster"
        )
    path = Path(database)
    if path.suffix.lower() in _SQL_SUFFIXES:
        raise click.UsageError(
            f"{database} looks like a script, not like a database.\n"
            f"Execute it with: streamsql run {database}"
        )
    if database and _is_folder(path):
        raise click.UsageError(f"{database} is a directory; give a database file in it")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # in a folder that may not be read: opening it says so


def split_settings(settings: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The settings of the engine and those of the session; UsageError for a wrong one."""
    engine: dict[str, str] = {}
    session: dict[str, str] = {}
    for given, value in settings.items():
        name = normal_name(given)
        try:
            Properties().with_value(name, value)
        except StatementError as error:
            raise click.UsageError(f"--set {given}: {error}") from error
        scope = SETTINGS[name].scope if name in SETTINGS else "session"
        (engine if scope == "engine" else session)[name] = value
    return engine, session


@contextmanager
def open_connection(options: Options) -> Iterator[Connection]:
    """The open database with its settings and variables; closed, after the step that runs, at the
    end. SIGTERM raises Terminated inside.
    """
    # Late, so that wrong options are refused without loading an engine.
    from streamsql.session.connection import Connection

    open_peers = None
    if options.database.startswith(KAFKA):
        from streamsql.server.peers import HttpPeers

        open_peers = HttpPeers
    connection = Connection(
        options.database,
        settings=options.engine,
        properties=options.session,
        open_peers=open_peers,
    )
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        for name, value in options.defines.items():
            quoted = value.replace("'", "''")
            connection.execute(f"DEFINE {name} = '{quoted}';")
        yield connection
    finally:
        signal.signal(signal.SIGTERM, before)
        connection.close()


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated
