"""A topic's records as rows of a source, and the row that an ASSERT expects, both as Python
values."""

from __future__ import annotations

import pyarrow as pa

from streamsql.brokers.log import FETCHED
from streamsql.catalog.catalog import Source
from streamsql.config import Properties
from streamsql.engine.step import Task
from streamsql.errors import StatementError
from streamsql.operators.collect import Collect
from streamsql.plan.coerce import as_type
from streamsql.plan.expressions import bind
from streamsql.plan.frame import Context
from streamsql.plan.from_clause import topic_node
from streamsql.plan.lowering import lower
from streamsql.plan.persistent import new_builder
from streamsql.plan.values import NO_COLUMNS
from streamsql.runtime.query import advance
from streamsql.schema.duck import duckdb_type, physical_names
from streamsql.schema.types import BIGINT, NULL
from streamsql.sql import expr as ast
from streamsql.testing.driver import Driver

_PSEUDO = {"ROWTIME": "_ts", "WINDOWSTART": "_ws", "WINDOWEND": "_we"}


def topic_rows(driver: Driver, source: Source) -> list[dict[str, object]]:
    """Every record of the source's topic in order: columns by name, ROWTIME, the window,
    `_null`."""
    context = Context(catalog=driver.engine.catalog, properties=Properties(), persistent=False)
    builder = new_builder("assertion", context)
    lower(Collect(input=topic_node(source)), builder)
    task = Task(builder.build(), driver.engine.runtime.database.connection)
    table = task.step(_records(driver, source.topic), 0).outputs[0]
    names = [c.name for c in (*source.schema.key, *source.schema.value)]
    physical = dict(zip(names, physical_names(names), strict=True))
    physical |= {k: v for k, v in _PSEUDO.items() if v in table.column_names}
    physical["_null"] = "_null"
    columns = {name: table.column(p).to_pylist() for name, p in physical.items()}
    return [{n: c[i] for n, c in columns.items()} for i in range(table.num_rows)]


def _records(driver: Driver, topic: str) -> pa.Table:
    log = driver.engine.log
    positions = dict(driver.run(log.offsets([topic], end=False)))
    batches = [FETCHED.empty_table()]
    while (batch := driver.run(log.fetch([topic], positions, records_max=1_000_000))).num_rows:
        batches.append(batch.cast(FETCHED))
        advance(positions, [topic], batch)
    return pa.concat_tables(batches)


def expected_row(
    driver: Driver, source: Source, columns: tuple[str, ...], values: tuple[ast.Expr, ...]
) -> dict[str, object]:
    """The named columns with the values that an ASSERT gives them."""
    names = columns or tuple(c.name for c in (*source.schema.key, *source.schema.value))
    if len(names) != len(values):
        raise StatementError(f"{len(names)} columns and {len(values)} values")
    return {
        name: _value(driver, source, name, expr) for name, expr in zip(names, values, strict=True)
    }


def _value(driver: Driver, source: Source, name: str, expr: ast.Expr) -> object:
    column = source.schema.find(name)
    if column is None and name not in _PSEUDO:
        raise StatementError(f"{source.name} has no column {name}", position=expr.position)
    type_ = column.type if column is not None else BIGINT
    typed = bind(expr, NO_COLUMNS)
    if typed.type == NULL:
        return None
    text = as_type(type_, expr, typed).sql
    row = driver.engine.runtime.database.read(
        f"SELECT ({text})::{duckdb_type(type_)} AS v ORDER BY ALL"
    )
    return row.column("v")[0].as_py()
