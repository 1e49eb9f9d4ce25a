"""TUMBLING and HOPPING windows against a loop over records: late records, stream time, several
partitions."""

from __future__ import annotations

import random

import pytest

from streamsql import functions
from streamsql.operators.aggregate import Aggregate
from streamsql.operators.filter import Filter
from streamsql.operators.materialize import Materialize
from streamsql.operators.operator import WindowInfo
from streamsql.operators.window import Window
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, BOOLEAN, STRING

CUTS = (1, "random", "all")


def windows(kit, over: Window, **more):
    """COUNT, SUM and the latest time of a group's windows."""
    given = kit.given(schema=kit.schema({"K": STRING}, {"G": STRING, "V": BIGINT}))
    bound = (
        functions.resolve_aggregate("COUNT", []),
        functions.resolve_aggregate("SUM", [kit.col("V", BIGINT)]),
    )
    return Aggregate(
        input=given,
        schema=kit.schema({"G": STRING}, {"N": BIGINT, "S": BIGINT}),
        group=(kit.col("G", STRING),),
        aggregates=bound,
        over=over,
        **more,
    )


def random_rows(kit, rng: random.Random, span: int, n: int | None = None):
    rows = []
    clock = 0
    for _ in range(n or rng.randint(1, 30)):
        clock += rng.choice([0, 1, 3, span // 20, span])
        ts = max(0, clock - rng.choice([0, 0, 0, 5, span]))
        value = None if rng.random() < 0.1 else (rng.choice(["a", "b", None]), rng.randint(-9, 9))
        rows.append(kit.row((rng.choice("xyz"),), value, ts=ts, part=rng.randint(0, 1)))
    return rows


def starts(ts: int, over: Window) -> list[int]:
    first = max(0, ts - over.size_ms + over.advance_ms) // over.advance_ms * over.advance_ms
    return list(range(first, ts + 1, over.advance_ms))


def accepted(rows, over: Window):
    """(row, window start, stream time) for each window that takes a row, in order."""
    time: dict[int, int] = {}
    for row in rows:
        if row.value is None or row.value[0] is None:
            continue
        time[row.part] = max(time.get(row.part, 0), row.ts)
        for start in starts(row.ts, over):
            if start + over.size_ms + over.grace_ms > time[row.part]:
                yield row, start


def too_late(rows, over: Window):
    """(partition, time, entry) for each window that was closed when a row came for it."""
    time: dict[int, int] = {}
    out = []
    for row in rows:
        if row.value is None or row.value[0] is None:
            continue
        now = time[row.part] = max(time.get(row.part, 0), row.ts)
        out += [
            (
                row.part,
                row.ts,
                f"Skipping record for expired window. key=[{row.value[0]}] timestamp=[{row.ts}]"
                f" window=[{start},{start + over.size_ms}) expiration=[{now - over.grace_ms}]"
                f" streamTime=[{now}]",
            )
            for start in starts(row.ts, over)
            if start + over.size_ms <= now - over.grace_ms
        ]
    return out


def reference(kit, rows, over: Window):
    groups: dict[tuple, tuple] = {}
    out = []
    for row, start in accepted(rows, over):
        group, v = row.value
        place = (row.part, group, start)
        ts, n, s = groups.get(place, (0, 0, 0))
        groups[place] = (max(ts, row.ts), n + 1, s + v)
        ts, n, s = groups[place]
        out.append(kit.change((group,), (n, s), ts, row.part, (start, start + over.size_ms)))
    return out


OVERS = (
    Window(kind="TUMBLING", size_ms=10, advance_ms=10, grace_ms=0, retention_ms=10),
    Window(kind="TUMBLING", size_ms=10, advance_ms=10, grace_ms=30),
    Window(kind="HOPPING", size_ms=10, advance_ms=4, grace_ms=7, retention_ms=50),
    Window(kind="HOPPING", size_ms=12, advance_ms=3, grace_ms=0, retention_ms=12),
)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("over", OVERS, ids=lambda w: f"{w.kind}-{w.advance_ms}-{w.grace_ms}")
def test_every_change_of_a_window_is_that_of_a_loop(kit, over, seed):
    rows = random_rows(kit, random.Random(seed), 40)
    expected = reference(kit, rows, over)
    late = too_late(rows, over)
    for how in CUTS:
        outcome = kit.run(windows(kit, over), rows, how, seed=seed)
        assert (outcome.changes, outcome.late) == (expected, late)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("over", OVERS[1:3], ids=lambda w: w.kind)
def test_the_last_of_a_batch_leaves_the_same_windows(kit, over, seed):
    rows = random_rows(kit, random.Random(seed), 40)
    every = reference(kit, rows, over)
    final = {(c.part, c.key, c.window): c for c in every}
    for how in CUTS:
        last = kit.run(windows(kit, over), rows, how, every_change=False, seed=seed)
        assert {(c.part, c.key, c.window): c for c in last.changes} == final
        if how == "all":
            assert len(last.changes) == len(final)


@pytest.mark.slow
def test_closed_windows_are_deleted_and_open_ones_stay(kit):
    over = OVERS[0]
    rows = [kit.row(("x",), ("a", 1), ts=i) for i in range(0, 4000, 5)]
    outcome = kit.run(windows(kit, over), rows, 20)
    assert len(outcome.changes) == len(rows)
    groups = next(n for name, n in outcome.state.items() if "groups" in name)
    assert 1 <= groups <= 17 * 20 // 2


def test_thousands_of_records_and_eight_threads(kit):
    over = OVERS[2]
    rows = random_rows(kit, random.Random(9), 40, n=3000)
    expected = reference(kit, rows, over)
    outcome = kit.run(windows(kit, over), rows, 700)
    assert (outcome.changes, outcome.late) == (expected, too_late(rows, over))
    assert len(outcome.late) > 100
    assert kit.run(windows(kit, over), rows, "all", threads=8).changes == expected


def final_reference(kit, rows, over: Window):
    """Windows leave when stream time closes them; older ones than the store keeps are lost."""
    groups: dict[tuple, tuple] = {}
    time: dict[int, int] = {}
    out = []
    for row in rows:
        if row.value is None or row.value[0] is None:
            continue
        now = time[row.part] = max(time.get(row.part, 0), row.ts)
        group, v = row.value
        for start in starts(row.ts, over):
            if start + over.open_ms > now:
                ts, n, s = groups.get((row.part, start, group), (0, 0, 0))
                groups[row.part, start, group] = (max(ts, row.ts), n + 1, s + v)
        for place in sorted(p for p in groups if p[0] == row.part and p[1] + over.open_ms <= now):
            ts, n, s = groups.pop(place)
            part, start, name = place
            if start >= now // over.advance_ms * over.advance_ms - over.open_ms:
                out.append(kit.change((name,), (n, s), ts, part, (start, start + over.size_ms)))
    return out


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("over", OVERS, ids=lambda w: f"{w.kind}-{w.advance_ms}-{w.grace_ms}")
def test_a_final_window_leaves_once_when_it_closes(kit, over, seed):
    rows = random_rows(kit, random.Random(seed), 40)
    wanted = final_reference(kit, rows, over)
    late = too_late(rows, over)
    for how in CUTS:
        for every in (True, False) if how == "all" else (True,):
            outcome = kit.run(
                windows(kit, over, final=True), rows, how, seed=seed, every_change=every
            )
            assert (outcome.changes, outcome.late) == (wanted, late)


def test_final_windows_of_thousands_of_records(kit):
    rows = random_rows(kit, random.Random(9), 40, n=3000)
    wanted = final_reference(kit, rows, OVERS[2])
    assert len(wanted) > 100
    for how, threads in ((700, 1), ("all", 8)):
        outcome = kit.run(windows(kit, OVERS[2], final=True), rows, how, threads=threads)
        assert outcome.changes == wanted


def test_a_windowed_stream_may_be_put_into_other_windows(kit):
    given = kit.given(
        schema=kit.schema({"K": STRING}, {"V": BIGINT}),
        window=WindowInfo(kind="TUMBLING", size_ms=5),
    )
    node = Aggregate(
        input=given,
        schema=kit.schema({"K": STRING}, {"N": BIGINT, "S": BIGINT}),
        group=(kit.col("K", STRING),),
        aggregates=(
            functions.resolve_aggregate("COUNT", []),
            functions.resolve_aggregate("SUM", [kit.col("_ws", BIGINT)]),
        ),
        over=OVERS[1],
    )
    rows = [kit.row(("a",), (1,), ts=12, window=(w, w + 5)) for w in (5, 10)]
    changes = kit.run(node, rows).changes
    assert [(c.value, c.window) for c in changes] == [((1, 5), (10, 20)), ((2, 15), (10, 20))]


@pytest.mark.slow
def test_different_values_are_counted_in_each_window_and_forgotten_with_it(kit):
    over = OVERS[2]
    given = kit.given(schema=kit.schema({"K": STRING}, {"G": STRING, "V": BIGINT}))
    node = Aggregate(
        input=given,
        schema=kit.schema({"G": STRING}, {"N": BIGINT}),
        group=(kit.col("G", STRING),),
        aggregates=(functions.resolve_aggregate("COUNT_DISTINCT", [kit.col("V", BIGINT)]),),
        over=over,
    )
    rows = random_rows(kit, random.Random(5), 40, n=600)
    seen: dict[tuple, set] = {}
    wanted = []
    for row, start in accepted(rows, over):
        values = seen.setdefault((row.part, row.value[0], start), set())
        values.add(row.value[1])
        wanted.append((row.value[0], start, len(values)))
    for how in (20, "all"):
        outcome = kit.run(node, rows, how)
        changes = [(c.key[0], c.window[0], c.value[0]) for c in outcome.changes]
        assert changes == wanted
        if how == 20:
            kept = next(n for name, n in outcome.state.items() if "seen" in name)
            assert kept < sum(map(len, seen.values()))


@pytest.mark.slow
def test_what_a_filter_or_a_table_keeps_of_windows_goes_with_them(kit):
    having = TypedSql(sql='("N" > 0)', type=BOOLEAN, columns=frozenset("N"))
    rows = [kit.row(("x",), ("a", 1), ts=i) for i in range(0, 4000, 5)]
    filtered = Filter(input=windows(kit, OVERS[0]), condition=having)
    stored = Materialize(input=windows(kit, OVERS[0], final=True))
    for node, name in ((filtered, "fwd"), (stored, "rows")):
        state = kit.run(node, rows, 20).state
        assert next(n for table, n in state.items() if name in table) <= 17 * 20 // 2
