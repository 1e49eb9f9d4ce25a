"""A SELECT becomes an operator tree: FROM, WHERE, table functions, GROUP BY or PARTITION BY,
HAVING, SELECT.

`plan_query` gives the tree without its end; `persistent.py` adds a sink, `transient.py` a
collector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from streamsql import functions
from streamsql.config import Properties
from streamsql.errors import StatementError
from streamsql.operators.filter import Filter
from streamsql.operators.flat_map import FlatMap
from streamsql.operators.operator import Node
from streamsql.operators.project import Project
from streamsql.operators.rekey import Rekey
from streamsql.plan.aggregation import aggregate_calls, group
from streamsql.plan.declare import check_key_type
from streamsql.plan.expressions import bind, bind_whole
from streamsql.plan.frame import (
    Context,
    Frame,
    PlannedQuery,
    placement,
    pseudo_entries,
    schema_entries,
)
from streamsql.plan.from_clause import plan_from
from streamsql.plan.names import Names, column_name
from streamsql.plan.projection import Item, expand
from streamsql.plan.rewrite import columns_of, qualify, transform, unqualify, walk
from streamsql.plan.scope import Scope
from streamsql.plan.subquery import with_ctes
from streamsql.schema.column import WINDOW_BOUNDS, Column, Schema
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BOOLEAN, NULL, Array
from streamsql.sql import expr as ast
from streamsql.sql import format as format_sql
from streamsql.sql.statement import (
    JoinRef,
    Query,
    Relation,
    SelectColumn,
    SelectStar,
    SelectStructStar,
)


def plan_query(query: Query, context: Context, *, sink: str = "") -> PlannedQuery:
    """The tree of `query`; `sink` is named in messages about a persistent query."""
    _refuse_order(query)
    _refuse_disabled(query, context.properties)
    context = with_ctes(query, context)
    starred = any(isinstance(i, SelectStar) for i in query.items)
    if context.properties.flag("streamsql.strict"):
        _refuse_own_functions(query)
    context = replace(context, mentioned=_mentioned(query), starred=starred)
    frame = plan_from(query.source, context, plan_query)
    if query.where is not None:
        if query.window is not None and frame.window is None:
            _refuse_own_bounds(query.where)
        frame = _where(query.where, frame)
    scope = _with_bounds(query, frame)
    items = expand(query, scope, persistent=context.persistent, synthetic=frame.synthetic)
    calls = aggregate_calls([i.expr for i in items] + ([query.having] if query.having else []))
    if query.group_by or calls:
        return _grouped(query, frame, items, context, sink)
    _refuse_group_clauses(query)
    frame, items = _flat_map(frame, items)
    return _plain(query, frame, items, context, sink)


def _refuse_order(query: Query) -> None:
    for present, what, hint in (
        (query.order_by, "ORDER BY", "a pull query may have it"),
        (query.distinct, "DISTINCT", "GROUP BY gives each value once; a pull query may have it"),
    ):
        if present:
            raise StatementError(
                f"{what} is not supported in a query that goes on for ever.",
                hint=hint,
                position=query.position,
            )


def _refuse_disabled(query: Query, properties: Properties) -> None:
    """What the session's settings do not allow, in ksqlDB's words."""
    if query.emit == "FINAL" and not properties.flag("ksql.suppress.enabled"):
        raise StatementError(
            "Suppression is currently disabled. You can enable it by setting"
            " ksql.suppress.enabled to true"
        )
    if properties.flag("ksql.lambdas.enabled"):
        return
    for expr in _expressions(query):
        for part in walk(expr):
            if isinstance(part, ast.Lambda):
                raise StatementError(
                    "Lambdas are not enabled at this time.",
                    hint="SET 'ksql.lambdas.enabled'='true'",
                    position=part.position,
                )


def _refuse_own_functions(query: Query) -> None:
    for expr in _expressions(query):
        for part in walk(expr):
            if isinstance(part, ast.Call):
                functions.refuse_own(part.name, part.position)


def _mentioned(query: Query) -> frozenset[str]:
    """The names of all columns that the query writes out."""
    return frozenset(c.name for e in _expressions(query) for c in columns_of(e))


def _expressions(query: Query) -> list[ast.Expr]:
    """All that the query computes."""
    exprs: list[ast.Expr | None] = [query.where, query.having, *query.group_by]
    exprs += [*query.partition_by, *_conditions(query.source)]
    for item in query.items:
        if isinstance(item, SelectColumn):
            exprs.append(item.expr)
        elif isinstance(item, SelectStructStar):
            exprs.append(item.base)
    return [e for e in exprs if e is not None]


def _conditions(relation: Relation) -> list[ast.Expr]:
    if isinstance(relation, JoinRef):
        return [relation.on, *_conditions(relation.left), *_conditions(relation.right)]
    return []


def _with_bounds(query: Query, frame: Frame) -> Scope:
    """The names of the SELECT list: a windowed GROUP BY over one source adds the window's
    bounds."""
    if query.window is None or frame.window is not None or frame.joined:
        return frame.scope
    (alias,) = frame.scope.sources
    bounds = pseudo_entries(alias, windowed=True)[-len(WINDOW_BOUNDS) :]
    return replace(frame.scope, entries=(*frame.scope.entries, *bounds))


def _refuse_group_clauses(query: Query) -> None:
    if query.window is not None:
        raise StatementError(
            "WINDOW clause requires a GROUP BY clause.", position=query.window.position
        )
    if query.having is not None:
        raise StatementError("HAVING clause requires a GROUP BY clause.")
    if query.emit == "FINAL":
        raise StatementError("EMIT FINAL is only supported for windowed aggregations.")


# ------------------------------------------------------------------ WHERE


def _refuse_own_bounds(where: ast.Expr) -> None:
    """WHERE is asked before the query's windows are made."""
    for column in columns_of(where):
        if column.name in WINDOW_BOUNDS:
            raise StatementError(
                f"Error in WHERE expression: Unknown column {column.name}.",
                position=column.position,
                hint="a pull query over the table of the result can compare the window's bounds",
            )


