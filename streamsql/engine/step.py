"""The core: a query's plan run over one batch. A function of the batch, the state and the time.

`Task.step` runs inside a transaction that its caller opened (`engine/database.py`), so that state,
positions and, in an embedded engine, the outputs are one: a killed step never happened. It reads no
clock and starts no thread.

In:  an Arrow table with the columns of a fetched batch (`brokers.log.FETCHED`), in processing
order. Out: `Step`: for each output of the plan an Arrow table in order of writing, and the records
that could not be read.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsql.engine.plan import PhysicalPlan, Statement, StateTable
from streamsql.schema.duck import duckdb_identifier_list, quote

_BATCH_NAMES = ["_part", "_off", "_ts", "_key", "_val", "_hdr"]
_FETCHED_NAMES = ["partition", "offset", "timestamp", "key", "value", "headers"]
_NOW = re.compile(r"\$now\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step gives: one table for each of the plan's outputs and errors, in their order."""

    outputs: tuple[pa.Table, ...]
    errors: tuple[pa.Table, ...]
    records_in: int
    records_out: int


class StepError(Exception):
    """A batch that DuckDB refuses; the caller rolls back and cuts it down to the record."""


class Task:
    """A plan bound to a connection whose transaction its caller holds.

    `sequence` is the `_seq` of the last record that was processed; the caller stores it with the
    positions.
    """

    def __init__(self, plan: PhysicalPlan, connection: duckdb.DuckDBPyConnection) -> None:
        self.plan = plan
        self.sequence = 0
        self._steps = 1
        self._connection = connection
        self._left = {o.result for o in plan.outputs} | {e.result for e in plan.errors}
        self._read_again = {
            s.result for s in plan.statements if s.result and _is_read(s.result, plan.statements)
        }

    def create_state(self) -> None:
        """Creates the state tables that are not there."""
        for table in self.plan.state:
            columns = duckdb_identifier_list(table.columns)
            self._connection.execute(
                f"CREATE TABLE IF NOT EXISTS state.{quote(table.name)} ({columns})"
            )

    def replace_state(self, before: PhysicalPlan) -> None:
        """Gives the state that `before` left this plan's shape: new tables and columns are
        empty."""
        mine = {t.name: t for t in self.plan.state}
        for table in before.state:
            if table.disposable or table.name not in mine:
                self._connection.execute(f"DROP TABLE IF EXISTS state.{quote(table.name)}")
            elif table.columns != mine[table.name].columns:
                self._reshape(table, mine[table.name])
        self.create_state()

    def _reshape(self, old: StateTable, new: StateTable) -> None:
        """Puts `new` in the place of `old` with the columns that both have."""
        kept = ", ".join(quote(n) for n, _ in new.columns if n in dict(old.columns))
        aside = quote(f"{old.name}~")
        name = f"state.{quote(new.name)}"
        columns = duckdb_identifier_list(new.columns)
        self._connection.execute(f"ALTER TABLE state.{quote(old.name)} RENAME TO {aside}")
        self._connection.execute(f"CREATE TABLE {name} ({columns})")
        self._connection.execute(f"INSERT INTO {name} ({kept}) SELECT {kept} FROM state.{aside}")
        self._connection.execute(f"DROP TABLE state.{aside}")

    def drop_state(self) -> None:
        """Drops the state tables."""
        for table in self.plan.state:
            self._connection.execute(f"DROP TABLE IF EXISTS state.{quote(table.name)}")

    def step(self, batch: pa.Table, now_ms: int) -> Step:
        """Processes `batch` and gives what leaves; raises StepError where a statement fails."""
        fetched: dict[str, pa.Table] = {}
        names = self._register(batch)
        try:
            for statement in self.plan.statements:
                if self._steps % statement.every:
                    continue
                try:
                    table = self._run(statement, now_ms)
                except duckdb.Error as error:
                    raise StepError(str(error)) from error
                if table is not None:
                    fetched[statement.result] = table
                    if statement.result in self._read_again:
                        self._connection.register(statement.result, table)
                        names.append(statement.result)
        finally:
            for name in names:
                # In a transaction that failed this raises too, and would hide why; the rollback
                # removes the names.
                with suppress(duckdb.TransactionException):
                    self._connection.unregister(name)
        self.sequence += batch.num_rows
        self._steps += 1
        outputs = tuple(_accepted(fetched[o.result]) for o in self.plan.outputs)
        return Step(
            outputs=outputs,
            errors=tuple(_rejected(fetched[e.result]) for e in self.plan.errors),
            records_in=batch.num_rows,
            records_out=sum(t.num_rows for t in outputs),
        )

    def _register(self, batch: pa.Table) -> list[str]:
        """Registers the batch of each input as `in0`, `in1`, … with BATCH's columns."""
        first = self.sequence + 1
        sequence = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int64))
        columns = [sequence, *(batch.column(name) for name in _FETCHED_NAMES)]
        whole = pa.table(columns, names=["_seq", *_BATCH_NAMES])
        names: list[str] = []
        for i in range(len(self.plan.inputs)):
            part = whole
            if len(self.plan.inputs) > 1:
                part = whole.filter(pc.equal(batch.column("input"), pa.scalar(i, pa.int32())))
            self._connection.register(f"in{i}", part)
            names.append(f"in{i}")
        return names

    def _run(self, statement: Statement, now_ms: int) -> pa.Table | None:
        """Runs one statement; gives its rows where they are wanted as Arrow, else keeps them in a
        temporary table."""
        sql = statement.sql
        parameters = {"now": now_ms} if _NOW.search(sql) else None
        if not statement.result:
            self._connection.execute(sql, parameters)
            return None
        if statement.kernel is None and statement.result not in self._left:
            self._connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {statement.result} AS {sql}", parameters
            )
            return None
        table = self._connection.sql(sql, params=parameters).to_arrow_table()
        return statement.kernel(table) if statement.kernel else table


def _accepted(table: pa.Table) -> pa.Table:
    """An output's rows that leave: those without an error."""
    if "_err" not in table.column_names:
        return table
    errors = table.column("_err")
    table = table.drop_columns(["_err"])
    return table if errors.null_count == len(errors) else table.filter(pc.is_null(errors))


def _rejected(table: pa.Table) -> pa.Table:
    """The errors of a result: the fields of its column `_err`, or the result itself where it has
    none."""
    if "_err" not in table.column_names:
        return table
    errors = table.column("_err")
    kept = pa.table([errors.slice(0, 0)], names=["_err"])
    if errors.null_count < len(errors):
        kept = pa.table([errors.filter(pc.is_valid(errors))], names=["_err"])
    flat = kept.flatten()
    return flat.rename_columns([name.removeprefix("_err.") for name in flat.column_names])


def _is_read(result: str, statements: tuple[Statement, ...]) -> bool:
    """Whether some statement reads `result`."""
    pattern = re.compile(rf"\b{re.escape(result)}\b")
    return any(pattern.search(s.sql) for s in statements)
