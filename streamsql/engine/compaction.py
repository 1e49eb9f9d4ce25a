"""Space of deleted rows, won back a little in each step.

State is deleted by rowid and inserted anew behind the rest (design.md, "DuckDB's update cliff"), so
a table's first rows become holes with a few living rows between them. A group of rows without a
living one costs nothing: the next checkpoint drops it. So once more than half of a table is holes,
the living ones among its first rows move to its end: a log that is cleaned from its tail. By
calculation about one row at most is moved per row that is written, a quarter where keys are
uniform.

DuckDB's own vacuum (`max_vacuum_tasks`) is turned off for it: it rewrites whole groups, of topics
too, in one pause.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

_EFFECT = re.compile(r'(DELETE FROM|INSERT INTO) (state\."(?:[^"]|"")+")')

_UNCOMMITTED = 36_028_797_018_960_000
"""Where DuckDB begins to number the rows of a transaction that is not over (MAX_ROW_ID)."""

_GROUP = 122_880
"""Rows of a row group of DuckDB."""


@dataclass(slots=True)
class _Space:
    """Of a state table: its rows, where they begin and end (`rowid`), how many were inserted since
    it was last looked at, and where it ended when they were counted."""

    living: int
    begin: int
    end: int
    counted_end: int
    inserted: int = 0

    def add(self, rows: int) -> None:
        """So many rows are inserted."""
        self.living += rows
        self.end += rows
        self.inserted += rows


class Compaction:
    """Keeps the state tables of a task within about twice their rows, and two groups of rows.

    `parts`: of each table, as statements name it, the column with the partition number.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, parts: Mapping[str, str] | None = None
    ) -> None:
        self._connection = connection
        self._parts = dict(parts or {})
        self._numbers: frozenset[int] | None = None
        self._spaces: dict[str, _Space] = {}

    def only(self, numbers: frozenset[int] | None) -> None:
        """Lets rows of other partition numbers alone, which somebody else may be changing; None:
        there is nobody else."""
        if numbers != self._numbers:
            self._numbers = numbers
            self.forget()

    def note(self, sql: str, rows: int) -> None:
        """That this statement of the step deleted or inserted so many rows."""
        match = _EFFECT.match(sql)
        if match is None:
            return
        inserts, table = match[1] == "INSERT INTO", match[2]
        space = self._spaces.get(table)
        if space is None:
            # What the statement deleted is gone already; what it inserted is not counted.
            space = self._spaces[table] = self._count(table)
        elif not inserts:
            space.living -= rows
        if inserts:
            space.add(rows)

    def forget(self) -> None:
        """The rows are counted again: what was noted was taken back, or others changed them."""
        self._spaces.clear()

    def compact(self) -> None:
        """Moves rows of the tables that have too many holes, within the step's transaction: between
        two, a checkpoint may number the rows anew."""
        for table, space in self._spaces.items():
            if space.end - space.begin > 2 * (space.living + _GROUP):
                if space.begin > space.counted_end:
                    inserted = space.inserted
                    space = self._spaces[table] = self._count(table)
                    space.add(inserted)
                self._move(table, space)
            space.inserted = 0

    def _count(self, table: str) -> _Space:
        """By a scan of the table, without what this transaction inserted, which has no places."""
        sql = f"""SELECT count(*), coalesce(min(rowid), 0), coalesce(max(rowid) + 1, 0)
            FROM {table} WHERE rowid < {_UNCOMMITTED}{self._own(table)}"""
        [(living, begin, end)] = self._connection.execute(sql).fetchall()
        return _Space(living=living, begin=begin, end=end, counted_end=end)

    def _move(self, table: str, space: _Space) -> None:
        # Faster than the table grew, since the rows that move make it grow too.
        bound = min(space.begin + max(_GROUP, 2 * space.inserted), space.end)
        first = f"rowid < {bound}{self._own(table)}"
        moved = self._connection.execute(f"INSERT INTO {table} FROM {table} WHERE {first}")
        space.end += moved.fetchall()[0][0]
        self._connection.execute(f"DELETE FROM {table} WHERE {first}")
        space.begin = bound

    def _own(self, table: str) -> str:
        """What chooses the rows of the task's numbers, behind another condition."""
        if self._numbers is None or table not in self._parts:
            return ""
        listed = ", ".join(map(str, sorted(self._numbers))) or "NULL"
        return f" AND {self._parts[table]} IN ({listed})"
