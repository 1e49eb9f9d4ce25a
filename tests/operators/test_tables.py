"""Filter, Project and Materialize of a table: forwarded before, tombstones, what a pull query
sees."""

from __future__ import annotations

import random

import pytest

from streamsql.operators.filter import Filter
from streamsql.operators.materialize import Materialize
from streamsql.operators.operator import WindowInfo
from streamsql.operators.project import Project
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, BOOLEAN, STRING

CUTS = (1, "random", "all")
POSITIVE = TypedSql(sql='coalesce("V" > 0, FALSE)', type=BOOLEAN, columns=frozenset("V"))


def random_rows(kit, rng, *, keys=1, windowed=False, n=None):
    rows = []
    for i in range(n or rng.randint(1, 30)):
        key = tuple(rng.choice(["a", "b", None]) for _ in range(keys))
        value = None if rng.random() < 0.2 else (rng.choice([-1, 0, 1, 2, None]),)
        start = rng.choice([0, 10])
        window = (start, start + 10) if windowed else None
        rows.append(kit.row(key, value, ts=i, part=rng.randint(0, 1), window=window))
    return rows


def given(kit, keys=1, windowed=False):
    names = {f"K{i}": STRING for i in range(keys)}
    window = WindowInfo(kind="TUMBLING", size_ms=10) if windowed else None
    return kit.given(schema=kit.schema(names, {"V": BIGINT}), table=True, window=window)


def forwarded(kit, rows):
    """The changes that pass `V > 0`, and tombstones of those that passed before."""
    passed = set()
    out = []
    for row in rows:
        if row.key[0] is None:
            continue
        place = (row.part, row.key, row.window)
        value = row.value
        if value is not None and (value[0] is None or value[0] <= 0):
            value = None
        if value is None and place not in passed:
            continue
        (passed.discard if value is None else passed.add)(place)
        out.append(kit.change(row.key, value, row.ts, row.part, row.window))
    return out


@pytest.mark.slow
@pytest.mark.parametrize(("keys", "windowed"), [(1, False), (2, False), (1, True)])
def test_a_tombstone_leaves_only_after_its_row(kit, seed, keys, windowed):
    rows = random_rows(kit, random.Random(seed), keys=keys, windowed=windowed)
    node = Filter(input=given(kit, keys, windowed), condition=POSITIVE)
    for how in CUTS:
        assert kit.run(node, rows, how, seed=seed).changes == forwarded(kit, rows)


@pytest.mark.slow
@pytest.mark.parametrize("windowed", [False, True])
def test_a_pull_query_sees_the_last_row_of_each_key(kit, seed, windowed):
    rows = random_rows(kit, random.Random(seed), windowed=windowed)
    last = {}
    for row in rows:
        if row.key[0] is not None:
            last[(row.part, row.key, row.window)] = row
    kept = {p: r for p, r in last.items() if r.value is not None}
    node = Filter(input=Materialize(input=given(kit, windowed=windowed)), condition=POSITIVE)
    renamed = Project(
        input=node,
        schema=kit.schema({"ID": STRING}, {"W": BIGINT, "T": BIGINT}),
        keys=(kit.col("K0", STRING),),
        values=(
            TypedSql(sql='("V" * 10)', type=BIGINT, columns=frozenset("V")),
            TypedSql(sql="_ts", type=BIGINT, columns=frozenset(("_ts",))),
        ),
    )
    wanted = {p: ((r.value[0] * 10, r.ts), r.ts) for p, r in kept.items() if (r.value[0] or 0) > 0}
    for how in CUTS:
        seen = kit.run(renamed, rows, how, seed=seed).rows
        assert {(c.part, c.key, c.window): (c.value, c.ts) for c in seen} == wanted


def test_a_materialized_table_hands_every_change_on(kit):
    rows = random_rows(kit, random.Random(8))
    changes = kit.run(Materialize(input=given(kit)), rows, 7).changes
    wanted = [(r.key, r.value) for r in rows if r.key[0] is not None]
    assert [(c.key, c.value) for c in changes] == wanted
