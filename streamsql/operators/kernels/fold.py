"""Left folds of DOUBLE: after each row of a group, the sum of what came before and what it adds.

Addition of floating point numbers depends on its grouping, and DuckDB's running sums are no left
folds: the last bits would depend on where a batch was cut (law 4). Here a sum is always `((start
+ a) + b) + c`.

In:  a table whose rows stand in order of `_seq` within their group, groups together: `_g` the
group; for each partial n `_p{n}`, what the group had before (NULL: nothing), and `_l{n}`, what
the row adds (NULL: nothing); `_sign`, where there is one, is -1 for a row that takes its value
away. Out: the table with `_a{n}`, each partial after each row, in place of `_p{n}` and `_l{n}`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

_LONG = 64
"""Rows of a group from which `np.cumsum` over it is cheaper than a round for each of its rows."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A partial: `number` of its columns; `of` None for a sum, else the numbers of the sum and
    the count whose squared deviations from the mean it adds up."""

    number: int
    of: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Groups:
    """Where groups of consecutive rows begin, and how long they are."""

    starts: Integers
    lengths: Integers

    @classmethod
    def of(cls, codes: Integers) -> Groups:
        """From the code of each row's group; equal codes stand together."""
        if len(codes) == 0:
            return cls(np.empty(0, np.int64), np.empty(0, np.int64))
        starts = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1]).astype(np.int64)
        return cls(starts, np.diff(np.append(starts, len(codes))))


@dataclass(frozen=True, slots=True)
class Running:
    """A partial before and after each row."""

    before: Floats
    after: Floats


def fold_kernel(folds: Sequence[Fold]) -> Callable[[pa.Table], pa.Table]:
    """The kernel of a statement for these partials; a spread stands after what it is `of`."""
    used = {f"{prefix}{f.number}" for f in folds for prefix in ("_p", "_l")}

    def run(table: pa.Table) -> pa.Table:
        groups = Groups.of(_integers(table, "_g"))
        sign = None
        if "_sign" in table.column_names:
            sign = _integers(table, "_sign").astype(np.float64)
        done: dict[int, Running] = {}
        for fold in folds:
            start, _ = _floats(table, f"_p{fold.number}")
            added, given = _floats(table, f"_l{fold.number}")
            if fold.of is not None:
                added = fold_spread(added, done[fold.of[0]], done[fold.of[1]])
            if sign is not None:
                added = added * sign
            done[fold.number] = fold_sums(groups, added, given, start)
        kept = table.select([n for n in table.column_names if n not in used])
        for number, running in done.items():
            kept = kept.append_column(f"_a{number}", pa.array(running.after))
        return kept

    return run


def fold_sums(groups: Groups, added: Floats, given: Flags, start: Floats) -> Running:
    """The running sums. `start` is read at the first row of each group."""
    # -0.0 is the number that changes no sum, not even a sum of -0.0.
    values = np.where(given, added, -0.0)
    out = values.copy()
    first = groups.starts
    with np.errstate(all="ignore"):
        out[first] = start[first] + values[first]
        long = groups.lengths > _LONG
        for begin, length in zip(first[long], groups.lengths[long], strict=True):
            part = out[begin : begin + length]
            part[:] = np.cumsum(part)
        _add_in_rounds(out, first[~long], groups.lengths[~long])
    before = np.empty_like(out)
    before[1:] = out[:-1]
    before[first] = start[first]
    return Running(before, out)


def _add_in_rounds(out: Floats, starts: Integers, lengths: Integers) -> None:
    """Adds the first row of every group to its second, then that to the third, …; longest first."""
    order = np.argsort(-lengths, kind="stable")
    starts, lengths = starts[order], lengths[order]
    for i in range(1, int(lengths[0]) if len(lengths) else 0):
        active = int(np.searchsorted(-lengths, -i, side="left"))
        rows = starts[:active] + i
        out[rows] += out[rows - 1]


def fold_spread(value: Floats, total: Running, count: Running) -> Floats:
    """What a value adds to the squared deviations (Youngs and Cramer): the larger of the two
    samples counts, which is the later one for a value that comes and the earlier one for one that
    goes."""
    larger = count.after >= count.before
    n = np.where(larger, count.after, count.before)
    s = np.where(larger, total.after, total.before)
    with np.errstate(all="ignore"):
        deviation = value * n - s
        step = deviation * deviation / (n * (n - 1.0))
    return np.where(n > 1.0, step, 0.0)


def _floats(table: pa.Table, name: str) -> tuple[Floats, Flags]:
    """A column with 0.0 for NULL, and where it has a value."""
    column = table.column(name).combine_chunks()
    given = np.ones(len(column), np.bool_)
    if column.null_count:
        given = column.is_valid().to_numpy(zero_copy_only=False)
        column = column.fill_null(0.0)
    return column.to_numpy(zero_copy_only=False), given


def _integers(table: pa.Table, name: str) -> Integers:
    return table.column(name).to_numpy().astype(np.int64)
