"""Drives operators over typed rows, through the engine's own Task, without a format.

`Given` is a leaf: its records carry their columns as JSON in key and value, which DuckDB reads.
`run` gives every change that leaves, in order, and what a pull query would see at the end.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from streamsql.brokers.log import FETCHED
from streamsql.engine.database import Database
from streamsql.engine.step import Task
from streamsql.operators.collect import Collect
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo, lower_tree
from streamsql.operators.placement import KERNELS
from streamsql.schema.column import Column, Schema
from streamsql.schema.duck import duckdb_type, physical_names, quote
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import SqlType

SEEDS = int(os.environ.get("STREAMSQL_SEEDS", "2"))
"""Random inputs of each test that takes a `seed`; a thousand run over night."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(SEEDS))


class Row(NamedTuple):
    """A record: `value` None is a null value, `window` the bounds of a windowed key."""

    key: tuple[Any, ...]
    value: tuple[Any, ...] | None
    ts: int = 0
    part: int = 0
    input: int = 0
    window: tuple[int, int] | None = None


class Change(NamedTuple):
    """A row that left."""

    key: tuple[Any, ...]
    value: tuple[Any, ...] | None
    ts: int
    part: int
    window: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A leaf that reads `schema` from records whose key and value are JSON arrays."""

    schema: Schema
    table: bool = False
    window: WindowInfo | None = None
    inputs: tuple[Node, ...] = ()

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        batch = builder.input("given")
        names = physical_names(c.name for c in (*self.schema.key, *self.schema.value))
        types = [duckdb_type(c.type) for c in (*self.schema.key, *self.schema.value)]
        columns = []
        for i, (name, type_) in enumerate(zip(names, types, strict=True)):
            own = i < len(self.schema.key)
            source, place = ("_key", i) if own else ("_val", i - len(self.schema.key))
            columns.append(
                f"json_transform(decode({source})->{place}, '\"{type_}\"') AS {quote(name)}"
            )
        bounds = ""
        if self.window:
            at = len(self.schema.key)
            bounds = "".join(
                f"(decode(_key)->{at + i})::BIGINT AS {n}, " for i, n in enumerate(("_ws", "_we"))
            )
        kept = " WHERE " + f"{quote(names[0])} IS NOT NULL" if self.table else ""
        sql = (
            f"SELECT * FROM (SELECT _seq, _part, _off, _ts, _val IS NULL AS _null, _hdr, {bounds}"
            f" {', '.join(columns)} FROM {batch}){kept}"
        )
        return Relation(sql=f"({sql})", schema=self.schema, table=self.table, window=self.window)


@dataclass(slots=True)
class Outcome:
    """What a run gave."""

    changes: list[Change]
    rows: list[Change]
    statements: int = 0
    state: dict[str, int] = field(default_factory=dict)
    late: list[tuple[int, int, str]] = field(default_factory=list)


def fetched(rows: Sequence[Row], offset: int = 0) -> pa.Table:
    """Rows as a batch."""

    def text(values: Iterable[Any] | None) -> bytes | None:
        return None if values is None else json.dumps(list(values), default=str).encode()

    columns = {
        "input": [r.input for r in rows],
        "partition": [r.part for r in rows],
        "offset": list(range(offset, offset + len(rows))),
        "timestamp": [r.ts for r in rows],
        "key": [text((*r.key, *(r.window or ()))) for r in rows],
        "value": [text(r.value) for r in rows],
        "headers": [None] * len(rows),
    }
    return pa.table(columns, schema=FETCHED)


def cut(rows: Sequence[Row], how: int | str, seed: int = 0) -> list[list[Row]]:
    """Batches: of `how` records, or "all", or "random"."""
    if how == "all":
        return [list(rows)]
    rng = random.Random(seed)
    out, at = [], 0
    while at < len(rows):
        n = rng.randint(1, 9) if how == "random" else int(how)
        out.append(list(rows[at : at + n]))
        at += n
    return out


def run(
    node: Node,
    rows: Sequence[Row],
    how: int | str = "all",
    *,
    every_change: bool = True,
    threads: int = 1,
    seed: int = 0,
) -> Outcome:
    """Steps `node` over `rows` in batches."""
    builder = Builder(query_id="Q", every_change=every_change)
    relation = lower_tree(builder, Collect(input=node))
    plan = builder.build(materialized=relation.materialized)
    database = Database(settings={"threads": str(threads)}, kernels=KERNELS)
    changes: list[Change] = []
    late: list[tuple[int, int, str]] = []
    try:
        task = Task(plan, database.connection)
        task.create_state()
        offset = 0
        for batch in cut(rows, how, seed):
            with database.transaction():
                step = task.step(fetched(batch, offset), 0)
            offset += len(batch)
            changes += _changes(step.outputs[0], relation)
            late += [
                (entry["partition"], entry["timestamp"], entry["errorMessage"])
                for errors, table in zip(plan.errors, step.errors, strict=True)
                if errors.late
                for text in table.column("_log").to_pylist()
                for entry in [json.loads(text)]
            ]
        kept: list[Change] = []
        if relation.materialized:
            sql = f"SELECT * FROM ({relation.materialized}) ORDER BY ALL"
            kept = _changes(database.connection.sql(sql).to_arrow_table(), relation)
        state = {
            t.name: database.connection.execute(
                f"SELECT count(*) FROM state.{quote(t.name)}"
            ).fetchall()[0][0]
            for t in plan.state
        }
    finally:
        database.close()
    return Outcome(changes, kept, len(plan.statements), state, late)


def _changes(table: pa.Table, relation: Relation) -> list[Change]:
    names = list(relation.names.values())
    keys = len(relation.schema.key)
    out = []
    for row in table.to_pylist():
        values = tuple(row[n] for n in names)
        window = (row["_ws"], row["_we"]) if relation.window else None
        value = None if row["_null"] else values[keys:]
        out.append(Change(values[:keys], value, row["_ts"], row["_part"], window))
    return out


def schema(key: dict[str, SqlType], value: dict[str, SqlType]) -> Schema:
    """A schema from names and types."""
    return Schema(
        key=tuple(Column(n, t) for n, t in key.items()),
        value=tuple(Column(n, t) for n, t in value.items()),
    )


def col(name: str, type_: SqlType) -> TypedSql:
    """A column's text."""
    return TypedSql(sql=quote(name), type=type_, columns=frozenset((name,)))


@dataclass(frozen=True, slots=True)
class Kit:
    """What the tests of operators call."""

    given: Callable[..., Given] = Given
    run: Callable[..., Outcome] = run
    row: Callable[..., Row] = Row
    change: Callable[..., Change] = Change
    schema: Callable[..., Schema] = schema
    col: Callable[..., TypedSql] = col


@pytest.fixture(scope="session")
def kit() -> Kit:
    """Rows, nodes and the loop that drives them."""
    return Kit()
