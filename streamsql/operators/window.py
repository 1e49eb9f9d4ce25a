"""The windows of a GROUP BY, as a value (ksqlDB: time-and-windows-in-ksqldb-queries), and a
record's place in them.

Stream time is kept per partition over the rows that have a group. A record goes into each of its
windows, lowest start first, that is not closed: `end + grace > stream time`, its own time counted.
State: `time(_part, _t)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamsql.operators.operator import Builder, Expiry, WindowInfo

DAY_MS = 86_400_000

EXPIRE_STEPS = 16
"""Steps between two deletions of closed windows: it costs a scan, and changes no output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """`kind` TUMBLING, HOPPING or SESSION.

    `size_ms`: width; of a session, the gap of inactivity. `advance_ms`: of HOPPING; else equal to
    the size. `grace_ms`: how long after its end a window takes records (default 24 hours; 0 where
    EMIT FINAL has no GRACE PERIOD). `retention_ms`: how long after its start a window can be
    read; at least size and grace.
    """

    kind: str
    size_ms: int
    advance_ms: int
    grace_ms: int = DAY_MS
    retention_ms: int = DAY_MS

    @property
    def info(self) -> WindowInfo:
        """What consumers of the key have to know."""
        return WindowInfo(kind=self.kind, size_ms=None if self.kind == "SESSION" else self.size_ms)

    @property
    def open_ms(self) -> int:
        """How long after its start a window of fixed size takes records."""
        return self.size_ms + self.grace_ms

    def expiry(self, time: str) -> Expiry:
        """When a window's rows can go: a session counts from its end, which moves."""
        column = "_we" if self.kind == "SESSION" else "_ws"
        return Expiry(time=time, column=column, kept_ms=max(self.retention_ms, self.open_ms))


def timed_rows(builder: Builder, rows: str) -> tuple[str, str]:
    """Two statements: `rows` with the stream time `_t` after each, and the new stream time kept.

    Gives the names of the result and of the state table.
    """
    time = builder.state_table("time", (("_part", "INTEGER"), ("_t", "BIGINT")), key=("_part",))
    running = "max(b._ts) OVER (PARTITION BY b._part ORDER BY b._seq ROWS UNBOUNDED PRECEDING)"
    timed = builder.add(
        f"SELECT b.*, greatest(tm._t, {running}) AS _t FROM {rows} b"
        f" LEFT JOIN {time} tm ON tm._part = b._part",
        hint="timed",
    )
    keep_time(builder, timed, time)
    return timed, time


def keep_time(builder: Builder, timed: str, time: str) -> None:
    """Stores the stream time `_t` that `timed` ends with. No UPDATE: while other transactions are
    open, DuckDB makes no checkpoint behind one."""
    builder.effect(
        f"DELETE FROM {time} WHERE _part IN (SELECT _part FROM {timed})", comes_back=True
    )
    builder.effect(
        f"INSERT INTO {time} SELECT _part, max(_t) AS _t FROM {timed} GROUP BY _part ORDER BY _part"
    )


def windowed_rows(timed: str, window: Window) -> str:
    """The rows of `timed`, once for each of their windows that is open: `_ws` its start."""
    sql = f"SELECT * FROM ({_in_windows(timed, window)}) WHERE _ws + {window.open_ms} > _t"
    if window.advance_ms == window.size_ms:
        return f"({sql})"
    number = "row_number() OVER (ORDER BY _seq, _ws)"
    return f"(SELECT * REPLACE ({number} AS _seq) FROM ({sql}))"


def skip_late(builder: Builder, timed: str, keys: Sequence[str], window: Window) -> None:
    """One statement: an entry for each window that was closed when a record came for it."""
    # A record that is as late as that for its last window is so for each; none is where it is not.
    maybe = f"SELECT * FROM {timed} WHERE _ts - {window.size_ms - 1} + {window.open_ms} <= _t"
    ending = f"_ws + {window.size_ms}"
    message = skipped(keys, start="_ws", end=ending, closed=f"_t - {window.grace_ms}", bracket=")")
    builder.late(
        f"SELECT _seq, _part, _ts, _ws, {message} AS message"
        f" FROM ({_in_windows(f'({maybe})', window)}) WHERE _ws + {window.open_ms} <= _t",
        order="_seq, _ws",
    )


def skipped(keys: Sequence[str], *, start: str, end: str, closed: str, bracket: str) -> str:
    """The text about a late record (Kafka Streams: KStreamWindowAggregate); `closed`: windows that
    end at or before it take nothing."""
    key = ", ', ', ".join(f"coalesce(({k})::VARCHAR, 'null')" for k in keys)
    return (
        f"concat('Skipping record for expired window. key=[', {key}, '] timestamp=[', _ts,"
        f" '] window=[', {start}, ',', {end}, '{bracket} expiration=[', {closed},"
        " '] streamTime=[', _t, ']')"
    )


def _in_windows(timed: str, window: Window) -> str:
    """The rows of `timed`, once for each of their windows."""
    size, advance = window.size_ms, window.advance_ms
    start = f"_ts - _ts % {size}"
    if advance != size:
        first = f"greatest(0, _ts - {size - advance}) // {advance} * {advance}"
        start = f"unnest(range({first}, _ts + 1, {advance}))"
    return f"SELECT *, {start} AS _ws FROM {timed}"


def expire_rows(builder: Builder, state: str, expiry: Expiry | None) -> None:
    """Now and then, deletes rows of windows that can neither change nor be read."""
    if expiry is None:
        return
    builder.effect(
        f"DELETE FROM {state} st USING {expiry.time} tm WHERE tm._part = st._part"
        f" AND st.{expiry.column} + {expiry.kept_ms} <= tm._t",
        every=EXPIRE_STEPS,
    )
