"""EMIT FINAL: a window leaves once, when stream time closes it.

Law: at the first record of its partition with `end + grace <= stream time`; of those that close
together, the lower start first, then by key bytes. Where time jumps, a window is lost that starts
before `floor(stream time / advance) * advance - size - grace`: its store has expired by then.
State `groups` as in `grouping.py`, and the headers of the last record; a window that closed is in
it no more.
"""

from __future__ import annotations

from streamsql.operators.grouping import Grouped, changed_groups, group_relation
from streamsql.operators.operator import Builder, Relation
from streamsql.operators.placement import order_bytes
from streamsql.operators.window import Window
from streamsql.schema.duck import quote

HEADERS_TYPE = "STRUCT(KEY VARCHAR, VALUE BLOB)[]"


def lower_final(builder: Builder, grouped: Grouped, timed: str, window: Window) -> Relation:
    """Four statements: the groups after the batch, which of them close, old state out, new state
    in."""
    kept = (("_ts", "BIGINT"), ("_hdr", HEADERS_TYPE), *grouped.partials.columns)
    columns = (*grouped.key.columns, *kept)
    state = builder.state_table(
        "groups", columns, key=grouped.key.names, holds=grouped.partials.holds
    )
    rows = changed_groups(builder, grouped, state, last=True)
    decided = builder.add(
        _decided(grouped, rows, state, timed=timed, window=window), hint="decided"
    )
    builder.effect(
        f"DELETE FROM {state} WHERE rowid IN (SELECT _rid FROM {decided} WHERE _rid IS NOT NULL)"
    )
    listed = ", ".join(quote(name) for name, _ in columns)
    builder.effect(f"INSERT INTO {state} SELECT {listed} FROM {decided} WHERE _close IS NULL")
    keys = [quote(name) for name, _ in grouped.key.columns if name not in ("_part", "_ws")]
    order = f"_close, _ws, {order_bytes(grouped.schema.key, keys)}, _part"
    floor = f"_t // {window.advance_ms} * {window.advance_ms} - {window.open_ms}"
    leaving = (
        f"(SELECT *, row_number() OVER (ORDER BY {order}) AS _seq FROM {decided}"
        f" WHERE _close IS NOT NULL AND _ws >= {floor})"
    )
    relation = group_relation(grouped, leaving, state, last=False)
    return Relation(sql=relation.sql, schema=relation.schema, table=True, window=relation.window)


def _decided(grouped: Grouped, rows: str, state: str, *, timed: str, window: Window) -> str:
    """The groups that changed or close: `_close` the record that closes one, `_t` stream time
    then."""
    names = [*(n for n, _ in grouped.key.columns), "_ts", "_hdr", *grouped.partials.names("_a")]
    own = ", ".join(quote(n) for n in names)
    stored = ", ".join(f"st.{quote(n)}" for n in names)
    touched = f"SELECT {own}, _rid FROM {rows} WHERE _fin"
    now = f"SELECT _part, max(_t) AS _t FROM {timed} GROUP BY _part"
    untouched = (
        f"SELECT {stored}, st.rowid AS _rid FROM {state} st JOIN ({now}) x ON x._part = st._part"
        f" ANTI JOIN {rows} r ON r._rid = st.rowid WHERE st._ws + {window.open_ms} <= x._t"
    )
    advances = f"SELECT _part, _t, min(_seq) AS _close FROM {timed} GROUP BY _part, _t"
    return (
        f"SELECT c.*, a._close, a._t FROM ({touched} UNION ALL {untouched}) c"
        f" ASOF LEFT JOIN ({advances}) a ON a._part = c._part AND c._ws + {window.open_ms} <= a._t"
        " ORDER BY a._close, c._ws"
    )
