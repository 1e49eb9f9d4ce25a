"""Distributed plans as values: where they are cut, what stages and topics are called, what EXPLAIN
tells of them, and what may replace them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from streamsql.brokers.log import TopicInfo
from streamsql.brokers.placement import check_topic
from streamsql.catalog.catalog import Catalog
from streamsql.config import Properties
from streamsql.errors import StatementError
from streamsql.operators.foreign_key_join import ForeignKeyJoin
from streamsql.operators.operator import Node
from streamsql.plan.explain import explain
from streamsql.plan.frame import Context
from streamsql.plan.persistent import Persistent, plan_create, plan_insert
from streamsql.plan.stages import stage_id
from streamsql.plan.upgrade import check_query_upgrade
from streamsql.sql import parse_one
from streamsql.sql.statement import CreateAsSelect, InsertInto, Statement
from streamsql.testing.driver import Driver
from tests.distributed.test_stages import SOURCES
from tests.laws.queries import planned_queries
from tests.laws.test_plans import unordered

TOPIC = "_streamsql-default_-CTAS_X_1-Aggregate-GroupBy-repartition"


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    """What the sources declare, distributed."""
    driver = Driver({"cache.max.bytes.buffering": "0"})
    driver.execute(SOURCES)
    driver.execute(
        "CREATE STREAM single (id INT KEY, g STRING)"
        " WITH (KAFKA_TOPIC='single', VALUE_FORMAT='JSON', PARTITIONS=1);"
    )
    yield Context(
        catalog=driver.engine.catalog,
        properties=driver.session.properties,
        persistent=True,
        distributed=True,
    )
    driver.close()


def planned(text: str, context: Context, query_id: str = "CTAS_X_1") -> Persistent:
    """The plans of a CREATE … AS SELECT."""
    statement = parse_one(text)
    assert isinstance(statement, CreateAsSelect)
    return plan_create(statement, context, query_id=query_id, topics={})


def shape(found: Persistent) -> list[tuple[str, tuple[str, ...], str]]:
    """Id, inputs and output of each stage, internal topics by what they are for."""

    def short(topic: str) -> str:
        return topic.removeprefix("_streamsql-default_-CTAS_X_1-")

    return [
        (p.query_id, tuple(map(short, p.inputs)), short(p.outputs[0].sink)) for p in found.stages
    ]


SHAPES: dict[str, tuple[str, list[tuple[str, tuple[str, ...], str]]]] = {
    "nothing moves": (
        "CREATE TABLE x AS SELECT id, COUNT(*) AS c FROM readings GROUP BY id;",
        [("CTAS_X_1", ("readings",), "X")],
    ),
    "the sink places its records": (
        "CREATE STREAM x AS SELECT * FROM readings PARTITION BY g;",
        [("CTAS_X_1", ("readings",), "X")],
    ),
    "one partition": (
        "CREATE TABLE x AS SELECT g, COUNT(*) AS c FROM single GROUP BY g;",
        [("CTAS_X_1", ("single",), "X")],
    ),
    "GROUP BY": (
        "CREATE TABLE x AS SELECT g, COUNT(*) AS c FROM readings GROUP BY g;",
        [
            ("CTAS_X_1-0", ("readings",), "Aggregate-GroupBy-repartition"),
            ("CTAS_X_1", ("Aggregate-GroupBy-repartition",), "X"),
        ],
    ),
    "the table is placed already": (
        "CREATE STREAM x AS SELECT r.g AS g, f FROM readings r JOIN factors t ON r.g = t.g;",
        [
            ("CTAS_X_1-0", ("readings",), "Join-left-repartition"),
            ("CTAS_X_1", ("Join-left-repartition", "factors"), "X"),
        ],
    ),
    "a key of another format moves": (
        "CREATE STREAM x AS SELECT v.g AS g, name FROM visits v JOIN names n ON v.g = n.g;",
        [
            ("CTAS_X_1-0", ("names",), "Join-right-repartition"),
            ("CTAS_X_1", ("visits", "Join-right-repartition"), "X"),
        ],
    ),
    "only the sink follows": (
        "CREATE STREAM x AS SELECT g FROM (SELECT g, n FROM readings PARTITION BY g) WHERE n > 0;",
        [("CTAS_X_1", ("readings",), "X")],
    ),
    "GROUP BY follows": (
        """CREATE TABLE x AS SELECT h, COUNT(*) AS c FROM
           (SELECT g, h FROM readings PARTITION BY g) GROUP BY h;""",
        [
            ("CTAS_X_1-0", ("readings",), "Aggregate-GroupBy-repartition"),
            ("CTAS_X_1", ("Aggregate-GroupBy-repartition",), "X"),
        ],
    ),
    "GROUP BY follows, by the same key": (
        """CREATE TABLE x AS SELECT g, COUNT(*) AS c FROM
           (SELECT g, h FROM readings PARTITION BY g) GROUP BY g;""",
        [
            ("CTAS_X_1-0", ("readings",), "PartitionBy-repartition"),
            ("CTAS_X_1", ("PartitionBy-repartition",), "X"),
        ],
    ),
    "two GROUP BYs": (
        """CREATE TABLE x AS SELECT c, COUNT(*) AS cc FROM
           (SELECT g, COUNT(*) AS c FROM readings GROUP BY g) GROUP BY c;""",
        [
            ("CTAS_X_1-0", ("readings",), "Aggregate-GroupBy-repartition"),
            (
                "CTAS_X_1-1",
                ("Aggregate-GroupBy-repartition",),
                "Aggregate-GroupBy-2-repartition",
            ),
            ("CTAS_X_1", ("Aggregate-GroupBy-2-repartition",), "X"),
        ],
    ),
    "joins to the left, then GROUP BY": (
        """CREATE TABLE x AS SELECT name, COUNT(*) AS c FROM readings r
           JOIN factors t ON r.g = t.g JOIN names n ON r.g = n.g JOIN places p ON r.h = p.h
           GROUP BY name;""",
        [
            ("CTAS_X_1-0", ("readings",), "L_L_Join-left-repartition"),
            ("CTAS_X_1-1", ("names",), "L_Join-right-repartition"),
            (
                "CTAS_X_1-2",
                ("L_L_Join-left-repartition", "factors", "L_Join-right-repartition"),
                "Join-left-repartition",
            ),
            ("CTAS_X_1-3", ("Join-left-repartition", "places"), "Aggregate-GroupBy-repartition"),
            ("CTAS_X_1", ("Aggregate-GroupBy-repartition",), "X"),
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), SHAPES.values(), ids=SHAPES)
def test_a_plan_is_cut_where_rows_move(
    text: str, expected: list[tuple[str, tuple[str, ...], str]], context: Context
) -> None:
    found = planned(text, context)
    assert shape(found) == expected
    assert not any(plan.whole for plan in found.stages)
    assert found.plan is found.stages[-1]
    assert [t.name for t in found.internal] == [p.outputs[0].sink for p in found.stages[:-1]]


GROUPED = {
    "SELECT g, COUNT(*) AS c, AVG(n) AS a FROM readings GROUP BY g": "Aggregate-Combine",
    "SELECT g, COUNT(*) AS c, COLLECT_LIST(n) AS l FROM readings GROUP BY g": "Aggregate-GroupBy",
    "SELECT g, SUM(v) AS s FROM readings GROUP BY g": "Aggregate-GroupBy",
    "SELECT g, COUNT_DISTINCT(n) AS d FROM readings GROUP BY g": "Aggregate-GroupBy",
    "SELECT g, COUNT(*) AS c FROM readings WINDOW TUMBLING (SIZE 1 DAY) GROUP BY g": (
        "Aggregate-GroupBy"
    ),
    "SELECT name, COUNT(*) AS c FROM names GROUP BY name": "Aggregate-GroupBy",
}
"""Where the last change of a batch is wanted: what goes between the stages, rows or groups."""


@pytest.mark.parametrize(("query", "place"), GROUPED.items())
def test_groups_of_a_batch_are_sent_where_order_does_not_matter(
    query: str, place: str, context: Context
) -> None:
    text = f"CREATE TABLE x AS {query};"
    cached = replace(context, properties=Properties({"cache.max.bytes.buffering": "1"}))
    assert [s[2] for s in shape(planned(text, cached))] == [f"{place}-repartition", "X"]
    every_change = shape(planned(text, context))
    assert [s[2] for s in every_change] == ["Aggregate-GroupBy-repartition", "X"]


def test_a_query_may_not_go_from_rows_to_groups(context: Context) -> None:
    before = planned(BEFORE, context)
    cached = replace(context, properties=Properties({"cache.max.bytes.buffering": "1"}))
    after = planned(BEFORE.replace("CREATE", "CREATE OR REPLACE"), cached)
    with pytest.raises(StatementError, match="would be repartitioned in another way"):
        check_query_upgrade(before.query, after, cached)


def test_in_one_process_a_plan_is_whole_as_it_was(context: Context) -> None:
    for text, _ in SHAPES.values():
        found = planned(text, replace(context, distributed=False))
        assert len(found.stages) == 1
        assert found.internal == ()


def test_a_foreign_key_join_is_whole_and_what_follows_is_not(context: Context) -> None:
    found = planned(
        "CREATE TABLE x AS SELECT place, COUNT(*) AS c FROM factors t JOIN places p ON t.k = p.h"
        " GROUP BY place;",
        context,
    )
    assert [p.whole for p in found.stages] == [True, False]
    outputs = [
        next(s.sql for s in p.statements if s.result == o.result)
        for p in found.stages
        for o in p.outputs
    ]
    assert ["0::INTEGER AS part" in sql for sql in outputs] == [True, False]


NAMES = {
    "plain": ("CTAS_X_1", "default_"),
    "quoted": ("CTAS_a b/ö_1", "default_"),
    "another that looks the same": ("CTAS_a b/ü_1", "default_"),
    "long": (f"CTAS_{'X' * 300}_1", "service"),
    "long, another": (f"CTAS_{'X' * 300}_2", "service"),
}


def test_topics_have_names_that_kafka_takes(context: Context) -> None:
    text = SHAPES["GROUP BY"][0]
    names = [
        planned(text, replace(context, service=service), query_id).internal[0].name
        for query_id, service in NAMES.values()
    ]
    assert names[0] == TOPIC
    assert len(set(names)) == len(names)
    for name in names:
        check_topic(TopicInfo(name=name, partitions=4), None)


def test_stages_are_named_by_their_place() -> None:
    assert [stage_id("Q", i, 3) for i in range(3)] == ["Q-0", "Q-1", "Q"]


# --- the plans of many queries


def nodes(tree: Node) -> Iterator[Node]:
    """A tree's nodes."""
    yield tree
    for child in tree.inputs:
        yield from nodes(child)


