"""Paths of EXTRACTJSONFIELD: `$`, then `.name`, `[index]` or `["any name"]`.

Of a name without quotes the characters are letters, digits and `_`, after a point also `:` and `@`.
Each step is a name for an object and, where it is a number, an index from 0 for an array.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_STEP = re.compile(r'\.([^.\[\]"\\ ]+)|\[([^.\[\]"\\ ]+)\]|\["((?:[^"\\]|\\["\\])*)"\]')
_WORD = ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd")


@lru_cache(maxsize=1000)
def read_path(path: str) -> tuple[str, ...]:
    """The steps of a path; ValueError where it is none."""
    if not path.startswith("$"):
        raise ValueError(f"Invalid JSON path: '{path}'")
    steps: list[str] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or not _is_step(found[1], ":@_") or not _is_step(found[2], "_"):
            raise ValueError(f"Invalid JSON path: '{path}'")
        quoted = None if found[3] is None else re.sub(r"\\(.)", r"\1", found[3])
        steps.append(quoted if quoted is not None else found[1] or found[2])
        at = found.end()
    return tuple(steps)


def _is_step(name: str | None, also: str) -> bool:
    return name is None or all(
        c in also or (ord(c) <= 0xFFFF and unicodedata.category(c) in _WORD) for c in name
    )


def index_of(step: str) -> int | None:
    """The index that a step is for an array, or None: Integer.parseInt."""
    if not re.fullmatch(r"[+-]?\d+", step):
        return None
    index = int(step)
    return index if -(2**31) <= index < 2**31 else None
