"""Reads a SELECT, and the relations it reads from.

A FROM that holds a subquery, a WITH before SELECT and a join in parentheses go beyond ksqlDB:
strict mode has none.
"""

from __future__ import annotations

from streamsql.sql.cursor import Cursor
from streamsql.sql.expr import Expr
from streamsql.sql.expression import read_expression, read_primary, read_value
from streamsql.sql.keywords import NONRESERVED, RESERVED
from streamsql.sql.statement import (
    JoinRef,
    OrderItem,
    Query,
    Relation,
    SelectColumn,
    SelectItem,
    SelectStar,
    SelectStructStar,
    SourceRef,
    SubqueryRef,
    WindowClause,
    Within,
)
from streamsql.sql.terminal import read_duration_ms, read_identifier, read_integer

__all__ = ["at_query", "read_query"]

_EMITS = ("CHANGES", "FINAL")

_CONTINUES = frozenset(("+", "-", "*", "/", "%", "||", "[", "->", "AT", ","))
"""What goes on after `(…)` when it was an expression."""


def at_query(cursor: Cursor) -> bool:
    """Whether a query begins here."""
    return cursor.at("SELECT") or (cursor.at("WITH") and cursor.peek().key != "(")


def read_query(cursor: Cursor) -> Query:
    """Reads a query; `text` is as written."""
    first = cursor.token
    position = cursor.position()
    cursor.enter()
    ctes = _read_ctes(cursor)
    cursor.expect("SELECT")
    distinct = not cursor.strict and cursor.accept("DISTINCT")
    items = [_read_item(cursor)]
    while cursor.accept(","):
        items.append(_read_item(cursor))
    if not cursor.accept("FROM"):
        cursor.fail_expecting("','", "'FROM'")
    source = _read_relation(cursor)
    window = _read_window(cursor) if cursor.accept("WINDOW") else None
    where = read_expression(cursor) if cursor.accept("WHERE") else None
    group_by = _read_grouping(cursor) if _accept_by(cursor, "GROUP") else ()
    partition_by = _read_grouping(cursor) if _accept_by(cursor, "PARTITION") else ()
    having = read_expression(cursor) if cursor.accept("HAVING") else None
    order_by = _read_order(cursor) if _at_order(cursor) else ()
    emit = None
    if cursor.accept("EMIT"):
        if not cursor.at_any(_EMITS):
            cursor.fail_expecting("'CHANGES'", "'FINAL'")
        emit = cursor.advance().key
    limit = read_integer(cursor, "LIMIT") if cursor.accept("LIMIT") else None
    cursor.leave()
    return Query(
        text=cursor.text_since(first),
        position=position,
        items=tuple(items),
        source=source,
        window=window,
        where=where,
        group_by=group_by,
        partition_by=partition_by,
        having=having,
        emit=emit,
        limit=limit,
        ctes=ctes,
        distinct=distinct,
        order_by=order_by,
    )


def _accept_by(cursor: Cursor, word: str) -> bool:
    if not cursor.accept(word):
        return False
    cursor.expect("BY")
    return True


def _at_order(cursor: Cursor) -> bool:
    return not cursor.strict and cursor.at("ORDER", "BY")


def _read_order(cursor: Cursor) -> tuple[OrderItem, ...]:
    cursor.expect("ORDER", "BY")
    items: list[OrderItem] = []
    while True:
        expr = read_value(cursor)
        descending = cursor.accept("DESC")
        if not descending:
            cursor.accept("ASC")
        items.append(OrderItem(expr=expr, descending=descending))
        if not cursor.accept(","):
            return tuple(items)


def _read_ctes(cursor: Cursor) -> tuple[tuple[str, Query], ...]:
    if not cursor.at("WITH"):
        return ()
    if cursor.strict:
        cursor.fail_at(hint="WITH before SELECT goes beyond ksqlDB: streamsql.strict is true")
    cursor.advance()
    ctes: list[tuple[str, Query]] = []
    while True:
        name = read_identifier(cursor)
        cursor.expect("AS", "(")
        ctes.append((name, read_query(cursor)))
        cursor.expect(")")
        if not cursor.accept(","):
            return tuple(ctes)


# ------------------------------------------------------------------ projection


def _read_item(cursor: Cursor) -> SelectItem:
    position = cursor.position()
    if cursor.accept("*"):
        return SelectStar(position=position)
    if cursor.at_identifier() and cursor.peek().key == "." and cursor.peek(2).key == "*":
        source = read_identifier(cursor)
        cursor.expect(".", "*")
        return SelectStar(source=source, position=position)
    start = cursor.index
    expr = read_expression(cursor)
    if cursor.at("->", "*"):
        return _read_struct_star(cursor, start)
    return SelectColumn(expr=expr, alias=_read_alias(cursor), position=position)


def _read_struct_star(cursor: Cursor, start: int) -> SelectItem:
    """`a->*` but not `1 + a->*`: only what stands between operators has fields."""
    end = cursor.index
    cursor.index = start
    position = cursor.position()
    base = read_primary(cursor)
    if cursor.index != end:
        cursor.index = end
        cursor.fail_at(hint="->* stands behind a column, a field or parentheses")
    cursor.expect("->", "*")
    return SelectStructStar(base=base, position=position)


def _read_alias(cursor: Cursor) -> str | None:
    if cursor.accept("AS"):
        return read_identifier(cursor)
    if not cursor.at_identifier():
        return None
    # Identifiers too: `FROM s EMIT CHANGES` has no alias, `FROM s EMIT EMIT CHANGES` has one.
    if cursor.at("EMIT") and cursor.peek().key in _EMITS:
        return None
    if cursor.at("PARTITION", "BY") or _at_order(cursor):
        return None
    return read_identifier(cursor)


