"""TableTableJoin on the primary keys."""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.schema.column import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTableJoin:
    """`kind` INNER, LEFT, RIGHT or OUTER.

    `schema.value` names value columns of either input (their names are disjoint: a Project below gives prefixes and
    copies keys and pseudo columns into the value); `schema.key` renames the key that both share.
    """

    left: Node
    right: Node
    kind: str
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
