"""GROUP BY over a table against a loop that undoes and redoes."""

from __future__ import annotations

import random

import pytest

from streamsql import functions
from streamsql.operators.aggregate import Aggregate
from streamsql.operators.filter import Filter
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, BOOLEAN, DOUBLE, STRING

CUTS = (1, "random", "all")
VALUE = {"G": STRING, "V": BIGINT, "X": DOUBLE, "T": STRING}
CALLS = (
    ("COUNT",),
    ("COUNT", "V"),
    ("SUM", "V"),
    ("SUM", "X"),
    ("AVG", "V"),
    ("COLLECT_LIST", "T"),
    ("HISTOGRAM", "T"),
    ("ATTR", "T"),
)


def node(kit, calls=CALLS):
    given = kit.given(schema=kit.schema({"K": STRING}, VALUE), table=True)
    bound = [
        functions.resolve_aggregate(name, [kit.col(c, VALUE[c]) for c in columns])
        for name, *columns in calls
    ]
    return Aggregate(
        input=given,
        schema=kit.schema({"G": STRING}, {f"A{i}": b.type for i, b in enumerate(bound)}),
        group=(kit.col("G", STRING),),
        aggregates=tuple(bound),
    )


def random_rows(kit, rng, n=None):
    rows = []
    for _ in range(n or rng.randint(1, 30)):
        value = None
        if rng.random() > 0.2:
            value = (
                rng.choice(["a", "b", None]),
                rng.choice([None, 1, 2, 5]),
                rng.choice([None, 0.1, 1e16, -3.7]),
                rng.choice([None, "p", "q"]),
            )
        rows.append(
            kit.row((rng.choice("xyzw"),), value, ts=rng.randint(0, 99), part=rng.choice([0, 0, 1]))
        )
    return rows


class Group:
    """A group of the reference."""

    def __init__(self):
        self.rows, self.x, self.items, self.ts = [], 0.0, [], None

    def change(self, row, sign, ts):
        _, v, x, t = row
        (self.rows.append if sign > 0 else self.rows.remove)((v, t))
        self.x += sign * x if x is not None else 0.0
        if sign > 0:
            self.items.append(t)
        else:
            del self.items[len(self.items) - 1 - self.items[::-1].index(t)]
        self.ts = ts if self.ts is None else max(self.ts, ts)

    def value(self):
        vs = [v for v, _ in self.rows if v is not None]
        texts = [t for t in self.items if t is not None]
        same = len(self.items) > 0 and len(set(self.items)) == 1
        return (
            len(self.rows),
            len(vs),
            sum(vs),
            self.x,
            sum(vs) / len(vs) if vs else None,
            list(self.items),
            sorted((t, texts.count(t)) for t in set(texts)),
            self.items[0] if same else None,
        )


def reference(kit, rows):
    table, groups, out = {}, {}, []
    for row in rows:
        place = (row.part, row.key)
        old = table.get(place)
        new = row.value if row.value is not None and row.value[0] is not None else None
        table[place] = new
        events = [(old, -1)] if old else []
        events += [(new, 1)] if new else []
        for value, sign in events:
            group = groups.setdefault((row.part, value[0]), Group())
            group.change(value, sign, row.ts)
            if sign < 0 and new and new[0] == old[0]:
                continue
            out.append(kit.change((value[0],), group.value(), group.ts, row.part, None))
    return out


@pytest.mark.slow
def test_an_update_undoes_and_redoes(kit, seed):
    rows = random_rows(kit, random.Random(seed))
    wanted = reference(kit, rows)
    for how in CUTS:
        outcome = kit.run(node(kit), rows, how, seed=seed)
        assert outcome.changes == wanted
        last = {(c.part, c.key): c for c in wanted}
        assert {(c.part, c.key): c for c in outcome.rows} == last


@pytest.mark.slow
def test_the_last_of_a_batch_leaves_the_same_table(kit):
    rows = random_rows(kit, random.Random(2), 60)
    wanted = {(c.part, c.key): c for c in reference(kit, rows)}
    for how in CUTS:
        outcome = kit.run(node(kit), rows, how, every_change=False)
        assert {(c.part, c.key): c for c in outcome.changes} == wanted
        assert {(c.part, c.key): c for c in outcome.rows} == wanted


def test_having_makes_a_tombstone_of_a_group_that_was_forwarded(kit):
    having = TypedSql(sql='("A0" > 1)', type=BOOLEAN, columns=frozenset(("A0",)))
    tree = Filter(input=node(kit, [("COUNT",)]), condition=having)
    rows = [
        kit.row(("x",), ("a", 1, None, None)),
        kit.row(("y",), ("a", 1, None, None)),
        kit.row(("x",), None),
        kit.row(("y",), None),
    ]
    for how in CUTS:
        changes = kit.run(tree, rows, how).changes
        assert [(c.key, c.value) for c in changes] == [(("a",), (2,)), (("a",), None)]


@pytest.mark.slow
def test_thousands_of_changes_and_eight_threads(kit):
    rows = random_rows(kit, random.Random(4), 1500)
    wanted = reference(kit, rows)
    assert kit.run(node(kit), rows, 400).changes == wanted
    assert kit.run(node(kit), rows, "all", threads=8).changes == wanted
