"""EXPLAIN: an operator tree and its plan as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from streamsql.engine.plan import PhysicalPlan
from streamsql.engine.plan import Statement as PhysicalStatement
from streamsql.errors import StatementError
from streamsql.operators.operator import Node
from streamsql.plan.frame import Context
from streamsql.plan.kernels import KERNELS
from streamsql.plan.persistent import Persistent, plan_create, plan_insert
from streamsql.plan.stages import whole_reason
from streamsql.plan.transient import plan_push
from streamsql.sql import format as format_sql
from streamsql.sql.statement import CreateAsSelect, InsertInto, Query, Statement


@dataclass(frozen=True, slots=True)
class _Stage:
    """A tree with its plan; `title` is empty where it is the only one of a query of one process."""

    title: str
    tree: Node
    plan: PhysicalPlan


def explain(statement: Statement, context: Context) -> dict[str, str]:
    """The parts of EXPLAIN by the name of the stage: STATEMENT, OPERATORS, PHYSICAL, STATE."""
    stages = _planned(statement, context)
    return {
        "STATEMENT": format_sql(statement),
        "OPERATORS": _by_stage(stages, lambda stage: explain_tree(stage.tree)),
        "PHYSICAL": _by_stage(stages, lambda stage: explain_sql(stage.plan)),
        "STATE": _by_stage(stages, lambda stage: explain_state(stage.plan)),
    }


def _planned(statement: Statement, context: Context) -> list[_Stage]:
    context = replace(context, persistent=not isinstance(statement, Query))
    match statement:
        case CreateAsSelect():
            return _stages(plan_create(statement, context, query_id="explained", topics={}))
        case InsertInto():
            return _stages(plan_insert(statement, context, query_id="explained"))
        case Query():
            push = plan_push(statement, context, query_id="explained")
            return [_Stage("", push.node, push.plan)]
        case _:
            raise StatementError(
                f"EXPLAIN is for queries: {type(statement).__name__} has no plan",
                position=statement.position,
            )


def _stages(found: Persistent) -> list[_Stage]:
    """The stages with what a cluster has to know of them."""
    count = len(found.stages)
    stages: list[_Stage] = []
    for i, (tree, plan) in enumerate(zip(found.trees, found.stages, strict=True)):
        title = ""
        if count > 1 or plan.whole:
            title = f"Stage {i + 1} of {count}: {plan.query_id}, {_shared(tree, plan)}"
        if i < count - 1:
            topic = found.internal[i]
            title += f"\nto {topic.name}, {topic.partitions} partitions"
        stages.append(_Stage(title, tree, plan))
    return stages


def _shared(tree: Node, plan: PhysicalPlan) -> str:
    """How its partitions are shared among engines."""
    if plan.whole:
        return f"one task has all partitions: {whole_reason(tree)}"
    return "a task for each partition"


def _by_stage(stages: list[_Stage], text: Callable[[_Stage], str]) -> str:
    return "\n\n".join(f"{s.title}\n{text(s)}" if s.title else text(s) for s in stages)


def explain_tree(node: Node, depth: int = 0) -> str:
    """One line an operator, inputs indented below it."""
    kind = "TABLE" if node.table else "STREAM"
    window = f" {node.window.kind}" if node.window else ""
    line = f"{'    ' * depth}> [ {type(node).__name__.upper()} ] {kind}{window} | {node.schema}"
    return "\n".join([line, *(explain_tree(child, depth + 1) for child in node.inputs)])


def explain_sql(plan: PhysicalPlan) -> str:
    """Every statement of a step, under the operator that it belongs to."""
    lines = [f"{len(plan.statements)} statements a step"]
    for i, statement in enumerate(plan.statements, 1):
        kernel = (
            f" -> kernel {statement.kernel.__module__.rsplit('.', 1)[-1]}"
            if statement.kernel
            else ""
        )
        slow = _slow(statement)
        into = f" {statement.result} :=" if statement.result else ""
        if statement.batch:
            kernel += f" on {statement.batch}; where it leaves rows"
        lines.append(f"[{i}] {statement.operator}{into}{kernel}{slow}")
        lines.append("    " + statement.sql.strip().replace("\n", "\n    "))
    return "\n".join(lines)


def _slow(statement: PhysicalStatement) -> str:
    """Which of its kernels loop over rows in Python; those in a CASE get the rows that need it."""
    names = [k.name for k in KERNELS if k.slow and k.name in statement.sql]
    if names:
        return f" (slow: {', '.join(names)} loops over the rows that it is given)"
    return " (slow: loops over rows)" if statement.slow else ""


def explain_state(plan: PhysicalPlan) -> str:
    """The state tables and their columns."""
    if not plan.state:
        return "no state"
    return "\n".join(f"{t.name}({', '.join(f'{n} {d}' for n, d in t.columns)})" for t in plan.state)
