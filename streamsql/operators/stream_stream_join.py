"""StreamStreamJoin: WITHIN."""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.schema.column import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStreamJoin:
    """Pairs of rows with one key where `right._ts` is in `[left._ts - before_ms, left._ts + after_ms]`.

    `kind` INNER, LEFT, RIGHT or OUTER. `grace_ms` None: eager, the null row comes at once.

    `schema.value` names value columns of either input (their names are disjoint: a Project below gives prefixes and
    copies keys and pseudo columns into the value); `schema.key` renames the key that both share.
    """

    left: Node
    right: Node
    kind: str
    before_ms: int
    after_ms: int
    grace_ms: int | None
    schema: Schema

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Left, right."""
        return (self.left, self.right)

    @property
    def table(self) -> bool:
        """A stream."""
        return False

    @property
    def window(self) -> WindowInfo | None:
        """As its left input."""
        return self.left.window

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """Its part of the step."""
        raise NotImplementedError
