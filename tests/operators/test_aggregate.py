"""Aggregate over a stream against a loop over records, for any batches, and the numbers'
aggregates with it."""

from __future__ import annotations

import math
import random
from decimal import Decimal as PyDecimal
from typing import Any

import pytest

from streamsql import functions
from streamsql.engine.step import StepError
from streamsql.operators.aggregate import Aggregate
from streamsql.schema.types import BIGINT, DOUBLE, INTEGER, STRING, Array, Decimal

CUTS = (1, "random", "all")


def group_by(kit, value, calls, *, key=None, **more):
    """A GROUP BY of the first value column; `calls` are (name, column, …)."""
    given = kit.given(schema=kit.schema({"K": STRING}, {"G": STRING, **value}))
    types = {"G": STRING, **value}
    bound = [
        functions.resolve_aggregate(name, [kit.col(c, types[c]) for c in columns])
        for name, *columns in calls
    ]
    schema = kit.schema({"G": STRING}, {f"A{i}": b.type for i, b in enumerate(bound)})
    return Aggregate(
        input=given,
        schema=schema,
        group=(kit.col("G", STRING),),
        aggregates=tuple(bound),
        **more,
    )


def random_rows(kit, rng: random.Random, make, n: int | None = None):
    """Records with null groups, null values and times out of order."""
    rows = []
    for _ in range(n or rng.randint(1, 30)):
        group = rng.choice(["a", "b", "c", "d", None])
        value = None if rng.random() < 0.1 else (group, *make(rng))
        rows.append(
            kit.row((rng.choice("xyz"),), value, ts=rng.randint(0, 50), part=rng.randint(0, 1))
        )
    return rows


def reference(rows, step, start) -> list[Any]:
    """(part, group, time, state) after each record that belongs to a group."""
    groups: dict[Any, Any] = {}
    out = []
    for row in rows:
        if row.value is None or row.value[0] is None:
            continue
        place = (row.part, row.value[0])
        time, state = groups.get(place, (row.ts, start()))
        groups[place] = (max(time, row.ts), step(state, row.value[1:]))
        out.append((*place, *groups[place]))
    return out


