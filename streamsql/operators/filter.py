"""Filter: WHERE and HAVING.

Law: of a stream, the rows for which `condition` is true; a null value never passes. Of a table,
changes that pass; one that does not pass is a tombstone if the key was forwarded before, else
nothing. State of a table: `fwd(_part, key)`, the keys that were forwarded last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.functions.registry import ROW
from streamsql.operators.fault import Computed, Guarded, guard, identified, passing, reads_identity
from streamsql.operators.operator import LOG, Builder, Node, Relation, WindowInfo
from streamsql.operators.project import safe
from streamsql.operators.table_state import TableKey
from streamsql.operators.window import expire_rows
from streamsql.schema.column import Schema
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Rows of `input` for which `condition` is true; throwing counts as false."""

    input: Node
    condition: TypedSql

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Its input."""
        return (self.input,)

    @property
    def schema(self) -> Schema:
        """Its input's."""
        return self.input.schema

    @property
    def table(self) -> bool:
        """As its input."""
        return self.input.table

    @property
    def window(self) -> WindowInfo | None:
        """As its input."""
        return self.input.window

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """A WHERE over a stream; over a table three statements."""
        (relation,) = relations
        if relation.table:
            return self._lower_table(builder, relation)
        guarded = self._guard(relation)
        passes = _passes(guarded)
        if guarded.own or guarded.log:
            columns = ", ".join([*guarded.others, f"{passes} AS _passes"])
            judged = f"(SELECT {columns} FROM {guarded.source})"
            found = passing(replace(relation, sql=judged, logged=bool(guarded.log)), "_passes")
            return replace(found, sql=f"(SELECT * EXCLUDE (_passes) FROM {found.sql})")
        return passing(relation, passes)

    def _guard(self, relation: Relation) -> Guarded:
        message = f"Error evaluating predicate {self.condition.written}"
        return guard(relation, [Computed(typed=self.condition, name="_ok", message=message)])

    def _lower_table(self, builder: Builder, relation: Relation) -> Relation:
        settled = builder.settle(relation)
        guarded = self._guard(settled)
        columns = ", ".join([*guarded.others, f"{_passes(guarded)} AS _ok"])
        key = TableKey.of(settled)
        state = builder.state_table("fwd", key.columns, key=key.names, disposable=True)
        # Did the change before it pass? Of the first in the batch the state knows.
        judged = (
            "SELECT b.*, lag(_ok) OVER w AS _before, lead(_seq) OVER w IS NULL AS _fin,"
            f" st.rowid AS _rid FROM (SELECT {columns} FROM {guarded.source}) b"
            f" LEFT JOIN {state} st ON {key.equal('st', 'b')}"
            f" WINDOW w AS (PARTITION BY {key.listed('b')} ORDER BY b._seq)"
        )
        rows = builder.add(judged, hint="judged")
        if guarded.log:
            builder.reject(rows, [LOG])
        builder.effect(
            f"DELETE FROM {state} WHERE rowid IN"
            f" (SELECT _rid FROM {rows} WHERE _fin AND NOT _ok AND _rid IS NOT NULL)"
        )
        builder.effect(
            f"INSERT INTO {state} SELECT {key.listed()} FROM {rows}"
            " WHERE _fin AND _ok AND _rid IS NULL"
        )
        expire_rows(builder, state, relation.expiry)
        own = ", ".join(["_ok", "_before", "_fin", "_rid", *([LOG] if guarded.log else [])])
        passes = (
            f"SELECT * EXCLUDE ({own}) REPLACE (NOT _ok AS _null) FROM {rows}"
            " WHERE _ok OR coalesce(_before, _rid IS NOT NULL)"
        )
        kept = f"({relation.materialized})" if relation.materialized else ""
        star = "*"
        if kept and reads_identity([self.condition]):
            kept, star = identified(replace(relation, sql=kept)), f"* EXCLUDE ({ROW})"
        condition = f"NOT _null AND coalesce({safe(self.condition)}, FALSE)"
        return replace(
            settled,
            sql=f"({passes})",
            materialized=f"SELECT {star} FROM {kept} WHERE {condition}" if kept else "",
        )


def _passes(guarded: Guarded) -> str:
    """The condition under which a row passes; NULL and what threw count as false."""
    (text,) = guarded.texts
    return f"(NOT _null AND coalesce({text}, FALSE))"
