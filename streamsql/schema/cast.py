"""CAST, as ksqlDB does it (docs: scalar-functions, CAST) and as Java spells and reads values.

A cast that cannot be made for a value raises in DuckDB: whoever makes a column of it writes TRY.
Integers narrow by their low bits, doubles truncate and saturate, decimals round half up, text is
trimmed and has to be all number.
"""

from __future__ import annotations

from dataclasses import replace

from streamsql.errors import StatementError
from streamsql.schema.duck import DECIMAL_PRECISION_MAX, duckdb_type, literal, quote
from streamsql.schema.spelling import spell
from streamsql.schema.text import each, fail, let, wrap_bigint, wrap_integer
from streamsql.schema.typed import TypedSql, compose, contain
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    INTEGER,
    NULL,
    STRING,
    TIME,
    TIMESTAMP,
    Array,
    Decimal,
    Map,
    SqlType,
    Struct,
)

_NUMBERS = ("INTEGER", "BIGINT", "DECIMAL", "DOUBLE")
_SUPPORTED = {
    *((a, b) for a in _NUMBERS for b in (*_NUMBERS, "STRING")),
    *(("STRING", b) for b in (*_NUMBERS, "BOOLEAN", "TIMESTAMP", "TIME", "DATE", "BYTES")),
    ("BOOLEAN", "STRING"),
    ("TIMESTAMP", "STRING"),
    ("TIMESTAMP", "TIME"),
    ("TIMESTAMP", "DATE"),
    ("TIME", "STRING"),
    ("DATE", "STRING"),
    ("DATE", "TIMESTAMP"),
    *((a, "STRING") for a in ("ARRAY", "MAP", "STRUCT")),
}

_INTEGER_TEXT = "[+-]?[0-9]+"
_DECIMAL_TEXT = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DOUBLE_TEXT = rf"{_DECIMAL_TEXT}|[+-]?(NaN|Infinity)"
_DATE_TEXT = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME_TEXT = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"


def cast(expr: TypedSql, target: SqlType) -> TypedSql:
    """`expr` as `target`. StatementError where ksqlDB has no such cast."""
    source = contain(expr)
    if expr.type == target:
        return expr
    if expr.type == NULL:
        return TypedSql(sql=f"NULL::{duckdb_type(target)}", type=target, constant=True)
    if not _is_supported(expr.type, target):
        raise StatementError(f"Cast of {expr.type} to {target} is not supported")
    sql = convert(source.sql, expr.type, target)
    throws = can_fail(expr.type, target)
    return replace(compose(sql, target, source, throws=throws), contained=True)


def _is_supported(source: SqlType, target: SqlType) -> bool:
    match source, target:
        case _ if source == target:
            return True
        case Array(a), Array(b):
            return _is_supported(a, b)
        case Map(ka, va), Map(kb, vb):
            return _is_supported(ka, kb) and _is_supported(va, vb)
        case Struct(fields), Struct():
            pairs = ((f.type, target.field(f.name)) for f in fields)
            return all(own is None or _is_supported(theirs, own.type) for theirs, own in pairs)
        case _:
            return (source.base, target.base) in _SUPPORTED


def can_fail(source: SqlType, target: SqlType) -> bool:
    """Whether the cast raises for some value."""
    match source, target:
        case _ if source == target:
            return False
        case Array(a), Array(b):
            return can_fail(a, b)
        case Map(), Map():
            return True  # two keys may become one
        case Struct(fields), Struct():
            pairs = ((f.type, target.field(f.name)) for f in fields)
            return any(own is not None and can_fail(theirs, own.type) for theirs, own in pairs)
        case Decimal(p, s), Decimal(q, t):
            return s > t or p - s > q - t
        case _, Decimal(q, t):
            whole = {"INTEGER": 10, "BIGINT": 19}.get(source.base)
            return whole is None or whole > q - t
        case _:
            return source == STRING and target != BOOLEAN


def convert(sql: str, source: SqlType, target: SqlType) -> str:
    """The DuckDB text of a cast that is known to be supported."""
    match source, target:
        case _ if source == target:
            return sql
        case _ if target == STRING:
            return spell(sql, source)
        case Array(a), Array(b):
            return each(sql, lambda v: convert(v, a, b))
        case Map(), Map():
            return _convert_map(sql, source, target)
        case Struct(), Struct():
            return let(sql, lambda v: _convert_struct(v, source, target))
        case _ if source == STRING:
            return let(sql, lambda v: _read(v, target))
        case _, Decimal():
            return _to_decimal(sql, source, target)
        case _ if target in (INTEGER, BIGINT):
            return _to_integer(sql, source, target)
        case _:
            return f"CAST({sql} AS {duckdb_type(target)})"


