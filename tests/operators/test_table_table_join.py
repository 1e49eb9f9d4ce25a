"""Joins of tables on their keys against a loop over changes."""

from __future__ import annotations

import random

import pytest

from streamsql.operators.table_table_join import TableTableJoin
from streamsql.schema.types import BIGINT, STRING

CUTS = (1, "random", "all")
KINDS = ("INNER", "LEFT", "RIGHT", "OUTER")


def join(kit, kind):
    left = kit.given(schema=kit.schema({"LK": STRING}, {"L.V": BIGINT}), table=True)
    right = kit.given(
        schema=kit.schema({"RK": STRING}, {"R.RK": STRING, "R.V": BIGINT}), table=True
    )
    schema = kit.schema({"K": STRING}, {"L.V": BIGINT, "R.RK": STRING, "R.V": BIGINT})
    return TableTableJoin(left=left, right=right, kind=kind, schema=schema)


def random_rows(kit, rng, n=None):
    rows = []
    for i in range(n or rng.randint(1, 30)):
        side = rng.randint(0, 1)
        key = rng.choice(["a", "b", "c", None])
        value = None
        if rng.random() > 0.35:
            value = (key, rng.choice([i, None])) if side else (i,)
        rows.append(
            kit.row((key,), value, ts=rng.randint(0, 99), part=rng.randint(0, 1), input=side)
        )
    return rows


def reference(kit, rows, kind):
    """KTable semantics: `here` the changed side, `other` the one that is looked up."""
    tables = ({}, {})
    out = []
    for row in rows:
        if row.key == (None,):
            continue
        place, side = (row.part, row.key), row.input
        before = tables[side].get(place)
        other = tables[1 - side].get(place)
        tables[side].pop(place, None)
        if row.value is not None:
            tables[side][place] = (row.value, row.ts)
        outer = kind == "OUTER" or kind == ("LEFT", "RIGHT")[side]
        if outer:
            leaves = other or before or row.value is not None
        else:
            leaves = other is not None
        if not leaves:
            continue
        left, right = tables[0].get(place), tables[1].get(place)
        alive = {
            "INNER": left and right,
            "LEFT": left,
            "RIGHT": right,
            "OUTER": left or right,
        }[kind]
        ts = max(row.ts, *(t[1] for t in (left, right) if t), row.ts)
        value = None
        if alive:
            value = (*(left[0] if left else (None,)), *(right[0] if right else (None, None)))
        out.append(kit.change(row.key, value, ts, row.part, None))
    final = set()
    for place in {*tables[0], *tables[1]}:
        left, right = tables[0].get(place), tables[1].get(place)
        wanted = {"INNER": left and right, "LEFT": left, "RIGHT": right, "OUTER": left or right}
        if wanted[kind]:
            value = (*(left[0] if left else (None,)), *(right[0] if right else (None, None)))
            ts = max(t[1] for t in (left, right) if t)
            final.add(kit.change(place[1], value, ts, place[0], None))
    return out, final


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_sees_the_other_side_as_of_its_place(kit, kind, seed):
    rows = random_rows(kit, random.Random(seed))
    wanted, final = reference(kit, rows, kind)
    for how in CUTS:
        outcome = kit.run(join(kit, kind), rows, how, seed=seed)
        assert outcome.changes == wanted
        assert set(outcome.rows) == final


def test_thousands_of_changes_and_eight_threads(kit):
    rows = random_rows(kit, random.Random(4), 2000)
    wanted, _ = reference(kit, rows, "OUTER")
    assert kit.run(join(kit, "OUTER"), rows, 600).changes == wanted
    assert kit.run(join(kit, "OUTER"), rows, "all", threads=8).changes == wanted
