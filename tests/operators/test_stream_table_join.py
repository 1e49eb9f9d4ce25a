"""A stream's record sees the table as of its place in the order."""

from __future__ import annotations

import random

import pytest

from streamsql.operators.stream_table_join import StreamTableJoin
from streamsql.schema.types import BIGINT, STRING

CUTS = (1, "random", "all")


def join(kit, kind):
    left = kit.given(schema=kit.schema({"LK": STRING}, {"L.V": BIGINT}))
    right = kit.given(
        schema=kit.schema({"RK": STRING}, {"R.RK": STRING, "R.V": BIGINT}), table=True
    )
    schema = kit.schema({"K": STRING}, {"L.V": BIGINT, "R.RK": STRING, "R.V": BIGINT})
    return StreamTableJoin(left=left, right=right, kind=kind, schema=schema)


def random_rows(kit, rng, n=None):
    rows = []
    for i in range(n or rng.randint(1, 30)):
        key = rng.choice(["a", "b", "c", None])
        if rng.random() < 0.5:
            value = None if rng.random() < 0.1 else (i,)
            rows.append(kit.row((key,), value, ts=rng.randint(0, 99), part=rng.randint(0, 1)))
        else:
            value = None if rng.random() < 0.3 else (key, rng.choice([i, None]))
            rows.append(kit.row((key,), value, ts=i, part=rng.randint(0, 1), input=1))
    return rows


def reference(kit, rows, kind):
    table = {}
    out = []
    for row in rows:
        if row.key == (None,):
            continue
        place = (row.part, row.key)
        if row.input == 1:
            table[place] = row.value
        elif row.value is not None:
            found = table.get(place)
            if found is not None or kind == "LEFT":
                value = (*row.value, *(found or (None, None)))
                out.append(kit.change(row.key, value, row.ts, row.part, None))
    return out


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["INNER", "LEFT"])
def test_a_record_sees_the_table_as_of_its_place(kit, kind, seed):
    rows = random_rows(kit, random.Random(seed))
    for how in CUTS:
        assert kit.run(join(kit, kind), rows, how, seed=seed).changes == reference(kit, rows, kind)


def test_thousands_of_records_and_eight_threads(kit):
    rows = random_rows(kit, random.Random(4), 3000)
    wanted = reference(kit, rows, "LEFT")
    assert kit.run(join(kit, "LEFT"), rows, 800).changes == wanted
    assert kit.run(join(kit, "LEFT"), rows, "all", threads=8).changes == wanted
