"""The seam of operators: nodes, the relations between them, and the builder that collects a
step's statements.

A node is a frozen dataclass with `inputs` and `schema`; `lower(builder, *relations)` writes its
part of the step and returns the relation that the next node reads. A chain without state stays
one SELECT: only `builder.materialize` cuts it.

Columns of a relation: META, then the physical names of the schema's key and value columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from streamsql.engine.plan import Errors, Kernel, Output, PhysicalPlan, Statement, StateTable
from streamsql.schema.column import Schema
from streamsql.schema.duck import literal, physical_names, quote

META = ("_seq", "_part", "_off", "_ts", "_null", "_hdr")
"""`_seq` the total order (gaps allowed); `_part` the partition whose state and stream time it
belongs to; `_off` the source's offset (NULL after an operator with state); `_ts` rowtime in ms;
`_null` the value is null: a tombstone in a table; `_hdr` headers to forward or NULL."""

WINDOW_META = ("_ws", "_we")
"""Window start and end in ms, of windowed relations: part of the key. The end of a session is
inclusive."""

ERROR = "_err"
"""The column of a relation that may hold records that could not be read:
`engine.plan.ERROR_TYPE`, NULL in a good row. Such rows travel with the others, so that a batch is
decoded once; they leave at the sink or at `Builder.settle`."""

SUB = "_sub"
"""The column that numbers the rows which a table function made of one, from 0."""

LOG = "_log"
"""The column of a relation whose expressions may throw: entries for the processing log as JSON
objects with commas between them, NULL in a row for which nothing was thrown (`fault.py`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowInfo:
    """How a key is windowed: `kind` TUMBLING, HOPPING or SESSION; `size_ms` None for sessions."""

    kind: str
    size_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """When a window's rows are of no use any more: stream time in the state table `time` is
    `kept_ms` past their `column`."""

    time: str
    column: str
    kept_ms: int


@dataclass(frozen=True, kw_only=True)
class Relation:
    """Rows between two operators.

    `sql` is what stands after FROM: a name or a parenthesised SELECT. `table`: rows are changes
    of a table, the last one of a key counts and `_null` is its end; else a stream's records.
    `names` maps a column's name to its physical one. `materialized`: a SELECT with the current
    rows, for tables whose state allows it, else empty; it has the columns of the relation, so
    that expressions over the one read the other. `fallible`: it has the column ERROR. `logged`: it
    has the column LOG. `topic`: where its records came from, until an operator with state.
    `query`: the id of the query. `numbered`: it has the column SUB.
    `origin`: the column that orders its rows against those of other inputs: `_at` where an operator
    numbered its rows afresh. `expiry`: when windows can neither
    change nor be read; whoever keeps something for each row deletes it then.
    """

    sql: str
    schema: Schema
    table: bool
    window: WindowInfo | None = None
    materialized: str = ""
    fallible: bool = False
    logged: bool = False
    topic: str = ""
    query: str = ""
    numbered: bool = False
    origin: str = "_seq"
    expiry: Expiry | None = None

    @cached_property
    def names(self) -> dict[str, str]:
        """Column name -> physical name, unquoted; key columns first."""
        columns = [c.name for c in (*self.schema.key, *self.schema.value)]
        return dict(zip(columns, physical_names(columns), strict=True))

    @property
    def meta(self) -> tuple[str, ...]:
        """The meta columns it has."""
        return META + WINDOW_META if self.window else META

    @property
    def passed(self) -> tuple[str, ...]:
        """The meta columns, ERROR and LOG where it has those: what a SELECT over it hands on."""
        numbered = (self.origin,) if self.origin != "_seq" else ()
        numbered += (SUB,) if self.numbered else ()
        return (*self.meta, *numbered, *self.troubles)

    @property
    def identity(self) -> str:
        """Text that tells a row from all others of the query, and is the same when it is read
        again: its place in the topic, and its key and time where it has no place. Of a table only
        the latter, so that a row of its state is the change that made it."""
        place = [] if self.table else ["_off", *([SUB] if self.numbered else [])]
        bounds = WINDOW_META if self.window else ()
        keys = (f"{key}::VARCHAR" for key in self.keys)
        parts = [literal(self.query), "_part", *place, "_ts", *bounds, *keys]
        return f"concat_ws(' ', {', '.join(parts)})"

    @property
    def troubles(self) -> tuple[str, ...]:
        """Which of ERROR and LOG it has."""
        return (*((ERROR,) if self.fallible else ()), *((LOG,) if self.logged else ()))

    @property
    def good(self) -> str:
        """Text of the condition that a row could be read."""
        return f"{ERROR} IS NULL" if self.fallible else "TRUE"

    def column(self, name: str) -> str:
        """The quoted physical name of a column."""
        return quote(self.names[name])

    @property
    def keys(self) -> tuple[str, ...]:
        """The quoted physical names of the key columns; window bounds are not among them."""
        return tuple(self.column(c.name) for c in self.schema.key)


class Node(Protocol):
    """An operator of a query's tree, as a frozen value.

    `schema` names what it gives; expressions above it read `physical_names` of its key then value
    columns, META for the pseudo columns (ROWTIME `_ts`, ROWPARTITION `_part`, ROWOFFSET `_off`),
    WINDOW_META where `window` is set.
    """

    @property
    def inputs(self) -> tuple[Node, ...]:
        """What it reads, left before right."""
        ...

    @property
    def schema(self) -> Schema:
        """Its key and value columns; header columns stand among the value columns."""
        ...

    @property
    def table(self) -> bool:
        """Whether it gives changes of a table."""
        ...

    @property
    def window(self) -> WindowInfo | None:
        """How its key is windowed."""
        ...

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """Writes its part of the step; `relations` are its inputs' in their order."""
        ...


def lower_tree(builder: Builder, node: Node) -> Relation:
    """Lowers a whole tree, inputs first, left before right."""
    relations = [lower_tree(builder, n) for n in node.inputs]
    builder.enter(type(node).__name__)
    return replace(node.lower(builder, *relations), query=builder.query_id)


@dataclass(slots=True)
class Builder:
    """Collects what the operators of one query write; `build` gives the frozen plan.

    `every_change`: emit a change for each record (ksqlDB with caching off), else the last one per
    key of a batch. `whole`: one task has all partition numbers.
    """

    query_id: str
    every_change: bool
    whole: bool = False
    inputs: list[str] = field(default_factory=list[str])
    tables: list[str] = field(default_factory=list[str])
    statements: list[Statement] = field(default_factory=list[Statement])
    state: list[StateTable] = field(default_factory=list[StateTable])
    outputs: list[Output] = field(default_factory=list[Output])
    errors: list[Errors] = field(default_factory=list[Errors])
    _later: list[Statement] = field(default_factory=list[Statement])
    _kinds: list[str] = field(default_factory=list[str])
    _operator: str = ""
    _results: int = 0

    def enter(self, operator: str) -> None:
        """Names the operator that the following statements belong to."""
        self._operator = operator

    def input(self, topic: str, *, table: bool = False) -> str:
        """The relation name of a topic's batch; a topic read twice (a self-join) is two inputs.

        `table`: its records are a table's changes, and go before a stream's of the same time."""
        self.inputs.append(topic)
        if table:
            self.tables.append(topic)
        return f"in{len(self.inputs) - 1}"

    def result_name(self, hint: str = "r") -> str:
        """A fresh name for a result of this query's step."""
        self._results += 1
        return f"{hint}{self._results}"

    def add(
        self,
        sql: str,
        *,
        kernel: Kernel | None = None,
        hint: str = "r",
        slow: bool = False,
        batch: str = "",
        read: str = "",
    ) -> str:
        """Adds a statement that returns rows and gives the name of its result.

        Rows that go to a kernel, or leave, are in order. A result that stays is a table, which has
        none: who reads it brings them in order, and what orders them before that sorts for nothing.
        """
        # What a kernel returns is registered, all else is a table: of two queries on a connection
        # the one must not find the other's name taken.
        name = self.result_name(f"{hint}_kernel" if kernel else hint)
        self.statements.append(
            Statement(
                sql=sql,
                operator=self._operator,
                result=name,
                kernel=kernel,
                slow=slow,
                batch=batch,
                read=read,
            )
        )
        return name

    def effect(self, sql: str, *, every: int = 1, comes_back: bool = False) -> None:
        """Adds a statement that changes state."""
        self.statements.append(
            Statement(sql=sql, operator=self._operator, every=every, comes_back=comes_back)
        )

    def later(self, sql: str) -> None:
        """Adds a change of state that comes after all statements that read: the rows of an
        operator may be computed by a statement further down, which has to see the state as it was
        before the batch."""
        self._later.append(Statement(sql=sql, operator=self._operator))

    def settle(self, relation: Relation, *, hint: str = "r") -> Relation:
        """The good rows, kept, so that several statements can read them; the others become
        errors."""
        troubles = relation.troubles
        if not troubles and not relation.sql.startswith("("):
            return relation
        name = self.add(f"SELECT * FROM {relation.sql}", hint=hint)
        if not troubles:
            return replace(relation, sql=name)
        self.reject(name, troubles)
        good = f"(SELECT * EXCLUDE ({', '.join(troubles)}) FROM {name} WHERE {relation.good})"
        return replace(relation, sql=good, fallible=False, logged=False)

    def reject(self, result: str, troubles: Sequence[str]) -> None:
        """Adds what the columns `troubles` of `result` hold for the processing log."""
        some = " OR ".join(f"{column} IS NOT NULL" for column in troubles)
        name = self.add(
            f"SELECT {', '.join(troubles)} FROM {result} WHERE {some} ORDER BY _seq", hint="errors"
        )
        self.errors.append(Errors(result=name))

    def late(self, sql: str, *, order: str = "_seq") -> None:
        """Adds the records that `sql` finds to have come too late for a window: columns `_part,
        _ts, message`, and those of `order`."""
        entry = "json_object('partition', _part, 'timestamp', _ts, 'errorMessage', message)"
        name = self.add(
            f"SELECT {entry}::VARCHAR AS {LOG} FROM ({sql}) ORDER BY {order}", hint="late"
        )
        self.errors.append(Errors(result=name, late=True))

    def leave(
        self, sink: str, relation: Relation, *, sql: str, kernel: Kernel | None = None
    ) -> None:
        """Adds the last statement of a chain: what it returns leaves the step, errors beside it."""
        name = self.add(sql, kernel=kernel, hint="out")
        self.outputs.append(Output(sink=sink, result=name))
        if relation.troubles:
            self.errors.append(Errors(result=name))

    @property
    def task(self) -> str:
        """Text of the number of the task that a row belongs to."""
        return "0::INTEGER" if self.whole else "_part"

    def state_table(
        self,
        hint: str,
        columns: tuple[tuple[str, str], ...],
        *,
        key: Iterable[str],
        disposable: bool = False,
        holds: Iterable[tuple[str, str]] = (),
    ) -> str:
        """Declares a state table (`engine.plan.StateTable`) and gives its quoted name."""
        # Counted by kind: a filter that is added to a query does not rename its other tables.
        name = f"{self.query_id}${hint}{sum(hint == kind for kind in self._kinds)}"
        self._kinds.append(hint)
        self.state.append(
            StateTable(
                name=name,
                columns=columns,
                key=tuple(key),
                disposable=disposable,
                holds=tuple(holds),
            )
        )
        return f"state.{quote(name)}"

    def build(self, *, materialized: str = "") -> PhysicalPlan:
        """The finished plan."""
        return PhysicalPlan(
            query_id=self.query_id,
            inputs=tuple(self.inputs),
            tables=frozenset(self.tables),
            statements=(*self.statements, *self._later),
            state=tuple(self.state),
            outputs=tuple(self.outputs),
            errors=tuple(self.errors),
            materialized=materialized,
            whole=self.whole,
        )
