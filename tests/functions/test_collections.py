"""Arrays, maps, lambdas and table functions against plain Python over random lists with NULLs."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator

import duckdb
import pytest

from streamsql.functions import resolve_scalar, resolve_table_function
from streamsql.functions.registry import LambdaArgument
from streamsql.schema.arithmetic import arithmetic
from streamsql.schema.coercion import cast
from streamsql.schema.typed import LambdaSql, TypedSql, compose
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INTEGER,
    STRING,
    Array,
    Field,
    Map,
    SqlType,
    Struct,
)
from tests.functions.calls import StatementError, compute, connect, lower, over_rows, typed
from tests.functions.java import ask

Items = list[object]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as found:
        yield found


def lists(seed: str, count: int = 60) -> list[Items | None]:
    r = random.Random(seed)
    some: list[Items | None] = [
        [r.choice((None, 1, 2, 3, 4)) for _ in range(r.randint(0, 6))] for _ in range(count)
    ]
    return [None, [], [None], [None, None], *some]


def pairs(seed: str) -> list[tuple[Items | None, Items | None]]:
    left, right = lists(seed), lists(seed + "!")
    random.Random(seed).shuffle(right)
    return [(None, None), (None, [1]), ([1], None), *zip(left, right, strict=True)]


def distinct(items: Items) -> Items:
    return [x for i, x in enumerate(items) if x not in items[:i]]


SETS: dict[str, Callable[[Items, Items], Items]] = {
    "ARRAY_UNION": lambda a, b: distinct(a + b),
    "ARRAY_EXCEPT": lambda a, b: distinct([x for x in a if x not in b]),
    "ARRAY_INTERSECT": lambda a, b: distinct([x for x in a if x in b]),
}


@pytest.mark.parametrize("name", list(SETS))
def test_sets(con: duckdb.DuckDBPyConnection, name: str) -> None:
    rows = pairs(name)
    types = [Array(INTEGER), Array(INTEGER)]
    found = over_rows(con, types, rows, lambda a, b: resolve_scalar(name, [a, b]))
    wanted = [None if a is None or b is None else SETS[name](a, b) for a, b in rows]
    assert found == wanted


def test_distinct_length_and_concat(con: duckdb.DuckDBPyConnection) -> None:
    rows = [[v] for v in lists("distinct")]
    found = over_rows(con, [Array(INTEGER)], rows, lambda a: resolve_scalar("ARRAY_DISTINCT", [a]))
    assert found == [None if a is None else distinct(a) for (a,) in rows]
    found = over_rows(con, [Array(INTEGER)], rows, lambda a: resolve_scalar("ARRAY_LENGTH", [a]))
    assert found == [None if a is None else len(a) for (a,) in rows]
    both = pairs("concat")
    types = [Array(INTEGER), Array(INTEGER)]
    found = over_rows(con, types, both, lambda a, b: resolve_scalar("ARRAY_CONCAT", [a, b]))
    assert found == [b if a is None else a if b is None else a + b for a, b in both]


def test_search_and_removal(con: duckdb.DuckDBPyConnection) -> None:
    r = random.Random(61)
    rows = [(items, r.choice((None, 1, 2, 9))) for items in lists("search")]
    types: list[SqlType] = [Array(INTEGER), INTEGER]
    found = over_rows(con, types, rows, lambda a, v: resolve_scalar("ARRAY_CONTAINS", [a, v]))
    assert found == [a is not None and v in a for a, v in rows]
    found = over_rows(con, types, rows, lambda a, v: resolve_scalar("ARRAY_REMOVE", [a, v]))
    assert found == [None if a is None else [x for x in a if x != v] for a, v in rows]


def test_nested_elements(con: duckdb.DuckDBPyConnection) -> None:
    inner = Array(STRING)
    rows = [([["a", None], ["a"], None, ["a", None]], ["a", None])]
    types: list[SqlType] = [Array(inner), inner]
    found = over_rows(con, types, rows, lambda a, v: resolve_scalar("ARRAY_REMOVE", [a, v]))
    assert found == [[["a"], None]]
    found = over_rows(con, types, rows, lambda a, _: resolve_scalar("ARRAY_DISTINCT", [a]))
    assert found == [[["a", None], ["a"], None]]


def test_order(con: duckdb.DuckDBPyConnection) -> None:
    rows = [[v] for v in lists("order")]

    def ordered(items: Items, *, down: bool) -> Items:
        given = sorted((x for x in items if isinstance(x, int)), reverse=down)
        return [*given, *(x for x in items if x is None)]

    for direction in ("ASC", "desc", "Descending"):
        text = typed(direction, STRING)
        found = over_rows(
            con, [Array(INTEGER)], rows, lambda a, t=text: resolve_scalar("ARRAY_SORT", [a, t])
        )
        down = direction != "ASC"
        assert found == [None if a is None else ordered(a, down=down) for (a,) in rows]
    for name, pick in (("ARRAY_MAX", max), ("ARRAY_MIN", min)):
        found = over_rows(con, [Array(INTEGER)], rows, lambda a, n=name: resolve_scalar(n, [a]))
        for (items,), mine in zip(rows, found, strict=True):
            given = [x for x in items or [] if isinstance(x, int)]
            assert mine == (pick(given) if given else None)
    assert compute(con, lower("ARRAY_SORT(ARRAY[1, 2], 'sideways')")) is None


def test_join(con: duckdb.DuckDBPyConnection) -> None:
    assert compute(con, lower("ARRAY_JOIN(ARRAY[1.23e0, NULL, 1e10])")) == "1.23,null,1.0E10"
    assert compute(con, lower("ARRAY_JOIN(ARRAY[1.50, 2], '')")) == "1.502.00"
    assert compute(con, lower("ARRAY_JOIN(ARRAY['a', 'b'], NULL)")) == "ab"
    rows = [([1, None], "; "), ([], "-"), (None, "-"), ([7], None), ([1, 2], None)]
    types: list[SqlType] = [Array(INTEGER), STRING]
    found = over_rows(con, types, rows, lambda a, d: resolve_scalar("ARRAY_JOIN", [a, d]))
    assert found == ["1; null", "", None, "7", "12"]
    assert compute(con, lower("ARRAY_JOIN(ARRAY[ARRAY[1]])")) is None
    assert compute(con, lower("ARRAY_JOIN(ARRAY[CAST(NULL AS DATE)])")) == "null"


def test_slices(con: duckdb.DuckDBPyConnection) -> None:
    items: Items = ["a", "b", "c"]
    places = [None, -1, 0, 1, 2, 3, 4]
    rows = [(items, a, b) for a in places for b in places]
    types: list[SqlType] = [Array(STRING), INTEGER, INTEGER]
    found = over_rows(con, types, rows, lambda *c: resolve_scalar("SLICE", c))
    for (_, a, b), mine in zip(rows, found, strict=True):
        start = 0 if a is None else a - 1
        end = len(items) if b is None else b
        inside = start >= 0 and end <= len(items) and start <= end
        assert mine == (items[start:end] if inside else None), (a, b)
    assert over_rows(con, types, [(None, 1, 1)], lambda *c: resolve_scalar("SLICE", c)) == [None]


def test_series(con: duckdb.DuckDBPyConnection) -> None:
    numbers = range(-3, 4)
    for type_ in (INTEGER, BIGINT):
        rows = list(itertools.product(numbers, numbers, numbers))
        types: list[SqlType] = [type_, type_, INTEGER]
        found = over_rows(con, types, rows, lambda *c: resolve_scalar("GENERATE_SERIES", c))
        for (a, b, s), mine in zip(rows, found, strict=True):
            fits = s != 0 and (b - a) * s >= 0
            assert mine == (list(range(a, b + (1 if s > 0 else -1), s)) if fits else None), (
                a,
                b,
                s,
            )
        two = list(itertools.product(numbers, numbers))
        found = over_rows(con, types[:2], two, lambda *c: resolve_scalar("GENERATE_SERIES", c))
        assert found == [list(range(a, b + 1) if b > a else range(a, b - 1, -1)) for a, b in two]
    assert lower("GENERATE_SERIES(1, 2)").type == Array(INTEGER)


# ------------------------------------------------------------------ maps


def maps(seed: str) -> list[dict[str, object] | None]:
    r = random.Random(seed)
    some: list[dict[str, object] | None] = [
        {k: r.choice((None, 1, 2)) for k in r.sample("abcdef", r.randint(0, 4))} for _ in range(40)
    ]
    return [None, {}, *some]


def test_map_union(con: duckdb.DuckDBPyConnection) -> None:
    rows = [*zip(maps("one"), reversed(maps("two")), strict=True), (None, None)]
    types: list[SqlType] = [Map(STRING, INTEGER)] * 2
    found = over_rows(con, types, rows, lambda a, b: resolve_scalar("MAP_UNION", [a, b]))
    for (a, b), mine in zip(rows, found, strict=True):
        assert mine == (b if a is None else a if b is None else {**a, **b})


def test_as_map(con: duckdb.DuckDBPyConnection) -> None:
    rows: list[tuple[object, object]] = [
        (["a", "b"], [1, None]),
        (["a", "b", "a"], [1, 2, 3]),
        (["a"], [1, 2]),
        (["a", "b"], [1]),
        ([], []),
        (None, [1]),
        (["a"], None),
        ([None, "b"], [1, 2]),
    ]
    types: list[SqlType] = [Array(STRING), Array(INTEGER)]
    found = over_rows(con, types, rows, lambda a, b: resolve_scalar("AS_MAP", [a, b]))
    # DuckDB's maps have no NULL keys: the last one is a failure.
    assert found == [
        {"a": 1, "b": None},
        {"b": 2, "a": 3},
        {"a": 1},
        {"a": 1},
        {},
        None,
        None,
        None,
    ]


def test_entries(con: duckdb.DuckDBPyConnection) -> None:
    call = lower("ENTRIES(MAP('apple' := 1, 'banana' := NULL), FALSE)")
    assert call.type == Array(Struct((Field("K", STRING), Field("V", INTEGER))))
    assert compute(con, call) == [{"K": "banana", "V": None}, {"K": "apple", "V": 1}]
    call = lower("ENTRIES(MAP('banana' := NULL, 'apple' := 1), TRUE)")
    assert compute(con, call) == [{"K": "apple", "V": 1}, {"K": "banana", "V": None}]
    assert compute(con, lower("ENTRIES(MAP('b' := 1, 'a' := 2), NULL)")) is None


def test_the_order_of_a_map_is_a_hash_map_s(con: duckdb.DuckDBPyConnection) -> None:
    r = random.Random(62)
    letters = "abcdefgh é中😀"
    given: list[dict[str, object]] = []
    for size in range(1, 50):
        keys = {"".join(r.choices(letters, k=r.randint(0, 5))) for _ in range(size)}
        given.append({key: n for n, key in enumerate(sorted(keys, key=lambda _: r.random()))})
    orders = [str(a).split("\t") for a in ask([("hash_order", *m) for m in given])]
    rows = [[m] for m in given]
    types: list[SqlType] = [Map(STRING, INTEGER)]
    assert over_rows(con, types, rows, lambda m: resolve_scalar("MAP_KEYS", [m])) == orders
    found = over_rows(con, types, rows, lambda m: resolve_scalar("MAP_VALUES", [m]))
    assert found == [[m[k] for k in order] for m, order in zip(given, orders, strict=True)]
    found = over_rows(con, types, rows, lambda m: cast(m, STRING))
    texts = [", ".join(f"{k}={m[k]}" for k in o) for m, o in zip(given, orders, strict=True)]
    assert found == [f"{{{text}}}" for text in texts]


def test_elt_and_field(con: duckdb.DuckDBPyConnection) -> None:
    assert [compute(con, lower(f"ELT({n}, 'a', NULL, 'c')")) for n in range(-1, 5)] == [
        *(None, None, "a", None, "c", None)
    ]
    assert compute(con, lower("ELT(NULL, 'a')")) is None
    assert compute(con, lower("FIELD('c', 'a', NULL, 'c', 'c')")) == 3
    assert compute(con, lower("FIELD('x', 'a', NULL)")) == 0
    assert compute(con, lower("FIELD('x')")) == 0


# ------------------------------------------------------------------ lambdas


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("FILTER(ARRAY[3, 6, 2, 10], x => x > 5)", [6, 10]),
        ("FILTER(CAST(NULL AS ARRAY<INTEGER>), x => x > 5)", None),
        ("TRANSFORM(ARRAY[1, 2], x => TRANSFORM(ARRAY[10, 20], y => x + y))", [[11, 21], [12, 22]]),
        ("TRANSFORM(ARRAY['a', NULL], x => UCASE(x))", ["A", None]),
        ("TRANSFORM(MAP('a' := 1, 'b' := 2), (k, v) => 'same', (k, v) => v)", None),
        ("TRANSFORM(MAP('a' := 1), (k, v) => UCASE(k), (k, v) => LEN(k) + v)", {"A": 2}),
        ("REDUCE(ARRAY[5, NULL], 2, (s, x) => s + x)", None),
        ("REDUCE(CAST(NULL AS ARRAY<INTEGER>), 2, (s, x) => s + x)", 2),
        ("REDUCE(ARRAY[1, 2], CAST(NULL AS BIGINT), (s, x) => s + x)", None),
        ("REDUCE(ARRAY['a', NULL, 'b'], '', (s, x) => CONCAT(s, x))", "ab"),
        ("REDUCE(ARRAY[1, 2, 3, 4], 0, (s, x) => s * 10 + x)", 1234),
        ("REDUCE(MAP('a' := 1, 'b' := 2), '', (s, k, v) => CONCAT(s, k))", "ab"),
        ("REDUCE(FILTER(ARRAY[1, 2, 3], x => x > 1), 0, (s, x) => s + x) + 1", 6),
        ("TRANSFORM(ARRAY[1, 0, 2], x => 6 / x)", None),
        ("FILTER(MAP('a' := 1, 'b' := 2), (k, v) => LEN(k) = v)", {"a": 1}),
    ],
)
def test_lambdas(con: duckdb.DuckDBPyConnection, call: str, wanted: object) -> None:
    assert compute(con, lower(call)) == wanted


def test_lambdas_over_rows(con: duckdb.DuckDBPyConnection) -> None:
    """One failing row leaves the rows of its batch alone."""

    def plus(types: object) -> LambdaSql:
        assert types == [INTEGER]
        parameter = TypedSql(sql='"X"', type=INTEGER)
        column = TypedSql(sql="c1", type=INTEGER, columns=frozenset({"c1"}))
        return LambdaSql(('"X"',), arithmetic("/", parameter, column, strict=True))

    rows = [([4, 6], 2), ([4], 0), ([None], 1), (None, 1), ([], 0)]
    types: list[SqlType] = [Array(INTEGER), INTEGER]
    call = over_rows(
        con, types, rows, lambda a, _: resolve_scalar("TRANSFORM", [a, LambdaArgument(1, plus)])
    )
    assert call == [[2, 3], None, None, None, []]
    found = resolve_scalar("TRANSFORM", [typed([1], Array(INTEGER)), LambdaArgument(1, plus)])
    assert found.columns == {"c1"}
    assert found.throws


@pytest.mark.parametrize(
    "call",
    [
        "TRANSFORM(ARRAY[1], (x, y) => x)",
        "FILTER(ARRAY[1], x => x + 1)",
        "REDUCE(ARRAY[1], 0, (s, x) => 'a')",
        "TRANSFORM(1, x => x)",
        "REDUCE(ARRAY[1], 0, x => x)",
    ],
)
def test_lambdas_that_do_not_fit(call: str) -> None:
    with pytest.raises(StatementError) as caught:
        lower(call)
    assert "does not accept parameters" in caught.value.primary


def test_a_lambda_of_nothing_known_is_ambiguous() -> None:
    for call in ("TRANSFORM(NULL, x => x)", "TRANSFORM(ARRAY[1], x => NULL)", "IFNULL(NULL, NULL)"):
        with pytest.raises(StatementError) as caught:
            lower(call)
        assert "ambiguous method parameters" in caught.value.primary


def test_a_body_is_widened_to_the_state(con: duckdb.DuckDBPyConnection) -> None:
    call = lower("REDUCE(ARRAY[1, 2], CAST(0 AS BIGINT), (s, x) => x)")
    assert call.type == BIGINT
    assert compute(con, call) == 2


# ------------------------------------------------------------------ tables


def cube(items: Items) -> list[Items]:
    choices = [(None,) if x is None else (None, x) for x in items]
    return [list(row) for row in itertools.product(*choices)]


def test_cube(con: duckdb.DuckDBPyConnection) -> None:
    r = random.Random(71)
    rows: list[list[Items | None]] = [[None], [[]], [[None]], [[1, 2, 3]]]
    rows += [[[r.choice((None, 1, 2)) for _ in range(r.randint(0, 5))]] for _ in range(40)]
    found = over_rows(
        con, [Array(INTEGER)], rows, lambda a: resolve_table_function("CUBE_EXPLODE", [a])
    )
    assert found == [None if a is None else cube(a) for (a,) in rows]


def test_table_functions_say_the_type_of_their_list() -> None:
    assert lower("EXPLODE(ARRAY[1.5])").type == lower("ARRAY[1.5]").type
    assert lower("CUBE_EXPLODE(ARRAY['a'])").type == Array(Array(STRING))
    with pytest.raises(StatementError):
        lower("EXPLODE(1)")


# ------------------------------------------------------------------ nulls


def test_coalesce_and_a_failing_call(con: duckdb.DuckDBPyConnection) -> None:
    assert compute(con, lower("COALESCE(PARSE_DATE('x', 'yyyy-MM-dd'), FROM_DAYS(3))")) == 3
    assert compute(con, lower("IFNULL(CAST(PARSE_DATE('x', 'yyyy-MM-dd') AS STRING), '?')")) == "?"
    # What an operator throws is not caught: the whole expression is NULL.
    assert compute(con, lower("COALESCE(1 / 0, 5)")) is None
    assert compute(con, lower("NULLIF(ARRAY[1], ARRAY[1])")) is None
    with pytest.raises(StatementError) as caught:
        lower("COALESCE()")
    assert caught.value.primary == "Function 'COALESCE' does not accept parameters ()."


def test_values_of_every_kind_pass_through() -> None:
    kinds: list[SqlType] = [
        BOOLEAN,
        DOUBLE,
        Map(STRING, Array(BIGINT)),
        Struct((Field("a", STRING),)),
    ]
    for type_ in kinds:
        call = resolve_scalar("AS_VALUE", [TypedSql(sql="c", type=type_)])
        assert (call.sql, call.type) == ("c", type_)
    whole = compose("c", BIGINT)
    assert resolve_scalar("ABS", [whole]).type == BIGINT
