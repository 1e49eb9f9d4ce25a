"""Table functions: the rows that one record becomes, as a list."""

from __future__ import annotations

from streamsql.functions.registry import TableFunction, signature, table_function
from streamsql.schema.text import fresh, let
from streamsql.schema.typed import TypedSql


def _cube(array: TypedSql) -> str:
    """Every choice of elements, the others NULL: counted up in binary, the first element's bit the
    highest.

    An element that is NULL has no second choice.
    """

    def body(v: str, places: str) -> str:
        n = fresh(v, places)
        i, p = f"{n}_i", f"{n}_p"
        # The bit of the place: the last one that is not NULL is the lowest.
        bit = f"({n} >> CAST(len({places}) - {p} AS BIGINT)) & 1"
        chosen = (
            f"coalesce(list_transform([list_position({places}, {i})], lambda {p}: {bit})[1], 0)"
        )
        element = f"lambda {i}: CASE WHEN {chosen} = 1 THEN {v}[{i}] END"
        row = f"list_transform(range(1, len({v}) + 1), {element})"
        return f"list_transform(range(0, CAST(1 AS BIGINT) << len({places})), lambda {n}: {row})"

    def places(v: str) -> str:
        i = fresh(v)
        given = f"list_filter(range(1, len({v}) + 1), lambda {i}: {v}[{i}] IS NOT NULL)"
        return f"CASE WHEN {v} IS NOT NULL THEN {let(given, lambda w: body(v, w))} END"

    return let(array.sql, places)


ENTRIES: tuple[TableFunction, ...] = (
    table_function(
        "EXPLODE",
        signature("ARRAY<T> -> T", "{0}"),
        doc="A row for each element of an array; none for an empty one and for NULL.",
        examples=(("EXPLODE(ARRAY[1, NULL, 3])", "[1, null, 3]"),),
    ),
    table_function(
        "CUBE_EXPLODE",
        signature("ARRAY<T> -> ARRAY<T>", _cube),
        doc="A row for each choice of elements of an array, with NULL for those not chosen.",
        examples=(
            ("CUBE_EXPLODE(ARRAY[1, 2])", "[[null, null], [null, 2], [1, null], [1, 2]]"),
            ("CUBE_EXPLODE(ARRAY[1, NULL])", "[[null, null], [1, null]]"),
        ),
    ),
)
