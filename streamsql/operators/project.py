"""Project: SELECT without a change of key.

Law: each row gives one row. The columns of a row without a value mean nothing; it stays a row without a value.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.schema.column import Schema
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The columns of `schema`, computed by `keys` and `values` in its order, over `input`. A key may be renamed, not changed."""

    input: Node
    schema: Schema
    keys: tuple[TypedSql, ...]
    values: tuple[TypedSql, ...]

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Its input."""
        return (self.input,)

    @property
    def table(self) -> bool:
        """As its input."""
        return self.input.table

    @property
    def window(self) -> WindowInfo | None:
        """As its input."""
        return self.input.window

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """Its part of the step."""
        raise NotImplementedError
