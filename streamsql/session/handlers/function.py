"""What SHOW FUNCTIONS and DESCRIBE FUNCTION say: the registry's entries as rows and as text."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from streamsql.errors import StatementError
from streamsql.functions import AGGREGATES, SCALARS, TABLE_FUNCTIONS
from streamsql.functions.registry import AggregateFunction, ScalarFunction, TableFunction
from streamsql.functions.signature import show_type
from streamsql.sql.statement import Describe

COLUMNS = ("Function Name", "Category", "Overview")

_CATEGORIES: tuple[
    tuple[str, Mapping[str, ScalarFunction | TableFunction | AggregateFunction]], ...
] = (("SCALAR", SCALARS), ("TABLE", TABLE_FUNCTIONS), ("AGGREGATE", AGGREGATES))


def function_rows() -> list[tuple[str, str, str]]:
    """Every function by name: its category and what it gives."""
    return sorted(
        (name, category, entry.doc.split(". ")[0].rstrip("."))
        for category, entries in _CATEGORIES
        for name, entry in entries.items()
    )


def describe_function(statement: Describe) -> str:
    """Category, document, signatures and examples of a function; StatementError where there is
    none."""
    wanted = statement.name.upper()
    parts = [
        "\n".join(_lines(wanted, category, entries[wanted]))
        for category, entries in _CATEGORIES
        if wanted in entries
    ]
    if not parts:
        names = [name for _, entries in _CATEGORIES for name in entries]
        near = difflib.get_close_matches(wanted, names, n=3)
        raise StatementError(
            f"Can't find any functions with the name '{statement.name}'",
            hint=f"did you mean {' or '.join(near)}?" if near else "SHOW FUNCTIONS lists them",
            position=statement.position,
        )
    return "\n\n".join(parts)


def _lines(
    name: str, category: str, entry: ScalarFunction | TableFunction | AggregateFunction
) -> Iterator[str]:
    yield f"Name        : {name}"
    yield f"Category    : {category}"
    yield f"Overview    : {entry.doc}"
    yield "Variations  :"
    for row in entry.signatures:
        yield f"  {name}({row.parameters.show()}) -> {show_type(row.parameters.result)}"
    if entry.examples:
        yield "Examples    :"
        yield from (f"  {example.call} = {example.result}" for example in entry.examples)
