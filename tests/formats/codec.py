"""Runs a format's SQL as the operators compose it, on one connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from streamsql.engine.reading import read_batch
from streamsql.formats import KERNELS, schema_kernels
from streamsql.formats.format import READ, Decode, Format, FormatOptions
from streamsql.registry.embedded import EmbeddedRegistry
from streamsql.schema.column import Column
from streamsql.schema.duck import duckdb_type, literal, quote

__all__ = [
    "Decoded",
    "computed",
    "connection",
    "decode",
    "encode",
    "literal",
    "printed",
    "registry",
]


@dataclass(frozen=True)
class Decoded:
    """What came of records, row by row; an error is None where the record could be read."""

    rows: list[tuple[Any, ...]]
    errors: list[str | None]
    nulls: list[bool]


@cache
def connection() -> duckdb.DuckDBPyConnection:
    """One connection for all tests: opening one and registering kernels costs more than a test."""
    con = duckdb.connect(config={"threads": 1})
    con.execute("SET TimeZone = 'UTC'")
    for kernel in (*KERNELS, *schema_kernels(registry())):
        con.create_function(
            kernel.name,
            kernel.function,
            None if kernel.parameters is None else list(kernel.parameters),
            kernel.returns,
            type="arrow",
            null_handling="special",
        )
    return con


@cache
def registry() -> EmbeddedRegistry:
    """The registry of that connection."""
    return EmbeddedRegistry(duckdb.connect())


def compose_decode(source: str, decoded: Decode, relation: str) -> str:
    """The stages nested as a source nests them, with columns `v0…`, `error` and `is_null`."""
    relation = nested(decoded, relation)
    columns = [f"{text} AS v{i}" for i, text in enumerate(decoded.columns)]
    columns += [f"{decoded.error} AS error", f"{decoded.null} AS is_null"]
    return f"SELECT {', '.join(columns)} FROM {relation} ORDER BY n"


def nested(decoded: Decode, relation: str) -> str:
    """The relation with the computed columns of the decoder's stages."""
    for stage in decoded.stages:
        texts = ", ".join(f"{text} AS {name}" for name, text in stage)
        relation = f"(SELECT *, {texts} FROM {relation})"
    return relation


def decode(
    format_: Format,
    columns: Sequence[Column],
    records: Sequence[bytes | None],
    options: FormatOptions | None = None,
    *,
    wanted: Sequence[str] | None = None,
    as_text: bool = False,
) -> Decoded:
    """Decodes records in one batch; `as_text`: values as DuckDB prints them."""
    names = [c.name for c in columns] if wanted is None else wanted
    made = format_.decode(quote("_val"), columns, options or FormatOptions(), wanted=names)
    table = pa.table({"n": range(len(records)), "_val": pa.array(records, pa.binary())})
    con = connection()
    if made.rest is not None and made.kernel is not None:
        table = read_batch(table, made.kernel, READ, lambda left: read_left(made, left))
    elif made.kernel is not None:
        con.register("records", table)
        texts = "".join(f", {text} AS {name}" for name, text in made.before)
        table = made.kernel(con.sql(f"SELECT *{texts} FROM records ORDER BY n").to_arrow_table())
        con.unregister("records")
    con.register("records", table)
    try:
        sql = compose_decode(quote("_val"), made, "records")
        if as_text:
            texts = [f"v{i}::VARCHAR" for i in range(len(made.columns))]
            names = ", ".join([*texts, "error", "is_null"])
            sql = f"SELECT {names} FROM ({sql})"
        rows = con.execute(sql).fetchall()
    finally:
        con.unregister("records")
    return Decoded(
        rows=[row[:-2] for row in rows],
        errors=[row[-2] for row in rows],
        nulls=[row[-1] for row in rows],
    )


def read_left(made: Decode, left: pa.Table) -> pa.Table:
    """Reads the records that a kernel has left, as a source does."""
    assert made.rest is not None
    columns = ", ".join(f"{text} AS {name}" for name, text in made.rest_columns())
    con = connection()
    con.register("left_over", left)
    try:
        sql = f"SELECT {columns} FROM {nested(made.rest, 'left_over')} ORDER BY n"
        return con.sql(sql).to_arrow_table()
    finally:
        con.unregister("left_over")


def computed(made: Decode, column: str, records: Sequence[bytes | None]) -> list[Any]:
    """A computed column of the decoder's stages, for each record."""
    con = connection()
    con.register("records", pa.table({"n": range(len(records)), "_val": pa.array(records)}))
    relation = nested(made.rest or made, "records")
    try:
        rows = con.execute(f"SELECT {column} FROM {relation} ORDER BY n").fetchall()
    finally:
        con.unregister("records")
    return [value for (value,) in rows]


def encode(
    format_: Format,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    options: FormatOptions | None = None,
) -> list[bytes | None]:
    """Encodes rows, each given as DuckDB texts, in one batch."""
    names = [f"c{i}" for i in range(len(columns))]
    made = format_.encode(columns, names, options or FormatOptions(), target="_val")
    relation = relation_of(columns, rows)
    table = (
        connection()
        .sql(f"SELECT n, {made.sql} AS _val FROM {relation} ORDER BY n")
        .to_arrow_table()
    )
    if made.kernel:
        table = made.kernel(table)
    return table.column("_val").to_pylist()


def printed(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[tuple[Any, ...]]:
    """The rows' values as DuckDB prints them."""
    texts = ", ".join(f"c{i}::VARCHAR" for i in range(len(columns)))
    sql = f"SELECT {texts} FROM {relation_of(columns, rows)} ORDER BY n"
    return connection().execute(sql).fetchall()


def relation_of(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """Rows of DuckDB texts as a relation with columns `n, c0, c1, …`."""
    lines = (
        ", ".join(
            [str(n), *(f"({x})::{duckdb_type(c.type)}" for x, c in zip(row, columns, strict=True))]
        )
        for n, row in enumerate(rows)
    )
    names = ", ".join(["n", *(f"c{i}" for i in range(len(columns)))])
    return f"(VALUES {', '.join(f'({line})' for line in lines)}) AS t({names})"
