"""A query inside a FROM: a subquery in parentheses, or a name that WITH gave it.

Beyond ksqlDB. The inner query's tree is the input of the outer one's, in one plan: no topic lies
between them. A name of WITH stands for its query each time it is written; it sees the names before
it, and hides a source of the same name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from streamsql.errors import Position, StatementError
from streamsql.plan.frame import Context, Cte, Frame, PlannedQuery, pseudo_entries, schema_entries
from streamsql.plan.scope import Scope
from streamsql.sql import expr as ast
from streamsql.sql.statement import Query

UNNAMED = "SUBQUERY"
"""What the columns of a subquery without alias belong to."""

PlanQuery = Callable[[Query, Context], PlannedQuery]


def with_ctes(query: Query, context: Context) -> Context:
    """`context` with the names of the query's WITH."""
    visible = dict(context.ctes)
    own: set[str] = set()
    for name, body in query.ctes:
        if name in own:
            raise StatementError(
                f"WITH names {name} twice", hint="rename one of them", position=body.position
            )
        own.add(name)
        visible[name] = Cte(query=body, visible=dict(visible))
    return replace(context, ctes=visible)


def cte_frame(cte: Cte, alias: str, context: Context, plan: PlanQuery) -> Frame:
    """The frame of a name of WITH."""
    return subquery_frame(cte.query, alias, replace(context, ctes=cte.visible), plan)


def subquery_frame(query: Query, alias: str, context: Context, plan: PlanQuery) -> Frame:
    """The frame of a subquery: the columns that it selects, under `alias`."""
    if query.limit is not None:
        raise StatementError(
            "LIMIT is not supported in the subquery of a query that goes on for ever.",
            hint="a pull query may have it",
            position=query.position,
        )
    planned = plan(query, replace(context, within=True))
    if planned.table and not planned.schema.key:
        _refuse_keyless(alias, query.position)
    schema = planned.node.schema
    # The record that a row came from is gone: it has a time, but no offset.
    pseudo = pseudo_entries(alias, windowed=planned.window is not None, offsets=False)
    return Frame(
        node=planned.node,
        scope=Scope(entries=schema_entries(alias, schema) + pseudo),
        table=planned.table,
        key=tuple((ast.ColumnRef(name=c.name, source=alias),) for c in planned.schema.key),
        sources=planned.sources,
        window=planned.window,
        rekeyed=planned.rekeyed,
    )


def _refuse_keyless(alias: str, position: Position | None) -> None:
    raise StatementError(
        f"Key missing from projection (ie, SELECT).\nThe subquery {alias} gives a table: it must"
        " include the key of the table in its projection.",
        position=position,
    )
