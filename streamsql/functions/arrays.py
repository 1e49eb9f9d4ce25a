"""Arrays: sets, sorting, slicing, joining, series of numbers.

NULL is an element like any other: equal to NULL in sets and searches, last when sorted.
"""

from __future__ import annotations

from streamsql.functions.registry import CALLED, ScalarFunction, scalar, signature
from streamsql.schema.duck import duckdb_type
from streamsql.schema.spelling import spell
from streamsql.schema.text import each, fail_with, fresh, joined, let
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INTEGER,
    STRING,
    Array,
    Decimal,
    SqlType,
)


def keep(sql: str, condition: str) -> str:
    """The elements of a list for which a condition on `{x}`, their value, and `{i}`, their place,
    holds."""
    x = fresh(sql, condition)
    i = f"{x}_i"
    return f"list_filter({sql}, lambda {x}, {i}: {condition.format(x=x, i=i)})"


def distinct(sql: str) -> str:
    """Each element where it stands first; list_distinct keeps no order and drops NULL."""
    return let(sql, lambda v: keep(v, f"list_position({v}, {{x}}) = {{i}}"))


def _contains(array: TypedSql, value: TypedSql) -> str:
    return f"coalesce(list_position({array.sql}, {value.sql}), 0) > 0"


def _union(a: TypedSql, b: TypedSql) -> str:
    # list_concat takes NULL for an empty list, `||` does not.
    return distinct(f"({a.sql} || {b.sql})")


def _except(a: TypedSql, b: TypedSql) -> str:
    return _where(a, b, "IS NULL")


def _intersect(a: TypedSql, b: TypedSql) -> str:
    return _where(a, b, "IS NOT NULL")


def _where(a: TypedSql, b: TypedSql, test: str) -> str:
    def body(w: str) -> str:
        found = keep(a.sql, f"list_position({w}, {{x}}) {test}")
        return f"CASE WHEN {w} IS NOT NULL THEN {distinct(found)} END"

    return let(b.sql, body)


def _concat(a: TypedSql, b: TypedSql) -> str:
    return let(
        a.sql,
        lambda v: let(
            b.sql,
            lambda w: (
                f"CASE WHEN {v} IS NULL THEN {w} WHEN {w} IS NULL THEN {v} ELSE {v} || {w} END"
            ),
        ),
    )


def _remove(array: TypedSql, value: TypedSql) -> str:
    return let(value.sql, lambda v: keep(array.sql, f"{{x}} IS DISTINCT FROM {v}"))


def _sort(array: TypedSql, direction: TypedSql | None = None) -> str:
    ascending = f"list_sort({array.sql}, 'ASC', 'NULLS LAST')"
    if direction is None:
        return ascending
    descending = f"list_sort({array.sql}, 'DESC', 'NULLS LAST')"
    return (
        f"CASE WHEN upper({direction.sql}) IN ('ASC', 'ASCENDING') THEN {ascending} "
        f"WHEN upper({direction.sql}) IN ('DESC', 'DESCENDING') THEN {descending} END"
    )


_JOINABLE = (BOOLEAN, INTEGER, BIGINT, DOUBLE, STRING)


def _join(array: TypedSql, delimiter: TypedSql | None = None) -> str:
    if not isinstance(array.type, Array):
        return "NULL::VARCHAR"
    element = array.type.element
    if element not in _JOINABLE and not isinstance(element, Decimal):
        return _join_of_nothing(array, element, delimiter)
    texts = each(array.sql, lambda v: f"coalesce({spell(v, element, nested=True)}, 'null')")
    return _joined(texts, delimiter)


def _join_of_nothing(array: TypedSql, element: SqlType, delimiter: TypedSql | None) -> str:
    """ksqlDB refuses other elements when it meets one that is not NULL."""
    refused = fail_with(f"ARRAY_JOIN takes no elements of type {element}", STRING)
    texts = each(array.sql, lambda v: f"CASE WHEN {v} IS NULL THEN 'null' ELSE {refused} END")
    return _joined(texts, delimiter)


def _joined(texts: str, delimiter: TypedSql | None) -> str:
    if delimiter is None:
        return joined(texts, ",")
    if isinstance(delimiter.literal, str) or (delimiter.literal is None and delimiter.constant):
        return joined(texts, str(delimiter.literal or ""))

    # string_agg takes a literal only.
    def body(v: str, d: str) -> str:
        added = f"list_reduce({v}, lambda {v}_a, {v}_b: {v}_a || {d} || {v}_b)"
        return f"CASE WHEN len({v}) = 0 THEN '' ELSE {added} END"

    return let(f"coalesce({delimiter.sql}, '')", lambda d: let(texts, lambda v: body(v, d)))


