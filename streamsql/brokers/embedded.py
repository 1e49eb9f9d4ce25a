"""A log as tables of the engine's DuckDB database: topics, positions and state commit together.

Schema `log`: `version`, `topics`, `begins` (first offsets, where records were deleted), and one
table `t<id>` for each topic (`embedded_table`).

1. No method suspends: a driver may run one by `coroutine.send(None)`. `fetch` does not wait.
2. It opens no file, begins no transaction and ends none. Each change is one statement, part of the
   transaction that is open on the connection, else one of its own; two where the first is
   without effect alone. What was committed survives `kill -9`; and the loss of power where
   `database_settings` was told so.
3. Next offsets are kept in memory. After a rollback they are ahead of the table: so its number of
   records is compared with what is expected before every append (0.3 ms), and they are read again.
4. A fetch reads rows by a range of numbers, which the row groups' minima and maxima find: it costs
   the same in a topic of any size.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from streamsql.brokers.embedded_table import COLUMNS, TopicTable, give_appended, number
from streamsql.brokers.log import TopicInfo, TopicPartition
from streamsql.brokers.order import (
    UNWANTED,
    column,
    cut_sequences,
    first_kept,
    merge_topics,
    positions_after,
    positions_in,
)
from streamsql.brokers.placement import Integers, as_appended, check_topic, unknown_topic
from streamsql.errors import DatabaseError
from streamsql.schema.duck import quote

VERSION = 1
"""Of the tables in schema `log`."""

BYTES_MAX = 64 << 20
"""Of keys and values in one fetch, unless it is a single record: so many bytes are held several
times over by a step."""

_UNCHECKED_RECORDS = 256
"""A fetch of so few records is not weighed before it is read: weighing costs 0.5 ms."""

_TABLES = {
    "version": "version INTEGER",
    "topics": "id INTEGER, name VARCHAR, partitions INTEGER, replicas INTEGER, config VARCHAR",
    "begins": "topic INTEGER, partition INTEGER, first BIGINT",
}


def database_settings(*, fsync: bool) -> dict[str, str]:
    """DuckDB's settings for a database that holds a log, to be set before it is locked.

    `fsync` (the setting `embedded.fsync`): each commit waits for the disk. Without, it survives
    the death of the process, and a loss of power may damage the file.

    No vacuum: a checkpoint else joins row groups that the one before has just written, of topics
    too, in a pause of half a second; state is compacted by the engine (DECISIONS.md 0034).
    """
    return {
        "checkpoint_threshold": "8MB",
        "max_vacuum_tasks": "0",
        "fsync_mode": "STANDARD" if fsync else "NONE",
    }


def migrate(connection: duckdb.DuckDBPyConnection) -> str:
    """Makes the log's tables where there are none; gives the name of their schema.

    DatabaseError where they are another version's. The name holds the database's: in a file
    called log.duckdb, `log` alone could be either.
    """
    database = connection.execute("SELECT current_database()").fetchall()[0][0]
    schema = f"{quote(database)}.log"
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for table, columns in _TABLES.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {schema}.{table}({columns})")
    found = connection.execute(f"SELECT max(version) FROM {schema}.version").fetchall()[0][0]
    if found is None:
        connection.execute(f"INSERT INTO {schema}.version VALUES (?)", [VERSION])
    elif found != VERSION:
        age = "an older" if found < VERSION else "a newer"
        raise DatabaseError(
            f"the log in this database was written by {age} streamsql:"
            f" version {found}, and this one reads version {VERSION}",
            hint="open it with the version that wrote it, or give another file",
        )
    return schema


class EmbeddedLog:
    """A `Log` in the database of `connection`, which one thread uses at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._schema = migrate(connection)
        self._connection = connection
        self._appended = give_appended(connection)
        self._topics: dict[str, TopicTable] = {}
        self._read_topics()
        self._sequence = self._next_sequence()

    # topics -------------------------------------------------------------------------------------

    async def topics(self) -> Mapping[str, TopicInfo]:
        self._read_topics()
        return {name: topic.info for name, topic in sorted(self._topics.items())}

    async def create_topic(self, topic: TopicInfo) -> None:
        self._read_topics()
        existing = self._topics.get(topic.name)
        check_topic(topic, existing.info if existing else None)
        if existing is not None:
            return
        text = f"SELECT coalesce(max(id), 0) + 1 FROM {self._schema}.topics"
        id_ = number(self._connection, text)
        # Killed in between, this leaves a table that no topic names; the next one replaces it.
        self._connection.execute(f"CREATE OR REPLACE TABLE {self._schema}.t{id_} ({COLUMNS})")
        self._connection.execute(
            f"INSERT INTO {self._schema}.topics VALUES (?, ?, ?, ?, ?)",
            [id_, topic.name, topic.partitions, topic.replicas, json.dumps(dict(topic.config))],
        )
        self._read_topics()

    async def delete_topic(self, name: str) -> None:
        self._read_topics()
        topic = self._topic(name)
        self._connection.execute(f"DELETE FROM {self._schema}.topics WHERE id = ?", [topic.id])
        self._connection.execute(f"DELETE FROM {self._schema}.begins WHERE topic = ?", [topic.id])
        self._connection.execute(f"DROP TABLE IF EXISTS {topic.name}")
        del self._topics[name]

    def _read_topics(self) -> None:
        """Brings `_topics` up to the table; what is known of topics that stay is kept."""
        rows = self._connection.execute(
            f"SELECT id, name, partitions, replicas, config FROM {self._schema}.topics ORDER BY id"
        ).fetchall()
        found: dict[str, TopicTable] = {}
        for id_, name, partitions, replicas, config in rows:
            known = self._topics.get(name)
            if known is None or known.id != id_ or known.info.partitions != partitions:
                none = np.zeros(partitions, np.int64)
                known = TopicTable(
                    connection=self._connection,
                    appended=self._appended,
                    schema=self._schema,
                    id=id_,
                    info=TopicInfo(
                        name=name,
                        partitions=partitions,
                        replicas=replicas,
                        config=json.loads(config),
                    ),
                    begins=none,
                    ends=none,
                )
            found[name] = known
        self._topics = found

    def _topic(self, name: str) -> TopicTable:
        found = self._topics.get(name)
        if found is None:
            self._read_topics()
            found = self._topics.get(name)
        if found is None:
            raise unknown_topic(name)
        return found

    def _next_sequence(self) -> int:
        """The next `seq`: behind every record there is."""
        if not self._topics:
            return 0
        last = " UNION ALL ".join(
            f"SELECT max(seq) AS s FROM {topic.name}" for topic in self._topics.values()
        )
        return number(self._connection, f"SELECT coalesce(max(s), -1) + 1 FROM ({last})")

    # appending ----------------------------------------------------------------------------------

    async def append(self, topic: str, records: pa.Table) -> None:
        found = self._topic(topic)
        if len(records):
            found.confirm()
            found.insert(as_appended(records), sequence=self._sequence)
            self._sequence += len(records)

    async def delete_records(self, before: Mapping[TopicPartition, int]) -> None:
        """Removes what stands before these offsets; the space is used again after a checkpoint."""
        for name in dict.fromkeys(place.topic for place in before):
            topic = self._topic(name)
            topic.confirm()
            topic.delete_before(first_kept(topic.info, before, topic.begins, topic.ends))

    # fetching -----------------------------------------------------------------------------------

    async def fetch(
        self,
        topics: Sequence[str],
        positions: Mapping[TopicPartition, int],
        *,
        records_max: int,
        wait_ms: int = 0,  # noqa: ARG002 -- rule 1
    ) -> pa.Table:
        wanted: dict[str, Integers] = {}
        starts: dict[str, int] = {}
        for name in dict.fromkeys(topics):
            topic = self._topic(name)
            place = positions_in(topic.info, positions)
            start = topic.start(place)
            if start < topic.end:
                wanted[name], starts[name] = place, start
        found = self._read(wanted, starts, records_max)
        if wanted and not found:
            # The range held deleted records only: the next fetch begins behind them.
            for name in list(wanted):
                starts[name] = self._topics[name].look_up(wanted[name])
                if starts[name] >= self._topics[name].end:
                    del wanted[name], starts[name]
            found = self._read(wanted, starts, records_max)
        for name, table in found.items():
            after = positions_after(wanted[name], table)
            self._topics[name].remember(after, int(column(table, "number")[-1]) + 1)
        return merge_topics(found, topics)

    def _read(
        self, wanted: Mapping[str, Integers], starts: Mapping[str, int], records_max: int
    ) -> dict[str, pa.Table]:
        """The next records of these topics, without topics that have none, in at most BYTES_MAX."""
        ranges = self._ranges(wanted, starts, records_max)
        count = sum(b - a for a, b in ranges.values())
        checked = count <= _UNCHECKED_RECORDS
        while not checked and count > 1:
            size = sum(self._topics[n].size(wanted[n], ranges[n]) for n in ranges)
            checked = size <= BYTES_MAX
            if not checked:
                # At least halved: a few large records among small ones would take many rounds.
                fitting = min(count // 2, count * BYTES_MAX // size)
                ranges = self._ranges(wanted, starts, max(fitting, 1))
                count = sum(b - a for a, b in ranges.values())
        found = {n: self._topics[n].rows(wanted[n], ranges[n]) for n in ranges}
        return {name: table for name, table in found.items() if len(table)}

    def _ranges(
        self, wanted: Mapping[str, Integers], starts: Mapping[str, int], records_max: int
    ) -> dict[str, tuple[int, int]]:
        """From which number to before which each topic is read, for the first `records_max`."""
        ends = {name: self._topics[name].end for name in wanted}
        if sum(ends[name] - starts[name] for name in wanted) <= records_max:
            return {name: (starts[name], ends[name]) for name in wanted}
        if len(wanted) == 1 and all(UNWANTED not in place for place in wanted.values()):
            return {name: (start, start + records_max) for name, start in starts.items()}
        order = {n: self._topics[n].order(wanted[n], starts[n], records_max) for n in wanted}
        counts = cut_sequences([sequence for _, sequence in order.values()], records_max)
        return {
            name: (starts[name], int(numbers[count - 1]) + 1)
            for (name, (numbers, _)), count in zip(order.items(), counts, strict=True)
            if count
        }

    async def offsets(self, topics: Sequence[str], *, end: bool) -> Mapping[TopicPartition, int]:
        found: dict[TopicPartition, int] = {}
        for name in topics:
            topic = self._topic(name)
            topic.confirm()
            for partition, offset in enumerate((topic.ends if end else topic.begins).tolist()):
                found[TopicPartition(name, partition)] = offset
        return found

    async def close(self) -> None:
        """Does nothing: the connection is its owner's."""
