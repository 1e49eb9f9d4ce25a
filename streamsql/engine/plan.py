"""What a query does with a batch, lowered to DuckDB SQL: frozen values made by operators/, run by
`step.py`.

A step runs `statements` in order, inside one transaction. Each reads the batch (a temporary
relation per input, see BATCH), results of statements before it, and state tables. The result of a
statement is kept as a temporary table called `result`, or, with a `kernel`, handed to it as Arrow
and what it returns is kept under that name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

BATCH = (
    ("_seq", "BIGINT"),  # dense from 1 over all inputs of the query, for ever
    ("_part", "INTEGER"),
    ("_off", "BIGINT"),
    ("_ts", "BIGINT"),  # milliseconds
    ("_key", "BLOB"),
    ("_val", "BLOB"),
    ("_hdr", "STRUCT(KEY VARCHAR, VALUE BLOB)[]"),
)
"""Columns of an input's relation, called `in0`, `in1`, … by its place in `PhysicalPlan.inputs`."""

OUTPUT = (
    ("partition", "INTEGER"),  # NULL: placed by murmur2 of the key
    ("timestamp", "BIGINT"),
    ("key", "BLOB"),
    ("value", "BLOB"),
    ("headers", "STRUCT(KEY VARCHAR, VALUE BLOB)[]"),
    ("part", "INTEGER"),  # the task that it belongs to, whatever partition it is written to
)
"""Columns of a sink's result, in order of writing: `brokers.log.APPENDED`, and `part`. In a plan
of a distributed query `part` is the partition number of the input record that a row came of, and
state of a number is touched by records of that number only; 0 throughout where the plan is
`whole`."""

ERROR_TYPE = (
    "STRUCT(_input INTEGER, _part INTEGER, _off BIGINT, _ts BIGINT,"
    " _key BLOB, _val BLOB, message VARCHAR)"
)
"""Type of the column `_err` that an output's result may have beside its own: a row where it is not
NULL does not leave; it is an error, and the same result stands among the plan's `errors`. Without a
message it only leaves with what `_log` says."""

BAD_TIMESTAMP = "the record has no timestamp, or a negative one"
"""The message of a record that could be read, but gives no time."""

LOG_TYPE = "VARCHAR"
"""Type of the column `_log`: JSON objects with commas between them, each an entry of the processing
log as its `recordProcessingError`; NULL in nearly every row. It does not decide whether a row
leaves."""

NOW = "$now"
"""The step's time in milliseconds, as a named parameter of statements that ask for it."""

_PARAMETER = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([a-z]+)""")


@lru_cache(maxsize=4096)
def parameter_names(sql: str) -> frozenset[str]:
    """The named parameters of a statement, of which DuckDB wants neither more nor fewer; in a
    user's text the same word is none."""
    return frozenset(m[1] for m in _PARAMETER.finditer(sql) if m[1])


Kernel = Callable[[pa.Table], pa.Table]


def left_name(batch: str) -> str:
    """What the rows of a batch are called that a kernel has not read."""
    return f"{batch}_left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a step. `result` empty: it is executed for its effect on state.

    `operator`: which operator it belongs to, for EXPLAIN. `temporary`: the result is kept as a
    temporary table, else fetched as Arrow only (the last statement of a plan; one before a kernel).
    `every`: it runs in each n-th step only; housekeeping that changes no output. `comes_back`: of
    each row that it deletes, the next statement inserts one with the same key, to the bit.

    `batch`: the input, or the result of a kernel, that the kernel takes as it is. It adds columns,
    the last of which, called `read`, says which rows it has read; `sql` gives `_seq` and the others
    for those that it has not, which are called `left_name(batch)`. It runs where there are such.
    """

    sql: str
    operator: str
    result: str = ""
    kernel: Kernel | None = None
    slow: bool = False
    every: int = 1
    comes_back: bool = False
    batch: str = ""
    read: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTable:
    """A table of the query's state: `columns` are (name, DuckDB type).

    `key`: the columns that tell its rows apart, the row's partition first: no two rows agree on
    all of them. `disposable`: it only remembers what the running plan forwarded; a replaced query
    begins it anew. `holds`: of columns that are called by a number, what is in them, as text: a
    query may only be replaced by one for which it is the same.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    disposable: bool = False
    holds: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A result that leaves the step. `sink` is a topic; for a push query it is empty and the
    result's columns are
    `_ts, _part, _null`, the key and the value columns."""

    sink: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """A result with something for the processing log: `_err` holds records that could not be read,
    `_log` what was thrown while records were computed; it has one of these columns or both.
    `late`: records that came after their window was closed, which is nobody's mistake: they are
    counted apart."""

    result: str
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalPlan:
    """A query, ready to step.

    `materialized`: a SELECT over state tables with the columns of the query's table (physical
    names, then `_ts`,
    `_part`, and `_ws`, `_we` where windowed), for pull queries; empty for streams.
    `layout`: the text that is hashed to see whether state on disk fits this plan. `whole`: state
    is read across partition numbers, so that one task has to have all of them. `tables`: the
    inputs that are changes of tables.
    """

    query_id: str
    inputs: tuple[str, ...]
    statements: tuple[Statement, ...]
    state: tuple[StateTable, ...] = ()
    outputs: tuple[Output, ...] = ()
    errors: tuple[Errors, ...] = ()
    materialized: str = ""
    uses_headers: bool = False
    whole: bool = False
    tables: frozenset[str] = frozenset()

    @property
    def layout(self) -> str:
        """State tables and their columns as text."""
        return "; ".join(
            f"{t.name}({', '.join(f'{n} {d}' for n, d in t.columns)})" for t in self.state
        )
