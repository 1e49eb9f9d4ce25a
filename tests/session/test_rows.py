"""Rows of a SELECT, as Python programs take them."""

from __future__ import annotations

import decimal
from collections.abc import Iterator

import pyarrow as pa
import pytest

from streamsql.session.connection import Connection
from streamsql.session.result import Rows


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    with Connection() as opened:
        opened.execute(
            "CREATE TABLE people (id INT PRIMARY KEY, name STRING, pay DECIMAL(6, 2))"
            " WITH (kafka_topic='people', value_format='json');"
            "CREATE TABLE known AS SELECT * FROM people;"
            "INSERT INTO people VALUES (1, 'Ada', 1.50);"
            "INSERT INTO people VALUES (2, 'Bob', NULL);"
        )
        yield opened


def selected(connection: Connection, text: str) -> Rows:
    result = connection.execute(text)
    assert isinstance(result, Rows)
    return result


def test_rows_are_iterated_and_fetched(connection: Connection) -> None:
    rows = selected(connection, "SELECT id, name, pay FROM known;")
    expected = [(1, "Ada", decimal.Decimal("1.50")), (2, "Bob", None)]
    assert list(rows) == rows.fetchall() == expected
    assert len(rows) == 2
    assert rows.fetchone() == expected[0]
    assert selected(connection, "SELECT id FROM known WHERE id = 9;").fetchone() is None


def test_rows_are_arrow_with_their_types(connection: Connection) -> None:
    table = selected(connection, "SELECT id, name, pay FROM known LIMIT 1;").arrow()
    assert table.schema.names == ["ID", "NAME", "PAY"]
    assert table.schema.types == [pa.int32(), pa.string(), pa.decimal128(6, 2)]
    assert table.to_pylist() == [{"ID": 1, "NAME": "Ada", "PAY": decimal.Decimal("1.50")}]


def test_what_reads_arrow_streams_reads_rows(connection: Connection) -> None:
    rows = selected(connection, "SELECT name FROM known ORDER BY name DESC;")
    assert pa.table(rows).column("NAME").to_pylist() == ["Bob", "Ada"]


@pytest.mark.parametrize("text", ["SHOW TABLES;", "SHOW STREAMS;"], ids=["rows", "none"])
def test_listings_are_arrow_too(connection: Connection, text: str) -> None:
    listed = selected(connection, text)
    assert listed.arrow().num_rows == len(listed)
    assert listed.arrow().column_names == list(listed.columns)
