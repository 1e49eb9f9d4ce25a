"""What the joins share: which column of which side stands where, and the equality of two sides'
keys."""

from __future__ import annotations

from collections.abc import Callable

from streamsql.operators.operator import Relation
from streamsql.schema.column import Schema
from streamsql.schema.duck import physical_names, quote

LEFT_SIDES = ("LEFT", "OUTER")
"""Kinds of join that keep left rows without a partner."""
RIGHT_SIDES = ("RIGHT", "OUTER")


def same_key(left: Relation, right: Relation, *, a: str, b: str) -> str:
    """The condition that row `a` of the left side and `b` of the right have one key, in one
    partition."""
    names = list(zip(left.keys, right.keys, strict=True))
    operator = "=" if len(names) == 1 else "IS NOT DISTINCT FROM"
    parts = [f"{a}._part = {b}._part"]
    parts += [f"{a}.{x} {operator} {b}.{y}" for x, y in names]
    if left.window is not None and right.window is not None:
        parts += [f"{a}._ws = {b}._ws", f"{a}._we = {b}._we"]
    return " AND ".join(parts)


def has_key(relation: Relation, alias: str) -> str:
    """The condition that a row has a key."""
    return "(" + " OR ".join(f"{alias}.{k} IS NOT NULL" for k in relation.keys) + ")"


def joined_columns(
    schema: Schema,
    *,
    key: Callable[[int], str],
    left: tuple[Relation, Callable[[str], str]],
    right: tuple[Relation, Callable[[str], str]],
) -> list[str]:
    """`text AS "name"` for each column of a join's schema.

    `key` gives the text of key column i; each side's function that of one of its physical columns.
    """
    names = physical_names(c.name for c in (*schema.key, *schema.value))
    texts = [key(i) for i in range(len(schema.key))]
    for column in schema.value:
        side, text = next(s for s in (left, right) if column.name in s[0].names)
        texts.append(text(quote(side.names[column.name])))
    return [f"{t} AS {quote(n)}" for t, n in zip(texts, names, strict=True)]


def used_columns(schema: Schema, side: Relation) -> list[tuple[str, str]]:
    """(column, physical name) of a side's value columns that stand in a join's schema."""
    wanted = {c.name for c in schema.value}
    own = {c.name for c in side.schema.value}
    return [(n, p) for n, p in side.names.items() if n in own and n in wanted]
