"""Kernels that look at one row after the other in Python: exact where DuckDB has no such function.

They are for rows that are rare (bytes that are no UTF-8) or for functions that are; each is `slow`.
A row with a NULL argument gives NULL. What a row raises, the whole call raises: DuckDB's TRY then
finds the row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from streamsql.functions.registry import Kernel

_ARROW: dict[str, pa.DataType] = {
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "VARCHAR[]": pa.list_(pa.string()),
    "MAP(VARCHAR, VARCHAR)": pa.map_(pa.string(), pa.string()),
}


def by_row(
    name: str,
    parameters: tuple[str, ...],
    returns: str,
    function: Callable[..., Any],
    *,
    sees_nulls: bool = False,
) -> Kernel:
    """A kernel of `function`, which maps Python values to one; it sees no None unless it asks."""

    def run(*columns: Any) -> Any:
        rows: Iterable[tuple[Any, ...]] = zip(*(c.to_pylist() for c in columns), strict=True)
        found = [function(*row) if sees_nulls or None not in row else None for row in rows]
        return pa.array(found, _ARROW[returns])

    # DuckDB counts the parameters that a function names.
    counted: tuple[Callable[..., Any], ...] = (
        lambda a: run(a),
        lambda a, b: run(a, b),
        lambda a, b, c: run(a, b, c),
    )
    exact = counted[len(parameters) - 1]
    return Kernel(name=name, parameters=parameters, returns=returns, function=exact, slow=True)


_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")
_LONE = re.compile("[\ud800-\udfff]")


def join_halves(text: str) -> str:
    """A Java string as UTF-8 can carry it: pairs of surrogates joined, single ones "?"."""
    if text.isascii():
        return text

    def join(pair: re.Match[str]) -> str:
        return chr(0x10000 + ((ord(pair[1]) - 0xD800) << 10) + ord(pair[2]) - 0xDC00)

    return _LONE.sub("?", _PAIR.sub(join, text))


_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]?")
"""A half of a character in UTF-8: Java replaces it as one, Python each of its bytes."""


def read_utf8(value: bytes) -> str:
    """The text; U+FFFD for what is no UTF-8, as many as Java writes."""
    return _SURROGATE.sub("\ufffd".encode(), value).decode("utf-8", "replace")
