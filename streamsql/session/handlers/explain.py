"""EXPLAIN of a statement or of a running query: its tree, its SQL, its state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsql.engine.plan import PhysicalPlan
from streamsql.errors import StatementError
from streamsql.operators.operator import Node
from streamsql.plan.explain import explain_sql, explain_state, explain_tree
from streamsql.plan.frame import Context
from streamsql.plan.persistent import plan_create, plan_insert
from streamsql.plan.transient import plan_push
from streamsql.session.result import Result, Text
from streamsql.sql import format as format_sql
from streamsql.sql import parse_one
from streamsql.sql.statement import CreateAsSelect, Explain, InsertInto, Query, Statement

if TYPE_CHECKING:
    from streamsql.session.session import Session


async def handle(statement: Explain, session: Session) -> Result:
    """What ksqlDB's EXPLAIN shows, and the SQL of each operator."""
    explained = _statement(statement, session)
    node, plan = _planned(explained, session)
    parts = {
        "STATEMENT": format_sql(explained),
        "OPERATORS": explain_tree(node),
        "PHYSICAL": explain_sql(plan),
        "STATE": explain_state(plan),
    }
    if statement.stage is not None:
        name = "OPERATORS" if statement.stage == "BOUND" else statement.stage
        return Text(statement=statement.text, body=parts[name])
    body = "\n\n".join(
        f"{title.title()}\n{'-' * len(title)}\n{text}" for title, text in parts.items()
    )
    return Text(statement=statement.text, body=body)


def _statement(statement: Explain, session: Session) -> Statement:
    if statement.statement is not None:
        return statement.statement
    wanted = (statement.query_id or "").upper()
    for query in session.engine.catalog.queries.values():
        if query.id.upper() == wanted:
            return parse_one(query.text)
    raise StatementError(
        f"Query with id:{statement.query_id} does not exist, use SHOW QUERIES to view the full set"
        " of"
        " queries.",
        position=statement.position,
    )


def _planned(statement: Statement, session: Session) -> tuple[Node, PhysicalPlan]:
    catalog, properties = session.engine.catalog, session.properties
    persistent = Context(catalog=catalog, properties=properties, persistent=True)
    match statement:
        case CreateAsSelect():
            found = plan_create(statement, persistent, query_id="explained", topics={})
            return found.node, found.plan
        case InsertInto():
            found = plan_insert(statement, persistent, query_id="explained")
            return found.node, found.plan
        case Query():
            transient = Context(catalog=catalog, properties=properties, persistent=False)
            push = plan_push(statement, transient, query_id="explained")
            return push.node, push.plan
        case _:
            raise StatementError(
                f"EXPLAIN is for queries: {type(statement).__name__} has no plan",
                position=statement.position,
            )
