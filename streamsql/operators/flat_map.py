"""FlatMap: table functions (EXPLODE, …).

Law: each row gives as many rows as the longest of its lists has items, shorter ones padded with NULL (ksqlDB:
table-functions); a row whose lists are all null or empty, and one without a value, gives none.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.schema.column import Schema
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatMap:
    """`input` with one value column appended for each of `functions`, whose texts give lists. `schema` is `input`'s and these columns."""

    input: Node
    schema: Schema
    functions: tuple[TypedSql, ...]

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
        """As its input."""
        return self.input.window

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """Its part of the step."""
        raise NotImplementedError
