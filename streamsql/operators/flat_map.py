"""FlatMap: table functions (EXPLODE, …).

Law: each row gives as many rows as the longest of its lists has items, shorter ones padded with
NULL (ksqlDB: table-functions); a row whose lists are all null or empty, and one without a value,
gives none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.operators.operator import ERROR, Builder, Node, Relation, WindowInfo
from streamsql.operators.project import safe
from streamsql.schema.column import Schema
from streamsql.schema.duck import physical_names, quote
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatMap:
    """`input` with one value column appended for each of `functions`, whose texts give lists.

    `schema` is `input`'s and these columns.
    """

    input: Node
    schema: Schema
    functions: tuple[TypedSql, ...]

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Its input."""
        return (self.input,)

    @property
    def table(self) -> bool:
        """A stream."""
        return False

    @property
    def window(self) -> WindowInfo | None:
        """As its input."""
        return self.input.window

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """One SELECT that unnests, and numbers the rows afresh."""
        (relation,) = relations
        names = physical_names(c.name for c in (*self.schema.key, *self.schema.value))
        added = names[len(names) - len(self.functions) :]
        lists = [_list(f, relation) for f in self.functions]
        longest = f"greatest({', '.join(f'len({text})' for text in lists)})"
        unnested = ", ".join(
            f"unnest({text}) AS {quote(name)}" for text, name in zip(lists, added, strict=True)
        )
        inner = f"SELECT *, {unnested}, unnest(range({longest})) AS _sub FROM {relation.sql}"
        sql = (
            "SELECT * EXCLUDE (_sub) REPLACE (row_number() OVER (ORDER BY _seq, _sub) AS _seq)"
            f" FROM ({inner})"
        )
        return replace(relation, sql=f"({sql})", schema=self.schema)


def _list(function: TypedSql, relation: Relation) -> str:
    """The list of a row; none without a value, and one NULL for a record that could not be read,
    which has to pass."""
    otherwise = f"WHEN {ERROR} IS NOT NULL THEN [NULL] " if relation.fallible else ""
    return f"CASE {otherwise}WHEN NOT _null THEN {safe(function)} END"
