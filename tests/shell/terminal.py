"""A terminal of so many columns and rows with a program in it: what a person sees and types."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import pexpect
import pyte

STREAMSQL = str(Path(sys.executable).with_name("streamsql"))
PROMPT = "streamsql>"
CTRL_C, CTRL_D, TAB, ENTER, UP, ESC = "\x03", "\x04", "\t", "\r", "\x1b[A", "\x1b"


class Terminal:
    """The program runs until the block ends; lines that leave the screen are kept."""

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        *,
        columns: int = 80,
        rows: int = 24,
        **environment: str,
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=0.5)
        self._stream = pyte.ByteStream(self.screen)
        env = {**os.environ, "TERM": "xterm-256color", "STREAMSQL_HISTORY": str(folder / "history")}
        self.child = pexpect.spawn(
            STREAMSQL,
            list(arguments),
            cwd=folder,
            env={**env, **environment},
            dimensions=(rows, columns),
            timeout=20,
        )
        # A terminal answers when a program asks where its cursor is.
        self.screen.write_process_input = self.child.send

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.child.close(force=True)

    @property
    def lines(self) -> list[str]:
        """What was shown, the oldest first, without empty lines at the end."""
        columns = range(self.screen.columns)
        above = ["".join(line[c].data for c in columns) for line in self.screen.history.top]
        shown = [line.rstrip() for line in (*above, *self.screen.display)]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def type(self, text: str, *, enter: bool = True) -> None:
        """Types, and presses Enter."""
        self.child.send(text + (ENTER if enter else ""))

    def wait(self, *texts: str, seconds: float = 20) -> str:
        """What is shown once all of `texts` are; a failure shows what was there instead."""
        end = time.monotonic() + seconds
        while not all(t in self.text for t in texts):
            if time.monotonic() > end or not self._read():
                missing = [t for t in texts if t not in self.text]
                raise AssertionError(f"{missing} not shown:\n{self.text}")
        return self.text

    def prompt(self, more: int = 0) -> str:
        """What is shown once a prompt waits in the last line, with `more` prompts above it."""
        end = time.monotonic() + 20
        while self.lines[-1:] != [PROMPT] or self._prompts() <= more:
            if time.monotonic() > end or not self._read():
                raise AssertionError(f"no prompt:\n{self.text}")
        return self.text

    def run(self, text: str, *, enter: bool = True) -> str:
        """Types at the prompt; what is shown from there on, once there is a new one."""
        before = self._prompts()
        at = len(self.lines) - 1
        self.type(text, enter=enter)
        self.prompt(before)
        return "\n".join(self.lines[at:-1])

    def _prompts(self) -> int:
        return sum(line.startswith(PROMPT) for line in self.lines)

    def settle(self, seconds: float = 0.3) -> str:
        """What is shown after so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read(0.05)
        return self.text

    def end(self) -> int | None:
        """The exit code, once the program has ended."""
        while self._read():
            pass
        self.child.wait()
        return self.child.exitstatus

    def _read(self, seconds: float = 0.2) -> bool:
        """Shows what has come; False at the end of the program."""
        try:
            data = self.child.read_nonblocking(65_536, timeout=seconds)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self._stream.feed(data)
        return True
