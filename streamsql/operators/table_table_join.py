"""TableTableJoin on the primary keys.

Law: a change of either side sees the other as of its `_seq`. INNER: it leaves if the other side
has the row, as a tombstone where its own is gone. An outer side's change leaves unless there
neither was nor is anything; the other side's only where the outer one has the row (Kafka Streams:
KTableKTableInnerJoin, KTableKTableLeftJoin, KTableKTableOuterJoin). The time is the larger of
both. State `left(_part, key, _ts, values)` and `right`, as of the batch's start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.operators.join import (
    LEFT_SIDES,
    RIGHT_SIDES,
    joined_columns,
    used_columns,
)
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.operators.table_state import (
    STORED_META,
    TableKey,
    last_changes,
    replace_rows,
)
from streamsql.schema.column import Schema
from streamsql.schema.duck import duckdb_type, quote

_SQL_JOINS = {"INNER": "JOIN", "LEFT": "LEFT JOIN", "RIGHT": "RIGHT JOIN", "OUTER": "FULL JOIN"}


@dataclass(frozen=True, slots=True)
class Side:
    """A kept input: its changes by name, its state, its key, and the aliases they have in the
    join."""

    relation: Relation
    state: str
    key: TableKey
    rows: str
    stored: str

    def pick(self, seq: str, column: str) -> str:
        """A column as of the change that is looked at: of the batch where `seq` names one, else
        of the state."""
        return (
            f"CASE WHEN u.{seq} IS NULL THEN {self.stored}.{column} ELSE {self.rows}.{column} END"
        )

    def exists(self, seq: str) -> str:
        """Whether the side has the row as of that change."""
        return (
            f"CASE WHEN u.{seq} IS NULL THEN {self.stored}._part IS NOT NULL"
            f" ELSE NOT {self.rows}._null END"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTableJoin:
    """Rows of `left` and `right` with one key; `kind` INNER, LEFT, RIGHT or OUTER.

    `schema.value` names value columns of either input (their names are disjoint: a Project below
    gives prefixes and copies keys and pseudo columns into the value); `schema.key` renames the
    key that both share.
    """

    left: Node
    right: Node
    kind: str
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
        """Three statements that read, two that keep each side's changes, four that change the
        state."""
        left = keep_side(builder, relations[0], self.schema, "l")
        right = keep_side(builder, relations[1], self.schema, "r")
        changes = builder.add(self._changes(left, right), hint="changes")
        sql = self._join(changes, left, right)
        for side in (left, right):
            last = last_changes(builder, side.relation, side.state, side.key)
            columns = state_columns(side.relation, self.schema, side.key)
            replace_rows(builder, last, side.state, columns=columns)
        return replace(
            left.relation,
            sql=f"({sql})",
            schema=self.schema,
            materialized=self._stored(left, right),
        )

    def _changes(self, left: Side, right: Side) -> str:
        """Both sides' changes in order: which of each side is the latest, `_first` of its side
        and key in the batch."""
        meta = "_part, _ts, _hdr, _null"
        names = [f"_k{i}" for i in range(len(left.key.columns) - 1)]
        parts: list[str] = []
        for number, side in enumerate((left, right)):
            columns = side.key.columns[1:]
            keys = [f"{quote(c)} AS {n}" for (c, _), n in zip(columns, names, strict=True)]
            parts.append(
                f"SELECT {side.relation.origin} AS _at, _seq AS _id, {', '.join([meta, *keys])},"
                f" {number} AS _side FROM {side.relation.sql}"
            )
        group = ", ".join(["_part", *names])
        latest = "last_value(CASE WHEN _side = {n} THEN _id END IGNORE NULLS) OVER w"
        return (
            f"SELECT *, {latest.format(n=0)} AS _l, {latest.format(n=1)} AS _r,"
            f" lag(_id) OVER s IS NULL AS _first, lag(_null) OVER s AS _gone"
            f" FROM ({' UNION ALL '.join(parts)})"
            f" WINDOW w AS (PARTITION BY {group} ORDER BY _at, _id ROWS UNBOUNDED PRECEDING),"
            f" s AS (PARTITION BY _side, {group} ORDER BY _at, _id) ORDER BY _at, _id"
        )

    def _join(self, changes: str, left: Side, right: Side) -> str:
        """Each change with what both sides have at that place."""
        here, there = left.exists("_l"), right.exists("_r")
        keys = [f"u._k{i}" for i in range(len(left.key.columns) - 1)]
        columns = joined_columns(
            self.schema,
            key=lambda i: keys[i],
            left=(left.relation, lambda n: f"CASE WHEN {here} THEN {left.pick('_l', n)} END"),
            right=(right.relation, lambda n: f"CASE WHEN {there} THEN {right.pick('_r', n)} END"),
        )
        times = [
            f"CASE WHEN {here} THEN {left.pick('_l', '_ts')} END",
            f"CASE WHEN {there} THEN {right.pick('_r', '_ts')} END",
        ]
        meta = [
            *(self._place(left.relation), "u._part", "NULL::BIGINT AS _off"),
            f"greatest(u._ts, {', '.join(times)}) AS _ts",
            f"NOT ({self._alive(here, there)}) AS _null",
            "u._hdr",
        ]
        if left.relation.window is not None:
            meta += [f"{keys[-2]} AS _ws", f"{keys[-1]} AS _we"]
        if left.relation.origin != "_seq":
            meta.append("u._at")
        joins = "".join(
            f" LEFT JOIN {s.relation.sql} {s.rows} ON {s.rows}._seq = u.{seq}"
            f" LEFT JOIN {s.state} {s.stored} ON {_same(s, keys)}"
            for s, seq in ((left, "_l"), (right, "_r"))
        )
        before = (
            "CASE WHEN NOT u._first THEN NOT u._gone"
            f" WHEN u._side = 0 THEN {left.stored}._part IS NOT NULL"
            f" ELSE {right.stored}._part IS NOT NULL END"
        )
        return (
            f"SELECT {', '.join([*meta, *columns])} FROM {changes} u{joins}"
            f" WHERE {self._leaves(here, there, before)}"
        )

    def _place(self, left: Relation) -> str:
        """`_seq`: the change's own, or numbered afresh where several left changes come of one
        record."""
        if left.origin == "_seq":
            return "u._at AS _seq"
        return "row_number() OVER (ORDER BY u._at, u._id) AS _seq"

    def _alive(self, here: str, there: str) -> str:
        """The condition that the joined row exists."""
        match self.kind:
            case "INNER":
                return f"({here}) AND ({there})"
            case "LEFT":
                return here
            case "RIGHT":
                return there
            case _:
                return f"({here}) OR ({there})"

    def _leaves(self, here: str, there: str, before: str) -> str:
        """The condition that a change leaves."""
        anything = f"({here}) OR ({there}) OR ({before})"
        left = anything if self.kind in LEFT_SIDES else there
        right = anything if self.kind in RIGHT_SIDES else here
        return f"CASE WHEN u._side = 0 THEN {left} ELSE {right} END"

    def _stored(self, left: Side, right: Side) -> str:
        """The joined rows as they are now."""
        names = [quote(name) for name, _ in left.key.columns]
        others = [quote(name) for name, _ in right.key.columns]
        on = " AND ".join(
            f"l.{a} IS NOT DISTINCT FROM r.{b}" for a, b in zip(names, others, strict=True)
        )
        both = [f"coalesce(l.{a}, r.{b})" for a, b in zip(names, others, strict=True)]
        columns = joined_columns(
            self.schema,
            key=lambda i: both[i + 1],
            left=(left.relation, lambda n: f"l.{n}"),
            right=(right.relation, lambda n: f"r.{n}"),
        )
        bounds = []
        if left.relation.window is not None:
            bounds = [f"{both[-2]} AS _ws", f"{both[-1]} AS _we"]
        meta = STORED_META.replace("_part", f"{both[0]} AS _part")
        meta = meta.replace(" _ts,", " greatest(l._ts, r._ts) AS _ts,")
        return (
            f"SELECT {', '.join([meta, *bounds, *columns])}"
            f" FROM {left.state} l {_SQL_JOINS[self.kind]} {right.state} r ON {on}"
        )


def keep_side(builder: Builder, relation: Relation, schema: Schema, alias: str) -> Side:
    """A table's changes as a result, and a state table for its rows."""
    kept = builder.settle(relation, hint="side")
    key = TableKey.of(kept)
    state = builder.state_table("rows", state_columns(kept, schema, key), key=key.names)
    return Side(kept, state, key, f"{alias}b", f"{alias}s")


def state_columns(relation: Relation, schema: Schema, key: TableKey) -> tuple[tuple[str, str], ...]:
    """What a join keeps of a side: key, time, and the columns that stand in its schema."""
    types = {c.name: duckdb_type(c.type) for c in relation.schema.value}
    used = tuple((p, types[n]) for n, p in used_columns(schema, relation))
    return (*key.columns, ("_ts", "BIGINT"), *used)


def _same(side: Side, keys: list[str]) -> str:
    """The condition that a stored row has the key of a change."""
    names = [quote(name) for name, _ in side.key.columns[1:]]
    operator = "IS NOT DISTINCT FROM" if side.key.nullable else "="
    same = [f"{side.stored}.{n} {operator} {k}" for n, k in zip(names, keys, strict=True)]
    return " AND ".join([f"{side.stored}._part = u._part", *same])
