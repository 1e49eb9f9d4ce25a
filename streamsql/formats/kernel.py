"""An Arrow function that a format needs beside DuckDB's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """An Arrow function, registered with the connection under `name` before any step.

    It takes arrays and gives one array of as many rows. Fields as `functions.registry.Kernel`,
    which this room may not import. `parameters`: None where it takes any. `slow`: it loops over
    rows in Python; it stands in a CASE, so that DuckDB calls it for those rows only that need it.
    """

    name: str
    parameters: tuple[str, ...] | None
    returns: str
    function: Callable[..., pa.Array[Any]]
    slow: bool = False


R = TypeVar("R")

ERROR = "!"
"""Starts what a reading kernel gives for a record that cannot be read; JSON never starts so."""


def read_each(
    records: Any, described: Any, reader_of: Callable[[str], R], read: Callable[[bytes, R], str]
) -> pa.Array[Any]:
    """What `read` gives for each record, or ERROR and the ValueError that it raises; NULL for none.
    `described`: a constant, of which `reader_of` makes the reader."""
    if not len(records):
        return pa.array([], pa.string())
    reader = reader_of(described[0].as_py())

    def read_one(data: bytes | None) -> str | None:
        if data is None:
            return None
        try:
            return read(data, reader)
        except ValueError as error:
            return f"{ERROR}{error}"

    return pa.array([read_one(data) for data in records.to_pylist()], pa.string())
