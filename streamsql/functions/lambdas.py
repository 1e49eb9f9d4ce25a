"""FILTER, TRANSFORM and REDUCE: functions that take a lambda.

A lambda that fails for one element fails for the whole collection: the result is NULL. Operators in
a lambda are lowered strictly for that (`arithmetic`): in ksqlDB a NULL operand fails.
"""

from __future__ import annotations

from streamsql.functions.registry import CALLED, ScalarFunction, scalar, signature
from streamsql.schema.hash_order import entries_in_hash_order
from streamsql.schema.text import fresh, let
from streamsql.schema.typed import LambdaSql, TypedSql
from streamsql.schema.types import Map


def _applied(f: LambdaSql, *values: str) -> str:
    """The body of `f` where its last parameters are `values`: DuckDB's own lambdas of a list take
    one."""
    sql = f.body.sql
    for name, value in zip(reversed(f.parameters), reversed(values), strict=False):
        sql = f"list_transform([{value}], lambda {name}: {sql})[1]"
    return sql


def _of_entry(f: LambdaSql, entry: str) -> str:
    return _applied(f, f"{entry}.key", f"{entry}.value")


def _filter_array(array: TypedSql, f: LambdaSql) -> str:
    return f"list_filter({array.sql}, lambda {f.parameters[0]}: coalesce({f.body.sql}, FALSE))"


def _filter_map(map_: TypedSql, f: LambdaSql) -> str:
    entry = fresh(map_.sql, f.body.sql)
    kept = f"lambda {entry}: coalesce({_of_entry(f, entry)}, FALSE)"
    return f"map_from_entries(list_filter(map_entries({map_.sql}), {kept}))"


def _transform_array(array: TypedSql, f: LambdaSql) -> str:
    return f"list_transform({array.sql}, lambda {f.parameters[0]}: {f.body.sql})"


def _transform_map(map_: TypedSql, keys: LambdaSql, values: LambdaSql) -> str:
    """Two entries that get one key are a failure, as in ksqlDB."""
    entry = fresh(map_.sql, keys.body.sql, values.body.sql)
    pair = f"struct_pack(k := {_of_entry(keys, entry)}, v := {_of_entry(values, entry)})"
    return f"map_from_entries(list_transform(map_entries({map_.sql}), lambda {entry}: {pair}))"


def _reduce(listed: str, state: TypedSql, step: str) -> str:
    """The state where there is no collection; NULL where there is no state."""
    return let(
        state.sql,
        lambda s: let(
            listed,
            lambda v: (
                f"CASE WHEN {s} IS NULL THEN NULL WHEN {v} IS NULL THEN {s} "
                f"ELSE list_reduce({v}, {step}, {s}) END"
            ),
        ),
    )


def _reduce_array(array: TypedSql, state: TypedSql, f: LambdaSql) -> str:
    return _reduce(array.sql, state, f"lambda {', '.join(f.parameters)}: {f.body.sql}")


def _reduce_map(map_: TypedSql, state: TypedSql, f: LambdaSql) -> str:
    entry = fresh(map_.sql, state.sql, f.body.sql)
    step = f"lambda {f.parameters[0]}, {entry}: {_of_entry(f, entry)}"
    assert isinstance(map_.type, Map)
    return _reduce(entries_in_hash_order(map_.sql, map_.type), state, step)


ENTRIES: tuple[ScalarFunction, ...] = (
    scalar(
        "filter",
        signature("ARRAY<T>, (T) => BOOLEAN -> ARRAY<T>", _filter_array),
        signature("MAP<K, V>, (K, V) => BOOLEAN -> MAP<K, V>", _filter_map, throws=True),
        doc="The elements or entries for which a lambda is true.",
        examples=(
            ("FILTER(ARRAY[3, 6, NULL, 10], x => x > 5)", "[6, 10]"),
            ("FILTER(MAP('a' := 1, 'b' := 2), (k, v) => v = 2)", '{"b": 2}'),
        ),
    ),
    scalar(
        "transform",
        signature("ARRAY<T>, (T) => U -> ARRAY<U>", _transform_array),
        signature("MAP<K, V>, (K, V) => A, (K, V) => B -> MAP<A, B>", _transform_map, throws=True),
        doc="What a lambda makes of each element, or two lambdas of the key and the value of each "
        "entry; NULL where it fails for one.",
        examples=(
            ("TRANSFORM(ARRAY[3, 6], x => x + 5)", "[8, 11]"),
            ("TRANSFORM(ARRAY[5, NULL], x => x + 5)", "null"),
            (
                "TRANSFORM(MAP('a' := 1), (k, v) => CONCAT(k, '!'), (k, v) => v * 2)",
                '{"a!": 2}',
            ),
        ),
    ),
    scalar(
        "reduce",
        signature("ARRAY<T>, S, (S, T) => S -> S", _reduce_array, nulls=CALLED),
        signature("MAP<K, V>, S, (S, K, V) => S -> S", _reduce_map, nulls=CALLED),
        doc="What a lambda makes of a state and each element or entry, one after the other; the "
        "state where there is no collection, NULL where there is no state.",
        examples=(
            ("REDUCE(ARRAY[3, 6], 2, (s, x) => s + x)", "11"),
            ("REDUCE(MAP('a' := 3, 'b' := 4), 1, (s, k, v) => s * v)", "12"),
        ),
    ),
)
