"""Values as Java spells them: what CAST to STRING, ARRAY_JOIN and DELIMITED write.

DOUBLE as Double.toString (`1.0E10`), DECIMAL as BigDecimal.toPlainString, lists as `[1, 3]`, maps
as `{this=1}`, structs as Kafka Connect's `Struct{F0=1,f1=3}` (fields that are NULL are left out),
TIMESTAMP as `2020-01-01T00:00:00.000`. Inside a list, map or struct Java's own toString speaks: a
DECIMAL may turn to `0E-7`, a TIMESTAMP reads `2020-01-01 00:00:00.0`.
"""

from __future__ import annotations

from streamsql.schema.duck import literal, quote
from streamsql.schema.hash_order import entries_in_hash_order
from streamsql.schema.text import each, joined, let
from streamsql.schema.types import (
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    STRING,
    TIME,
    TIMESTAMP,
    Array,
    Decimal,
    Map,
    SqlType,
    Struct,
)

_PLAIN_MIN, _PLAIN_MAX = "1e-3", "1e7"
"""Double.toString writes no exponent from 10^-3 up to, and without, 10^7 (its documentation)."""

_TINY = {
    "5e-324": "4.9E-324",
    **{f"{n}e-323": f"{n - 1}.9E-323" for n in (5, 6, 7, 8, 9)},
}
"""Java writes two digits at least, and picks the nearest; DuckDB writes the one digit that is
enough."""


def spell(sql: str, type_: SqlType, *, nested: bool = False) -> str:
    """The text of a value; NULL of NULL. `nested`: it stands inside a list, map or struct."""
    match type_:
        case Array(element):
            return _spell_list(sql, element)
        case Map(key, value):
            return _spell_map(sql, Map(key, value))
        case Struct():
            return let(sql, lambda v: _spell_struct(v, type_))
        case Decimal(_, scale) if nested and scale > 6:
            return let(sql, lambda v: _spell_small_decimal(v, scale))
        case _ if type_ == STRING:
            return sql
        case _ if type_ == DOUBLE:
            return let(sql, _spell_double)
        case _ if type_ == TIMESTAMP:
            return let(sql, _spell_sql_timestamp) if nested else _spell_timestamp(sql)
        case _ if type_ == TIME:
            return _spell_sql_time(sql) if nested else let(sql, _spell_time)
        case _ if type_ in (BOOLEAN, DATE, BYTES):
            return f"CAST({sql} AS VARCHAR)"
        case _:
            return f"CAST({sql} AS VARCHAR)"


def _spell_double(v: str) -> str:
    text = f"CAST({v} AS VARCHAR)"
    return (
        f"CASE WHEN (abs({v}) >= {_PLAIN_MIN} AND abs({v}) < {_PLAIN_MAX}) OR {v} = 0 THEN {text} "
        f"WHEN isnan({v}) THEN 'NaN' "
        f"WHEN isinf({v}) THEN CASE WHEN {v} > 0 THEN 'Infinity' ELSE '-Infinity' END "
        f"ELSE {let(text, _scientific)} END"
    )


def _scientific(t: str) -> str:
    """DuckDB's shortest digits `t` as `d.dddE±n`; `t` is `-12345678.9`, `1e-05`, `1.2e+17` or
    `0.00012`."""
    tiny = " ".join(
        f"WHEN '{sign}{duck}' THEN '{sign}{java}'"
        for duck, java in _TINY.items()
        for sign in ("", "-")
    )
    head = f"split_part({t}, 'e', 1)"
    mantissa = f"CASE WHEN contains({head}, '.') THEN {head} ELSE {head} || '.0' END"
    exponent = f"CAST(CAST(split_part({t}, 'e', 2) AS INTEGER) AS VARCHAR)"
    with_exponent = f"({mantissa}) || 'E' || {exponent}"
    return (
        f"CASE {t} {tiny} ELSE CASE WHEN contains({t}, 'e') THEN {with_exponent} "
        f"WHEN regexp_matches({t}, '^-?0\\.') THEN {_scientific_small(t)} "
        f"ELSE {_scientific_large(t)} END END"
    )


def _sign(t: str) -> str:
    return f"CASE WHEN {t}[1] = '-' THEN '-' ELSE '' END"


