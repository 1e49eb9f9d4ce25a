"""Filter of a stream, Project, Rekey and FlatMap."""

from __future__ import annotations

from streamsql.operators.filter import Filter
from streamsql.operators.flat_map import FlatMap
from streamsql.operators.project import Project
from streamsql.operators.rekey import Rekey
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, BOOLEAN, STRING, Array


def test_a_filter_drops_null_values_and_what_is_not_true(kit):
    node = Filter(
        input=kit.given(schema=kit.schema({"K": STRING}, {"V": BIGINT})),
        condition=TypedSql(sql='("V" > 1)', type=BOOLEAN, columns=frozenset("V")),
    )
    rows = [kit.row(("a",), (v,)) for v in (1, 2, None, 3)] + [kit.row(("a",), None)]
    assert [c.value for c in kit.run(node, rows).changes] == [(2,), (3,)]


def test_a_condition_that_throws_is_false(kit):
    node = Filter(
        input=kit.given(schema=kit.schema({"K": STRING}, {"V": STRING})),
        condition=TypedSql(sql='(("V")::INTEGER > 1)', type=BOOLEAN, throws=True),
    )
    rows = [kit.row(("a",), (v,)) for v in ("1", "x", "7")]
    assert [c.value for c in kit.run(node, rows).changes] == [("7",)]


def test_a_projection_that_throws_is_null_and_a_null_value_stays(kit):
    node = Project(
        input=kit.given(schema=kit.schema({"K": STRING}, {"V": STRING})),
        schema=kit.schema({"ID": STRING}, {"N": BIGINT, "C": BIGINT}),
        keys=(kit.col("K", STRING),),
        values=(
            TypedSql(sql='("V")::BIGINT', type=BIGINT, throws=True),
            TypedSql(sql="7::BIGINT", type=BIGINT),
        ),
    )
    rows = [kit.row(("a",), ("1",)), kit.row(("b",), ("x",)), kit.row(("c",), None)]
    changes = kit.run(node, rows).changes
    assert [(c.key, c.value) for c in changes] == [
        (("a",), (1, 7)),
        (("b",), (None, 7)),
        (("c",), None),
    ]


def test_a_rekeyed_null_value_has_no_key(kit):
    node = Rekey(
        input=kit.given(schema=kit.schema({"K": STRING}, {"V": STRING})),
        schema=kit.schema({"V": STRING}, {"K": STRING}),
        keys=(kit.col("V", STRING),),
        values=(kit.col("K", STRING),),
        placement=None,
    )
    rows = [kit.row(("a",), ("x",)), kit.row(("b",), None)]
    changes = kit.run(node, rows).changes
    assert [(c.key, c.value) for c in changes] == [(("x",), ("a",)), ((None,), None)]


def test_table_functions_are_zipped_and_padded(kit):
    lists = {"A": Array(BIGINT), "B": Array(STRING)}
    node = FlatMap(
        input=kit.given(schema=kit.schema({"K": STRING}, lists)),
        schema=kit.schema({"K": STRING}, {**lists, "X": BIGINT, "Y": STRING}),
        functions=(kit.col("A", lists["A"]), kit.col("B", lists["B"])),
    )
    rows = [
        kit.row(("a",), ([1, 2, 3], ["p"])),
        kit.row(("b",), (None, [])),
        kit.row(("c",), ([], ["q", None])),
        kit.row(("d",), None),
    ]
    for how in ("all", 1):
        changes = kit.run(node, rows, how).changes
        assert [(c.key[0], *c.value[2:]) for c in changes] == [
            ("a", 1, "p"),
            ("a", 2, None),
            ("a", 3, None),
            ("c", None, "q"),
            ("c", None, None),
        ]
