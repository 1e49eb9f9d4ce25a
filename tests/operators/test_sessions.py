"""SESSION windows against a loop over records that keeps whole sessions."""

from __future__ import annotations

import random

import pytest

from streamsql import functions
from streamsql.operators.aggregate import Aggregate
from streamsql.operators.window import Window
from streamsql.schema.types import BIGINT, DOUBLE, STRING

CUTS = (1, "random", "all")
GAP, GRACE = 10, 15
OVER = Window(kind="SESSION", size_ms=GAP, advance_ms=GAP, grace_ms=GRACE, retention_ms=GAP + GRACE)
VALUE = {"G": STRING, "V": BIGINT, "X": DOUBLE}
CALLS = (
    ("COUNT",),
    ("SUM", "V"),
    ("MAX", "V"),
    ("SUM", "X"),
    ("COLLECT_LIST", "V"),
    ("STDDEV_SAMP", "X"),
)


def node(kit, calls=CALLS, **more):
    given = kit.given(schema=kit.schema({"K": STRING}, VALUE))
    bound = [
        functions.resolve_aggregate(name, [kit.col(c, VALUE[c]) for c in columns])
        for name, *columns in calls
    ]
    return Aggregate(
        input=given,
        schema=kit.schema({"G": STRING}, {f"A{i}": b.type for i, b in enumerate(bound)}),
        group=(kit.col("G", STRING),),
        aggregates=tuple(bound),
        over=OVER,
        **more,
    )


def random_rows(kit, rng, n=None):
    rows, clock = [], 0
    for _ in range(n or rng.randint(1, 30)):
        clock += rng.choice([0, 1, 6, 9, 11, 30 if rng.random() < 0.3 else 2])
        ts = max(0, clock - rng.choice([0, 0, 0, 5, 12, 25, 60]))
        group = rng.choice(["a", "a", "b", None])
        value = None if rng.random() < 0.1 else (group, rng.randint(-9, 9), rng.uniform(-1, 1))
        rows.append(kit.row(("k",), value, ts=ts, part=rng.choice([0, 0, 1])))
    return rows


class Loop:
    """Sessions as Kafka Streams keeps them; `sums` are added as its aggregators and mergers do."""

    def __init__(self, kit):
        self.kit, self.sessions, self.time = kit, {}, {}
        self.changes, self.final, self.late = [], [], []

    def take(self, row):
        if row.value is None or row.value[0] is None:
            return
        before = self.time.get(row.part)
        now = self.time[row.part] = max(before or 0, row.ts)
        place = (row.part, row.value[0])
        live = self.sessions.setdefault(place, [])
        visible = -1 if before is None else before - GAP - GRACE
        found = [
            s
            for s in live
            if s["end"] >= row.ts - GAP and s["start"] <= row.ts + GAP and s["end"] > visible
        ]
        found.sort(key=lambda s: s["end"])
        start = min([row.ts, *(s["start"] for s in found)])
        end = max([row.ts, *(s["end"] for s in found)])
        if end >= now - GAP - GRACE:
            if not start == end == row.ts:
                for s in found:
                    self.emit(place, None, s)
            merged = {
                "start": start,
                "end": end,
                "values": [v for s in found for v in s["values"]] + [row.value[1]],
                "x": sum([s["x"] for s in found], 0.0) + row.value[2] if found else row.value[2],
                "xs": [x for s in found for x in s["xs"]] + [row.value[2]],
            }
            if found:
                total = found[0]["x"]
                for s in found[1:]:
                    total += s["x"]
                merged["x"] = total + row.value[2]
            self.sessions[place] = [s for s in live if s not in found] + [merged]
            self.emit(place, merged, merged)
        else:
            self.late.append(
                (
                    row.part,
                    row.ts,
                    f"Skipping record for expired window. key=[{row.value[0]}]"
                    f" timestamp=[{row.ts}] window=[{row.ts},{row.ts}]"
                    f" expiration=[{now - GAP - GRACE}] streamTime=[{now}]",
                )
            )
        self.close(row.part, now)

    def close(self, part, now):
        due = [
            (s["end"], g, s["start"], s)
            for (p, g), live in self.sessions.items()
            if p == part
            for s in live
            if s["end"] + GAP + GRACE <= now and not s.get("left")
        ]
        for _, group, _, s in sorted(due, key=lambda d: d[:3]):
            s["left"] = True
            self.final.append(self.change((part, group), s, s))

    def emit(self, place, session, window):
        self.changes.append(self.change(place, session, window))

    def change(self, place, session, window):
        value = None
        if session:
            vs = session["values"]
            value = (len(vs), sum(vs), max(vs), session["x"], list(vs))
        bounds = (window["start"], window["end"])
        return self.kit.change((place[1],), value, window["end"], place[0], bounds)


