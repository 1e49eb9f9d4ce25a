"""Calls functions over columns of a DuckDB table, and compares with an oracle row by row."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from streamsql.functions import SCALARS, resolve_scalar
from streamsql.functions.registry import Kernel, kernels_of
from streamsql.schema.duck import duckdb_type, literal
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BOOLEAN, BYTES, INTEGER, NULL, STRING, Array, Map, SqlType

FAILED = object()
"""What an oracle gives where ksqlDB throws."""


def _arrow_type(type_: SqlType) -> pa.DataType | None:
    """The type of a column that holds maps, which Arrow does not infer; None for others."""
    match type_:
        case Map(key, value):
            return pa.map_(_arrow_type(key), _arrow_type(value))
        case Array(element):
            inner = _arrow_type(element)
            return None if inner is None else pa.list_(inner)
        case _:
            return _SCALARS.get(type_)


_SCALARS = {STRING: pa.string(), INTEGER: pa.int32(), BOOLEAN: pa.bool_(), BYTES: pa.binary()}


class Calls:
    """One connection with the kernels of what was called."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": "1"})
        self.registered: set[str] = set()

    def register(self, name: str) -> None:
        for kernel in kernels_of([SCALARS[name]]):
            self.register_kernel(kernel)

    def register_kernel(self, kernel: Kernel) -> None:
        if kernel.name in self.registered:
            return
        self.connection.create_function(
            kernel.name,
            kernel.function,
            None if kernel.parameters is None else list(kernel.parameters),
            kernel.returns,
            type="arrow",
            null_handling="special",
        )
        self.registered.add(kernel.name)

    def fill(self, types: Sequence[SqlType], rows: Sequence[Sequence[Any]]) -> None:
        """The rows as a table t of columns c0, c1, … and seq."""
        columns: dict[str, Any] = {"seq": list(range(len(rows)))}
        columns |= {f"c{i}": [row[i] for row in rows] for i in range(len(types))}
        kinds = {f"c{i}": _arrow_type(t) for i, t in enumerate(types)}
        table = pa.table({n: pa.array(v, kinds.get(n)) for n, v in columns.items()})
        casts = [f", c{i}::{duckdb_type(t)} AS c{i}" for i, t in enumerate(types)]
        self.connection.register("given", table)
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE t AS SELECT seq{''.join(casts)} FROM given ORDER BY seq"
        )
        self.connection.unregister("given")

    def run(
        self, name: str, parameters: Sequence[SqlType | TypedSql], rows: Sequence[Sequence[Any]]
    ) -> list[Any]:
        """The call's result for each row. A parameter is a type, whose values are in the rows in
        order, or a constant."""
        self.register(name)
        types = [p for p in parameters if isinstance(p, SqlType)]
        self.fill(types, rows)
        names = iter(f"c{i}" for i in range(len(types)))
        arguments = [
            p
            if isinstance(p, TypedSql)
            else TypedSql(sql=(n := next(names)), type=p, columns=frozenset({n}))
            for p in parameters
        ]
        return self.select(resolve_scalar(name, arguments))

    def select(self, call: TypedSql) -> list[Any]:
        """The values of an expression over the table, in the order of its rows."""
        sql = f"TRY({call.sql})" if call.throws else call.sql
        return [
            r[0] for r in self.connection.execute(f"SELECT {sql} FROM t ORDER BY seq").fetchall()
        ]


@pytest.fixture(scope="session")
def calls() -> Calls:
    return Calls()


@pytest.fixture(scope="session")
def compare(calls: Calls) -> Callable[..., None]:
    """Compares a function with an oracle of the rows' values, which raises where ksqlDB does."""

    def check(
        name: str,
        parameters: Sequence[SqlType | TypedSql],
        rows: Sequence[Sequence[Any]],
        oracle: Callable[..., Any],
    ) -> None:
        found = calls.run(name, parameters, rows)
        for row, value in zip(rows, found, strict=True):
            values = iter(row)
            arguments = [p.literal if isinstance(p, TypedSql) else next(values) for p in parameters]
            try:
                wanted = oracle(*arguments)
            except ValueError:
                wanted = None
            assert value == wanted, f"{name}{tuple(arguments)!r}: {value!r}, not {wanted!r}"

    return check


@pytest.fixture(scope="session")
def const() -> Callable[[object], TypedSql]:
    """A literal of SQL: text, number, boolean, bytes or NULL."""

    def make(value: object) -> TypedSql:
        match value:
            case None:
                return TypedSql(sql="NULL", type=NULL, constant=True)
            case bool():
                return TypedSql(sql=str(value), type=BOOLEAN, constant=True, literal=value)
            case int():
                return TypedSql(sql=str(value), type=INTEGER, constant=True, literal=value)
            case bytes():
                text = "".join(f"\\x{b:02X}" for b in value)
                return TypedSql(sql=f"'{text}'::BLOB", type=BYTES, constant=True, literal=value)
            case _:
                text = str(value)
                return TypedSql(sql=literal(text), type=STRING, constant=True, literal=text)

    return make


LETTERS = (
    "aAbBzZ01 9\t\n\r\v\x00\x1f.,-_%'\"\\/&=?+*$^()[]{}|~:;#@!<>",
    "äßéÉŁıİΣσςΑα\u0301\u200d\u2028\u00a0中文字",
    "😀𝒳𐐨𐐀🇩🇪",
)


@pytest.fixture
def texts() -> Callable[..., list[str | None]]:
    """Seeded random texts: mostly ASCII, some beyond U+FFFF, some NULL."""

    def make(count: int, seed: int, *, size: int = 12, letters: str = "") -> list[str | None]:
        chance = random.Random(seed)
        found: list[str | None] = []
        for _ in range(count):
            if chance.random() < 0.05:
                found.append(None)
                continue
            kind = chance.choice([letters] if letters else [LETTERS[0]] * 3 + ["".join(LETTERS)])
            found.append("".join(chance.choices(kind, k=chance.randrange(size + 1))))
        return found

    return make
