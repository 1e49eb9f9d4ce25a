"""StreamStreamJoin: WITHIN.

Law: each record emits, in this order: the null rows of windows that its time closes (by their
time, right before left, key bytes), then its matches by (the other's time, the other's place), or
its own null row at once. There is one stream time of both sides, and one of each by which its
records stay visible. Without GRACE a null row does not wait. Records without key or value are
dropped. State: the buffers `left(_part, key, _ts, _n, values)` and `right`; `pending`, rows of an
outer side that have no partner yet; `time(_part, _t, _tl, _tr, _n)`. `_n` numbers the records of
both sides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from streamsql.operators.join import LEFT_SIDES, RIGHT_SIDES, has_key, joined_columns, used_columns
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.operators.placement import order_bytes
from streamsql.operators.table_state import TableKey
from streamsql.operators.window import DAY_MS, EXPIRE_STEPS
from streamsql.schema.column import Schema
from streamsql.schema.duck import duckdb_type, quote

Columns = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStreamJoin:
    """Pairs of rows with one key where the right time is in `[left - before_ms, left +
    after_ms]`.

    `kind` INNER, LEFT, RIGHT or OUTER. `grace_ms` None: eager, a null row comes at once, and
    records stay visible for a day more than the window is wide. `schema.value` names value
    columns of either input (their names are disjoint); `schema.key` renames the key that both
    share.
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
        """The batch of both sides, its pairs, the null rows; then what changes the state."""
        left, right = (builder.settle(r, hint="side") for r in relations)
        work = _Work(
            node=self,
            left=left,
            right=right,
            key=tuple((f"_k{i}", t) for i, (_, t) in enumerate(TableKey.of(left).columns[1:])),
            left_values=_values(self.schema, left, "_l"),
            right_values=_values(self.schema, right, "_r"),
        )
        return work.lower(builder)


def _values(schema: Schema, relation: Relation, prefix: str) -> dict[str, tuple[str, str]]:
    """Physical name -> (column in the join, DuckDB type) of the side's columns that are used."""
    types = {c.name: duckdb_type(c.type) for c in relation.schema.value}
    used = used_columns(schema, relation)
    # By name, not by number: a replaced query that reads more columns finds the old ones again.
    return {p: (f"{prefix}_{_word(p)}", types[n]) for n, p in used}


