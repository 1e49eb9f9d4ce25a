"""Rows between the stages of one query, bit for bit; nobody else reads or writes them.

    01          what follows is a row as `schema/row_bytes.py` says
    nn nn       of so many columns, little-endian
    the row

Columns that are appended later are NULL in rows that were written before. A row that begins with
another byte was written before there were such rows (DECISIONS 0038): a JSON object with the
fields `c0`, `c1`, …, in which what JSON would round or spell in two ways is text that casts back to
the same value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from streamsql.formats.arrow_column import arrow_type
from streamsql.formats.format import READ
from streamsql.formats.wire import Arrow, Ints, nulls, whole_array
from streamsql.schema.duck import duckdb_type, literal, quote
from streamsql.schema.row_bytes import decode_rows, encode_rows
from streamsql.schema.types import BYTES, Array, Decimal, Map, SqlType, Struct

_MARK = 1
_HEAD_BYTES = 3

Kernel = Callable[[pa.Table], pa.Table]


def row_columns(types: Sequence[SqlType], values: Sequence[str]) -> list[str]:
    """The columns `_c0`, `_c1`, … of a SELECT, which the kernel of `row_writer` makes a row of:
    columns of `types`, whose DuckDB texts are `values`."""
    pairs = zip(types, values, strict=True)
    return [f"({value})::{duckdb_type(type_)} AS _c{i}" for i, (type_, value) in enumerate(pairs)]


def row_writer(count: int, place: int) -> Kernel:
    """A kernel that takes a table with the `row_columns`, and gives it with `value`, BINARY, at
    `place` instead. OverflowError where the rows are more than 2 GB."""
    head = bytes([_MARK]) + count.to_bytes(_HEAD_BYTES - 1, "little")
    names = [f"_c{i}" for i in range(count)]

    def write(table: pa.Table) -> pa.Table:
        columns = [whole_array(table.column(name)) for name in names]
        rows = encode_rows(columns, table.num_rows, head)
        return table.drop_columns(names).add_column(place, "value", rows)

    return write


def row_reader(types: Sequence[SqlType]) -> Kernel:
    """A kernel that reads the rows in `_val`, BINARY: it adds `_c0`, `_c1`, … of `types`, and READ,
    false where there is no row of them (`old_row`)."""
    read_as = [arrow_type(type_) for type_ in types]

    def read(table: pa.Table) -> pa.Table:
        rows = whole_array(table.column("_val"))
        counts = _column_counts(rows)
        was_read = np.zeros(len(rows), np.bool_)
        found: list[tuple[Ints, list[Arrow]]] = []
        known = (counts >= 0) & (counts <= len(read_as))
        for count in np.unique(counts[known]).tolist():
            mine = np.flatnonzero(counts == count)
            part = rows if len(mine) == len(rows) else rows.take(pa.array(mine))
            try:
                columns = decode_rows(part, _HEAD_BYTES, read_as[:count])
            except ValueError:
                # Damaged, or of other types: who reads what is left says so.
                continue
            was_read[mine] = True
            found.append((mine, [*columns, *(nulls(len(mine), t) for t in read_as[count:])]))
        left = np.flatnonzero(~was_read)
        found.append((left, [nulls(len(left), t) for t in read_as]))
        for i, column in enumerate(_side_by_side(found)):
            table = table.append_column(f"_c{i}", column)
        return table.append_column(READ, pa.array(was_read))

    return read


def _column_counts(rows: Arrow) -> Ints:
    """How many columns each row has, -1 where it is none."""
    _, offsets, data = rows.buffers()
    if not len(rows) or data is None or len(data) < _HEAD_BYTES:
        return np.full(len(rows), -1, np.int64)
    ends = np.frombuffer(offsets, np.int32)[rows.offset : rows.offset + len(rows) + 1]
    content = np.frombuffer(data, np.uint8)
    begins = ends[:-1].astype(np.int64)
    marked = (np.diff(ends) >= _HEAD_BYTES) & rows.is_valid().to_numpy(zero_copy_only=False)
    at = np.where(marked, begins, 0)
    marked &= content[at] == _MARK
    at = np.where(marked, begins, 0)
    counts = content[at + 1].astype(np.int64) | content[at + 2].astype(np.int64) << 8
    return np.where(marked, counts, -1)


def _side_by_side(found: Sequence[tuple[Ints, list[Arrow]]]) -> list[Arrow]:
    """The columns of all parts, each row at its place."""
    parts = [(places, columns) for places, columns in found if len(places)]
    if len(parts) <= 1:
        return (parts or found)[0][1]
    order = np.concatenate([places for places, _ in parts])
    index = np.empty(len(order), np.int64)
    index[order] = np.arange(len(order))
    at = pa.array(index)
    return [pa.concat_arrays(c).take(at) for c in zip(*(c for _, c in parts), strict=True)]


def old_row(source: str, types: Sequence[SqlType]) -> tuple[str, tuple[str, ...]]:
    """Text of the JSON row in `source` (a BLOB), and the text of each column over it, which is
    called `_row`."""
    fields = {f"c{i}": _carrier(type_) for i, type_ in enumerate(types)} or {"c0": "BOOLEAN"}
    row = f"from_json(decode({source}), {literal(json.dumps(fields, ensure_ascii=False))})"
    columns = (f"(_row.c{i})::{duckdb_type(type_)}" for i, type_ in enumerate(types))
    return row, tuple(columns)


def _carrier(type_: SqlType) -> str:
    """The DuckDB type that travelled: a DECIMAL would pass through a double, bytes are no text."""
    match type_:
        case Decimal():
            return "VARCHAR"
        case Array(element):
            return f"{_carrier(element)}[]"
        case Map(key, value):
            return f"MAP({_carrier(key)}, {_carrier(value)})"
        case Struct(fields):
            inner = ", ".join(f"{quote(f.name)} {_carrier(f.type)}" for f in fields)
            return f"STRUCT({inner})"
        case _:
            return "VARCHAR" if type_ == BYTES else duckdb_type(type_)
