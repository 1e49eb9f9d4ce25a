"""Any query over records of every type is refused with a place, or runs over them to their end.

Queries are made of expressions that are drawn from the registry's signatures and from the
operators, so that many are accepted; tokens of some are then exchanged, so that the others are
nearly right. What DuckDB refuses, or a kernel raises, is ours to refuse or to catch.

SOAK_QUERIES sets how many the soak tries.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter

import pytest

from streamsql.errors import StatementError, StreamSqlError
from streamsql.functions import AGGREGATES, SCALARS, TABLE_FUNCTIONS
from streamsql.functions.signature import LambdaType
from streamsql.schema.types import Array, Map, SqlType, Struct
from streamsql.testing.driver import Driver

COLUMNS = {
    "b": "BOOLEAN",
    "i": "INT",
    "l": "BIGINT",
    "d": "DOUBLE",
    "e": "DECIMAL(6, 2)",
    "s": "STRING",
    "y": "BYTES",
    "t": "TIMESTAMP",
    "da": "DATE",
    "ti": "TIME",
    "ai": "ARRAY<INT>",
    "as_": "ARRAY<STRING>",
    "m": "MAP<STRING, INT>",
    "ms": "MAP<STRING, STRING>",
    "st": "STRUCT<x INT, z ARRAY<STRING>>",
}
SOURCES = (
    "CREATE STREAM r (k STRING KEY, "
    + ", ".join(f"{n} {t}" for n, t in COLUMNS.items())
    + ") WITH (KAFKA_TOPIC='r', VALUE_FORMAT='JSON', PARTITIONS=1);"
    "CREATE TABLE u (k STRING PRIMARY KEY, i INT, s STRING)"
    " WITH (KAFKA_TOPIC='u', VALUE_FORMAT='JSON', PARTITIONS=1);"
)
RECORDS = (
    "INSERT INTO r (k, b, i, l, d, e, s, y, t, da, ti, ai, as_, m, ms, st) VALUES ('a', true, 7,"
    " 9223372036854775807, 1.5e0, 1.25, 'abc', 'AQI=', '2020-01-02T03:04:05', '2020-02-29',"
    " '23:59:59', ARRAY[1, 2], ARRAY['x', 'y'], MAP('p' := 1), MAP('q' := 'w'),"
    " STRUCT(x := 1, z := ARRAY['n']));"
    "INSERT INTO r (k, b, i, l, d, e, s) VALUES ('b', false, 0, 0, 0e0, 0, '');"
    "INSERT INTO r (k, i, l, d, s) VALUES ('c', -2147483648, -9223372036854775808, -1e308, '😀ß');"
    "INSERT INTO r (k) VALUES ('d');"
    "INSERT INTO u (k, i, s) VALUES ('a', 1, 'x');"
)
LEAVES = {
    "BOOLEAN": ("b", "TRUE", "(i = 1)", "(s LIKE 'a%')"),
    "INTEGER": ("i", "0", "-1", "2147483647", "(-2147483648)", "st->x", "ai[1]", "m['p']"),
    "BIGINT": ("l", "ROWTIME", "9223372036854775807", "(-9223372036854775808)", "ROWOFFSET"),
    "DOUBLE": ("d", "1e3", "-5e-1", "1e308"),
    "DECIMAL": ("e", "0.10", "-99.99", "CAST(l AS DECIMAL(19, 1))"),
    "STRING": (
        *(
            "s",
            "k",
            "''",
            "'a'",
            "'2020-01-01'",
            "'yyyy-MM-dd HH:mm'",
            "'UTC'",
            "'[1, {}]'",
            "'$.a'",
        ),
        *(
            "'(a|b)+'",
            "'%2x'",
            "'http://a.b/c?d=e'",
            "ms['q']",
            "as_[1]",
            "st->z[1]",
            "'hex'",
            "'X'",
        ),
    ),
    "BYTES": ("y", "TO_BYTES('00ff', 'hex')"),
    "TIMESTAMP": ("t", "FROM_UNIXTIME(l)", "CAST('2020-01-01' AS TIMESTAMP)"),
    "DATE": ("da", "FROM_DAYS(i)"),
    "TIME": ("ti", "CAST('01:02' AS TIME)"),
    "INTERVALUNIT": ("DAYS", "MILLISECONDS", "HOUR"),
    "ARRAY": ("ai", "as_", "ARRAY[1, NULL]", "ARRAY[s, 'a']", "ARRAY[1.5, e]", "ARRAY[ai]"),
    "MAP": ("m", "ms", "MAP('a' := i, s := 2)", "MAP('a' := ARRAY[1])"),
    "STRUCT": ("st", "STRUCT(x := 1)", "STRUCT(a := s, b := ai)"),
    "LAMBDA": ("x => x", "(x, y) => y", "x => x IS NULL", "(x, y) => x", "(a, x, y) => a"),
}
LITERALS = ("NULL", *(text for texts in LEAVES.values() for text in texts))
CASTS = (
    "STRING",
    "INT",
    "BIGINT",
    "DOUBLE",
    "DECIMAL(6, 2)",
    "BOOLEAN",
    "TIMESTAMP",
    "DATE",
    "TIME",
)
NUMBERS = ("INTEGER", "BIGINT", "DOUBLE", "DECIMAL")


def kind(type_: SqlType) -> str:
    """What LEAVES calls a type or a parameter; empty for any."""
    match type_:
        case Array():
            return "ARRAY"
        case Map():
            return "MAP"
        case Struct():
            return "STRUCT"
        case LambdaType():
            return "LAMBDA"
        case _:
            return str(type_) if str(type_) in LEAVES else ""


CALLS = [(e.name, row.parameters) for e in SCALARS.values() for row in e.signatures]
NAMES = sorted(SCALARS)


def expression(rng: random.Random, depth: int, wanted: str = "") -> str:
    """A text that is an expression, of the wanted kind more often than not."""
    wanted = wanted or rng.choice([k for k in LEAVES if k not in ("LAMBDA", "INTERVALUNIT")])
    if rng.random() < 0.04:
        return "NULL"
    if depth == 0 or wanted in ("LAMBDA", "INTERVALUNIT") or rng.random() < 0.15:
        return rng.choice(LEAVES[wanted])

    def part(of: str = "") -> str:
        return expression(rng, depth - 1, of)

    calls = [(name, p) for name, p in CALLS if kind(p.result) in ("", wanted)]
    match rng.randrange(8):
        case 0 if wanted in NUMBERS:
            return f"({part(wanted)} {rng.choice('+-*/%')} {part(rng.choice(NUMBERS))})"
        case 0 | 1 if wanted == "BOOLEAN":
            other = rng.choice([k for k in LEAVES if k not in ("LAMBDA", "INTERVALUNIT")])
            op = rng.choice(("=", "<>", "<", ">=", "IS DISTINCT FROM"))
            return rng.choice(
                (
                    f"({part(other)} {op} {part(other)})",
                    f"({part(other)} BETWEEN {part(other)} AND {part(other)})",
                    f"({part(other)} IN ({part(other)}, {part(other)}))",
                    f"({part('BOOLEAN')} AND NOT {part('BOOLEAN')})",
                    f"({part(other)} IS NOT NULL)",
                )
            )
        case 2:
            return f"CASE WHEN {part('BOOLEAN')} THEN {part(wanted)} ELSE {part(wanted)} END"
        case 3 if wanted in (*NUMBERS, "STRING", "DATE", "TIME", "TIMESTAMP"):
            shown = {"INTEGER": "INT", "DECIMAL": "DECIMAL(6, 2)"}.get(wanted, wanted)
            return f"CAST({part()} AS {shown})"
        case _ if calls:
            name, parameters = rng.choice(calls)
            types = list(parameters.types)
            if parameters.variadic is not None:
                at = parameters.variadic
                types[at : at + 1] = [types[at]] * rng.choice((0, 1, 2, 3))
            return f"{name}({', '.join(part(kind(t)) for t in types)})"
        case _:
            return rng.choice(LEAVES[wanted])


def query(rng: random.Random) -> str:
    """A query whose expressions are typed more often than not."""
    items = [expression(rng, rng.choice((1, 1, 2, 3))) for _ in range(rng.choice((1, 2, 3)))]
    selected = ", ".join(f"{text} AS c{n}" for n, text in enumerate(items))
    where = f" WHERE {expression(rng, 2, 'BOOLEAN')}" if rng.random() < 0.3 else ""
    match rng.randrange(6):
        case 0:
            call = f"{rng.choice(sorted(AGGREGATES))}({expression(rng, 1)})"
            group = rng.choice(("k", "i", expression(rng, 1)))
            window = rng.choice(("", " WINDOW TUMBLING (SIZE 1 HOUR)", " WINDOW SESSION (1 HOUR)"))
            made = f"CREATE TABLE o AS SELECT {group}, {call} AS c FROM r"
            return f"{made}{window}{where} GROUP BY {group};"
        case 1:
            call = f"{rng.choice(sorted(TABLE_FUNCTIONS))}({expression(rng, 1)})"
            return f"CREATE STREAM o AS SELECT k, {call} AS c, {selected} FROM r{where};"
        case 2:
            by = expression(rng, 1)
            return f"CREATE STREAM o AS SELECT {by}, {selected} FROM r{where} PARTITION BY {by};"
        case 3:
            on = expression(rng, 1, "STRING")
            return f"CREATE STREAM o AS SELECT u.k, u.i, r.i AS j FROM r JOIN u ON {on} = u.k;"
        case _:
            return f"CREATE STREAM o AS SELECT k, {selected} FROM r{where};"


def mutate(text: str, rng: random.Random) -> str:
    """The text with a token of it replaced, doubled, or gone."""
    tokens = re.findall(r"'[^']*'|\w+|\S", text)
    at = rng.randrange(len(tokens))
    other = rng.choice((rng.choice(tokens), rng.choice(LITERALS), rng.choice(NAMES), ""))
    tokens[at] = rng.choice((other, other, f"{tokens[at]} {tokens[at]}"))
    return " ".join(tokens)


@pytest.fixture
def driver():
    driver = Driver({"cache.max.bytes.buffering": "0"})
    driver.execute(SOURCES + RECORDS)
    yield driver
    driver.close()


def judge(driver: Driver, text: str) -> str:
    """Whether the query was refused or ran; AssertionError where it was neither."""
    driver.written.clear()
    refused = refusal(driver, text)
    if refused is not None:
        placed = isinstance(refused, StatementError) and (refused.position or refused.hint)
        assert placed, f"no place and no hint: {text}\n{refused!r}"
        return "refused"
    for running in driver.engine.runtime.queries.values():
        assert running.error is None, f"{text}\n{running.error}"
    for topic, table in driver.written:
        for value in table.column("value").to_pylist() if topic.endswith("processing_log") else ():
            assert json.loads(value)["message"]["type"] == 1, f"{text}\n{value}"
    source = driver.engine.catalog.sources.get("O")
    if source is not None:
        driver.execute(f"DROP {'TABLE' if source.is_table else 'STREAM'} o DELETE TOPIC;")
    return "ran"


def refusal(driver: Driver, text: str) -> StreamSqlError | None:
    """Why the statement is refused; None where it is executed."""
    try:
        driver.execute(text)
    except StreamSqlError as error:
        return error
    return None


def try_many(driver: Driver, count: int, seed: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for n in range(count):
        rng = random.Random(seed + n)
        text = query(rng)
        if rng.random() < 0.3:
            text = mutate(text, rng)
        found[judge(driver, text)] += 1
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(0, 4_000, 1_000))
def test_a_query_is_refused_with_a_place_or_runs(driver: Driver, seed: int) -> None:
    found = try_many(driver, 150, seed)
    assert min(found["ran"], found["refused"]) > 10, found


@pytest.mark.soak
def test_many_queries(driver: Driver) -> None:
    try_many(driver, int(os.environ.get("SOAK_QUERIES", "100000")), seed=1_000_000)
