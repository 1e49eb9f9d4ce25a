"""ForeignKeyJoin: a left column refers to the right table's primary key.

Law: a left change emits its join, LEFT also without a partner; a right change emits for every
left row that refers to it, in order of the left key's bytes. INNER: a tombstone where the partner
is gone, where a left row that referred to something is gone, and where its reference changed to
one without a partner; a left row without a partner that did not change its reference emits
nothing (Kafka Streams: KIP-213). The time is the larger of both. The sides need not be
partitioned alike. State `left(_part, key, _ts, _fk, values)`, `right(_part, key, _ts, values)`,
as of the batch's start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.operators.fault import Computed, guard
from streamsql.operators.join import joined_columns, used_columns
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.operators.placement import order_bytes
from streamsql.operators.table_state import STORED_META, TableKey, last_changes, replace_rows
from streamsql.operators.table_table_join import state_columns
from streamsql.schema.column import Schema
from streamsql.schema.duck import duckdb_type, quote
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKeyJoin:
    """Each row of `left` with the row of `right` whose key is `foreign_key` (over `left`).

    `kind` INNER or LEFT. The key is the left one. `schema.value` names value columns of either
    input (their names are disjoint).
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
        """The changes of both sides, the left ones with what they replace, and what changes the
        state."""
        left, right = relations
        left = builder.settle(self._referring(left))
        right = builder.settle(right)
        work = _Work(node=self, left=left, right=right)
        return work.lower(builder)

    def _referring(self, left: Relation) -> Relation:
        """The left rows with what they refer to as `_fk`."""
        written = self.foreign_key.written
        message = f"Error computing foreign key from expression {written}"
        guarded = guard(left, [Computed(typed=self.foreign_key, name="_fk", message=message)])
        columns = [*guarded.others, f"{guarded.texts[0]} AS _fk"]
        sql = f"(SELECT {', '.join(columns)} FROM {guarded.source})"
        return replace(left, sql=sql, logged=bool(guarded.log))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One lowering: names and the statements over them."""

    node: ForeignKeyJoin
    left: Relation
    right: Relation

    @property
    def key(self) -> TableKey:
        return TableKey.of(self.left)

    @property
    def right_key(self) -> str:
        return self.right.keys[0]

    def lower(self, builder: Builder) -> Relation:
        key, right_key = self.key, TableKey.of(self.right)
        fk = ("_fk", duckdb_type(self.node.foreign_key.type))
        left_columns = (*state_columns(self.left, self.node.schema, key), fk)
        right_columns = state_columns(self.right, self.node.schema, right_key)
        left_state = builder.state_table("left", left_columns, key=key.names)
        right_state = builder.state_table("right", right_columns, key=right_key.names)
        changes = builder.add(self._changes(left_state), hint="changes")
        parts = [
            self._left_changes(changes, right_state),
            self._right_changes(changes, left_state),
        ]
        last = last_changes(builder, self.left, left_state, key)
        replace_rows(builder, last, left_state, columns=left_columns)
        last = last_changes(builder, self.right, right_state, right_key)
        replace_rows(builder, last, right_state, columns=right_columns)
        return self._relation(parts, left_state, right_state)

    def _changes(self, state: str) -> str:
        """Left changes with what they replace: `_had` a row, with the reference `_ofk`; `_til`
        the next change."""
        key = self.key
        return (
            "SELECT b.*,"
            " CASE WHEN lag(b._seq) OVER w IS NULL THEN st._part IS NOT NULL"
            " ELSE NOT lag(b._null) OVER w END AS _had,"
            " CASE WHEN lag(b._seq) OVER w IS NULL THEN st._fk ELSE lag(b._fk) OVER w END AS _ofk,"
            " lead(b._seq) OVER w AS _til"
            f" FROM {self.left.sql} b LEFT JOIN {state} st ON {key.equal('st', 'b')}"
            f" WINDOW w AS (PARTITION BY {key.listed('b')} ORDER BY b._seq) ORDER BY b._seq"
        )

    def _left_changes(self, changes: str, state: str) -> str:
        """Each left change with the right row as of its place."""
        found = "CASE WHEN u._seq IS NULL THEN st._part IS NOT NULL ELSE NOT u._null END"

        def pick(name: str) -> str:
            return f"CASE WHEN u._seq IS NULL THEN st.{name} ELSE u.{name} END"

        refers = "NOT b._null AND b._fk IS NOT NULL"
        if self.node.kind == "INNER":
            moved = "b._ofk IS NOT NULL AND b._had AND b._ofk IS DISTINCT FROM b._fk"
            leaves = (
                f"CASE WHEN {refers} THEN ({found}) OR ({moved})"
                " ELSE b._had AND b._ofk IS NOT NULL END"
            )
            alive = f"{refers} AND ({found})"
        else:
            leaves, alive = "NOT b._null OR b._had", "NOT b._null"
        columns = joined_columns(
            self.node.schema,
            key=lambda i: f"b.{self.left.keys[i]}",
            left=(self.left, lambda n: f"b.{n}"),
            right=(self.right, lambda n: f"CASE WHEN b._fk IS NOT NULL THEN {pick(n)} END"),
        )
        looked_up = f"SELECT *, CASE WHEN _null THEN _ofk ELSE _fk END AS _look FROM {changes}"
        time = f"greatest(b._ts, CASE WHEN {found} THEN {pick('_ts')} END) AS _ts"
        return (
            f"SELECT b._seq, b._part, {time}, NOT ({alive}) AS _null, b._hdr, {', '.join(columns)}"
            f" FROM ({looked_up}) b"
            f" ASOF LEFT JOIN {self.right.sql} u ON u.{self.right_key} = b._look"
            " AND b._seq >= u._seq"
            f" LEFT JOIN {state} st ON st.{self.right_key} = b._look WHERE {leaves}"
        )

    def _right_changes(self, changes: str, state: str) -> str:
        """Each right change with the left rows that refer to it as of its place."""
        key = self.key
        used = [quote(p) for _, p in used_columns(self.node.schema, self.left)]
        names = [*(quote(n) for n, _ in key.columns), "_ts", "_fk", *used]
        now = f"SELECT {', '.join(names)}, _seq AS _from, _til FROM {changes} WHERE NOT _null"
        first = f"SELECT {key.listed()}, min(_seq) AS _til FROM {changes} GROUP BY ALL"
        touched = f"SELECT DISTINCT {self.right_key} AS _rk FROM {self.right.sql}"
        before = (
            f"SELECT {', '.join(f'st.{n}' for n in names)}, 0 AS _from, f._til"
            f" FROM {state} st SEMI JOIN ({touched}) t ON t._rk = st._fk"
            f" LEFT JOIN ({first}) f ON {key.equal('f', 'st')}"
        )
        alive = "NOT r._null" if self.node.kind == "INNER" else "TRUE"
        out = joined_columns(
            self.node.schema,
            key=lambda i: f"v.{self.left.keys[i]}",
            left=(self.left, lambda n: f"v.{n}"),
            right=(self.right, lambda n: f"CASE WHEN NOT r._null THEN r.{n} END"),
        )
        return (
            f"SELECT r._seq, v._part, greatest(r._ts, v._ts) AS _ts, NOT {alive} AS _null, r._hdr,"
            f" {', '.join(out)} FROM {self.right.sql} r JOIN ({now} UNION ALL {before}) v"
            f" ON v._fk = r.{self.right_key} AND r._seq > v._from"
            " AND (v._til IS NULL OR r._seq < v._til)"
        )

    def _relation(self, parts: list[str], left_state: str, right_state: str) -> Relation:
        schema = self.node.schema
        relation = Relation(sql="", schema=schema, table=True)
        bytes_ = order_bytes(schema.key, relation.keys)
        meta = (
            f"row_number() OVER (ORDER BY _seq, {bytes_}, _part) AS _seq, _part,"
            " NULL::BIGINT AS _off, _ts, _null, _hdr, _seq AS _at"
        )
        names = [relation.column(c.name) for c in (*schema.key, *schema.value)]
        stored = joined_columns(
            schema,
            key=lambda i: f"l.{self.left.keys[i]}",
            left=(self.left, lambda n: f"l.{n}"),
            right=(self.right, lambda n: f"r.{n}"),
        )
        stored_meta = STORED_META.replace("_part", "l._part", 1)
        stored_meta = stored_meta.replace(" _ts,", " greatest(l._ts, r._ts) AS _ts,")
        join = "JOIN" if self.node.kind == "INNER" else "LEFT JOIN"
        return replace(
            relation,
            sql=f"(SELECT {meta}, {', '.join(names)} FROM ({' UNION ALL '.join(parts)}))",
            origin="_at",
            materialized=f"SELECT {stored_meta}, {', '.join(stored)} FROM {left_state} l"
            f" {join} {right_state} r ON r.{self.right_key} = l._fk",
        )
