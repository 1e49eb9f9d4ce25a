"""The command `streamsql`: a shell, `run` for scripts, `test` for cases.

Only click is imported before it is known what is asked for: `--version` and `--help` load nothing
else. Exit codes: 0; 1 a statement was refused or a file cannot be used; 2 usage; 3 a query stopped
in ERROR; 130 Ctrl-C; 143 SIGTERM before the end; 141 nobody reads the output.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

__all__ = ["main"]

# Numpy's linear algebra, which nobody here uses, would start threads that wait for work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

INTERRUPTED = 130
DISTRIBUTION = "streamsql-engine"

_EPILOG = """\b
Examples:
  streamsql                                  a shell, in memory
  streamsql orders.duckdb                    a shell over a database file
  streamsql -e "SHOW STREAMS;" orders.duckdb
  streamsql run --database orders.duckdb queries.sql
  streamsql kafka://localhost:9092           a shell, as an engine of a service
  streamsql run --broker localhost:9092 --state-dir state queries.sql
  streamsql test tests/
"""

_SETTING = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A property, as SET would; SHOW PROPERTIES lists them.",
)
_DEFINE = click.option(
    "-D",
    "-d",
    "--define",
    "defines",
    multiple=True,
    metavar="NAME=VALUE",
    help="A variable, for ${NAME} in statements.",
)
_STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="On Kafka: where the copy of the state is kept; else in memory.",
)
_OUTPUT = click.option(
    "--output",
    type=click.Choice(["TABULAR", "JSON"], case_sensitive=False),
    default="TABULAR",
    help="How rows are written; JSON: an object a line.",
)


class _Commands(click.Group):
    """`streamsql X` opens the database X in a shell, unless X is a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "-h", "--version", *self.commands}
        if not args or args[0] not in own:
            args = ["shell", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # Before there was anything to end: click would call it a failure.
            sys.exit(INTERRUPTED)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[OPTIONS] [DATABASE]", "Usage: ")
        for name in ("run [OPTIONS] FILE...", "test FILE|DIR..."):
            formatter.write_usage(ctx.command_path, name, "       ")


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"streamsql {version()}")
        ctx.exit()


def version() -> str:
    """The version that is installed."""
    from importlib.metadata import version as find

    return find(DISTRIBUTION)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)
@click.option("--version", is_flag=True, expose_value=False, callback=_print_version, is_eager=True)
def command() -> None:
    """Streaming SQL in the manner of ksqlDB, in one process.

    With DATABASE, a file that is created where it does not exist, or without one in memory, a shell
    begins; from a pipe it reads statements. -e executes SQL instead. See streamsql shell --help.
    """


@command.command()
@click.argument("database", required=False, default="")
@click.option("-e", "--execute", "sql", metavar="SQL", help="Execute these statements and end.")
@click.option(
    "-f",
    "--file",
    "script",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Execute the statements of a file and end.",
)
@_STATE_DIR
@_SETTING
@_DEFINE
@_OUTPUT
def shell(
    database: str,
    *,
    sql: str | None,
    script: Path | None,
    state_dir: Path | None,
    settings: tuple[str, ...],
    defines: tuple[str, ...],
    output: str,
) -> None:
    """A shell over DATABASE, a file or kafka://host:port; what `streamsql DATABASE` gives.

    Queries run while it is open, and go on when the database is opened again; on Kafka the other
    engines of the service go on with them. To run a script until its queries have read all there
    is, see streamsql run.
    """
    if sql is not None and script is not None:
        raise click.UsageError("give either --execute or --file")
    from streamsql.cli.opening import read_options

    options = read_options(database, settings, defines, output, state_dir=state_dir)
    from streamsql.cli.run import open_shell

    sys.exit(open_shell(options, version(), sql=sql, script=script))


@command.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--database", default="", metavar="FILE", help="Where to keep it; else in memory.")
@click.option("--broker", default="", metavar="HOST:PORT", help="Run on this Kafka cluster.")
@_STATE_DIR
@click.option("--follow", is_flag=True, help="Stay when the queries have caught up.")
@click.option(
    "--until-caught-up", is_flag=True, help="On Kafka: end when the queries have caught up."
)
@click.option(
    "--summary-json",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what each query did as JSON.",
)
@_SETTING
@_DEFINE
@_OUTPUT
def run(
    files: tuple[Path, ...],
    database: str,
    *,
    broker: str,
    state_dir: Path | None,
    follow: bool,
    until_caught_up: bool,
    summary_json: Path | None,
    settings: tuple[str, ...],
    defines: tuple[str, ...],
    output: str,
) -> None:
    """Execute scripts and run their queries until they have read all there is.

    With --broker they run on Kafka, as an engine of a service, and stay until Ctrl-C or SIGTERM.

    A SELECT shows its rows: without EMIT once the queries have caught up, with EMIT CHANGES up to
    its LIMIT or until then. A summary of the queries follows.
    """
    from streamsql.cli.opening import read_options

    if broker and database:
        raise click.UsageError("give either --database or --broker")
    if broker:
        database = f"kafka://{broker.removeprefix('kafka://')}"
        follow = not until_caught_up
    options = read_options(database, settings, defines, output, state_dir=state_dir)
    from streamsql.cli.run import RunOptions, run_files

    sys.exit(run_files(files, options, RunOptions(follow=follow, summary_json=summary_json)))


@command.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--every-mode", is_flag=True, help="Also cut batches at 7, reopen, use threads.")
def test(paths: tuple[Path, ...], *, every_mode: bool) -> None:
    """Run .sql test cases: --@test, INSERT INTO, ASSERT VALUES.

    Each case runs with all its records in one batch and with a batch for every record.
    """
    from streamsql.cli.cases import run_cases

    sys.exit(run_cases(paths, every_mode=every_mode))


def main() -> None:
    """Runs the command and exits."""
    command.main(prog_name="streamsql")
