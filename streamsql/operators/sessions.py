"""SESSION windows: a kernel finds which sessions a record joins, SQL computes their aggregates.

Law: each joined session gives a tombstone, in order of its end and with its end as time, then the
merged one leaves, its time its end. No tombstone where the merged window is the record's own [ts,
ts]. With `final` a session leaves once, when `end + gap + grace <= stream time`. State
`groups(_part, key, _ws, _we, _ts, partials)`, `time(_part, _t)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streamsql.operators.grouping import Grouped, folds_of
from streamsql.operators.kernels.sessions import (
    BASE,
    ELEMENT,
    PIECE,
    REPLACED,
    TOMBSTONE,
    session_kernel,
)
from streamsql.operators.operator import Builder, Relation
from streamsql.operators.placement import order_bytes
from streamsql.operators.table_state import STORED_META
from streamsql.operators.window import Window, expire_rows, keep_time, skipped
from streamsql.schema.duck import physical_names, quote

HEADERS_TYPE = "STRUCT(KEY VARCHAR, VALUE BLOB)[]"
_ALL_SUBS = 3
"""Place of the merged session behind its at most two tombstones."""


def lower_sessions(builder: Builder, grouped: Grouped, window: Window, *, final: bool) -> Relation:
    """The statements of a GROUP BY over sessions."""
    work = _Work(grouped=grouped, window=window)
    time = builder.state_table("time", (("_part", "INTEGER"), ("_t", "BIGINT")), key=("_part",))
    state = builder.state_table(
        "groups", work.columns, key=(*grouped.key.names, "_we"), holds=grouped.partials.holds
    )
    timed = builder.add(work.timed(time), hint="timed")
    keep_time(builder, timed, time)
    folds = folds_of(grouped.partials)
    structure = builder.add(
        work.reach(timed, state),
        kernel=session_kernel(window.size_ms, window.grace_ms, folds, final=final),
        hint="sessions",
    )
    builder.late(work.late(timed, structure))
    rows = builder.add(work.sessions(timed, structure, state), hint="groups")
    if final:
        table = work.finish(builder, rows, structure, state=state, timed=timed)
        return replace(table, expiry=window.expiry(time))
    touched = f"SELECT _row FROM {structure} WHERE _kind IN ({BASE}, {REPLACED})"
    builder.effect(f"DELETE FROM {state} WHERE rowid IN ({touched})")
    builder.effect(f"INSERT INTO {state} SELECT {work.listed} FROM {rows} WHERE _fin")
    expire_rows(builder, state, window.expiry(time))
    changes = work.changes(timed, structure, rows, last=not builder.every_change)
    return replace(work.relation(changes, state), expiry=window.expiry(time))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One lowering: names and the statements over them."""

    grouped: Grouped
    window: Window

    @property
    def key(self) -> str:
        """Partition and key columns."""
        return ", ".join(self.names)

    @property
    def names(self) -> list[str]:
        """Partition and key columns, quoted."""
        own = [n for n, _ in self.grouped.key.columns if n not in ("_ws", "_we")]
        return [quote(n) for n in own]

    def of(self, alias: str) -> str:
        """Partition and key columns of one relation."""
        return ", ".join(f"{alias}.{name}" for name in self.names)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Of the state."""
        bounds = (("_ws", "BIGINT"), ("_we", "BIGINT"))
        own = tuple(c for c in self.grouped.key.columns if c[0] not in ("_ws", "_we"))
        more = (("_ts", "BIGINT"), ("_hdr", HEADERS_TYPE))
        return (*own, *bounds, *more, *self.grouped.partials.columns)

    @property
    def listed(self) -> str:
        """The state's columns as a list."""
        return ", ".join(quote(name) for name, _ in self.columns)

    def same(self, a: str, b: str) -> str:
        """The condition that two rows are of one group."""
        return " AND ".join(f"{a}.{k} = {b}.{k}" for k in self.names)

    def timed(self, time: str) -> str:
        """The rows with stream time with (`_t`) and before (`_tb`) each, their group's code, and
        what DOUBLE sums add."""
        window = "OVER (PARTITION BY b._part ORDER BY b._seq ROWS BETWEEN UNBOUNDED PRECEDING AND"
        lifts = "".join(f", {text}" for text in self.grouped.partials.lifts())
        return (
            f"SELECT b.*{lifts}, greatest(tm._t, max(b._ts) {window} CURRENT ROW)) AS _t,"
            f" greatest(tm._t, max(b._ts) {window} 1 PRECEDING)) AS _tb,"
            f" min(b._seq) OVER (PARTITION BY {self.of('b')}) AS _g"
            f" FROM {self.grouped.rows} b LEFT JOIN {time} tm ON tm._part = b._part ORDER BY b._seq"
        )

    def reach(self, timed: str, state: str) -> str:
        """What the kernel reads: the stored sessions that the batch can touch, then its records,
        group by group."""
        folds = folds_of(self.grouped.partials)
        gap = self.window.size_ms
        had = "".join(
            f", st._a{f.number} AS _p{f.number}, NULL::DOUBLE AS _l{f.number}" for f in folds
        )
        adds = "".join(f", NULL::DOUBLE AS _p{f.number}, _l{f.number}" for f in folds)
        touched = (
            f"SELECT {self.key}, _g, min(_ts) - {gap} AS _low, max(_ts) + {gap} AS _high"
            f" FROM {timed} GROUP BY ALL"
        )
        return (
            "SELECT * FROM (SELECT m._g, TRUE AS _stored, st.rowid AS _seq, st._ws, st._we,"
            f" NULL::BIGINT AS _t, NULL::BIGINT AS _tb{had} FROM {state} st"
            f" JOIN ({touched}) m ON {self.same('m', 'st')}"
            " WHERE st._we >= m._low AND st._ws <= m._high"
            f" UNION ALL SELECT _g, FALSE, _seq, _ts, _ts, _t, _tb{adds} FROM {timed})"
            " ORDER BY _g, _stored DESC, CASE WHEN _stored THEN _we ELSE _seq END"
        )

    def late(self, timed: str, structure: str) -> str:
        """The records that no session took: they are no element that leaves."""
        closed = self.window.open_ms
        keys = [k for k in self.names if k != '"_part"']
        bound = f"_t - {closed}"
        message = skipped(keys, start="_ts", end="_ts", closed=bound, bracket="]")
        taken = f"SELECT _row FROM {structure} WHERE _kind = {ELEMENT} AND _emit"
        return (
            f"SELECT _seq, _part, _ts, {message} AS message FROM {timed} b"
            f" WHERE _ts + {closed} < _t AND NOT EXISTS"
            f" (FROM ({taken}) t WHERE t._row = b._seq)"
        )

    def sessions(self, timed: str, structure: str, state: str) -> str:
        """The sessions after each record: chains as groups, their stored sessions as the state
        before."""
        partials = self.grouped.partials
        plain = [n for c in partials.calls if not c.aggregate.fold for n in c.numbers()]
        arguments = "".join(f", b.{name}" for name, _ in partials.arguments)
        sums = "".join(f", s._a{f.number}" for f in folds_of(partials))
        keys = self.of("b")
        sql = (
            f"SELECT s._chain, s._pos AS _seq, s._emit, s._fin, s._ws, s._we, s._row{sums},"
            f" {keys}, b._hdr{arguments} FROM {structure} s JOIN {timed} b ON b._seq = s._row"
            f" WHERE s._kind = {ELEMENT}"
        )
        if plain:
            joined = ", ".join(f"a{n} := {text}" for n, text in partials.joined("p.a", "q.a"))
            base = (
                "SELECT _chain, list_reduce(list(_part ORDER BY _pos),"
                f" lambda p, q: struct_pack({joined})) AS _base"
                f" FROM ({self._parts(timed, structure, state, plain)}) GROUP BY _chain"
            )
            picked = ", ".join(f"_base.a{n} AS _p{n}" for n in plain)
            sql = f"SELECT e.*, {picked} FROM ({sql}) e LEFT JOIN ({base}) p ON p._chain = e._chain"
        sql = self._running(sql)
        merged = [
            *("_row", "_emit", "_fin", self.key, "_ws", "_we", "_we AS _ts", "_hdr"),
            *(f"_a{f.number}" for f in folds_of(partials)),
            *partials.merged(),
        ]
        return f"SELECT {', '.join(merged)} FROM ({sql}) WHERE _emit ORDER BY _row"

    def _running(self, sql: str) -> str:
        """The elements of `sql` with the partials of their chain up to each."""
        partials = self.grouped.partials
        over = "(PARTITION BY _chain ORDER BY _seq ROWS UNBOUNDED PRECEDING)"
        for stage in partials.stages(over, "_chain"):
            sql = f"SELECT *, {stage} FROM ({sql})"
        running = ", ".join(["*", *partials.running("w", "_chain")])
        return f"SELECT {running} FROM ({sql}) WINDOW w AS {over}"

    def _parts(self, timed: str, structure: str, state: str, plain: Sequence[int]) -> str:
        """What a chain begins with, as `_part` at `_pos`: stored sessions, and pieces, which
        begin with nothing themselves."""
        partials = self.grouped.partials
        fields = ", ".join(f"a{n} := st._a{n}" for n in plain)
        stored = (
            f"SELECT s._chain, s._pos, struct_pack({fields}) AS _part FROM {structure} s"
            f" JOIN {state} st ON st.rowid = s._row WHERE s._kind = {BASE}"
        )
        types = dict(partials.columns)
        nothing = ", ".join(f"NULL::{types[f'_a{n}']} AS _p{n}" for n in plain)
        arguments = "".join(f", b.{name}" for name, _ in partials.arguments)
        pieces = f"SELECT _row, _chain, _pos FROM {structure} WHERE _kind = {PIECE}"
        elements = self._running(
            f"SELECT h._chain AS _whole, h._pos AS _at, s._chain, s._pos AS _seq, {self.of('b')}"
            f"{arguments}, {nothing} FROM ({pieces}) h JOIN {structure} s ON s._chain = h._row"
            f" JOIN {timed} b ON b._seq = s._row WHERE s._kind = {ELEMENT}"
        )
        made = ", ".join(f"a{n} := _a{n}" for n in plain)
        return (
            f"{stored} UNION ALL SELECT _whole, _at, struct_pack({made}) FROM (SELECT *,"
            f" {', '.join(partials.merged())} FROM ({elements})"
            " QUALIFY row_number() OVER (PARTITION BY _chain ORDER BY _seq DESC) = 1)"
        )

    def changes(self, timed: str, structure: str, rows: str, *, last: bool) -> str:
        """Tombstones and sessions in order; with `last` the last change of each window."""
        keys = self.of("b")
        names = self.grouped.partials.names("_a")
        nothing = "".join(f", NULL AS {n}" for n in names)
        kept = "".join(f", {n}" for n in names)
        gone = (
            f"SELECT s._row, s._pos AS _sub, {keys}, s._ws, s._we, s._we AS _ts, b._hdr,"
            f" TRUE AS _null{nothing} FROM {structure} s JOIN {timed} b ON b._seq = s._row"
            f" WHERE s._kind = {TOMBSTONE}"
        )
        here = (
            f"SELECT _row, {_ALL_SUBS} AS _sub, {self.key}, _ws, _we, _ts, _hdr,"
            f" FALSE AS _null{kept} FROM {rows}"
        )
        number = "row_number() OVER (ORDER BY _row, _sub) AS _seq"
        sql = f"SELECT *, {number} FROM ({here} UNION ALL BY NAME {gone})"
        if last:
            window = f"(PARTITION BY {self.key}, _ws, _we ORDER BY _seq)"
            sql = f"SELECT * FROM ({sql}) QUALIFY lead(_seq) OVER {window} IS NULL"
        return f"({sql})"

    def relation(self, rows: str, state: str) -> Relation:
        """The table of sessions."""
        schema = self.grouped.schema
        names = [quote(n) for n in physical_names(c.name for c in (*schema.key, *schema.value))]
        keys = names[: len(schema.key)]
        results = self.grouped.partials.results(names[len(keys) :])
        columns = ", ".join(["_ws", "_we", *keys, *results])
        meta = "_seq, _part, NULL::BIGINT AS _off, _ts, _null, _hdr"
        return Relation(
            sql=f"(SELECT {meta}, {columns} FROM {rows})",
            schema=schema,
            table=True,
            window=self.window.info,
            materialized=f"SELECT {STORED_META}, {columns} FROM {state}" if state else "",
        )

    def finish(
        self, builder: Builder, rows: str, structure: str, *, state: str, timed: str
    ) -> Relation:
        """EMIT FINAL: three statements; the sessions that close leave, the others are the state."""
        names = self.listed
        stored = ", ".join(f"st.{quote(name)}" for name, _ in self.columns)
        touched = f"SELECT _row FROM {structure} WHERE _kind = {BASE}"
        now = f"SELECT _part, max(_t) AS _t FROM {timed} GROUP BY _part"
        open_ms = self.window.open_ms
        candidates = (
            f"SELECT {names}, NULL::BIGINT AS _rid, _row FROM {rows} WHERE _fin UNION ALL"
            f" SELECT {stored}, st.rowid, 0 FROM {state} st JOIN ({now}) x ON x._part = st._part"
            f" ANTI JOIN ({touched}) t ON t._row = st.rowid WHERE st._we + {open_ms} <= x._t"
        )
        advances = f"SELECT _part, _t, min(_seq) AS _close FROM {timed} GROUP BY _part, _t"
        decided = builder.add(
            # A record at the very bound of the grace period comes after the time that closes it.
            "SELECT c.* EXCLUDE (_row), CASE WHEN a._close IS NOT NULL"
            " THEN greatest(a._close, c._row) END AS _close"
            f" FROM ({candidates}) c ASOF LEFT JOIN ({advances}) a"
            f" ON a._part = c._part AND c._we + {open_ms} <= a._t ORDER BY _close, c._we",
            hint="decided",
        )
        builder.effect(
            f"DELETE FROM {state} WHERE rowid IN (SELECT _rid FROM {decided} WHERE _rid IS NOT NULL"
            f" UNION ALL {touched})"
        )
        builder.effect(f"INSERT INTO {state} SELECT {names} FROM {decided} WHERE _close IS NULL")
        keys = [k for k in self.names if k != '"_part"']
        order = f"_close, _we, {order_bytes(self.grouped.schema.key, keys)}, _ws, _part"
        leaving = (
            f"(SELECT *, FALSE AS _null, row_number() OVER (ORDER BY {order}) AS _seq"
            f" FROM {decided} WHERE _close IS NOT NULL)"
        )
        return self.relation(leaving, "")
