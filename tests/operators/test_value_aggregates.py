"""Aggregates that keep values, against loops over records, for any batches."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from streamsql import functions
from streamsql.errors import StatementError
from streamsql.operators.aggregate import Aggregate
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, BOOLEAN, INTEGER, STRING

CUTS = (1, "random", "all")


def constant(value):
    type_ = BOOLEAN if isinstance(value, bool) else INTEGER
    return TypedSql(sql=str(value), type=type_, constant=True, literal=value)


def node(kit, calls, limit=1000):
    """GROUP BY G; a call is (name, *columns or constants)."""
    given = kit.given(schema=kit.schema({"K": STRING}, {"G": STRING, "V": BIGINT, "T": STRING}))
    types = {"V": BIGINT, "T": STRING}
    bound = [
        replace(
            functions.resolve_aggregate(
                name, [kit.col(a, types[a]) if a in types else constant(a) for a in arguments]
            ),
            limit=limit,
        )
        for name, *arguments in calls
    ]
    return Aggregate(
        input=given,
        schema=kit.schema({"G": STRING}, {f"A{i}": b.type for i, b in enumerate(bound)}),
        group=(kit.col("G", STRING),),
        aggregates=tuple(bound),
    )


def random_rows(kit, rng, n=None):
    def maybe(value):
        return None if rng.random() < 0.25 else value

    return [
        kit.row(("k",), (rng.choice("ab"), maybe(rng.randint(0, 5)), maybe(rng.choice("pqrs"))))
        for _ in range(n or rng.randint(1, 30))
    ]


def distinct(values):
    return list(dict.fromkeys(values))


def rows_by_value(seen, k):
    some = [(v, t) for v, t in seen if v is not None]
    best = sorted(some, key=lambda vt: -vt[0])[:k]
    return [{"sort_col": v, "col0": t} for v, t in best]


def histogram(texts, keys=1000):
    counts: dict[str, int] = {}
    for text in texts:
        if text is not None and (text in counts or len(counts) < keys):
            counts[text] = counts.get(text, 0) + 1
    return sorted(counts.items())


REFERENCES = {
    ("COLLECT_LIST", "V"): lambda s: [v for v, _ in s][:7],
    ("COLLECT_SET", "T"): lambda s: distinct(t for _, t in s)[:7],
    ("TOPK", "V", 3): lambda s: sorted((v for v, _ in s if v is not None), reverse=True)[:3],
    ("TOPK", "V", "T", 2): lambda s: rows_by_value(s, 2),
    ("TOPKDISTINCT", "V", 2): lambda s: sorted({v for v, _ in s if v is not None}, reverse=True)[
        :2
    ],
    ("HISTOGRAM", "T"): lambda s: histogram(t for _, t in s),
    ("COUNT_DISTINCT", "V"): lambda s: len({v for v, _ in s if v is not None}),
    ("EARLIEST_BY_OFFSET", "V"): lambda s: next((v for v, _ in s if v is not None), None),
    ("EARLIEST_BY_OFFSET", "V", False): lambda s: s[0][0],
    ("EARLIEST_BY_OFFSET", "V", 2): lambda s: [v for v, _ in s if v is not None][:2],
    ("EARLIEST_BY_OFFSET", "V", 2, False): lambda s: [v for v, _ in s][:2],
    ("LATEST_BY_OFFSET", "T"): lambda s: next((t for _, t in s[::-1] if t is not None), None),
    ("LATEST_BY_OFFSET", "T", False): lambda s: s[-1][1],
    ("LATEST_BY_OFFSET", "V", 3): lambda s: [v for v, _ in s if v is not None][-3:],
    ("LATEST_BY_OFFSET", "V", 3, False): lambda s: [v for v, _ in s][-3:],
    ("ATTR", "T"): lambda s: s[0][1] if len({t for _, t in s}) == 1 else None,
}


def reference(rows):
    seen: dict[str, list] = {}
    out = []
    for row in rows:
        group, v, t = row.value
        seen.setdefault(group, []).append((v, t))
        out.append(tuple(make(seen[group]) for make in REFERENCES.values()))
    return out


@pytest.mark.slow
def test_every_change_is_that_of_a_loop(kit, seed):
    rows = random_rows(kit, random.Random(seed))
    wanted = reference(rows)
    tree = node(kit, REFERENCES, limit=7)
    for how in CUTS:
        changes = kit.run(tree, rows, how, seed=seed).changes
        assert [c.value for c in changes] == wanted


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("call", REFERENCES, ids=lambda c: "-".join(map(str, c)))
def test_the_last_of_a_batch_is_the_last_change(kit, call):
    rows = random_rows(kit, random.Random(3), 60)
    every = kit.run(node(kit, [call], 7), rows, 1)
    for how in (7, "all"):
        last = kit.run(node(kit, [call], 7), rows, how, every_change=False)
        assert last.rows == every.rows
    assert sorted(map(repr, last.changes)) == sorted(map(repr, every.rows))


@pytest.mark.slow
def test_a_map_is_written_in_one_order_whatever_the_batches(kit):
    rows = random_rows(kit, random.Random(3), 60)
    texts = {
        repr(kit.run(node(kit, [("HISTOGRAM", "T")]), rows, how).changes) for how in (1, 7, "all")
    }
    assert len(texts) == 1


@pytest.mark.slow
def test_a_histogram_takes_no_more_keys_than_its_limit(kit):
    texts = [f"t{i % 1100}" for i in range(2500)]
    rows = [kit.row(("k",), ("a", 1, t)) for t in texts]
    last = kit.run(node(kit, [("HISTOGRAM", "T")]), rows, 600, every_change=False).rows
    assert last[0].value[0] == histogram(texts)


@pytest.mark.parametrize("call", [("TOPK", "V", 0), ("EARLIEST_BY_OFFSET", "V", 0)])
def test_a_size_below_one_is_refused(kit, call):
    with pytest.raises(StatementError, match="1 or more"):
        node(kit, [call])


def test_a_size_has_to_be_a_constant(kit):
    with pytest.raises(StatementError, match=r"Parameter 2 .* must be a literal constant.*'V'"):
        functions.resolve_aggregate(
            "EARLIEST_BY_OFFSET", [kit.col("T", STRING), kit.col("V", INTEGER)]
        )
