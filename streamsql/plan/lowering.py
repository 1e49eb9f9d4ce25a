"""Lowers an operator tree: every node writes its part of the step after its inputs."""

from __future__ import annotations

from streamsql.operators.operator import Builder, Node, Relation


def lower(node: Node, builder: Builder) -> Relation:
    """The relation that `node` gives; its statements are in `builder`, inputs first."""
    relations = [lower(child, builder) for child in node.inputs]
    builder.enter(type(node).__name__)
    return node.lower(builder, *relations)
