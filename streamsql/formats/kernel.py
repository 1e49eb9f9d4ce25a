"""An Arrow function that a format needs beside DuckDB's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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


ERROR = "!"
"""Starts what a reading kernel gives for a record that cannot be read; JSON never starts so."""
