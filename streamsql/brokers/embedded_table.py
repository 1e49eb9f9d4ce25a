"""The table of one topic in a DuckDB database: what it holds, and ranges of it.

`number` is a record's place in its topic, from 0, over all partitions: the next one is the sum of
the next offsets. `seq` is its place among all topics. DuckDB gives rows back in the order in which
they were inserted; that is checked, not assumed (`order.sort_records`), and no ORDER BY is needed,
which would double the price of a fetch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa

from streamsql.brokers.log import FETCHED, TopicInfo
from streamsql.brokers.order import UNWANTED, column, sort_records
from streamsql.brokers.placement import Integers, place_records
from streamsql.schema.arrow_view import ArrowView

_STARTS_MAX = 64
"""So many readers of a topic are found again at once; another one looks for its place."""

_TAIL_RECORDS = 65_536
"""Next offsets are looked for among so many records first: reading them costs a millisecond."""

_HEADERS = FETCHED.field("headers").type

_RAW = "USING COMPRESSION uncompressed"
COLUMNS = f"""
  number BIGINT {_RAW}, seq BIGINT {_RAW}, partition INTEGER {_RAW}, "offset" BIGINT {_RAW},
  timestamp BIGINT {_RAW}, key BLOB {_RAW}, value BLOB {_RAW},
  headers STRUCT(KEY VARCHAR, VALUE BLOB)[]"""
"""Not compressed: of the 4 CPU-seconds that a million records of 230 bytes cost as they come,
compression took 2.5. The file is 2.3 times as large."""


_ROWS = pa.schema(
    [
        *(("number", pa.int64()), ("seq", pa.int64()), ("partition", pa.int32())),
        *(FETCHED.field(n) for n in ("offset", "timestamp", "key", "value", "headers")),
    ]
)
"""The table's columns in Arrow."""


def give_appended(connection: duckdb.DuckDBPyConnection) -> ArrowView:
    """Has statements of the connection read the rows that are appended as `appended_records`."""
    view = ArrowView(_ROWS.empty_table())
    connection.register("appended_records", view)
    return view


def number(
    connection: duckdb.DuckDBPyConnection, sql: str | duckdb.Statement, parameters: object = None
) -> int:
    """The only value of the only row. It is fetched to its end: `fetchone` would leave the
    connection busy."""
    return connection.execute(sql, parameters).fetchall()[0][0]


