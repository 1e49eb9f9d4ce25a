"""CREATE OR REPLACE of a query: what may change while it goes on from its offsets (KLIP-28,
update-a-running-query)."""

from __future__ import annotations

from collections.abc import Sequence

from streamsql.catalog.catalog import Catalog, Query
from streamsql.config import Properties
from streamsql.errors import StatementError
from streamsql.plan.frame import Context
from streamsql.plan.persistent import Persistent, plan_create
from streamsql.sql import parse_one
from streamsql.sql.statement import CreateAsSelect


def check_query_upgrade(
    old: Query, new: Persistent, properties: Properties, catalog: Catalog
) -> None:
    """StatementError where the state of the running query does not fit the new one."""
    if old.sources != new.query.sources:
        raise StatementError(
            f"Cannot upgrade data source: the query reads {', '.join(new.query.sources)}, and"
            f" {old.id} reads {', '.join(old.sources)}"
        )
    statement = parse_one(old.text)
    if not isinstance(statement, CreateAsSelect):
        raise AssertionError(old.text)
    context = Context(catalog=catalog, properties=properties, persistent=True)
    before = plan_create(statement, context, query_id=old.id, topics={})
    mine = {t.name: t.columns for t in new.plan.state if not t.disposable}
    held = {t.name: t.columns for t in before.plan.state if not t.disposable}
    if any(not _grown(columns, mine.get(name, columns)) for name, columns in held.items()):
        raise StatementError(
            f"Cannot upgrade data source: the state of {old.id} does not fit the new query",
            detail=f"it has {before.plan.layout}\nthe new one needs {new.plan.layout}",
            hint="DROP it and create it again",
        )


def _grown(old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]]) -> bool:
    """Whether a table of `old` columns can be given those of `new`: some may be appended, none
    changed."""
    return set(old) <= set(new)
