"""The DuckDB database of an engine: connection, version, transactions, positions of queries.

Schemas inside: `state` (tables of queries), `engine` (version, positions), `log` and `registry`
(the embedded log's and registry's, which own them). Users' SQL never reaches this connection as
text.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from streamsql.engine.given import forget
from streamsql.engine.kept_rows import KeptRows
from streamsql.engine.plan import parameter_names
from streamsql.errors import DatabaseError, QueryError, WorldError
from streamsql.schema.duck import literal, quote

VERSION = 1
"""Of the tables in `engine` and of how state is laid out; a file of another version is refused by
name."""

_HOLDER = re.compile(r"held in (?P<program>.+) \(PID (?P<pid>\d+)\)")
"""How DuckDB says who has the file."""

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS engine;
CREATE SCHEMA IF NOT EXISTS state;
CREATE TABLE IF NOT EXISTS engine.version(version INTEGER);
CREATE TABLE IF NOT EXISTS engine.positions(
  query VARCHAR, sequence BIGINT, offsets VARCHAR, layout VARCHAR, records_in BIGINT, records_out
  BIGINT);
CREATE TABLE IF NOT EXISTS engine.statements(
  number BIGINT, text VARCHAR, properties VARCHAR, query VARCHAR);
"""


_LEAVE = "DELETE FROM engine.positions WHERE query = ?"
_ARRIVE = "INSERT INTO engine.positions VALUES (?, ?, ?, ?, ?, ?)"


class RegisteredKernel(Protocol):
    """What the engine reads of a kernel; functions/ and formats/ have one each."""

    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> tuple[str, ...] | None: ...
    @property
    def returns(self) -> str: ...
    @property
    def function(self) -> Callable[..., Any]: ...


