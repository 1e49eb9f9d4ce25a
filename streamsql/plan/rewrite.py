"""Walks and rewrites expressions as values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import cache

from streamsql.plan.scope import Scope
from streamsql.sql import expr as ast


def children(expr: ast.Expr) -> Iterator[ast.Expr]:
    """The expressions directly inside `expr`."""
    for name in _field_names(type(expr)):
        yield from _expressions(getattr(expr, name))


@cache
def _field_names(kind: type[ast.Expr]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


def _expressions(value: object) -> Iterator[ast.Expr]:
    if isinstance(value, ast.Expr):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _expressions(item)


def walk(expr: ast.Expr) -> Iterator[ast.Expr]:
    """`expr` and everything inside it, outermost first."""
    yield expr
    for child in children(expr):
        yield from walk(child)


def conjuncts(expr: ast.Expr) -> list[ast.Expr]:
    """What AND combines."""
    if isinstance(expr, ast.Binary) and expr.op == "AND":
        return conjuncts(expr.left) + conjuncts(expr.right)
    return [expr]


def transform(expr: ast.Expr, visit: Callable[[ast.Expr], ast.Expr | None]) -> ast.Expr:
    """`expr` with each part, outermost first, replaced by what `visit` gives for it; None keeps it
    and goes inside."""
    found = visit(expr)
    if found is not None:
        return found
    changes: dict[str, object] = {}
    for name in _field_names(type(expr)):
        value = getattr(expr, name)
        changed = _transformed(value, visit)
        if changed is not value:
            changes[name] = changed
    return replace(expr, **changes) if changes else expr


def _transformed(value: object, visit: Callable[[ast.Expr], ast.Expr | None]) -> object:
    if isinstance(value, ast.Expr):
        return transform(value, visit)
    if isinstance(value, tuple):
        made = tuple(_transformed(item, visit) for item in value)
        return made if any(a is not b for a, b in zip(made, value, strict=True)) else value
    return value


def qualify(expr: ast.Expr, scope: Scope) -> ast.Expr:
    """`expr` with the source of every column written out, so that equal expressions compare
    equal."""

    def visit(part: ast.Expr) -> ast.Expr | None:
        if isinstance(part, ast.Lambda):
            return ast.Lambda(
                parameters=part.parameters,
                body=_qualify_lambda(part, scope),
                position=part.position,
            )
        if isinstance(part, ast.ColumnRef) and part.source is None:
            return replace(part, source=scope.entry(part).source)
        return None

    return transform(expr, visit)


def _qualify_lambda(expr: ast.Lambda, scope: Scope) -> ast.Expr:
    hidden = set(expr.parameters)

    def visit(part: ast.Expr) -> ast.Expr | None:
        if isinstance(part, ast.Lambda):
            inner = ast.Lambda(parameters=part.parameters + expr.parameters, body=part.body)
            return replace(part, body=_qualify_lambda(inner, scope))
        if isinstance(part, ast.ColumnRef) and part.source is None:
            return part if part.name in hidden else replace(part, source=scope.entry(part).source)
        return None

    return transform(expr.body, visit)


def unqualify(expr: ast.Expr) -> ast.Expr:
    """`expr` without the sources of its columns, as ksqlDB's messages about one source show it."""

    def visit(part: ast.Expr) -> ast.Expr | None:
        return replace(part, source=None) if isinstance(part, ast.ColumnRef) else None

    return transform(expr, visit)


def columns_of(expr: ast.Expr) -> Iterator[ast.ColumnRef]:
    """The columns that `expr` reads, lambda parameters excepted."""
    if isinstance(expr, ast.ColumnRef):
        yield expr
        return
    hidden = set(expr.parameters) if isinstance(expr, ast.Lambda) else set[str]()
    for child in children(expr):
        for column in columns_of(child):
            if not (column.source is None and column.name in hidden):
                yield column
