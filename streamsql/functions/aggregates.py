"""Aggregates of numbers: COUNT, SUM, MIN, MAX, AVG, SUM_LIST, STDDEV_SAMP, STDDEV_SAMPLE,
CORRELATION.

They ignore NULL. Sums of INTEGER and BIGINT wrap, as Java's do; a sum of DECIMAL that does not
fit raises.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamsql.functions.registry import (
    AggregateFunction,
    BoundAggregate,
    Combined,
    aggregate,
    aggregate_signature,
)
from streamsql.schema.duck import duckdb_type
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, INTEGER, Decimal, SqlType

__all__ = ["ENTRIES"]

_COUNTS = Combined(BIGINT, "sum({0})::BIGINT")
_SUMS = Combined(Decimal(38, 0), "sum({0})::HUGEINT")
"""A HUGEINT on its way: of BIGINT it takes 2^63 records to need more digits."""


def wrap(sql: str, type_: SqlType) -> str:
    """A HUGEINT as INTEGER or BIGINT, wrapping around as in Java."""
    name = duckdb_type(type_)
    half = 2**31 if type_ == INTEGER else 2**63
    wrapped = f"((({sql}) + {half}::HUGEINT) & {2 * half - 1}::HUGEINT) - {half}::HUGEINT"
    return f"coalesce(TRY_CAST({sql} AS {name}), ({wrapped})::{name})"


_WRAPPING = Combined(BIGINT, "sum({0})", sent=wrap("{0}", BIGINT))
"""A sum that wraps around at the end may do so on its way."""


def _count(type_: SqlType, *arguments: TypedSql) -> BoundAggregate:
    """COUNT(*) of all rows, COUNT(x) of those that have a value."""
    call = "count({0})" if arguments else "count(*)"
    one = "CASE WHEN {0} IS NOT NULL THEN {sign} END" if arguments else "{sign}"
    return BoundAggregate(
        name="COUNT",
        arguments=arguments,
        type=type_,
        state=("BIGINT",),
        # The number of a row is the count of those up to it, for less.
        running=(("count({0})" if arguments else "row_number()") + " OVER {w}",),
        group=(call,),
        merge=("coalesce({p0}, 0) + coalesce({q0}, 0)",),
        result="{p0}",
        signed=(f"coalesce(sum({one}) OVER {{w}}, 0)::BIGINT",),
        combined=(_COUNTS,),
        scan=("count" if arguments else "rows",),
    )


def _sum(type_: SqlType, x: TypedSql) -> BoundAggregate:
    """SUM of INTEGER, BIGINT or DECIMAL; 0 of none."""
    added = "coalesce({p0}, 0)::HUGEINT + coalesce({q0}, 0)"
    merged, combined, scan = wrap(added, type_), _WRAPPING, ("sum",)
    if isinstance(type_, Decimal):
        scan = ()
        merged = f"(coalesce({{p0}}, 0) + coalesce({{q0}}, 0))::{duckdb_type(type_)}"
        combined = Combined(Decimal(38, type_.scale), "sum({0})")
    return BoundAggregate(
        name="SUM",
        arguments=(x,),
        type=type_,
        state=(duckdb_type(type_),),
        running=("sum({0}) OVER {w}",),
        group=("sum({0})",),
        merge=(merged,),
        result="{p0}",
        signed=("sum({sign} * {0}) OVER {w}",),
        combined=(combined,),
        scan=scan,
    )


def _sum_double(type_: SqlType, x: TypedSql) -> BoundAggregate:
    """SUM of DOUBLE: 0.0 of none."""
    return _folded("SUM", type_, (x,), lift=("{0}",), result="{p0}")


def _sum_list(type_: SqlType, x: TypedSql) -> BoundAggregate:
    """SUM_LIST of whole numbers."""
    each = "list_sum({0})"
    return BoundAggregate(
        name="SUM_LIST",
        arguments=(x,),
        type=type_,
        state=(duckdb_type(type_),),
        running=(f"sum({each}) OVER {{w}}",),
        group=(f"sum({each})",),
        merge=(wrap("coalesce({p0}, 0)::HUGEINT + coalesce({q0}, 0)::HUGEINT", type_),),
        result="{p0}",
        signed=(f"sum({{sign}} * {each}) OVER {{w}}",),
        combined=(_WRAPPING,),
    )


def _sum_list_double(type_: SqlType, x: TypedSql) -> BoundAggregate:
    """SUM_LIST of DOUBLE."""
    return _folded("SUM_LIST", type_, (x,), lift=("list_sum({0})",), result="{p0}")


def _extreme(call: str, best: str) -> AggregateFunction:
    """MIN and MAX."""

    def bind(type_: SqlType, x: TypedSql) -> BoundAggregate:
        one = f"{call.lower()}({{0}})"
        return BoundAggregate(
            name=call,
            arguments=(x,),
            type=type_,
            state=(duckdb_type(type_),),
            running=(one + " OVER {w}",),
            group=(one,),
            merge=(f"{best}({{p0}}, {{q0}})",),
            result="{p0}",
            combined=(Combined(type_, one),),
            scan=(call.lower(),) if type_ in (INTEGER, BIGINT) else (),
        )

    types = "INTEGER BIGINT DOUBLE STRING BYTES DATE TIME TIMESTAMP".split()
    rows = [aggregate_signature(f"{t} -> {t}", bind) for t in types]
    rows.append(aggregate_signature("DECIMAL -> DECIMAL", bind, returns=_same))
    word = "smallest" if call == "MIN" else "largest"
    return aggregate(call, *rows, doc=f"The {word} value of a group; NULL of none.")


def _same(types: Sequence[SqlType]) -> SqlType:
    return types[0]


def _average(type_: SqlType, x: TypedSql) -> BoundAggregate:
    """AVG of whole numbers."""
    return BoundAggregate(
        name="AVG",
        arguments=(x,),
        type=type_,
        state=("HUGEINT", "BIGINT"),
        running=("sum({0}) OVER {w}", "count({0}) OVER {w}"),
        group=("sum({0})", "count({0})"),
        merge=tuple(f"coalesce({{p{i}}}, 0) + coalesce({{q{i}}}, 0)" for i in range(2)),
        result="CASE WHEN {p1} > 0 THEN {p0}::DOUBLE / {p1} END",
        signed=(
            "sum({sign} * {0}) OVER {w}",
            "coalesce(sum(CASE WHEN {0} IS NOT NULL THEN {sign} END) OVER {w}, 0)::BIGINT",
        ),
        nested=True,
        # A batch of INTEGER cannot leave BIGINT.
        combined=(Combined(BIGINT, "sum({0})") if x.type == INTEGER else _SUMS, _COUNTS),
        scan=("sum", "count") if x.type == INTEGER else (),
    )


def _folded(
    name: str,
    type_: SqlType,
    arguments: tuple[TypedSql, ...],
    *,
    lift: tuple[str, ...],
    result: str,
    fold: tuple[str, ...] = (),
    merge: tuple[str, ...] = (),
) -> BoundAggregate:
    """An aggregate of DOUBLE sums."""
    added = tuple(f"coalesce({{p{i}}}, 0.0) + coalesce({{q{i}}}, 0.0)" for i in range(len(lift)))
    return BoundAggregate(
        name=name,
        arguments=arguments,
        type=type_,
        state=("DOUBLE",) * len(lift),
        merge=merge or added,
        result=result,
        lift=lift,
        fold=fold or ("sum",) * len(lift),
        nested=len(lift) > 1,
    )


def _average_double(type_: SqlType, x: TypedSql) -> BoundAggregate:
    """AVG of DOUBLE."""
    one = "CASE WHEN {0} IS NOT NULL THEN 1.0 END"
    result = "CASE WHEN {p1} > 0 THEN {p0} / {p1} END"
    return _folded("AVG", type_, (x,), lift=("{0}", one), result=result)


def _deviation(name: str, result: str) -> AggregateFunction:
    """STDDEV_SAMP, which gives the variance as ksqlDB does, and STDDEV_SAMPLE."""
    one = "CASE WHEN {0} IS NOT NULL THEN 1.0 END"
    mean = "{p0} / {p1} - {q0} / {q1}"
    spread = (
        "coalesce({p2}, 0.0) + coalesce({q2}, 0.0) + CASE WHEN {p1} > 0 AND {q1} > 0"
        f" THEN {{p1}} * {{q1}} * ({mean}) * ({mean}) / ({{p1}} + {{q1}}) ELSE 0.0 END"
    )

    def bind(type_: SqlType, x: TypedSql) -> BoundAggregate:
        return _folded(
            name,
            type_,
            (x,),
            lift=("({0})::DOUBLE", one, "({0})::DOUBLE"),
            fold=("sum", "sum", "spread 0 1"),
            merge=(
                "coalesce({p0}, 0.0) + coalesce({q0}, 0.0)",
                "coalesce({p1}, 0.0) + coalesce({q1}, 0.0)",
                spread,
            ),
            result=f"CASE WHEN {{p1}} < 2 THEN 0.0 ELSE {result} END",
        )

    rows = [aggregate_signature(f"{t} -> DOUBLE", bind) for t in ("INTEGER", "BIGINT", "DOUBLE")]
    what = "variance" if name == "STDDEV_SAMP" else "standard deviation"
    note = " ksqlDB gives the variance under this name, and so do we." if "variance" in what else ""
    return aggregate(name, *rows, doc=f"The {what} of a sample; 0 of fewer than two values.{note}")


def _correlation(type_: SqlType, x: TypedSql, y: TypedSql) -> BoundAggregate:
    """CORRELATION by sums of products, as in ksqlDB: NaN where a side does not vary."""
    both = "CASE WHEN {{0}} IS NOT NULL AND {{1}} IS NOT NULL THEN {} END"
    parts = ("{0}", "{1}", "{0} * {0}", "{1} * {1}", "{0} * {1}", "1.0")
    below = "(({p5} * {p2} - {p0} * {p0}) * ({p5} * {p3} - {p1} * {p1}))"
    above = "({p5} * {p4} - {p0} * {p1})"
    # Rounding may leave a product of variances a little below zero: Java's square root is NaN.
    result = f"CASE WHEN {below} > 0 THEN {above} / sqrt({below}) ELSE 'NaN'::DOUBLE END"
    return _folded(
        "CORRELATION", type_, (x, y), lift=tuple(both.format(p) for p in parts), result=result
    )


ENTRIES: tuple[AggregateFunction, ...] = (
    aggregate(
        "COUNT",
        aggregate_signature("-> BIGINT", _count),
        aggregate_signature("ANY -> BIGINT", _count),
        doc="How many rows, or how many of them have a value.",
    ),
    aggregate(
        "SUM",
        aggregate_signature("INTEGER -> INTEGER", _sum),
        aggregate_signature("BIGINT -> BIGINT", _sum),
        aggregate_signature("DECIMAL -> DECIMAL", _sum, returns=_same),
        aggregate_signature("DOUBLE -> DOUBLE", _sum_double),
        doc="The sum of a group; 0 of none.",
    ),
    aggregate(
        "SUM_LIST",
        aggregate_signature("ARRAY<INTEGER> -> INTEGER", _sum_list),
        aggregate_signature("ARRAY<BIGINT> -> BIGINT", _sum_list),
        aggregate_signature("ARRAY<DOUBLE> -> DOUBLE", _sum_list_double),
        doc="The sum of all items of a group's lists.",
    ),
    _extreme("MIN", "least"),
    _extreme("MAX", "greatest"),
    aggregate(
        "AVG",
        aggregate_signature("INTEGER -> DOUBLE", _average),
        aggregate_signature("BIGINT -> DOUBLE", _average),
        aggregate_signature("DOUBLE -> DOUBLE", _average_double),
        doc="The mean of a group; NULL of none.",
    ),
    _deviation("STDDEV_SAMP", "{p2} / ({p1} - 1)"),
    _deviation("STDDEV_SAMPLE", "sqrt({p2} / ({p1} - 1))"),
    aggregate(
        "CORRELATION",
        aggregate_signature("DOUBLE, DOUBLE -> DOUBLE", _correlation),
        doc="Pearson's correlation of two columns, of rows that have both; NaN where one does not"
        " vary.",
    ),
)