class Database:
    """One open database file, or memory where `path` is empty."""

    def __init__(
        self,
        path: str = "",
        *,
        settings: Mapping[str, str] | None = None,
        kernels: Sequence[RegisteredKernel] = (),
    ) -> None:
        self.path = path
        self._failures: list[WorldError] = []
        self.connection = _open(path)
        self.kept = KeptRows(self.connection)
        self._leave, self._arrive = self.connection.extract_statements(f"{_LEAVE}; {_ARRIVE}")
        try:
            self._prepare(dict(settings or {}), kernels)
        except BaseException:
            self.connection.close()
            raise

    def _prepare(self, settings: Mapping[str, str], kernels: Sequence[RegisteredKernel]) -> None:
        con = self.connection
        con.execute("SET GLOBAL TimeZone='UTC'")
        for name, value in settings.items():
            try:
                con.execute(f"SET {name}={literal(value)}")
            except duckdb.Error as error:
                raise DatabaseError(
                    f"{value!r} is no value for the database's {name}",
                    detail=str(error).splitlines()[0],
                ) from error
        self.add_kernels(kernels)
        con.execute(_SCHEMA)
        row = con.execute("SELECT max(version) FROM engine.version").fetchone()
        found = row[0] if row else None
        if found is None:
            con.execute("INSERT INTO engine.version VALUES (?)", [VERSION])
        elif found != VERSION:
            raise DatabaseError(
                f"database {self.path} has version {found}, this program reads version {VERSION}",
                hint="open it with the version of streamsql that wrote it",
            )
        if self.path:
            self._forget_transient()
        con.execute("SET enable_external_access=false")
        con.execute("SET lock_configuration=true")

    def add_kernels(self, kernels: Sequence[RegisteredKernel]) -> None:
        """Registers further Arrow functions."""
        for kernel in kernels:
            _register_kernel(self.connection, kernel, self._failures)

    def _raise_failure(self, error: BaseException) -> None:
        """Raises what a function met in the world outside: DuckDB has made a text of it."""
        failures, self._failures[:] = list(self._failures), []
        if failures and isinstance(error, Exception):
            raise failures[0] from error

    def _forget_transient(self) -> None:
        """Drops what push queries left that a kill ended."""
        found = self.connection.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'state' AND table_name LIKE 'transient\\_%' ESCAPE '\\'"
            " ORDER BY ALL"
        ).fetchall()
        for (name,) in found:
            self.connection.execute(f"DROP TABLE state.{quote(name)}")

    @contextmanager
    def transaction(
        self, connection: duckdb.DuckDBPyConnection | None = None
    ) -> Generator[None, None, None]:
        """One transaction, of a further `connection` where given; rolled back when the block
        raises."""
        con = self.connection if connection is None else connection
        con.begin()
        try:
            yield
        except BaseException as error:
            con.rollback()
            forget(con)
            self._raise_failure(error)
            raise
        try:
            con.commit()
        except duckdb.Error as error:
            forget(con)
            raise _world(self.path, error) from error

    # positions ----------------------------------------------------------------------------------

    def save_position(
        self,
        query: str,
        *,
        sequence: int,
        offsets: Mapping[tuple[str, int], int],
        layout: str,
        records: tuple[int, int],
        connection: duckdb.DuckDBPyConnection | None = None,
    ) -> None:
        """Stores where a query is; part of the step's transaction, on the step's connection where
        that is another. Offsets are next-to-read."""
        con = self.connection if connection is None else connection
        text = json.dumps([[t, p, o] for (t, p), o in sorted(offsets.items())])
        # No UPDATE: while other transactions are open, DuckDB makes no checkpoint behind one.
        con.execute(self._leave, [query])
        con.execute(self._arrive, [query, sequence, text, layout, *records])

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A further connection to the same database: transactions and temporary tables of its
        own."""
        return self.connection.cursor()

    def position(self, query: str) -> tuple[int, dict[tuple[str, int], int], str, int, int] | None:
        """(sequence, offsets, layout, records in, records out) of a query, or None."""
        # To the end: a result that is not finished blocks the connection.
        rows = self.connection.execute(
            "SELECT sequence, offsets, layout, records_in, records_out FROM engine.positions WHERE"
            " query = ? ORDER BY query",
            [query],
        ).fetchall()
        for sequence, offsets, layout, records_in, records_out in rows:
            places = {(t, p): o for t, p, o in json.loads(offsets)}
            return sequence, places, layout, records_in, records_out
        return None

    def forget_position(self, query: str) -> None:
        """Removes a query's position."""
        self.connection.execute("DELETE FROM engine.positions WHERE query = ?", [query])

    def forget_positions(self, prefix: str) -> None:
        """Removes the positions whose name begins with `prefix`."""
        self.connection.execute(
            "DELETE FROM engine.positions WHERE starts_with(query, ?)", [prefix]
        )

    def set_layout(self, prefix: str, layout: str, connection: duckdb.DuckDBPyConnection) -> None:
        """Says, in the transaction of `connection`, that state whose name begins with `prefix` was
        given another layout."""
        connection.execute(
            "UPDATE engine.positions SET layout = ? WHERE starts_with(query, ?)", [layout, prefix]
        )

    def identify(self, proposed: str) -> str:
        """The name that this database was given; `proposed` where it has none yet."""
        con = self.connection
        con.execute("CREATE TABLE IF NOT EXISTS engine.identity(name VARCHAR)")
        for (name,) in con.execute("SELECT name FROM engine.identity ORDER BY name").fetchall():
            return str(name)
        con.execute("INSERT INTO engine.identity VALUES (?)", [proposed])
        return proposed

    def positions_under(self, prefix: str) -> list[str]:
        """What follows `prefix` in the names of the positions that are stored."""
        rows = self.connection.execute(
            "SELECT query FROM engine.positions WHERE starts_with(query, ?) ORDER BY query",
            [prefix],
        ).fetchall()
        return [name.removeprefix(prefix) for (name,) in rows]

    def read(self, sql: str, **parameters: object) -> pa.Table:
        """Rows of a SELECT, with those of `parameters` that it names; QueryError where DuckDB
        refuses it."""
        given = {name: parameters[name] for name in parameter_names(sql)}
        try:
            return self.connection.sql(sql, params=given or None).to_arrow_table()
        except duckdb.Error as error:
            self._raise_failure(error)
            raise QueryError(str(error).splitlines()[0], query="") from error

    def read_with(self, over: Callable[[str], str], rows: pa.Table, *, now: int) -> pa.Table:
        """Rows of the SELECT that `over` makes of one that gives these; QueryError where DuckDB
        refuses it."""
        self.connection.register("given_rows", rows)
        try:
            return self.read(over("SELECT * FROM given_rows"), now=now)
        finally:
            self.connection.unregister("given_rows")

    # the statement log --------------------------------------------------------------------------

    def append_statement(self, number: int, text: str, properties: str, query: str) -> None:
        """Appends a definition that a restart executes again; `query` is the id it was given, or
        empty."""
        self.connection.execute(
            "INSERT INTO engine.statements VALUES (?, ?, ?, ?)", [number, text, properties, query]
        )

    def statements(self) -> list[tuple[int, str, str, str]]:
        """All definitions in order: (number, text, session properties as JSON, query id)."""
        return self.connection.execute(
            "SELECT number, text, properties, query FROM engine.statements ORDER BY number"
        ).fetchall()

    def checkpoint(self) -> None:
        """Moves what was committed from the write-ahead log into the file; in no transaction."""
        try:
            self.connection.execute("CHECKPOINT")
        except duckdb.Error as error:
            raise _world(self.path, error) from error

    def close(self) -> None:
        """Closes the file; what was committed stays."""
        self.connection.close()