def distributed(statement: Statement, context: Context) -> Persistent:
    """The plans of a query that was accepted."""
    if isinstance(statement, InsertInto):
        return plan_insert(statement, context, query_id="Q")
    assert isinstance(statement, CreateAsSelect)
    return plan_create(statement, context, query_id="Q", topics={})


def wider(catalog: Catalog) -> Context:
    """The same sources with four partitions, so that rows move."""
    sources = {name: replace(s, partitions=4) for name, s in catalog.sources.items()}
    return Context(
        catalog=replace(catalog, sources=sources),
        properties=Properties({"cache.max.bytes.buffering": "0"}),
        persistent=True,
        distributed=True,
    )


@pytest.mark.slow
def test_no_operator_of_a_stage_moves_rows() -> None:
    cut = 0
    for query in planned_queries():
        found = distributed(query.statement, wider(query.catalog))
        cut += len(found.stages) > 1
        for tree, plan in zip(found.trees, found.stages, strict=True):
            assert plan.whole == any(isinstance(n, ForeignKeyJoin) for n in nodes(tree))
            assert not any(getattr(n, "placement", None) for n in nodes(tree)), query.where
            assert unordered(plan) == []
    assert cut > 20


# --- EXPLAIN


def test_explain_shows_stages_and_topics(context: Context) -> None:
    parts = explain(parse_one(SHAPES["GROUP BY"][0]), context)
    topic = TOPIC.replace("CTAS_X_1", "explained")
    for part in ("OPERATORS", "PHYSICAL", "STATE"):
        assert parts[part].startswith(
            f"Stage 1 of 2: explained-0, a task for each partition\nto {topic}, 4 partitions\n"
        )
        assert "\n\nStage 2 of 2: explained, a task for each partition\n" in parts[part]
    assert "[ SEND ]" in parts["OPERATORS"]
    assert "[ RECEIVE ]" in parts["OPERATORS"]


