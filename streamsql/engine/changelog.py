"""The state changelog of a query: what a step did to the state tables, as compacted records.

In:  the rows that each effect statement of a step put in or took out. Out: CHANGELOG, the last
change of each row. Applied in order to an empty database, or to an older copy, the records give
the same state tables bit for bit, wherever they are cut and whatever compaction has removed.

Key:   `VERSION`, the table's own name (without the query's id), a zero byte, the key columns.
Value: four bytes that tell the table's columns, the other columns; null where the row is gone.
Columns are as `row_bytes.py` writes them. A key that begins with a zero byte is the runtime's own.

1. A row that is gone comes before the rows that are there: 0.0 and -0.0 are one key to SQL and two
   to compaction, and the tombstone of the one must not end the other.
2. Keys order the records, so that they do not depend on DuckDB's threads.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsql.engine.plan import PhysicalPlan, Statement, StateTable
from streamsql.errors import DatabaseError
from streamsql.schema import row_bytes
from streamsql.schema.duck import quote
from streamsql.schema.row_bytes import Array, Counts, decode_rows, encode_rows

__all__ = [
    "CHANGELOG",
    "Change",
    "Columns",
    "Effect",
    "Restored",
    "TableLog",
    "delete_all",
    "effects_of",
    "net_changes",
    "read_records",
    "table_logs",
]

Chunks: TypeAlias = "pa.ChunkedArray[Any]"

CHANGELOG = pa.schema([("part", pa.int32()), ("key", pa.binary()), ("value", pa.binary())])

VERSION = b"A"
"""Of keys and values alike; never a zero byte."""

_HEAD_BYTES = 4
_EFFECT = re.compile(r'(DELETE FROM|INSERT INTO|MERGE INTO) state\.("(?:[^"]|"")+")')


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLog:
    """A state table and how its rows are written. `prefix` begins its keys, `head` its values."""

    table: StateTable
    prefix: bytes
    head: bytes

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that are not in the key."""
        return tuple(n for n, _ in self.table.columns if n not in self.table.key)

    def keys_of(self, rows: pa.RecordBatch) -> Array:
        """The key of each row."""
        columns = [rows.column(n) for n in self.table.key]
        return encode_rows(columns, rows.num_rows, self.prefix)

    def values_of(self, rows: pa.RecordBatch) -> Array:
        """The value of each row."""
        return encode_rows([rows.column(n) for n in self.values], rows.num_rows, self.head)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a statement does to a table, and its text. `deletes`: of each row the text gives the
    key, else the whole row."""

    log: TableLog
    sql: str
    deletes: bool


@dataclass(frozen=True, slots=True)
class Change:
    """The rows of an effect: whole ones, or, of a DELETE, keys."""

    effect: Effect
    rows: pa.Table


def table_logs(plan: PhysicalPlan) -> tuple[TableLog, ...]:
    """How each state table of a plan is written."""
    logs: list[TableLog] = []
    for table in plan.state:
        name = table.name.removeprefix(f"{plan.query_id}$").encode()
        columns = repr((table.key, table.columns)).encode()
        head = zlib.crc32(columns).to_bytes(_HEAD_BYTES, "big")
        logs.append(TableLog(table=table, prefix=VERSION + name + b"\0", head=head))
    return tuple(logs)


def effects_of(plan: PhysicalPlan) -> dict[str, Effect]:
    """The effect of each statement of a plan that has one to record, by its text."""
    logs = {quote(log.table.name): log for log in table_logs(plan)}
    effects = [s for s in plan.statements if not s.result and not s.comes_back]
    return {s.sql: _effect(s, logs) for s in effects}


def _effect(statement: Statement, logs: Mapping[str, TableLog]) -> Effect:
    found = _EFFECT.match(statement.sql)
    if found is None:
        raise AssertionError(f"no change of a state table: {statement.sql}")
    return _returning(logs[found[2]], statement.sql, deletes=found[1] == "DELETE FROM")


def delete_all(log: TableLog) -> Effect:
    """The end of every row of a table."""
    return _returning(log, f"DELETE FROM state.{quote(log.table.name)}", deletes=True)


def _returning(log: TableLog, sql: str, *, deletes: bool) -> Effect:
    columns = log.table.key if deletes else [n for n, _ in log.table.columns]
    return Effect(log, f"{sql} RETURNING {', '.join(map(quote, columns))}", deletes)


def net_changes(changes: Sequence[Change]) -> pa.Table:
    """CHANGELOG of a step: its changes in the order in which they were made, the last of each
    row. OverflowError where they are more than Arrow can hold."""
    found = [
        _records(change.effect, batch)
        for change in changes
        for batch in change.rows.to_batches()
        if batch.num_rows
    ]
    if sum(batch.nbytes for batch in found) > row_bytes.BYTES_MAX:
        raise OverflowError(row_bytes.TOO_LARGE)
    table = pa.Table.from_batches(found, CHANGELOG).combine_chunks()
    gone = np.asarray(table.column("value").is_null())
    if gone.any():
        # Else no row is named twice: of one that comes back, only that.
        last = _last(table.column("key"))
        table, gone = table.take(_places(last)), gone[last]
    order = np.asarray(pc.array_sort_indices(table.column("key")))
    gone = gone[order]
    return table.take(_places(np.concatenate([order[gone], order[~gone]])))


def _records(effect: Effect, rows: pa.RecordBatch) -> pa.RecordBatch:
    """CHANGELOG of the rows of an effect."""
    log = effect.log
    values = pa.nulls(rows.num_rows, pa.binary()) if effect.deletes else log.values_of(rows)
    columns = [rows.column(log.table.key[0]), log.keys_of(rows), values]
    return pa.RecordBatch.from_arrays(columns, schema=CHANGELOG)


def _places(rows: Counts) -> pa.Int64Array:
    return pa.array(rows, pa.int64())


def _last(keys: Chunks) -> Counts:
    """The place of the last row of each key, in order."""
    codes = np.asarray(keys.combine_chunks().dictionary_encode().indices)
    last = np.empty(int(codes.max(initial=-1)) + 1, np.int64)
    # Where an index is repeated, numpy keeps what was assigned last.
    last[codes] = np.arange(len(codes))
    return np.sort(last)


# reading ----------------------------------------------------------------------------------------

Columns: TypeAlias = tuple[tuple[str, str], ...]
"""(name, DuckDB type) of each."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What records say of a state table: the keys they speak of, and the rows that are there."""

    table: StateTable
    keys: pa.Table
    rows: pa.Table


