"""Expressions and queries to text that parses to an equal value.

Spelled as ksqlDB spells them in its messages: every operator in parentheses, `null`, `true`, words
upper-cased. An identifier is quoted only where it has to be.
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

_PLAIN = re.compile(r"[A-Z_][A-Z0-9_@]*|[0-9]+[A-Z_@][A-Z0-9_@]*")

# Nonreserved, but read as something else where a name may stand too.
_QUOTED = RESERVED | frozenset(
    ("ARRAY", "COLUMN", "EMIT", "FUNCTION", "IF", "MAP", "PARTITION", "SET", "STRUCT", "TABLES")
)

# `1E5` would be a number.
_NUMBER = re.compile(r"[0-9]+E[0-9]+")


def format_name(name: str) -> str:
    """An identifier, quoted if it has to be."""
    if _PLAIN.fullmatch(name) and name not in _QUOTED and not _NUMBER.fullmatch(name):
        return name
    return "`" + name.replace("`", "``") + "`"


def format_string(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


# ------------------------------------------------------------------ expressions


def format_expr(expr: ast.Expr) -> str:
    """An expression."""
    return _EXPRS[type(expr)](expr)


def format_values(exprs: Iterable[ast.Expr]) -> str:
    """`a, b, c`."""
    return ", ".join(format_expr(e) for e in exprs)


def _format_primary(expr: ast.Expr) -> str:
    """In parentheses what `->` or `[` would otherwise take a part of."""
    text = format_expr(expr)
    if isinstance(expr, ast.AtTimeZone) or (isinstance(expr, ast.Unary) and expr.op != "NOT"):
        return f"({text})"
    return text


def _format_unary(expr: ast.Unary) -> str:
    operand = format_expr(expr.operand)
    if expr.op == "NOT":
        return f"(NOT {operand})"
    # `-5` is a literal and `--` a comment.
    if operand[0] in "+-0123456789.":
        operand = f"({operand})"
    return expr.op + operand


def _format_not(negated: bool) -> str:
    return " NOT" if negated else ""


def _format_decimal(expr: ast.DecimalLiteral) -> str:
    text = format(expr.value, "f")
    return text if "." in text else text + "."


def _format_double(expr: ast.DoubleLiteral) -> str:
    text = repr(expr.value).upper()
    return text if "E" in text else text + "E0"


def _format_column(expr: ast.ColumnRef) -> str:
    name = format_name(expr.name)
    return name if expr.source is None else f"{format_name(expr.source)}.{name}"


def _format_like(expr: ast.Like) -> str:
    escape = "" if expr.escape is None else f" ESCAPE {format_string(expr.escape)}"
    operand, pattern = format_expr(expr.operand), format_expr(expr.pattern)
    return f"({operand}{_format_not(expr.negated)} LIKE {pattern}{escape})"


def _format_between(expr: ast.Between) -> str:
    operand, low, high = format_expr(expr.operand), format_expr(expr.low), format_expr(expr.high)
    return f"({operand}{_format_not(expr.negated)} BETWEEN {low} AND {high})"


def _format_case(expr: ast.Case) -> str:
    parts = ["(CASE"]
    if expr.operand is not None:
        parts.append(format_expr(expr.operand))
    for condition, result in expr.whens:
        parts.append(f"WHEN {format_expr(condition)} THEN {format_expr(result)}")
    if expr.default is not None:
        parts.append(f"ELSE {format_expr(expr.default)}")
    return " ".join(parts) + " END)"


def _format_lambda(expr: ast.Lambda) -> str:
    names = ", ".join(format_name(name) for name in expr.parameters)
    if len(expr.parameters) != 1:
        names = f"({names})"
    return f"{names} => {format_expr(expr.body)}"


def _format_map(expr: ast.MapCtor) -> str:
    inner = ", ".join(f"{format_expr(key)}:={format_expr(value)}" for key, value in expr.entries)
    return f"MAP({inner})"


def _format_struct(expr: ast.StructCtor) -> str:
    inner = ", ".join(f"{format_name(name)}:={format_expr(value)}" for name, value in expr.fields)
    return f"STRUCT({inner})"


def _format_call(expr: ast.Call) -> str:
    # With values in parentheses, MAP and STRUCT are calls too.
    plain = _PLAIN.fullmatch(expr.name) and expr.name not in RESERVED
    name = expr.name if plain and not _NUMBER.fullmatch(expr.name) else format_name(expr.name)
    if expr.name in ("MAP", "STRUCT") and not expr.args:
        name = f"`{expr.name}`"
    return f"{name}({format_values(expr.args)})"


_EXPRS: dict[type[ast.Expr], Callable[[Any], str]] = {
    ast.NullLiteral: lambda _: "null",
    ast.BooleanLiteral: lambda e: "true" if e.value else "false",
    ast.IntegerLiteral: lambda e: str(e.value),
    ast.DecimalLiteral: _format_decimal,
    ast.DoubleLiteral: _format_double,
    ast.StringLiteral: lambda e: format_string(e.value),
    ast.ColumnRef: _format_column,
    ast.FieldRef: lambda e: f"{_format_primary(e.base)}->{format_name(e.name)}",
    ast.Subscript: lambda e: f"{_format_primary(e.base)}[{format_expr(e.index)}]",
    ast.Unary: _format_unary,
    ast.Binary: lambda e: f"({format_expr(e.left)} {e.op} {format_expr(e.right)})",
    ast.IsNull: lambda e: f"({format_expr(e.operand)} IS{_format_not(e.negated)} NULL)",
    ast.Between: _format_between,
    ast.InList: lambda e: (
        f"({format_expr(e.operand)}{_format_not(e.negated)} IN ({format_values(e.items)}))"
    ),
    ast.Like: _format_like,
    ast.Case: _format_case,
    ast.Cast: lambda e: f"CAST({format_expr(e.operand)} AS {e.type})",
    ast.Call: _format_call,
    ast.Lambda: _format_lambda,
    ast.ArrayCtor: lambda e: f"ARRAY[{format_values(e.items)}]",
    ast.MapCtor: _format_map,
    ast.StructCtor: _format_struct,
    ast.AtTimeZone: lambda e: f"{_format_primary(e.operand)} AT TIME ZONE {format_string(e.zone)}",
    ast.Interval: lambda e: e.unit,
    ast.Star: lambda _: "*",
}


# ------------------------------------------------------------------ pieces of statements


def format_duration(ms: int) -> str:
    """`2 HOURS`: the largest unit that divides it."""
    for unit, size in DURATION_UNITS.items():
        if ms % size == 0 and (ms or unit == "MILLISECOND"):
            count = ms // size
            return f"{count} {unit if count == 1 else unit + 'S'}"
    raise AssertionError(ms)


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
    parts.append("SELECT " + ", ".join(_format_item(item) for item in query.items))
    parts.append("FROM " + _format_relation(query.source))
    if query.window is not None:
        parts.append("WINDOW " + _format_window(query.window))
    if query.where is not None:
        parts.append("WHERE " + format_expr(query.where))
    if query.group_by:
        parts.append("GROUP BY " + format_values(query.group_by))
    if query.partition_by:
        parts.append("PARTITION BY " + format_values(query.partition_by))
    if query.having is not None:
        parts.append("HAVING " + format_expr(query.having))
    if query.emit is not None:
        parts.append("EMIT " + query.emit)
    if query.limit is not None:
        parts.append(f"LIMIT {query.limit}")
    return " ".join(parts)


def _format_item(item: SelectItem) -> str:
    match item:
        case SelectColumn(expr=expr, alias=alias):
            return format_expr(expr) + ("" if alias is None else f" AS {format_name(alias)}")
        case SelectStar(source=source):
            return "*" if source is None else f"{format_name(source)}.*"
        case SelectStructStar(base=base):
            return f"{_format_primary(base)}->*"
        case _:
            raise AssertionError(item)


def _format_relation(relation: Relation) -> str:
    match relation:
        case SourceRef(name=name, alias=alias):
            return format_name(name) + ("" if alias is None else f" AS {format_name(alias)}")
        case SubqueryRef(query=query, alias=alias):
            return f"({format_query(query)})" + (
                "" if alias is None else f" AS {format_name(alias)}"
            )
        case JoinRef():
            return _format_join(relation)
        case _:
            raise AssertionError(relation)


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
    return f"{left} {join.kind} JOIN {right}{within} ON {format_expr(join.on)}"


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
