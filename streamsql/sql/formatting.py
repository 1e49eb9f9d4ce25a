"""Expressions and queries to text that parses to an equal value.

Spelled as in the messages of ksqlDB: `null`, `true`, words upper-cased, names in quotes only where
they have to be. An expression alone has every operator in parentheses; inside a statement it has
those that it needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from streamsql.sql import expr as ast
from streamsql.sql.keywords import RESERVED
from streamsql.sql.statement import (
    ColumnDef,
    JoinRef,
    OrderItem,
    Properties,
    PropertyValue,
    Query,
    Relation,
    SelectColumn,
    SelectItem,
    SelectStar,
    SelectStructStar,
    SourceRef,
    SubqueryRef,
    WindowClause,
)
from streamsql.sql.terminal import DURATION_UNITS

__all__ = [
    "format_clause",
    "format_columns",
    "format_duration",
    "format_expr",
    "format_name",
    "format_names",
    "format_properties",
    "format_query",
    "format_string",
    "format_values",
]

# `1ST` is an identifier too, but `S.1ST` begins with the number `.1` behind the S.
_PLAIN = re.compile(r"[A-Z_][A-Z0-9_@]*")

# Nonreserved, but read as something else where a name may stand too.
_QUOTED = RESERVED | frozenset(
    ("ARRAY", "COLUMN", "EMIT", "FUNCTION", "IF", "MAP", "PARTITION", "SET", "STRUCT", "TABLES")
)


def format_name(name: str) -> str:
    """An identifier, quoted if it has to be."""
    if _PLAIN.fullmatch(name) and name not in _QUOTED:
        return name
    return "`" + name.replace("`", "``") + "`"


def format_string(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


# ------------------------------------------------------------------ expressions

# How tight an expression holds together; a looser one stands in parentheses inside a tighter one.
_OR, _AND, _NOT, _PREDICATE, _VALUE, _SUM, _PRODUCT, _SIGN, _ZONE, _PRIMARY = range(1, 11)

_BINARY = {
    "OR": _OR,
    "AND": _AND,
    "||": _VALUE,
    "+": _SUM,
    "-": _SUM,
    "*": _PRODUCT,
    "/": _PRODUCT,
    "%": _PRODUCT,
}
"""All other operators compare."""

Write = Callable[[ast.Expr, int], str]
"""The text of an inner expression that has to hold together at least as tight as the number."""


def format_expr(expr: ast.Expr) -> str:
    """An expression as ksqlDB's messages have it, every operator in parentheses."""
    return _write_full(expr, 0)


def format_clause(expr: ast.Expr) -> str:
    """An expression with the parentheses that it needs: no deeper nested than what was parsed."""
    return _write_short(expr, 0)


def format_values(exprs: Iterable[ast.Expr]) -> str:
    """`a, b, c`, where AND, NOT and comparisons need parentheses."""
    return ", ".join(_write_short(e, _VALUE) for e in exprs)


def _write_full(expr: ast.Expr, least: int) -> str:
    text = _EXPRS[type(expr)](expr, _write_full)
    tightness = _tightness(expr)
    inner = tightness < least or tightness < _SIGN or isinstance(expr, ast.Case)
    return f"({text})" if inner else text


def _write_short(expr: ast.Expr, least: int) -> str:
    text = _EXPRS[type(expr)](expr, _write_short)
    return f"({text})" if _tightness(expr) < least else text


def _tightness(expr: ast.Expr) -> int:
    match expr:
        case ast.Binary(op=op):
            return _BINARY.get(op, _PREDICATE)
        case ast.IsNull() | ast.Between() | ast.InList() | ast.Like():
            return _PREDICATE
        case ast.Unary(op=op):
            return _NOT if op == "NOT" else _SIGN
        case ast.AtTimeZone():
            return _ZONE
        case _:
            return _PRIMARY


def _write_list(exprs: Iterable[ast.Expr], write: Write) -> str:
    return ", ".join(write(e, 0) for e in exprs)


def _write_binary(expr: ast.Binary, write: Write) -> str:
    own = _BINARY.get(expr.op)
    # Comparisons do not chain; the others group to the left.
    left, right = (_VALUE, _VALUE) if own is None else (own, own + 1)
    return f"{write(expr.left, left)} {expr.op} {write(expr.right, right)}"


def _write_unary(expr: ast.Unary, write: Write) -> str:
    if expr.op == "NOT":
        return f"NOT {write(expr.operand, _NOT)}"
    operand = write(expr.operand, _SIGN)
    # `-5` is a literal, and `--` begins a comment.
    if operand[0] in "0123456789.":
        return f"{expr.op}({operand})"
    if operand[0] in "+-":
        numeric = ast.IntegerLiteral | ast.DecimalLiteral | ast.DoubleLiteral
        return (
            f"{expr.op}({operand})" if isinstance(expr.operand, numeric) else f"{expr.op} {operand}"
        )
    return expr.op + operand