def _scientific_large(t: str) -> str:
    digits = f"rtrim(replace(ltrim({t}, '-'), '.', ''), '0')"
    exponent = f"CAST(length(split_part(ltrim({t}, '-'), '.', 1)) - 1 AS VARCHAR)"
    return f"{_sign(t)} || {_dotted(digits)} || 'E' || {exponent}"


def _scientific_small(t: str) -> str:
    fraction = f"split_part({t}, '.', 2)"
    digits = f"ltrim({fraction}, '0')"
    exponent = f"CAST(length({fraction}) - length({digits}) + 1 AS VARCHAR)"
    return f"{_sign(t)} || {_dotted(digits)} || 'E-' || {exponent}"


def _dotted(digits: str) -> str:
    rest = f"substr({digits}, 2)"
    return f"({digits})[1] || '.' || CASE WHEN {rest} = '' THEN '0' ELSE {rest} END"


def _spell_small_decimal(v: str, scale: int) -> str:
    """BigDecimal.toString: an exponent where the first digit stands below 10^-6."""
    digits = f"ltrim(replace(replace(CAST({v} AS VARCHAR), '.', ''), '-', ''), '0')"
    kept = f"CASE WHEN {digits} = '' THEN '0' ELSE {digits} END"
    sign = f"CASE WHEN {v} < 0 THEN '-' ELSE '' END"

    def scientific(d: str) -> str:
        point = f"CASE WHEN length({d}) > 1 THEN {d}[1] || '.' || substr({d}, 2) ELSE {d} END"
        return f"{sign} || {point} || 'E-' || CAST({scale} - length({d}) + 1 AS VARCHAR)"

    return (
        f"CASE WHEN {v} = 0 THEN '0E-{scale}' WHEN abs({v}) >= 0.000001 THEN CAST({v} AS VARCHAR) "
        f"ELSE {let(kept, scientific)} END"
    )


def _spell_timestamp(sql: str) -> str:
    return f"strftime({sql}, '%Y-%m-%dT%H:%M:%S.%g')"


def _spell_sql_timestamp(v: str) -> str:
    """java.sql.Timestamp.toString: the fraction without trailing zeros, `.0` at least."""
    fraction = f"rtrim(strftime({v}, '%g'), '0')"
    kept = f"CASE WHEN {fraction} = '' THEN '0' ELSE {fraction} END"
    return f"strftime({v}, '%Y-%m-%d %H:%M:%S.') || {kept}"


def _spell_time(v: str) -> str:
    """java.time.LocalTime.toString: seconds and milliseconds only where they are not zero."""
    text = f"substr(CAST({v} AS VARCHAR), 1, 12)"
    millis = f"date_part('milliseconds', {v})"
    return (
        f"CASE WHEN {millis} % 1000 <> 0 THEN rpad({text}, 12, '0') "
        f"WHEN {millis} <> 0 THEN substr({text}, 1, 8) ELSE substr({text}, 1, 5) END"
    )


def _spell_sql_time(sql: str) -> str:
    """java.sql.Time.toString."""
    return f"substr(CAST({sql} AS VARCHAR), 1, 8)"


def _inner(sql: str, type_: SqlType) -> str:
    return f"coalesce({spell(sql, type_, nested=True)}, 'null')"


def _spell_list(sql: str, element: SqlType) -> str:
    items = each(sql, lambda v: _inner(v, element))
    return f"'[' || {joined(items, ', ')} || ']'"


def _spell_map(sql: str, type_: Map) -> str:
    def entry(v: str) -> str:
        return f"{_inner(f'{v}.key', type_.key)} || '=' || {_inner(f'{v}.value', type_.value)}"

    items = each(entries_in_hash_order(sql, type_), entry)
    return f"'{{' || {joined(items, ', ')} || '}}'"


def _spell_struct(v: str, type_: Struct) -> str:
    fields = ", ".join(
        f"{literal(f.name + '=')} || {spell(f'{v}.{quote(f.name)}', f.type, nested=True)}"
        for f in type_.fields
    )
    return f"CASE WHEN {v} IS NOT NULL THEN 'Struct{{' || concat_ws(',', {fields}) || '}}' END"
