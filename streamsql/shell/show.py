"""Shows results: rows as a table or as JSON, listings, plans, rows of a push query as they come."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from streamsql.session.connection import SyncPush
from streamsql.session.result import Created, Listing, PushRow, Result, Rows, Text
from streamsql.session.topic_print import printed_lines
from streamsql.shell.cells import cut, harmless
from streamsql.shell.screen import JSON, Screen
from streamsql.shell.table import Layout, lay_out, record_lines
from streamsql.shell.value import json_text, to_cell

__all__ = ["PushView", "row_json", "show_push", "show_result"]

TOMBSTONE = "<TOMBSTONE>"
"""What stands for the values of a row that a table has lost, as ksqlDB shows it."""
TICK_SECONDS = 0.25
"""How often the line under a running push query is drawn."""
SAMPLE_ROWS = 200
"""Rows that decide how wide the columns of a push query are."""
CHUNK_ROWS = 500
"""Rows that are written at once: the first show before the last are laid out."""


def show_result(
    result: Result, screen: Screen, seconds: float, *, acknowledge: bool = False
) -> None:
    """Shows what a statement gave; `seconds` is how long it took. Not for push queries.

    `acknowledge`: one that gives nothing says that it was done.
    """
    if acknowledge and type(result) is Result and not result.message and screen.output != JSON:
        screen.write(f"ok ({_duration(seconds)})")
    elif screen.output == JSON:
        screen.write_lines(_json_lines(result))
    else:
        screen.write_lines(_text_lines(result, screen, seconds))
    screen.flush()


def _text_lines(result: Result, screen: Screen, seconds: float) -> Iterator[str]:
    for warning in result.warnings:
        yield f"warning: {harmless(warning)}"
    match result:
        case Listing():
            yield from _listing_lines(result, screen)
        case Rows():
            yield from _table(result, result.types, screen)
            if screen.is_terminal:
                yield _footer(len(result.rows), seconds, limited=result.limited)
        case Text():
            yield harmless(result.body)
        case _ if result.message:
            yield harmless(result.message)


def _listing_lines(result: Listing, screen: Screen) -> Iterator[str]:
    if result.message:
        yield harmless(result.message)
    if result.rows:
        # A listing's columns are all texts; those that count stand on the right.
        columns = zip(*result.rows, strict=True)
        types = ["BIGINT" if all(type(v) is int for v in c) else "STRING" for c in columns]
        yield from _table(result, types, screen)
    else:
        yield f"(no {result.kind.lower() or 'rows'})"
    if result.details:
        yield ""
        names, values = zip(*result.details, strict=True)
        yield from record_lines(names, [harmless(v) for v in values], screen.style)


def _table(result: Rows, types: Sequence[str], screen: Screen) -> Iterator[str]:
    """The rows are made into cells twice, for the widths and for the lines: a million rows of text
    would need ten times the memory of the values.
    """
    columns = result.columns

    def cells() -> Iterator[tuple[str, ...]]:
        for row in result.rows:
            yield tuple(to_cell(v, c) for v, c in zip(row, columns, strict=True))

    layout = lay_out(columns, types, cells(), screen.style)
    yield from layout.head()
    for number, row in enumerate(cells(), 1):
        yield from layout.row(row, number)


def _footer(count: int, seconds: float, *, limited: bool = False) -> str:
    return f"{_rows(count)}{', LIMIT reached' if limited else ''} ({_duration(seconds)})"


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _json_lines(result: Result) -> Iterator[str]:
    """A JSON object a row; one of texts where there are no rows."""
    if isinstance(result, Rows):
        for row in result.rows:
            yield row_json(result.columns, row)
        return
    texts = {"message": result.message, "warnings": list(result.warnings)}
    if isinstance(result, Text):
        texts["text"] = result.body
    if isinstance(result, Created):
        texts |= {"name": result.name, "query": result.query_id}
    if given := {name: text for name, text in texts.items() if text}:
        yield json_text(given)


def row_json(columns: Sequence[str], row: Sequence[object], *, tombstone: bool = False) -> str:
    """A row as an object by the names of its columns; `@tombstone` marks one that is gone."""
    mark = {"@tombstone": True} if tombstone else {}
    return json_text({**dict(zip(columns, row, strict=True)), **mark})


# push queries -------------------------------------------------------------------------------------


class PushView:
    """Shows the rows of one push query. The first rows decide how wide the columns are."""

    def __init__(self, push: SyncPush, screen: Screen) -> None:
        self._push, self._screen = push, screen
        self._layout: Layout | None = None
        self._last: tuple[object, ...] | None = None
        self.count = 0

    def show(self, rows: Sequence[PushRow]) -> None:
        """Shows rows under those that were shown."""
        for start in range(0, len(rows), CHUNK_ROWS):
            chunk = rows[start : start + CHUNK_ROWS]
            self._screen.write_lines(self._lines(chunk))
            self._screen.flush()
            self.count += len(chunk)

    def _lines(self, rows: Sequence[PushRow]) -> Iterator[str]:
        push = self._push
        if self._screen.output == JSON:
            for row in rows:
                yield row_json(push.columns, row.values, tombstone=row.tombstone)
            return
        if push.topic:
            values = [row.values for row in rows]
            yield from map(harmless, printed_lines(values, self._last))
            self._last = values[-1]
            return
        cells = [self._row(row) for row in rows]
        if self._layout is None:
            sample = cells[:SAMPLE_ROWS]
            self._layout = lay_out(push.columns, push.types, sample, self._screen.style)
            yield from self._layout.head()
        for number, row in enumerate(cells, self.count + 1):
            yield from self._layout.row(row, number)

    def _row(self, row: PushRow) -> tuple[str, ...]:
        pairs = zip(self._push.columns, row.values, strict=True)
        if row.tombstone:
            # Only the key of a row that is gone has a value.
            return tuple(TOMBSTONE if v is None else to_cell(v, c) for c, v in pairs)
        return tuple(to_cell(v, c) for c, v in pairs)


def show_push(push: SyncPush, screen: Screen) -> bool:
    """Shows rows until LIMIT or Ctrl-C, on a terminal above a line that counts them; False when it
    was Ctrl-C.

    QueryError where the query stopped in ERROR.
    """
    view = PushView(push, screen)
    live = screen.can_move and screen.output != JSON
    interrupted = False
    started = time.monotonic()
    try:
        for rows in _batches(push):
            if live:
                screen.live("")
            view.show(rows)
            if live:
                seconds = time.monotonic() - started
                screen.live(cut(_status(view.count, seconds), screen.width - 1))
    except KeyboardInterrupt:
        push.stop()
        interrupted = True
    finally:
        if live:
            screen.live("")
    if live:
        screen.write(_footer(view.count, time.monotonic() - started, limited=push.limited))
    return not interrupted


def _batches(push: SyncPush) -> Iterable[list[PushRow]]:
    """The rows as they come; now and then none, so that the clock under them goes on."""
    while not push.ended:
        yield push.take(TICK_SECONDS)
    while rows := push.take():
        yield rows


def _status(count: int, seconds: float) -> str:
    if count == 0:
        return f"waiting for rows, {seconds:.0f} s · Ctrl-C stops"
    rate = count / max(seconds, 1e-3)
    return f"{_rows(count)}{f', {rate:,.0f} a second' if rate >= 1 else ''} · Ctrl-C stops"
