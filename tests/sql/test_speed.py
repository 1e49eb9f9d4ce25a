"""What a statement costs to parse and plan, in calls of Python functions: these are the same on
every machine. A statement of fifty lines took 5 ms to parse and 18 to parse, bind and plan."""

from __future__ import annotations

import cProfile
from collections.abc import Callable

import pytest

from streamsql.plan.frame import Context
from streamsql.plan.persistent import plan_create
from streamsql.sql import parse, parse_one
from streamsql.testing.driver import Driver

LINES = 46
CALLS_TO_PARSE = 20_000
CALLS_TO_PLAN = 130_000
"""A third above what they are."""


def statement(lines: int, *, key: str = "") -> str:
    """A CREATE STREAM with so many computed columns."""
    columns = ",\n".join(f"  a.c_{n} + b.d_{n} * 0.10 AS e_{n}" for n in range(lines))
    return (
        f"CREATE STREAM s AS SELECT\n{key}{columns}\n"
        "FROM a JOIN b WITHIN 1 HOUR ON a.id = b.id\nWHERE a.x;"
    )


def calls(work: Callable[[], object]) -> int:
    """How many functions `work` calls the second time, when what is kept is there."""
    work()
    profile = cProfile.Profile()
    profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats())


def test_parsing_costs_the_same_for_each_line() -> None:
    once, twice = (calls(lambda n=n: parse(statement(n))) for n in (LINES, 2 * LINES))
    assert once < CALLS_TO_PARSE
    assert twice < 2.1 * once


@pytest.mark.slow
def test_planning_costs_a_few_times_what_parsing_does() -> None:
    driver = Driver()
    for name, column in ("a", "c"), ("b", "d"):
        columns = ", ".join(f"{column}_{n} INT" for n in range(2 * LINES))
        driver.execute(
            f"CREATE STREAM {name} (id INT KEY, x BOOLEAN, {columns})"
            f" WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON', PARTITIONS=1);"
        )
    context = Context(
        catalog=driver.engine.catalog, properties=driver.session.properties, persistent=True
    )

    def plan(lines: int) -> object:
        text = statement(lines, key="a.id,\n")
        return plan_create(parse_one(text), context, query_id="q", topics={})

    once, twice = (calls(lambda n=n: plan(n)) for n in (LINES, 2 * LINES))
    driver.close()
    assert once < CALLS_TO_PLAN
    assert twice < 2.1 * once
