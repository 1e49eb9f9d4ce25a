"""COALESCE, IFNULL, NULLIF, and AS_VALUE, which only means something to the projection."""

from __future__ import annotations

from streamsql.functions.registry import CALLED, ScalarFunction, scalar, signature

ENTRIES: tuple[ScalarFunction, ...] = (
    scalar(
        "COALESCE",
        signature("T, T… -> T", "coalesce({args})", nulls=CALLED),
        doc="The first of its arguments that is not NULL.",
        examples=(("COALESCE(NULL, 'b', 'c')", '"b"'), ("COALESCE(NULL, ARRAY[1])", "[1]")),
    ),
    scalar(
        "IFNULL",
        signature("T, T -> T", "coalesce({0}, {1})", nulls=CALLED),
        doc="The first argument, or the second where the first is NULL.",
        examples=(("IFNULL(NULL, 7)", "7"), ("IFNULL(3, 7)", "3")),
    ),
    scalar(
        "NULLIF",
        signature("T, T -> T", "nullif({0}, {1})", nulls=CALLED),
        doc="NULL where both arguments are equal, else the first.",
        examples=(("NULLIF('a', 'b')", '"a"'), ("NULLIF('a', 'a')", "null")),
    ),
    scalar(
        "AS_VALUE",
        signature("T -> T", "{0}"),
        doc="Its argument: a key column's copy in the value.",
        examples=(("AS_VALUE(3)", "3"),),
    ),
)
