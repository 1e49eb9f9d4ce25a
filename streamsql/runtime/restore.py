"""The state changelog of a query as a topic: written with each step, read when a number is taken
over.

Partition n of the topic holds the rows of number n (`engine.changelog`), compacted by key, and
under POSITION where the inputs were read up to when they were written: it tells by itself what it
is the state of. A local copy remembers up to which offset it has been applied: only the rest is
read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from streamsql.brokers.log import APPENDED, TopicPartition, delete_if_there
from streamsql.engine.changelog import CHANGELOG
from streamsql.engine.database import Database
from streamsql.engine.step import Task
from streamsql.errors import LogError, QueryError
from streamsql.runtime.query import RunningQuery, in_thread

if TYPE_CHECKING:
    from streamsql.brokers.kafka import KafkaLog
    from streamsql.brokers.kafka_reader import KafkaReader

POSITION = b"\0position"
"""The key of the record that says where the inputs were; `engine.changelog` leaves keys that begin
with a zero byte to the runtime."""

_BATCH_RECORDS = 100_000

_FOLLOW_MS = 500
"""How long a standby waits for records at a time."""


@dataclass(slots=True, kw_only=True)
class _Copy:
    """A number's state while it is brought up: `positions` are those that it stands for."""

    number: int
    task: Task
    reader: KafkaReader
    positions: dict[TopicPartition, int]

    async def close(self) -> None:
        await self.reader.close()
        self.task.connection.close()