# ------------------------------------------------------------------ relations


def _read_relation(cursor: Cursor) -> Relation:
    position = cursor.position()
    left = _read_source(cursor)
    levels = 0
    while True:
        kind = _read_join_kind(cursor)
        if kind is None:
            break
        # A chain of joins is a tree as deep as it is long.
        cursor.enter()
        levels += 1
        right = _read_joined(cursor)
        within = _read_within(cursor) if cursor.accept("WITHIN") else None
        if not cursor.accept("ON"):
            expected = ("'ON'",) if within is not None else ("'WITHIN'", "'ON'")
            cursor.fail_expecting(*expected)
        on = read_expression(cursor)
        left = JoinRef(kind=kind, left=left, right=right, on=on, within=within, position=position)
    for _ in range(levels):
        cursor.leave()
    return left


def _read_join_kind(cursor: Cursor) -> str | None:
    if cursor.accept("JOIN"):
        return "INNER"
    for kind in ("INNER", "LEFT", "RIGHT", "FULL"):
        if cursor.accept(kind):
            if kind != "INNER":
                cursor.accept("OUTER")
            cursor.expect("JOIN")
            return kind
    return None


def _read_source(cursor: Cursor) -> Relation:
    position = cursor.position()
    if cursor.at("(") and not cursor.strict:
        cursor.advance()
        if not at_query(cursor):
            cursor.fail_expecting("'SELECT'")
        query = read_query(cursor)
        cursor.expect(")")
        return SubqueryRef(query=query, alias=_read_alias(cursor), position=position)
    name = read_identifier(cursor)
    return SourceRef(name=name, alias=_read_alias(cursor), position=position)


def _read_joined(cursor: Cursor) -> Relation:
    """The right side of a join: a source, or a join in parentheses."""
    inner = cursor.peek()
    if cursor.strict or not cursor.at("(") or inner.key in ("SELECT", "WITH"):
        return _read_source(cursor)
    cursor.expect("(")
    relation = _read_relation(cursor)
    if not isinstance(relation, JoinRef):
        cursor.fail_expecting("'JOIN'")
    cursor.expect(")")
    return relation


def _read_within(cursor: Cursor) -> Within:
    if cursor.accept("("):
        before_ms = read_duration_ms(cursor, "WITHIN")
        cursor.expect(",")
        after_ms = read_duration_ms(cursor, "WITHIN")
        cursor.expect(")")
    else:
        before_ms = after_ms = read_duration_ms(cursor, "WITHIN")
    grace_ms = None
    if cursor.accept("GRACE"):
        cursor.expect("PERIOD")
        grace_ms = read_duration_ms(cursor, "GRACE PERIOD")
    return Within(before_ms=before_ms, after_ms=after_ms, grace_ms=grace_ms)


# ------------------------------------------------------------------ clauses


def _read_window(cursor: Cursor) -> WindowClause:
    position = cursor.position()
    # ksqlDB reads a name of the window and makes nothing of it.
    if cursor.token.kind == "word" and cursor.token.key not in RESERVED | NONRESERVED:
        cursor.advance()
    if not cursor.at_any(("TUMBLING", "HOPPING", "SESSION")):
        cursor.fail_expecting("'TUMBLING'", "'HOPPING'", "'SESSION'")
    kind = cursor.advance().key
    cursor.expect("(")
    if kind != "SESSION":
        cursor.expect("SIZE")
    size_ms = read_duration_ms(cursor, f"{kind} WINDOW")
    advance_ms = None
    if kind == "HOPPING":
        cursor.expect(",", "ADVANCE", "BY")
        advance_ms = read_duration_ms(cursor, "ADVANCE BY")
    retention_ms = grace_ms = None
    if cursor.accept(",", "RETENTION"):
        retention_ms = read_duration_ms(cursor, "RETENTION")
    if cursor.accept(",", "GRACE"):
        cursor.expect("PERIOD")
        grace_ms = read_duration_ms(cursor, "GRACE PERIOD")
    if cursor.accept(","):
        cursor.fail_expecting("'RETENTION'", "'GRACE'")
    if not cursor.accept(")"):
        cursor.fail_expecting("','", "')'")
    return WindowClause(
        kind=kind,
        size_ms=size_ms,
        advance_ms=advance_ms,
        retention_ms=retention_ms,
        grace_ms=grace_ms,
        position=position,
    )


def _read_grouping(cursor: Cursor) -> tuple[Expr, ...]:
    """Reads `a, b` or `(a, b)`."""
    if cursor.at("(") and _is_list(cursor):
        cursor.advance()
        exprs = _read_values(cursor)
        cursor.expect(")")
        return exprs
    return _read_values(cursor)


def _read_values(cursor: Cursor) -> tuple[Expr, ...]:
    exprs = [read_value(cursor)]
    while cursor.accept(","):
        exprs.append(read_value(cursor))
    return tuple(exprs)


def _is_list(cursor: Cursor) -> bool:
    """Whether the parentheses that open here hold a list, not the beginning of an expression."""
    depth, ahead, commas = 0, 0, 0
    while True:
        token = cursor.peek(ahead)
        if token.kind == "end" or token.key == ";":
            return False
        if token.key in ("(", "["):
            depth += 1
        elif token.key in (")", "]"):
            depth -= 1
            if depth == 0:
                return commas > 0 and cursor.peek(ahead + 1).key not in _CONTINUES
        elif token.key == "," and depth == 1:
            commas += 1
        ahead += 1