def wrapped(n: int, bits: int) -> int:
    return (n + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def step_numbers(state, value):
    i, big, d, x, items = value
    s = dict(state)
    s["n"] += 1
    s["i"] = [*s["i"], *([] if i is None else [i])]
    s["b"] = [*s["b"], *([] if big is None else [big])]
    s["d"] = [*s["d"], *([] if d is None else [PyDecimal(d)])]
    s["x"] = [*s["x"], *([] if x is None else [x])]
    s["l"] = s["l"] + sum(v for v in items or [] if v is not None)
    return s


def left_sum(values):
    total = 0.0
    for v in values:
        total += v
    return total


def results_of(s):
    total = left_sum(s["x"])
    return (
        s["n"],
        len(s["x"]),
        wrapped(sum(s["i"]), 32),
        wrapped(sum(s["b"]), 64),
        sum(s["d"], PyDecimal("0.00")),
        total,
        min(s["i"], default=None),
        max(s["x"], default=None),
        sum(s["i"]) / len(s["i"]) if s["i"] else None,
        total / len(s["x"]) if s["x"] else None,
        wrapped(s["l"], 64),
    )


def make_numbers(rng: random.Random):
    def maybe(value):
        return None if rng.random() < 0.2 else value

    return (
        maybe(rng.choice([rng.randint(-5, 5), 2**31 - 1, -(2**31)])),
        maybe(rng.choice([rng.randint(-5, 5), 2**63 - 1])),
        maybe(f"{rng.randint(-999, 999)}.{rng.randint(10, 99)}"),
        maybe(rng.choice([rng.uniform(-1, 1), 1e16, -1e16, 1e-9])),
        maybe([maybe(rng.randint(-9, 9)) for _ in range(rng.randint(0, 3))]),
    )


NUMBERS = {"I": INTEGER, "B": BIGINT, "D": Decimal(12, 2), "X": DOUBLE, "L": Array(BIGINT)}
CALLS = (
    ("COUNT",),
    ("COUNT", "X"),
    ("SUM", "I"),
    ("SUM", "B"),
    ("SUM", "D"),
    ("SUM", "X"),
    ("MIN", "I"),
    ("MAX", "X"),
    ("AVG", "I"),
    ("AVG", "X"),
    ("SUM_LIST", "L"),
)


@pytest.mark.slow
def test_every_change_is_that_of_a_loop_over_records(kit, seed):
    rng = random.Random(seed)
    rows = random_rows(kit, rng, make_numbers)
    start = {"n": 0, "i": [], "b": [], "d": [], "x": [], "l": 0}
    expected = reference(rows, step_numbers, lambda: dict(start))
    wanted = [(p, (g,), ts, results_of(s)) for p, g, ts, s in expected]
    node = group_by(kit, NUMBERS, CALLS)
    for how in CUTS:
        outcome = kit.run(node, rows, how, seed=seed)
        assert [(c.part, c.key, c.ts, c.value) for c in outcome.changes] == wanted
        last = {(p, k): (ts, v) for p, k, ts, v in wanted}
        assert {(c.part, c.key): (c.ts, c.value) for c in outcome.rows} == last


@pytest.mark.slow
def test_the_last_of_a_batch_is_the_last_change_of_each_group_in_it(kit, seed):
    rng = random.Random(seed)
    rows = random_rows(kit, rng, make_numbers)
    for calls in (CALLS, [c for c in CALLS if c[-1] != "X" or c[0] == "COUNT"]):
        node = group_by(kit, NUMBERS, calls)
        every = kit.run(node, rows, 1)
        for how in CUTS:
            last = kit.run(node, rows, how, every_change=False, seed=seed)
            assert last.rows == every.rows
            if how == 1:
                assert last.changes == every.changes
        final = {(c.part, c.key): c for c in every.changes}
        order = sorted(final.values(), key=every.changes.index)
        assert sorted(last.changes) == sorted(order)


@pytest.mark.slow
def test_a_sum_of_doubles_is_a_left_fold_to_the_last_bit(kit):
    rng = random.Random(5)
    rows = [
        kit.row(("k",), ("g" if i % 3 else "h", rng.uniform(-1, 1) * 10.0 ** rng.randint(-9, 17)))
        for i in range(900)
    ]
    node = group_by(kit, {"X": DOUBLE}, [("SUM", "X")])
    wanted = []
    sums: dict[str, float] = {}
    for row in rows:
        group, x = row.value
        sums[group] = sums.get(group, 0.0) + x
        wanted.append(sums[group])
    for how, threads in ((100, 1), ("random", 2), ("all", 8)):
        changes = kit.run(node, rows, how, threads=threads).changes
        assert [c.value[0].hex() for c in changes] == [w.hex() for w in wanted]


@pytest.mark.slow
def test_deviation_and_correlation_agree_with_their_definitions(kit):
    rng = random.Random(3)
    rows = [kit.row(("k",), ("g", rng.gauss(5, 2), rng.gauss(1, 1))) for _ in range(40)]
    rows.insert(7, kit.row(("k",), ("g", None, 4.0)))
    node = group_by(
        kit,
        {"X": DOUBLE, "Y": DOUBLE},
        [("STDDEV_SAMP", "X"), ("STDDEV_SAMPLE", "X"), ("CORRELATION", "X", "Y")],
    )
    by_one = kit.run(node, rows, 1).changes
    # NaN equals nothing: compare the texts.
    for how in (7, "all"):
        assert repr(by_one) == repr(kit.run(node, rows, how).changes)
    assert by_one[0].value[:2] == (0.0, 0.0)
    assert math.isnan(by_one[0].value[2])
    xs, pairs = [], []
    for row, change in zip(rows, by_one, strict=True):
        _, x, y = row.value
        if x is not None:
            xs.append(x)
            pairs.append((x, y))
        if len(xs) < 2:
            continue
        mean = sum(xs) / len(xs)
        variance = sum((x - mean) ** 2 for x in xs) / (len(xs) - 1)
        assert change.value[0] == pytest.approx(variance, rel=1e-9)
        assert change.value[1] == pytest.approx(math.sqrt(variance), rel=1e-9)
        my = sum(y for _, y in pairs) / len(pairs)
        cov = sum((x - mean) * (y - my) for x, y in pairs)
        spread = math.sqrt(sum((x - mean) ** 2 for x, _ in pairs)) * math.sqrt(
            sum((y - my) ** 2 for _, y in pairs)
        )
        assert change.value[2] == pytest.approx(cov / spread, rel=1e-6)


@pytest.mark.slow
def test_eight_threads_and_thousands_of_records_give_the_same(kit):
    rng = random.Random(1)
    rows = random_rows(kit, rng, make_numbers, n=3000)
    node = group_by(kit, NUMBERS, CALLS)
    one = kit.run(node, rows, 500)
    assert one.changes == kit.run(node, rows, "all", threads=8).changes


def test_a_sum_of_decimals_that_does_not_fit_raises(kit):
    node = group_by(kit, {"D": Decimal(3, 1)}, [("SUM", "D")])
    rows = [kit.row(("k",), ("g", "99.9")), kit.row(("k",), ("g", "0.1"))]
    with pytest.raises(StepError, match=r"(?i)cast|range|decimal"):
        kit.run(node, rows)
