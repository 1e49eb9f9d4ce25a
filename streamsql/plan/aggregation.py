"""GROUP BY, windows, HAVING: a frame that is grouped, and the SELECT list over it.

Key columns and aggregate results become columns of the Aggregate node; every expression of the
SELECT list and HAVING is rewritten to read those, and what is left over reads no group and is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from streamsql import functions
from streamsql.config import SETTINGS
from streamsql.errors import StatementError
from streamsql.functions.registry import BoundAggregate
from streamsql.operators.aggregate import Aggregate
from streamsql.operators.filter import Filter
from streamsql.operators.window import DAY_MS, Window
from streamsql.plan.expressions import bind_whole
from streamsql.plan.frame import Context, Frame, placement, pseudo_entries, schema_entries
from streamsql.plan.projection import Item
from streamsql.plan.rewrite import columns_of, qualify, transform, unqualify, walk
from streamsql.plan.scope import Scope
from streamsql.schema.column import WINDOW_BOUNDS, Column, Schema
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BOOLEAN
from streamsql.sql import expr as ast
from streamsql.sql import format as format_sql
from streamsql.sql.statement import Query, WindowClause

GROUP = ""
"""The alias of the grouped relation: no user can write it."""


def aggregate_calls(exprs: Sequence[ast.Expr]) -> list[ast.Call]:
    """The aggregate calls inside `exprs`, each once, in order."""
    found: dict[ast.Expr, None] = {}
    for expr in exprs:
        for part in walk(expr):
            if isinstance(part, ast.Call) and functions.is_aggregate(part.name):
                found[part] = None
    return [c for c in found if isinstance(c, ast.Call)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """A grouped frame and the rewritten items."""

    frame: Frame
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """What a GROUP BY asks for. `keys`: expressions over the input, called `schema.key`;
    `aggregates`: their results are `schema.value`. `items` and `having` read columns of GROUP.
    """

    keys: tuple[TypedSql, ...]
    exprs: tuple[ast.Expr, ...]
    aggregates: tuple[BoundAggregate, ...]
    schema: Schema
    items: tuple[Item, ...]
    having: ast.Expr | None
    places: Mapping[ast.Expr, ast.ColumnRef]


def resolve_groups(
    query: Query, scope: Scope, items: tuple[Item, ...], context: Context, *, windowed: bool
) -> Groups:
    """GROUP BY, HAVING and the aggregates of `items`. `windowed`: the input has window bounds."""
    if query.having is not None and not windowed:
        _refuse_bounds(query.having)
    having = qualify(query.having, scope.within("HAVING")) if query.having else None
    calls = aggregate_calls([i.expr for i in items] + ([having] if having else []))
    _check(query, items, calls, persistent=context.persistent)
    keys = _keys(query, scope)
    names = _key_names(keys, items)
    bound = tuple(_bound(call, scope, context, windowed=windowed) for call in calls)
    schema = Schema(
        key=tuple(Column(n, t.type) for n, (_, t) in zip(names, keys, strict=True)),
        value=tuple(Column(f"KSQL_AGG_VARIABLE_{i}", b.type) for i, b in enumerate(bound)),
    )
    places = {
        expr: ast.ColumnRef(name=n, source=GROUP) for n, (expr, _) in zip(names, keys, strict=True)
    }
    places |= {
        call: ast.ColumnRef(name=f"KSQL_AGG_VARIABLE_{i}", source=GROUP)
        for i, call in enumerate(calls)
    }
    makes_windows = query.window is not None
    return Groups(
        keys=tuple(t for _, t in keys),
        exprs=tuple(e for e, _ in keys),
        aggregates=bound,
        schema=schema,
        items=_rewrite_items(items, places, windowed=makes_windows),
        having=None if having is None else over_group(having, places, windowed=makes_windows),
        places=places,
    )


def group(query: Query, frame: Frame, items: tuple[Item, ...], context: Context) -> Grouping:
    """The frame after GROUP BY and HAVING."""
    groups = resolve_groups(query, frame.scope, items, context, windowed=frame.window is not None)
    _check_table(frame, groups.aggregates)
    node = _node(query, frame, groups)
    scope = Scope(
        entries=schema_entries(GROUP, groups.schema)
        + pseudo_entries(GROUP, windowed=node.window is not None, offsets=False)
    )
    grouped = Frame(
        node=node,
        scope=scope,
        table=True,
        key=tuple((ast.ColumnRef(name=c.name, source=GROUP),) for c in groups.schema.key),
        sources=frame.sources,
        window=node.window,
    )
    if groups.having is not None:
        condition = having_condition(groups.having, scope, query.having)
        grouped = grouped.on(Filter(input=grouped.node, condition=condition))
    return Grouping(frame=grouped, items=groups.items)


def _check(
    query: Query, items: tuple[Item, ...], calls: list[ast.Call], *, persistent: bool
) -> None:
    for call in calls:
        inner = aggregate_calls(call.args)
        if inner:
            raise StatementError(
                f"Aggregate functions can not be nested: {format_sql(unqualify(call))}",
                position=call.position,
            )
    for item in items:
        if any(
            isinstance(p, ast.Call) and functions.is_table_function(p.name) for p in walk(item.expr)
        ):
            raise StatementError("Table functions cannot be used with aggregations.")
    if not query.group_by and persistent:
        loose = [format_sql(unqualify(i.written)) for i in items if not aggregate_calls([i.expr])]
        if loose:
            _raise_loose(loose)
        listed = ", ".join(_shown(c) for c in calls)
        raise StatementError(
            f"CREATE TABLE AS SELECT statement does not support aggregate function [{listed}]"
            " without a GROUP BY clause."
        )
    if not calls:
        raise StatementError(
            "GROUP BY requires aggregate functions in either the SELECT or HAVING clause."
        )


def _shown(call: ast.Call) -> str:
    if (call.args and isinstance(call.args[0], ast.Star)) or not call.args:
        return f"{call.name}(ROWTIME)"
    return format_sql(unqualify(call))


def _raise_loose(loose: Sequence[str]) -> None:
    raise StatementError(
        f"Non-aggregate SELECT expression(s) not part of GROUP BY: {', '.join(loose)}"
        "\nEither add the column(s) to the GROUP BY or remove them from the SELECT."
    )


def _keys(query: Query, outer: Scope) -> list[tuple[ast.Expr, TypedSql]]:
    scope = outer.within("GROUP BY")
    keys: list[tuple[ast.Expr, TypedSql]] = []
    for expr in query.group_by or (ast.BooleanLiteral(value=True),):
        for part in walk(expr):
            if isinstance(part, ast.Call) and functions.is_aggregate(part.name):
                raise StatementError(
                    f"GROUP BY does not support aggregate functions: {part.name} is an aggregate"
                    " function.",
                    position=part.position,
                )
            if isinstance(part, ast.ColumnRef) and part.name in WINDOW_BOUNDS and query.window:
                _raise_bounds(part)
        qualified = qualify(expr, scope)
        if any(qualified == k for k, _ in keys):
            raise StatementError(
                f"Duplicate GROUP BY expression: {format_sql(qualified)}", position=expr.position
            )
        keys.append((qualified, bind_whole(qualified, scope)))
    return keys


def _raise_bounds(column: ast.ColumnRef) -> NoReturn:
    raise StatementError(
        f"Window bounds column {column.name} can only be used in the SELECT clause of windowed"
        " aggregations"
        " and can not be passed to aggregate functions.",
        position=column.position,
    )


def _refuse_bounds(expr: ast.Expr) -> None:
    for column in columns_of(expr):
        if column.name in WINDOW_BOUNDS:
            _raise_bounds(column)


def _key_names(keys: Sequence[tuple[ast.Expr, TypedSql]], items: tuple[Item, ...]) -> list[str]:
    """What the key columns are called: as the SELECT list calls them, else as they are written."""
    names: list[str] = []
    for n, (expr, _) in enumerate(keys):
        selected = next((i.name for i in items if i.expr == expr), None)
        match expr:
            case _ if selected is not None:
                name = selected
            case ast.ColumnRef(name=found) | ast.FieldRef(name=found):
                name = found
            case _:
                name = f"KSQL_COL_{n}"
        while name in names:
            name = f"{name}_1"
        names.append(name)
    return names


def _bound(call: ast.Call, scope: Scope, context: Context, *, windowed: bool) -> BoundAggregate:
    args: list[TypedSql] = []
    for arg in call.args:
        if not windowed:
            _refuse_bounds(arg)
        if not isinstance(arg, ast.Star):
            args.append(bind_whole(arg, scope))
    bound = functions.resolve_aggregate(call.name, args, call.position)
    setting = f"ksql.functions.{bound.name.lower()}.limit"
    if setting not in SETTINGS:
        return bound
    limit = context.properties.number(setting)
    return replace(bound, limit=limit if limit >= 0 else 2**31 - 1)


def _check_table(frame: Frame, bound: Sequence[BoundAggregate]) -> None:
    if not frame.table:
        return
    wrong = list(dict.fromkeys(b.name for b in bound if b.signed is None and b.order != "fold"))
    if not wrong:
        return
    listed = wrong[0] if len(wrong) == 1 else ", ".join(wrong[:-1]) + " and " + wrong[-1]
    plural = "function" if len(wrong) == 1 else "functions"
    raise StatementError(
        f"The aggregation {plural} {listed} cannot be applied to a table source, only to a stream"
        " source."
    )


def _node(query: Query, frame: Frame, groups: Groups) -> Aggregate:
    final = query.emit == "FINAL"
    if frame.table and query.window is not None:
        raise StatementError(
            "WINDOW clause is not supported on tables: only streams can be windowed.",
            position=query.window.position,
        )
    if final and query.window is None:
        raise StatementError("EMIT FINAL is only supported for windowed aggregations.")
    same_key = frame.window is None and list(groups.exprs) == [
        choices[0] if len(choices) == 1 else next((c for c in choices if c == k), None)
        for choices, k in zip(frame.key, groups.exprs, strict=False)
    ]
    keeps = same_key and len(groups.keys) == len(frame.key)
    schema = groups.schema
    return Aggregate(
        input=frame.node,
        schema=schema,
        group=groups.keys,
        aggregates=groups.aggregates,
        rekeys=not keeps,
        placement=None if keeps else placement(schema.key, frame.sources[0].partitions),
        over=_window(query.window, final=final) if query.window else None,
        final=final,
    )


def _window(clause: WindowClause, *, final: bool) -> Window:
    """The clause with ksqlDB's defaults: a day of grace, none with EMIT FINAL; at least size and
    grace of retention."""
    advance = clause.advance_ms if clause.advance_ms is not None else clause.size_ms
    if not 0 < advance <= clause.size_ms:
        raise StatementError(
            "Hop advance must be more than 0 and at most the window's size",
            position=clause.position,
        )
    grace = clause.grace_ms if clause.grace_ms is not None else (0 if final else DAY_MS)
    least = clause.size_ms + (clause.grace_ms or 0)
    if clause.retention_ms is not None and clause.retention_ms < least:
        raise StatementError(
            "Retention period must be at least the window's size plus its grace period",
            position=clause.position,
        )
    return Window(
        kind=clause.kind,
        size_ms=clause.size_ms,
        advance_ms=advance,
        grace_ms=grace,
        retention_ms=max(clause.retention_ms or DAY_MS, clause.size_ms + grace),
    )


def _rewrite_items(
    items: tuple[Item, ...], places: Mapping[ast.Expr, ast.ColumnRef], *, windowed: bool
) -> tuple[Item, ...]:
    loose: list[str] = []
    rewritten: list[Item] = []
    for item in items:
        expr = over_group(item.expr, places, windowed=windowed)
        if any(c.source != GROUP for c in columns_of(expr)):
            loose.append(format_sql(unqualify(item.written)))
        rewritten.append(replace(item, expr=expr))
    if loose:
        _raise_loose(loose)
    return tuple(rewritten)


def over_group(
    expr: ast.Expr, places: Mapping[ast.Expr, ast.ColumnRef], *, windowed: bool
) -> ast.Expr:
    """A qualified expression over the input, as one over the grouped relation."""

    def visit(part: ast.Expr) -> ast.Expr | None:
        found = places.get(part)
        if found is not None:
            return replace(found, position=part.position)
        if windowed and isinstance(part, ast.ColumnRef) and part.name in WINDOW_BOUNDS:
            return replace(part, source=GROUP)
        return None

    return transform(expr, visit)


def having_condition(having: ast.Expr, scope: Scope, written: ast.Expr | None) -> TypedSql:
    """HAVING over the grouped relation; `written`: over its input."""
    for column in columns_of(having):
        if column.source != GROUP:
            raise StatementError(
                f"Non-aggregate HAVING expression not part of GROUP BY: {column.name}",
                position=column.position,
            )
    try:
        condition = bind_whole(having, scope.within("HAVING"), written)
    except StatementError as error:
        error.primary = f"Error in HAVING expression: {error.primary}"
        raise
    if condition.type != BOOLEAN:
        raise StatementError(
            f"Type error in HAVING expression: Should evaluate to boolean but is"
            f" {format_sql(unqualify(having))} ({condition.type}) instead."
        )
    return condition
