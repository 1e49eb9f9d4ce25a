"""Finds the signature that a call means and lowers it, as ksqlDB's UdfIndex does.

1. Signatures that take the arguments as they are come before those that need a widening.
2. Of several the one without a repeated parameter wins, then the one with more parameters, with
fewer generic ones, with the repeated one further right; a tie is an error. 3. NULL fits everywhere.
Type variables bind exactly and are not widened. 4. A failing call, cast or field among the
arguments counts as NULL (`contain`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from streamsql.errors import Position, StatementError
from streamsql.functions.registry import (
    GUARDED,
    AggregateSignature,
    Argument,
    LambdaArgument,
    Signature,
)
from streamsql.functions.signature import (
    ANY,
    ANY_DECIMAL,
    Bindings,
    LambdaShape,
    LambdaType,
    Parameters,
    accepts,
    bind,
    is_generic,
    plain_type,
    substitute,
)
from streamsql.schema.coercion import as_decimal, cast, widen
from streamsql.schema.text import let
from streamsql.schema.typed import LambdaSql, TypedSql, compose, contain
from streamsql.schema.types import NULL, Decimal, SqlType

Row = TypeVar("Row", Signature, AggregateSignature)
Bound = TypedSql | LambdaSql

_NULL_DECIMAL = Decimal(1, 0)
"""What a NULL is where any decimal may stand: it widens to all others."""


@dataclass(frozen=True, slots=True)
class Match:
    """The arguments as the signature wants them, and the result's type."""

    arguments: tuple[Bound, ...]
    type: SqlType


def choose(
    name: str, rows: Sequence[Row], arguments: Sequence[Argument], position: Position | None
) -> tuple[Row, Match]:
    """The signature that the call means, with its arguments. StatementError in ksqlDB's words."""
    types = [_shape(a) for a in arguments]
    for casts in (False, True):
        fitting = [row for row in rows if _fits(row.parameters, types, casts=casts)]
        if not fitting:
            continue
        ranked = sorted(fitting, key=lambda row: _rank(row.parameters), reverse=True)
        if len(ranked) > 1 and _rank(ranked[0].parameters) == _rank(ranked[1].parameters):
            raise _ambiguous(name, rows, types, position)
        match = _match(ranked[0], arguments)
        if isinstance(match, Match):
            return ranked[0], match
        if match == "ambiguous":
            raise _ambiguous(name, rows, types, position)
        raise _refused(name, rows, types, position)
    raise _refused(name, rows, types, position)


def _shape(argument: Argument) -> SqlType:
    return LambdaShape(argument.arity) if isinstance(argument, LambdaArgument) else argument.type


def _fits(parameters: Parameters, types: Sequence[SqlType], *, casts: bool) -> bool:
    patterns = parameters.expand(len(types))
    if patterns is None:
        return False
    bindings: Bindings = {}
    return all(
        accepts(pattern, type_, bindings, casts=casts)
        for pattern, type_ in zip(patterns, types, strict=True)
    )


def _rank(parameters: Parameters) -> tuple[int, ...]:
    generics = sum(is_generic(t) for t in parameters.types)
    at = parameters.variadic
    objects = at is not None and parameters.types[at] == ANY
    return (at is None, len(parameters.types), -generics - objects, not objects, at or 0)


def _refused(
    name: str,
    rows: Sequence[Signature | AggregateSignature],
    types: Sequence[SqlType],
    position: Position | None,
) -> StatementError:
    return StatementError(
        f"Function '{name}' does not accept parameters ({_shown(types)}).",
        detail=f"Valid alternatives are:\n{_alternatives(name, rows)}",
        hint=f"For detailed information on a function run: DESCRIBE FUNCTION {name.upper()};",
        position=position,
    )


def _ambiguous(
    name: str,
    rows: Sequence[Signature | AggregateSignature],
    types: Sequence[SqlType],
    position: Position | None,
) -> StatementError:
    return StatementError(
        f"Function '{name}' cannot be resolved due to ambiguous method parameters "
        f"({_shown(types)}).",
        detail="Use CAST() to explicitly cast your parameters to one of the supported function "
        f"calls.\nValid function calls are:\n{_alternatives(name, rows)}",
        hint=f"For detailed information on a function run: DESCRIBE FUNCTION {name.upper()};",
        position=position,
    )


def _shown(types: Sequence[SqlType]) -> str:
    return ", ".join(map(plain_type, types))


def _alternatives(name: str, rows: Sequence[Signature | AggregateSignature]) -> str:
    return "\n".join(f"{name}({row.parameters.show()})" for row in rows)


