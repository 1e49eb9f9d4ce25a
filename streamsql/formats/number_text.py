"""Numbers as text, spelled as Java spells them: DuckDB text over a DOUBLE or a DECIMAL.

A DOUBLE is `Double.toString` with the fewest digits (JDK 19 and later; older ones sometimes write
more): plain from 0.001 up to 10^7, else with an exponent. A DECIMAL is `BigDecimal.toString`.
"""

from __future__ import annotations

from streamsql.schema.duck import DECIMAL_PRECISION_MAX
from streamsql.schema.types import Decimal

_SMALLEST = {"5e-324": "4.9E-324", "1e-323": "9.9E-324"}
"""Java writes two digits at least, and takes those that are nearest."""


def double_text(sql: str) -> str:
    """`1.0`, `1.0E10`, `-0.0`, `NaN`, `-Infinity`; NULL stays NULL."""
    plain = f"({sql} = 0 OR (abs({sql}) >= 1e-3 AND abs({sql}) < 1e7))"
    return f"CASE WHEN {plain} THEN {sql}::VARCHAR ELSE {_exponent_text(sql)} END"


def _exponent_text(sql: str) -> str:
    shortest = f"abs({sql})::VARCHAR"
    sign = f"CASE WHEN {sql} < 0 THEN '-' ELSE '' END"
    # d.ddd, dddddd.ddd or 0.000ddd, all without their exponent, as digits alone
    digits = f"trim(replace(regexp_replace({shortest}, 'e.*', ''), '.', ''), '0')"
    power = (
        f"CASE WHEN contains({shortest}, 'e') THEN regexp_extract({shortest}, 'e(.*)', 1)::INTEGER"
        f" WHEN abs({sql}) >= 1 THEN strpos({shortest}, '.') - 2"
        f" ELSE 1 - length(regexp_extract({shortest}, '^0.0*')) END"
    )
    rest = f"CASE WHEN length({digits}) > 1 THEN substr({digits}, 2) ELSE '0' END"
    smallest = " ".join(
        f"WHEN '{text}' THEN {sign} || '{java}'" for text, java in _SMALLEST.items()
    )
    return (
        f"CASE WHEN isnan({sql}) THEN 'NaN' WHEN isinf({sql}) THEN {sign} || 'Infinity'"
        f" ELSE CASE {shortest} {smallest}"
        f" ELSE {sign} || {digits}[1] || '.' || {rest} || 'E' || ({power}) END END"
    )


def plain_decimal_text(sql: str, type_: Decimal) -> str:
    """`1.50`, `0.0000001`: `BigDecimal.toPlainString`; NULL stays NULL."""
    if type_.scale < min(type_.precision, DECIMAL_PRECISION_MAX):
        return f"{sql}::VARCHAR"
    # DuckDB writes no zero before the point where the type has no digit there.
    return f"(CASE WHEN {sql} < 0 THEN '-0' ELSE '0' END || ltrim({sql}::VARCHAR, '-'))"


def decimal_text(sql: str, type_: Decimal) -> str:
    """`1.50`, `0.000001`, `1E-7`: with all digits of the scale; NULL stays NULL."""
    plain = plain_decimal_text(sql, type_)
    if type_.scale <= 6:
        return plain
    digits = f"coalesce(nullif(ltrim(replace(abs({sql})::VARCHAR, '.', ''), '0'), ''), '0')"
    sign = f"CASE WHEN {sql} < 0 THEN '-' ELSE '' END"
    rest = f"CASE WHEN length({digits}) > 1 THEN '.' || substr({digits}, 2) ELSE '' END"
    power = f"(length({digits}) - 1 - {type_.scale})"
    return (
        f"CASE WHEN abs({sql}) >= 0.000001 THEN {plain}"
        f" WHEN {sql} IS NOT NULL THEN {sign} || {digits}[1] || {rest} || 'E' || {power} END"
    )
