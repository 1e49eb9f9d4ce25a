"""Bytes to columns and back: one file a format, each giving `FORMAT` (see `format.py`).

`FORMATS` has them by name, `KERNELS` what a connection must have registered before their SQL runs.
"""

from __future__ import annotations

from streamsql.errors import StatementError, UnsupportedError
from streamsql.formats import delimited, json, kafka, none, text
from streamsql.formats.format import Format

__all__ = ["FORMATS", "KERNELS", "format_named"]

FORMATS: dict[str, Format] = {m.FORMAT.name: m.FORMAT for m in (json, delimited, kafka, none)}
KERNELS = (*json.KERNELS, *delimited.KERNELS, *text.KERNELS)

_PLANNED = ("AVRO", "JSON_SR", "PROTOBUF", "PROTOBUF_NOSR")


def format_named(name: str) -> Format:
    """The format of that name, in any case; raises StatementError for one that is not there."""
    found = FORMATS.get(name.upper())
    if name.upper() in _PLANNED:
        raise UnsupportedError(f"Format {name.upper()} is not supported yet")
    if found is None:
        raise StatementError(
            f"Unknown format: {name.upper()}", hint=f"formats are {', '.join(FORMATS)}"
        )
    return found
