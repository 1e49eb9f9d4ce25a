"""Expire: rows of a table end some time after they were written.

Law: a row ends, with a tombstone, before the change of the first record of its partition that has
`row's time + ttl <= stream time`, unless that record replaces it; rows that end together by time,
then key bytes. The tombstone's time is that at which the row was due. A row that comes so late that
it would end at once is skipped and logged; a tombstone never is. State `rows(_part, key, _ts)`: the
rows that live; `time(_part, _t)`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.operators.placement import order_bytes
from streamsql.operators.table_state import TableKey
from streamsql.operators.window import timed_rows
from streamsql.schema.column import Schema
from streamsql.schema.duck import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire:
    """The changes of the table `input`; a row ends `ttl_ms` after its time."""

    input: Node
    ttl_ms: int

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
        """Always."""
        return True

    @property
    def window(self) -> WindowInfo | None:
        """As its input."""
        return self.input.window

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """Seven statements: stream time, late rows, which rows end when, the state."""
        settled = builder.settle(relations[0])
        timed, _ = timed_rows(builder, settled.sql)
        self._skip_late(builder, timed, settled)
        key = TableKey.of(settled)
        columns = (*key.columns, ("_ts", "BIGINT"))
        state = builder.state_table("rows", columns, key=key.names)
        ends = builder.add(self._ends(timed, state, key), hint="ends")
        builder.effect(
            f"DELETE FROM {state} WHERE rowid IN (SELECT _rid FROM {ends} WHERE _rid IS NOT NULL"
            " AND (_next IS NOT NULL OR _end IS NOT NULL))"
        )
        builder.effect(
            f"INSERT INTO {state} SELECT {key.listed()}, _ts FROM {ends}"
            " WHERE _rid IS NULL AND _next IS NULL AND _end IS NULL AND NOT _null ORDER BY _seq"
        )
        changes = self._changes(timed, ends, settled, key)
        return replace(settled, sql=changes, origin="_at", materialized="", topic="")

    def _skip_late(self, builder: Builder, timed: str, relation: Relation) -> None:
        texts = ", ', ', ".join(f"coalesce(({k})::VARCHAR, 'null')" for k in relation.keys)
        message = (
            f"concat('Skipping row that has expired. key=[', {texts}, '] timestamp=[', _ts,"
            f" '] expiration=[', _ts + {self.ttl_ms}, '] streamTime=[', _t, ']')"
        )
        builder.late(
            f"SELECT _seq, _part, _ts, {message} AS message FROM {timed} WHERE {self._late}"
        )

    @property
    def _late(self) -> str:
        return f"NOT _null AND _ts + {self.ttl_ms} <= _t"

    def _ends(self, timed: str, state: str, key: TableKey) -> str:
        """The rows of batch and state: `_next` the record that replaces one, `_end` the one at
        which it ends before that. Rows of the state stand here only if they are replaced or due."""
        keys = key.listed()
        own = (
            f"SELECT {keys}, _seq, _ts, _null, lead(_seq) OVER (PARTITION BY {keys} ORDER BY _seq)"
            f" AS _next, NULL::BIGINT AS _rid FROM {timed} WHERE NOT ({self._late})"
        )
        first = f"SELECT {keys}, min(_seq) AS _first FROM ({own}) GROUP BY {keys}"
        now = f"SELECT _part, max(_t) AS _t FROM {timed} GROUP BY _part"
        stored = (
            f"SELECT {key.listed('st')}, 0::BIGINT AS _seq, st._ts, FALSE AS _null,"
            f" f._first AS _next, st.rowid AS _rid FROM {state} st"
            f" JOIN ({now}) n ON n._part = st._part"
            f" LEFT JOIN ({first}) f ON {key.equal('f', 'st')}"
            f" WHERE f._first IS NOT NULL OR st._ts + {self.ttl_ms} <= n._t"
        )
        advances = f"SELECT _part, _t, min(_seq) AS _at FROM {timed} GROUP BY _part, _t"
        end = "CASE WHEN NOT c._null AND a._at < coalesce(c._next, a._at + 1) THEN a._at END"
        return (
            f"SELECT c.*, {end} AS _end FROM ({own} UNION ALL {stored}) c"
            f" ASOF LEFT JOIN ({advances}) a"
            f" ON a._part = c._part AND c._ts + {self.ttl_ms} <= a._t ORDER BY _seq"
        )

    def _changes(self, timed: str, ends: str, relation: Relation, key: TableKey) -> str:
        """The tombstones of what ends at a record, then the record, numbered afresh."""
        own = f"SELECT * EXCLUDE (_t), 1 AS _sub, _seq AS _at FROM {timed} WHERE NOT ({self._late})"
        meta = f"_end AS _seq, _end AS _at, 0 AS _sub, _ts + {self.ttl_ms} AS _ts, TRUE AS _null"
        gone = f"SELECT {key.listed()}, {meta} FROM {ends} WHERE _end IS NOT NULL"
        keys = order_bytes(relation.schema.key, list(relation.keys))
        bounds = ["_ws", "_we"] if relation.window else []
        order = ", ".join(["_seq", "_sub", "_ts", keys, *bounds, "_part"])
        columns = ", ".join(
            [
                *(name for name in relation.meta if name != "_seq"),
                *(quote(name) for name in relation.names.values()),
            ]
        )
        return (
            f"(SELECT row_number() OVER (ORDER BY {order}) AS _seq, _at, {columns}"
            f" FROM ({own} UNION ALL BY NAME {gone}))"
        )
