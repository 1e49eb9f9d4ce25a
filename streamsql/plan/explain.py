"""EXPLAIN: an operator tree and its plan as text."""

from __future__ import annotations

from streamsql.engine.plan import PhysicalPlan
from streamsql.operators.operator import Node


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
        slow = " (slow: loops over rows)" if statement.slow else ""
        into = f" {statement.result} :=" if statement.result else ""
        lines.append(f"[{i}] {statement.operator}{into}{kernel}{slow}")
        lines.append("    " + statement.sql.strip().replace("\n", "\n    "))
    return "\n".join(lines)


def explain_state(plan: PhysicalPlan) -> str:
    """The state tables and their columns."""
    if not plan.state:
        return "no state"
    return "\n".join(f"{t.name}({', '.join(f'{n} {d}' for n, d in t.columns)})" for t in plan.state)
