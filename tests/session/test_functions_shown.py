"""SHOW FUNCTIONS and DESCRIBE FUNCTION say what the registry holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamsql.errors import StatementError
from streamsql.functions import AGGREGATES, SCALARS, TABLE_FUNCTIONS
from streamsql.session.connection import Connection
from streamsql.session.result import Listing, Text


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    with Connection() as opened:
        yield opened


def test_every_function_is_listed_with_its_category(connection: Connection) -> None:
    shown = connection.execute("SHOW FUNCTIONS;")
    assert isinstance(shown, Listing)
    found = {(name, category) for name, category, _ in shown.rows}
    assert found == {
        *((name, "SCALAR") for name in SCALARS),
        *((name, "TABLE") for name in TABLE_FUNCTIONS),
        *((name, "AGGREGATE") for name in AGGREGATES),
    }
    assert [row[0] for row in shown.rows] == sorted(row[0] for row in shown.rows)
    assert all(overview for _, _, overview in shown.rows)


def test_a_function_is_described(connection: Connection) -> None:
    shown = connection.execute("DESCRIBE FUNCTION substring;")
    assert isinstance(shown, Text)
    assert "Name        : SUBSTRING\n" in shown.body
    assert "  SUBSTRING(VARCHAR, INT, INT) -> VARCHAR\n" in shown.body
    assert "Examples    :\n  SUBSTRING(" in shown.body


@pytest.mark.parametrize("name", sorted({*SCALARS, *TABLE_FUNCTIONS, *AGGREGATES}))
def test_every_function_can_be_described(connection: Connection, name: str) -> None:
    shown = connection.execute(f"DESCRIBE FUNCTION `{name}`;")
    assert isinstance(shown, Text)
    assert shown.body.startswith(f"Name        : {name}\n")


def test_an_unknown_function_has_near_names(connection: Connection) -> None:
    with pytest.raises(StatementError, match="with the name 'SUBSTRNG'") as caught:
        connection.execute("DESCRIBE FUNCTION substrng;")
    assert "SUBSTRING" in caught.value.hint
    assert caught.value.position is not None


def test_an_unknown_source_has_a_place_and_near_names(connection: Connection) -> None:
    connection.execute(
        "CREATE STREAM orders (id INT) WITH (kafka_topic='orders', value_format='json');"
    )
    for statement in ("SELECT * FROM ordres;", "SELECT * FROM ordres EMIT CHANGES;"):
        with pytest.raises(StatementError, match="ORDRES does not exist") as caught:
            connection.execute(statement)
        assert caught.value.hint == "did you mean ORDERS?"
        assert caught.value.position is not None
        assert caught.value.position.column == 15
