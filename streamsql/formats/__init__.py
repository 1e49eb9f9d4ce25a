"""Bytes to columns and back: one file a format, each giving `FORMAT` (see `format.py`).

`FORMATS` has them by name, `KERNELS` what a connection must have registered before their SQL runs.
The records of those in `WITH_SCHEMAS` have a schema in a registry: `schema_kernels` ask it.
"""

from __future__ import annotations

from streamsql.errors import StatementError
from streamsql.formats import (
    avro,
    delimited,
    json,
    json_sr,
    kafka,
    msgpack,
    none,
    protobuf,
    protobuf_nosr,
    text,
)
from streamsql.formats.format import Format
from streamsql.formats.framed import SchemaFormat, framed_kernels
from streamsql.formats.kernel import Kernel
from streamsql.schema.registered import Schemas

__all__ = [
    "FORMATS",
    "KERNELS",
    "WITH_SCHEMAS",
    "SchemaFormat",
    "format_named",
    "schema_kernels",
]

WITH_SCHEMAS: dict[str, SchemaFormat] = {m.FORMAT.name: m.FORMAT for m in (avro, json_sr, protobuf)}
FORMATS: dict[str, Format] = {
    **{m.FORMAT.name: m.FORMAT for m in (json, delimited, kafka, none, protobuf_nosr, msgpack)},
    **WITH_SCHEMAS,
}

KERNELS = (
    *json.KERNELS,
    *delimited.KERNELS,
    *protobuf_nosr.KERNELS,
    *msgpack.KERNELS,
    *text.KERNELS,
)


def schema_kernels(schemas: Schemas) -> tuple[Kernel, ...]:
    """The functions that the formats of WITH_SCHEMAS call beside KERNELS, over a registry."""
    return framed_kernels(schemas, WITH_SCHEMAS)


def format_named(name: str) -> Format:
    """The format of that name, in any case; raises StatementError for one that is not there."""
    found = FORMATS.get(name.upper())
    if found is None:
        raise StatementError(
            f"Unknown format: {name.upper()}", hint=f"formats are {', '.join(FORMATS)}"
        )
    return found
