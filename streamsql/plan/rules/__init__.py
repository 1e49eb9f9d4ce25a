"""Rewrite rules of an operator tree, in order. Each keeps schema and key of the tree (law 8)."""

from __future__ import annotations

from streamsql.operators.operator import Node
from streamsql.plan.rules.prune_columns import prune_columns

RULES = (prune_columns,)


def rewrite(node: Node) -> Node:
    """The tree after all rules."""
    for rule in RULES:
        node = rule(node)
    return node
