"""WITHIN against a loop over records: eager and with grace, late records, closing windows."""

from __future__ import annotations

import random

import pytest

from streamsql.operators.stream_stream_join import StreamStreamJoin
from streamsql.operators.window import DAY_MS
from streamsql.schema.types import BIGINT, INTEGER

CUTS = (1, "random", "all")
KINDS = ("INNER", "LEFT", "RIGHT", "OUTER")


def join(kit, kind, grace):
    left = kit.given(schema=kit.schema({"LK": INTEGER}, {"L.V": BIGINT}))
    right = kit.given(schema=kit.schema({"RK": INTEGER}, {"R.K": INTEGER, "R.V": BIGINT}))
    schema = kit.schema({"K": INTEGER}, {"L.V": BIGINT, "R.K": INTEGER, "R.V": BIGINT})
    return StreamStreamJoin(
        left=left, right=right, kind=kind, before_ms=7, after_ms=4, grace_ms=grace, schema=schema
    )


def random_rows(kit, rng, n=None, span=30):
    rows, clock = [], 0
    for i in range(n or rng.randint(1, 30)):
        clock += rng.choice([0, 1, 2, 5, span if rng.random() < 0.2 else 0])
        side = rng.randint(0, 1)
        key = rng.choice([1, -1, 2, None])
        value = None if rng.random() < 0.1 else ((key, i) if side else (i,))
        ts = max(0, clock - rng.choice([0, 0, 0, 3, 12, 40]))
        rows.append(kit.row((key,), value, ts=ts, part=rng.choice([0, 0, 1]), input=side))
    return rows


def reference(kit, rows, kind, grace):
    """Kafka Streams: KStreamKStreamJoin, with its window stores and its store of outer rows."""
    before, after = 7, 4
    outer = (kind in ("LEFT", "OUTER"), kind in ("RIGHT", "OUTER"))
    kept = before + after + (DAY_MS if grace is None else grace)
    wait = (after, before)
    buffers, pending, times, joint, out = ([], []), [], {}, {}, []

    def emit(part, key, ts, left, right):
        value = (*(left or (None,)), *(right or (None, None)))
        out.append(kit.change((key,), value, ts, part, None))

    for n, row in enumerate(rows):
        if row.value is None or row.key[0] is None:
            continue
        part, key, side = row.part, row.key[0], row.input
        times[part, side] = max(times.get((part, side), 0), row.ts)
        joint[part] = max(joint.get(part, 0), row.ts)
        if grace is not None:
            due = [p for p in pending if p[0] == part and p[3] + wait[p[1]] + grace < joint[part]]
            due.sort(key=lambda p: (p[3], 1 - p[1], p[2].to_bytes(4, "big", signed=True), p[4]))
            for p in due:
                pending.remove(p)
                emit(part, p[2], p[3], *((p[5], None) if p[1] == 0 else (None, p[5])))
        found = []
        low, high = (
            (row.ts - before, row.ts + after) if side == 0 else (row.ts - after, row.ts + before)
        )
        for other in buffers[1 - side]:
            visible = other[2] > times.get((part, 1 - side), 0) - kept
            if other[:2] == (part, key) and low <= other[2] <= high and visible:
                found.append(other)
        for other in sorted(found, key=lambda o: (o[2], o[3])):
            pair = (row.value, other[4]) if side == 0 else (other[4], row.value)
            emit(part, key, max(row.ts, other[2]), *pair)
            pending[:] = [p for p in pending if p[4] != other[3]]
        if not found and outer[side]:
            if grace is None or row.ts + wait[side] < joint[part]:
                emit(part, key, row.ts, *((row.value, None) if side == 0 else (None, row.value)))
            else:
                pending.append((part, side, key, row.ts, n, row.value))
        buffers[side].append((part, key, row.ts, n, row.value))
    return out


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grace", [None, 0, 6])
def test_pairs_and_null_rows_are_those_of_a_loop(kit, kind, grace, seed):
    rows = random_rows(kit, random.Random(seed))
    wanted = reference(kit, rows, kind, grace)
    for how in CUTS:
        assert kit.run(join(kit, kind, grace), rows, how, seed=seed).changes == wanted


@pytest.mark.slow
@pytest.mark.parametrize("grace", [None, 5])
def test_thousands_of_records_and_eight_threads(kit, grace):
    rows = random_rows(kit, random.Random(4), 1500, span=10)
    wanted = reference(kit, rows, "OUTER", grace)
    assert kit.run(join(kit, "OUTER", grace), rows, 400).changes == wanted
    assert kit.run(join(kit, "OUTER", grace), rows, "all", threads=8).changes == wanted


@pytest.mark.slow
def test_records_that_nobody_can_see_are_deleted(kit):
    rows = [kit.row((1,), (i,), ts=i, input=0) for i in range(2000)]
    state = kit.run(join(kit, "LEFT", 5), rows, 25).state
    buffered = next(n for name, n in state.items() if "left" in name)
    assert buffered <= 17 * 25
    assert next(n for name, n in state.items() if "pending" in name) <= 25