def reference(kit, rows):
    loop = Loop(kit)
    for row in rows:
        loop.take(row)
    return loop


def shown(changes):
    """Without the deviation, which is compared apart."""
    return [c._replace(value=c.value[:5] if c.value else None) for c in changes]


@pytest.mark.slow
def test_sessions_grow_merge_and_leave_tombstones(kit, seed):
    rows = random_rows(kit, random.Random(seed))
    wanted = reference(kit, rows)
    texts = set()
    for how in CUTS:
        outcome = kit.run(node(kit), rows, how, seed=seed)
        assert (shown(outcome.changes), outcome.late) == (wanted.changes, wanted.late)
        texts.add(repr(outcome.changes))
    assert len(texts) == 1


@pytest.mark.slow
def test_the_last_of_a_batch_leaves_the_same_sessions(kit, seed):
    rows = random_rows(kit, random.Random(seed))
    wanted = {(c.part, c.key, c.window): c for c in reference(kit, rows).changes}
    for how in CUTS:
        changes = shown(kit.run(node(kit), rows, how, every_change=False).changes)
        assert {(c.part, c.key, c.window): c for c in changes} == wanted


@pytest.mark.slow
def test_a_final_session_leaves_once(kit, seed):
    rows = random_rows(kit, random.Random(seed))
    wanted = reference(kit, rows)
    for how in CUTS:
        outcome = kit.run(node(kit, final=True), rows, how, seed=seed)
        assert (shown(outcome.changes), outcome.late) == (wanted.final, wanted.late)


@pytest.mark.slow
def test_thousands_of_records_and_eight_threads(kit):
    rows = random_rows(kit, random.Random(7), 2500)
    loop = reference(kit, rows)
    wanted = loop.changes
    outcome = kit.run(node(kit), rows, 600)
    assert (shown(outcome.changes), outcome.late) == (wanted, loop.late)
    assert len(loop.late) > 20
    assert shown(kit.run(node(kit), rows, "all", threads=8).changes) == wanted


@pytest.mark.slow
def test_sessions_that_nobody_can_see_are_deleted(kit):
    rows = [kit.row(("k",), ("a", 1, 1.0), ts=i * 20) for i in range(600)]
    state = kit.run(node(kit, [("COUNT",)]), rows, 10).state
    assert next(n for name, n in state.items() if "groups" in name) <= 17 * 10 + 2


@pytest.mark.parametrize("how", CUTS)
def test_a_table_has_each_window_once(kit, how):
    """A session that expires as its grace ends, and a record of its bounds that is not late."""
    times = (0, GAP + GRACE, 0, GAP + GRACE + 1)
    rows = [kit.row(("k",), ("a", n, 0.5), ts=ts) for n, ts in enumerate(times)]
    kept = kit.run(node(kit), rows, how).rows
    windows = [c.window for c in kept]
    assert sorted(windows) == [(0, 0), (GAP + GRACE, GAP + GRACE + 1)]
    assert [c.value[:2] for c in kept if c.window == (0, 0)] == [(1, 2)]
