"""Numbers in bytes: INT_FROM_BYTES, BIGINT_FROM_BYTES and DOUBLE_FROM_BYTES.

The number of bytes has to be that of the type, the order is `BIG_ENDIAN` or `LITTLE_ENDIAN`;
anything else fails, an order that is NULL too.
"""

from __future__ import annotations

from collections.abc import Callable

from streamsql.functions.registry import ScalarFunction, scalar, signature
from streamsql.schema.duck import duckdb_type
from streamsql.schema.text import fail, fail_with, let
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, DOUBLE, INTEGER, SqlType


def number_of(type_: SqlType, size: int) -> Callable[..., str]:
    """Lowers a call that reads a number of `size` bytes; BIG_ENDIAN where no order is given."""

    def lower(value: TypedSql, order: TypedSql | None = None) -> str:
        return let(value.sql, lambda b: read(b, order))

    def read(b: str, order: TypedSql | None) -> str:
        big, little = _bits(b, type_), let(_reversed(b, size), lambda r: _bits(r, type_))
        number = big if order is None else _ordered(order, big, little, type_)
        found = f"CAST(octet_length({b}) AS VARCHAR)"
        wrong = fail(f"'Number of bytes must be equal to {size}, but found ' || {found}", type_)
        fits = f"octet_length({b}) = {size}"
        return f"CASE WHEN {fits} THEN {number} WHEN {b} IS NOT NULL THEN {wrong} END"

    return lower


def _bits(b: str, type_: SqlType) -> str:
    return f"CAST(CAST({b} AS BIT) AS {duckdb_type(type_)})"


def _reversed(b: str, size: int) -> str:
    return " || ".join(f"array_slice({b}, {i}, {i})" for i in range(size, 0, -1))


def _ordered(order: TypedSql, big: str, little: str, type_: SqlType) -> str:
    message = "Byte order must be BIG_ENDIAN or LITTLE_ENDIAN"
    if isinstance(order.literal, str):
        chosen = {"BIG_ENDIAN": big, "LITTLE_ENDIAN": little}.get(order.literal.upper())
        return chosen or fail_with(f"{message}. Unknown byte order '{order.literal}'.", type_)
    cases = f"WHEN 'BIG_ENDIAN' THEN {big} WHEN 'LITTLE_ENDIAN' THEN {little}"
    return f"CASE upper({order.sql}) {cases} ELSE {fail_with(message, type_)} END"


def _entry(name: str, type_: SqlType, size: int, examples: list[tuple[str, str]]) -> ScalarFunction:
    lower = number_of(type_, size)
    return scalar(
        name,
        signature(f"BYTES -> {type_}", lower, throws=True),
        signature(f"BYTES, STRING -> {type_}", lower, throws=True),
        doc=f"The {type_} that {size} bytes hold, 'BIG_ENDIAN' or 'LITTLE_ENDIAN'.",
        examples=examples,
    )


ENTRIES = (
    _entry(
        "int_from_bytes",
        INTEGER,
        4,
        [
            ("INT_FROM_BYTES(TO_BYTES('000007E5', 'hex'))", "2021"),
            ("INT_FROM_BYTES(TO_BYTES('E5070000', 'hex'), 'LITTLE_ENDIAN')", "2021"),
        ],
    ),
    _entry(
        "bigint_from_bytes",
        BIGINT,
        8,
        [("BIGINT_FROM_BYTES(TO_BYTES('FFFFFFFFFFFFFFFE', 'hex'))", "-2")],
    ),
    _entry(
        "double_from_bytes",
        DOUBLE,
        8,
        [("DOUBLE_FROM_BYTES(TO_BYTES('3FF8000000000000', 'hex'))", "1.5")],
    ),
)
