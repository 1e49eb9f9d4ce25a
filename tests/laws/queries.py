"""Many queries as values: their statements, the trees before the rewrite rules, their plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from streamsql.catalog.catalog import Catalog
from streamsql.config import Properties
from streamsql.engine.plan import PhysicalPlan, Statement
from streamsql.operators.operator import Node
from streamsql.plan.frame import Context
from streamsql.plan.persistent import plan_create, plan_insert
from streamsql.plan.pull import check_pull, plan_pull
from streamsql.plan.query import plan_query
from streamsql.plan.transient import plan_push
from streamsql.sql import parse_one, split, substitute
from streamsql.sql import statement as st
from streamsql.testing.driver import Driver, run
from streamsql.testing.sql_cases import read_cases

ROOT = Path(__file__).resolve().parents[2]
CACHED = {"cache.max.bytes.buffering": "10000000"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A query as it was planned. `tree` before the rules; `plans` by what they are for; `pulls`:
    the texts that read the table that it makes."""

    where: str
    statement: st.Statement
    tree: Node
    plans: tuple[PhysicalPlan, ...]
    pulls: tuple[str, ...]
    catalog: Catalog


def scripts() -> Iterator[tuple[str, str]]:
    """(where, text) of the cases that are accepted, the examples and the benchmarks."""
    for path in sorted((ROOT / "tests" / "cases").rglob("*.sql")):
        for case in read_cases(path):
            if not case.error:
                yield f"{path.stem}: {case.title}", case.text
    for folder in ("examples", "benchmarks/queries"):
        for path in sorted((ROOT / folder).glob("*.sql")):
            yield f"{folder}/{path.name}", path.read_text(encoding="utf-8")


@cache
def planned_queries() -> tuple[Planned, ...]:
    """Every query of the scripts; a plan each for every change, the last of a batch, and a push."""
    return tuple(query for where, text in scripts() for query in _planned(where, text))


def _planned(where: str, text: str) -> Iterator[Planned]:
    driver = Driver({"cache.max.bytes.buffering": "0"})
    try:
        for piece in split(text):
            statement = parse_one(substitute(piece.text, driver.session.variables))
            if isinstance(statement, st.Define):
                driver.execute(piece.text)
            if not isinstance(statement, st.CreateSource | st.CreateAsSelect | st.InsertInto):
                continue
            before = dict(driver.engine.runtime.queries)
            catalog = driver.engine.catalog
            driver.execute(piece.text, settle=False)
            if isinstance(statement, st.CreateSource):
                continue
            made = [
                q.plan for i, q in driver.engine.runtime.queries.items() if before.get(i) is not q
            ]
            yield _values(where, statement, made, catalog, driver)
    finally:
        driver.close()


def _values(
    where: str,
    statement: st.CreateAsSelect | st.InsertInto,
    made: list[PhysicalPlan],
    catalog: Catalog,
    driver: Driver,
) -> Planned:
    properties = driver.session.properties
    context = Context(catalog=catalog, properties=properties, persistent=True)
    push = replace(context, persistent=False)
    cached = replace(context, properties=Properties({**dict(properties.items()), **CACHED}))
    name = statement.target if isinstance(statement, st.InsertInto) else statement.name
    return Planned(
        where=where,
        statement=statement,
        tree=plan_query(statement.query, context, sink=name).node,
        plans=(
            *made,
            _persistent(statement, cached, driver),
            plan_push(statement.query, push, query_id="transient_1").plan,
        ),
        pulls=tuple(_pulls(name, made, driver.engine.catalog, properties)),
        catalog=catalog,
    )


def _persistent(
    statement: st.CreateAsSelect | st.InsertInto, context: Context, driver: Driver
) -> PhysicalPlan:
    if isinstance(statement, st.InsertInto):
        return plan_insert(statement, context, query_id="cached").plan
    topics = run(driver.engine.partitions())
    return plan_create(statement, context, query_id="cached", topics=topics).plan


def _pulls(
    name: str, made: list[PhysicalPlan], catalog: Catalog, properties: Properties
) -> Iterator[str]:
    for plan in made:
        if plan.materialized:
            query = parse_one(f"SELECT * FROM `{name}`;")
            assert isinstance(query, st.Query)
            context = Context(catalog=catalog, properties=properties, persistent=False)
            pull = plan_pull(query, check_pull(query, context), context)
            yield pull.over(plan.materialized)


def giving(plan: PhysicalPlan) -> list[Statement]:
    """The statements whose rows go to a kernel, or leave; of others the step keeps a table, which
    has no order."""
    left = {o.result for o in plan.outputs} | {e.result for e in plan.errors}
    return [s for s in plan.statements if s.result and (s.kernel or s.result in left)]
