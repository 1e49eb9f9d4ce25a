"""Bytes as text: DuckDB text over a BLOB, and the kernels for what SQL cannot do."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from streamsql.formats.kernel import Kernel


def strict_text(source: str) -> str:
    """Text of VARCHAR, NULL where the bytes are no UTF-8."""
    return f"try(decode({source}))"


def lossy_text(source: str) -> str:
    """Text of VARCHAR as Java makes it of bytes: U+FFFD for what is no UTF-8."""
    text = strict_text(source)
    broken = f"{text} IS NULL AND {source} IS NOT NULL"
    return f"CASE WHEN {broken} THEN {LOSSY.name}({source}) ELSE {text} END"


def lossy(data: bytes) -> str:
    """The bytes as Java's `new String(bytes, UTF_8)` reads them."""
    return _HALF.sub(b"\xff", data).decode("utf-8", "replace")


def _replace_invalid(column: Any) -> Any:
    return pa.array([b if b is None else lossy(b) for b in column.to_pylist()], pa.string())


_HALF = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
"""Half a surrogate pair in UTF-8: one character for Java, three wrong bytes for Python."""


LOSSY = Kernel(
    name="streamsql_lossy_text",
    parameters=("BLOB",),
    returns="VARCHAR",
    function=_replace_invalid,
    slow=True,
)
"""Only called for rows whose bytes are no UTF-8."""

KERNELS = (LOSSY,)
