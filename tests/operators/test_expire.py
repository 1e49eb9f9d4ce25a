"""Rows of a table that end after a time, against a loop over records; and what a table over them
makes of it."""

from __future__ import annotations

import random

import pytest

from streamsql import functions
from streamsql.operators.aggregate import Aggregate
from streamsql.operators.expire import Expire
from streamsql.schema.types import BIGINT, STRING

CUTS = (1, "random", "all")
TTL = 20


def expire(kit):
    given = kit.given(schema=kit.schema({"K": STRING}, {"G": STRING, "V": BIGINT}), table=True)
    return Expire(input=given, ttl_ms=TTL)


def random_rows(kit, rng, n=None):
    rows, clock = [], 0
    for _ in range(n or rng.randint(1, 30)):
        clock += rng.choice([0, 1, 3, 7, 30 if rng.random() < 0.2 else 2])
        ts = max(0, clock - rng.choice([0, 0, 0, 5, 15, 40]))
        value = None if rng.random() < 0.2 else (rng.choice("gh"), rng.randint(-9, 9))
        rows.append(kit.row((rng.choice("abcd"),), value, ts=ts, part=rng.choice([0, 0, 1])))
    return rows


def reference(kit, rows):
    """The changes, the rows that live at the end and the rows that were skipped."""
    live, time, changes, late = {}, {}, [], []
    for row in rows:
        now = time[row.part] = max(time.get(row.part, 0), row.ts)
        skipped = row.value is not None and row.ts + TTL <= now
        due = sorted(
            (ts, key)
            for (part, key), ts in live.items()
            if part == row.part and ts + TTL <= now and (skipped or key != row.key)
        )
        for ts, key in due:
            del live[row.part, key]
            changes.append(kit.change(key, None, ts + TTL, row.part, None))
        if skipped:
            late.append(
                (
                    row.part,
                    row.ts,
                    f"Skipping row that has expired. key=[{row.key[0]}] timestamp=[{row.ts}]"
                    f" expiration=[{row.ts + TTL}] streamTime=[{now}]",
                )
            )
            continue
        live.pop((row.part, row.key), None)
        if row.value is not None:
            live[row.part, row.key] = row.ts
        changes.append(kit.change(row.key, row.value, row.ts, row.part, None))
    return changes, live, late


@pytest.mark.slow
def test_rows_end_as_in_a_loop_over_records(kit, seed):
    rows = random_rows(kit, random.Random(seed))
    changes, live, late = reference(kit, rows)
    for how in CUTS:
        outcome = kit.run(expire(kit), rows, how, seed=seed)
        assert (outcome.changes, outcome.late) == (changes, late)
        assert next(n for name, n in outcome.state.items() if "rows" in name) == len(live)


def test_thousands_of_records_and_eight_threads(kit):
    rows = random_rows(kit, random.Random(4), 3000)
    changes, _, late = reference(kit, rows)
    assert sum(c.value is None for c in changes) > 500
    assert len(late) > 100
    for how, threads in ((700, 1), ("all", 8)):
        outcome = kit.run(expire(kit), rows, how, threads=threads)
        assert (outcome.changes, outcome.late) == (changes, late)


@pytest.mark.slow
def test_a_group_loses_what_its_rows_lose(kit, seed):
    rows = random_rows(kit, random.Random(seed))
    node = Aggregate(
        input=expire(kit),
        schema=kit.schema({"G": STRING}, {"N": BIGINT, "S": BIGINT}),
        group=(kit.col("G", STRING),),
        aggregates=(
            functions.resolve_aggregate("COUNT", []),
            functions.resolve_aggregate("SUM", [kit.col("V", BIGINT)]),
        ),
    )
    changes, _, _ = reference(kit, rows)
    table: dict[tuple, tuple] = {}
    for change in changes:
        table.pop((change.part, change.key), None)
        if change.value is not None:
            table[change.part, change.key] = change.value
    sums: dict[tuple, tuple[int, int]] = {}
    for (part, _), (group, value) in table.items():
        n, s = sums.get((part, group), (0, 0))
        sums[part, group] = (n + 1, s + value)
    for how in CUTS:
        kept = {(r.part, r.key[0]): r.value for r in kit.run(node, rows, how, seed=seed).rows}
        assert {g: v for g, v in kept.items() if v != (0, 0) or g in sums} == sums
