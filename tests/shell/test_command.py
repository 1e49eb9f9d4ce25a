"""Which lines are commands, and which are SQL."""

from __future__ import annotations

import pytest

from streamsql.shell.command import COMMANDS, Command, read_command

READ = {
    "help": Command(name="help"),
    " HELP ; ": Command(name="help"),
    "exit": Command(name="exit"),
    "quit;": Command(name="exit"),
    "output": Command(name="output"),
    "Output JSON": Command(name="output", argument="json"),
    "spool off": Command(name="spool", argument="off"),
    "spool 'a b.txt'": Command(name="spool", argument="a b.txt"),
    "spool a.txt": Command(name="spool", argument="a.txt"),
    "run script 'it''s.sql';": Command(name="run script", argument="it's.sql"),
    "RUN  SCRIPT a.sql": Command(name="run script", argument="a.sql"),
    "set cli wrap ON": Command(name="set cli wrap", argument="on"),
    "set cli column-width 12": Command(name="set cli column-width", argument="12"),
    "server": Command(name="server"),
    "server http://x": Command(name="server"),
    "clear": Command(name="clear"),
    "history": Command(name="history"),
    "version": Command(name="version"),
}


@pytest.mark.parametrize(("text", "command"), READ.items(), ids=READ)
def test_a_command_is_read(text: str, command: Command) -> None:
    assert read_command(text) == command


SQL = (
    "",
    "helper",
    "help me",
    "SELECT * FROM version;",
    "output xml",
    "set cli wrap",
    "set cli column-width wide",
    "SET 'a'='b';",
    "run script",
    "exit;\nSELECT 1;",
    "spool",
    "clear screen",
)


@pytest.mark.parametrize("text", SQL)
def test_everything_else_is_sql(text: str) -> None:
    assert read_command(text) is None


def test_each_command_is_in_the_help() -> None:
    from streamsql.shell.banner import help_lines

    shown = "\n".join(help_lines())
    assert all(command.name in shown for command in COMMANDS)
