"""What the shell understands beside SQL: commands of one line, without a semicolon.

Their names are those of ksqlDB's command line. A line is a command when it reads as one from its
first word to its last; everything else is SQL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["COMMANDS", "Command", "CommandHelp", "read_command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that was typed: its `name` in lower case and its argument, empty where none."""

    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHelp:
    """A command as `help` shows it; `pattern` is what may follow its name."""

    name: str
    usage: str
    doc: str
    pattern: str = ""


_FILE = r"'(?P<quoted>(?:[^']|'')+)'|(?P<bare>[^\s'][^']*?)"
_SWITCH = r"(?P<word>on|off)"

COMMANDS = (
    CommandHelp(name="help", usage="help", doc="this text"),
    CommandHelp(
        name="exit", usage="exit, quit, Ctrl-D", doc="end; queries go on when opened again"
    ),
    CommandHelp(name="quit", usage="", doc=""),
    CommandHelp(
        name="run script",
        usage="run script 'file'",
        doc="execute the statements of a file",
        pattern=_FILE,
    ),
    CommandHelp(
        name="output",
        usage="output [TABULAR|JSON]",
        doc="how rows are written; a JSON object a row",
        pattern=r"(?P<word>tabular|json)?",
    ),
    CommandHelp(
        name="set cli wrap",
        usage="set cli wrap ON|OFF",
        doc="long values take more lines, or are cut",
        pattern=_SWITCH,
    ),
    CommandHelp(
        name="set cli column-width",
        usage="set cli column-width N",
        doc="width of every column; 0 for as wide as needed",
        pattern=r"(?P<word>[0-9]{1,4})",
    ),
    CommandHelp(
        name="spool",
        usage="spool 'file'|OFF",
        doc="write what is shown to a file too",
        pattern=rf"(?P<word>off)|{_FILE}",
    ),
    CommandHelp(name="history", usage="history", doc="what was typed before"),
    CommandHelp(name="server", usage="server", doc="which database this is", pattern=r"\S*"),
    CommandHelp(name="version", usage="version", doc="the version of streamsql"),
    CommandHelp(name="clear", usage="clear", doc="clear the screen"),
)
"""In the order of `help`."""


def _compile(command: CommandHelp) -> re.Pattern[str]:
    name = r"\s+".join(re.escape(word) for word in command.name.split())
    rest = rf"(?:\s+(?:{command.pattern}))" if command.pattern else ""
    optional = "?" if command.pattern.endswith(("?", "*")) else ""
    return re.compile(rf"\s*{name}{rest}{optional}\s*;*\s*", re.IGNORECASE)


_PATTERNS = tuple((command.name, _compile(command)) for command in COMMANDS)


def read_command(text: str) -> Command | None:
    """The command that is all of `text`, or None; a semicolon after it is let through."""
    if "\n" in text.strip():
        return None
    for name, pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            given = {k: v for k, v in found.groupdict().items() if v is not None}
            argument = given.get("quoted", "").replace("''", "'")
            argument = argument or given.get("bare", "") or given.get("word", "").lower()
            return Command(name="exit" if name == "quit" else name, argument=argument)
    return None
