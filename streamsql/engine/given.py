"""The Arrow tables that the statements of a connection read by name."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import duckdb
import pyarrow as pa

from streamsql.schema.arrow_view import ArrowView

_VIEWS: WeakKeyDictionary[duckdb.DuckDBPyConnection, dict[str, ArrowView]] = WeakKeyDictionary()
"""By connection, which several tasks may share, and name."""


def give(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Has statements of the connection read `table` as `name` from now on."""
    names = _VIEWS.setdefault(connection, {})
    view = names.get(name)
    if view is None or not view.fits(table):
        view = ArrowView(table)
        connection.register(name, view)
        names[name] = view
    view.table = table


def let_go(connection: duckdb.DuckDBPyConnection) -> None:
    """Empties the tables; their names stay."""
    for view in _VIEWS.get(connection, {}).values():
        view.clear()


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """After a rollback, which takes back what its transaction registered."""
    _VIEWS.pop(connection, None)