def _convert_map(sql: str, source: Map, target: Map) -> str:
    def entry(v: str) -> str:
        key = convert(f"{v}.key", source.key, target.key)
        value = convert(f"{v}.value", source.value, target.value)
        return f"struct_pack(key := {key}, value := {value})"

    return f"map_from_entries({each(f'map_entries({sql})', entry)})"


def _convert_struct(v: str, source: Struct, target: Struct) -> str:
    parts: list[str] = []
    for field in target.fields:
        own = source.field(field.name)
        inner = f"struct_extract({v}, {literal(field.name)})"
        null = f"NULL::{duckdb_type(field.type)}"
        value = null if own is None else convert(inner, own.type, field.type)
        parts.append(f"{quote(field.name)} := {value}")
    return f"CASE WHEN {v} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"


def _to_integer(sql: str, source: SqlType, target: SqlType) -> str:
    if source == INTEGER:
        return f"CAST({sql} AS BIGINT)"
    if source == BIGINT:
        return wrap_integer(sql)
    if source == DOUBLE:
        return let(sql, lambda v: _saturate(v, target))
    whole = f"CAST(trunc({sql}) AS HUGEINT)"
    if target == BIGINT:
        return wrap_bigint(whole)
    return wrap_integer(f"CAST({whole} & 4294967295 AS BIGINT)")


def _saturate(v: str, target: SqlType) -> str:
    """Java's narrowing of a double (JLS 5.1.3): towards zero, to the nearest end, NaN to 0."""
    bits = 31 if target == INTEGER else 63
    low, high = f"(-{2**bits})::{target}", f"{2**bits - 1}::{target}"
    return (
        f"CASE WHEN isnan({v}) THEN 0::{target} WHEN {v} >= {2.0**bits!r} THEN {high} "
        f"WHEN {v} <= {-(2.0**bits)!r} THEN {low} ELSE CAST(trunc({v}) AS {target}) END"
    )


def _to_decimal(sql: str, source: SqlType, target: Decimal) -> str:
    if source == DOUBLE:
        return let(sql, lambda v: _double_to_decimal(v, target))
    return f"CAST({sql} AS {duckdb_type(target)})"


def _double_to_decimal(v: str, target: Decimal) -> str:
    """Java's `new BigDecimal(x, MathContext(precision))` set to the scale half up: two roundings of
    the exact binary value. DuckDB's own cast multiplies by 10^scale in floating point: 70.0 becomes
    69.999….

    The first rounding only shows where it keeps a digit below the scale, that is below 10^(p-s-1).
    """
    type_ = duckdb_type(target)
    digits = f"least({target.precision - 1} - CAST(floor(log10(abs({v}))) AS INTEGER), 60)"
    first = f"format('{{:.' || {digits} || 'f}}', {v})"
    exact = f"format('{{:.60f}}', {v})"
    limit = f"1e{target.precision - target.scale - 1}"
    return (
        f"CAST(CASE WHEN {v} = 0 THEN '0' WHEN abs({v}) < {limit} THEN {first} "
        f"ELSE {exact} END AS {type_})"
    )


def _read(v: str, target: SqlType) -> str:
    """A value from its text `v`, a name."""
    # Java's String.trim takes away every character up to the space.
    text = f"regexp_replace({v}, '^[\\x00-\\x20]+|[\\x00-\\x20]+$', '', 'g')"
    return let(text, lambda t: _read_trimmed(t, target))


def _matching(t: str, pattern: str, value: str, target: SqlType) -> str:
    message = f"'For input string: \"' || {t} || '\"'"
    return (
        f"CASE WHEN regexp_full_match({t}, {literal(pattern)}) THEN {value} "
        f"WHEN {t} IS NOT NULL THEN {fail(message, target)} END"
    )


def _read_trimmed(t: str, target: SqlType) -> str:
    type_ = duckdb_type(target)
    match target:
        case Decimal():
            return _matching(t, _DECIMAL_TEXT, _read_decimal(t, target), target)
        case _ if target in (INTEGER, BIGINT):
            return _matching(t, _INTEGER_TEXT, f"CAST({t} AS {type_})", target)
        case _ if target == DOUBLE:
            return _matching(t, _DOUBLE_TEXT, f"CAST({t} AS DOUBLE)", target)
        case _ if target == BOOLEAN:
            word = f"lower({t})"
            return f"({t} <> '' AND (starts_with('true', {word}) OR starts_with('yes', {word})))"
        case _ if target == BYTES:
            return f"from_base64({t})"
        case _ if target == TIME:
            return _matching(t, _TIME_TEXT, f"CAST({t} AS TIME)", target)
        case _ if target == DATE:
            return _matching(t, "[0-9]{1,4}(-[0-9]{1,2}){0,2}", _read_date(t), target)
        case _:
            return _read_timestamp(t)


def _read_decimal(t: str, target: Decimal) -> str:
    """DuckDB cuts digits off where the text has an exponent, and refuses `12345e-3` as DECIMAL(4,
    2)."""
    type_ = duckdb_type(target)
    return (
        f"CASE WHEN regexp_matches({t}, '[eE]') THEN CAST({let(t, _without_exponent)} AS {type_}) "
        f"ELSE CAST({t} AS {type_}) END"
    )


def _without_exponent(t: str) -> str:
    """`-1.25e3` as `-1250`. Beyond 400 digits the text is what no DECIMAL holds, or zero."""
    mantissa = f"ltrim(regexp_replace({t}, '[eE].*', ''), '+-')"
    power = f"CAST(regexp_extract({t}, '[eE](.*)', 1) AS INTEGER)"
    digits = f"replace({mantissa}, '.', '')"
    sign = f"CASE WHEN {t}[1] = '-' THEN '-' ELSE '' END"
    point = f"length(split_part({mantissa}, '.', 1)) + least(greatest({power}, -400), 400)"

    def shifted(p: str) -> str:
        length = f"greatest(CAST({p} AS INTEGER), 0)"
        left = f"CASE WHEN {p} <= 0 THEN '0' ELSE rpad({digits}, {length}, '0') END"
        right = f"repeat('0', greatest(-({p}), 0)) || substr({digits}, greatest({p}, 0) + 1)"
        return f"{sign} || left({left}, greatest({p}, 1)) || '.' || {right}"

    return let(point, shifted)


def _read_date(t: str) -> str:
    """A date of which month and day may be missing (PartialStringToTimestampParser)."""
    dashes = f"(length({t}) - length(replace({t}, '-', '')))"
    return f"CAST({t} || substr('-01-01', 1, 6 - 3 * {dashes}) AS DATE)"


_PARTIAL = "[0-9]{1,4}(-[0-9]{1,2}(-[0-9]{1,2}(T[^T]*)?)?)?"


def _read_timestamp(t: str) -> str:
    """A timestamp of which the end may be missing, with a numeric zone or Z after the time; UTC
    without one."""
    date = f"split_part({t}, 'T', 1)"
    zone_at = r"([+-][0-9]{2}:?([0-9]{2})?|Z)$"
    time = f"regexp_replace(split_part({t}, 'T', 2), {literal(zone_at)}, '')"
    zone = f"regexp_extract(split_part({t}, 'T', 2), {literal(zone_at)})"
    # '00:00:00.000' from where the text ends.
    complete = f"({time} || substr('00:00:00.000', length({time}) + 1))"
    local = f"CAST(({_read_date(date)})::VARCHAR || ' ' || {complete} AS TIMESTAMP)"
    hours = f"60 * CAST({zone}[2:3] AS INTEGER)"
    rest = f"coalesce(TRY_CAST(replace({zone}, ':', '')[4:5] AS INTEGER), 0)"
    ahead = f"CASE WHEN {zone}[1] = '-' THEN -1 ELSE 1 END"
    minutes = f"CASE WHEN {zone} IN ('', 'Z') THEN 0 ELSE ({ahead}) * ({hours} + {rest}) END"
    value = f"{local} - to_minutes({minutes})"
    return _matching(t, _PARTIAL, value, TIMESTAMP)


def fits(type_: Decimal) -> bool:
    """Whether DuckDB can hold the decimal."""
    return type_.precision <= DECIMAL_PRECISION_MAX
