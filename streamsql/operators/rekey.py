"""Rekey: PARTITION BY and the implicit repartition before a join.

Law: each row gives one row with the new key, in the partition of that key; the order stays. A row without a value has a
null key. The key of the relation is no longer windowed.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.operators.placement import Placement
from streamsql.schema.column import Schema
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekey:
    """`input` under another key: `keys` and `values` compute the columns of `schema`. `placement` None: a stream without a key, which stays where it is."""

    input: Node
    schema: Schema
    keys: tuple[TypedSql, ...]
    values: tuple[TypedSql, ...]
    placement: Placement | None

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Its input."""
        return (self.input,)

    @property
    def table(self) -> bool:
        """Streams only."""
        return False

    @property
    def window(self) -> WindowInfo | None:
        """None: the new key has no window."""
        return None

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """Its part of the step."""
        raise NotImplementedError
