"""Binds ARRAY[…], MAP(…), STRUCT(…) and CASE: the forms whose parts have to agree on one type."""

from __future__ import annotations

from collections.abc import Callable

from streamsql.errors import StatementError
from streamsql.plan.coerce import as_type, unify
from streamsql.plan.scope import Scope
from streamsql.schema.duck import duckdb_type, quote
from streamsql.schema.typed import TypedSql, contain
from streamsql.schema.types import BOOLEAN, NULL, Array, Field, Map, SqlType, Struct
from streamsql.sql import expr as ast
from streamsql.sql import format as format_sql

Bind = Callable[[ast.Expr, Scope], TypedSql]
_ISSUE = "(see https://github.com/confluentinc/ksql/issues/4239)"


def _made(sql: str, type_: SqlType, parts: list[TypedSql], *, throws: bool = False) -> TypedSql:
    return TypedSql(
        sql=sql,
        type=type_,
        throws=throws or any(p.throws for p in parts),
        columns=frozenset[str]().union(*(p.columns for p in parts)),
        constant=all(p.constant for p in parts),
        slow=any(p.slow for p in parts),
    )


def bind_array(expr: ast.ArrayCtor, scope: Scope, bind: Bind) -> TypedSql:
    """ARRAY[…]: a list of the items' common type."""
    if not expr.items:
        raise StatementError(
            f"Array constructor cannot be empty. Please supply at least one element {_ISSUE}."
        )
    typed = unify([(item, contain(bind(item, scope))) for item in expr.items])
    if typed is None:
        raise StatementError(
            f"Cannot construct an array with all NULL elements {_ISSUE}."
            " As a workaround, you may cast a NULL value to the desired type."
        )
    type_ = Array(typed[0])
    listed = ", ".join(t.sql for t in typed[1])
    return _made(f"[{listed}]::{duckdb_type(type_)}", type_, typed[1])


def bind_map(expr: ast.MapCtor, scope: Scope, bind: Bind) -> TypedSql:
    """MAP(k := v, …): of the keys' and the values' common types; a NULL key is the text "null"."""
    if not expr.entries:
        raise StatementError(
            f"Map constructor cannot be empty. Please supply at least one key value pair {_ISSUE}."
        )
    keys = unify([(k, contain(bind(k, scope))) for k, _ in expr.entries])
    values = unify([(v, contain(bind(v, scope))) for _, v in expr.entries])
    if keys is None:
        raise StatementError(
            f"Cannot construct a map with all NULL keys {_ISSUE}."
            " As a workaround, you may cast a NULL key to the desired type."
        )
    if values is None:
        raise StatementError(
            f"Cannot construct a map with all NULL values {_ISSUE}."
            " As a workaround, you may cast a NULL value to the desired type."
        )
    type_ = Map(keys[0], values[0])
    key_type, value_type = duckdb_type(type_.key), duckdb_type(type_.value)
    key_list = ", ".join(_map_key(k, key_type) for k in keys[1])
    value_list = ", ".join(v.sql for v in values[1])
    sql = f"map([{key_list}]::{key_type}[], [{value_list}]::{value_type}[])"
    return _made(sql, type_, [*keys[1], *values[1]], throws=len(expr.entries) > 1)


def _map_key(key: TypedSql, duckdb: str) -> str:
    # DuckDB refuses NULL keys; ksqlDB's serializer writes the word.
    return f"coalesce({key.sql}, 'null')" if duckdb == "VARCHAR" else key.sql


def bind_struct(expr: ast.StructCtor, scope: Scope, bind: Bind) -> TypedSql:
    """STRUCT(a := x, …)."""
    if not expr.fields:
        raise StatementError(
            "Struct constructor cannot be empty. Please supply at least one field."
        )
    names = [name for name, _ in expr.fields]
    if len(set(names)) < len(names):
        raise StatementError("Duplicate field names found in STRUCT: " + format_sql(expr))
    parts = [contain(bind(item, scope)) for _, item in expr.fields]
    for part, (name, item) in zip(parts, expr.fields, strict=True):
        if part.type == NULL:
            raise StatementError(
                f"Can't infer the type of field {name}. Please explicitly cast it to a required"
                " type,"
                " e.g. CAST(null AS VARCHAR).",
                position=item.position,
            )
    type_ = Struct(tuple(Field(n, p.type) for n, p in zip(names, parts, strict=True)))
    packed = ", ".join(f"{quote(n)} := {p.sql}" for n, p in zip(names, parts, strict=True))
    return _made(f"struct_pack({packed})", type_, parts)


def bind_case(expr: ast.Case, scope: Scope, bind: Bind) -> TypedSql:
    """CASE, searched or simple: conditions are BOOLEAN, results have one type; without a match NULL
    or ELSE."""
    conditions: list[TypedSql] = []
    for when, _ in expr.whens:
        written = when
        if expr.operand is not None:
            written = ast.Binary(op="=", left=expr.operand, right=when, position=when.position)
        condition = bind(written, scope)
        if condition.type != BOOLEAN:
            raise StatementError(
                "WHEN operand type should be boolean."
                f"\nType for '{format_sql(written)}' is {condition.type}",
                position=when.position,
            )
        conditions.append(condition)
    results = [(then, bind(then, scope)) for _, then in expr.whens]
    if expr.default is not None:
        results.append((expr.default, bind(expr.default, scope)))
    type_ = _case_type(results)
    typed = [as_type(type_, item, part) for item, part in results]
    branches = " ".join(
        f"WHEN {c.sql} THEN {t.sql}" for c, t in zip(conditions, typed, strict=False)
    )
    otherwise = f" ELSE {typed[-1].sql}" if expr.default is not None else ""
    sql = f"(CASE {branches}{otherwise} END)::{duckdb_type(type_)}"
    return _made(sql, type_, [*conditions, *typed])


def _case_type(results: list[tuple[ast.Expr, TypedSql]]) -> SqlType:
    """The results' one type; ksqlDB widens neither literals nor expressions here beyond numbers."""
    known = [t for _, t in results if t.type != NULL]
    if not known:
        raise StatementError("Invalid Case expression. All case branches have NULL type")
    try:
        unified = unify(results)
    except StatementError as error:
        raise StatementError(
            "Invalid Case expression. Type for all 'THEN' clauses should be the same."
            f"\nThen types: {[str(t.type) for _, t in results]}",
            detail=error.primary,
        ) from None
    if unified is None:
        raise AssertionError("a known type was found")
    return unified[0]