def _world(path: str, error: duckdb.Error) -> DatabaseError:
    """A failure to write, in words of what can be done; what was committed before is kept."""
    text = str(error).splitlines()[0]
    full = "no space" in text.lower() or "out of disk" in text.lower()
    return DatabaseError(
        f"database {path or 'in memory'} cannot be written: {text}",
        hint="free space on the disk and open it again; nothing that was committed is lost"
        if full
        else "check the disk and open it again; nothing that was committed is lost",
    )


_SCHEMAS = ("engine", "state", "log", "registry")


def check_name(path: str) -> None:
    """DatabaseError where a database file cannot be called so."""
    if Path(path).stem.lower() in _SCHEMAS:
        # DuckDB calls a database by its file: `state.x` would then mean two things.
        raise DatabaseError(
            f"a database file cannot be called {Path(path).name}",
            hint=f"{', '.join(_SCHEMAS)} are names inside it: give it another",
        )


def _open(path: str) -> duckdb.DuckDBPyConnection:
    check_name(path)
    try:
        return duckdb.connect(path or ":memory:")
    except duckdb.Error as error:
        text = str(error).splitlines()[0]
        if holder := _HOLDER.search(text):
            raise DatabaseError(
                f"database {path} is in use by process {holder['pid']}",
                detail=f"that process is {holder['program']}",
                hint="end it, or give another file: one process at a time has a database",
            ) from error
        raise DatabaseError(
            f"database {path} cannot be opened", detail=text, hint=_opening_hint(text)
        ) from error


def _opening_hint(text: str) -> str:
    """What to do about DuckDB's words for a file that it does not open."""
    if "Cannot open file" in text:
        return "check that its folder exists and can be written"
    if "checksum" in text:
        return "the file is damaged: go on with a copy of it"
    return "no database, or one of a newer version: give another file"


def _register_kernel(
    con: duckdb.DuckDBPyConnection, kernel: RegisteredKernel, failures: list[WorldError]
) -> None:
    """Registers an Arrow function; what it meets in the world is kept in `failures`."""

    def call(*arrays: Any) -> Any:
        try:
            return kernel.function(*arrays)
        except WorldError as error:
            failures.append(error)
            raise

    types: Any = None if kernel.parameters is None else list(kernel.parameters)
    if types is not None:
        # DuckDB counts the parameters of the signature, where `*arrays` is one.
        parameters = [
            inspect.Parameter(f"a{i}", inspect.Parameter.POSITIONAL_ONLY) for i in range(len(types))
        ]
        call.__signature__ = inspect.Signature(parameters)
    con.create_function(
        kernel.name,
        call,
        types,
        kernel.returns,
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )
