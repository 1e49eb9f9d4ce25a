"""FROM: sources by name, and joins of them, as frames."""

from __future__ import annotations

from streamsql.catalog.catalog import Source as CatalogSource
from streamsql.errors import StatementError, UnsupportedError
from streamsql.formats import format_named
from streamsql.formats.format import KEY, VALUE
from streamsql.operators.expire import Expire
from streamsql.operators.operator import WindowInfo
from streamsql.operators.source import Source
from streamsql.plan.declare import options_of
from streamsql.plan.frame import Context, Frame, pseudo_entries, schema_entries, typed_column
from streamsql.plan.joins import join_frames
from streamsql.plan.scope import Scope
from streamsql.plan.subquery import UNNAMED, PlanQuery, cte_frame, subquery_frame
from streamsql.plan.timestamp_column import timestamp_text
from streamsql.schema.duck import physical_names
from streamsql.sql import expr as ast
from streamsql.sql.statement import JoinRef, Relation, SourceRef, SubqueryRef


def plan_from(relation: Relation, context: Context, plan: PlanQuery) -> Frame:
    """The frame of a FROM clause; `plan` makes the tree of a query inside it."""
    match relation:
        case JoinRef():
            return _join(relation, context, plan)
        case SourceRef() if relation.name not in context.ctes:
            source = _find(relation, context)
            if source.window is not None and source.is_table and context.persistent:
                raise StatementError("KSQL does not support persistent queries on windowed tables.")
            return source_frame(source, relation.alias or relation.name)
        case _:
            return _side(relation, context, plan)


def _find(ref: SourceRef, context: Context) -> CatalogSource:
    return context.source(ref.name, ref.position)


def source_frame(source: CatalogSource, alias: str) -> Frame:
    """The frame that reads a source."""
    node = source_node(source)
    entries = schema_entries(alias, node.schema)
    scope = Scope(entries=entries + pseudo_entries(alias, windowed=source.window is not None))
    return Frame(
        node=node,
        scope=scope,
        table=source.is_table,
        key=tuple((ast.ColumnRef(name=c.name, source=alias),) for c in source.schema.key),
        sources=(source,),
        window=window_info(source),
    )


def window_info(source: CatalogSource) -> WindowInfo | None:
    """How the source's key is windowed."""
    if source.window is None:
        return None
    return WindowInfo(kind=source.window.kind, size_ms=source.window.size_ms)


def source_node(source: CatalogSource) -> Source | Expire:
    """The operators that read a source's topic: key columns, then values and header columns as
    values; rows of a table end where it has a time for them."""
    read = topic_node(source)
    return read if source.ttl_ms is None else Expire(input=read, ttl_ms=source.ttl_ms)


def topic_node(source: CatalogSource) -> Source:
    """The operator that reads the records of a source's topic as they are."""
    names = [c.name for c in source.schema.columns()]
    physical = dict(zip(names, physical_names(names), strict=True))
    timestamp = None
    if source.timestamp_column is not None:
        column = source.schema.find(source.timestamp_column)
        if column is None:
            raise AssertionError(source.timestamp_column)
        read = typed_column(physical[column.name], column.type)
        timestamp = timestamp_text(read, source.timestamp_format)
    return Source(
        topic=source.topic,
        declared=source.schema,
        key_format=format_named(source.key_format.name),
        key_options=options_of(source, KEY),
        value_format=format_named(source.value_format.name),
        value_options=options_of(source, VALUE),
        table=source.is_table,
        window=window_info(source),
        timestamp=timestamp,
        headers=True,
    )


def _join(join: JoinRef, context: Context, plan: PlanQuery) -> Frame:
    left = (
        plan_from(join.left, context, plan)
        if isinstance(join.left, JoinRef)
        else _side(join.left, context, plan)
    )
    return join_frames(join, left, _side(join.right, context, plan), context)


def _side(relation: Relation, context: Context, plan: PlanQuery) -> Frame:
    match relation:
        case SourceRef(name=name) if name in context.ctes:
            return cte_frame(context.ctes[name], relation.alias or name, context, plan)
        case SourceRef():
            return source_frame(_find(relation, context), relation.alias or relation.name)
        case SubqueryRef(query=query):
            return subquery_frame(query, relation.alias or UNNAMED, context, plan)
        case _:
            raise UnsupportedError(
                "a join's right side has to be a stream, a table or a subquery",
                position=relation.position,
                hint="write the join from left to right, without parentheses",
            )