def _where(expr: ast.Expr, frame: Frame) -> Frame:
    try:
        condition = bind_whole(expr, frame.scope.within("WHERE"))
    except StatementError as error:
        if not error.primary.startswith("WHERE column"):
            error.primary = f"Error in WHERE expression: {error.primary}"
        raise
    if condition.type not in (BOOLEAN, NULL):
        raise StatementError(
            "Type error in WHERE expression: Should evaluate to boolean but is"
            f" {format_sql(expr)} ({condition.type}) instead.",
            position=expr.position,
        )
    return frame.on(Filter(input=frame.node, condition=condition))


# ------------------------------------------------------------------ table functions


def _flat_map(frame: Frame, items: tuple[Item, ...]) -> tuple[Frame, tuple[Item, ...]]:
    """The frame with a column for each table function of the items."""
    calls: dict[ast.Expr, None] = {}
    for item in items:
        for part in walk(item.expr):
            if isinstance(part, ast.Call) and functions.is_table_function(part.name):
                calls[part] = None
    if not calls:
        return frame, items
    if frame.table:
        raise StatementError("Table source is not supported with table functions")
    for call in calls:
        inner = [a for a in ast_args(call) if _holds_table_function(a)]
        if inner:
            raise StatementError(
                f"Table functions can not be nested: {format_sql(unqualify(call))}"
            )
    lists = [
        replace(
            functions.resolve_table_function(
                call.name, [bind(a, frame.scope) for a in call.args], call.position
            ),
            written=call.name,
        )
        for call in calls
        if isinstance(call, ast.Call)
    ]
    added: list[Column] = []
    for i, found in enumerate(lists):
        if not isinstance(found.type, Array):
            raise AssertionError(found.type)
        added.append(Column(f"KSQL_SYNTH_{i}", found.type.element))
    schema = replace(frame.node.schema, value=(*frame.node.schema.value, *added))
    node = FlatMap(input=frame.node, schema=schema, functions=tuple(lists))
    made = schema_entries("", schema)[-len(added) :]
    scope = replace(frame.scope, entries=(*frame.scope.entries, *made))
    places = {
        call: ast.ColumnRef(name=column.name, source="")
        for call, column in zip(calls, added, strict=True)
    }
    rewritten = tuple(
        replace(item, expr=transform(item.expr, lambda part: places.get(part))) for item in items
    )
    return replace(frame, node=node, scope=scope), rewritten


def ast_args(call: ast.Expr) -> Sequence[ast.Expr]:
    """A call's arguments."""
    return call.args if isinstance(call, ast.Call) else ()


def _holds_table_function(expr: ast.Expr) -> bool:
    return any(
        isinstance(part, ast.Call) and functions.is_table_function(part.name) for part in walk(expr)
    )


# ------------------------------------------------------------------ SELECT without groups


def _plain(
    query: Query, frame: Frame, items: tuple[Item, ...], context: Context, sink: str
) -> PlannedQuery:
    partition_by = _partition_by(query, frame)
    if partition_by is None:
        keys, expected = frame.key, _source_kind(query)
    else:
        keys, expected = tuple((e,) for e in partition_by), "partitioning expression"
        if any(isinstance(i, SelectStar) for i in query.items):
            items = (*_new_key_items(partition_by, items), *_keys_last(items, frame))
    key_items = _key_items(items, keys, context, sink=sink, expected=expected, frame=frame)
    return _projected(frame, items, key_items, context=context, rekeyed=partition_by is not None)