@dataclass(slots=True, kw_only=True)
class TopicTable:
    """What is known of a topic and its table.

    `appended`: `give_appended` of the connection. `begins`, `ends`: first and next offsets by
    partition, with `records` rows in the table: -1 where they have not been read. `starts`: for
    positions as a fetch left them, the number at which the next one begins.
    """

    connection: duckdb.DuckDBPyConnection
    appended: ArrowView
    schema: str
    id: int
    info: TopicInfo
    begins: Integers
    ends: Integers
    records: int = -1
    starts: dict[bytes, int] = field(default_factory=dict[bytes, int])
    _parsed: dict[str, duckdb.Statement] = field(default_factory=dict[str, duckdb.Statement])

    @property
    def name(self) -> str:
        """The table's name."""
        return f"{self.schema}.t{self.id}"

    @property
    def end(self) -> int:
        """The number of the next record."""
        return int(self.ends.sum())

    # what is there ------------------------------------------------------------------------------

    def confirm(self) -> None:
        """Reads first and next offsets again where the table is not as it was left: another
        number of records, after a rollback or by another hand."""
        records = number(self.connection, self._parse(f"SELECT count(*) FROM {self.name}"))
        if records != self.records:
            self._read_offsets()
            self.records = records

    def _read_offsets(self) -> None:
        """First offsets from the table of deleted records; next ones from the end of the topic's,
        as much of it as holds every partition."""
        self.starts.clear()
        begins = np.zeros(self.info.partitions, np.int64)
        rows = self.connection.execute(
            f"""SELECT partition, first FROM {self.schema}.begins
            WHERE topic = ? ORDER BY partition""",
            [self.id],
        ).fetchall()
        for partition, first in rows:
            begins[partition] = first
        ends = begins.copy()
        top = number(self.connection, f"SELECT coalesce(max(number), -1) FROM {self.name}")
        span = _TAIL_RECORDS
        while True:
            lowest = top + 1 - span
            rows = self.connection.execute(
                f"""SELECT partition, max("offset") + 1 FROM {self.name}
                WHERE number >= ? GROUP BY partition ORDER BY partition""",
                [lowest],
            ).fetchall()
            if len(rows) == self.info.partitions or lowest <= 0:
                break
            span *= 16
        for partition, end in rows:
            ends[partition] = max(end, ends[partition])
        self.begins, self.ends = begins, ends

    # changing -----------------------------------------------------------------------------------

    def insert(self, records: pa.Table, *, sequence: int) -> None:
        """Appends records (APPENDED), the first of which has `sequence` among all topics."""
        count = len(records)
        placed = place_records(records, self.info, self.ends)
        numbers = np.arange(self.end, self.end + count)
        columns = [
            pa.array(numbers),
            pa.array(np.arange(sequence, sequence + count)),
            pa.array(placed.partitions, pa.int32()),
            pa.array(placed.offsets),
            *(records.column(n) for n in ("timestamp", "key", "value", "headers")),
        ]
        self.appended.table = pa.Table.from_arrays(columns, schema=_ROWS)
        try:
            self.connection.execute(self._parse(f"INSERT INTO {self.name} FROM appended_records"))
        finally:
            self.appended.clear()
        self.ends = placed.ends
        self.records += count

    def delete_before(self, begins: Integers) -> None:
        """Removes what stands before these first offsets."""
        for partition in np.flatnonzero(begins > self.begins).tolist():
            self.connection.execute(
                f"DELETE FROM {self.schema}.begins WHERE topic = ? AND partition = ?",
                [self.id, partition],
            )
            self.connection.execute(
                f"INSERT INTO {self.schema}.begins VALUES (?, ?, ?)",
                [self.id, partition, int(begins[partition])],
            )
        self.connection.execute(
            f'DELETE FROM {self.name} WHERE "offset" < $first[partition + 1]',
            {"first": begins.tolist()},
        )
        self.records = -1

    # reading ------------------------------------------------------------------------------------

    def start(self, wanted: Integers) -> int:
        """The number of the first record that is wanted, or of the next one to be appended."""
        start = self.starts.get(wanted.tobytes())
        if start is None or start >= self.end:
            self.confirm()
            start = self.starts.get(wanted.tobytes())
        if start is None and int(wanted.sum()) == self.end and UNWANTED not in wanted:
            start = self.end
        return self.look_up(wanted) if start is None else start

    def look_up(self, wanted: Integers) -> int:
        """The same, from the table: it costs 3 ms per million records behind the positions."""
        start = number(
            self.connection,
            f"""SELECT coalesce(min(number), $end) FROM {self.name}
            WHERE "offset" >= $low AND "offset" >= $wanted[partition + 1]""",
            {"end": self.end, "low": int(wanted.min()), "wanted": wanted.tolist()},
        )
        self.remember(wanted, start)
        return start

    def remember(self, wanted: Integers, number: int) -> None:
        """Notes that a fetch from `wanted` begins at `number`."""
        self.starts[wanted.tobytes()] = number
        while len(self.starts) > _STARTS_MAX:
            del self.starts[next(iter(self.starts))]

    def order(self, wanted: Integers, start: int, records_max: int) -> tuple[Integers, Integers]:
        """`number` and `seq` of the next wanted records: `records_max` or all."""
        parts: list[pa.Table] = []
        left, span = records_max, records_max
        while left > 0 and start < self.end:
            table = self._select("number, seq", wanted, (start, start + span))
            parts.append(sort_records(table))
            left -= len(table)
            start += span
            # Where few partitions of many are wanted, records lie far apart.
            span = span * 4 if len(table) * 4 < span else span
        whole = pa.concat_tables(parts)
        return column(whole, "number")[:records_max], column(whole, "seq")[:records_max]

    def size(self, wanted: Integers, numbers: tuple[int, int]) -> int:
        """Bytes of keys and values of a range."""
        measure = "coalesce(sum(octet_length(value)), 0) + coalesce(sum(octet_length(key)), 0) AS n"
        return int(self._select(measure, wanted, numbers).column("n")[0].as_py())

    def rows(self, wanted: Integers, numbers: tuple[int, int]) -> pa.Table:
        """The wanted records of a range, in order."""
        columns = 'number, seq, partition, "offset", timestamp, key, value, headers'
        table = sort_records(self._select(columns, wanted, numbers))
        at = table.schema.get_field_index("headers")
        # DuckDB calls the element of a list by another name than Arrow does.
        return table.set_column(at, FETCHED.field("headers"), table["headers"].cast(_HEADERS))

    def _select(self, columns: str, wanted: Integers, numbers: tuple[int, int]) -> pa.Table:
        """`columns` of the wanted records from a number on, before another one."""
        text = f"""SELECT {columns} FROM {self.name}
            WHERE number >= $first AND number < $end AND "offset" >= $wanted[partition + 1]"""
        first, end = numbers
        values = {"first": first, "end": end, "wanted": wanted.tolist()}
        return self.connection.sql(self._parse(text), params=values).to_arrow_table()

    def _parse(self, text: str) -> duckdb.Statement:
        """The statement of a text that comes again and again."""
        if text not in self._parsed:
            (self._parsed[text],) = self.connection.extract_statements(text)
        return self._parsed[text]
