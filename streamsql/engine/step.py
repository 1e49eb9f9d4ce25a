"""The core: a query's plan run over one batch. A function of the batch, the state and the time.

`Task.step` runs inside a transaction that its caller opened (`engine/database.py`), so that state,
positions and, in an embedded engine, the outputs are one: a killed step never happened. It reads no
clock and starts no thread.

In:  an Arrow table with the columns of a fetched batch (`brokers.log.FETCHED`), in processing
order. Out: `Step`: for each output of the plan an Arrow table in order of writing, and what goes to
the processing log.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsql.engine.changelog import (
    Change,
    Columns,
    delete_all,
    effects_of,
    net_changes,
    read_records,
    table_logs,
)
from streamsql.engine.compaction import Compaction
from streamsql.engine.given import give, let_go
from streamsql.engine.plan import (
    BAD_TIMESTAMP,
    PhysicalPlan,
    Statement,
    StateTable,
    left_name,
    parameter_names,
)
from streamsql.engine.reading import read_batch
from streamsql.schema.duck import duckdb_identifier_list, quote

_BATCH_NAMES = ["_part", "_off", "_ts", "_key", "_val", "_hdr"]
_FETCHED_NAMES = ["partition", "offset", "timestamp", "key", "value", "headers"]
_ERR = pa.struct(
    [
        ("_input", pa.int32()),
        ("_part", pa.int32()),
        ("_off", pa.int64()),
        ("_ts", pa.int64()),
        ("_key", pa.binary()),
        ("_val", pa.binary()),
        ("message", pa.string()),
    ]
)
"""`engine.plan.ERROR_TYPE` in Arrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step gives: one table for each of the plan's outputs and errors, in their order.

    `changelog`: what it did to the state (`changelog.CHANGELOG`), where its task keeps one.
    """

    outputs: tuple[pa.Table, ...]
    errors: tuple[pa.Table, ...]
    records_in: int
    records_out: int
    changelog: pa.Table | None = None

    @property
    def unread(self) -> int:
        """How many records could not be read, or have no time."""
        return sum(len(column) - column.null_count for column in self._messages())

    @property
    def untimed(self) -> int:
        """How many records have no time."""
        return sum(column.to_pylist().count(BAD_TIMESTAMP) for column in self._messages())

    def _messages(self) -> list[pa.ChunkedArray[Any]]:
        return [pc.struct_field(t.column("_err"), "message") for t in self.errors]


class StepError(Exception):
    """A batch that DuckDB refuses; the caller rolls back and cuts it down to the record."""


class Task:
    """A plan bound to a connection whose transaction its caller holds.

    `sequence` is the `_seq` of the last record that was processed; the caller stores it with the
    positions. `changelog`: its steps say what they did to the state. `numbers`: the partition
    numbers whose state is this task's alone; None: all.
    """

    def __init__(
        self,
        plan: PhysicalPlan,
        connection: duckdb.DuckDBPyConnection,
        *,
        changelog: bool = False,
    ) -> None:
        self.plan = plan
        self.sequence = 0
        self.numbers: frozenset[int] | None = None
        self._steps = 1
        self._connection = connection
        self._changelog = changelog
        self._schemas: dict[Columns, pa.Schema] = {}
        self._relations: dict[str, duckdb.DuckDBPyRelation] = {}
        self._parsed: dict[str, duckdb.Statement] = {}
        self._effects = effects_of(plan) if changelog else {}
        self._compaction = Compaction(
            connection, {f"state.{quote(t.name)}": quote(t.key[0]) for t in plan.state}
        )
        self._left = {o.result for o in plan.outputs} | {e.result for e in plan.errors}
        self._read_again = {
            s.result for s in plan.statements if s.result and _is_read(s.result, plan.statements)
        }
        self._inputs_read = {
            name for i in range(len(plan.inputs)) if _is_read(name := f"in{i}", plan.statements)
        }

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Where it runs; the caller holds the transaction."""
        return self._connection

    def create_state(self) -> None:
        """Creates the state tables that are not there."""
        for table in self.plan.state:
            columns = duckdb_identifier_list(table.columns)
            self._connection.execute(
                f"CREATE TABLE IF NOT EXISTS state.{quote(table.name)} ({columns})"
            )

    def replace_state(self, before: PhysicalPlan) -> pa.Table | None:
        """Gives the state that `before` left this plan's shape: new tables and columns are
        empty. Gives the changelog of what it dropped, where the task keeps one."""
        self._compaction.forget()
        mine = {t.name: t for t in self.plan.state}
        old = {log.table.name: log for log in table_logs(before)}
        changes: list[Change] = []
        for table in before.state:
            if table.disposable or table.name not in mine:
                if self._changelog:
                    effect = delete_all(old[table.name])
                    changes.append(
                        Change(effect, self._connection.sql(effect.sql).to_arrow_table())
                    )
                self._connection.execute(f"DROP TABLE IF EXISTS state.{quote(table.name)}")
            elif table.columns != mine[table.name].columns:
                self._reshape(table, mine[table.name])
        self.create_state()
        return net_changes(changes) if self._changelog else None

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

    def restore(self, records: pa.Table, *, before: Sequence[PhysicalPlan] = ()) -> None:
        """Applies records of its changelog (key, value; in log order), of any partitions, to the
        state, within the caller's transaction; a log may be cut anywhere between two calls.

        `before`: the plans that this one replaced, where rows that they wrote may be among the
        records. DatabaseError where rows have a shape that none of the plans knows.
        """
        self._compaction.forget()
        old = [log for plan in before for log in table_logs(plan)]
        for found in read_records(records, table_logs(self.plan), self._arrow_schema, before=old):
            state = f"state.{quote(found.table.name)}"
            # A key may be NULL, of tables with several key columns.
            same = " AND ".join(
                f"st.{quote(n)} IS NOT DISTINCT FROM b.{quote(n)}" for n in found.table.key
            )
            self._apply(
                found.keys,
                f"DELETE FROM {state} WHERE rowid IN"
                f" (SELECT st.rowid FROM {state} st JOIN restored b ON {same})",
            )
            self._apply(found.rows, f"INSERT INTO {state} SELECT * FROM restored")

    def _apply(self, rows: pa.Table, sql: str) -> None:
        """Executes a statement that reads `rows` as `restored`."""
        try:
            give(self._connection, "restored", rows)
            self._execute(sql)
        finally:
            let_go(self._connection)

    def _arrow_schema(self, columns: Columns) -> pa.Schema:
        """How Arrow calls (name, DuckDB type)."""
        if columns not in self._schemas:
            listed = ", ".join(f"NULL::{type_} AS {quote(name)}" for name, type_ in columns)
            found = self._connection.sql(f"SELECT {listed or 1} LIMIT 0").to_arrow_table().schema
            self._schemas[columns] = found if columns else pa.schema([])
        return self._schemas[columns]

    def drop_partitions(self, partitions: Collection[int]) -> None:
        """Removes the state of these partitions, within the caller's transaction."""
        self._compaction.forget()
        for table in self.plan.state:
            self._connection.execute(
                f"DELETE FROM state.{quote(table.name)}"
                f" WHERE {quote(table.key[0])} IN (SELECT unnest(?::INTEGER[]))",
                [sorted(partitions)],
            )

    def state_partitions(self) -> list[int]:
        """The partitions that have state, in order."""
        found = [
            f"SELECT {quote(t.key[0])} AS part FROM state.{quote(t.name)}" for t in self.plan.state
        ]
        if not found:
            return []
        sql = f"SELECT DISTINCT part FROM ({' UNION ALL '.join(found)}) ORDER BY part"
        return [part for (part,) in self._connection.execute(sql).fetchall()]

    def step(self, batch: pa.Table, now_ms: int) -> Step:
        """Processes `batch` and gives what leaves; raises StepError where a statement fails."""
        fetched: dict[str, pa.Table] = {}
        changes: list[Change] = []
        inputs = self._inputs(batch)
        try:
            for name in self._inputs_read & inputs.keys():
                give(self._connection, name, inputs[name])
            for statement in self.plan.statements:
                if self._steps % statement.every:
                    continue
                try:
                    if statement.batch:
                        table = self._read_batch(statement, (inputs | fetched)[statement.batch])
                    else:
                        table = self._run(statement, now_ms, changes)
                except duckdb.Error as error:
                    self._compaction.forget()
                    raise StepError(str(error)) from error
                if table is not None:
                    fetched[statement.result] = table
                    if statement.result in self._read_again:
                        give(self._connection, statement.result, table)
        finally:
            let_go(self._connection)
        try:
            changelog = net_changes(changes) if self._changelog else None
        except OverflowError as error:
            # Half of the batch changes about half of the state.
            raise StepError(str(error)) from error
        self._compaction.only(self.numbers)
        self._compaction.compact()
        self.sequence += batch.num_rows
        self._steps += 1
        outputs = tuple(_accepted(fetched[o.result]) for o in self.plan.outputs)
        return Step(
            outputs=outputs,
            errors=tuple(_rejected(fetched[e.result]) for e in self.plan.errors),
            records_in=batch.num_rows,
            records_out=sum(t.num_rows for t in outputs),
            changelog=changelog,
        )

    def _inputs(self, batch: pa.Table) -> dict[str, pa.Table]:
        """The batch of each input as `in0`, `in1`, … with BATCH's columns."""
        first = self.sequence + 1
        sequence = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int64))
        columns = [sequence, *(batch.column(name) for name in _FETCHED_NAMES)]
        whole = pa.table(columns, names=["_seq", *_BATCH_NAMES])
        if len(self.plan.inputs) == 1:
            return {"in0": whole}
        numbers = batch.column("input")
        return {
            f"in{i}": whole.filter(pc.equal(numbers, pa.scalar(i, pa.int32())))
            for i in range(len(self.plan.inputs))
        }

    def _read_batch(self, statement: Statement, batch: pa.Table) -> pa.Table:
        """Runs a kernel over a batch, and the statement over what it leaves."""

        def read_left(left: pa.Table) -> pa.Table:
            give(self._connection, left_name(statement.batch), left)
            return self._read(statement.sql, None)

        assert statement.kernel is not None
        return read_batch(batch, statement.kernel, statement.read, read_left)

    def _run(self, statement: Statement, now_ms: int, changes: list[Change]) -> pa.Table | None:
        """Runs one statement; gives its rows where they are wanted as Arrow, else keeps them in a
        temporary table. Of an effect, its rows are added to `changes` where there is a
        changelog."""
        sql = statement.sql
        parameters: dict[str, object] | None = (
            {"now": now_ms} if "now" in parameter_names(sql) else None
        )
        if not statement.result:
            effect = self._effects.get(sql)
            if effect is None:
                found = self._connection.execute(self._parse(sql), parameters).fetchall()
                self._compaction.note(sql, found[0][0])
                return None
            rows = self._read(effect.sql, parameters)
            self._compaction.note(sql, rows.num_rows)
            changes.append(Change(effect, rows))
            return None
        if statement.kernel is None and statement.result not in self._left:
            self._execute(f"CREATE OR REPLACE TEMP TABLE {statement.result} AS {sql}", parameters)
            return None
        table = self._read(sql, parameters)
        return statement.kernel(table) if statement.kernel else table

    def _execute(self, sql: str, parameters: dict[str, object] | None = None) -> None:
        """Executes a statement whose rows nobody wants."""
        self._connection.execute(self._parse(sql), parameters)

    def _read(self, sql: str, parameters: dict[str, object] | None) -> pa.Table:
        """The rows of a statement. A SELECT that asks for no parameter is described once: DuckDB's
        client looks through the text for some, which takes longer than a small step's work."""
        if parameters is not None or not sql.startswith("SELECT"):
            return self._connection.sql(self._parse(sql), params=parameters).to_arrow_table()
        if sql not in self._relations:
            self._relations[sql] = self._connection.sql(sql)
        return self._relations[sql].to_arrow_table()

    def _parse(self, sql: str) -> duckdb.Statement:
        """The statement of a text that comes in each step: DuckDB's parser takes a fifth of a small
        statement's time."""
        parsed = self._parsed.get(sql)
        if parsed is None:
            (parsed,) = self._connection.extract_statements(sql)
            self._parsed[sql] = parsed
        return parsed


def _accepted(table: pa.Table) -> pa.Table:
    """An output's rows that leave: those without an error."""
    if "_log" in table.column_names:
        table = table.drop_columns(["_log"])
    if "_err" not in table.column_names:
        return table
    errors = table.column("_err")
    table = table.drop_columns(["_err"])
    return table if errors.null_count == len(errors) else table.filter(pc.is_null(errors))


def _rejected(table: pa.Table) -> pa.Table:
    """The rows of a result that have something for the processing log: `_err` and `_log`."""
    columns: list[pa.ChunkedArray[Any]] = []
    for name, type_ in (("_err", _ERR), ("_log", pa.string())):
        if name in table.column_names:
            columns.append(table.column(name))
        else:
            columns.append(pa.chunked_array([pa.nulls(table.num_rows, type_)]))
    found = pa.table(columns, names=["_err", "_log"])
    if all(column.null_count == len(column) for column in columns):
        return found.slice(0, 0)
    return found.filter(pc.or_(*(pc.is_valid(column) for column in columns)))


def _is_read(result: str, statements: tuple[Statement, ...]) -> bool:
    """Whether some statement reads `result`."""
    pattern = re.compile(rf"\b{re.escape(result)}\b")
    return any(pattern.search(s.sql) for s in statements)