# ------------------------------------------------------------------ binding


def _match(row: Signature | AggregateSignature, arguments: Sequence[Argument]) -> Match | str:
    """The match, or why there is none: `ambiguous` where a type variable stays unknown, `refused`
    where a lambda's body has another type than its place."""
    patterns = row.parameters.expand(len(arguments))
    assert patterns is not None
    bindings: Bindings = {}
    for pattern, argument in zip(patterns, arguments, strict=True):
        if isinstance(argument, TypedSql) and argument.type != NULL and is_generic(pattern):
            bind(pattern, argument.type, bindings)
    bound: list[Bound] = []
    for pattern, argument in zip(patterns, arguments, strict=True):
        if isinstance(argument, LambdaArgument):
            found = _bind_lambda(pattern, argument, bindings)
            if isinstance(found, str):
                return found
            bound.append(found)
        else:
            bound.append(_coerce(pattern, argument, bindings))
    type_ = _result(row, bound, bindings)
    return "ambiguous" if type_ is None else Match(tuple(bound), type_)


def _result(
    row: Signature | AggregateSignature, bound: Sequence[Bound], bindings: Bindings
) -> SqlType | None:
    if row.returns is None:
        return substitute(row.parameters.result, bindings)
    return row.returns([b.body.type if isinstance(b, LambdaSql) else b.type for b in bound])


def _bind_lambda(pattern: SqlType, argument: LambdaArgument, bindings: Bindings) -> LambdaSql | str:
    assert isinstance(pattern, LambdaType)
    types = [substitute(p, bindings) for p in pattern.parameters]
    known = [t for t in types if t is not None]
    if len(known) < len(types):
        return "ambiguous"
    found = argument.bind(known)
    wanted = substitute(pattern.result, bindings)
    if wanted is None:
        fits = found.body.type != NULL and bind(pattern.result, found.body.type, bindings)
        return found if fits else "ambiguous"
    body = widen(found.body, wanted)
    return "refused" if body is None else LambdaSql(found.parameters, body)


def _coerce(pattern: SqlType, argument: TypedSql, bindings: Bindings) -> TypedSql:
    source = contain(argument)
    target: SqlType | None = pattern
    if pattern == ANY:
        return source
    if pattern == ANY_DECIMAL:
        target = as_decimal(argument.type) or _NULL_DECIMAL
    elif is_generic(pattern):
        target = substitute(pattern, bindings)
    if target is None or target == argument.type:
        return source
    widened = widen(source, target)
    return contain(cast(source, target)) if widened is None else widened


# ------------------------------------------------------------------ lowering


def lower_call(row: Signature, match: Match) -> TypedSql:
    """The text of the call."""
    parts = [a.body if isinstance(a, LambdaSql) else a for a in match.arguments]
    made = (
        _guarded(row, match) if row.nulls == GUARDED else _lower(row, match.arguments, match.type)
    )
    found = compose(made.sql, match.type, *parts, throws=row.throws or made.throws)
    return replace(
        found,
        columns=found.columns | made.columns,
        constant=found.constant and not made.columns,
        slow=found.slow or any(k.slow and f"{k.name}(" in made.sql for k in row.kernels),
        contained=True,
    )


def _lower(row: Signature, arguments: Sequence[Bound], type_: SqlType) -> TypedSql:
    if isinstance(row.lower, str):
        texts = [a.sql if isinstance(a, TypedSql) else a.body.sql for a in arguments]
        return TypedSql(sql=row.lower.format(*texts, args=", ".join(texts)), type=type_)
    found = row.lower(*arguments)
    return TypedSql(sql=found, type=type_) if isinstance(found, str) else found


def _guarded(row: Signature, match: Match) -> TypedSql:
    """The text within a CASE; each argument is computed once."""
    lowered = TypedSql(sql="NULL", type=match.type)

    def step(rest: Sequence[Bound], done: tuple[Bound, ...]) -> str:
        nonlocal lowered
        if not rest:
            lowered = _lower(row, done, match.type)
            names = [a.sql for a in done if isinstance(a, TypedSql) and a.literal is None]
            nulls = " OR ".join(f"{name} IS NULL" for name in names)
            return f"CASE WHEN {nulls} THEN NULL ELSE {lowered.sql} END" if nulls else lowered.sql
        first = rest[0]
        if isinstance(first, LambdaSql) or first.literal is not None:
            return step(rest[1:], (*done, first))
        return let(first.sql, lambda v: step(rest[1:], (*done, replace(first, sql=v))))

    sql = step(match.arguments, ())
    return replace(lowered, sql=sql)
