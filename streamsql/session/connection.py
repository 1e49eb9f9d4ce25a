"""The synchronous face of an engine: `connect()` opens a database and runs its queries on one
background thread.

Everything that touches the engine runs on that thread's event loop, one thing at a time; methods
here hand work over and wait. Iterating the rows of a push query takes them from the loop as they
arrive.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import pyarrow as pa

from streamsql.brokers.log import APPENDED, FETCHED, TopicInfo, TopicPartition
from streamsql.brokers.order import last_offsets
from streamsql.config import SETTINGS
from streamsql.errors import QueryError, UnknownTopicError
from streamsql.runtime.query import ERROR
from streamsql.session.background import Background
from streamsql.session.names import Names, gather_names
from streamsql.session.peers import OpenPeers
from streamsql.session.push import PushStream
from streamsql.session.result import Push, PushRow, Result
from streamsql.sql import Piece

_PRODUCE_ROWS = 65_536
_PUSH_ROWS = 65_536
"""Rows of a push query that wait to be taken; the query pauses there, or a slow reader would fill
memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryProgress:
    """How far a query is: counts since it was created, `lag` records that it has still to read.

    `records_late`: how often a window was closed when a record came for it, since this connection
    was opened.
    `before`: records in and out when this connection was opened. `persistent`: no push query.
    """

    id: str
    persistent: bool
    status: str
    before: tuple[int, int]
    records_in: int
    records_out: int
    records_bad: int
    records_late: int
    steps: int
    statements_per_step: int
    busy_seconds: float
    lag: int
    error: QueryError | None


class Connection:
    """An open database. Not for use after `close`. Context managers close it."""

    def __init__(
        self,
        path: str = "",
        *,
        settings: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        open_peers: OpenPeers | None = None,
    ) -> None:
        self.path = path
        self._background = Background(
            path, dict(settings or {}), dict(properties or {}), open_peers=open_peers
        )
        self._session, self._engine = self._background.session, self._background.engine
        # Who has a connection runs in this process and may read its files.
        self._session.reads_files = True
        self.call = self._background.call
        # A program that ends without close() must not leave a step in the middle.
        atexit.register(self.close)

    # statements -----------------------------------------------------------------------------------

    def execute(self, text: str) -> Result:
        """Executes the statements of `text` and gives the last one's result."""
        return self._synchronous(self.call(self._session.execute(text)))

    def execute_piece(self, piece: Piece) -> Result:
        """Executes one statement of a text; an error's position counts in that text."""
        return self._synchronous(self.call(self._session.execute_piece(piece)))

    def names(self) -> Names:
        """The names that exist now, for completion."""
        return self.call(gather_names(self._session))

    def execute_script(self, text: str) -> list[Result]:
        """Executes the statements of `text` and gives every result."""
        results = self.call(self._session.execute_script(text))
        return [self._synchronous(r) for r in results]

    def _synchronous(self, result: Result) -> Result:
        if isinstance(result, Push) and isinstance(result.rows, PushStream):
            result.rows.rows_max = _PUSH_ROWS
            return SyncPush(
                statement=result.statement,
                columns=result.columns,
                types=result.types,
                schema=result.schema,
                query_id=result.query_id,
                rows=result.rows,
                limit=result.limit,
                topic=result.topic,
                connection=self,
            )
        return result

    async def drain(self, stream: PushStream) -> list[PushRow]:
        """What a push query gives until every query has read all there is."""
        rows: list[PushRow] = []
        while True:
            await self._engine.runtime.drain()
            taken = stream.take()
            if not taken:
                return rows
            rows += taken

    # records --------------------------------------------------------------------------------------

    def produce(
        self,
        topic: str,
        keys: Sequence[bytes | None] | pa.Array | None,
        values: Sequence[bytes | None] | pa.Array,
        *,
        timestamps_ms: Sequence[int] | pa.Array | None = None,
        headers: Sequence[object] | None = None,
        partition: int | None = None,
    ) -> None:
        """Appends records to `topic`, which is created with one partition where it does not exist.

        `keys` None: no record has a key. `timestamps_ms` None: now. `partition` None: placed by
        murmur2 of the key.
        """
        size = len(values)
        now = self._engine.runtime.now_ms()
        columns = [
            pa.nulls(size, pa.int32())
            if partition is None
            else pa.array([partition] * size, pa.int32()),
            pa.array([now] * size if timestamps_ms is None else timestamps_ms, pa.int64()),
            pa.nulls(size, pa.binary()) if keys is None else pa.array(keys, pa.binary()),
            pa.array(values, pa.binary()),
            pa.nulls(size, APPENDED.field("headers").type)
            if headers is None
            else pa.array(headers, APPENDED.field("headers").type),
        ]
        table = pa.Table.from_arrays(columns, schema=APPENDED)
        self.call(self._produce(topic, table))

    async def _produce(self, topic: str, table: pa.Table) -> None:
        log = self._engine.log
        for start in range(0, max(table.num_rows, 1), _PRODUCE_ROWS):
            rows = table.slice(start, _PRODUCE_ROWS)
            try:
                await log.append(topic, rows)
            except UnknownTopicError:
                await log.create_topic(TopicInfo(name=topic, partitions=1))
                await log.append(topic, rows)
        self._engine.runtime.notify(topic)
        self._session.wrote = True

    def read_topic(self, topic: str) -> pa.Table:
        """All records of a topic: partition, offset, timestamp, key, value, headers."""
        return self.call(self._read_topic(topic))

    async def _read_topic(self, topic: str) -> pa.Table:
        log = self._engine.log
        positions = dict(await log.offsets([topic], end=False))
        tables = [FETCHED.empty_table()]
        while True:
            batch = await log.fetch([topic], positions, records_max=_PRODUCE_ROWS)
            if batch.num_rows == 0:
                return pa.concat_tables(tables).drop_columns(["input"])
            tables.append(batch)
            for _, partition, offset in last_offsets(batch):
                positions[TopicPartition(topic, partition)] = offset + 1

    # running --------------------------------------------------------------------------------------

    def wait(self) -> None:
        """Returns when every query has read all there is; QueryError where one has stopped in
        ERROR."""
        self.call(self._engine.runtime.drain())
        for query in self.progress():
            if query.status == ERROR and query.error is not None:
                raise query.error

    def run_once(self) -> bool:
        """One step of each query that may have records; says whether there was one."""
        return self.call(self._engine.runtime.run_once())

    def progress(self) -> list[QueryProgress]:
        """How far each query is."""
        return self.call(self._progress())

    async def _progress(self) -> list[QueryProgress]:
        found: list[QueryProgress] = []
        for query_id, query in self._engine.runtime.queries.items():
            lag = await self._engine.runtime.lag(query)
            found.append(
                QueryProgress(
                    id=query_id,
                    persistent=query.persistent,
                    status=query.status,
                    before=self._background.before.get(query_id, (0, 0)),
                    records_in=query.records_in,
                    records_out=query.records_out,
                    records_bad=query.records_bad,
                    records_late=query.records_late,
                    steps=query.steps,
                    statements_per_step=len(query.plan.statements),
                    busy_seconds=query.busy_seconds,
                    lag=lag,
                    error=query.error,
                )
            )
        return found

    def close(self) -> None:
        """Stops the queries after the step that is running and closes the database."""
        atexit.unregister(self.close)
        self._background.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


