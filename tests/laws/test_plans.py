"""Laws 5, 6 and 8 over the plans of many queries: rows that are given have an order, values are
frozen, rules keep schema and key. Each check is shown to see a breach."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import pytest

import streamsql.operators
import streamsql.sql
from streamsql.catalog import catalog as catalog_module
from streamsql.catalog.catalog import Catalog, DropSource, PutSource
from streamsql.engine import plan as plan_module
from streamsql.engine.plan import Output, PhysicalPlan, Statement
from streamsql.operators.operator import Node
from streamsql.operators.project import Project
from streamsql.operators.rekey import Rekey
from streamsql.plan.rules import RULES
from streamsql.schema.column import Schema
from tests.laws.queries import Planned, giving, planned_queries

pytestmark = pytest.mark.slow

QUERIES = planned_queries

# --- law 5: what gives rows to a kernel or to the world is ordered; a table has no order

QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def outer(sql: str) -> str:
    """The text outside of quotes and parentheses."""
    depth, found = 0, []
    for char in QUOTED.sub("q", sql):
        depth += char == "("
        if depth == 0:
            found.append(char)
        depth -= char == ")"
    return "".join(found)


def is_ordered(sql: str) -> bool:
    """Whether the last clause, a LIMIT aside, is an ORDER BY of the whole."""
    last = outer(sql).upper().rpartition("ORDER BY ")
    return bool(last[1]) and not re.search(r"\b(SELECT|FROM|WHERE|UNION)\b", last[2])


def unordered(plan: PhysicalPlan) -> list[str]:
    """The statements that give rows in whatever order."""
    return [s.sql for s in giving(plan) if not is_ordered(s.sql)]


def test_what_returns_rows_ends_in_order_by() -> None:
    plans = [plan for query in QUERIES() for plan in query.plans]
    assert len([s for plan in plans for s in giving(plan)]) > 300
    assert [sql for plan in plans for sql in unordered(plan)] == []


def test_pull_queries_end_in_order_by() -> None:
    pulls = [sql for query in QUERIES() for sql in query.pulls]
    assert len(pulls) > 10
    assert [sql for sql in pulls if not is_ordered(sql)] == []


BROKEN_SQL = {
    "none": "SELECT a FROM in0",
    "inside only": "SELECT * FROM (SELECT a FROM in0 ORDER BY a)",
    "of a window only": "SELECT row_number() OVER (ORDER BY a) FROM in0",
    "of a list only": "SELECT list(a ORDER BY a) FROM in0 GROUP BY b",
    "in a text only": "SELECT ' ORDER BY a' FROM in0",
    "in a name only": 'SELECT a AS "ORDER BY a" FROM in0',
    "of a window that is named": "SELECT sum(a) OVER w FROM in0 WINDOW w AS (ORDER BY a)",
}


@pytest.mark.parametrize("sql", BROKEN_SQL.values(), ids=BROKEN_SQL)
def test_a_statement_without_order_is_seen(sql: str) -> None:
    plan = QUERIES()[0].plans[0]
    broken = Statement(sql=sql, operator="Broken", result="r", kernel=lambda table: table)
    assert unordered(replace(plan, statements=(*plan.statements, broken))) == [sql]
    ordered = replace(broken, sql=f"{sql} ORDER BY a, (b) LIMIT 3")
    assert unordered(replace(plan, statements=(ordered,))) == []
    effect, kept = replace(broken, result=""), replace(broken, kernel=None)
    assert unordered(replace(plan, statements=(effect, kept))) == []
    left = replace(plan, outputs=(*plan.outputs, Output(sink="", result=kept.result)))
    assert unordered(replace(left, statements=(kept,))) == [sql]


# --- law 6: values are frozen

MUTABLE = ("Builder",)
"""What collects a plan; `build` gives the frozen one."""

IMMUTABLE_ATOMS = (str, bytes, int, float, bool, type(None))


def modules() -> Iterator[object]:
    """Where Statement, Expr, Catalog, nodes and plans are."""
    yield from (catalog_module, plan_module)
    for package in (streamsql.sql, streamsql.operators):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if found.name in ("streamsql.sql.statement", "streamsql.sql.expr") or (
                package is streamsql.operators and not found.ispkg
            ):
                yield importlib.import_module(found.name)


def value_types() -> list[type]:
    """The dataclasses of these modules."""
    return [
        item
        for module in modules()
        for item in vars(module).values()
        if isinstance(item, type)
        and dataclasses.is_dataclass(item)
        and item.__module__ == vars(module)["__name__"]
    ]


def thawed(types: list[type]) -> list[str]:
    """Those that can be changed."""
    # type: ignore[attr-defined]
    return [t.__name__ for t in types if not t.__dataclass_params__.frozen]


def mutable_parts(value: object, path: str = "value") -> Iterator[str]:
    """Where a value holds something that can be changed, however deep."""
    if isinstance(value, IMMUTABLE_ATOMS) or callable(value):
        return
    if isinstance(value, tuple | frozenset):
        for i, item in enumerate(value):
            yield from mutable_parts(item, f"{path}[{i}]")
    elif isinstance(value, MappingProxyType):
        for key, item in value.items():
            yield from mutable_parts(item, f"{path}[{key}]")
    elif dataclasses.is_dataclass(value):
        if not value.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            yield f"{path}: {type(value).__name__}"
        for field in dataclasses.fields(value):
            yield from mutable_parts(getattr(value, field.name), f"{path}.{field.name}")
    elif not _is_settled(value):
        yield f"{path}: {type(value).__name__}"


def _is_settled(value: object) -> bool:
    """A format: one instance for ever, without attributes of its own."""
    if isinstance(value, list | dict | set | bytearray):
        return False
    return not getattr(value, "__dict__", {})


def test_statements_nodes_catalog_and_plans_are_frozen() -> None:
    types = value_types()
    assert len(types) > 80
    assert {"Query", "ColumnRef", "Catalog", "PhysicalPlan", "Aggregate"} <= {
        t.__name__ for t in types
    }
    assert thawed(types) == list(MUTABLE)


def test_nothing_inside_them_can_be_changed() -> None:
    for query in QUERIES():
        for value in (query.statement, query.tree, query.plans, query.catalog):
            assert list(mutable_parts(value)) == [], query.where


def test_a_value_that_can_be_changed_is_seen() -> None:
    @dataclass(slots=True)
    class Thawed:
        name: str

    plan = QUERIES()[0].plans[0]
    assert thawed([Thawed, PhysicalPlan]) == ["Thawed"]
    assert list(mutable_parts((plan, Thawed("a")))) == ["value[1]: Thawed"]
    held = replace(plan, inputs=["a"])  # type: ignore[arg-type]
    assert list(mutable_parts(held)) == ["value.inputs: list"]
    assert list(mutable_parts(Catalog(sources={}))) == ["value.sources: dict"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.query_id = "other"  # type: ignore[misc]


def test_applying_a_script_to_a_copy_leaves_the_catalog() -> None:
    for query in QUERIES():
        catalog = query.catalog
        before = repr(catalog)
        first = next(iter(catalog.sources.values()))
        after = catalog.apply(DropSource(first.name)).apply(
            PutSource(replace(first, name="ANOTHER"))
        )
        assert set(after.sources) == (set(catalog.sources) - {first.name}) | {"ANOTHER"}
        assert repr(catalog) == before
        with pytest.raises(TypeError):
            catalog.sources["ANOTHER"] = first  # type: ignore[index]


# --- law 8: a rule keeps schema and key


Rule = Callable[[Node], Node]


def shape(node: Node) -> object:
    """What a rule may not change of a node, and of those below it."""
    return (
        type(node).__name__,
        node.schema.key,
        node.schema.value,
        node.table,
        node.window,
        tuple(shape(n) for n in node.inputs),
    )


def changed(rule: Rule, queries: tuple[Planned, ...]) -> list[str]:
    """Queries whose tree has another shape after `rule`."""
    return [q.where for q in queries if shape(rule(q.tree)) != shape(q.tree)]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.__name__)
def test_a_rule_keeps_schema_and_key(rule: Rule) -> None:
    assert changed(rule, QUERIES()) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.__name__)
def test_a_rule_changes_something_and_nothing_twice(rule: Rule) -> None:
    """A rule that does nothing keeps every schema."""
    assert any(rule(q.tree) != q.tree for q in QUERIES())
    assert all(rule(rule(q.tree)) == rule(q.tree) for q in QUERIES())


def drop_column(node: Node) -> Node:
    """A rule that forgets the last value column of the topmost projection."""
    if isinstance(node, Project) and len(node.values) > 1:
        schema = Schema(key=node.schema.key, value=node.schema.value[:-1])
        return replace(node, schema=schema, values=node.values[:-1])
    return _below(node, drop_column)


def drop_key(node: Node) -> Node:
    """A rule that takes a new key for one that can be left out."""
    if isinstance(node, Rekey):
        return node.input
    return _below(node, drop_key)


def _below(node: Node, rule: Rule) -> Node:
    fields: Mapping[str, Node] = {
        f.name: getattr(node, f.name)
        for f in dataclasses.fields(node)  # type: ignore[arg-type]
        if f.name in ("input", "left", "right")
    }
    # type: ignore[type-var]
    return replace(node, **{n: rule(child) for n, child in fields.items()})


@pytest.mark.parametrize("rule", [drop_column, drop_key])
def test_a_rule_that_loses_a_column_is_seen(rule: Rule) -> None:
    touched = [q.where for q in QUERIES() if rule(q.tree) != q.tree]
    assert touched
    assert changed(rule, QUERIES()) == touched
