"""What Java says, where there is a Java: many rules are its own."""

from __future__ import annotations

import atexit
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

_PROGRAM = Path(__file__).parent / "oracle" / "Oracle.java"
_AT_ONCE = 100
"""Questions that are asked before answers are read: fewer than fill a pipe."""


@cache
def _oracle() -> subprocess.Popen[bytes] | None:
    java = shutil.which("java")
    if java is None:
        return None
    process = subprocess.Popen(
        [java, "-XX:TieredStopAtLevel=1", str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    atexit.register(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def ask(questions: Sequence[Sequence[object]]) -> list[str | None]:
    """The answer to each question, None where Java throws. Without a Java the test is skipped."""
    process = _oracle()
    if process is None:
        pytest.skip("no java on this machine")
    assert process.stdin is not None
    assert process.stdout is not None
    answers: list[str | None] = []
    for start in range(0, len(questions), _AT_ONCE):
        part = questions[start : start + _AT_ONCE]
        process.stdin.write("".join("\t".join(map(str, q)) + "\n" for q in part).encode())
        process.stdin.flush()
        for _ in part:
            answer = process.stdout.readline().decode().rstrip("\n")
            answers.append(answer[1:] if answer.startswith("=") else None)
    return answers
