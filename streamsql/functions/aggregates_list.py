"""Aggregates that keep values: COLLECT_LIST, COLLECT_SET, TOPK, TOPKDISTINCT, HISTOGRAM,
COUNT_DISTINCT, EARLIEST_BY_OFFSET, LATEST_BY_OFFSET, ATTR.

What is kept is bounded (`ksql.functions.collect_list.limit`, 1000 keys of a histogram, N), except
for COUNT_DISTINCT, which is exact here and an estimate in ksqlDB.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamsql.errors import StatementError
from streamsql.functions.registry import (
    AggregateFunction,
    BoundAggregate,
    aggregate,
    aggregate_signature,
)
from streamsql.schema.duck import duckdb_type
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import Array, Field, SqlType, Struct

__all__ = ["ENTRIES"]

HISTOGRAM_KEYS_MAX = 1000
"""Further keys are ignored, as in ksqlDB."""

_BOTH = "list_concat({p0}, {q0})"
_FIRST = "row_number() OVER (PARTITION BY {key}, {0} ORDER BY _seq) = 1"
_ROOM = "coalesce(len({p0}), 0)"
_NEW = "list_filter({q0}, lambda e: list_position({p0}, e) IS NULL)"


def _constant(name: str, number: int, argument: TypedSql) -> object:
    """The value of an argument that has to be written out; `number` from 1."""
    if argument.literal is None:
        shown = argument.sql.removeprefix('"').removesuffix('"')
        raise StatementError(
            f"Parameter {number} passed to function {name} must be a literal constant,"
            f" but was expression: '{shown}'"
        )
    return argument.literal


def _size(name: str, number: int, argument: TypedSql) -> int:
    """The N of an aggregate that keeps N values."""
    size = _constant(name, number, argument)
    if not isinstance(size, int) or size < 1:
        raise StatementError(f"{name} must be given a number of values of 1 or more, got {size}")
    return size


def _collect_list(type_: SqlType, x: TypedSql) -> BoundAggregate:
    """All values, NULL among them, until the list is full."""
    return BoundAggregate(
        name="COLLECT_LIST",
        arguments=(x,),
        type=type_,
        state=(duckdb_type(type_),),
        stages=(f"row_number() OVER {{w}} + {_ROOM} <= {{limit}}",),
        running=("list({0}) FILTER (WHERE {s0}) OVER {w}",),
        group=("list({0} ORDER BY _seq) FILTER (WHERE {s0})",),
        merge=(_BOTH + "[:{limit}]",),
        result="{p0}",
        signed=(),
        listed="{0}[:{limit}]",
        nested=True,
    )


def _collect_set(type_: SqlType, x: TypedSql) -> BoundAggregate:
    """Each value once, in order of first occurrence."""
    return BoundAggregate(
        name="COLLECT_SET",
        arguments=(x,),
        type=type_,
        state=(duckdb_type(type_),),
        stages=(
            f"{_FIRST} AND list_position({{p0}}, {{0}}) IS NULL",
            f"{{s0}} AND count(*) FILTER (WHERE {{s0}}) OVER {{w}} + {_ROOM} <= {{limit}}",
        ),
        running=("list({0}) FILTER (WHERE {s1}) OVER {w}",),
        group=("list({0} ORDER BY _seq) FILTER (WHERE {s1})",),
        merge=(_BOTH,),
        joined=(f"list_concat({{p0}}, {_NEW})[:{{limit}}]",),
        result="{p0}",
        nested=True,
    )


def _top(type_: SqlType, x: TypedSql, *rest: TypedSql) -> BoundAggregate:
    """The K largest values, largest first; with further columns, of rows, of equals the earlier
    first."""
    k = _size("TOPK", len(rest) + 1, rest[-1])
    if len(rest) > 1:
        return _top_rows(type_, x, rest[:-1], k)
    return BoundAggregate(
        name="TOPK",
        arguments=(x,),
        type=type_,
        state=(duckdb_type(type_),),
        running=(f"max({{0}}, {k}) OVER {{w}}",),
        group=(f"max({{0}}, {k})",),
        merge=(f"list_sort({_BOTH}, 'DESC')[:{k}]",),
        result="{p0}",
        nested=True,
    )


def _top_rows(type_: SqlType, x: TypedSql, others: Sequence[TypedSql], k: int) -> BoundAggregate:
    """TOPK of several columns: a row is (value, order, columns), so that of equals the earlier is
    larger."""
    columns = [f"c{i}" for i in range(len(others))]
    types = "".join(f", {c} {duckdb_type(o.type)}" for c, o in zip(columns, others, strict=True))
    made = "".join(f", {c} := {{{i + 1}}}" for i, c in enumerate(columns))
    copied = "".join(f", {c} := e.{c}" for c in columns)
    best = f"max(struct_pack(v := {{0}}, n := -_seq{made}), {k}) FILTER (WHERE {{0}} IS NOT NULL)"
    # What was kept before comes before all that is new: its order becomes positive.
    earlier = f"list_transform({{p0}}, lambda e, i: struct_pack(v := e.v, n := {k} - i{copied}))"
    later = f"list_transform({{q0}}, lambda e, i: struct_pack(v := e.v, n := -i{copied}))"
    shown = "".join(f', "col{i}" := e.{c}' for i, c in enumerate(columns))
    return BoundAggregate(
        name="TOPK",
        arguments=(x, *others),
        type=type_,
        state=(f"STRUCT(v {duckdb_type(x.type)}, n BIGINT{types})[]",),
        running=(best + " OVER {w}",),
        group=(best,),
        merge=(f"list_sort(list_concat({earlier}, {later}), 'DESC')[:{k}]",),
        result=f'list_transform({{p0}}, lambda e: struct_pack("sort_col" := e.v{shown}))',
        nested=True,
    )


def _top_type(types: Sequence[SqlType]) -> SqlType:
    """ARRAY of the value, or of a row of all columns."""
    if len(types) == 2:
        return Array(types[0])
    fields = [Field("sort_col", types[0])]
    fields += [Field(f"col{i}", t) for i, t in enumerate(types[1:-1])]
    return Array(Struct(tuple(fields)))


def _top_distinct(type_: SqlType, x: TypedSql, size: TypedSql) -> BoundAggregate:
    """The K largest different values."""
    k = _size("TOPKDISTINCT", 2, size)
    return BoundAggregate(
        name="TOPKDISTINCT",
        arguments=(x,),
        type=type_,
        state=(duckdb_type(type_),),
        stages=(f"{{0}} IS NOT NULL AND {_FIRST}",),
        running=(f"max({{0}}, {k}) FILTER (WHERE {{s0}}) OVER {{w}}",),
        group=(f"max({{0}}, {k}) FILTER (WHERE {{s0}})",),
        merge=(f"list_sort(list_distinct({_BOTH}), 'DESC')[:{k}]",),
        result="{p0}",
        nested=True,
    )


def _histogram(type_: SqlType, x: TypedSql) -> BoundAggregate:
    """How often each text occurred; the keys are sorted, so that the map does not depend on
    batches."""
    known = "coalesce(map_contains({p0}, {0}), FALSE)"
    rank = "first_value({s1}) OVER (PARTITION BY {key}, {0} ORDER BY _seq ROWS UNBOUNDED PRECEDING)"
    keys = "list_sort(list_distinct(list_concat(map_keys({p0}), map_keys({q0}))))"
    count = "coalesce({p0}[k], 0)::BIGINT + coalesce({q0}[k], 0)::BIGINT"
    return BoundAggregate(
        name="HISTOGRAM",
        arguments=(x,),
        type=type_,
        state=(duckdb_type(type_),),
        stages=(
            f"{{0}} IS NOT NULL AND NOT {known} AND {_FIRST}",
            "count(*) FILTER (WHERE {s0}) OVER {w} + coalesce(cardinality({p0}), 0)",
            f"{{0}} IS NOT NULL AND ({known} OR {rank} <= {HISTOGRAM_KEYS_MAX})",
        ),
        running=("histogram({0}) FILTER (WHERE {s2}) OVER {w}",),
        group=("histogram({0}) FILTER (WHERE {s2})",),
        merge=(
            f"map_from_entries(list_transform({keys},"
            f" lambda k: struct_pack(k := k, v := {count})))",
        ),
        result="{p0}",
        signed=(),
        listed=f"coalesce(list_aggregate({{0}}, 'histogram'), MAP())::{duckdb_type(type_)}",
        nested=True,
    )


def _count_distinct(type_: SqlType, x: TypedSql) -> BoundAggregate:
    """How many different values; NULL is none."""
    values = f"{duckdb_type(x.type)}[]"
    return BoundAggregate(
        name="COUNT_DISTINCT",
        arguments=(x,),
        type=type_,
        state=(values,),
        stages=(f"{{0}} IS NOT NULL AND {_FIRST} AND list_position({{p0}}, {{0}}) IS NULL",),
        running=("list({0}) FILTER (WHERE {s0}) OVER {w}",),
        group=("list({0} ORDER BY _seq) FILTER (WHERE {s0})",),
        merge=(_BOTH,),
        joined=(f"list_concat({{p0}}, {_NEW})",),
        result="len({p0})::BIGINT",
        distinct=True,
        nested=True,
    )


def _attribute(type_: SqlType, x: TypedSql) -> BoundAggregate:
    """ATTR: the one value that all rows have, else NULL."""
    kept = duckdb_type(type_)
    alone = (
        "len({0}) = len(list_filter({0}, lambda e: e IS NOT NULL)) AND len(list_distinct({0})) = 1"
    )
    return BoundAggregate(
        name="ATTR",
        arguments=(x,),
        type=type_,
        state=(kept, kept, "BIGINT"),
        running=(
            "min({0}) OVER {w}",
            "max({0}) OVER {w}",
            "count(*) FILTER (WHERE {0} IS NULL) OVER {w}",
        ),
        group=("min({0})", "max({0})", "count(*) FILTER (WHERE {0} IS NULL)"),
        merge=(
            "least({p0}, {q0})",
            "greatest({p1}, {q1})",
            "coalesce({p2}, 0) + coalesce({q2}, 0)",
        ),
        result="CASE WHEN {p2} = 0 AND {p0} IS NOT DISTINCT FROM {p1} THEN {p0} END",
        signed=(),
        listed=f"CASE WHEN {alone} THEN {{0}}[1] END",
        nested=True,
    )


def _by_offset(name: str, *, earliest: bool) -> AggregateFunction:
    """EARLIEST_BY_OFFSET and LATEST_BY_OFFSET, of one value or of N, with or without NULL."""

    def bind(type_: SqlType, x: TypedSql, *options: TypedSql) -> BoundAggregate:
        values = [_constant(name, i + 2, o) for i, o in enumerate(options)]
        ignoring = next((v for v in values if isinstance(v, bool)), True)
        if isinstance(type_, Array) and any(not isinstance(v, bool) for v in values):
            size = _size(name, 2, options[0])
            make = _first_values if earliest else _last_values
            return make(name, type_, x, size=size, ignoring=ignoring)
        if ignoring:
            return _one_value(name, type_, x, earliest=earliest)
        return _one_or_null(name, type_, x, earliest=earliest)

    return aggregate(
        name,
        aggregate_signature("T -> T", bind),
        aggregate_signature("T, BOOLEAN -> T", bind),
        aggregate_signature("T, INTEGER -> ARRAY<T>", bind),
        aggregate_signature("T, INTEGER, BOOLEAN -> ARRAY<T>", bind),
        doc=f"The {'earliest' if earliest else 'latest'} value of a group, or the N"
        f" {'earliest' if earliest else 'latest'}, in order of arrival; NULL is ignored unless the"
        " last argument is false.",
    )


def _one_value(name: str, type_: SqlType, x: TypedSql, *, earliest: bool) -> BoundAggregate:
    first, best = ("first", "arg_min") if earliest else ("last", "arg_max")
    sides = ("{p0}", "{q0}") if earliest else ("{q0}", "{p0}")
    return BoundAggregate(
        name=name,
        arguments=(x,),
        type=type_,
        state=(duckdb_type(type_),),
        running=(f"{first}_value({{0}} IGNORE NULLS) OVER {{w}}",),
        group=(f"{best}({{0}}, _seq)",),
        merge=(f"coalesce({', '.join(sides)})",),
        result="{p0}",
        nested=True,
    )


def _one_or_null(name: str, type_: SqlType, x: TypedSql, *, earliest: bool) -> BoundAggregate:
    first, best = ("first", "arg_min_null") if earliest else ("last", "arg_max_null")
    own, other = ("p", "q") if earliest else ("q", "p")
    return BoundAggregate(
        name=name,
        arguments=(x,),
        type=type_,
        state=(duckdb_type(type_), "BOOLEAN"),
        running=(f"{first}_value({{0}}) OVER {{w}}", "TRUE"),
        group=(f"{best}({{0}}, _seq)", "TRUE"),
        merge=(
            f"CASE WHEN {{{own}1}} THEN {{{own}0}} ELSE {{{other}0}} END",
            "coalesce({p1}, FALSE) OR coalesce({q1}, FALSE)",
        ),
        result="{p0}",
        nested=True,
    )


def _first_values(
    name: str, type_: SqlType, x: TypedSql, *, size: int, ignoring: bool
) -> BoundAggregate:
    counted = "{0} IS NOT NULL AND count({0})" if ignoring else "count(*)"
    return BoundAggregate(
        name=name,
        arguments=(x,),
        type=type_,
        state=(duckdb_type(type_),),
        stages=(f"{counted} OVER {{w}} + {_ROOM} <= {size}",),
        running=("list({0}) FILTER (WHERE {s0}) OVER {w}",),
        group=("list({0} ORDER BY _seq) FILTER (WHERE {s0})",),
        merge=(f"{_BOTH}[:{size}]",),
        result="{p0}",
        nested=True,
    )


def _last_values(
    name: str, type_: SqlType, x: TypedSql, *, size: int, ignoring: bool
) -> BoundAggregate:
    part = "{key}, ({0} IS NULL)" if ignoring else "{key}"
    frame = f"ROWS BETWEEN {size - 1} PRECEDING AND CURRENT ROW"
    last = f"list({{0}}) OVER (PARTITION BY {part} ORDER BY _seq {frame})"
    if ignoring:
        last = f"CASE WHEN {{0}} IS NOT NULL THEN {last} END"
    return BoundAggregate(
        name=name,
        arguments=(x,),
        type=type_,
        state=(duckdb_type(type_),),
        stages=(last,),
        running=("last_value({s0} IGNORE NULLS) OVER {w}",),
        group=("arg_max({s0}, _seq)",),
        merge=(f"{_BOTH}[-{size}:]",),
        result="{p0}",
        nested=True,
    )


_ORDERED = "INTEGER BIGINT DOUBLE DECIMAL STRING BYTES DATE TIME TIMESTAMP".split()

ENTRIES: tuple[AggregateFunction, ...] = (
    aggregate(
        "COLLECT_LIST",
        aggregate_signature("T -> ARRAY<T>", _collect_list),
        doc="All values of a group in order of arrival, as many as"
        " ksql.functions.collect_list.limit allows.",
    ),
    aggregate(
        "COLLECT_SET",
        aggregate_signature("T -> ARRAY<T>", _collect_set),
        doc="The different values of a group in order of arrival, as many as"
        " ksql.functions.collect_set.limit allows.",
    ),
    aggregate(
        "TOPK",
        *(aggregate_signature(f"{t}, INTEGER -> ANY", _top, returns=_top_type) for t in _ORDERED),
        *(
            aggregate_signature(f"{t}, ANY…, INTEGER -> ANY", _top, returns=_top_type)
            for t in _ORDERED
        ),
        doc="The K largest values of a group, largest first; of several columns, rows.",
    ),
    aggregate(
        "TOPKDISTINCT",
        *(aggregate_signature(f"{t}, INTEGER -> ARRAY<{t}>", _top_distinct) for t in _ORDERED[:3]),
        aggregate_signature(
            "DECIMAL, INTEGER -> ANY", _top_distinct, returns=lambda types: Array(types[0])
        ),
        *(aggregate_signature(f"{t}, INTEGER -> ARRAY<{t}>", _top_distinct) for t in _ORDERED[4:]),
        doc="The K largest different values of a group, largest first.",
    ),
    aggregate(
        "HISTOGRAM",
        aggregate_signature("STRING -> MAP<STRING, BIGINT>", _histogram),
        doc=f"How often each text of a group occurred; {HISTOGRAM_KEYS_MAX} texts at most.",
    ),
    aggregate(
        "COUNT_DISTINCT",
        aggregate_signature("T -> BIGINT", _count_distinct),
        doc="How many different values a group has; exact.",
    ),
    _by_offset("EARLIEST_BY_OFFSET", earliest=True),
    _by_offset("LATEST_BY_OFFSET", earliest=False),
    aggregate(
        "ATTR",
        aggregate_signature("T -> T", _attribute),
        doc="The value that all rows of a group have; NULL where they differ, or one has none.",
    ),
)
