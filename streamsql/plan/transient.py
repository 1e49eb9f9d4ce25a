"""SELECT … EMIT CHANGES: a plan whose rows leave as typed columns."""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.catalog.catalog import Source as CatalogSource
from streamsql.engine.plan import PhysicalPlan
from streamsql.formats import format_named
from streamsql.formats.format import KEY, FormatOptions
from streamsql.operators.collect import Collect
from streamsql.operators.operator import Builder, Node
from streamsql.operators.source import Source
from streamsql.plan.frame import Context
from streamsql.plan.from_clause import source_node
from streamsql.plan.lowering import lower
from streamsql.plan.persistent import new_builder
from streamsql.plan.pull import star_with_bounds
from streamsql.plan.query import plan_query
from streamsql.plan.rules import rewrite
from streamsql.schema.column import Column, Schema
from streamsql.schema.duck import physical_names
from streamsql.schema.types import BYTES
from streamsql.sql.statement import Query, SourceRef


def _column(schema: Schema, name: str) -> Column | None:
    return next((c for c in (*schema.key, *schema.value) if c.name == name), None)


def _with_bounds(query: Query, context: Context) -> Query:
    """`*` of one windowed source shows the window after the key."""
    if not isinstance(query.source, SourceRef) or query.source.name in dict(query.ctes):
        return query
    source = context.catalog.sources.get(query.source.name)
    if source is None or source.window is None:
        return query
    return star_with_bounds(query, source)


def plan_print(topic: str, *, query_id: str) -> PhysicalPlan:
    """The plan that gives a topic's records as they are: columns KEY and VALUE of bytes."""
    kafka = format_named("KAFKA")
    source = Source(
        topic=topic,
        declared=Schema(key=(Column("KEY", BYTES),), value=(Column("VALUE", BYTES),)),
        key_format=kafka,
        key_options=FormatOptions(side=KEY),
        value_format=kafka,
        value_options=FormatOptions(),
    )
    return _collected(source, query_id)


def plan_read(source: CatalogSource, *, query_id: str) -> PhysicalPlan:
    """The plan that gives every record of a source: all its columns under their physical names."""
    return _collected(source_node(source), query_id)


def _collected(node: Node, query_id: str) -> PhysicalPlan:
    builder = Builder(query_id=query_id, every_change=True)
    lower(rewrite(Collect(input=node)), builder)
    return builder.build()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transient:
    """A push query's plan. `columns`: (name, type as text, physical name, is key) as selected."""

    plan: PhysicalPlan
    node: Node
    schema: Schema
    columns: tuple[tuple[str, str, str, bool], ...]
    table: bool
    limit: int | None


def plan_push(query: Query, context: Context, *, query_id: str) -> Transient:
    """The plan of a push query."""
    planned = plan_query(_with_bounds(query, context), context)
    builder = new_builder(query_id, context)
    node = rewrite(Collect(input=planned.node))
    lower(node, builder)
    names = [c.name for c in (*planned.schema.key, *planned.schema.value)]
    physical = dict(zip(names, physical_names(names), strict=True))
    types = {c.name: str(c.type) for c in planned.schema.columns()}
    return Transient(
        plan=builder.build(),
        node=node,
        schema=Schema(
            value=tuple(c for n in planned.order if (c := _column(planned.schema, n)) is not None)
        ),
        columns=tuple((n, types[n], physical[n], planned.schema.is_key(n)) for n in planned.order),
        table=planned.table,
        limit=query.limit,
    )
