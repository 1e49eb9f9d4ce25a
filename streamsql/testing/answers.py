"""What a SELECT or a SHOW in a `.sql` case has to give: the lines `--= …` under the statement.

    SELECT id, n FROM totals WHERE id = 'a';
    --= ID | N
    --= a | 3

The first line names the columns, each other one is a row in the terminal's spelling; a tombstone
ends with `(gone)`. A statement that gives no rows has its message or its text there. A push query
is read until its queries have read all there is. Statements without such lines may give anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamsql.session.push import PushStream
from streamsql.session.result import Push, PushRow, Result, Rows, Text
from streamsql.session.topic_print import printed_lines
from streamsql.shell.value import to_cell
from streamsql.sql import Piece

MARK = "--="


def expected_answers(text: str, pieces: Sequence[Piece]) -> list[list[str] | None]:
    """For each statement of a case the lines under it; None where there are none."""
    lines = text.splitlines()
    starts = [piece.position.line for piece in pieces]
    found: list[list[str] | None] = []
    for start, end in zip(starts, [*starts[1:], len(lines) + 1], strict=True):
        here = [line.strip() for line in lines[start - 1 : end - 1]]
        marked = [line.removeprefix(MARK).strip() for line in here if line.startswith(MARK)]
        found.append(marked or None)
    return found


def answer_lines(result: Result) -> list[str]:
    """A result in the spelling of a case."""
    match result:
        case Rows():
            return [" | ".join(result.columns), *(_row(result.columns, r) for r in result.rows)]
        case Push():
            heading = [] if result.topic else [" | ".join(result.columns)]
            return [*heading, *_pushed(result)]
        case Text():
            return [line.rstrip() for line in result.body.splitlines()]
        case _:
            return [line for line in result.message.splitlines() if line]


def _row(columns: Sequence[str], row: Sequence[object]) -> str:
    return " | ".join(to_cell(v, c) for v, c in zip(row, columns, strict=True)).strip()


def _pushed(push: Push) -> Iterator[str]:
    """The rows that have come, a PRINT's as its lines; the query is stopped."""
    stream = push.rows
    if not isinstance(stream, PushStream):
        raise AssertionError(stream)
    rows: list[PushRow] = stream.take()
    stream.stop()
    if push.topic:
        yield from printed_lines([row.values for row in rows])
        return
    for row in rows:
        yield _row(push.columns, row.values) + (" (gone)" if row.tombstone else "")
