"""SELECT without EMIT: a query over the rows that are there now.

Of a materialized table it is SQL over the query's state (`PhysicalPlan.materialized`), at one
snapshot of the database. Of a stream it is the records from the beginning to the current end. What
is refused is ksqlDB's (select-pull-query): no join, window, GROUP BY, PARTITION BY, HAVING.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.catalog.catalog import Source
from streamsql.errors import StatementError
from streamsql.operators.fault import identified, reads_identity
from streamsql.operators.operator import Relation, WindowInfo
from streamsql.plan.aggregation import aggregate_calls
from streamsql.plan.expressions import bind
from streamsql.plan.frame import Context, pseudo_entries, schema_entries
from streamsql.plan.projection import Item, expand
from streamsql.plan.pull_keys import check_keys
from streamsql.plan.rewrite import columns_of, walk
from streamsql.plan.scope import Scope
from streamsql.schema.column import WINDOW_BOUNDS, Column, Schema
from streamsql.schema.duck import quote
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BOOLEAN, NULL
from streamsql.sql import expr as ast
from streamsql.sql import format as format_sql
from streamsql.sql.statement import Query, SelectColumn, SelectItem, SelectStar, SourceRef

PUSH_HINT = (
    "See https://cnfl.io/queries for more info."
    "\nAdd EMIT CHANGES if you intended to issue a push query."
)


PULLED = "_pulled"
"""What the rows of the table are called in a pull query's text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A pull query over a table: `sql` reads the rows under the name PULLED. `where`: its condition
    over such rows, or empty where it has none that a part of them could be asked for."""

    source: Source
    sql: str
    schema: Schema
    columns: tuple[str, ...]
    types: tuple[str, ...]
    limit: int | None
    where: str = ""

    def over(self, materialized: str) -> str:
        """The whole text, over the SELECT of a table's rows."""
        return f"WITH {PULLED} AS ({materialized}) {self.sql}"


def check_pull(query: Query, context: Context) -> Source:
    """The one source that a pull query reads; StatementError for what pull queries cannot do."""
    if not isinstance(query.source, SourceRef):
        _refuse("JOIN clauses")
    for present, what in (
        (query.window is not None, "WINDOW clauses"),
        (bool(query.group_by), "GROUP BY clauses"),
        (bool(query.partition_by), "PARTITION BY clauses"),
        (query.having is not None, "HAVING clauses"),
    ):
        if present:
            _refuse(what)
    if not isinstance(query.source, SourceRef):
        raise AssertionError(query.source)
    if query.limit is not None and query.limit < 0:
        raise StatementError(f"LIMIT must be 0 or more, got {query.limit}")
    if query.limit is not None and not context.properties.flag(
        "ksql.query.pull.limit.clause.enabled"
    ):
        raise StatementError(
            "LIMIT clause in pull queries is currently disabled. You can enable them by setting"
            f" ksql.query.pull.limit.clause.enabled=true. {PUSH_HINT}"
        )
    _check_pseudo(query)
    return context.source(query.source.name, query.source.position)


def _check_pseudo(query: Query) -> None:
    """Partition and offset belong to records, not to rows."""
    selected = [i.expr for i in query.items if isinstance(i, SelectColumn)]
    for clause, exprs in (("SELECT", selected), ("WHERE", [query.where] if query.where else [])):
        names = [c.name for e in exprs for c in columns_of(e)]
        found = [n for n in dict.fromkeys(names) if n in ("ROWPARTITION", "ROWOFFSET")]
        if found:
            raise StatementError(
                f"Pull queries don't support the following columns in {clause} clauses:"
                f" {', '.join(f'`{n}`' for n in found)}. {PUSH_HINT}"
            )


def _refuse(what: str) -> None:
    raise StatementError(
        f"Pull queries don't support {what}. {PUSH_HINT}",
        hint="or make it a table with CREATE TABLE … AS SELECT",
    )