def test_explain_says_why_a_stage_is_whole(context: Context) -> None:
    text = "CREATE TABLE x AS SELECT t.g, place FROM factors t JOIN places p ON t.k = p.h;"
    parts = explain(parse_one(text), context)
    assert parts["STATE"].startswith(
        "Stage 1 of 1: explained, one task has all partitions:"
        " a foreign-key join looks for its rows in all partitions\n"
    )
    here = explain(parse_one(text), replace(context, distributed=False))
    assert "Stage" not in here["STATE"] + here["OPERATORS"]


# --- CREATE OR REPLACE

BEFORE = "CREATE TABLE x AS SELECT g, SUM(n) AS s FROM readings GROUP BY g;"
KEPT = {
    "another filter": "SELECT g, SUM(n) AS s FROM readings WHERE n > 3 GROUP BY g",
    "an aggregate more": "SELECT g, SUM(n) AS s, MAX(v) AS m FROM readings GROUP BY g",
}
REFUSED = {
    "no repartition": (
        "SELECT id AS g, SUM(n) AS s FROM readings GROUP BY id",
        "CTAS_X_1 would be repartitioned in another way",
    ),
    "another key": (
        "SELECT h, SUM(n) AS s FROM readings GROUP BY h",
        "CTAS_X_1 would be repartitioned in another way",
    ),
    "an argument of another type": (
        "SELECT g, SUM(v) AS s FROM readings GROUP BY g",
        f"the internal topic {TOPIC} carries other columns",
    ),
    "no argument": (
        "SELECT g, COUNT(*) AS s FROM readings GROUP BY g",
        f"the internal topic {TOPIC} carries other columns",
    ),
    "another aggregate": (
        "SELECT g, AVG(n) AS s FROM readings GROUP BY g",
        "CTAS_X_1 has state of other aggregates",
    ),
    "another aggregate of the same type": (
        "SELECT g, MAX(n) AS s FROM readings GROUP BY g",
        "CTAS_X_1 has state of other aggregates",
    ),
}


@pytest.mark.parametrize("query", KEPT.values(), ids=KEPT)
def test_a_query_that_fits_keeps_its_stages(query: str, context: Context) -> None:
    before = planned(BEFORE, context)
    after = planned(f"CREATE OR REPLACE TABLE x AS {query};", context)
    check_query_upgrade(before.query, after, context)
    assert shape(after) == shape(before)
    assert [t.name for t in after.internal] == [t.name for t in before.internal]


@pytest.mark.parametrize(("query", "message"), REFUSED.values(), ids=REFUSED)
def test_a_query_that_does_not_fit_is_refused(query: str, message: str, context: Context) -> None:
    before = planned(BEFORE, context)
    after = planned(f"CREATE OR REPLACE TABLE x AS {query};", context)
    with pytest.raises(StatementError) as caught:
        check_query_upgrade(before.query, after, context)
    assert caught.value.primary == f"Cannot upgrade data source: {message}"
    assert caught.value.hint
