"""The statements of a GROUP BY over a stream's rows: batch joined with state, running aggregates,
new state.

The rows come with their whole key, a window's bounds among it; which rows those are is the
caller's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.operators.kernels.fold import Fold, fold_kernel
from streamsql.operators.kernels.running import KEY_TYPES, running_kernel
from streamsql.operators.operator import Builder, Relation, WindowInfo
from streamsql.operators.partials import Partials
from streamsql.operators.table_state import STORED_META, TableKey
from streamsql.schema.column import Schema
from streamsql.schema.duck import duckdb_type, physical_names, quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """`rows`: what stands after FROM: META, the columns of `key`, the arguments' columns of
    `partials`.

    `seen`: the state tables with the values of each COUNT_DISTINCT. `changes`: they are a
    table's, with `_sign` -1 for a value that goes, and `_mute` true for rows of which no change
    leaves; the argument columns stay in the result then.
    """

    rows: str
    schema: Schema
    window: WindowInfo | None
    key: TableKey
    partials: Partials
    changes: bool = False
    seen: tuple[str, ...] = ()

    @property
    def bounds(self) -> list[str]:
        """The columns of the window's bounds; of windows of fixed size the state keeps the start
        only."""
        if self.window is None:
            return []
        end = "_we" if self.window.size_ms is None else f"_ws + {self.window.size_ms} AS _we"
        return ["_ws", end]


def lower_groups(builder: Builder, grouped: Grouped) -> tuple[Relation, str]:
    """Three statements: the changes, the old state out, the new state in. Gives the table, and
    the name of its state."""
    columns = (*grouped.key.columns, ("_ts", "BIGINT"), *grouped.partials.columns)
    state = builder.state_table(
        "groups", columns, key=grouped.key.names, holds=grouped.partials.holds
    )
    rows = changed_groups(builder, grouped, state, last=not builder.every_change)
    store_groups(builder, rows, state, columns, key=grouped.key)
    return group_relation(grouped, rows, state, last=not builder.every_change), state


def changed_groups(builder: Builder, grouped: Grouped, state: str, *, last: bool) -> str:
    """A result with the groups after each row; `_fin` marks the last row of each, and with `last`
    no other is needed."""
    by_group = last and not grouped.partials.folded and not grouped.changes
    if by_group:
        sql = _last_changes(grouped, state)
    elif _scanned(grouped):
        sql = _scanned_changes(builder, grouped, state)
    else:
        sql = _every_change(grouped, state)
    folds = folds_of(grouped.partials)
    rows = builder.add(sql, kernel=fold_kernel(folds) if folds else None, hint="groups")
    for call, seen in zip(grouped.partials.distinct, grouped.seen, strict=False):
        value, key = call.arguments[0], grouped.key
        builder.effect(
            f"INSERT INTO {seen} SELECT DISTINCT {key.listed('b')}, b.{value} FROM {grouped.rows} b"
            f" ANTI JOIN {seen} d ON {key.equal('d', 'b')} AND d._v = b.{value}"
            f" WHERE b.{value} IS NOT NULL"
        )
    return rows


def keep_values(builder: Builder, grouped: Grouped) -> Grouped:
    """The same with a state table for the values of each COUNT_DISTINCT."""
    names = [
        builder.state_table(
            "seen",
            (*grouped.key.columns, ("_v", duckdb_type(c.aggregate.arguments[0].type))),
            key=(*grouped.key.names, "_v"),
            holds=[("_v", c.aggregate.text)],
        )
        for c in grouped.partials.distinct
    ]
    return replace(grouped, seen=tuple(names))


def store_groups(
    builder: Builder,
    rows: str,
    state: str,
    columns: tuple[tuple[str, str], ...],
    *,
    key: TableKey,
) -> None:
    """Two statements: the state of the groups that `rows` ends with replaces what `_rid` names."""
    builder.effect(
        f"DELETE FROM {state} WHERE rowid IN"
        f" (SELECT _rid FROM {rows} WHERE _fin AND _rid IS NOT NULL)",
        comes_back=key.exact,
    )
    listed = ", ".join(quote(name) for name, _ in columns)
    builder.effect(f"INSERT INTO {state} SELECT {listed} FROM {rows} WHERE _fin")


def group_relation(grouped: Grouped, rows: str, state: str, *, last: bool) -> Relation:
    """The table of groups, over changes (with `last` only each group's last) and over the state."""
    schema = grouped.schema
    names = [quote(n) for n in physical_names(c.name for c in (*schema.key, *schema.value))]
    left = [*(["_fin"] if last else []), *(["NOT _mute"] if grouped.changes else [])]
    where = f" WHERE {' AND '.join(left)}" if left else ""
    keys = names[: len(grouped.schema.key)]
    results = grouped.partials.results(names[len(keys) :])
    columns = ", ".join([*grouped.bounds, *keys, *results])
    meta = "_seq, _part, NULL::BIGINT AS _off, _ts, FALSE AS _null, _hdr"
    return Relation(
        sql=f"(SELECT {meta}, {columns} FROM {rows}{where})",
        schema=grouped.schema,
        table=True,
        window=grouped.window,
        materialized=f"SELECT {STORED_META}, {columns} FROM {state}",
    )


def _joined(grouped: Grouped, state: str) -> str:
    """Each row of the batch with the state of its group: `_p` columns, `_pts`, `_rid`."""
    partials = grouped.partials
    kept = [
        f"st.{a} AS {p}" for a, p in zip(partials.names("_a"), partials.names("_p"), strict=True)
    ]
    known = ""
    for i, (call, seen) in enumerate(zip(partials.distinct, grouped.seen, strict=False)):
        same = f"{grouped.key.equal(f'd{i}', 'b')} AND d{i}._v = b.{call.arguments[0]}"
        known += f" LEFT JOIN {seen} d{i} ON {same}"
        kept.append(f"d{i}._part IS NULL AS _new{call.first_stage}")
    columns = ", ".join(["b.*", *kept, "st._ts AS _pts", "st.rowid AS _rid"])
    return (
        f"SELECT {columns} FROM {grouped.rows} b"
        f" LEFT JOIN {state} st ON {grouped.key.equal('st', 'b')}{known}"
    )


def _staged(grouped: Grouped, state: str) -> str:
    """The batch joined with the state, and the stages' columns."""
    key = grouped.key.listed()
    over = f"(PARTITION BY {key} ORDER BY _seq ROWS UNBOUNDED PRECEDING)"
    sql = _joined(grouped, state)
    for stage in grouped.partials.stages(over, key):
        sql = f"SELECT *, {stage} FROM ({sql})"
    return sql


def _every_change(grouped: Grouped, state: str) -> str:
    """The groups after each row; `_fin` marks the last row of each."""
    partials, key = grouped.partials, grouped.key.listed()
    window = "w"
    over = f"(PARTITION BY {key} ORDER BY _seq ROWS UNBOUNDED PRECEDING)"
    kept = ["_seq", "_hdr", key]
    own = partials.signed if grouped.changes else partials.running
    if grouped.changes:
        kept += ["_sign", "_mute", *(name for name, _ in partials.arguments)]
    folds = folds_of(partials)
    running = [
        "max(_ts) OVER w AS _ts",
        "lead(_seq) OVER w IS NULL AS _fin",
        *own(window, key),
        *(["first_value(_seq) OVER w AS _g", *partials.lifts()] if folds else []),
    ]
    if partials.staged or grouped.changes:
        # They look at the state for each row.
        columns = [*kept, "_rid", "_pts", *partials.names("_p"), *running]
        sql = f"SELECT {', '.join(columns)} FROM ({_staged(grouped, state)}) WINDOW w AS {over}"
    else:
        # What the state has would only be carried through the window's sort.
        sql = f"SELECT {', '.join([*kept, *running])} FROM {grouped.rows} WINDOW w AS {over}"
        sql = _joined(replace(grouped, rows=f"({sql})"), state)
    merged = [*kept, "_rid", "greatest(_pts, _ts) AS _ts", "_fin", *partials.merged()]
    if folds:
        merged += ["_g", *(f"_p{f.number}" for f in folds), *(f"_l{f.number}" for f in folds)]
    # The fold kernel needs the rows of a group together.
    order = " ORDER BY _g, _seq" if folds else ""
    return f"SELECT {', '.join(merged)} FROM ({sql}){order}"


def _scanned(grouped: Grouped) -> bool:
    """Whether a kernel gives what the groups are after each row."""
    simple = all(type_ in KEY_TYPES for _, type_ in grouped.key.columns)
    return simple and bool(grouped.partials.scans) and not grouped.changes


def _scanned_changes(builder: Builder, grouped: Grouped, state: str) -> str:
    """As `_every_change`, over the kernel's result."""
    partials, key = grouped.partials, grouped.key
    columns = ["_seq", "_hdr", "_ts", key.listed(), *(name for name, _ in partials.arguments)]
    rows = builder.add(
        f"SELECT {', '.join(columns)} FROM {grouped.rows} ORDER BY _seq",
        kernel=running_kernel(key.names, partials.scans),
        hint="running",
    )
    kept = ["_seq", "_hdr", key.listed(), "_rid", "greatest(_pts, _ts) AS _ts", "_fin"]
    joined = _joined(replace(grouped, rows=rows), state)
    return f"SELECT {', '.join([*kept, *partials.merged()])} FROM ({joined})"


def _last_changes(grouped: Grouped, state: str) -> str:
    """The groups after the batch, by GROUP BY; no window functions where there are no stages."""
    partials, key = grouped.partials, grouped.key
    columns = ["_seq", "_hdr", "_rid", key.listed(), "_ts", "TRUE AS _fin", *partials.merged()]
    if partials.staged:
        whole = [
            *("max(_seq) AS _seq", "arg_max_null(_hdr, _seq) AS _hdr", "any_value(_rid) AS _rid"),
            "greatest(any_value(_pts), max(_ts)) AS _ts",
            *(f"any_value({p}) AS {p}" for p in partials.names("_p")),
            *partials.grouped(),
        ]
        sql = f"SELECT {key.listed()}, {', '.join(whole)} FROM ({_staged(grouped, state)})"
        return f"SELECT {', '.join(columns)} FROM ({sql} GROUP BY ALL)"
    group = ", ".join(
        [
            "max(_seq) AS _seq",
            "arg_max_null(_hdr, _seq) AS _hdr",
            "max(_ts) AS _ts",
            *partials.grouped(),
        ]
    )
    sql = f"SELECT {key.listed()}, {group} FROM {grouped.rows} GROUP BY ALL"
    kept = [
        f"st.{a} AS {p}" for a, p in zip(partials.names("_a"), partials.names("_p"), strict=True)
    ]
    sql = (
        f"SELECT b.* REPLACE (greatest(st._ts, b._ts) AS _ts), {', '.join(kept)}, st.rowid AS _rid"
        f" FROM ({sql}) b LEFT JOIN {state} st ON {key.equal('st', 'b')}"
    )
    return f"SELECT {', '.join(columns)} FROM ({sql})"


def folds_of(partials: Partials) -> list[Fold]:
    """What the kernel adds up."""
    folds: list[Fold] = []
    for call in partials.folded:
        for n, kind in zip(call.numbers(), call.aggregate.fold, strict=True):
            of = None
            if kind != "sum":
                total, count = (call.first + int(i) for i in kind.split()[1:])
                of = (total, count)
            folds.append(Fold(n, of))
    return folds
