"""CREATE OR REPLACE of a query: what may change while it goes on from its offsets (KLIP-28,
update-a-running-query)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from streamsql.catalog.catalog import Query
from streamsql.config import Properties
from streamsql.engine.plan import PhysicalPlan
from streamsql.errors import StatementError
from streamsql.plan.frame import Context
from streamsql.plan.persistent import Persistent, plan_create
from streamsql.sql import parse_one
from streamsql.sql.statement import CreateAsSelect, JoinRef, Relation, SubqueryRef
from streamsql.sql.statement import Query as Select


def check_query_upgrade(old: Query, new: Persistent, context: Context) -> None:
    """StatementError where the state of the running query, or what is on its way between its
    stages, does not fit the new one. `context`: the new one's."""
    if old.sources != new.query.sources:
        raise StatementError(
            f"Cannot upgrade data source: the query reads {', '.join(new.query.sources)}, and"
            f" {old.id} reads {', '.join(old.sources)}"
        )
    statement = parse_one(old.text)
    if not isinstance(statement, CreateAsSelect):
        raise AssertionError(old.text)
    # As it runs: what its stages send depends on its settings.
    own = replace(context, properties=Properties(dict(old.properties)))
    before = plan_create(statement, own, query_id=old.id, topics={})
    _check_topics(before, new)
    if any(stage.state for stage in before.stages):
        _check_clauses(old, statement, new)
    for held, needed in zip(before.stages, new.stages, strict=True):
        _check_state(held, needed)


def _check_clauses(old: Query, statement: CreateAsSelect, new: Persistent) -> None:
    """The state is of these groups, these windows and these pairs."""
    replacing = parse_one(new.query.text)
    if not isinstance(replacing, CreateAsSelect):
        raise AssertionError(new.query.text)
    held, needed = _clauses(statement.query), _clauses(replacing.query)
    for clause in held:
        if held[clause] != needed[clause]:
            raise StatementError(
                f"Cannot upgrade data source: {old.id} has state of another {clause}",
                hint=f"leave {clause} as it is, or DROP the query and create it again",
            )


def _clauses(query: Select) -> dict[str, list[object]]:
    """What decides on state, of a query and of those in its FROM and WITH, outermost first."""
    found: dict[str, list[object]] = {"GROUP BY": [], "WINDOW": [], "JOIN": []}
    waiting: list[Select | Relation] = [query]
    while waiting:
        node = waiting.pop()
        match node:
            case Select():
                window = node.window
                sizes = window and (window.kind, window.size_ms, window.advance_ms)
                found["GROUP BY"].append(node.group_by)
                found["WINDOW"].append(sizes)
                waiting += [*(inner for _, inner in reversed(node.ctes)), node.source]
            case JoinRef():
                found["JOIN"].append((node.kind, node.on, node.within))
                waiting += [node.right, node.left]
            case SubqueryRef():
                waiting.append(node.query)
            case _:
                pass
    return found


def _check_topics(before: Persistent, new: Persistent) -> None:
    """Records that the old stages sent are read by the new ones: columns may come behind, whose
    values these records do not have."""
    held = [(t.name, t.partitions, t.schema.key) for t in before.internal]
    if held != [(t.name, t.partitions, t.schema.key) for t in new.internal]:
        raise StatementError(
            f"Cannot upgrade data source: {before.query.id} would be repartitioned in another way",
            detail=f"it has {_listed(before)}\nthe new one needs {_listed(new)}",
            hint="DROP it and create it again",
        )
    for old, topic in zip(before.internal, new.internal, strict=True):
        if topic.schema.value[: len(old.schema.value)] != old.schema.value:
            raise StatementError(
                f"Cannot upgrade data source: the internal topic {old.name} carries other columns",
                detail=f"it has {old.schema}\nthe new query needs {topic.schema}",
                hint="append what is new to the SELECT, or DROP the query and create it again",
            )


def _listed(planned: Persistent) -> str:
    return ", ".join(f"{t.name} by {t.schema}" for t in planned.internal) or "no internal topic"


def _check_state(held: PhysicalPlan, needed: PhysicalPlan) -> None:
    mine = {t.name: t.columns for t in needed.state if not t.disposable}
    kept = {t.name: t.columns for t in held.state if not t.disposable}
    holds = {t.name: dict(t.holds) for t in needed.state}
    if any(
        holds.get(t.name, {}).get(column, text) != text
        for t in held.state
        for column, text in t.holds
    ):
        raise StatementError(
            f"Cannot upgrade data source: {held.query_id} has state of other aggregates",
            hint="leave those that are there and append new ones, or DROP the query and create it"
            " again",
        )
    if any(not _grown(columns, mine.get(name, columns)) for name, columns in kept.items()):
        raise StatementError(
            f"Cannot upgrade data source: the state of {held.query_id} does not fit the new query",
            detail=f"it has {held.layout}\nthe new one needs {needed.layout}",
            hint="DROP it and create it again",
        )


def _grown(old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]]) -> bool:
    """Whether a table of `old` columns can be given those of `new`: some may be appended, none
    changed."""
    return set(old) <= set(new)
