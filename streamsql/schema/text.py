"""Pieces of DuckDB text that expressions are built from: a local name, a failure, two's-complement
wrapping.

Knows no rule of ksqlDB; `cast.py`, `arithmetic.py` and functions/ say what the pieces mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from streamsql.schema.duck import duckdb_type, literal, quote
from streamsql.schema.types import BYTES, STRING, Array, Map, SqlType, Struct

_SIMPLE = re.compile(
    r"""(?:[A-Za-z_]\w*|"(?:[^"]|"")*")(?:\."(?:[^"]|"")*")?"""
    r"|\(?-?[0-9.]+\)?(?:::\w+)?"
    r"|\(?'(?:[^']|'')*'\)?"
)
_LOCAL = re.compile(r"_v(\d+)")


def fresh(*texts: str) -> str:
    """A lambda parameter that stands in none of `texts`."""
    used = [int(n) for text in texts for n in _LOCAL.findall(text)]
    return f"_v{max(used, default=0) + 1}"


def let(sql: str, body: Callable[[str], str]) -> str:
    """`body` of a name for `sql`, which is computed once.

    Without it a value that a rule looks at three times is written three times, and a nest of such
    rules grows exponentially. A column or a literal is its own name.
    """
    if _SIMPLE.fullmatch(sql):
        return body(sql)
    # The name has to be new in the body too, which is only known once it is written.
    name = fresh(sql, body("_v0"))
    return f"list_transform([{sql}], lambda {name}: {body(name)})[1]"


def each(sql: str, body: Callable[[str], str]) -> str:
    """A list with `body` of each element; a NULL list stays NULL."""
    name = fresh(sql, body("_v0"))
    return f"list_transform({sql}, lambda {name}: {body(name)})"


def joined(items: str, separator: str) -> str:
    """The texts of a list, none of them NULL, with a literal between them.

    DuckDB's array_to_string is a macro around a CASE: what its list raises, no TRY catches.
    """
    name = fresh(items)
    text = f"list_aggregate({name}, 'string_agg', {literal(separator)})"
    body = f"CASE WHEN len({name}) = 0 THEN '' ELSE {text} END"
    return f"list_transform([{items}], lambda {name}: {body})[1]"


def fail(message: str, type_: SqlType) -> str:
    """Text of type `type_` that raises `message`, itself DuckDB text.

    DuckDB's error() is volatile and TRY refuses it; a cast that cannot succeed is not. Nothing that
    raises may stand in a CASE condition: DuckDB computes a constant one while it plans, and the
    statement would fail for no row's sake, whatever TRY is around it.
    DuckDB reports `Could not convert string "message" to …`.
    """
    match type_:
        case Array(element):
            return f"[{fail(message, element)}]"
        case Map(key, value):
            return f"MAP([{fail(message, key)}], [NULL::{duckdb_type(value)}])"
        case Struct(fields):
            rest = [f"{quote(f.name)} := NULL::{duckdb_type(f.type)}" for f in fields[1:]]
            first = f"{quote(fields[0].name)} := {fail(message, fields[0].type)}"
            return f"struct_pack({', '.join([first, *rest])})"
        case _ if type_ == STRING:
            return f"CAST(CAST({message} AS BOOLEAN) AS VARCHAR)"
        case _ if type_ == BYTES:
            return f"encode({fail(message, STRING)})"
        case _:
            return f"CAST({message} AS {duckdb_type(type_)})"


def fail_with(message: str, type_: SqlType) -> str:
    """`fail` with a fixed message."""
    return fail(literal(message), type_)


def wrap_integer(sql: str) -> str:
    """The low 32 bits of a BIGINT as INTEGER, as Java narrows a long."""
    return f"CAST(xor({sql} & 4294967295, 2147483648) - 2147483648 AS INTEGER)"


def wrap_bigint(sql: str) -> str:
    """The low 64 bits of a HUGEINT as BIGINT, as Java's long arithmetic wraps."""
    # A HUGEINT literal: DuckDB reads 2^63 as one, and so the whole is computed in 128 bits.
    half = "9223372036854775808"
    return f"CAST(xor({sql} & 18446744073709551615, {half}) - {half} AS BIGINT)"
