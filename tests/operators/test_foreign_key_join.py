"""Joins by a column that refers to another table's key, against a loop over changes."""

from __future__ import annotations

import random

import pytest

from streamsql.operators.foreign_key_join import ForeignKeyJoin
from streamsql.schema.types import BIGINT, INTEGER

CUTS = (1, "random", "all")


def join(kit, kind):
    left = kit.given(
        schema=kit.schema({"LK": INTEGER}, {"L.F": INTEGER, "L.V": BIGINT}), table=True
    )
    right = kit.given(
        schema=kit.schema({"RK": INTEGER}, {"R.K": INTEGER, "R.V": BIGINT}), table=True
    )
    schema = kit.schema(
        {"LK": INTEGER}, {"L.F": INTEGER, "L.V": BIGINT, "R.K": INTEGER, "R.V": BIGINT}
    )
    return ForeignKeyJoin(
        left=left, right=right, kind=kind, foreign_key=kit.col("L.F", INTEGER), schema=schema
    )


def random_rows(kit, rng, n=None):
    rows = []
    for i in range(n or rng.randint(1, 30)):
        if rng.random() < 0.55:
            value = None if rng.random() < 0.25 else (rng.choice([1, 2, 3, None]), i)
            rows.append(kit.row((rng.choice([-1, 5, 256, None]),), value, ts=rng.randint(0, 99)))
        else:
            key = rng.choice([1, 2, 3, None])
            value = None if rng.random() < 0.4 else (key, i)
            rows.append(kit.row((key,), value, ts=rng.randint(0, 99), part=key or 0, input=1))
    return rows


def reference(kit, rows, kind):
    left, right, out = {}, {}, []

    def emit(key, ts, mine, theirs):
        alive = mine is not None and (theirs is not None or kind == "LEFT")
        value = (*mine, *(theirs or (None, None))) if alive else None
        out.append(kit.change((key,), value, ts, 0, None))

    for row in rows:
        key = row.key[0]
        if key is None:
            continue
        if row.input == 1:
            right.pop(key, None)
            if row.value is not None:
                right[key] = (row.value, row.ts)
            refers = [k for k, (v, _) in left.items() if v[0] == key]
            for k in sorted(refers, key=lambda k: k.to_bytes(4, "big", signed=True)):
                value, ts = left[k]
                emit(k, max(ts, row.ts), value, row.value)
            continue
        old = left.pop(key, None)
        if row.value is not None:
            left[key] = (row.value, row.ts)
        reference = row.value[0] if row.value else (old[0][0] if old else None)
        partner = right.get(reference)
        ts = max(row.ts, partner[1]) if partner else row.ts
        new = row.value[0] if row.value else None
        had = old[0][0] if old else None
        if kind == "LEFT":
            leaves = row.value is not None or old is not None
        elif new is None:
            leaves = had is not None
        else:
            leaves = partner is not None or (had is not None and had != new)
        if leaves:
            emit(key, ts, row.value, partner[0] if partner and new is not None else None)
    final = set()
    for k, (value, ts) in left.items():
        partner = right.get(value[0])
        if partner or kind == "LEFT":
            time = max(ts, partner[1]) if partner else ts
            joined = (*value, *(partner[0] if partner else (None, None)))
            final.add(kit.change((k,), joined, time, 0, None))
    return out, final


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["INNER", "LEFT"])
def test_both_sides_emit(kit, kind, seed):
    rows = random_rows(kit, random.Random(seed))
    wanted, final = reference(kit, rows, kind)
    for how in CUTS:
        outcome = kit.run(join(kit, kind), rows, how, seed=seed)
        assert outcome.changes == wanted
        assert set(outcome.rows) == final


def test_thousands_of_changes_and_eight_threads(kit):
    rows = random_rows(kit, random.Random(4), 2000)
    wanted, _ = reference(kit, rows, "INNER")
    assert kit.run(join(kit, "INNER"), rows, 600).changes == wanted
    assert kit.run(join(kit, "INNER"), rows, "all", threads=8).changes == wanted
