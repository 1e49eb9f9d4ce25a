"""Reads expressions by precedence climbing; each node has the position of its first character.

From loose to tight, as ksqlDB's grammar has it: OR; AND; NOT; one predicate (comparisons do not
chain); `||`; `+ -`; `* / %`; unary `- +`; AT TIME ZONE; `[ ]` and `->`. A minus before a number is
part of the number, so that the smallest BIGINT can be written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal as PyDecimal
from math import isinf
from typing import cast

from streamsql.errors import Position
from streamsql.schema.types import DATE, TIME, TIMESTAMP
from streamsql.sql.cursor import Cursor
from streamsql.sql.datatype import read_type
from streamsql.sql.expr import (
    ArrayCtor,
    AtTimeZone,
    Between,
    Binary,
    BooleanLiteral,
    Call,
    Case,
    Cast,
    ColumnRef,
    DecimalLiteral,
    DoubleLiteral,
    Expr,
    FieldRef,
    InList,
    IntegerLiteral,
    Interval,
    IsNull,
    Lambda,
    Like,
    MapCtor,
    NullLiteral,
    Star,
    StringLiteral,
    StructCtor,
    Subscript,
    Unary,
)
from streamsql.sql.lexer import Token
from streamsql.sql.terminal import read_identifier, read_string, to_bigint

__all__ = ["DEPTH_MAX", "read_expression", "read_literal", "read_primary", "read_value"]

DEPTH_MAX = 150
"""Nodes above each other (`a + b + …` is as deep as it is long): walking a tree costs a few Python
frames a level."""

_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")

_OR, _AND, _NOT, _PREDICATE, _CONCAT, _SUM, _PRODUCT = range(1, 8)
"""How tight operators bind."""

_LEVELS = {
    "OR": _OR,
    "AND": _AND,
    **dict.fromkeys((*_COMPARISONS, "IS", "NOT", "BETWEEN", "IN", "LIKE"), _PREDICATE),
    "||": _CONCAT,
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _PRODUCT),
}

_TYPED_LITERALS = {"DATE": DATE, "TIME": TIME, "TIMESTAMP": TIMESTAMP}

_NUMBERS = ("integer", "decimal", "double")

# DAY, HOUR, MINUTE and SECOND are identifiers too, and as an argument they are columns (ksqlDB's
# grammar).
_INTERVAL_WORDS = ("DAYS", "HOURS", "MINUTES", "SECONDS", "MILLISECOND", "MILLISECONDS")


def read_expression(cursor: Cursor) -> Expr:
    """Reads an expression of any kind."""
    return _read_bounded(cursor, _OR)


def read_value(cursor: Cursor) -> Expr:
    """Reads an expression without AND, OR, NOT and predicates outside parentheses."""
    return _read_bounded(cursor, _CONCAT)


def _read_bounded(cursor: Cursor, loosest: int) -> Expr:
    start = cursor.index
    cursor.enter()
    expr = _read_operators(cursor, loosest)
    cursor.leave()
    # A tree cannot be deeper than it has tokens: the short ones need no look.
    if cursor.index - start > DEPTH_MAX and _depth(expr) > DEPTH_MAX:
        cursor.fail(
            "the expression is nested too deeply",
            cursor.tokens[start],
            f"at most {DEPTH_MAX} operators above each other: IN (…) says a long chain of OR",
        )
    return expr


def _depth(expr: Expr) -> int:
    """Levels of the tree, counted without recursion."""
    deepest = 0
    pending: list[tuple[object, int]] = [(expr, 1)]
    while pending:
        node, depth = pending.pop()
        if isinstance(node, Expr):
            deepest = max(deepest, depth)
            pending += [(getattr(node, f.name), depth + 1) for f in fields(node)]
        elif isinstance(node, tuple):
            pending += [(item, depth) for item in cast("tuple[object, ...]", node)]
    return deepest


def _read_inner(cursor: Cursor) -> Expr:
    """An expression inside another one."""
    cursor.enter()
    expr = _read_operators(cursor, _OR)
    cursor.leave()
    return expr


# ------------------------------------------------------------------ operators


def _read_operators(cursor: Cursor, loosest: int) -> Expr:
    """Reads operands and the operators between them that bind at least as tight as `loosest`."""
    position = cursor.position()
    tightest = _PRODUCT
    if loosest <= _NOT and cursor.at("NOT"):
        left = _read_not(cursor)
        tightest = _AND
    else:
        left = _read_signed(cursor)
    while True:
        op = cursor.token.key
        level = _LEVELS.get(op, 0)
        if not loosest <= level <= tightest:
            return left
        if level == _PREDICATE:
            left = _read_predicate(cursor, left, position)
            # Predicates do not chain: behind one there can be AND and OR only.
            tightest = _AND
        else:
            cursor.advance()
            right = _read_operators(cursor, level + 1)
            left = Binary(op=op, left=left, right=right, position=position)


def _read_not(cursor: Cursor) -> Expr:
    negations: list[Position] = []
    while cursor.at("NOT"):
        negations.append(cursor.position())
        cursor.advance()
    expr = _read_operators(cursor, _PREDICATE)
    for position in reversed(negations):
        expr = Unary(op="NOT", operand=expr, position=position)
    return expr


def _read_signed(cursor: Cursor) -> Expr:
    signs: list[Token] = []
    while cursor.at_any(("+", "-")) and not _at_negative(cursor):
        signs.append(cursor.advance())
    position = cursor.position()
    expr = read_primary(cursor)
    while cursor.accept("AT"):
        cursor.expect("TIME", "ZONE")
        expr = AtTimeZone(operand=expr, zone=read_string(cursor), position=position)
    for sign in reversed(signs):
        expr = Unary(op=sign.key, operand=expr, position=cursor.position(sign))
    return expr


def _at_negative(cursor: Cursor) -> bool:
    return cursor.at("-") and cursor.peek().kind in _NUMBERS


# ------------------------------------------------------------------ predicates


def _read_predicate(cursor: Cursor, left: Expr, position: Position) -> Expr:
    op = cursor.advance().key
    if op in _COMPARISONS:
        right = _read_operators(cursor, _CONCAT)
        return Binary(op=op, left=left, right=right, position=position)
    if op == "IS":
        return _read_is(cursor, left, position)
    negated = op == "NOT"
    if negated:
        if not cursor.at_any(("BETWEEN", "IN", "LIKE")):
            cursor.fail_expecting("'BETWEEN'", "'IN'", "'LIKE'")
        op = cursor.advance().key
    if op == "BETWEEN":
        low = _read_operators(cursor, _CONCAT)
        cursor.expect("AND")
        high = _read_operators(cursor, _CONCAT)
        return Between(operand=left, low=low, high=high, negated=negated, position=position)
    if op == "IN":
        cursor.expect("(")
        items = _read_list(cursor, ")")
        return InList(operand=left, items=items, negated=negated, position=position)
    pattern = _read_operators(cursor, _CONCAT)
    escape = read_string(cursor) if cursor.accept("ESCAPE") else None
    return Like(operand=left, pattern=pattern, escape=escape, negated=negated, position=position)


def _read_is(cursor: Cursor, left: Expr, position: Position) -> Expr:
    negated = cursor.accept("NOT")
    if cursor.accept("NULL"):
        return IsNull(operand=left, negated=negated, position=position)
    if not cursor.accept("DISTINCT"):
        cursor.fail_expecting("'NULL'", "'DISTINCT'")
    cursor.expect("FROM")
    op = "IS NOT DISTINCT FROM" if negated else "IS DISTINCT FROM"
    return Binary(op=op, left=left, right=_read_operators(cursor, _CONCAT), position=position)


# ------------------------------------------------------------------ atoms


def read_primary(cursor: Cursor) -> Expr:
    """Reads what operators stand between, with its subscripts and fields (but not `->*`)."""
    position = cursor.position()
    token = cursor.token
    if token.kind == "word":
        expr = _KEYWORD_ATOMS.get(token.key, _read_named)(cursor)
    elif token.kind == "quoted":
        expr = _read_named(cursor)
    elif token.key == "(":
        cursor.advance()
        expr = _read_inner(cursor)
        cursor.expect(")")
    elif token.kind == "string" or token.kind in _NUMBERS or _at_negative(cursor):
        expr = read_literal(cursor)
    else:
        cursor.fail_at()
    while True:
        if cursor.accept("["):
            cursor.enter()
            index = _read_operators(cursor, _CONCAT)
            cursor.leave()
            cursor.expect("]")
            expr = Subscript(base=expr, index=index, position=position)
        elif cursor.at("->") and not cursor.at("->", "*"):
            cursor.advance()
            expr = FieldRef(base=expr, name=read_identifier(cursor), position=position)
        else:
            return expr


def _read_list(cursor: Cursor, closing: str) -> tuple[Expr, ...]:
    """Reads one item or more, and the closing bracket."""
    items = [_read_inner(cursor)]
    while cursor.accept(","):
        items.append(_read_inner(cursor))
    if not cursor.accept(closing):
        cursor.fail_expecting("','", f"'{closing}'")
    return tuple(items)


def read_literal(cursor: Cursor) -> Expr:
    """Reads NULL, TRUE, FALSE, a string or a number with or without a minus."""
    token = cursor.token
    position = cursor.position()
    if token.kind == "string":
        return StringLiteral(value=read_string(cursor), position=position)
    if token.key == "NULL":
        cursor.advance()
        return NullLiteral(position=position)
    if token.key in ("TRUE", "FALSE"):
        cursor.advance()
        return BooleanLiteral(value=token.key == "TRUE", position=position)
    if token.kind in _NUMBERS or (token.key == "-" and cursor.peek().kind in _NUMBERS):
        return _read_number(cursor)
    if token.kind == "variable":
        cursor.fail_variable(token)
    return cursor.fail_at(hint="a literal comes here: a string in single quotes, a number, TRUE …")


def _read_number(cursor: Cursor) -> Expr:
    start = cursor.token
    position = cursor.position()
    sign = -1 if cursor.accept("-") else 1
    token = cursor.advance()
    if token.kind == "integer":
        return IntegerLiteral(value=to_bigint(cursor, token, sign), position=position)
    text = "-" + token.text if sign < 0 else token.text
    if token.kind == "decimal":
        return DecimalLiteral(value=PyDecimal(text), position=position)
    value = float(text)
    if isinf(value):
        cursor.fail_prepare(f"Number overflows DOUBLE: {text}", start, located=True)
    return DoubleLiteral(value=value, position=position)


def _read_named(cursor: Cursor) -> Expr:
    """Reads a column, a call or a typed literal."""
    first = cursor.token
    position = cursor.position()
    name = read_identifier(cursor)
    token = cursor.token
    if token.key == "(":
        return _read_call(cursor, name, position)
    if token.key == "." and cursor.peek().key != "*":
        cursor.advance()
        return ColumnRef(name=read_identifier(cursor), source=name, position=position)
    if token.kind == "string":
        type_ = _TYPED_LITERALS.get(first.key)
        if type_ is None:
            cursor.fail_at(token)
        value = StringLiteral(value=read_string(cursor), position=cursor.position(token))
        return Cast(operand=value, type=type_, position=position)
    return ColumnRef(name=name, position=position)


def _read_call(cursor: Cursor, name: str, position: Position) -> Expr:
    cursor.expect("(")
    if cursor.at("*", ")"):
        star = Star(position=cursor.position())
        cursor.expect("*", ")")
        return Call(name=name.upper(), args=(star,), position=position)
    if cursor.accept(")"):
        return Call(name=name.upper(), args=(), position=position)
    return _read_arguments(cursor, name, position, _read_argument(cursor))


def _read_arguments(cursor: Cursor, name: str, position: Position, first: Expr) -> Expr:
    args = [first]
    while cursor.accept(","):
        if _at_lambda(cursor):
            args.append(_read_lambda(cursor))
        elif isinstance(args[-1], Lambda):
            cursor.fail_at(hint="only lambdas may come after a lambda")
        else:
            args.append(_read_argument(cursor))
    if not cursor.accept(")"):
        cursor.fail_expecting("','", "')'")
    return Call(name=name.upper(), args=tuple(args), position=position)


def _read_argument(cursor: Cursor) -> Expr:
    if cursor.at_any(_INTERVAL_WORDS):
        position = cursor.position()
        return Interval(unit=cursor.advance().key, position=position)
    if cursor.at("DISTINCT"):
        cursor.fail_at(hint="COUNT_DISTINCT(x) and COLLECT_SET(x) look at distinct values")
    return _read_inner(cursor)


def _at_lambda(cursor: Cursor) -> bool:
    if cursor.peek().key == "=>":
        return True
    if not cursor.at("("):
        return False
    ahead = 1
    while cursor.at_identifier(ahead) and cursor.peek(ahead + 1).key == ",":
        ahead += 2
    return cursor.peek(ahead + 1).key == ")" and cursor.peek(ahead + 2).key == "=>"


def _read_lambda(cursor: Cursor) -> Lambda:
    position = cursor.position()
    parameters: list[str] = []
    if cursor.accept("("):
        parameters.append(read_identifier(cursor))
        while cursor.accept(","):
            parameters.append(read_identifier(cursor))
        cursor.expect(")")
    else:
        parameters.append(read_identifier(cursor))
    cursor.expect("=>")
    return Lambda(parameters=tuple(parameters), body=_read_inner(cursor), position=position)


# ------------------------------------------------------------------ atoms that begin with a keyword


def _read_case(cursor: Cursor) -> Expr:
    position = cursor.position()
    cursor.expect("CASE")
    cursor.enter()
    operand = None if cursor.at("WHEN") else _read_operators(cursor, _CONCAT)
    whens: list[tuple[Expr, Expr]] = []
    cursor.expect("WHEN")
    while True:
        condition = _read_inner(cursor)
        cursor.expect("THEN")
        whens.append((condition, _read_inner(cursor)))
        if not cursor.accept("WHEN"):
            break
    default = _read_inner(cursor) if cursor.accept("ELSE") else None
    cursor.leave()
    if not cursor.accept("END"):
        expected = ("'END'",) if default is not None else ("'WHEN'", "'ELSE'", "'END'")
        cursor.fail_expecting(*expected)
    return Case(operand=operand, whens=tuple(whens), default=default, position=position)


def _read_cast(cursor: Cursor) -> Expr:
    position = cursor.position()
    cursor.expect("CAST", "(")
    operand = _read_inner(cursor)
    cursor.expect("AS")
    type_ = read_type(cursor)
    cursor.expect(")")
    return Cast(operand=operand, type=type_, position=position)


def _read_array(cursor: Cursor) -> Expr:
    if cursor.peek().key != "[":
        return _read_named(cursor)
    position = cursor.position()
    cursor.expect("ARRAY", "[")
    items = () if cursor.accept("]") else _read_list(cursor, "]")
    return ArrayCtor(items=items, position=position)


def _read_map(cursor: Cursor) -> Expr:
    """`MAP(k := v)`, but `MAP(a, b)` calls a function of that name."""
    opening = cursor.peek(2)
    if cursor.peek().key != "(" or opening.key == "*" or opening.key in _INTERVAL_WORDS:
        return _read_named(cursor)
    position = cursor.position()
    cursor.expect("MAP", "(")
    if cursor.accept(")"):
        return MapCtor(entries=(), position=position)
    key = _read_inner(cursor)
    if not cursor.at(":="):
        # Read twice, maps inside maps would take a time that doubles with each level.
        return _read_arguments(cursor, "MAP", position, key)
    entries: list[tuple[Expr, Expr]] = []
    while True:
        cursor.expect(":=")
        entries.append((key, _read_inner(cursor)))
        if not cursor.accept(","):
            break
        key = _read_inner(cursor)
    if not cursor.accept(")"):
        cursor.fail_expecting("','", "')'")
    return MapCtor(entries=tuple(entries), position=position)


def _read_struct(cursor: Cursor) -> Expr:
    """`STRUCT(f := v)`, but `STRUCT(a, b)` calls a function of that name."""
    if cursor.peek().key != "(" or not (cursor.peek(2).key == ")" or cursor.peek(3).key == ":="):
        return _read_named(cursor)
    position = cursor.position()
    cursor.expect("STRUCT", "(")
    if cursor.accept(")"):
        return StructCtor(fields=(), position=position)
    fields_: list[tuple[str, Expr]] = []
    while True:
        name = read_identifier(cursor)
        cursor.expect(":=")
        fields_.append((name, _read_inner(cursor)))
        if not cursor.accept(","):
            break
    if not cursor.accept(")"):
        cursor.fail_expecting("','", "')'")
    return StructCtor(fields=tuple(fields_), position=position)


_KEYWORD_ATOMS: dict[str, Callable[[Cursor], Expr]] = {
    "ARRAY": _read_array,
    "CASE": _read_case,
    "CAST": _read_cast,
    "FALSE": read_literal,
    "MAP": _read_map,
    "NULL": read_literal,
    "STRUCT": _read_struct,
    "TRUE": read_literal,
}