async def _next(stream: PushStream) -> PushRow | None:
    return await anext(stream, None)


async def _take(stream: PushStream, wait_seconds: float) -> list[PushRow]:
    await stream.wait(wait_seconds)
    rows = stream.take()
    if not rows and stream.error is not None:
        raise stream.error
    return rows


async def _stop(stream: PushStream) -> None:
    stream.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPush(Push):
    """A push query of a Connection: iterate it; `stop` ends it; `drain` gives what is there once
    all is read."""

    connection: Connection

    def __iter__(self) -> Iterator[PushRow]:
        stream = self._stream()
        while (row := self.connection.call(_next(stream))) is not None:
            yield row

    def drain(self) -> list[PushRow]:
        """The rows that have come once every query has read all there is."""
        return self.connection.call(self.connection.drain(self._stream()))

    def take(self, wait_seconds: float = 0.0) -> list[PushRow]:
        """The rows that have come and were not taken, after waiting for one as long as that.

        QueryError when the query has stopped in ERROR and all its rows are taken.
        """
        return self.connection.call(_take(self._stream(), wait_seconds))

    @property
    def ended(self) -> bool:
        """Whether no more rows come: those that have can still be taken."""
        return self._stream().ended

    @property
    def limited(self) -> bool:
        """Whether LIMIT ended it."""
        return self._stream().limited

    def stop(self) -> None:
        """Ends the query."""
        self.connection.call(_stop(self._stream()))

    def _stream(self) -> PushStream:
        if not isinstance(self.rows, PushStream):
            raise AssertionError(self.rows)
        return self.rows


def connect(path: str = "", open_peers: OpenPeers | None = None, /, **settings: str) -> Connection:
    """Opens the database file `path`, or memory where empty; its queries go on at once. With
    `kafka://host:port` it is an engine of a service on that cluster.

    `open_peers`: how it talks to the other engines of the service; the doors have that.
    `settings`: engine settings and session properties, with `_` for `.`
    (`cache_max_bytes_buffering="0"`).
    """
    by_name = {name.replace(".", "_"): name for name in SETTINGS}
    chosen = {by_name.get(name, name): str(value) for name, value in settings.items()}
    engine = {n: v for n, v in chosen.items() if n in SETTINGS and SETTINGS[n].scope == "engine"}
    session = {n: v for n, v in chosen.items() if n not in engine}
    return Connection(path, settings=engine, properties=session, open_peers=open_peers)
