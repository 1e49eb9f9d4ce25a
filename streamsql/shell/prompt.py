"""The line a person types into: several lines until a semicolon, colours, completion, history."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import completion_is_selected
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from streamsql.session.names import Names
from streamsql.session.text import is_complete, tokens
from streamsql.shell.command import read_command
from streamsql.shell.complete import suggest
from streamsql.shell.screen import has_colors

__all__ = ["history_path", "is_ready", "make_prompt", "styled_lines"]

PROMPT = "streamsql> "
MORE = "       ... "
_PATH_BEGIN = ("run script '", "spool '")

_STYLE = Style.from_dict(
    {
        "keyword": "bold ansiblue",
        "type": "ansicyan",
        "function": "ansimagenta",
        "string": "ansigreen",
        "number": "ansiyellow",
        "variable": "ansired",
        "comment": "italic ansibrightblack",
        "error": "",
        "prompt": "bold",
        "more": "ansibrightblack",
    }
)


def is_ready(text: str) -> bool:
    """Whether Enter ends the input: it is empty, a command, or its last statement is complete."""
    return not text.strip() or read_command(text) is not None or is_complete(text)


def styled_lines(text: str) -> list[StyleAndTextTuples]:
    """The lines of a text with a style class for each piece."""
    lines: list[StyleAndTextTuples] = [[]]
    at = 0

    def put(style: str, piece: str) -> None:
        first, *more = piece.split("\n")
        lines[-1].append((style, first))
        for line in more:
            lines.append([(style, line)])

    for token in tokens(text):
        put("", text[at : token.start])
        put(f"class:{token.kind}", token.text)
        at = token.end
    put("", text[at:])
    return lines


def history_path() -> Path:
    """Where what was typed is kept: STREAMSQL_HISTORY, or the folder for state (XDG)."""
    chosen = os.environ.get("STREAMSQL_HISTORY")
    if chosen is not None:
        return Path(chosen)
    folder = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(folder).expanduser() / "streamsql" / "history"


def open_history(path: Path) -> History:
    """The history in a file; only of this session where the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a"):
            pass
        path.chmod(0o600)  # what was typed may hold secrets
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


class _SqlLexer(Lexer):
    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        lines = styled_lines(document.text)
        return lambda number: lines[number] if number < len(lines) else []


class _SqlCompleter(Completer):
    def __init__(self, names: Callable[[], Names]) -> None:
        self._names = names
        self._paths = PathCompleter(expanduser=True)

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        text = document.text_before_cursor
        begin = next((b for b in _PATH_BEGIN if text.lower().startswith(b)), None)
        if begin is not None:
            path = Document(text[len(begin) :])
            yield from self._paths.get_completions(path, complete_event)
            return
        typed = document.cursor_position
        for item in suggest(document.text, typed, self._names()):
            note = f"{item.kind} {item.note}" if item.note else item.kind
            yield Completion(item.text, start_position=item.start - typed, display_meta=note)


def _bindings() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter", filter=completion_is_selected)
    def _take(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    @keys.add("enter", filter=~completion_is_selected)
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_ready(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    @keys.add("escape", "enter")
    def _newline(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def make_prompt(names: Callable[[], Names]) -> PromptSession[str]:
    """The prompt; `names` gives what completion may offer."""
    return PromptSession(
        [("class:prompt", PROMPT)],
        multiline=True,
        prompt_continuation=lambda _width, _number, _soft: [("class:more", MORE)],
        lexer=_SqlLexer(),
        completer=_SqlCompleter(names),
        complete_while_typing=True,
        history=open_history(history_path()),
        key_bindings=_bindings(),
        style=_STYLE,
        color_depth=None if has_colors() else ColorDepth.DEPTH_1_BIT,
        include_default_pygments_style=False,
    )