def _new_key_items(exprs: tuple[ast.Expr, ...], items: tuple[Item, ...]) -> list[Item]:
    """An item for each expression of PARTITION BY that `*` does not hold: it selects the new key
    too."""
    names = Names(i.name for i in items)
    missing = [e for e in exprs if not any(i.expr == e for i in items)]
    return [Item(name=column_name(e, names), expr=e, written=e) for e in missing]


def _keys_last(items: tuple[Item, ...], frame: Frame) -> list[Item]:
    """Under PARTITION BY the old key columns of a `*` come behind the values that they join."""
    old = {choice for choices in frame.key for choice in choices}
    return sorted(items, key=lambda i: not i.aliased and i.expr in old)


def _source_kind(query: Query) -> str:
    return "join expression" if isinstance(query.source, JoinRef) else "key column"


def _partition_by(query: Query, frame: Frame) -> tuple[ast.Expr, ...] | None:
    """The qualified expressions; empty for PARTITION BY NULL; None where there is no clause."""
    if not query.partition_by:
        return None
    if frame.table:
        raise StatementError(
            "PARTITION BY is not supported on tables: a table's rows belong to its primary key.",
            hint="use GROUP BY, or partition the stream it comes from",
        )
    scope = frame.scope.within("PARTITION BY")
    if any(isinstance(e, ast.NullLiteral) for e in query.partition_by):
        if len(query.partition_by) > 1:
            raise StatementError("Cannot PARTITION BY multiple columns including NULL")
        return ()
    found: list[ast.Expr] = []
    for expr in query.partition_by:
        qualified = qualify(expr, scope)
        if qualified in found:
            raise StatementError(
                f"Duplicate PARTITION BY expression: {format_sql(qualified)}",
                position=expr.position,
            )
        found.append(qualified)
    return tuple(found)


def _key_items(
    items: tuple[Item, ...],
    keys: tuple[tuple[ast.Expr, ...], ...],
    context: Context,
    *,
    sink: str,
    expected: str,
    frame: Frame,
) -> list[Item | None]:
    """For each key column the item that holds it; None where a transient query leaves it out."""
    found: list[Item | None] = []
    for choices in keys:
        item: Item | None = None
        if expected == "join expression":
            choices = tuple(c for c in choices if isinstance(c, ast.ColumnRef))
        for choice in choices:
            matching = [i for i in items if i.expr == choice]
            if len(matching) > 1 and context.keyed:
                _raise_twice(matching, choice, frame)
            item = item or next(iter(matching), None)
        found.append(item)
    missing = [
        tuple(c for c in k if expected != "join expression" or isinstance(c, ast.ColumnRef))
        for k, i in zip(keys, found, strict=True)
        if i is None
    ]
    if missing and context.keyed:
        if frame.foreign_key and expected == "join expression":
            _raise_missing_primary(missing, frame)
        _raise_missing(missing, expected, sink)
    return found


def _raise_missing_primary(missing: list[tuple[ast.Expr, ...]], frame: Frame) -> None:
    names = ", ".join(f"`{m[0].name}`" for m in missing if isinstance(m[0], ast.ColumnRef))
    plural = "s" if len(missing) > 1 else ""
    raise StatementError(
        f"Primary key column{plural} missing in projection. For foreign-key table-table joins, the"
        " projection must include all primary key columns from the left input table"
        f" (`{frame.sources[0].name}`). Missing column{plural}: {names}."
    )


def _raise_twice(matching: list[Item], choice: ast.Expr, frame: Frame) -> None:
    shown = format_sql(unqualify(choice))
    if isinstance(choice, ast.ColumnRef) and frame.joined and choice.source:
        shown = f"{choice.source}_{choice.name}"
    listed = " and ".join(i.name for i in matching)
    raise StatementError(
        f"The projection contains a key column (`{shown}`) more than once, aliased as: {listed}."
        "\nEach key column must only be in the projection once. If you intended to copy the key"
        " into"
        " the value, then consider using the AS_VALUE function to indicate which key reference"
        " should"
        " be copied."
    )


def _raise_missing(missing: list[tuple[ast.Expr, ...]], expected: str, sink: str) -> None:
    joined = expected == "join expression"
    if expected == "partitioning expression":
        shown = [format_sql(m[0]) for m in missing]
    elif joined:
        shown = [format_sql(e) for m in missing for e in m]
    else:
        shown = [format_sql(unqualify(m[0])) for m in missing]
    words = listed_words(shown, "or" if joined else "and")
    plural = "s" if len(shown) > 1 else ""
    example = shown[0] if joined else ", ".join(shown)
    kind = f"key column {words}" if expected == "key column" else f"{expected}{plural} {words}"
    if expected == "key column" and plural:
        kind = f"key columns {words}"
    raise StatementError(
        f"Key missing from projection (ie, SELECT).\nThe query used to build `{sink}` must include"
        " the"
        f" {kind} in its projection (eg, SELECT {example}...)."
    )


