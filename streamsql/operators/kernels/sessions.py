"""Which session a record joins, and what that replaces: it depends on all records before it.

Law: a record joins the visible sessions within the gap on either side, at most one on each. They
are replaced by one that reaches from the first start to the last end. It is late, and nothing
happens, if that end is before `stream time - gap - grace`; a session is visible while its end is
after the same bound of the stream time before the record (Kafka Streams:
KStreamSessionWindowAggregate).

In:  rows in order of (`_g`, `_stored` first, `_seq`): `_g` the group's code; of a session from
the state `_stored` true, `_seq` its row id, `_ws`, `_we`; of a record `_ts` in both, `_t` and
`_tb` stream time with and before it; `_p{n}` and `_l{n}` as in `fold.py`. Out: `_kind` TOMBSTONE:
session `_ws`, `_we` ends at record `_row`, the `_pos`-th to do so. ELEMENT: record `_row` is the
`_pos`-th element of chain `_chain`; where `_emit`, session `_ws`, `_we` is what that chain's
elements up to it make, and where `_fin` that stays; `_a{n}` its DOUBLE sums. BASE: the stored
session with row id `_row` is the `_pos`-th that `_chain` begins with. PIECE: instead, what the
elements of chain `_row` make.

A chain is a session that grows record by record, so that a running window gives its aggregates.
One that two sessions merge into is a new chain: it repeats the elements of both. Elements of a
session before a stored one are a piece, a chain of their own, so that the order is kept.

Groups whose records hardly leave their order have no loop (`islands.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pyarrow as pa

from streamsql.operators.kernels.fold import Fold
from streamsql.operators.kernels.islands import (
    BASE,
    ELEMENT,
    TOMBSTONE,
    find_islands,
    island_rows,
)

__all__ = ["BASE", "ELEMENT", "PIECE", "REPLACED", "TOMBSTONE", "session_kernel"]


@dataclass(slots=True)
class Session:
    """A live session: its bounds, its chain, what the chain is made of, its DOUBLE sums, its last
    output row. `base`: row ids, and lists of elements that lie before one."""

    start: int
    end: int
    chain: int
    base: list[int | list[int]]
    elements: list[int]
    sums: list[float]
    last: int = -1


@dataclass(slots=True)
class Rows:
    """The output, column by column."""

    kind: list[int] = field(default_factory=list[int])
    row: list[int] = field(default_factory=list[int])
    chain: list[int] = field(default_factory=list[int])
    pos: list[int] = field(default_factory=list[int])
    emit: list[bool] = field(default_factory=list[bool])
    start: list[int] = field(default_factory=list[int])
    end: list[int] = field(default_factory=list[int])
    sums: list[list[float] | None] = field(default_factory=list[list[float] | None])

    def add(
        self,
        kind: int,
        row: int,
        place: tuple[int, int],
        *,
        emit: bool = False,
        bounds: tuple[int, int] = (0, 0),
        sums: list[float] | None = None,
    ) -> None:
        """Appends a row; `place` is chain and position."""
        self.kind.append(kind)
        self.row.append(row)
        self.chain.append(place[0])
        self.pos.append(place[1])
        self.emit.append(emit)
        self.start.append(bounds[0])
        self.end.append(bounds[1])
        self.sums.append(sums)


REPLACED, PIECE = 3, 4


def session_kernel(
    gap_ms: int,
    grace_ms: int,
    folds: Sequence[Fold],
    *,
    final: bool = False,
) -> Callable[[pa.Table], pa.Table]:
    """The kernel of a statement for sessions of this gap and grace; `final`: one that is replaced
    has still to leave."""

    def run(table: pa.Table) -> pa.Table:
        if table.num_rows == 0:
            return _Loop(gap_ms, grace_ms, folds, final=final).table()
        found = find_islands(table, gap_ms, grace_ms)
        rows = island_rows(table, found, folds)
        if found.simple.all():
            return rows
        loop = _Loop(
            gap_ms,
            grace_ms,
            folds,
            final=final,
            first_chain=int(found.island[-1]) + 1,
        )
        loop.run(table.filter(pa.array(~found.simple)))
        return pa.concat_tables([rows, loop.table()])

    return run


class _Loop:
    """The sessions of one group after another, record by record."""

    def __init__(
        self,
        gap_ms: int,
        grace_ms: int,
        folds: Sequence[Fold],
        *,
        final: bool,
        first_chain: int = 0,
    ) -> None:
        self._keeps_replaced = final
        self._gap = gap_ms
        self._grace = grace_ms
        self._folds = folds
        self._chains = count(first_chain)
        self._sessions: list[Session] = []
        self._rows = Rows()
        self._final: list[int] = []
        self._index = {f.number: i for i, f in enumerate(folds)}

    def run(self, table: pa.Table) -> None:
        """Takes the rows of a kernel's input."""
        names = ["_g", "_stored", "_seq", "_ws", "_we", "_t", "_tb"]
        columns = [table.column(n).to_pylist() for n in names]
        parts = [
            list(
                zip(*(table.column(f"{p}{f.number}").to_pylist() for f in self._folds), strict=True)
            )
            or [()] * table.num_rows
            for p in ("_p", "_l")
        ]
        group: int | None = None
        for (g, stored, seq, start, end, time, before), had, added in zip(
            zip(*columns, strict=True), *parts, strict=True
        ):
            if g != group:
                self._close_group()
                group = g
            if stored:
                self._open(seq, start, end, had)
            else:
                self._take(seq, start, (time, before), added)
        self._close_group()

    def _open(self, row_id: int, start: int, end: int, sums: Sequence[float | None]) -> None:
        """A session from the state."""
        values = [0.0 if s is None else s for s in sums]
        self._sessions.append(Session(start, end, -1, [row_id], [], values))

    def _take(
        self,
        seq: int,
        ts: int,
        times: tuple[int, int | None],
        added: Sequence[float | None],
    ) -> None:
        """A record; `times` are stream time with it and before it."""
        closed = self._gap + self._grace
        visible = -1 if times[1] is None else times[1] - closed
        found = [
            s
            for s in self._sessions
            if s.end >= ts - self._gap and s.start <= ts + self._gap and s.end > visible
        ]
        found.sort(key=lambda s: s.end)
        start = min([ts, *(s.start for s in found)])
        end = max([ts, *(s.end for s in found)])
        if end < times[0] - closed:
            return
        if not start == end == ts:
            for number, old in enumerate(found):
                self._rows.add(TOMBSTONE, seq, (-1, number), bounds=(old.start, old.end))
        if not found and not self._keeps_replaced:
            self._replace(ts)
        session = self._merged(found)
        session.start, session.end = start, end
        session.elements.append(seq)
        self._add(session, added)
        session.last = len(self._rows.kind)
        self._rows.add(
            ELEMENT,
            seq,
            (session.chain, len(session.elements) - 1),
            emit=True,
            bounds=(start, end),
            sums=list(session.sums),
        )

    def _replace(self, ts: int) -> None:
        """Ends the session of the record's own bounds. At the very bound of the grace period it is
        expired, and the record is not late: a table has each window once."""
        for old in self._sessions:
            if old.start == old.end == ts:
                self._sessions.remove(old)
                if old.chain < 0 and isinstance(row := old.base[0], int):
                    self._rows.add(REPLACED, row, (-1, 0))
                return

    def _merged(self, found: list[Session]) -> Session:
        """The session that takes the record: the one found, or a new chain of two, or of none."""
        if len(found) == 1:
            (session,) = found
            if session.chain < 0:
                self._begin(session)
            return session
        base: list[int | list[int]] = []
        elements: list[int] = []
        for old in found:
            if old.base and elements:
                base.append(elements)
                elements = []
            base += old.base
            elements = elements + old.elements
        sums = [0.0] * len(self._folds)
        if found:
            sums = list(found[0].sums)
            for other in found[1:]:
                sums = self._joined(sums, other.sums)
            gone = {id(s) for s in found}
            self._sessions = [s for s in self._sessions if id(s) not in gone]
        session = Session(0, 0, -1, base, elements, sums)
        self._begin(session)
        self._sessions.append(session)
        return session

    def _begin(self, session: Session) -> None:
        """Starts a chain with what the session is made of."""
        session.chain = next(self._chains)
        for i, part in enumerate(session.base):
            if isinstance(part, int):
                self._rows.add(BASE, part, (session.chain, i))
                continue
            piece = next(self._chains)
            self._rows.add(PIECE, piece, (session.chain, i))
            for n, seq in enumerate(part):
                self._rows.add(ELEMENT, seq, (piece, n))
        for i, seq in enumerate(session.elements):
            self._rows.add(ELEMENT, seq, (session.chain, i))

    def _add(self, session: Session, added: Sequence[float | None]) -> None:
        """Adds a record to a session's sums; a spread after what it is of."""
        sums = session.sums
        for i, (fold, value) in enumerate(zip(self._folds, added, strict=True)):
            if value is None:
                continue
            if fold.of is None:
                sums[i] += value
                continue
            total, n = (sums[self._index[of]] for of in fold.of)
            if n > 1.0:
                deviation = value * n - total
                sums[i] += deviation * deviation / (n * (n - 1.0))

    def _joined(self, a: list[float], b: list[float]) -> list[float]:
        """The sums of two sessions."""
        out = [x + y for x, y in zip(a, b, strict=True)]
        for i, fold in enumerate(self._folds):
            if fold.of is None:
                continue
            total, n = (self._index[of] for of in fold.of)
            if a[n] > 0.0 and b[n] > 0.0:
                apart = a[total] / a[n] - b[total] / b[n]
                out[i] += a[n] * b[n] * apart * apart / (a[n] + b[n])
        return out

    def _close_group(self) -> None:
        """The sessions that are left are the group's new state."""
        self._final += [s.last for s in self._sessions if s.last >= 0]
        self._sessions = []

    def table(self) -> pa.Table:
        """The output."""
        rows = self._rows
        final = [False] * len(rows.kind)
        for i in self._final:
            final[i] = True
        columns: dict[str, pa.Array[Any]] = {
            "_kind": pa.array(rows.kind, pa.int32()),
            "_row": pa.array(rows.row, pa.int64()),
            "_chain": pa.array(rows.chain, pa.int64()),
            "_pos": pa.array(rows.pos, pa.int64()),
            "_emit": pa.array(rows.emit, pa.bool_()),
            "_fin": pa.array(final, pa.bool_()),
            "_ws": pa.array(rows.start, pa.int64()),
            "_we": pa.array(rows.end, pa.int64()),
        }
        for i, fold in enumerate(self._folds):
            values = [None if s is None else s[i] for s in rows.sums]
            columns[f"_a{fold.number}"] = pa.array(values, pa.float64())
        return pa.table(columns)