def read_records(
    records: pa.Table,
    logs: Sequence[TableLog],
    arrow_schema: Callable[[Columns], pa.Schema],
    *,
    before: Sequence[TableLog] = (),
) -> Iterator[Restored]:
    """What `records` (key, value; in log order) say of the tables of `logs`; of a key the last
    one counts.

    `arrow_schema`: how Arrow calls columns. `before`: the tables as earlier plans of the query had
    them. Other tables are passed over. DatabaseError where rows are of a shape that is not known.
    """
    if not records.num_rows:
        return
    records = records.take(_places(_last(records.column("key")))).combine_chunks()
    keys = records.column("key")
    known = pc.or_(_begins(keys, VERSION), _begins(keys, b"\0"))
    if not pc.all(known).as_py():
        raise DatabaseError(
            "a state changelog was written in a format that this version does not know",
            hint="run the version that wrote it",
        )
    for log in logs:
        mine = records.filter(_begins(keys, log.prefix))
        if mine.num_rows:
            shapes = {o.head: o for o in (*before, log) if o.prefix == log.prefix}
            yield _restored(log, mine, shapes, arrow_schema)


def _begins(keys: Chunks, prefix: bytes) -> pa.BooleanArray:
    """Which keys begin with `prefix`."""
    return pc.equal(pc.binary_slice(keys, 0, len(prefix)), pa.scalar(prefix, pa.binary()))


def _restored(
    log: TableLog,
    records: pa.Table,
    shapes: Mapping[bytes, TableLog],
    arrow_schema: Callable[[Columns], pa.Schema],
) -> Restored:
    types = dict(log.table.columns)
    key_schema = arrow_schema(tuple((n, types[n]) for n in log.table.key))
    keys = _decoded(records.column("key"), len(log.prefix), key_schema)
    there = records.column("value").is_valid()
    values = records.column("value").filter(there)
    rows = keys.filter(there)
    heads = pc.binary_slice(values, 0, _HEAD_BYTES)
    whole = arrow_schema(log.table.columns)
    found: list[pa.Table] = []
    for head in heads.unique().to_pylist():
        assert isinstance(head, bytes)
        shape = shapes.get(head)
        if shape is None or shape.table.key != log.table.key:
            raise DatabaseError(
                f"the state changelog of {log.table.name} has rows of another layout",
                detail=f"this one is {log.table.columns}",
                hint="run the statement that wrote them, then replace it",
            )
        same = _begins(heads, head)
        columns = tuple(c for c in shape.table.columns if c[0] not in log.table.key)
        more = _decoded(values.filter(same), _HEAD_BYTES, arrow_schema(columns))
        found.append(_shaped(rows.filter(same), more, whole))
    return Restored(log.table, keys, pa.concat_tables([whole.empty_table(), *found]))


def _decoded(column: Chunks, skip: int, schema: pa.Schema) -> pa.Table:
    types = [field.type for field in schema]
    batches = [decode_rows(chunk, skip, types) for chunk in column.chunks]
    return pa.Table.from_batches(
        [pa.RecordBatch.from_arrays(arrays, schema=schema) for arrays in batches], schema
    )


def _shaped(keys: pa.Table, values: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows of the columns of `schema`; NULL where an earlier plan did not have one."""
    columns = {
        **dict(zip(keys.column_names, keys.columns, strict=True)),
        **dict(zip(values.column_names, values.columns, strict=True)),
    }
    return pa.table(
        [columns[f.name] if f.name in columns else pa.nulls(keys.num_rows, f.type) for f in schema],
        schema=schema,
    )
