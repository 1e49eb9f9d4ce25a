"""Every aggregate over every kind of window, against loops that keep whole lists of records, and
against one DuckDB query over all records.

Partitions have nothing to do with each other, so that a run over many of them is a run of many
random inputs: with null values and groups, late records and records out of order.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace

import duckdb
import pyarrow as pa
import pytest

from streamsql import functions
from streamsql.operators.aggregate import Aggregate
from streamsql.operators.window import Window
from streamsql.schema.types import BIGINT, STRING
from tests.operators.test_value_aggregates import REFERENCES, constant

LISTS_MAX = 7
NUMBERS = {
    ("COUNT",): len,
    ("COUNT", "V"): lambda s: len(given(s)),
    ("SUM", "V"): lambda s: sum(given(s)),
    ("MIN", "V"): lambda s: min(given(s), default=None),
    ("MAX", "V"): lambda s: max(given(s), default=None),
    ("AVG", "V"): lambda s: sum(given(s)) / len(given(s)) if given(s) else None,
}
CALLS = {**NUMBERS, **REFERENCES}
OVERS = {
    "stream": None,
    "tumbling": Window(kind="TUMBLING", size_ms=10, advance_ms=10, grace_ms=15),
    "hopping": Window(kind="HOPPING", size_ms=10, advance_ms=4, grace_ms=7, retention_ms=50),
    "session": Window(kind="SESSION", size_ms=6, advance_ms=6, grace_ms=12, retention_ms=30),
}
INPUTS = int(os.environ.get("STREAMSQL_INPUTS", "60"))


def given(seen):
    return [v for v, _ in seen if v is not None]


def node(kit, over, *, final=False):
    types = {"V": BIGINT, "T": STRING}
    bound = [
        functions.resolve_aggregate(
            name, [kit.col(a, types[a]) if a in types else constant(a) for a in arguments]
        )
        for name, *arguments in CALLS
    ]
    limited = [replace(b, limit=LISTS_MAX) for b in bound]
    return Aggregate(
        input=kit.given(schema=kit.schema({"K": STRING}, {"G": STRING, "V": BIGINT, "T": STRING})),
        schema=kit.schema({"G": STRING}, {f"A{i}": b.type for i, b in enumerate(limited)}),
        group=(kit.col("G", STRING),),
        aggregates=tuple(limited),
        over=over,
        final=final,
    )


def random_input(kit, rng: random.Random, part: int):
    """A few records of one partition."""

    def maybe(value):
        return None if rng.random() < 0.2 else value

    rows, clock = [], 0
    for _ in range(rng.randint(1, 25)):
        clock += rng.choice([0, 1, 2, 5, 9, 40 if rng.random() < 0.3 else 3])
        ts = max(0, clock - rng.choice([0, 0, 0, 4, 11, 35]))
        group = rng.choice(["a", "a", "b", None])
        value = (group, maybe(rng.randint(0, 5)), maybe(rng.choice("pqr")))
        rows.append(kit.row(("k",), None if rng.random() < 0.1 else value, ts=ts, part=part))
    return rows


def random_rows(kit, seed: int, inputs: int):
    """The records of all inputs, shuffled together; those of one keep their order."""
    rng = random.Random(seed)
    waiting = [random_input(kit, rng, part) for part in range(inputs)]
    turns = [part for part, rows in enumerate(waiting) for _ in rows]
    rng.shuffle(turns)
    rows = [iter(part) for part in waiting]
    return [next(rows[turn]) for turn in turns]


class Loop:
    """The changes of every window record by record; a window is (seen, time, start, end)."""

    def __init__(self, kit, over):
        self.kit, self.over = kit, over
        self.time, self.live, self.changes, self.final = {}, {}, [], []

    def take(self, row):
        if row.value is None or row.value[0] is None:
            return
        before = self.time.get(row.part)
        now = self.time[row.part] = max(before or 0, row.ts)
        if self.over is None:
            self._add(row, None)
        elif self.over.kind == "SESSION":
            self._join(row, before, now)
        else:
            size, advance = self.over.size_ms, self.over.advance_ms
            first = max(0, row.ts - size + advance) // advance * advance
            for start in range(first, row.ts + 1, advance):
                if start + size + self.over.grace_ms > now:
                    self._add(row, (start, start + size))
        self._close(row.part, now)

    def _add(self, row, window):
        seen, ts = self.live.get((row.part, row.value[0], window), ([], 0))
        seen = [*seen, row.value[1:]]
        self.live[row.part, row.value[0], window] = (seen, max(ts, row.ts))
        self._emit(row.part, row.value[0], window)

    def _join(self, row, before, now):
        gap, closed = self.over.size_ms, self.over.size_ms + self.over.grace_ms
        visible = -1 if before is None else before - closed
        own = [w for p, g, w in self.live if (p, g) == (row.part, row.value[0])]
        found = sorted(
            (w for w in own if row.ts - gap <= w[1] > visible and w[0] <= row.ts + gap),
            key=lambda w: w[1],
        )
        start, end = min([row.ts, *(w[0] for w in found)]), max([row.ts, *(w[1] for w in found)])
        if end < now - closed:
            return
        seen = []
        for window in found:
            if not start == end == row.ts:
                change = self.kit.change((row.value[0],), None, window[1], row.part, window)
                self.changes.append(change)
            seen += self.live.pop((row.part, row.value[0], window))[0]
        self.live[row.part, row.value[0], (start, end)] = ([*seen, row.value[1:]], end)
        self._emit(row.part, row.value[0], (start, end))

    def _emit(self, part, group, window):
        self.changes.append(self._change(part, group, window))

    def _change(self, part, group, window):
        seen, ts = self.live[part, group, window]
        value = tuple(make(seen) for make in CALLS.values())
        return self.kit.change((group,), value, ts, part, window)

    def _close(self, part, now):
        """EMIT FINAL: what stream time has passed leaves, and is lost where it jumps too far."""
        if self.over is None:
            return
        session = self.over.kind == "SESSION"
        kept = self.over.grace_ms + (self.over.size_ms if session else 0)
        due = [(p, g, w) for p, g, w in self.live if p == part and w[1] + kept <= now]
        order = (lambda d: (d[2][1], d[1], d[2][0])) if session else (lambda d: (d[2][0], d[1]))
        floor = 0 if session else now // self.over.advance_ms * self.over.advance_ms
        for place in sorted(due, key=order):
            if session or place[2][0] >= floor - self.over.open_ms:
                self.final.append(self._change(*place))
            # A closed session is invisible: no record can tell that it is gone.
            del self.live[place]


def cuts(rows):
    """Batches of an odd number of records, and all at once."""
    return (max(41, len(rows) // 9), "all")


def reference(kit, over, rows):
    loop = Loop(kit, over)
    for row in rows:
        loop.take(row)
    return loop


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("over", OVERS)
def test_every_change_is_that_of_a_loop(kit, over, seed):
    rows = random_rows(kit, seed, INPUTS)
    wanted = reference(kit, OVERS[over], rows).changes
    for how in cuts(rows):
        assert kit.run(node(kit, OVERS[over]), rows, how, seed=seed).changes == wanted


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("over", OVERS)
def test_the_last_of_a_batch_is_the_last_change(kit, over, seed):
    rows = random_rows(kit, seed, INPUTS)
    wanted = {(c.part, c.key, c.window): c for c in reference(kit, OVERS[over], rows).changes}
    for how in cuts(rows):
        changes = kit.run(node(kit, OVERS[over]), rows, how, every_change=False).changes
        assert {(c.part, c.key, c.window): c for c in changes} == wanted


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("over", [n for n in OVERS if n != "stream"])
def test_a_final_window_leaves_once(kit, over, seed):
    rows = random_rows(kit, seed, INPUTS)
    wanted = by_part(reference(kit, OVERS[over], rows).final)
    for how in cuts(rows):
        assert by_part(kit.run(node(kit, OVERS[over], final=True), rows, how).changes) == wanted


def by_part(changes):
    """Of sessions, rows of several partitions come in an order that depends on the batch."""
    return sorted(changes, key=lambda change: change.part)


WHOLE = """
SELECT part, g, ws, count(*), count(v), sum(v)::BIGINT, min(v), max(v), avg(v),
  list(v ORDER BY seq)[:7], max(v, 3), count(DISTINCT v)
