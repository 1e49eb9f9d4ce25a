"""Maps and choices from a list of arguments."""

from __future__ import annotations

from streamsql.functions.registry import CALLED, ScalarFunction, scalar, signature
from streamsql.schema.hash_order import entries_in_hash_order
from streamsql.schema.text import each, fresh, let
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import Array, Map


def _union(a: TypedSql, b: TypedSql) -> str:
    return let(
        a.sql,
        lambda v: let(
            b.sql,
            lambda w: (
                f"CASE WHEN {v} IS NULL THEN {w} WHEN {w} IS NULL THEN {v} "
                f"ELSE map_concat({v}, {w}) END"
            ),
        ),
    )


def _as_map(keys: TypedSql, values: TypedSql) -> str:
    """As many entries as there are keys; a key that comes again has its last value."""

    def body(k: str, v: str) -> str:
        i = fresh(k, v)
        # No key after this one is the same.
        last = f"list_position({k}[{i} + 1:], {k}[{i}]) IS NULL"
        places = f"list_filter(range(1, least(len({k}), len({v})) + 1), lambda {i}: {last})"
        pairs = each(places, lambda p: f"struct_pack(k := {k}[{p}], v := {v}[{p}])")
        return f"CASE WHEN {k} IS NOT NULL AND {v} IS NOT NULL THEN map_from_entries({pairs}) END"

    return let(keys.sql, lambda k: let(values.sql, lambda v: body(k, v)))


def _in_hash_order(map_: TypedSql) -> str:
    assert isinstance(map_.type, Map)
    return entries_in_hash_order(map_.sql, map_.type)


def _keys(map_: TypedSql) -> str:
    return each(_in_hash_order(map_), lambda e: f"{e}.key")


def _values(map_: TypedSql) -> str:
    return each(_in_hash_order(map_), lambda e: f"{e}.value")


def _entries(map_: TypedSql, ordered: TypedSql) -> str:
    def rows(entries: str) -> str:
        return each(entries, lambda e: f'struct_pack("K" := {e}.key, "V" := {e}.value)')

    by_key = f"list_sort({rows(f'map_entries({map_.sql})')})"
    as_it_is = rows(_in_hash_order(map_))
    return f"CASE WHEN {ordered.sql} THEN {by_key} WHEN NOT {ordered.sql} THEN {as_it_is} END"


def _listed(arguments: tuple[TypedSql, ...]) -> str:
    """The strings of a call, or the one array of them that stands for them."""
    if len(arguments) == 1 and isinstance(arguments[0].type, Array):
        return f"({arguments[0].sql})"
    return f"([{', '.join(a.sql for a in arguments)}]::VARCHAR[])"


def _element(place: TypedSql, *arguments: TypedSql) -> str:
    """DuckDB's list index from the end and of 0 means something else."""
    listed = _listed(arguments)
    return let(place.sql, lambda n: f"CASE WHEN {n} > 0 THEN {listed}[{n}] END")


def _place(value: TypedSql, *arguments: TypedSql) -> str:
    found = let(
        value.sql,
        lambda v: f"CASE WHEN {v} IS NOT NULL THEN list_position({_listed(arguments)}, {v}) END",
    )
    return f"CAST(coalesce({found}, 0) AS INTEGER)"


ENTRIES: tuple[ScalarFunction, ...] = (
    scalar(
        "map_keys",
        signature("MAP<K, V> -> ARRAY<K>", _keys),
        doc="The keys of a map, in the order of Java's HashMap.",
        examples=(("MAP_KEYS(MAP('apple' := 10, 'banana' := 20))", '["banana", "apple"]'),),
    ),
    scalar(
        "map_values",
        signature("MAP<K, V> -> ARRAY<V>", _values),
        doc="The values of a map, in the order of its keys.",
        examples=(("MAP_VALUES(MAP('apple' := 10, 'banana' := 20))", "[20, 10]"),),
    ),
    scalar(
        "map_union",
        signature("MAP<K, V>, MAP<K, V> -> MAP<K, V>", _union, nulls=CALLED),
        doc="The entries of both maps, the second's where a key is in both; the other map where "
        "one is NULL.",
        examples=(
            (
                "MAP_UNION(MAP('apple' := 10, 'banana' := 20), MAP('apple' := 50))",
                '{"apple": 50, "banana": 20}',
            ),
        ),
    ),
    scalar(
        "AS_MAP",
        signature("ARRAY<STRING>, ARRAY<V> -> MAP<STRING, V>", _as_map, throws=True),
        doc="A map of an array of keys and an array of values, as long as the shorter one.",
        examples=(("AS_MAP(ARRAY['a', 'b'], ARRAY[1, 2])", '{"a": 1, "b": 2}'),),
    ),
    scalar(
        "ENTRIES",
        signature("MAP<STRING, V>, BOOLEAN -> ARRAY<STRUCT<K STRING, V V>>", _entries),
        doc="An array of structs K and V, one an entry; ordered by the key if asked to, else as a"
        " HashMap is.",
        examples=(
            ("ENTRIES(MAP('b' := 2, 'a' := 1), TRUE)", '[{"K": "a", "V": 1}, {"K": "b", "V": 2}]'),
        ),
    ),
    scalar(
        "elt",
        signature("INTEGER, STRING… -> STRING", _element, nulls=CALLED),
        signature("INTEGER, ARRAY<STRING> -> STRING", _element, nulls=CALLED),
        doc="The argument at a place, counted from 1; NULL where there is none.",
        examples=(
            ("ELT(2, 'a', 'b')", '"b"'),
            ("ELT(3, 'a', 'b')", "null"),
            ("ELT(2, ARRAY['a', 'b'])", '"b"'),
        ),
    ),
    scalar(
        "field",
        signature("STRING, STRING… -> INTEGER", _place, nulls=CALLED),
        signature("STRING, ARRAY<STRING> -> INTEGER", _place, nulls=CALLED),
        doc="The place of a string among the arguments after it, 0 if it is not there or NULL.",
        examples=(
            ("FIELD('b', 'a', 'b')", "2"),
            ("FIELD(NULL, 'a')", "0"),
            ("FIELD('b', ARRAY['a', 'b'])", "2"),
        ),
    ),
)