def listed_words(words: Sequence[str], last: str) -> str:
    """`a, b and c`."""
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _projected(
    frame: Frame,
    items: tuple[Item, ...],
    key_items: list[Item | None],
    *,
    context: Context,
    rekeyed: bool,
) -> PlannedQuery:
    """The frame with a Project, its key columns first, and a Repartition where the key is
    another."""
    typed = {id(i): _column(i, frame) for i in items}
    if frame.key_columns and not rekeyed:
        # A join's key is never NULL, its sides' columns may be.
        for item, read in zip(key_items, frame.key_columns, strict=True):
            if item is not None:
                typed[id(item)] = read
    keys = [(i.name, typed[id(i)]) for i in key_items if i is not None]
    if None in key_items and not context.keyed:
        keys = []
    in_key = {id(i) for i in key_items if i is not None} if keys else set[int]()
    values = [(i.name, typed[id(i)]) for i in items if id(i) not in in_key]
    _check_duplicates(keys, values)
    schema = Schema(
        key=tuple(Column(n, t.type) for n, t in keys),
        value=tuple(Column(n, t.type) for n, t in values),
    )
    if rekeyed:
        for name, key in keys:
            check_key_type(name, key.type)
    key_sql, value_sql = tuple(t for _, t in keys), tuple(t for _, t in values)
    node: Node
    if rekeyed:
        node = Rekey(
            input=frame.node,
            schema=schema,
            keys=key_sql,
            values=value_sql,
            placement=placement(schema.key, frame.sources[0].partitions) if keys else None,
        )
    else:
        node = Project(input=frame.node, schema=schema, keys=key_sql, values=value_sql)
    return PlannedQuery(
        node=node,
        schema=schema,
        order=tuple(i.name for i in items),
        table=frame.table,
        window=node.window,
        sources=frame.sources,
        rekeyed=rekeyed or frame.rekeyed,
        stateful=False,
    )


def _column(item: Item, frame: Frame) -> TypedSql:
    typed = bind_whole(item.expr, frame.scope.within("SELECT"), item.written)
    if typed.type == NULL:
        raise StatementError(
            "Can't infer a type of null. Please explicitly cast it to a required type, e.g."
            " CAST(null AS VARCHAR).",
            position=item.written.position,
        )
    return typed


def _check_duplicates(
    keys: Sequence[tuple[str, TypedSql]], values: Sequence[tuple[str, TypedSql]]
) -> None:
    seen = {name for name, _ in keys}
    for name, typed in values:
        if name in seen:
            raise StatementError(
                f"Duplicate value columns found in schema: `{name}` {typed.type}",
                hint="give one of the columns another alias",
            )
        seen.add(name)


# ------------------------------------------------------------------ SELECT with groups


def _grouped(
    query: Query, frame: Frame, items: tuple[Item, ...], context: Context, sink: str
) -> PlannedQuery:
    grouping = group(query, frame, items, context)
    keys = tuple(choices for choices in grouping.frame.key)
    missing = [
        written
        for written, choices in zip(
            query.group_by or (ast.BooleanLiteral(value=True),), keys, strict=True
        )
        if not any(i.expr in choices for i in grouping.items)
    ]
    if missing and context.keyed:
        shown = [format_sql(unqualify(m)) for m in missing]
        plural = "s" if len(shown) > 1 else ""
        raise StatementError(
            f"Key missing from projection (ie, SELECT).\nThe query used to build `{sink}` must"
            " include"
            f" the grouping expression{plural} {listed_words(shown, 'and')} in its projection (eg,"
            f" SELECT {', '.join(shown)}...)."
        )
    key_items: list[Item | None] = []
    for choices in keys:
        matching = [i for i in grouping.items if i.expr in choices]
        if len(matching) > 1 and context.keyed:
            raise StatementError(
                "The projection contains a key column more than once:"
                f" {' and '.join(f'`{i.name}`' for i in matching)}."
            )
        key_items.append(matching[0] if matching else None)
    for item in key_items:
        if item is not None:
            check_key_type(item.name, bind(item.expr, grouping.frame.scope).type)
    values = [i for i in grouping.items if not any(i is k for k in key_items)]
    if not values and context.persistent:
        raise StatementError("The projection contains no value columns.")
    planned = _projected(grouping.frame, grouping.items, key_items, context=context, rekeyed=False)
    return replace(planned, rekeyed=True, stateful=True)