def _not(negated: bool) -> str:
    return " NOT" if negated else ""


def _write_decimal(expr: ast.DecimalLiteral, _: Write) -> str:
    text = format(expr.value, "f")
    return text if "." in text else text + "."


def _write_double(expr: ast.DoubleLiteral, _: Write) -> str:
    text = repr(expr.value).upper()
    return text if "E" in text else text + "E0"


def _write_column(expr: ast.ColumnRef, _: Write) -> str:
    name = format_name(expr.name)
    return name if expr.source is None else f"{format_name(expr.source)}.{name}"


def _write_is_null(expr: ast.IsNull, write: Write) -> str:
    return f"{write(expr.operand, _VALUE)} IS{_not(expr.negated)} NULL"


def _write_like(expr: ast.Like, write: Write) -> str:
    escape = "" if expr.escape is None else f" ESCAPE {format_string(expr.escape)}"
    operand, pattern = write(expr.operand, _VALUE), write(expr.pattern, _VALUE)
    return f"{operand}{_not(expr.negated)} LIKE {pattern}{escape}"


def _write_between(expr: ast.Between, write: Write) -> str:
    low, high = write(expr.low, _VALUE), write(expr.high, _VALUE)
    return f"{write(expr.operand, _VALUE)}{_not(expr.negated)} BETWEEN {low} AND {high}"


def _write_in(expr: ast.InList, write: Write) -> str:
    items = _write_list(expr.items, write)
    return f"{write(expr.operand, _VALUE)}{_not(expr.negated)} IN ({items})"


def _write_case(expr: ast.Case, write: Write) -> str:
    parts = ["CASE"]
    if expr.operand is not None:
        parts.append(write(expr.operand, _VALUE))
    for condition, result in expr.whens:
        parts.append(f"WHEN {write(condition, 0)} THEN {write(result, 0)}")
    if expr.default is not None:
        parts.append(f"ELSE {write(expr.default, 0)}")
    return " ".join(parts) + " END"


def _write_lambda(expr: ast.Lambda, write: Write) -> str:
    names = ", ".join(format_name(name) for name in expr.parameters)
    if len(expr.parameters) != 1:
        names = f"({names})"
    return f"{names} => {write(expr.body, 0)}"


def _write_map(expr: ast.MapCtor, write: Write) -> str:
    inner = ", ".join(f"{write(key, 0)}:={write(value, 0)}" for key, value in expr.entries)
    return f"MAP({inner})"


def _write_struct(expr: ast.StructCtor, write: Write) -> str:
    inner = ", ".join(f"{format_name(name)}:={write(value, 0)}" for name, value in expr.fields)
    return f"STRUCT({inner})"


def _write_call(expr: ast.Call, write: Write) -> str:
    # With values in parentheses, MAP and STRUCT are calls too.
    plain = _PLAIN.fullmatch(expr.name) and expr.name not in RESERVED
    name = expr.name if plain else format_name(expr.name)
    if expr.name in ("MAP", "STRUCT") and not expr.args:
        name = f"`{expr.name}`"
    return f"{name}({_write_list(expr.args, write)})"


def _write_zone(expr: ast.AtTimeZone, write: Write) -> str:
    return f"{write(expr.operand, _ZONE)} AT TIME ZONE {format_string(expr.zone)}"


def _write_subscript(expr: ast.Subscript, write: Write) -> str:
    return f"{write(expr.base, _PRIMARY)}[{write(expr.index, _VALUE)}]"


_EXPRS: dict[type[ast.Expr], Callable[[Any, Write], str]] = {
    ast.NullLiteral: lambda _, __: "null",
    ast.BooleanLiteral: lambda e, _: "true" if e.value else "false",
    ast.IntegerLiteral: lambda e, _: str(e.value),
    ast.DecimalLiteral: _write_decimal,
    ast.DoubleLiteral: _write_double,
    ast.StringLiteral: lambda e, _: format_string(e.value),
    ast.ColumnRef: _write_column,
    ast.FieldRef: lambda e, write: f"{write(e.base, _PRIMARY)}->{format_name(e.name)}",
    ast.Subscript: _write_subscript,
    ast.Unary: _write_unary,
    ast.Binary: _write_binary,
    ast.IsNull: _write_is_null,
    ast.Between: _write_between,
    ast.InList: _write_in,
    ast.Like: _write_like,
    ast.Case: _write_case,
    ast.Cast: lambda e, write: f"CAST({write(e.operand, 0)} AS {e.type})",
    ast.Call: _write_call,
    ast.Lambda: _write_lambda,
    ast.ArrayCtor: lambda e, write: f"ARRAY[{_write_list(e.items, write)}]",
    ast.MapCtor: _write_map,
    ast.StructCtor: _write_struct,
    ast.AtTimeZone: _write_zone,
    ast.Interval: lambda e, _: e.unit,
    ast.Star: lambda _, __: "*",
}


