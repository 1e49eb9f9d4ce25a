"""Numbers as text, spelled as Java spells them: DuckDB text over a DOUBLE or a DECIMAL.

A DOUBLE is `Double.toString` with the fewest digits (JDK 19 and later; older ones sometimes write
more): plain from 0.001 up to 10^7, else with an exponent. A DECIMAL is `BigDecimal.toString`.
"""

from __future__ import annotations

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


def decimal_text(sql: str, scale: int) -> str:
    """`1.50`, `0.000001`, `1E-7`: with all digits of the scale; NULL stays NULL."""
    if scale <= 6:
        return f"{sql}::VARCHAR"
    digits = f"coalesce(nullif(ltrim(replace(abs({sql})::VARCHAR, '.', ''), '0'), ''), '0')"
    sign = f"CASE WHEN {sql} < 0 THEN '-' ELSE '' END"
    rest = f"CASE WHEN length({digits}) > 1 THEN '.' || substr({digits}, 2) ELSE '' END"
    power = f"(length({digits}) - 1 - {scale})"
    return (
        f"CASE WHEN {sql} IS NULL THEN NULL WHEN abs({sql}) >= 0.000001 THEN {sql}::VARCHAR"
        f" ELSE {sign} || {digits}[1] || {rest} || 'E' || {power} END"
    )
