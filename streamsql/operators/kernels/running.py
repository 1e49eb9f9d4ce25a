"""Running counts, sums and extremes of whole numbers: after each row of a group, those of the rows
up to it.

DuckDB's window functions give the same; for a batch they partition, sort and then build a tree of
aggregates a function, which takes four times as long (DECISIONS.md 0040).

In:  a table in order of `_seq`: the columns of the group, of KEY_TYPES; `_ts` BIGINT; the
arguments, INTEGER or BIGINT, of a count of any type. Out: its rows in the same order, `_ts` as the
largest so far, `_fin` where a row is the last of its group, and for each running value n a column
`_q{n}` in place of the arguments: counts and sums are BIGINT (a sum wraps around), extremes as
their argument, NULL while there was no value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Integers: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

KEY_TYPES = frozenset(
    {"BOOLEAN", "INTEGER", "BIGINT", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP"}
)
"""DuckDB's names of types whose values are equal in Arrow where they are in DuckDB: not DOUBLE,
which has two zeros, nor what holds other values."""

_SHORT_CODES = 1 << 16
"""So many groups are sorted by radix."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A running value: `number` of its column; `kind` is `rows`, or `count`, `sum`, `min` or `max`
    of the column `argument`."""

    number: int
    kind: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class _Groups:
    """The rows of a batch by group: `order` brings them together, in their order within; groups
    begin at `starts` there, and `own` is the number of each row's."""

    order: Integers
    starts: Integers
    own: Integers

    @classmethod
    def of(cls, columns: Sequence[pa.ChunkedArray[Any]]) -> _Groups:
        """From the columns of the group."""
        codes, count = _codes(columns)
        short = codes.astype(np.uint16) if count <= _SHORT_CODES else codes
        order = np.argsort(short, kind="stable")
        together = codes[order]
        first = np.ones(len(codes), np.bool_)
        np.not_equal(together[1:], together[:-1], out=first[1:])
        return cls(order, np.flatnonzero(first), np.cumsum(first) - 1)

    def back(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Values of rows that stand together, in the order of the batch."""
        out = np.empty_like(values)
        out[self.order] = values
        return out

    def last(self) -> Flags:
        """Whether a row is the last of its group."""
        found = np.zeros(len(self.order), np.bool_)
        found[self.starts[1:] - 1] = True
        found[-1:] = True
        return found

    def sums(self, values: Integers) -> Integers:
        """Running sums, modulo 2^64, of values that stand together."""
        whole = np.cumsum(values)
        before = whole[self.starts] - values[self.starts]
        return whole - before[self.own]

    def largest(self, ranks: Integers, ranks_max: int) -> Integers:
        """The largest rank so far, of ranks from 0 to `ranks_max` that stand together."""
        # A group's ranks lie above those of all groups before it: one scan serves all.
        floor = self.own * (ranks_max + 1)
        return np.maximum.accumulate(ranks + floor) - floor


def running_kernel(keys: Sequence[str], values: Sequence[Scan]) -> Callable[[pa.Table], pa.Table]:
    """The kernel of a statement whose groups are `keys`."""
    gone = {"_ts", *(v.argument for v in values)}

    def run(table: pa.Table) -> pa.Table:
        groups = _Groups.of([table.column(name) for name in keys])
        kept = table.select([n for n in table.column_names if n not in gone])
        kept = kept.append_column("_ts", _extreme(groups, table.column("_ts"), sign=1))
        kept = kept.append_column("_fin", pa.array(groups.back(groups.last())))
        for value in values:
            kept = kept.append_column(f"_q{value.number}", _run(groups, value, table))
        return kept

    return run


def _run(groups: _Groups, value: Scan, table: pa.Table) -> pa.Array[Any]:
    """One running value."""
    if value.kind == "rows":
        ones = np.ones(len(groups.order), np.int64)
        return pa.array(groups.back(groups.sums(ones)))
    column = table.column(value.argument)
    if value.kind in ("min", "max"):
        return _extreme(groups, column, sign=1 if value.kind == "max" else -1)
    added = _given(column).astype(np.int64) if value.kind == "count" else _numbers(column)[0]
    return pa.array(groups.back(groups.sums(added[groups.order])))


def _extreme(groups: _Groups, column: pa.ChunkedArray[Any], *, sign: int) -> pa.Array[Any]:
    """The running maximum (`sign` 1) or minimum (-1)."""
    numbers, given = _numbers(column)
    ranks, ladder = _ranks(numbers, given, sign=sign, groups=len(groups.starts))
    top = int(ranks.max(initial=0))
    best = groups.back(groups.largest(ranks[groups.order], top)).astype(np.int64)
    found = ladder(best)
    return pa.array(found, mask=best == 0).cast(column.type)


def _ranks(
    numbers: Integers, given: Flags, *, sign: int, groups: int
) -> tuple[Integers, Callable[[Integers], Integers]]:
    """A rank above 0 for each number that is given, larger for larger (`sign` 1) or smaller ones
    (-1), and 0 for the others; and the way back."""
    known = numbers[given]
    if len(known) == 0:
        return np.zeros(len(numbers), np.int64), lambda ranks: ranks
    low, high = int(known.min()), int(known.max())
    if (high - low + 2) * groups < 2**63:
        end = low - 1 if sign > 0 else high + 1
        # Both differences wrap around where `end` does, to the same rank and back.
        shift = np.array([end & (2**64 - 1)], np.uint64).view(np.int64)
        ranks = np.where(given, (numbers - shift) * sign, 0)
        return ranks, lambda best: best * sign + shift
    steps, places = np.unique(known, return_inverse=True)
    if sign < 0:
        steps, places = steps[::-1], len(steps) - 1 - places
    ranks = np.zeros(len(numbers), np.int64)
    ranks[given] = places + 1
    return ranks, lambda best: steps[np.maximum(best, 1) - 1]


def _codes(columns: Sequence[pa.ChunkedArray[Any]]) -> tuple[Integers, int]:
    """The number of each row's group, and how many groups there may be."""
    codes, count = np.zeros(len(columns[0]), np.int64), 1
    for column in columns:
        found = column.combine_chunks().dictionary_encode("encode")
        size = len(found.dictionary)
        if size <= 1:
            continue
        own = found.indices.to_numpy().astype(np.int64)
        if count == 1:
            codes, count = own, size
            continue
        both = pa.array(codes * size + own).dictionary_encode()
        codes, count = both.indices.to_numpy().astype(np.int64), len(both.dictionary)
    return codes, count


def _numbers(column: pa.ChunkedArray[Any]) -> tuple[Integers, Flags]:
    """A column with 0 for NULL, and where it has a value."""
    given = _given(column)
    filled = column.fill_null(pa.scalar(0, column.type)) if column.null_count else column
    return filled.to_numpy().astype(np.int64), given


def _given(column: pa.ChunkedArray[Any]) -> Flags:
    """Where a column has a value."""
    if column.null_count == 0:
        return np.ones(len(column), np.bool_)
    return column.is_valid().to_numpy()
