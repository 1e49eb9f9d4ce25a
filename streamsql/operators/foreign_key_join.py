"""ForeignKeyJoin: a left column refers to the right table's primary key."""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.schema.column import Schema
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKeyJoin:
    """Each row of `left` with the row of `right` whose key is `foreign_key` (over `left`); `kind` INNER or LEFT. The key is
    the left one.

    `schema.value` names value columns of either input (their names are disjoint: a Project below gives prefixes and
    copies keys and pseudo columns into the value); `schema.key` renames the key that both share.
    """

    left: Node
    right: Node
    kind: str
    foreign_key: TypedSql
    schema: Schema

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Left, right."""
        return (self.left, self.right)

    @property
    def table(self) -> bool:
        """A table."""
        return True

    @property
    def window(self) -> WindowInfo | None:
        """As its left input."""
        return self.left.window

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """Its part of the step."""
        raise NotImplementedError
