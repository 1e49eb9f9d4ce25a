"""What SHOW QUERIES says: persistent queries and the push queries that run now."""

from __future__ import annotations

from collections.abc import Iterator

from streamsql.runtime.query import RunningQuery
from streamsql.schema.duck import quote
from streamsql.session.state import SessionState

COLUMNS = (
    *("Query ID", "Query Type", "Status", "Sink Name", "Sink Kafka Topic"),
    *("Records In", "Records Out", "Records Bad", "Records Late", "Query String"),
)
EXTENDED = ("Lag", "Steps", "Busy Seconds", "State Rows", "Error")


async def query_rows(session: SessionState, *, extended: bool) -> list[tuple[object, ...]]:
    """A row of COLUMNS for each query, with `extended` those of EXTENDED too."""
    rows: list[tuple[object, ...]] = []
    for row, running in _rows(session):
        more = await _more(running, session) if extended else ()
        rows.append((*row, *more))
    return rows


def _rows(session: SessionState) -> Iterator[tuple[tuple[object, ...], RunningQuery | None]]:
    engine = session.engine
    for query in engine.catalog.queries.values():
        running = engine.runtime.queries.get(query.id)
        sink = engine.catalog.sources.get(query.sink)
        place = (query.sink, sink.topic if sink else "")
        yield _row(query.id, "PERSISTENT", place, running, query.text), running
    for query_id, running in engine.runtime.queries.items():
        if not running.persistent:
            yield _row(query_id, "PUSH", ("", ""), running, running.options.text), running


def _row(
    query_id: str, kind: str, sink: tuple[str, str], running: RunningQuery | None, text: str
) -> tuple[object, ...]:
    counts = (0,) * 4
    if running is not None:
        counts = (
            *(running.records_in, running.records_out),
            *(running.records_bad, running.records_late),
        )
    status = running.status if running else "STOPPED"
    return (query_id, kind, status, *sink, *counts, " ".join(text.split()))


async def _more(running: RunningQuery | None, session: SessionState) -> tuple[object, ...]:
    if running is None:
        return ("",) * len(EXTENDED)
    end = await session.engine.log.offsets(sorted(set(running.plan.inputs)), end=True)
    lag = sum(max(0, offset - running.positions.get(tp, 0)) for tp, offset in end.items())
    state = sum(_count(table.name, session) for table in running.plan.state)
    error = str(running.error) if running.error is not None else ""
    return (lag, running.steps, round(running.busy_seconds, 3), state, error)


def _count(table: str, session: SessionState) -> int:
    read = session.engine.runtime.database.read
    return read(f"SELECT count(*) AS n FROM state.{quote(table)} ORDER BY n").column(0)[0].as_py()
