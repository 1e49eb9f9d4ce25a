"""Rows that live as long as a statement: temporary tables, which DuckDB spills where large."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from streamsql.schema.duck import duckdb_identifier_list, quote


class KeptRows:
    """The temporary tables of a connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def make(self, name: str, columns: Sequence[tuple[str, str]]) -> None:
        """Makes a table of (name, DuckDB type)."""
        listed = duckdb_identifier_list(columns)
        self._connection.execute(f"CREATE TEMP TABLE {quote(name)} ({listed})")

    def add(self, name: str, rows: pa.Table) -> None:
        """Appends rows, whose columns have the table's names."""
        self._connection.register("added_rows", rows)
        try:
            self._connection.execute(f"INSERT INTO temp.{quote(name)} BY NAME FROM added_rows")
        finally:
            self._connection.unregister("added_rows")

    def drop(self, name: str) -> None:
        """Drops a table, where there is one."""
        self._connection.execute(f"DROP TABLE IF EXISTS temp.{quote(name)}")
