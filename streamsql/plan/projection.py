"""The SELECT list: stars expanded, columns named, every expression qualified."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from streamsql.errors import StatementError
from streamsql.plan.expressions import bind
from streamsql.plan.names import Names, check_alias, column_name
from streamsql.plan.rewrite import qualify
from streamsql.plan.scope import PSEUDO_NAMES, Scope, near_hint
from streamsql.schema.types import Struct
from streamsql.sql import expr as ast
from streamsql.sql import format as format_sql
from streamsql.sql.statement import (
    Query,
    SelectColumn,
    SelectItem,
    SelectStar,
    SelectStructStar,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One column of the result: its name and its expression, in which every column names its
    source."""

    name: str
    expr: ast.Expr
    written: ast.Expr
    aliased: bool = False


def expand(
    query: Query, scope: Scope, *, persistent: bool, synthetic: str = ""
) -> tuple[Item, ...]:
    """The items of `query` in order. `synthetic` is the key column that only the join made, first
    of a `*`."""
    columns = scope.columns()
    names = Names(e.name for e in columns)
    clashes = Counter(e.name for e in scope.entries)
    joined = len([s for s in scope.sources if s]) > 1
    items: list[Item] = []
    for item in query.items:
        items += _expanded(
            item, scope, names=names, clashes=clashes, joined=joined, synthetic=synthetic
        )
    if persistent:
        _check_reserved(items)
    return tuple(items)


def _check_reserved(items: list[Item]) -> None:
    for item in items:
        if item.name in PSEUDO_NAMES:
            raise StatementError(
                f"Reserved column name in select: `{item.name}`. Please remove or alias the"
                " column.",
                position=item.written.position,
            )


def _expanded(
    item: SelectItem,
    scope: Scope,
    *,
    names: Names,
    clashes: Counter[str],
    joined: bool,
    synthetic: str,
) -> Iterator[Item]:
    match item:
        case SelectStar(source=source):
            yield from _star(source, item, scope, joined=joined, synthetic=synthetic)
        case SelectStructStar(base=base):
            yield from _struct_star(base, scope, names)
        case SelectColumn(expr=expr, alias=alias):
            qualified = qualify(expr, scope)
            if alias is not None:
                same = isinstance(expr, ast.ColumnRef) and expr.name == alias
                if not same:
                    check_alias(alias, expr)
                yield Item(name=alias, expr=qualified, written=expr, aliased=True)
            else:
                yield Item(name=_name(qualified, names, clashes), expr=qualified, written=expr)
        case _:
            raise AssertionError(item)


def _star(
    source: str | None, item: SelectStar, scope: Scope, *, joined: bool, synthetic: str
) -> Iterator[Item]:
    if source is not None and source not in scope.sources:
        raise StatementError(
            f"'{source}' is not a valid stream/table name or alias.",
            position=item.position,
            hint=near_hint(source, scope.sources),
        )
    for entry in scope.columns(source, bounds=joined):
        if entry.source == "" and entry.name != synthetic:
            continue
        ref = ast.ColumnRef(name=entry.name, source=entry.source, position=item.position)
        prefixed = joined and entry.source != ""
        name = f"{entry.source}_{entry.name}" if prefixed else entry.name
        yield Item(name=name, expr=ref, written=ref)


def _struct_star(base: ast.Expr, scope: Scope, names: Names) -> Iterator[Item]:
    qualified = qualify(base, scope)
    type_ = bind(qualified, scope).type
    if not isinstance(type_, Struct):
        raise StatementError(
            f"Cannot use '->*' operator on a non-struct type: {format_sql(base)} is {type_}",
            position=base.position,
        )
    for field in type_.fields:
        expr = ast.FieldRef(base=qualified, name=field.name, position=base.position)
        yield Item(name=names.of_field(field.name), expr=expr, written=expr)


def _name(expr: ast.Expr, names: Names, clashes: Counter[str]) -> str:
    if isinstance(expr, ast.ColumnRef) and expr.source and clashes[expr.name] > 1:
        return f"{expr.source}_{expr.name}"
    return column_name(expr, names)
