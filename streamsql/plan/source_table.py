"""SOURCE TABLE: a declared table whose rows are kept, so that pull queries can read them."""

from __future__ import annotations

from streamsql.catalog.catalog import Source
from streamsql.engine.plan import PhysicalPlan
from streamsql.operators.materialize import Materialize
from streamsql.plan.frame import Context
from streamsql.plan.from_clause import source_node
from streamsql.plan.lowering import lower
from streamsql.plan.persistent import new_builder


def plan_source_table(source: Source, context: Context, *, query_id: str) -> PhysicalPlan:
    """A plan without outputs: its state is the table."""
    builder = new_builder(query_id, context)
    relation = lower(Materialize(input=source_node(source)), builder)
    return builder.build(materialized=relation.materialized)
