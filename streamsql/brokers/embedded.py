"""A log as tables of the engine's DuckDB database: topics, positions and state commit together.

Schema `log`: `version`, `topics`, `begins` (first offsets, where records were deleted), and one
table `t<id>` for each topic, in order of appending. `number` is a record's place in its topic (from
0, over all partitions: the sum of the next offsets), `seq` its place among all topics.

1. No method suspends: a driver may run one by `coroutine.send(None)`. `fetch` does not wait.
2. It opens no file, begins no transaction and ends none. Each change is one statement, part of the
   transaction that is open on the connection, else one of its own; two where the first is
   without effect alone. What was committed survives `kill -9`; and the loss of power where
   `database_settings` was told so.
3. Next offsets are kept in memory. After a rollback they are ahead of the table: so its number of
   records is compared with what is expected before every append (0.3 ms), and they are read again.
4. A fetch reads rows by a range of `number`, which the row groups' minima and maxima find: it
   costs the same in a topic of any size. DuckDB keeps rows as they were inserted, so that they
   come in order; that is checked, not assumed (`order.sort_records`), and no ORDER BY is
   needed, which would double the price.
5. Columns are not compressed: of the 2.5 CPU-seconds for a million records of 230 bytes,
   compression at the checkpoint took 2. The file is 2.3 times as large.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa

from streamsql.brokers.log import FETCHED, TopicInfo, TopicPartition
from streamsql.brokers.order import (
    UNWANTED,
    column,
    cut_sequences,
    first_kept,
    merge_topics,
    positions_after,
    positions_in,
    sort_records,
)
from streamsql.brokers.placement import (
    Integers,
    as_appended,
    check_topic,
    place_records,
    unknown_topic,
)
from streamsql.errors import DatabaseError
from streamsql.schema.duck import quote

VERSION = 1
"""Of the tables in schema `log`."""

BYTES_MAX = 64 << 20
"""Of keys and values in one fetch, unless it is a single record: so many bytes are held several
times over by a step."""

_UNCHECKED_RECORDS = 256
"""A fetch of so few records is not weighed before it is read: weighing costs 0.5 ms."""

_STARTS_MAX = 64
"""So many readers of a topic are found again at once; another one looks for its place."""

_HEADERS = FETCHED.field("headers").type

_RAW = "USING COMPRESSION uncompressed"
_COLUMNS = f"""
  number BIGINT {_RAW}, seq BIGINT {_RAW}, partition INTEGER {_RAW}, "offset" BIGINT {_RAW},
  timestamp BIGINT {_RAW}, key BLOB {_RAW}, value BLOB {_RAW},
  headers STRUCT(KEY VARCHAR, VALUE BLOB)[]"""

_TABLES = {
    "version": "version INTEGER",
    "topics": "id INTEGER, name VARCHAR, partitions INTEGER, replicas INTEGER, config VARCHAR",
    "begins": "topic INTEGER, partition INTEGER, first BIGINT",
}


def database_settings(*, fsync: bool) -> dict[str, str]:
    """DuckDB's settings for a database that holds a log, to be set before it is locked.

    `fsync` (the setting `embedded.fsync`): each commit waits for the disk. Without, it survives
    the death of the process, and a loss of power may damage the file.

    The threshold is DuckDB's 16 MiB times four: a checkpoint after each batch joins row groups
    that the one before has just written, and writes the log one third more.
    """
    return {
        "checkpoint_threshold": "64MB",
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


@dataclass(slots=True, kw_only=True)
class _Topic:
    """What is known of a topic. `records`: rows of its table as of the last look or change.

    `starts`: for positions as a fetch left them, the number at which the next one begins.
    """

    id: int
    table: str
    info: TopicInfo
    begins: Integers
    ends: Integers
    records: int = -1
    starts: dict[bytes, int] = field(default_factory=dict[bytes, int])

    @property
    def end(self) -> int:
        """The number of the next record."""
        return int(self.ends.sum())

    def remember(self, wanted: Integers, number: int) -> None:
        """Notes that a fetch from `wanted` begins at `number`."""
        self.starts[wanted.tobytes()] = number
        while len(self.starts) > _STARTS_MAX:
            del self.starts[next(iter(self.starts))]


class EmbeddedLog:
    """A `Log` in the database of `connection`, which one thread uses at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._schema = migrate(connection)
        self._connection = connection
        self._topics: dict[str, _Topic] = {}
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
        number = self._number(f"SELECT coalesce(max(id), 0) + 1 FROM {self._schema}.topics")
        # Killed in between, this leaves a table that no topic names; the next one replaces it.
        self._connection.execute(f"CREATE OR REPLACE TABLE {self._schema}.t{number} ({_COLUMNS})")
        self._connection.execute(
            f"INSERT INTO {self._schema}.topics VALUES (?, ?, ?, ?, ?)",
            [number, topic.name, topic.partitions, topic.replicas, json.dumps(dict(topic.config))],
        )
        self._read_topics()

    async def delete_topic(self, name: str) -> None:
        self._read_topics()
        topic = self._topic(name)
        self._connection.execute(f"DELETE FROM {self._schema}.topics WHERE id = ?", [topic.id])
        self._connection.execute(f"DELETE FROM {self._schema}.begins WHERE topic = ?", [topic.id])
        self._connection.execute(f"DROP TABLE IF EXISTS {topic.table}")
        del self._topics[name]

    def _read_topics(self) -> None:
        """Brings `_topics` up to the table; what is known of topics that stay is kept."""
        rows = self._connection.execute(
            f"SELECT id, name, partitions, replicas, config FROM {self._schema}.topics ORDER BY id"
        ).fetchall()
        found: dict[str, _Topic] = {}
        for number, name, partitions, replicas, config in rows:
            known = self._topics.get(name)
            if known is None or known.id != number or known.info.partitions != partitions:
                info = TopicInfo(
                    name=name, partitions=partitions, replicas=replicas, config=json.loads(config)
                )
                none = np.zeros(partitions, np.int64)
                table = f"{self._schema}.t{number}"
                known = _Topic(id=number, table=table, info=info, begins=none, ends=none)
            found[name] = known
        self._topics = found

    def _topic(self, name: str) -> _Topic:
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
            f"SELECT max(seq) AS s FROM {t.table}" for t in self._topics.values()
        )
        return self._number(f"SELECT coalesce(max(s), -1) + 1 FROM ({last})")

    def _number(self, sql: str, parameters: object = None) -> int:
        """The only value of the only row. It is fetched to its end: `fetchone` would leave the
        connection busy."""
        return self._connection.execute(sql, parameters).fetchall()[0][0]

    # appending ----------------------------------------------------------------------------------

    async def append(self, topic: str, records: pa.Table) -> None:
        found = self._topic(topic)
        count = len(records)
        if not count:
            return
        self._confirm(found)
        records = as_appended(records)
        placed = place_records(records, found.info, found.ends)
        numbers = np.arange(found.end, found.end + count)
        rows = pa.table(
            {
                "number": pa.array(numbers),
                "seq": pa.array(numbers + (self._sequence - found.end)),
                "partition": pa.array(placed.partitions, pa.int32()),
                "offset": pa.array(placed.offsets),
                **{n: records.column(n) for n in ("timestamp", "key", "value", "headers")},
            }
        )
        self._connection.from_arrow(rows).insert_into(found.table)
        found.ends = placed.ends
        found.records += count
        self._sequence += count

    def _confirm(self, topic: _Topic) -> None:
        """Reads the next offsets again where the table is not as this log left it."""
        records = self._number(f"SELECT count(*) FROM {topic.table}")
        if records != topic.records:
            self._read_offsets(topic)
            topic.records = records

    def _read_offsets(self, topic: _Topic) -> None:
        """Reads first and next offsets, the latter from the end of the table: as much of it as
        holds every partition."""
        topic.starts.clear()
        begins = np.zeros(topic.info.partitions, np.int64)
        rows = self._connection.execute(
            f"""SELECT partition, first FROM {self._schema}.begins
            WHERE topic = ? ORDER BY partition""",
            [topic.id],
        ).fetchall()
        for partition, first in rows:
            begins[partition] = first
        ends = begins.copy()
        top = self._number(f"SELECT coalesce(max(number), -1) FROM {topic.table}")
        span = 65_536
        while True:
            lowest = top + 1 - span
            rows = self._connection.execute(
                f"""SELECT partition, max("offset") + 1 FROM {topic.table}
                WHERE number >= ? GROUP BY partition ORDER BY partition""",
                [lowest],
            ).fetchall()
            if len(rows) == topic.info.partitions or lowest <= 0:
                break
            span *= 16
        for partition, end in rows:
            ends[partition] = max(end, ends[partition])
        topic.begins, topic.ends = begins, ends

    async def delete_records(self, before: Mapping[TopicPartition, int]) -> None:
        """Removes what stands before these offsets; the space is used again after a checkpoint."""
        for name in dict.fromkeys(place.topic for place in before):
            topic = self._topic(name)
            self._confirm(topic)
            begins = first_kept(topic.info, before, topic.begins, topic.ends)
            for partition in np.flatnonzero(begins > topic.begins).tolist():
                self._connection.execute(
                    f"DELETE FROM {self._schema}.begins WHERE topic = ? AND partition = ?",
                    [topic.id, partition],
                )
                self._connection.execute(
                    f"INSERT INTO {self._schema}.begins VALUES (?, ?, ?)",
                    [topic.id, partition, int(begins[partition])],
                )
            self._connection.execute(
                f'DELETE FROM {topic.table} WHERE "offset" < $first[partition + 1]',
                {"first": begins.tolist()},
            )
            topic.records = -1

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
            start = self._start(topic, place)
            if start < topic.end:
                wanted[name], starts[name] = place, start
        found = self._read(wanted, starts, records_max)
        if wanted and not found:
            # The range held deleted records only: the next fetch begins behind them.
            for name in list(wanted):
                starts[name] = self._look_up(self._topics[name], wanted[name])
                if starts[name] >= self._topics[name].end:
                    del wanted[name], starts[name]
            found = self._read(wanted, starts, records_max)
        for name, table in found.items():
            self._topics[name].remember(
                positions_after(wanted[name], table), int(column(table, "number")[-1]) + 1
            )
        return merge_topics(found, topics)

    def _start(self, topic: _Topic, wanted: Integers) -> int:
        """The number of the first record that is wanted, or of the next one to be appended."""
        start = topic.starts.get(wanted.tobytes())
        if start is None or start >= topic.end:
            self._confirm(topic)
            start = topic.starts.get(wanted.tobytes())
        if start is None and int(wanted.sum()) == topic.end and UNWANTED not in wanted:
            start = topic.end
        return self._look_up(topic, wanted) if start is None else start

    def _look_up(self, topic: _Topic, wanted: Integers) -> int:
        """The same, from the table: it costs 3 ms per million records behind the positions."""
        start = self._number(
            f"""SELECT coalesce(min(number), $end) FROM {topic.table}
            WHERE "offset" >= $low AND "offset" >= $wanted[partition + 1]""",
            {"end": topic.end, "low": int(wanted.min()), "wanted": wanted.tolist()},
        )
        topic.remember(wanted, start)
        return start

    def _read(
        self, wanted: Mapping[str, Integers], starts: Mapping[str, int], records_max: int
    ) -> dict[str, pa.Table]:
        """The next records of these topics, without topics that have none, in at most BYTES_MAX."""
        ranges = self._ranges(wanted, starts, records_max)
        count = sum(b - a for a, b in ranges.values())
        checked = count <= _UNCHECKED_RECORDS
        while not checked and count > 1:
            size = sum(self._size(name, wanted[name], ranges[name]) for name in ranges)
            checked = size <= BYTES_MAX
            if not checked:
                # At least halved: a few large records among small ones would take many rounds.
                fitting = min(count // 2, count * BYTES_MAX // size)
                ranges = self._ranges(wanted, starts, max(fitting, 1))
                count = sum(b - a for a, b in ranges.values())
        found = {name: self._rows(name, wanted[name], ranges[name]) for name in ranges}
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
        order = {n: self._order(n, wanted[n], starts[n], records_max) for n in wanted}
        counts = cut_sequences([sequence for _, sequence in order.values()], records_max)
        return {
            name: (starts[name], int(numbers[count - 1]) + 1)
            for (name, (numbers, _)), count in zip(order.items(), counts, strict=True)
            if count
        }

    def _order(
        self, name: str, wanted: Integers, start: int, records_max: int
    ) -> tuple[Integers, Integers]:
        """`number` and `seq` of the next wanted records of a topic: `records_max` or all."""
        end = self._topics[name].end
        parts: list[pa.Table] = []
        left, span = records_max, records_max
        while left > 0 and start < end:
            table = self._select("number, seq", name, wanted, (start, start + span))
            parts.append(sort_records(table))
            left -= len(table)
            start += span
            # Where few partitions of many are wanted, records lie far apart.
            span = span * 4 if len(table) * 4 < span else span
        whole = pa.concat_tables(parts)
        return column(whole, "number")[:records_max], column(whole, "seq")[:records_max]

    def _size(self, name: str, wanted: Integers, numbers: tuple[int, int]) -> int:
        """Bytes of keys and values of a range."""
        measure = "coalesce(sum(octet_length(value)), 0) + coalesce(sum(octet_length(key)), 0) AS n"
        return int(self._select(measure, name, wanted, numbers).column("n")[0].as_py())

    def _rows(self, name: str, wanted: Integers, numbers: tuple[int, int]) -> pa.Table:
        columns = 'number, seq, partition, "offset", timestamp, key, value, headers'
        table = sort_records(self._select(columns, name, wanted, numbers))
        at = table.schema.get_field_index("headers")
        # DuckDB calls the element of a list by another name than Arrow does.
        return table.set_column(at, FETCHED.field("headers"), table["headers"].cast(_HEADERS))

    def _select(
        self, columns: str, name: str, wanted: Integers, numbers: tuple[int, int]
    ) -> pa.Table:
        """`columns` of the wanted records in a range of numbers."""
        text = f"""SELECT {columns} FROM {self._topics[name].table}
            WHERE number >= $first AND number < $end AND "offset" >= $wanted[partition + 1]"""
        first, end = numbers
        values = {"first": first, "end": end, "wanted": wanted.tolist()}
        return self._connection.sql(text, params=values).to_arrow_table()

    async def offsets(self, topics: Sequence[str], *, end: bool) -> Mapping[TopicPartition, int]:
        found: dict[TopicPartition, int] = {}
        for name in topics:
            topic = self._topic(name)
            self._confirm(topic)
            for partition, offset in enumerate((topic.ends if end else topic.begins).tolist()):
                found[TopicPartition(name, partition)] = offset
        return found

    async def close(self) -> None:
        """Does nothing: the connection is its owner's."""