FROM (SELECT *, max(ts) OVER (PARTITION BY part ORDER BY seq) AS t, {starts} AS ws
      FROM records WHERE g IS NOT NULL)
WHERE ws + {size} + {grace} > t
GROUP BY part, g, ws ORDER BY ALL
"""


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("over", ["stream", "tumbling", "hopping"])
def test_the_table_is_one_query_over_all_records(kit, over, seed):
    rows = random_rows(kit, seed, INPUTS)
    window = OVERS[over] or Window(kind="TUMBLING", size_ms=10**9, advance_ms=10**9)
    size, advance = window.size_ms, window.advance_ms
    first = f"greatest(0, ts - {size - advance}) // {advance} * {advance}"
    records = pa.Table.from_pylist(
        [
            {"seq": i, "part": r.part, "ts": r.ts, "g": g, "v": v}
            for i, r in enumerate(rows)
            for g, v, _ in [r.value or (None, None, None)]
        ]
    )
    with duckdb.connect() as connection:
        connection.register("records", records)
        starts = f"unnest(range({first}, ts + 1, {advance}))"
        text = WHOLE.format(starts=starts, size=size, grace=window.grace_ms)
        whole = connection.execute(text).fetchall()
    places = [list(CALLS).index(c) for c in (*NUMBERS, ("COLLECT_LIST", "V"), ("TOPK", "V", 3))]
    places.append(list(CALLS).index(("COUNT_DISTINCT", "V")))
    # A stream's groups have no windows; of closed windows the rows may be gone.
    kept = {
        (c.part, c.key[0], c.window[0] if c.window else 0): tuple(c.value[i] for i in places)
        for c in kit.run(node(kit, OVERS[over]), rows, cuts(rows)[0]).changes
    }
    assert kept == {row[:3]: tidy(row[3:]) for row in whole}


def tidy(values):
    """DuckDB's results as ksqlDB has them: a sum of nothing is 0, a list of nothing empty."""
    *numbers, items, top, different = values
    numbers[2] = numbers[2] or 0
    return (*numbers, items or [], top or [], different)


def test_lists_of_merged_sessions_do_not_depend_on_batches(kit):
    rows = [kit.row(("k",), ("a", ts, "t"), ts=ts) for ts in (22, 26, 14, 20)]
    call = functions.resolve_aggregate("COLLECT_LIST", [kit.col("V", BIGINT)])
    tree = replace(
        node(kit, OVERS["session"]),
        schema=kit.schema({"G": STRING}, {"L": call.type}),
        aggregates=(call,),
    )
    one, two = (kit.run(tree, rows, how).changes[-1].value for how in (1, 2))
    assert one == ([14, 22, 26, 20],)
    assert two == one