def _slice(array: TypedSql, first: TypedSql, last: TypedSql) -> str:
    """NULL where a place is outside; a failure where the last comes before the first, as in
    Java."""

    def body(v: str, a: str, b: str) -> str:
        backwards = fail_with("SLICE ends before it begins", array.type)
        return (
            f"CASE WHEN {a} < 1 OR {b} > len({v}) THEN NULL WHEN {a} > {b} + 1 THEN {backwards} "
            f"ELSE {v}[{a}:{b}] END"
        )

    def places(v: str) -> str:
        start, end = f"coalesce({first.sql}, 1)", f"coalesce({last.sql}, len({v}))"
        return let(start, lambda a: let(end, lambda b: body(v, a, b)))

    return let(array.sql, places)


SERIES_MAX = 1 << 24
"""Items: one record must not take the memory of all."""


def _series(first: TypedSql, last: TypedSql, step: TypedSql | None = None) -> str:
    # Up or down by one where no step is given.
    by = f"CASE WHEN {last.sql} > {first.sql} THEN 1 ELSE -1 END" if step is None else step.sql
    type_ = duckdb_type(first.type)

    def body(a: str, b: str, s: str) -> str:
        array = Array(first.type)
        zero = fail_with("GENERATE_SERIES step cannot be zero", array)
        wrong = fail_with("GENERATE_SERIES step has wrong sign", array)
        wrong_sign = f"({b} > {a} AND {s} < 0) OR ({b} < {a} AND {s} > 0)"
        # An empty list is a NULL argument's; DuckDB's own series is of BIGINT.
        made = f"CAST(generate_series(CAST({a} AS BIGINT), {b}, {s}) AS {type_}[])"
        long = fail_with(f"GENERATE_SERIES of more than {SERIES_MAX}", array)
        count = f"(CAST({b} AS HUGEINT) - {a}) // {s}"
        return (
            f"CASE WHEN {s} = 0 THEN {zero} WHEN {wrong_sign} THEN {wrong}"
            f" WHEN {count} >= {SERIES_MAX} THEN {long} ELSE {made} END"
        )

    return let(
        first.sql,
        lambda a: let(last.sql, lambda b: let(f"CAST({by} AS BIGINT)", lambda s: body(a, b, s))),
    )


_SERIES = (
    signature("INTEGER, INTEGER -> ARRAY<INTEGER>", _series, throws=True),
    signature("INTEGER, INTEGER, INTEGER -> ARRAY<INTEGER>", _series, throws=True),
    signature("BIGINT, BIGINT -> ARRAY<BIGINT>", _series, throws=True),
    signature("BIGINT, BIGINT, INTEGER -> ARRAY<BIGINT>", _series, throws=True),
)