def plan_pull(query: Query, source: Source, context: Context) -> Pull:
    """The SQL of a pull query over a table's rows."""
    if not isinstance(query.source, SourceRef):
        raise AssertionError(query.source)
    alias = query.source.alias or query.source.name
    headers = tuple(Column(h.name, h.type) for h in source.schema.headers)
    schema = Schema(key=source.schema.key, value=(*source.schema.value, *headers))
    windowed = source.window is not None
    scope = Scope(
        entries=schema_entries(alias, schema)
        + pseudo_entries(alias, windowed=windowed, offsets=False)
    )
    check_keys(query.where, source, context.properties)
    items = expand(star_with_bounds(query, source) if windowed else query, scope, persistent=False)
    if aggregate_calls([i.expr for i in items]):
        _refuse("aggregate functions")
    read = typed = [bound_item(i, scope) for i in items]
    where = pushed = ""
    if query.where is not None:
        condition = where_condition(query.where, scope)
        pushed = f"coalesce({_guarded(condition)}, FALSE)"
        where = f"WHERE {pushed}"
        read = [*read, condition]
    rows = PULLED
    if reads_identity(read):
        pushed = ""
        info = WindowInfo(kind="", size_ms=None) if windowed else None
        rows = identified(Relation(sql=PULLED, schema=schema, table=True, window=info))
    selected = ", ".join(f"{_guarded(t)} AS {quote(f'c{i}')}" for i, t in enumerate(typed))
    order = ", ".join(
        [*(e.typed.sql for e in scope.entries if e.is_key), *(["_ws"] if windowed else [])]
    )
    # One row more than asked for tells whether the limit cut anything.
    limit = f"LIMIT {query.limit + 1}" if query.limit is not None else ""
    key, value = _result_columns(items, typed, source)
    return Pull(
        source=source,
        sql=f"SELECT {selected} FROM {rows} {where} ORDER BY {order} {limit}",
        schema=Schema(key=key, value=value),
        columns=tuple(i.name for i in items),
        types=tuple(str(t.type) for t in typed),
        limit=query.limit,
        where=pushed,
    )


def star_with_bounds(query: Query, source: Source) -> Query:
    """`*` of a windowed table written out: its key, the window, its values."""
    names = (
        *(c.name for c in source.schema.key),
        *WINDOW_BOUNDS,
        *(c.name for c in source.schema.value),
    )
    items: list[SelectItem] = []
    for item in query.items:
        if isinstance(item, SelectStar):
            items += [
                SelectColumn(expr=ast.ColumnRef(name=n, source=item.source, position=item.position))
                for n in names
            ]
        else:
            items.append(item)
    return replace(query, items=tuple(items))


def bound_item(item: Item, scope: Scope) -> TypedSql:
    """A selected column."""
    typed = bind(item.expr, scope)
    if typed.type == NULL:
        raise StatementError(
            "Can't infer a type of null. Please explicitly cast it to a required type, e.g."
            " CAST(null AS VARCHAR).",
            position=item.written.position,
        )
    return typed


def _guarded(typed: TypedSql) -> str:
    return f"TRY({typed.sql})" if typed.throws else typed.sql


def where_condition(expr: ast.Expr, scope: Scope) -> TypedSql:
    """The WHERE of a pull query."""
    try:
        condition = bind(expr, scope.within("WHERE"))
    except StatementError as error:
        part = next((p for p in walk(expr) if p.position == error.position), expr)
        if isinstance(part, ast.Between):
            # ksqlDB finds this one later than the others, and says so.
            error.primary = f"Invalid expression: {error.primary}"
        elif not error.primary.startswith("WHERE column"):
            error.primary = f"Error in WHERE expression: {error.primary}"
            error.detail = error.detail or f"Statement: {format_sql(part)}"
        raise
    if condition.type not in (BOOLEAN, NULL):
        raise StatementError(
            "Type error in WHERE expression: Should evaluate to boolean but is"
            f" {format_sql(expr)} ({condition.type}) instead.",
            position=expr.position,
        )
    return condition


def _result_columns(
    items: tuple[Item, ...], typed: list[TypedSql], source: Source
) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    keys = {c.name for c in source.schema.key} | set(WINDOW_BOUNDS)
    key: list[Column] = []
    value: list[Column] = []
    for item, found in zip(items, typed, strict=True):
        is_key = isinstance(item.expr, ast.ColumnRef) and item.expr.name in keys
        (key if is_key else value).append(Column(item.name, found.type))
    return tuple(key), tuple(value)
