"""ROUND and TRUNC: Java's Math.round and BigDecimal.setScale.

A tie goes towards +∞: ROUND(-1.5) is -1. A DOUBLE with a scale is rounded by the decimal digits
that it is written with, not by its binary value, so that ROUND(1.005, 2) is 1.01.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal as PyDecimal

from streamsql.functions.decimal_kernel import SET_SCALE
from streamsql.functions.registry import ScalarFunction, scalar, signature
from streamsql.schema.cast import convert
from streamsql.schema.duck import DECIMAL_PRECISION_MAX, duckdb_type
from streamsql.schema.text import fail_with, let
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, DOUBLE, Decimal, SqlType

_EXACT_SCALE = 21
"""A DOUBLE from 1e-4 to 1e16 has at most this many decimals in its shortest form."""


def _whole_type(types: Sequence[SqlType]) -> SqlType:
    first = types[0]
    assert isinstance(first, Decimal)
    return Decimal(max(1, first.precision - first.scale), 0)


def _same_type(types: Sequence[SqlType]) -> SqlType:
    return types[0]


def _round_double(x: TypedSql) -> str:
    def body(v: str) -> str:
        # x - floor(x) is exact, x + 0.5 is not.
        nearest = f"CASE WHEN {v} - floor({v}) >= 0.5 THEN floor({v}) + 1 ELSE floor({v}) END"
        return convert(f"({nearest})", DOUBLE, BIGINT)

    return let(x.sql, body)


def _towards_zero(v: str, unit: str) -> str:
    """`v` one unit nearer to zero where it is negative: a tie is none then, nothing else
    changes."""
    return f"({v} + CASE WHEN {v} < 0 THEN {unit} ELSE 0 END)"


def _unit(scale: int, digits: int = 1) -> str:
    """`digits` units of the last of `scale` places, as a decimal."""
    return f"'{PyDecimal(digits).scaleb(-scale):f}'::DECIMAL({max(scale, 1) + 1},{scale})"


def _round_places(x: TypedSql, places: TypedSql) -> str:
    return _scaled_double(x, places, "HALF")


def _trunc_places(x: TypedSql, places: TypedSql) -> str:
    return _scaled_double(x, places, "DOWN")


def _scaled_double(x: TypedSql, places: TypedSql, mode: str) -> str:
    n = places.literal
    if not isinstance(n, int) or not 0 <= n < _EXACT_SCALE:
        return let(x.sql, lambda v: _kernel_double(v, places.sql, mode))
    return let(x.sql, lambda v: _scaled_by_text(v, n, mode))


def _kernel_double(v: str, places: str, mode: str) -> str:
    scaled = f"CAST({SET_SCALE.name}(CAST({v} AS VARCHAR), {places}, '{mode}') AS DOUBLE)"
    return f"CASE WHEN isfinite({v}) THEN {scaled} WHEN {v} IS NOT NULL THEN {_no_number()} END"


def _no_number() -> str:
    return fail_with("Infinite or NaN", DOUBLE)


def _scaled_by_text(v: str, n: int, mode: str) -> str:
    m = _EXACT_SCALE + 1
    exact = f"CAST(CAST({v} AS VARCHAR) AS DECIMAL({DECIMAL_PRECISION_MAX},{m}))"

    def rounded(d: str) -> str:
        if mode == "DOWN":
            half = _unit(n + 1, 5)
            moved = f"({d} - CASE WHEN {d} > 0 THEN {half} WHEN {d} < 0 THEN -{half} ELSE 0 END)"
        else:
            moved = _towards_zero(d, _unit(m))
        return f"CAST(CAST({moved} AS DECIMAL({DECIMAL_PRECISION_MAX},{n})) AS DOUBLE)"

    return (
        f"CASE WHEN NOT isfinite({v}) THEN {_no_number()} WHEN abs({v}) >= 1e15 "
        f"OR {v} = 0 THEN {_large(v, n, mode)} ELSE {let(exact, rounded)} END"
    )


def _large(v: str, n: int, mode: str) -> str:
    """From 1e15 on a DOUBLE has one decimal at most; from 2^53 on none."""
    if n > 0:
        return v
    return f"trunc({v})" if mode == "DOWN" else f"floor({v} + 0.5)"


def _decimal(x: TypedSql) -> Decimal:
    assert isinstance(x.type, Decimal)
    return x.type


def _round_decimal(x: TypedSql) -> str:
    type_ = _decimal(x)
    target = duckdb_type(_whole_type([type_]))
    if type_.scale == 0:
        return x.sql
    return let(x.sql, lambda v: f"CAST({_towards_zero(v, _unit(type_.scale))} AS {target})")


def _trunc_decimal(x: TypedSql) -> str:
    type_ = _decimal(x)
    return f"CAST(trunc({x.sql}) AS {duckdb_type(_whole_type([type_]))})"


def _round_decimal_places(x: TypedSql, places: TypedSql) -> str:
    return _scaled_decimal(x, places, "HALF")


def _trunc_decimal_places(x: TypedSql, places: TypedSql) -> str:
    return _scaled_decimal(x, places, "DOWN")


def _scaled_decimal(x: TypedSql, places: TypedSql, mode: str) -> str:
    type_ = _decimal(x)
    target, n = duckdb_type(type_), places.literal
    if not isinstance(n, int) or n < 0 or (n < type_.scale and mode == "DOWN" and n > 0):
        text = f"{SET_SCALE.name}(CAST({x.sql} AS VARCHAR), {places.sql}, '{mode}')"
        return f"CAST({text} AS {target})"
    if n >= type_.scale:
        return x.sql
    if mode == "DOWN":
        return f"CAST(trunc({x.sql}) AS {target})"
    narrow = f"DECIMAL({DECIMAL_PRECISION_MAX},{n})"
    moved = let(x.sql, lambda v: f"CAST({_towards_zero(v, _unit(type_.scale))} AS {narrow})")
    return f"CAST({moved} AS {target})"


ENTRIES: tuple[ScalarFunction, ...] = (
    scalar(
        "Round",
        signature("INTEGER -> BIGINT", "CAST({0} AS BIGINT)"),
        signature("BIGINT -> BIGINT", "{0}"),
        signature("DOUBLE -> BIGINT", _round_double),
        signature("DOUBLE, INTEGER -> DOUBLE", _round_places, throws=True, kernels=(SET_SCALE,)),
        signature("DECIMAL -> DECIMAL", _round_decimal, returns=_whole_type, throws=True),
        signature(
            "DECIMAL, INTEGER -> DECIMAL",
            _round_decimal_places,
            returns=_same_type,
            throws=True,
            kernels=(SET_SCALE,),
        ),
        doc="The nearest whole number, or the nearest number with that many decimals; a number in "
        "the middle goes up, towards +∞.",
        examples=(
            ("ROUND(CAST(-1.5 AS DOUBLE))", "-1"),
            ("ROUND(2.5)", "3"),
            ("ROUND(12345.67, -2)", "12300.00"),
            ("ROUND(1.005e0, 2)", "1.01"),
        ),
    ),
    scalar(
        "trunc",
        signature("INTEGER -> BIGINT", "CAST({0} AS BIGINT)"),
        signature("BIGINT -> BIGINT", "{0}"),
        signature("DOUBLE -> BIGINT", lambda x: convert(x.sql, DOUBLE, BIGINT)),
        signature("DOUBLE, INTEGER -> DOUBLE", _trunc_places, throws=True, kernels=(SET_SCALE,)),
        signature("DECIMAL -> DECIMAL", _trunc_decimal, returns=_whole_type),
        signature(
            "DECIMAL, INTEGER -> DECIMAL",
            _trunc_decimal_places,
            returns=_same_type,
            kernels=(SET_SCALE,),
        ),
        doc="The number without its decimals, or with that many of them; nothing is rounded.",
        examples=(
            ("TRUNC(-1.7e0)", "-1"),
            ("TRUNC(12345.678, 2)", "12345.670"),
            ("TRUNC(12345.678, -2)", "12300.000"),
        ),
    ),
)
