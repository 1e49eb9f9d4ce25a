"""Sessions of groups whose records hardly leave their order, without a loop over rows.

A record that comes more than the gap after all before it begins an island; the others extend the
last one. That is what `sessions.py` finds record by record, unless a record could also reach the
island before, lies further back than the gap, is late, or meets a session that has expired, or
unless several stored sessions are in reach: groups with such a record are left to the loop.

In and out: as in `sessions.py`; an island is a chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streamsql.operators.kernels.fold import Fold, Groups, Running, fold_spread, fold_sums

Integers: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]

TOMBSTONE, ELEMENT, BASE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Islands:
    """For each row: whether its `group` is one that islands are right for, its island, the bounds
    of that up to and with it (`start`, `end`) and before it (`was_start`, `was_end`, where not
    `first` in it)."""

    simple: Flags
    island: Integers
    first: Flags
    start: Integers
    end: Integers
    was_start: Integers
    was_end: Integers


def find_islands(table: pa.Table, gap_ms: int, grace_ms: int) -> Islands:
    """The islands of all groups of a kernel's input."""
    group = _integers(table, "_g")
    stored = table.column("_stored").to_numpy().astype(np.bool_)
    starts, ends = _integers(table, "_ws"), _integers(table, "_we")
    codes = np.cumsum(np.diff(group, prepend=group[:1]) != 0)
    low = int(starts.min())
    width = int(ends.max()) - low + gap_ms + 1
    # A group's values lie above those of the group before: one running maximum serves them all.
    highest = np.maximum.accumulate(ends - low + codes * width)
    end = highest - codes * width + low
    was_end = np.roll(end, 1)
    opens = np.diff(group, prepend=group[:1] - 1) != 0
    first = opens | (starts > was_end + gap_ms)
    island = np.cumsum(first) - 1
    lowest = np.maximum.accumulate(island * width - (starts - low))
    start = island * width - lowest + low
    was_start = np.roll(start, 1)
    # What the islands before in the group reach to: the maximum as it was when this island began.
    begins = np.flatnonzero(first)
    reached = np.where(opens[begins], low - gap_ms - 1, was_end[begins])[island]
    closed = gap_ms + grace_ms
    before, now = _integers(table, "_tb"), _integers(table, "_t")
    odd = (
        (~first & (starts < was_start - gap_ms))
        | (~first & (starts <= reached + gap_ms))
        | (~first & (was_end <= before - closed))
        | (starts < now - closed)
    ) & ~stored
    odd |= stored & ~opens
    simple = ~np.isin(codes, codes[odd])
    return Islands(simple, island, first, start, end, was_start, was_end)


def island_rows(table: pa.Table, found: Islands, folds: Sequence[Fold]) -> pa.Table:
    """The kernel's output for the simple groups."""
    stored = table.column("_stored").to_numpy().astype(np.bool_)
    seq = _integers(table, "_seq")
    record = found.simple & ~stored
    begins = np.flatnonzero(found.first)
    has_base = stored[begins][found.island]
    place = np.arange(len(seq)) - begins[found.island] - has_base
    merged = ~((found.start == found.end) & (found.end == _integers(table, "_we")))
    gone = record & ~found.first & merged
    last = np.append(np.diff(found.island) != 0, True)
    grows = np.append(~found.first[1:], False)
    base = found.simple & stored & grows
    parts = [
        _rows(TOMBSTONE, seq[gone], bounds=(found.was_start[gone], found.was_end[gone])),
        _rows(
            ELEMENT,
            seq[record],
            chain=found.island[record],
            pos=place[record],
            bounds=(found.start[record], found.end[record]),
            final=last[record],
        ),
        _rows(BASE, seq[base], chain=found.island[base]),
    ]
    sums = _sums(table, found, folds)
    for fold in folds:
        values = sums[fold.number].after[record]
        name = f"_a{fold.number}"
        parts = [
            part.append_column(
                name, pa.array(values) if i == ELEMENT else pa.nulls(part.num_rows, pa.float64())
            )
            for i, part in enumerate(parts)
        ]
    return pa.concat_tables(parts)


def _rows(
    kind: int,
    row: Integers,
    *,
    chain: Integers | None = None,
    pos: Integers | None = None,
    bounds: tuple[Integers, Integers] | None = None,
    final: Flags | None = None,
) -> pa.Table:
    """Rows of one kind; what is not given is 0, and -1 for the chain."""
    n = len(row)
    zero = np.zeros(n, np.int64)
    start, end = bounds or (zero, zero)
    return pa.table(
        {
            "_kind": pa.array(np.full(n, kind, np.int32)),
            "_row": pa.array(row),
            "_chain": pa.array(chain if chain is not None else zero - 1),
            "_pos": pa.array(pos if pos is not None else zero),
            "_emit": pa.array(np.full(n, kind == ELEMENT)),
            "_fin": pa.array(final if final is not None else np.zeros(n, np.bool_)),
            "_ws": pa.array(start),
            "_we": pa.array(end),
        }
    )


def _sums(table: pa.Table, found: Islands, folds: Sequence[Fold]) -> dict[int, Running]:
    """The DOUBLE sums of islands: a stored session brings its own, a record adds to them."""
    groups = Groups.of(found.island)
    done: dict[int, Running] = {}
    for fold in folds:
        start = _filled(table, f"_p{fold.number}")
        column = table.column(f"_l{fold.number}")
        given = column.is_valid().combine_chunks().to_numpy(zero_copy_only=False)
        added = _filled(table, f"_l{fold.number}")
        if fold.of is not None:
            added = fold_spread(added, done[fold.of[0]], done[fold.of[1]])
        done[fold.number] = fold_sums(groups, added, given, start)
    return done


def _filled(table: pa.Table, name: str) -> Floats:
    return table.column(name).fill_null(pa.scalar(0.0)).to_numpy()


def _integers(table: pa.Table, name: str) -> Integers:
    """A column of integers; NULL is far below any time."""
    column = table.column(name)
    if column.null_count:
        column = column.fill_null(pa.scalar(-(2**62)))
    return column.to_numpy().astype(np.int64)
