"""How values are carried in records and how they stand in columns.

JSON, DELIMITED and the registry formats carry a DATE as days, a TIME and a TIMESTAMP as
milliseconds, and text formats carry BYTES as base64 (ksqlDB docs: reference/serialization). Here
are both ways as DuckDB text; a type without any of these is left as it is.
"""

from __future__ import annotations

from streamsql.schema.duck import duckdb_type, quote
from streamsql.schema.types import (
    BYTES,
    DATE,
    TIME,
    TIMESTAMP,
    Array,
    Map,
    Scalar,
    SqlType,
    Struct,
)

_CARRIERS: dict[Scalar, str] = {
    BYTES: "VARCHAR",
    DATE: "INTEGER",
    TIME: "INTEGER",
    TIMESTAMP: "BIGINT",
}


def is_carried_as_is(type_: SqlType) -> bool:
    """Whether the carried value is the column's value, however deep one looks."""
    match type_:
        case Scalar():
            return type_ not in _CARRIERS
        case Array(element):
            return is_carried_as_is(element)
        case Map(key, value):
            return is_carried_as_is(key) and is_carried_as_is(value)
        case Struct(fields):
            return all(is_carried_as_is(f.type) for f in fields)
        case _:
            return True


def carrier_type(type_: SqlType) -> str:
    """The DuckDB type of the carried value."""
    match type_:
        case Scalar():
            return _CARRIERS.get(type_) or duckdb_type(type_)
        case Array(element):
            return f"{carrier_type(element)}[]"
        case Map(key, value):
            return f"MAP({carrier_type(key)}, {carrier_type(value)})"
        case Struct(fields):
            inner = ", ".join(f"{quote(f.name)} {carrier_type(f.type)}" for f in fields)
            return f"STRUCT({inner})"
        case _:
            return duckdb_type(type_)


def lift(sql: str, type_: SqlType, depth: int = 0) -> str:
    """Text of the column's value from `sql`, text of the carried one; NULL stays NULL."""
    if is_carried_as_is(type_):
        return sql
    name = f"_x{depth}"
    match type_:
        case Scalar():
            return _lift_scalar(sql, type_)
        case Array(element):
            return f"list_transform({sql}, lambda {name}: {lift(name, element, depth + 1)})"
        case Map(_, value):
            lifted = lift(f"{name}.value", value, depth + 1)
            entry = f"struct_pack(k := {name}.key, v := {lifted})"
            return f"map_from_entries(list_transform(map_entries({sql}), lambda {name}: {entry}))"
        case Struct(fields):
            parts = ", ".join(
                f"{quote(f.name)} := {lift(f'{name}.{quote(f.name)}', f.type, depth + 1)}"
                for f in fields
            )
            whole = f"CASE WHEN {name} IS NOT NULL THEN struct_pack({parts}) END"
            return f"list_transform([{sql}], lambda {name}: {whole})[1]"
        case _:
            raise AssertionError(type_)


def _lift_scalar(sql: str, type_: Scalar) -> str:
    if type_ == BYTES:
        return f"from_base64({sql})"
    if type_ == DATE:
        return f"(DATE '1970-01-01' + {sql})"
    if type_ == TIME:
        # A whole day is a time for ksqlDB; DuckDB's remainder of it would be midnight.
        return (
            f"CASE WHEN {sql} < 86400000 THEN epoch_ms({sql}::BIGINT)::TIME"
            f" WHEN {sql} = 86400000 THEN TIME '24:00:00' END"
        )
    return f"epoch_ms({sql})"


def lower_scalar(sql: str, type_: SqlType) -> str:
    """Text of the carried value from `sql`, text of a scalar column's value; NULL stays NULL."""
    if type_ == BYTES:
        return f"to_base64({sql})"
    if type_ == DATE:
        return f"({sql} - DATE '1970-01-01')"
    if type_ in (TIME, TIMESTAMP):
        return f"epoch_ms({sql})"
    return sql
