"""GROUP BY over a table: each change undoes the old row in its group and does the new one in its
own.

Law: one change where the group stays, else the old group's first; a row without a group, or that
is gone, is in none. State: `source(_part, key, group, arguments)`, the rows as they were last
counted; `groups` as in `grouping.py`; `items(_part, group, _ord, value)` for each aggregate that
keeps values, of which a value that goes takes away the last equal one (ksqlDB: CollectListUdaf).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streamsql.functions.registry import BoundAggregate
from streamsql.operators.fault import Computed, guard
from streamsql.operators.grouping import Grouped, changed_groups, group_relation, store_groups
from streamsql.operators.operator import LOG, Builder, Relation
from streamsql.operators.table_state import TableKey
from streamsql.schema.duck import duckdb_type, quote
from streamsql.schema.typed import TypedSql


def unlisted(aggregate: BoundAggregate, number: int) -> BoundAggregate:
    """The aggregate without partials, if its values are kept one by one: its result reads
    `_list{number}`."""
    if not aggregate.listed:
        return aggregate
    return replace(
        aggregate,
        state=(),
        stages=(),
        running=(),
        group=(),
        merge=(),
        joined=(),
        result=aggregate.listed.replace("{0}", f"_list{number}"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChanges:
    """How a table's changes become values that come and go.

    `group`: the key columns; `arguments`: those of the aggregates; `place`: the partition of a
    group.
    """

    group: tuple[Computed, ...]
    arguments: tuple[Computed, ...]
    place: str = "_part"

    @property
    def stays(self) -> str:
        """The condition that a row of `keep` has a group, and that the old one was in the same if
        it had any."""
        same = [f"{c.name} IS NOT DISTINCT FROM _o{i}" for i, c in enumerate(self.group)]
        return " AND ".join(["_has", *same])

    def lower(self, builder: Builder, relation: Relation) -> str:
        """The statements of `keep`; gives the rows that `grouping.py` reads, as what stands after
        FROM."""
        return self._events(self.keep(builder, relation))

    def keep(self, builder: Builder, relation: Relation) -> str:
        """Four statements. Gives the changes, each with whether it `_has` a group, whether the row
        of its key `_had` one before, and what group and arguments were then: `_o0`, …"""
        values = [(c.name, duckdb_type(c.typed.type)) for c in self._computed()]
        settled = builder.settle(self._rows(relation))
        keys = tuple((f"_k{i}", t) for i, (_, t) in enumerate(TableKey.of(relation).columns))
        state = builder.state_table(
            "source",
            (*keys, *((name.strip('"'), type_) for name, type_ in values)),
            key=(name for name, _ in keys),
            holds=[(c.name.strip('"'), c.typed.sql) for c in self._computed()],
        )
        moved = builder.add(self._moved(settled.sql, keys, values, state), hint="moved")
        builder.effect(
            f"DELETE FROM {state} WHERE rowid IN"
            f" (SELECT _srid FROM {moved} WHERE _last AND _srid IS NOT NULL)"
        )
        listed = ", ".join([*(k for k, _ in keys), *(name for name, _ in values)])
        builder.effect(f"INSERT INTO {state} SELECT {listed} FROM {moved} WHERE _last AND _has")
        return moved

    def _computed(self) -> list[Computed]:
        return [*self.group, *self.arguments]

    def _rows(self, relation: Relation) -> Relation:
        """The changes: key `_k0`, …, group and argument columns, and whether the row `_has` a
        group."""
        keys = TableKey.of(relation).columns
        computed = self._computed()
        guarded = guard(relation, computed)
        columns = [
            *(name for name in relation.passed if name != LOG),
            *guarded.logged,
            *(f"{quote(name)} AS _k{i}" for i, (name, _) in enumerate(keys)),
            *(f"{text} AS {c.name}" for text, c in zip(guarded.texts, computed, strict=True)),
        ]
        inner = f"SELECT {', '.join(columns)} FROM {guarded.source}"
        has = " AND ".join(["NOT _null", *(f"{c.name} IS NOT NULL" for c in self.group)])
        return replace(
            relation, sql=f"(SELECT *, {has} AS _has FROM ({inner}))", logged=bool(guarded.log)
        )

    def _moved(
        self,
        rows: str,
        keys: tuple[tuple[str, str], ...],
        values: list[tuple[str, str]],
        state: str,
    ) -> str:
        same = " AND ".join(f"st.{k} IS NOT DISTINCT FROM b.{k}" for k, _ in keys)
        first = "lag(b._seq) OVER w IS NULL"
        old = [
            f"CASE WHEN {first} THEN st.{name} ELSE lag(b.{name}) OVER w END AS _o{i}"
            for i, (name, _) in enumerate(values)
        ]
        had = f"CASE WHEN {first} THEN st._k0 IS NOT NULL ELSE lag(b._has) OVER w END AS _had"
        listed = ", ".join(f"b.{k}" for k, _ in keys)
        return (
            f"SELECT b.*, {', '.join([had, *old])}, lead(b._seq) OVER w IS NULL AS _last,"
            f" st.rowid AS _srid FROM {rows} b LEFT JOIN {state} st ON {same}"
            f" WINDOW w AS (PARTITION BY {listed} ORDER BY b._seq) ORDER BY b._seq"
        )

    def _events(self, moved: str) -> str:
        """What goes, then what comes; of a row that stays in its group only the latter leaves."""
        names = [c.name for c in self._computed()]
        old = ", ".join(f"_o{i} AS {name}" for i, name in enumerate(names))
        meta = "_seq, _part, _ts, _hdr"
        both = (
            f"SELECT {meta}, 0 AS _sub, -1 AS _sign, {self.stays} AS _mute, {old} FROM {moved}"
            f" WHERE _had UNION ALL SELECT {meta}, 1, 1, FALSE, {', '.join(names)} FROM {moved}"
            " WHERE _has"
        )
        place = f", ({self.place})::INTEGER AS _part" if self.place != "_part" else ""
        number = "row_number() OVER (ORDER BY _seq, _sub) AS _seq"
        return f"(SELECT * REPLACE ({number}{place}) FROM ({both}))"


def lower_table_groups(
    builder: Builder, grouped: Grouped, aggregates: Sequence[BoundAggregate]
) -> Relation:
    """The statements of the groups, and four more for each aggregate that keeps values."""
    columns = (*grouped.key.columns, ("_ts", "BIGINT"), *grouped.partials.columns)
    state = builder.state_table(
        "groups", columns, key=grouped.key.names, holds=grouped.partials.holds
    )
    last = not builder.every_change
    rows = changed_groups(builder, grouped, state, last=last)
    key = grouped.key
    store_groups(builder, rows, state, columns, key=key)
    changes, kept = f"{rows} b", f"{state} st"
    more: list[str] = []
    stored: list[str] = []
    for i, (call, aggregate) in enumerate(zip(grouped.partials.calls, aggregates, strict=True)):
        if not aggregate.listed:
            continue
        lists, items = _keep_items(builder, key, rows, call.arguments[0], aggregate.arguments[0])
        changes += f" LEFT JOIN {lists} l{i} ON l{i}._seq = b._seq"
        more.append(f"coalesce(l{i}._list, []) AS _list{i}")
        kept += (
            f" LEFT JOIN (SELECT {key.listed()}, list(_v ORDER BY _ord) AS _list FROM {items}"
            f" GROUP BY ALL) l{i} ON {key.equal(f'l{i}', 'st')}"
        )
        stored.append(f"coalesce(l{i}._list, []) AS _list{i}")
    if not more:
        return group_relation(grouped, rows, state, last=last)
    return group_relation(
        grouped,
        f"(SELECT b.*, {', '.join(more)} FROM {changes})",
        f"(SELECT st.*, {', '.join(stored)} FROM {kept})",
        last=last,
    )


def _keep_items(
    builder: Builder, key: TableKey, rows: str, value: str, argument: TypedSql
) -> tuple[str, str]:
    """Keeps a group's values one by one; gives the lists after each change, and the state table.

    A value that goes cancels the last equal one that is still there: of equal values, the n-th
    level is entered by one that comes and left by the next that goes at that level.
    """
    items = builder.state_table(
        "items",
        (*key.columns, ("_ord", "BIGINT"), ("_v", duckdb_type(argument.type))),
        key=("_part", "_ord"),
        holds=[("_v", argument.sql)],
    )
    group = key.listed()
    top = f"(SELECT coalesce(max(_ord), 0) FROM {items})"
    touched = f"(SELECT DISTINCT {group} FROM {rows})"
    before = (
        f"SELECT {key.listed('i')}, i._v, i._ord, i._ord - {top} - 1 AS _at, 1 AS _sign,"
        f" i.rowid AS _rid FROM {items} i SEMI JOIN {touched} t ON {key.equal('i', 't')}"
    )
    now = (
        f"SELECT {group}, {value} AS _v, {top} + _seq AS _ord, _seq AS _at, _sign, NULL AS _rid"
        f" FROM {rows}"
    )
    level = (
        f"SELECT *, sum(_sign) OVER (PARTITION BY {group}, _v ORDER BY _at"
        " ROWS UNBOUNDED PRECEDING)"
        f" + (_sign < 0)::INTEGER AS _level FROM ({before} UNION ALL {now})"
    )
    until = (
        f"SELECT *, lead(_at) OVER (PARTITION BY {group}, _v, _level ORDER BY _at) AS _until"
        f" FROM ({level})"
    )
    spans = builder.add(f"SELECT * FROM ({until}) WHERE _sign > 0 ORDER BY _at", hint="spans")
    lists = builder.add(
        f"SELECT b._seq, list(s._v ORDER BY s._at) AS _list FROM {rows} b JOIN {spans} s"
        f" ON {key.equal('b', 's')} AND s._at <= b._seq AND coalesce(s._until > b._seq, TRUE)"
        " GROUP BY b._seq ORDER BY b._seq",
        hint="lists",
    )
    builder.effect(
        f"DELETE FROM {items} WHERE rowid IN"
        f" (SELECT _rid FROM {spans} WHERE _rid IS NOT NULL AND _until IS NOT NULL)"
    )
    builder.effect(
        f"INSERT INTO {items} SELECT {group}, _ord, _v FROM {spans}"
        " WHERE _rid IS NULL AND _until IS NULL ORDER BY _at"
    )
    return lists, items
