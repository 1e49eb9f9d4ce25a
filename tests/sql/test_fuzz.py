"""Law: any text gives statements or an error with a place; nothing else, and not late.

SOAK_STATEMENTS sets how many texts the soak tries (a million).
"""

from __future__ import annotations

import os
import random
import string
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest

from streamsql.errors import ParseError
from streamsql.sql import format as format_sql
from streamsql.sql import parse, parse_one, split, substitute, tokens
from streamsql.sql.statement import Statement

STATEMENTS = [
    "CREATE OR REPLACE SOURCE TABLE t (k STRUCT<a INT, b ARRAY<MAP<STRING, DECIMAL(4, 2)>>> "
    "PRIMARY KEY, h BYTES HEADER('x')) WITH (kafka_topic='t', partitions=-1, \"x\"=0.5)",
    "CREATE STREAM s AS SELECT a.*, b->*, CASE a WHEN 1 THEN 'x''y' ELSE NULL END AS c FROM a "
    "LEFT OUTER JOIN b b2 WITHIN (1 HOUR, 2 DAYS) GRACE PERIOD 5 MINUTES ON a.id = b2.id "
    "WHERE NOT a IN (1, 2.5e3) AND b NOT LIKE '%!_' ESCAPE '!' PARTITION BY (f(a), b[1]->c) "
    "EMIT CHANGES",
    "SELECT TRANSFORM(m, (k, v) => k || 'x', (k, v) => v + 1), MAP('a' := ARRAY[1, .5]) "
    "FROM (SELECT * FROM `s`) WINDOW HOPPING (SIZE 1 DAY, ADVANCE BY 1 HOUR, RETENTION 3 DAYS) "
    "GROUP BY a, CAST(b AS INT) HAVING COUNT(*) BETWEEN 1 AND -9223372036854775808 LIMIT 5",
    "WITH c AS (SELECT * FROM d) SELECT DATEADD(DAYS, 1, x) AT TIME ZONE 'UTC', STRUCT(f := 1) "
    "FROM c JOIN (d JOIN e ON g) ON x IS NOT DISTINCT FROM y -- comment\n /* other */",
    "INSERT INTO s (a, `b c`, \"D\") VALUES (1, '${v}', TIMESTAMP '2020')",
    "EXPLAIN (PHYSICAL) INSERT INTO s WITH (query_id='q') SELECT * FROM t EMIT FINAL",
    "ALTER STREAM s ADD COLUMN c INT ARRAY, ADD d mine",
    "PRINT 'x' FROM BEGINNING INTERVAL 5 LIMIT 3",
    "ASSERT NOT EXISTS SCHEMA SUBJECT s ID 5 TIMEOUT 10 SECONDS",
    "DEFINE x = '''y'''; SET 'a' = 'b'; LIST ALL TOPICS EXTENDED; DROP TYPE IF EXISTS `t`",
]

CHARACTERS = string.printable + "éß\u2028\u00a0\x00\ud800𝔘"

FRAGMENTS = [
    *"( ) [ ] < > , ; . = + - * / % || -> => := ' ` \" -- /* */ ${ } $${x} @ # ? : ! \\".split(),
    *"SELECT FROM WHERE AND OR NOT IN IS NULL CASE WHEN END CAST AS ARRAY< MAP( JOIN".split(),
    *"STRUCT( WITH BY EMIT 1 1. .5 1e 1e5 9223372036854775808 1e999 x `x` 'x' DAYS ((((".split(),
]


def mutate(text: str, rng: random.Random) -> str:
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        start = rng.randrange(len(text) + 1)
        stop = min(len(text), start + rng.choice((0, 1, 1, 2, 5, 20)))
        match rng.randrange(5):
            case 0:
                text = text[:start] + text[stop:]
            case 1:
                text = text[:start] + rng.choice(CHARACTERS) + text[stop:]
            case 2:
                text = text[:start] + " " + rng.choice(FRAGMENTS) + " " + text[stop:]
            case 3:
                text = text[:start] + text[start:stop] * rng.choice((2, 3, 40)) + text[stop:]
            case _:
                other = rng.choice(STATEMENTS)
                at = rng.randrange(len(other))
                text = text[:start] + other[at : at + 30] + text[stop:]
    return text


def judge(text: str) -> str:
    """What became of the text; an exception other than ParseError is the failure of the test."""
    assert all(a.end <= b.start for a, b in pairwise(tokens(text)))
    assert all(text[p.position.offset :].startswith(p.text) for p in split(text))
    parsed = attempt(lambda: parse(substitute(text, {"x": "y", "v": "it's"})), len(text) * 2)
    for statement in parsed or ():
        assert parse_one(format_sql(statement)) == statement
    attempt(lambda: parse(text, strict=True), len(text))
    return "refused" if parsed is None else "read"


def attempt(read: Callable[[], tuple[Statement, ...]], end: int) -> tuple[Statement, ...] | None:
    error = None
    try:
        return read()
    except ParseError as caught:
        error = caught
    assert error.position is not None
    assert 0 <= error.position.offset <= end
    assert error.primary
    return None


def try_many(count: int, seed: int) -> Counter[str]:
    rng = random.Random(seed)
    outcomes: Counter[str] = Counter()
    for _ in range(count):
        text = mutate(rng.choice(STATEMENTS), rng)
        started = time.process_time()
        outcomes[judge(text)] += 1
        assert time.process_time() - started < 2, text
    return outcomes


def test_the_unmutated_statements_are_read() -> None:
    assert [judge(text) for text in STATEMENTS] == ["read"] * len(STATEMENTS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_mutated_statement_is_read_or_refused_with_a_place(seed: int) -> None:
    outcomes = try_many(500, seed)
    assert outcomes["read"] > 15
    assert outcomes["refused"] > 100


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_noise_is_refused_with_a_place(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(500):
        judge("".join(rng.choice(CHARACTERS) for _ in range(rng.randrange(40))))
        judge(" ".join(rng.choice(FRAGMENTS) for _ in range(rng.randrange(30))))


@pytest.mark.soak
def test_a_million_mutated_statements() -> None:
    try_many(int(os.environ.get("SOAK_STATEMENTS", "1000000")), seed=20_000)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "text",
    [
        "'" * 20_001,
        "`" * 20_001,
        "'" + "a" * 60_000,
        "/*" * 20_000,
        "--" * 20_000,
        "1" * 20_000,
        "1." * 20_000,
        "a" * 60_000,
        "${" * 20_000,
        "SELECT " + "a, " * 10_000,
        "SELECT (" + "(a, " * 10_000,
        "SELECT f(" + "(a, " * 10_000,
        "SELECT * FROM s GROUP BY " + "(" * 10_000,
        "SELECT * FROM s" + " JOIN s ON a" * 4000,
        "SELECT * FROM " + "(SELECT * FROM " * 4000,
        "EXPLAIN " * 4000,
        ";" * 20_000,
        "\n" * 20_000 + "x",
        "CREATE STREAM s (" + "a INT, " * 4000,
    ],
    ids=lambda text: text[:24],
)
def test_a_long_text_takes_no_more_than_its_length(text: str) -> None:
    started = time.process_time()
    judge(text)
    assert time.process_time() - started < 8
