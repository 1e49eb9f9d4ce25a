"""EXPLAIN: an operator tree and its plan as text."""

from __future__ import annotations

from streamsql.catalog.catalog import Catalog
from streamsql.config import Properties
from streamsql.engine.plan import PhysicalPlan
from streamsql.engine.plan import Statement as PhysicalStatement
from streamsql.errors import StatementError
from streamsql.operators.operator import Node
from streamsql.plan.frame import Context
from streamsql.plan.kernels import KERNELS
from streamsql.plan.persistent import plan_create, plan_insert
from streamsql.plan.transient import plan_push
from streamsql.sql import format as format_sql
from streamsql.sql.statement import CreateAsSelect, InsertInto, Query, Statement


def explain(statement: Statement, catalog: Catalog, properties: Properties) -> dict[str, str]:
    """The parts of EXPLAIN by the name of the stage: STATEMENT, OPERATORS, PHYSICAL, STATE."""
    node, plan = _planned(statement, catalog, properties)
    return {
        "STATEMENT": format_sql(statement),
        "OPERATORS": explain_tree(node),
        "PHYSICAL": explain_sql(plan),
        "STATE": explain_state(plan),
    }


def _planned(
    statement: Statement, catalog: Catalog, properties: Properties
) -> tuple[Node, PhysicalPlan]:
    context = Context(
        catalog=catalog, properties=properties, persistent=not isinstance(statement, Query)
    )
    match statement:
        case CreateAsSelect():
            found = plan_create(statement, context, query_id="explained", topics={})
            return found.node, found.plan
        case InsertInto():
            found = plan_insert(statement, context, query_id="explained")
            return found.node, found.plan
        case Query():
            push = plan_push(statement, context, query_id="explained")
            return push.node, push.plan
        case _:
            raise StatementError(
                f"EXPLAIN is for queries: {type(statement).__name__} has no plan",
                position=statement.position,
            )


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
