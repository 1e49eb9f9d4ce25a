"""Runs a program and says what it cost: wall time, CPU time and peak memory of it and of what it
started and waited for.

The peak that Linux reports for a process begins with that of the one that started it, so the
runner itself imports no numpy, pyarrow or duckdb.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Failed", "Usage", "measure"]

_MB_PER_RSS_UNIT = 1 / 2**20 if sys.platform == "darwin" else 1 / 2**10


class Failed(Exception):
    """The program ended with an error, or had to be ended; the text holds the end of its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a program used: seconds of wall clock and of CPU, and its greatest resident memory."""

    seconds: float
    cpu_seconds: float
    peak_rss_mb: float


def measure(
    command: Sequence[str],
    *,
    log: Path,
    timeout_s: float,
    directory: Path | None = None,
) -> Usage:
    """What `command` used, from its start to its end; its output goes to `log`, and it runs in
    `directory`.

    Raises Failed where it does not end with 0 or not within `timeout_s`.
    """
    with log.open("wb") as output:
        started = time.monotonic()
        # A session of its own, so that a timeout can end its children with it.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            start_new_session=True,
        )
        late = threading.Event()
        timer = threading.Timer(timeout_s, _end, (process.pid, late))
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _end(process.pid, late)
            raise
        finally:
            timer.cancel()
        seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        why = f"took longer than {timeout_s:g} s" if late.is_set() else f"exit {process.returncode}"
        raise Failed(f"{' '.join(command)}\n{why}\n{_tail(log)}")
    return Usage(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_rss_mb=usage.ru_maxrss * _MB_PER_RSS_UNIT,
    )


def _end(group: int, late: threading.Event) -> None:
    late.set()
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _tail(log: Path, lines: int = 30) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