# ------------------------------------------------------------------ pieces of statements


def format_duration(ms: int) -> str:
    """`2 HOURS`: the largest unit that divides it."""
    unit = next((u for u, size in DURATION_UNITS.items() if ms and ms % size == 0), "MILLISECOND")
    count = ms // DURATION_UNITS[unit]
    return f"{count} {unit if count == 1 else unit + 'S'}"


def format_names(names: Iterable[str]) -> str:
    """`(A, B)`, or nothing."""
    inner = ", ".join(format_name(name) for name in names)
    return f" ({inner})" if inner else ""


def format_columns(columns: Iterable[ColumnDef]) -> str:
    """`A INT KEY, B STRING`."""
    return ", ".join(_format_column_def(column) for column in columns)


def _format_column_def(column: ColumnDef) -> str:
    text = f"{format_name(column.name)} {column.type}"
    if column.constraint == "HEADER":
        return f"{text} HEADER({format_string(column.header_key or '')})"
    return text if column.constraint is None else f"{text} {column.constraint}"


def format_properties(properties: Properties) -> str:
    """` WITH (NAME='value', …)`, or nothing."""
    inner = ", ".join(f"{_format_key(k)}={_format_property(v)}" for k, v in properties)
    return f" WITH ({inner})" if inner else ""


def _format_key(name: str) -> str:
    return format_name(name) if _PLAIN.fullmatch(name) else format_string(name)


def _format_property(value: PropertyValue) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return format_string(value)
    return repr(value).upper()


# ------------------------------------------------------------------ queries


def format_query(query: Query) -> str:
    """A SELECT on one line."""
    parts: list[str] = []
    if query.ctes:
        ctes = ", ".join(f"{format_name(n)} AS ({format_query(q)})" for n, q in query.ctes)
        parts.append(f"WITH {ctes}")
    distinct = "DISTINCT " if query.distinct else ""
    parts.append(f"SELECT {distinct}" + ", ".join(_format_item(item) for item in query.items))
    parts.append("FROM " + _format_relation(query.source))
    if query.window is not None:
        parts.append("WINDOW " + _format_window(query.window))
    if query.where is not None:
        parts.append("WHERE " + format_clause(query.where))
    if query.group_by:
        parts.append("GROUP BY " + format_values(query.group_by))
    if query.partition_by:
        parts.append("PARTITION BY " + format_values(query.partition_by))
    if query.having is not None:
        parts.append("HAVING " + format_clause(query.having))
    if query.order_by:
        parts.append("ORDER BY " + ", ".join(_format_order(item) for item in query.order_by))
    if query.emit is not None:
        parts.append("EMIT " + query.emit)
    if query.limit is not None:
        parts.append(f"LIMIT {query.limit}")
    return " ".join(parts)


def _format_order(item: OrderItem) -> str:
    return format_values((item.expr,)) + (" DESC" if item.descending else "")


def _format_item(item: SelectItem) -> str:
    match item:
        case SelectColumn(expr=expr, alias=alias):
            return format_clause(expr) + ("" if alias is None else f" AS {format_name(alias)}")
        case SelectStar(source=source):
            return "*" if source is None else f"{format_name(source)}.*"
        case _:
            assert isinstance(item, SelectStructStar), item
            return f"{_write_short(item.base, _PRIMARY)}->*"


def _format_relation(relation: Relation) -> str:
    match relation:
        case SourceRef(name=name, alias=alias):
            text = format_name(name)
        case SubqueryRef(query=query, alias=alias):
            text = f"({format_query(query)})"
        case _:
            assert isinstance(relation, JoinRef), relation
            return _format_join(relation)
    return text if alias is None else f"{text} AS {format_name(alias)}"


def _format_join(join: JoinRef) -> str:
    right = _format_relation(join.right)
    if isinstance(join.right, JoinRef):
        right = f"({right})"
    within = ""
    if join.within is not None:
        before, after = join.within.before_ms, join.within.after_ms
        within = f" WITHIN ({format_duration(before)}, {format_duration(after)})"
        if before == after:
            within = f" WITHIN {format_duration(before)}"
        if join.within.grace_ms is not None:
            within += f" GRACE PERIOD {format_duration(join.within.grace_ms)}"
    left = _format_relation(join.left)
    return f"{left} {join.kind} JOIN {right}{within} ON {format_clause(join.on)}"


def _format_window(window: WindowClause) -> str:
    size = format_duration(window.size_ms)
    parts = [size if window.kind == "SESSION" else f"SIZE {size}"]
    if window.advance_ms is not None:
        parts.append(f"ADVANCE BY {format_duration(window.advance_ms)}")
    if window.retention_ms is not None:
        parts.append(f"RETENTION {format_duration(window.retention_ms)}")
    if window.grace_ms is not None:
        parts.append(f"GRACE PERIOD {format_duration(window.grace_ms)}")
    return f"{window.kind} ({', '.join(parts)})"
