"""FlatMap: table functions (EXPLODE, …).

Law: each row gives as many rows as the longest of its lists has items, shorter ones padded with
NULL (ksqlDB: table-functions); a row whose lists are all null or empty, and one without a value,
gives none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streamsql.engine.plan import ERROR_TYPE
from streamsql.operators.fault import NOTHING, Computed, guard
from streamsql.operators.operator import ERROR, LOG, SUB, Builder, Node, Relation, WindowInfo
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
        lists = [f"_list{i}" for i in range(len(added))]
        made = self._made(relation, lists)
        troubled = replace(made, sql=_kept(made, lists), fallible=made.fallible or made.logged)
        gone = f"CASE WHEN {ERROR} IS NOT NULL THEN [{{}}] ELSE {{}} END"
        pick = gone if troubled.fallible else "{1}"
        unnested = ", ".join(
            f"unnest({pick.format('NULL', listed)}) AS {quote(name)}"
            for listed, name in zip(lists, added, strict=True)
        )
        numbers = pick.format("0", f"range({_longest(lists)})")
        inner = f"SELECT *, {unnested}, unnest({numbers}) AS _n FROM {troubled.sql}"
        # Each row's entries leave once, with the first of its rows.
        once = f", CASE WHEN _n = 0 THEN {LOG} END AS {LOG}" if troubled.logged else ""
        number, outer = "_n", ["_n", *lists]
        if relation.numbered:
            number, outer = f"concat_ws('.', {SUB}, _n)", [*outer, SUB]
        sql = (
            f"SELECT * EXCLUDE ({', '.join(outer)})"
            f" REPLACE (row_number() OVER (ORDER BY _seq, _n) AS _seq{once}),"
            f" {number} AS {SUB} FROM ({inner})"
        )
        return replace(troubled, sql=f"({sql})", schema=self.schema, numbered=True)

    def _made(self, relation: Relation, lists: Sequence[str]) -> Relation:
        """The rows with what each function gives for them."""
        computed = [
            Computed(typed=f, name=name, message=f"Table function {f.written} threw an exception")
            for f, name in zip(self.functions, lists, strict=True)
        ]
        guarded = guard(relation, computed)
        columns = [
            *guarded.others,
            *(
                f"CASE WHEN NOT _null THEN {text} END AS {name}"
                for text, name in zip(guarded.texts, lists, strict=True)
            ),
        ]
        sql = f"(SELECT {', '.join(columns)} FROM {guarded.source})"
        return replace(relation, sql=sql, logged=bool(guarded.log))


def _longest(lists: Sequence[str]) -> str:
    return f"greatest({', '.join(f'len({name})' for name in lists)})"


def _kept(relation: Relation, lists: Sequence[str]) -> str:
    """The rows, of which one that has entries and gives no row leaves for those alone."""
    if not relation.logged:
        return relation.sql
    error = ERROR if relation.fallible else f"NULL::{ERROR_TYPE}"
    alone = f"{LOG} IS NOT NULL AND coalesce({_longest(lists)}, 0) = 0"
    others = f"* EXCLUDE ({ERROR})" if relation.fallible else "*"
    return (
        f"(SELECT {others}, CASE WHEN {alone} THEN {NOTHING} ELSE {error} END AS {ERROR}"
        f" FROM {relation.sql})"
    )