class Restorer:
    """Brings the state of one query's numbers up to its changelog `topic`.

    It works on a connection of its own, beside the steps over other numbers. `remaining`: records
    that are still to be read, by number; `sequence`: the last that the state has seen.
    """

    def __init__(
        self,
        query: RunningQuery,
        topic: str,
        log: KafkaLog,
        database: Database,
    ) -> None:
        self.topic = topic
        self.sequence = 0
        self.remaining: dict[int, int] = {}
        self._query = query
        self._log = log
        self._database = database

    def place(self, number: int) -> TopicPartition:
        """The changelog's partition of a number."""
        return TopicPartition(self.topic, number)

    def held(self) -> frozenset[int]:
        """The numbers of which there is a local copy, however old."""
        prefix = f"{self._query.plan.query_id}#"
        return frozenset(int(name) for name in self._database.positions_under(prefix))

    async def restore(
        self, number: int, committed: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """The positions of the inputs that the state now stands for, none where it is new.

        QueryError where the changelog ends before what was `committed`.
        """
        copy = await self._open_copy(number)
        try:
            await self._read(copy, wait_ms=0)
        finally:
            await copy.close()
        for tp, offset in committed.items():
            if copy.positions.get(tp, 0) < offset:
                raise QueryError(
                    f"the state of query {self._query.plan.query_id}, partition {number} is lost",
                    query=self._query.plan.query_id,
                    detail=f"its changelog {self.topic} ends before offset {offset} of topic"
                    f" {tp.topic}, which was processed",
                    hint="DROP the query with its sink and create it again: it reads its inputs"
                    " anew",
                )
        return copy.positions

    async def follow(self, number: int) -> None:
        """Keeps the copy of a number as far as its owner is, until cancelled (a standby)."""
        copy = await self._open_copy(number)
        try:
            while True:
                await self._read(copy, wait_ms=_FOLLOW_MS)
        finally:
            await copy.close()

    async def _open_copy(self, number: int) -> _Copy:
        """The local copy of a number with a reader of what it lacks; an empty one where there is
        none that can be used."""
        place = self.place(number)
        task = Task(self._query.plan, self._database.cursor())
        end = (await self._log.offsets([self.topic], end=True))[place]
        at, positions = self._local(number)
        if at is None or at > end:
            with self._database.transaction(task.connection):
                task.drop_partitions([number])
            at = (await self._log.offsets([self.topic], end=False))[place]
            positions = {}
        reader = await self._log.reader({place: at})
        return _Copy(number=number, task=task, reader=reader, positions=positions)

    def _local(self, number: int) -> tuple[int | None, dict[TopicPartition, int]]:
        """Up to which offset of the changelog the local copy goes, None without one, and the
        positions that it stands for."""
        saved = self._database.position(self._key(number))
        if saved is None:
            return None, {}
        sequence, offsets, layout, _, _ = saved
        if layout != self._query.plan.layout:
            return None, {}
        self.sequence = max(self.sequence, sequence)
        places = {TopicPartition(t, p): o for (t, p), o in offsets.items()}
        return places.pop(self.place(number), None), places

    async def _read(self, copy: _Copy, *, wait_ms: int) -> None:
        """Applies the changelog up to its end, a batch a transaction: a crash loses none.
        LogError where its broker does not answer."""
        place, task = self.place(copy.number), copy.task
        try:
            while True:
                end = (await self._log.offsets([self.topic], end=True))[place]
                self.remaining[copy.number] = max(end - copy.reader.positions[place], 0)
                table = await copy.reader.take(
                    [self.topic], records_max=_BATCH_RECORDS, wait_ms=wait_ms
                )
                if not len(table):
                    break
                found = _last_position(table)
                if found is not None:
                    self.sequence = max(self.sequence, found[0])
                    copy.positions = found[1]
                with self._database.transaction(task.connection):
                    rows = table.select(["key", "value"])
                    await in_thread(task.restore, rows, before=self._query.before)
                    self.save(copy.number, copy.positions, copy.reader.positions[place], task)
        finally:
            self.remaining.pop(copy.number, None)
        if copy.reader.reached().get(place, 0) < end:
            raise LogError(
                f"{self.topic}, partition {copy.number} cannot be read to its end",
                hint="its broker does not answer; it is tried again",
            )

    def save(
        self,
        number: int,
        positions: Mapping[TopicPartition, int],
        end: int,
        task: Task,
    ) -> None:
        """Stores, in the transaction of `task`, what the local copy of a number stands for: the
        inputs up to `positions`, the changelog up to `end`."""
        query = self._query
        self._database.save_position(
            self._key(number),
            sequence=max(task.sequence, self.sequence),
            offsets={**positions, self.place(number): end},
            layout=query.plan.layout,
            records=(query.records_in, query.records_out),
            connection=task.connection,
        )

    def _key(self, number: int) -> str:
        return f"{self._query.plan.query_id}#{number}"

    async def delete_topic(self) -> None:
        """Deletes the changelog, where no other engine has done so before."""
        await delete_if_there(self._log, self.topic)


def changelog_rows(
    changelog: pa.Table | None,
    positions: Mapping[int, Mapping[TopicPartition, int]],
    sequence: int,
    now_ms: int,
) -> dict[int, pa.Table]:
    """The changelog of a step (None: it changed nothing) as records of each number, behind them
    their position."""
    rows: dict[int, pa.Table] = {}
    changelog = CHANGELOG.empty_table() if changelog is None else changelog
    parts = changelog.column("part")
    for number, places in positions.items():
        mine = changelog
        if len(positions) > 1:
            mine = changelog.filter(pc.equal(parts, pa.scalar(number, pa.int32())))
        value = json.dumps(
            {
                "sequence": sequence,
                "positions": [[t, p, o] for (t, p), o in sorted(places.items())],
            },
            separators=(",", ":"),
        ).encode()
        keys = pa.chunked_array([*mine.column("key").chunks, pa.array([POSITION], pa.binary())])
        values = pa.chunked_array([*mine.column("value").chunks, pa.array([value], pa.binary())])
        size = len(keys)
        rows[number] = pa.Table.from_arrays(
            [
                pa.array([number], pa.int32()).take(pa.array([0] * size)),
                pa.array([now_ms] * size, pa.int64()),
                keys,
                values,
                pa.nulls(size, APPENDED.field("headers").type),
            ],
            schema=APPENDED,
        )
    return rows


def _last_position(table: pa.Table) -> tuple[int, dict[TopicPartition, int]] | None:
    """The sequence and the positions in the last record under POSITION, if there is one."""
    mine = table.filter(pc.equal(table.column("key"), pa.scalar(POSITION, pa.binary())))
    if not len(mine):
        return None
    content = json.loads(mine.column("value")[-1].as_py())
    return content["sequence"], {TopicPartition(t, p): o for t, p, o in content["positions"]}
