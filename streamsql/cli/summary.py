"""How far queries are: a bar on standard error while they catch up, a table and JSON in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from streamsql.session.connection import QueryProgress
from streamsql.shell.screen import Screen
from streamsql.shell.table import Style, table_lines

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Bar", "summary_json", "summary_lines"]

_COLUMNS = ("Query", "Status", "Records in", "Records out", "Records/s", "Bad")
_TYPES = ("STRING", "STRING", "BIGINT", "BIGINT", "BIGINT", "BIGINT")


class Bar:
    """A bar of the records that all queries have read of those they have to; nothing where standard
    error is no terminal.
    """

    def __init__(self, screen: Screen) -> None:
        self._visible = screen.err.isatty()
        # Room for the ^C that a terminal writes: in the next line it would stay there.
        self._width = max(20, screen.width - 4)
        self._progress: Progress | None = None
        self._at_start = 0

    def update(self, queries: Sequence[QueryProgress]) -> None:
        """Draws how far the queries are."""
        lag = sum(q.lag for q in queries)
        if not self._visible or (self._progress is None and lag == 0):
            return
        done = sum(q.records_in - q.before[0] for q in queries)
        if self._progress is None:
            self._progress = _start(screen_width=self._width)
            self._progress.add_task("", rate=0.0)
            self._at_start = done
        [task] = self._progress.tasks
        rate = (done - self._at_start) / task.elapsed if task.elapsed else 0.0
        name = _slowest(queries)
        self._progress.update(
            task.id, total=done + lag, completed=done, description=name, rate=rate
        )

    def close(self) -> None:
        """Removes the bar."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _slowest(queries: Sequence[QueryProgress]) -> str:
    behind = [q for q in queries if q.lag]
    if len(behind) == 1:
        return behind[0].id
    return f"{len(behind)} queries" if behind else "caught up"


def _start(*, screen_width: int) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f} records, {task.fields[rate]:,.0f}/s"),
        Remaining(),
        console=Console(stderr=True, width=screen_width),
        transient=True,
        refresh_per_second=5,
    )
    progress.start()
    return progress


def summary_lines(queries: Sequence[QueryProgress], seconds: float, style: Style) -> Iterator[str]:
    """What each query did since the database was opened."""
    yield ""
    yield from table_lines(_COLUMNS, _TYPES, [_row(q) for q in queries], style)
    bad = sum(q.records_bad for q in queries)
    yield f"{len(queries)} quer{'y' if len(queries) == 1 else 'ies'} in {seconds:.1f} s"
    if bad:
        yield f"{bad:,} bad records: the topic of the processing log says which and why"
    if late := sum(q.records_late for q in queries):
        yield f"{late:,} times a record came too late for a window: the same topic says which"


def _row(query: QueryProgress) -> tuple[str, ...]:
    read = query.records_in - query.before[0]
    # The time that the query itself took: others run in the same process.
    rate = f"{read / query.busy_seconds:,.0f}" if query.busy_seconds else ""
    return (
        query.id,
        query.status,
        f"{read:,}",
        f"{query.records_out - query.before[1]:,}",
        rate,
        f"{query.records_bad:,}",
    )


def summary_json(queries: Sequence[QueryProgress], seconds: float) -> str:
    """The same as JSON; `seconds` of a query is what its steps took."""
    return json.dumps(
        {
            "queries": [
                {
                    "id": q.id,
                    "records_in": q.records_in - q.before[0],
                    "records_out": q.records_out - q.before[1],
                    "records_bad": q.records_bad,
                    "records_late": q.records_late,
                    "steps": q.steps,
                    "statements_per_step": q.statements_per_step,
                    "seconds": round(q.busy_seconds, 6),
                    "status": q.status,
                }
                for q in queries
            ],
            "seconds": round(seconds, 6),
        },
        indent=2,
    )
