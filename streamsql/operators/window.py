"""The windows of a GROUP BY, as a value (ksqlDB: time-and-windows-in-ksqldb-queries)."""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.operators.operator import WindowInfo

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """`kind` TUMBLING, HOPPING or SESSION.

    `size_ms`: width; of a session, the gap of inactivity. `advance_ms`: of HOPPING; else equal to the size. `grace_ms`:
    how long after its end a window takes records (default 24 hours; 0 where EMIT FINAL has no GRACE PERIOD).
    `retention_ms`: how long after its start a window can be read; at least size and grace.
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