def _word(name: str) -> str:
    """`name` as a part of an identifier without quotes; two names give two words."""
    return re.sub(r"[^A-Za-z0-9]", lambda m: f"_{ord(m[0]):x}_", name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One lowering: names and the statements over them."""

    node: StreamStreamJoin
    left: Relation
    right: Relation
    key: Columns
    left_values: dict[str, tuple[str, str]]
    right_values: dict[str, tuple[str, str]]

    @property
    def kept_ms(self) -> int:
        """How long a record stays visible to the other side, in its own side's time."""
        grace = DAY_MS if self.node.grace_ms is None else self.node.grace_ms
        return self.node.before_ms + self.node.after_ms + grace

    @property
    def values(self) -> list[str]:
        """All value columns, left before right."""
        return [c for c, _ in (*self.left_values.values(), *self.right_values.values())]

    @property
    def keys(self) -> str:
        return ", ".join(name for name, _ in self.key)

    def lower(self, builder: Builder) -> Relation:
        numbered = ("_part", "_n")
        stored = (("_part", "INTEGER"), *self.key, ("_ts", "BIGINT"), ("_n", "BIGINT"))
        left = builder.state_table("left", (*stored, *self.left_values.values()), key=numbered)
        right = builder.state_table("right", (*stored, *self.right_values.values()), key=numbered)
        names = ("_t", "_tl", "_tr", "_n")
        time = builder.state_table(
            "time", (("_part", "INTEGER"), *((n, "BIGINT") for n in names)), key=("_part",)
        )
        batch = builder.add(self._batch(time), hint="batch")
        pairs = builder.add(self._pairs(batch, left, right), hint="pairs")
        rows = [self._matches(pairs)]
        if self.node.kind != "INNER":
            rows += self._null_rows(builder, batch, pairs)
        for number, (state, values) in enumerate(
            ((left, self.left_values), (right, self.right_values))
        ):
            listed = ", ".join(["_part", self.keys, "_ts", "_n", *(c for c, _ in values.values())])
            builder.later(
                f"INSERT INTO {state} SELECT {listed} FROM {batch}"
                f" WHERE _side = {number} ORDER BY _n"
            )
        self._keep_time(builder, batch, time)
        for state, own in ((left, "_tl"), (right, "_tr")):
            builder.effect(
                f"DELETE FROM {state} st USING {time} tm WHERE tm._part = st._part"
                f" AND st._ts <= tm.{own} - {self.kept_ms}",
                every=EXPIRE_STEPS,
            )
        return self._relation(rows)

    def _batch(self, time: str) -> str:
        """Records of both sides in order: `_n`, the joint time `_t`, and each side's own as it is
        with the record."""
        parts = [
            self._side(self.left, 0, self.left_values, self.right_values),
            self._side(self.right, 1, self.right_values, self.left_values),
        ]
        running = "OVER (PARTITION BY b._part ORDER BY b._seq ROWS UNBOUNDED PRECEDING)"
        return (
            f"SELECT b.*, row_number() OVER (ORDER BY b._seq, b._sub)"
            f" + (SELECT coalesce(max(_n), 0) FROM {time}) AS _n,"
            f" greatest(tm._t, max(b._ts) {running}) AS _t,"
            f" greatest(tm._tl, max(CASE WHEN b._side = 0 THEN b._ts END) {running}) AS _tl,"
            f" greatest(tm._tr, max(CASE WHEN b._side = 1 THEN b._ts END) {running}) AS _tr"
            f" FROM ({' UNION ALL '.join(parts)}) b LEFT JOIN {time} tm ON tm._part = b._part"
            " ORDER BY _n"
        )

    def _side(
        self,
        relation: Relation,
        number: int,
        own: dict[str, tuple[str, str]],
        other: dict[str, tuple[str, str]],
    ) -> str:
        """A side's rows, with NULL for the other's columns; left columns first."""
        names = [quote(n) for n, _ in TableKey.of(relation).columns[1:]]
        keys = [f"{n} AS {k}" for n, (k, _) in zip(names, self.key, strict=True)]
        mine = [f"{quote(p)} AS {c}" for p, (c, _) in own.items()]
        theirs = [f"NULL::{t} AS {c}" for c, t in other.values()]
        values = mine + theirs if number == 0 else theirs + mine
        meta = [f"{number} AS _side", f"{relation.origin} AS _seq", "_seq AS _sub"]
        return (
            f"SELECT {', '.join([*meta, '_part', '_ts', '_hdr', *keys, *values])}"
            f" FROM {relation.sql} s WHERE NOT _null AND {has_key(relation, 's')}"
        )

    def _pairs(self, batch: str, left: str, right: str) -> str:
        """Pairs of which at least one is new: `_n` and `_side` of the later record, `_on` and
        `_ots` of the other."""
        kept = self.kept_ms
        seen_left = f"l._ts > coalesce(r._tl, l._ts) - {kept}"
        seen_right = f"r._ts > coalesce(l._tr, r._ts) - {kept}"
        old_left = self._pair(
            f"{batch} r", f"{left} l", later="r", where=f"r._side = 1 AND {seen_left}"
        )
        old_right = self._pair(
            f"{batch} l", f"{right} r", later="l", where=f"l._side = 0 AND {seen_right}"
        )
        both = "l._side = 0 AND r._side = 1"
        first = self._pair(
            f"{batch} l", f"{batch} r", later="l", where=f"{both} AND l._n > r._n AND {seen_right}"
        )
        second = self._pair(
            f"{batch} l", f"{batch} r", later="r", where=f"{both} AND l._n < r._n AND {seen_left}"
        )
        return " UNION ALL ".join((old_left, old_right, first, second)) + " ORDER BY _n, _ots, _on"

    def _pair(self, a: str, b: str, *, later: str, where: str) -> str:
        earlier = "l" if later == "r" else "r"
        columns = [
            *(f"{later}.{c}" for c in ("_n", "_side", "_seq", "_part", "_hdr")),
            f"{earlier}._n AS _on",
            f"{earlier}._ts AS _ots",
            "greatest(l._ts, r._ts) AS _ts",
            *(f"{later}.{k}" for k, _ in self.key),
            *(f"l.{c}" for c, _ in self.left_values.values()),
            *(f"r.{c}" for c, _ in self.right_values.values()),
        ]
        same = "IS NOT DISTINCT FROM" if len(self.left.schema.key) > 1 else "="
        on = " AND ".join(["l._part = r._part", *(f"l.{k} {same} r.{k}" for k, _ in self.key)])
        near = f"r._ts BETWEEN l._ts - {self.node.before_ms} AND l._ts + {self.node.after_ms}"
        return f"SELECT {', '.join(columns)} FROM {a} JOIN {b} ON {on} WHERE {near} AND {where}"

    def _matches(self, pairs: str) -> str:
        """The pairs as rows that leave: after the null rows, by the other's time and place."""
        return self._out(pairs, order="1 AS _o, _ots AS _o1, 0 AS _o2, ''::BLOB AS _o3, _on AS _o4")

    def _out(self, rows: str, *, order: str) -> str:
        listed = ", ".join(["_n", "_seq", "_part", "_ts", "_hdr", self.keys, *self.values])
        return f"SELECT {listed}, {order} FROM {rows}"

    def _null_rows(self, builder: Builder, batch: str, pairs: str) -> list[str]:
        """Two statements and two later ones: rows of an outer side that met no earlier partner."""
        sides = [
            number
            for number, kinds in ((0, LEFT_SIDES), (1, RIGHT_SIDES))
            if self.node.kind in kinds
        ]
        outer = f"_side IN ({', '.join(map(str, sides))})"
        alone = f"SELECT * FROM {batch} b ANTI JOIN {pairs} m ON m._n = b._n WHERE {outer}"
        at_once = "1 AS _o, 0 AS _o1, 0 AS _o2, ''::BLOB AS _o3, 0 AS _o4"
        if self.node.grace_ms is None:
            return [self._out(f"({alone})", order=at_once)]
        wait = f"CASE WHEN _side = 0 THEN {self.node.after_ms} ELSE {self.node.before_ms} END"
        columns = (
            ("_side", "INTEGER"),
            ("_part", "INTEGER"),
            *self.key,
            ("_ts", "BIGINT"),
            ("_n", "BIGINT"),
        )
        values = (*self.left_values.values(), *self.right_values.values())
        pending = builder.state_table("pending", (*columns, *values), key=("_part", "_n"))
        listed = ", ".join(n for n, _ in (*columns, *values))
        decided = builder.add(
            self._decided(batch, pairs, pending, alone=alone, wait=wait, listed=listed),
            hint="decided",
        )
        builder.later(
            f"DELETE FROM {pending} WHERE rowid IN"
            f" (SELECT _rid FROM {decided} WHERE _rid IS NOT NULL AND _done)"
        )
        builder.later(
            f"INSERT INTO {pending} SELECT {listed} FROM {decided}"
            " WHERE _rid IS NULL AND NOT _done ORDER BY _n"
        )
        late = f"(SELECT * FROM ({alone}) WHERE _ts + {wait} < _t)"
        bytes_ = order_bytes(self.left.schema.key, [k for k, _ in self.key][: len(self.left.keys)])
        closed = (
            f"(SELECT * EXCLUDE (_n) RENAME (_close AS _n) FROM"
            f" (SELECT *, _n AS _own FROM {decided} WHERE _leaves))"
        )
        order = f"0 AS _o, _ts AS _o1, 1 - _side AS _o2, {bytes_} AS _o3, _own AS _o4"
        return [self._out(late, order=at_once), self._out(closed, order=order)]

    def _decided(
        self, batch: str, pairs: str, pending: str, *, alone: str, wait: str, listed: str
    ) -> str:
        """Pending rows that met a partner or whose window closes, and new ones: `_close` the
        record that closes."""
        grace = self.node.grace_ms
        fresh = f"SELECT {listed}, NULL::BIGINT AS _rid FROM ({alone}) WHERE _ts + {wait} >= _t"
        candidates = f"SELECT {listed}, rowid AS _rid FROM {pending} UNION ALL {fresh}"
        met = f"SELECT _on, min(_n) AS _met FROM {pairs} GROUP BY _on"
        advances = (
            "SELECT _part, _t, min(_n) AS _close, arg_min(_seq, _n) AS _seq,"
            f" arg_min_null(_hdr, _n) AS _hdr FROM {batch} GROUP BY _part, _t"
        )
        return (
            "SELECT c.*, a._close, a._seq, a._hdr,"
            " a._close IS NOT NULL AND coalesce(m._met >= a._close, TRUE) AS _leaves,"
            " m._met IS NOT NULL OR a._close IS NOT NULL AS _done"
            f" FROM (SELECT *, _ts + {wait} + {grace} AS _due FROM ({candidates})) c"
            f" LEFT JOIN ({met}) m ON m._on = c._n"
            f" ASOF LEFT JOIN ({advances}) a ON a._part = c._part AND c._due < a._t"
            " WHERE c._rid IS NULL OR m._met IS NOT NULL OR a._close IS NOT NULL ORDER BY c._n"
        )

    def _keep_time(self, builder: Builder, batch: str, time: str) -> None:
        # Two statements, and no UPDATE: `window.keep_time`.
        builder.later(f"DELETE FROM {time} WHERE _part IN (SELECT _part FROM {batch})")
        builder.later(
            f"INSERT INTO {time} SELECT _part, max(_t) AS _t, max(_tl) AS _tl, max(_tr) AS _tr,"
            f" max(_n) AS _n FROM {batch} GROUP BY _part ORDER BY _part"
        )

    def _relation(self, rows: list[str]) -> Relation:
        """All that leaves, numbered afresh; `_at` is the place of the record that made it leave."""
        order = "_n, _o, _o1, _o2, _o3, _o4"
        count = len(self.left.keys)
        columns = joined_columns(
            self.node.schema,
            key=lambda i: f"_k{i}",
            left=(self.left, lambda n: self.left_values[_plain(n)][0]),
            right=(self.right, lambda n: self.right_values[_plain(n)][0]),
        )
        meta = [
            f"row_number() OVER (ORDER BY {order}) AS _seq",
            "_part",
            "NULL::BIGINT AS _off",
            "_ts",
            "FALSE AS _null",
            "_hdr",
        ]
        if self.left.window is not None:
            meta += [f"_k{count} AS _ws", f"_k{count + 1} AS _we"]
        meta.append("_seq AS _at")
        union = " UNION ALL ".join(rows)
        return Relation(
            sql=f"(SELECT {', '.join([*meta, *columns])} FROM ({union}))",
            schema=self.node.schema,
            table=False,
            window=self.left.window,
            origin="_at",
        )


def _plain(name: str) -> str:
    """A quoted name without its quotes."""
    return name[1:-1].replace('""', '"')