ENTRIES: tuple[ScalarFunction, ...] = (
    scalar(
        "array_length",
        signature("ARRAY<T> -> INTEGER", "CAST(len({0}) AS INTEGER)"),
        doc="The number of elements.",
        examples=(("ARRAY_LENGTH(ARRAY[1, NULL, 3])", "3"),),
    ),
    scalar(
        "array_contains",
        signature("ARRAY<T>, T -> BOOLEAN", _contains, nulls=CALLED),
        doc="Whether a value is in an array; false for a NULL array.",
        examples=(
            ("ARRAY_CONTAINS(ARRAY[1, 2, 3], 3)", "true"),
            ("ARRAY_CONTAINS(ARRAY['a', NULL], NULL)", "true"),
        ),
    ),
    scalar(
        "array_distinct",
        signature("ARRAY<T> -> ARRAY<T>", lambda a: distinct(a.sql)),
        doc="The distinct elements in the order in which they stand first; NULL is one.",
        examples=(
            ("ARRAY_DISTINCT(ARRAY[1, 1, 2, 3, 1, 2])", "[1, 2, 3]"),
            ("ARRAY_DISTINCT(ARRAY['a', NULL, 'a', NULL])", '["a", null]'),
        ),
    ),
    scalar(
        "array_union",
        signature("ARRAY<T>, ARRAY<T> -> ARRAY<T>", _union),
        doc="The distinct elements of both arrays, in the order in which they stand first.",
        examples=(("ARRAY_UNION(ARRAY[1, 2, 3, 1, 2], ARRAY[4, 1])", "[1, 2, 3, 4]"),),
    ),
    scalar(
        "array_except",
        signature("ARRAY<T>, ARRAY<T> -> ARRAY<T>", _except),
        doc="The distinct elements of the first array that are not in the second.",
        examples=(("ARRAY_EXCEPT(ARRAY['a', 'a', NULL, 'c'], ARRAY['c'])", '["a", null]'),),
    ),
    scalar(
        "array_intersect",
        signature("ARRAY<T>, ARRAY<T> -> ARRAY<T>", _intersect),
        doc="The distinct elements of the first array that are in the second too.",
        examples=(("ARRAY_INTERSECT(ARRAY[1, 2, 3, 1, 2], ARRAY[2, 1])", "[1, 2]"),),
    ),
    scalar(
        "array_concat",
        signature("ARRAY<T>, ARRAY<T> -> ARRAY<T>", _concat, nulls=CALLED),
        doc="The elements of both arrays one after the other; the other array where one is NULL.",
        examples=(
            ("ARRAY_CONCAT(ARRAY[1, 2], ARRAY[2, 3])", "[1, 2, 2, 3]"),
            ("ARRAY_CONCAT(NULL, ARRAY[1])", "[1]"),
        ),
    ),
    scalar(
        "array_remove",
        signature("ARRAY<T>, T -> ARRAY<T>", _remove, nulls=CALLED),
        doc="The array without the elements that equal a value, which may be NULL.",
        examples=(
            ("ARRAY_REMOVE(ARRAY[1, 2, 3, 2, 1], 2)", "[1, 3, 1]"),
            ("ARRAY_REMOVE(ARRAY['a', NULL, 'b'], NULL)", '["a", "b"]'),
        ),
    ),
    scalar(
        "array_sort",
        signature("ARRAY<T> -> ARRAY<T>", _sort),
        signature("ARRAY<T>, STRING -> ARRAY<T>", _sort),
        doc="The elements in order, 'ASC' or 'DESC', NULL last; NULL for another direction.",
        examples=(
            ("ARRAY_SORT(ARRAY[-1, 2, NULL, 0])", "[-1, 0, 2, null]"),
            ("ARRAY_SORT(ARRAY['Foo', 'Bar', NULL, 'baz'], 'DESC')", '["baz", "Foo", "Bar", null]'),
        ),
    ),
    scalar(
        "array_max",
        signature("ARRAY<T> -> T", "list_max({0})"),
        doc="The greatest element; NULL where there is none.",
        examples=(("ARRAY_MAX(ARRAY['Foo', 'Bar', NULL, 'baz'])", '"baz"'),),
    ),
    scalar(
        "array_min",
        signature("ARRAY<T> -> T", "list_min({0})"),
        doc="The least element; NULL where there is none.",
        examples=(("ARRAY_MIN(ARRAY[-1, 2, NULL, 0])", "-1"),),
    ),
    scalar(
        "ARRAY_JOIN",
        signature("ARRAY<T> -> STRING", _join, throws=True),
        signature("ARRAY<T>, STRING -> STRING", _join, throws=True, nulls=CALLED),
        doc="The elements as text, with a delimiter or a comma between them; NULL reads null.",
        examples=(
            ("ARRAY_JOIN(ARRAY[TRUE, NULL, FALSE])", '"true,null,false"'),
            ("ARRAY_JOIN(ARRAY[1.23e0, 1e10], ' + ')", '"1.23 + 1.0E10"'),
        ),
    ),
    scalar(
        "slice",
        signature("ARRAY<T>, INTEGER, INTEGER -> ARRAY<T>", _slice, throws=True, nulls=CALLED),
        doc="The elements from one place to another, both counted from 1 and included; NULL where "
        "one is outside.",
        examples=(
            ("SLICE(ARRAY['a', 'b', 'c', 'd'], 2, 3)", '["b", "c"]'),
            ("SLICE(ARRAY['a', 'b'], 2, 3)", "null"),
            ("SLICE(ARRAY['a', 'b'], NULL, 1)", '["a"]'),
        ),
    ),
    scalar(
        "GENERATE_SERIES",
        *_SERIES,
        doc="The whole numbers from one to another, both included, by a step or by one.",
        examples=(
            ("GENERATE_SERIES(0, 9, 3)", "[0, 3, 6, 9]"),
            ("GENERATE_SERIES(2, -1)", "[2, 1, 0, -1]"),
        ),
    ),
)
