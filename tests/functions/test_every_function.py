"""Each function over NULLs and extremes: no connection breaks, and only what says so may fail.

A row of values is drawn for every signature; a call that says it does not throw is selected bare,
another one in TRY. Then the connection is asked something else.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import duckdb
import pytest

from streamsql.errors import StatementError
from streamsql.functions import SCALARS, TABLE_FUNCTIONS
from streamsql.functions.registry import ROW, Signature
from streamsql.functions.resolve import Match, choose, lower_call
from streamsql.functions.signature import AnyType, LambdaType, Variable
from streamsql.schema.duck import duckdb_type
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import (
    INTERVALUNIT,
    NULL,
    STRING,
    Array,
    Decimal,
    Field,
    Map,
    SqlType,
    Struct,
)
from tests.functions.calls import NOW_MS, connect

ROWS = 24

VALUES: dict[str, list[str]] = {
    "BOOLEAN": ["TRUE", "FALSE"],
    "INTEGER": ["0", "1", "-1", "2", "7", "-7", "60"],
    "BIGINT": ["0", "1", "-1", "1600000000123", "9223372036854775807", "(-9223372036854775808)"],
    "DOUBLE": [
        "0",
        "-0.0::DOUBLE",
        "1.5",
        "-1e300",
        "5e-324",
        "'NaN'",
        "'Infinity'",
        "'-Infinity'",
    ],
    "DECIMAL": ["0", "1.25", "-9999999.99", "0.01"],
    "STRING": [
        *("''", "' '", "'a'", "'abc ABC 123'", "'é😀'", "'1'", "'-2.5'", "chr(0)", "chr(10)"),
        *("'true'", "'utf8'", "'BIG_ENDIAN'", "'2020-01-02'", "'yyyy-MM-dd'", "'UTC'", "'['"),
        *("'(a)(b)?'", "'*'", "'{\"a\":[1,2.50]}'", "'[1,\"x\",null]'", "'$.a[0]'", "'ASC'"),
        *("'https://u@h:1/p?a=b#f'", "'http://h/%zz'", "'%'", "repeat('x', 5000)", "'\\u004b'"),
    ],
    "BYTES": ["''", "'a'", "'\\x00\\x00\\x07\\xE5'", "'\\xFF\\xFE'", "repeat('ab', 8)"],
    "DATE": ["'1970-01-01'", "'2020-02-29'", "'0001-01-01'", "'9999-12-31'"],
    "TIME": ["'00:00:00'", "'23:59:59.999'", "'01:02:03'"],
    "TIMESTAMP": ["'1970-01-01'", "'2020-02-29 12:34:56.789'", "'0001-01-01'", "'9999-12-31'"],
}
"""DuckDB text of values of each type. Numbers stay small where a function makes as much of them."""

UNITS = ("DAYS", "HOURS", "MILLISECONDS")


def concrete(type_: SqlType, variable: SqlType) -> SqlType:
    match type_:
        case Variable():
            return variable
        case AnyType(name):
            return Decimal(9, 2) if name == "DECIMAL" else variable
        case Array(element):
            return Array(concrete(element, variable))
        case Map(key, value):
            return Map(concrete(key, STRING), concrete(value, variable))
        case Struct(fields):
            return Struct(tuple(Field(f.name, concrete(f.type, variable)) for f in fields))
        case _:
            return type_


def value(type_: SqlType, chance: random.Random) -> str:
    """DuckDB text of a value, one in six NULL."""
    if chance.random() < 1 / 6:
        return f"NULL::{duckdb_type(type_)}"
    match type_:
        case Array(element):
            items = ", ".join(value(element, chance) for _ in range(chance.randrange(4)))
            return f"[{items}]::{duckdb_type(type_)}"
        case Map(_, inner):
            names = chance.sample(["'a'", "'b'", "''", "'é'"], k=chance.randrange(3))
            items = ", ".join(value(inner, chance) for _ in names)
            return f"MAP([{', '.join(names)}], [{items}])::{duckdb_type(type_)}"
        case Struct(fields):
            items = ", ".join(value(f.type, chance) for f in fields)
            return f"ROW({items})::{duckdb_type(type_)}"
        case _:
            return f"({chance.choice(VALUES[type_.base])})::{duckdb_type(type_)}"


def calls() -> Iterator[tuple[str, Signature, SqlType]]:
    for entry in [*SCALARS.values(), *TABLE_FUNCTIONS.values()]:
        for row in entry.signatures:
            if any(isinstance(t, LambdaType) for t in row.parameters.types):
                continue
            generic = any(concrete(t, STRING) != t for t in row.parameters.types)
            kinds = [STRING, Decimal(9, 2)] if generic else [STRING]
            yield from ((entry.name.upper(), row, kind) for kind in kinds)


def parameters_of(row: Signature, kind: SqlType) -> list[SqlType]:
    at = row.parameters.variadic
    count = len(row.parameters.types) + (0 if at is None else 2)
    expanded = row.parameters.expand(count)
    assert expanded is not None
    return [concrete(t, kind) for t in expanded]


def bind(name: str, row: Signature, arguments: list[TypedSql]) -> TypedSql:
    chosen, match = choose(name, (row,), arguments, None)
    if name in TABLE_FUNCTIONS:
        match = Match(match.arguments, Array(match.type))
    return lower_call(chosen, match)


def unit(word: str) -> TypedSql:
    return TypedSql(sql="NULL", type=INTERVALUNIT, constant=True, literal=word)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as found:
        yield found


def run(con: duckdb.DuckDBPyConnection, call: TypedSql, columns: list[str]) -> None:
    sql = f"TRY({call.sql})" if call.throws else call.sql
    source = " UNION ALL ".join(columns) or f"SELECT '0' AS {ROW}"
    given = {"now": NOW_MS} if "$now" in sql else None
    con.execute(
        f"SELECT {sql.replace('$seed', '7')} FROM ({source}) ORDER BY ALL", given
    ).fetchall()
    assert con.execute("SELECT 1").fetchone() == (1,)


CALLS = list(calls())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "row", "kind"), CALLS, ids=[f"{n}({r.parameters.show()})-{k}" for n, r, k in CALLS]
)
def test_takes_nulls_and_extremes(con, name, row, kind):
    types = parameters_of(row, kind)
    chance = random.Random(name)
    plain = [t for t in types if t != INTERVALUNIT]
    columns = [
        f"SELECT {', '.join(f'{value(t, chance)} AS c{i}' for i, t in enumerate(plain))}, "
        f"'{n}' AS {ROW}"
        for n in range(ROWS)
    ]
    names = iter(f"c{i}" for i in range(len(plain)))
    arguments = [
        unit(chance.choice(UNITS))
        if t == INTERVALUNIT
        else TypedSql(sql=(c := next(names)), type=t, columns=frozenset({c}))
        for t in types
    ]
    run(con, bind(name, row, arguments), columns if plain else [])


@pytest.mark.parametrize(
    ("name", "row", "kind"), CALLS, ids=[f"{n}({r.parameters.show()})-{k}" for n, r, k in CALLS]
)
def test_takes_bare_nulls(con, name, row, kind):
    types = parameters_of(row, kind)
    null = TypedSql(sql="NULL", type=NULL, constant=True)
    arguments = [unit("DAYS") if t == INTERVALUNIT else null for t in types]
    chosen = bind_or_none(name, row, arguments)
    if chosen is not None:
        run(con, chosen, [])


def bind_or_none(name: str, row: Signature, arguments: list[TypedSql]) -> TypedSql | None:
    """None where a NULL leaves the result's type open, which the binder refuses."""
    try:
        return bind(name, row, arguments)
    except StatementError:
        return None
