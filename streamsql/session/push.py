"""The rows of a running push query: they arrive in batches, are taken one by one, and end at LIMIT
or when stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from streamsql.session.result import PushRow


def to_python(column: pa.ChunkedArray) -> list[object]:
    """The values of a column; a MAP is a dict."""
    return column.to_pylist(maps_as_pydicts="strict")


class PushStream:
    """An asynchronous iterator of PushRow; `take` gives what has arrived without waiting.

    `columns`: (physical name, is key) in the order selected. A row without a value is a tombstone:
    of a table it shows the key, of a stream it is a record of nulls. `rows_max`: with as many rows
    waiting it is not `ready` for more.
    """

    def __init__(
        self,
        columns: Sequence[tuple[str, bool]],
        *,
        table: bool,
        limit: int | None,
        on_end: Callable[[], None],
    ) -> None:
        self._columns = tuple(columns)
        self._table = table
        self._left = limit
        self._rows: deque[PushRow] = deque()
        self._arrived = asyncio.Event()
        self._on_end = on_end
        self.error: Exception | None = None
        self.ended = False
        self.limited = False
        self.rows_max: int | None = None
        if limit == 0:
            self._end(limited=True)

    def receive(self, batch: pa.Table) -> None:
        """Takes the rows that a step gives."""
        if not self._table:
            # A stream's record without a value has no row to show (ksqlDB drops it too).
            batch = batch.filter(pc.invert(batch.column("_null")))
        if self.ended or batch.num_rows == 0:
            return
        count = batch.num_rows if self._left is None else min(self._left, batch.num_rows)
        values = [to_python(batch.column(name)[:count]) for name, _ in self._columns]
        nulls = batch.column("_null")[:count].to_pylist()
        for i, gone in enumerate(nulls):
            tombstone = bool(gone) and self._table
            row = tuple(
                None if gone and not is_key else column[i]
                for column, (_, is_key) in zip(values, self._columns, strict=True)
            )
            self._rows.append(PushRow(values=row, tombstone=tombstone))
        self._arrived.set()
        if self._left is not None:
            self._left -= count
            if self._left == 0:
                self._end(limited=True)

    def ready(self) -> bool:
        """Whether a step may give it more rows."""
        return self.rows_max is None or len(self._rows) < self.rows_max

    def fail(self, error: Exception) -> None:
        """Ends with an error, after the rows that have arrived."""
        self.error = error
        self._end(limited=False)

    def stop(self) -> None:
        """Ends the query; rows that have arrived can still be taken."""
        self._end(limited=False)

    def _end(self, *, limited: bool) -> None:
        if self.ended:
            return
        self.ended, self.limited = True, limited
        self._arrived.set()
        self._on_end()

    def take(self) -> list[PushRow]:
        """What has arrived and was not taken yet."""
        rows = list(self._rows)
        self._rows.clear()
        return rows

    async def wait(self, seconds: float) -> None:
        """Returns when there is a row to take, when the query has ended, or after that time."""
        if self._rows or self.ended or seconds <= 0:
            return
        self._arrived.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), seconds)

    def __aiter__(self) -> PushStream:
        return self

    async def __anext__(self) -> PushRow:
        while not self._rows:
            if self.ended:
                if self.error is not None:
                    raise self.error
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._rows.popleft()
