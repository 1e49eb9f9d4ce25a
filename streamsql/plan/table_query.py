"""A pull query beyond ksqlDB: SQL over the rows that its sources hold now.

Joins on any condition, subqueries and names of WITH, GROUP BY with every aggregate, HAVING,
DISTINCT, ORDER BY and LIMIT become one SELECT over `rows(source)`, which the caller gives: a
materialized table's state, or what was read from a topic. Expressions are bound as in every other
query. Each relation has `_seq`, the order of its rows where none is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from streamsql.catalog.catalog import Source
from streamsql.errors import StatementError
from streamsql.functions.registry import ROW
from streamsql.operators.fault import reads_identity
from streamsql.operators.project import safe
from streamsql.plan.aggregation import (
    GROUP,
    aggregate_calls,
    having_condition,
    over_group,
    resolve_groups,
)
from streamsql.plan.comparison import equality
from streamsql.plan.expressions import bind
from streamsql.plan.frame import Context, pseudo_entries, schema_entries, typed_column
from streamsql.plan.projection import Item, expand
from streamsql.plan.pull import bound_item, star_with_bounds, where_condition
from streamsql.plan.rewrite import conjuncts, qualify
from streamsql.plan.scope import Entry, Scope
from streamsql.plan.snapshot_groups import grouped_sql
from streamsql.plan.subquery import UNNAMED, with_ctes
from streamsql.schema.column import WINDOW_BOUNDS, Column, Schema
from streamsql.schema.duck import quote
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BOOLEAN
from streamsql.sql import expr as ast
from streamsql.sql.statement import (
    JoinRef,
    OrderItem,
    Query,
    Relation,
    SelectColumn,
    SourceRef,
    SubqueryRef,
)

Rows = Callable[[Source], str]
"""A SELECT with the physical columns of a source's rows, and `_seq`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relational:
    """A relation: `sql` is a SELECT with `_seq`, `scope` reads its columns."""

    sql: str
    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A query's result: columns `c0`, … and `_seq` of `sql`, in the order asked for."""

    sql: str
    items: tuple[Item, ...]
    typed: tuple[TypedSql, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuery:
    """A pull query as one SELECT; `limit`: where it cuts, one row more tells so."""

    sql: str
    schema: Schema
    columns: tuple[str, ...]
    types: tuple[str, ...]
    limit: int | None


def goes_beyond(query: Query) -> bool:
    """Whether a pull query has what ksqlDB's have not."""
    selected = [i.expr for i in query.items if isinstance(i, SelectColumn)]
    return (
        not isinstance(query.source, SourceRef)
        or bool(query.ctes or query.group_by or query.order_by or query.having)
        or query.distinct
        or bool(aggregate_calls(selected))
    )


def read_sources(query: Query, context: Context) -> Iterator[Source]:
    """The sources that a query reads, inner ones too; StatementError for one that is not there."""
    yield from _sources(query.source, with_ctes(query, context))


def _sources(relation: Relation, context: Context) -> Iterator[Source]:
    match relation:
        case JoinRef(left=left, right=right):
            yield from _sources(left, context)
            yield from _sources(right, context)
        case SubqueryRef(query=query):
            yield from read_sources(query, context)
        case SourceRef(name=name) if name in context.ctes:
            cte = context.ctes[name]
            yield from read_sources(cte.query, replace(context, ctes=cte.visible))
        case SourceRef(name=name):
            yield context.source(name, relation.position)
        case _:
            raise AssertionError(relation)


def plan_table_query(query: Query, context: Context, rows: Rows) -> TableQuery:
    """The SELECT of a pull query; `rows` gives those of each source that it reads."""
    # One row more than asked for tells whether the limit cut anything.
    more = replace(query, limit=None if query.limit is None else query.limit + 1)
    found = _query(more, context, rows)
    columns = ", ".join(f"c{i}" for i in range(len(found.items)))
    return TableQuery(
        sql=f"SELECT {columns} FROM ({found.sql}) ORDER BY _seq",
        schema=Schema(
            value=tuple(
                Column(i.name, t.type) for i, t in zip(found.items, found.typed, strict=True)
            )
        ),
        columns=tuple(i.name for i in found.items),
        types=tuple(str(t.type) for t in found.typed),
        limit=query.limit,
    )


def _query(query: Query, context: Context, rows: Rows) -> Selected:
    _check(query)
    context = with_ctes(query, context)
    source = _relation(query.source, context, rows)
    sql, scope = source.sql, source.scope
    if query.where is not None:
        held = where_condition(query.where, scope)
        sql = f"SELECT * FROM ({sql}) WHERE coalesce({safe(held)}, FALSE)"
    items = expand(_with_bounds(query, context), scope, persistent=False)
    places = None
    if query.group_by or aggregate_calls([i.expr for i in items] + _listed(query.having)):
        windowed = any(e.name in WINDOW_BOUNDS for e in scope.entries)
        groups = resolve_groups(query, scope, items, context, windowed=windowed)
        sql = grouped_sql(sql, groups, one=not query.group_by)
        grouped = Scope(entries=schema_entries(GROUP, groups.schema))
        if groups.having is not None:
            held = having_condition(groups.having, grouped, query.having)
            sql = f"SELECT * FROM ({sql}) WHERE coalesce({safe(held)}, FALSE)"
        items, places = groups.items, groups.places
    elif query.having is not None:
        raise StatementError(
            "HAVING clause requires a GROUP BY clause.", position=query.having.position
        )
    else:
        grouped = scope
    typed = tuple(bound_item(item, grouped) for item in items)
    order: list[tuple[TypedSql, bool]] = []
    for asked in query.order_by:
        found = _named(asked, items, typed)
        if found is None:
            expr = qualify(asked.expr, scope.within("ORDER BY"))
            if places is not None:
                expr = over_group(expr, places, windowed=False)
            found = bind(expr, grouped.within("ORDER BY"))
        order.append((found, asked.descending))
    return Selected(sql=_selected(query, sql, typed, order), items=items, typed=typed)


def _listed(expr: ast.Expr | None) -> list[ast.Expr]:
    return [] if expr is None else [expr]


def _check(query: Query) -> None:
    for present, what in (
        (query.window is not None, "WINDOW clauses"),
        (bool(query.partition_by), "PARTITION BY clauses"),
        (query.emit is not None, "EMIT clauses in subqueries"),
    ):
        if present:
            raise StatementError(
                f"Pull queries don't support {what}.",
                hint="make it a table with CREATE TABLE … AS SELECT",
                position=query.position,
            )
    if query.limit is not None and query.limit < 0:
        raise StatementError(f"LIMIT must be 0 or more, got {query.limit}", position=query.position)


def _with_bounds(query: Query, context: Context) -> Query:
    """`*` of one windowed source shows the window after the key."""
    if not isinstance(query.source, SourceRef) or query.source.name in context.ctes:
        return query
    source = context.source(query.source.name, query.source.position)
    return query if source.window is None else star_with_bounds(query, source)


def _named(asked: OrderItem, items: Sequence[Item], typed: Sequence[TypedSql]) -> TypedSql | None:
    """The selected column that ORDER BY names, or counts to; None where it is an expression."""
    match asked.expr:
        case ast.IntegerLiteral(value=number):
            if not 1 <= number <= len(items):
                raise StatementError(
                    f"ORDER BY {number}: there are {len(items)} columns",
                    position=asked.expr.position,
                )
            return typed[number - 1]
        case ast.ColumnRef(source=None, name=name):
            return next((t for i, t in zip(items, typed, strict=True) if i.name == name), None)
        case _:
            return None


def _selected(
    query: Query, sql: str, typed: Sequence[TypedSql], order: Sequence[tuple[TypedSql, bool]]
) -> str:
    """The SELECT of computed columns: ordered, and cut at the limit."""
    columns = [f"{safe(t)} AS c{i}" for i, t in enumerate(typed)]
    names = [f"c{i}" for i in range(len(typed))]
    if reads_identity(typed):
        # RANDOM and UUID differ from row to row.
        sql = f"SELECT *, _seq::VARCHAR AS {ROW} FROM ({sql})"
    if query.distinct:
        texts = [t.sql for t in typed]
        wrong = next((t for t, _ in order if t.sql not in texts), None)
        if wrong is not None:
            raise StatementError(
                "ORDER BY of a SELECT DISTINCT has to name columns that are selected",
                position=query.order_by[0].expr.position,
            )
        by = [(names[texts.index(t.sql)], down) for t, down in order]
        by += [(name, False) for name in names]
        inner = f"SELECT DISTINCT {', '.join(columns)} FROM ({sql})"
    else:
        columns += [f"{safe(t)} AS o{i}" for i, (t, _) in enumerate(order)]
        by = [(f"o{i}", down) for i, (_, down) in enumerate(order)] + [("_seq", False)]
        inner = f"SELECT {', '.join([*columns, '_seq'])} FROM ({sql})"
    listed = ", ".join(f"{name}{' DESC' if down else ''} NULLS LAST" for name, down in by)
    limit = "" if query.limit is None else f" LIMIT {query.limit}"
    numbered = f"row_number() OVER (ORDER BY {listed}) AS _seq"
    return f"SELECT {', '.join(names)}, {numbered} FROM ({inner}) ORDER BY {listed}{limit}"


# ------------------------------------------------------------------ FROM


def _relation(relation: Relation, context: Context, rows: Rows) -> Relational:
    match relation:
        case JoinRef():
            return _join(relation, context, rows)
        case SubqueryRef(query=query, alias=alias):
            return _inner(query, alias or UNNAMED, context, rows)
        case SourceRef(name=name, alias=alias) if name in context.ctes:
            cte = context.ctes[name]
            return _inner(cte.query, alias or name, replace(context, ctes=cte.visible), rows)
        case SourceRef(name=name, alias=alias):
            source = context.source(name, relation.position)
            return _source(source, alias or name, rows)
        case _:
            raise AssertionError(relation)


def _source(source: Source, alias: str, rows: Rows) -> Relational:
    headers = tuple(Column(h.name, h.type) for h in source.schema.headers)
    schema = Schema(key=source.schema.key, value=(*source.schema.value, *headers))
    entries = schema_entries(alias, schema)
    entries += pseudo_entries(alias, windowed=source.window is not None, offsets=False)
    return _renamed(rows(source), entries)


def _inner(query: Query, alias: str, context: Context, rows: Rows) -> Relational:
    found = _query(query, context, rows)
    entries = tuple(
        Entry(source=alias, name=item.name, typed=typed_column(f"c{i}", typed.type))
        for i, (item, typed) in enumerate(zip(found.items, found.typed, strict=True))
    )
    return _renamed(found.sql, entries)


def _renamed(sql: str, entries: tuple[Entry, ...]) -> Relational:
    """Columns under names that those of another relation cannot have."""
    made: list[Entry] = []
    columns = ["_seq"]
    for i, entry in enumerate(entries):
        name = f"{entry.source}.{i}"
        columns.append(f"{entry.typed.sql} AS {quote(name)}")
        made.append(replace(entry, typed=typed_column(name, entry.typed.type)))
    return Relational(
        sql=f"SELECT {', '.join(columns)} FROM ({sql})", scope=Scope(entries=tuple(made))
    )


def _join(join: JoinRef, context: Context, rows: Rows) -> Relational:
    left, right = _relation(join.left, context, rows), _relation(join.right, context, rows)
    twice = set(left.scope.sources) & set(right.scope.sources)
    if twice:
        raise StatementError(
            f"{min(twice)} is joined twice",
            hint="give each an alias of its own",
            position=join.position,
        )
    if join.within is not None:
        raise StatementError(
            "Pull queries don't support WITHIN clauses.",
            hint="compare ROWTIME in ON",
            position=join.position,
        )
    scope = Scope(entries=(*left.scope.entries, *right.scope.entries))
    parts = " AND ".join(_on(part, scope.within("JOIN ON")) for part in conjuncts(join.on))
    order = "row_number() OVER (ORDER BY l._seq NULLS LAST, r._seq NULLS LAST) AS _seq"
    return Relational(
        sql=f"SELECT l.* EXCLUDE (_seq), r.* EXCLUDE (_seq), {order}"
        f" FROM ({left.sql}) l {join.kind} JOIN ({right.sql}) r ON {parts}",
        scope=scope,
    )


def _on(part: ast.Expr, scope: Scope) -> str:
    """A condition of ON; an equality bare, so that DuckDB hashes it."""
    if isinstance(part, ast.Binary) and part.op == "=":
        return equality(part, bind(part.left, scope), bind(part.right, scope)).sql
    typed = bind(part, scope)
    if typed.type != BOOLEAN:
        raise StatementError(
            f"Invalid join condition: it is {typed.type}, not BOOLEAN", position=part.position
        )
    return typed.sql
