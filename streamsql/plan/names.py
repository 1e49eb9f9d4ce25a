"""How unnamed columns of a SELECT are called (ksqlDB: select-push-query, column names)."""

from __future__ import annotations

from collections.abc import Iterable

from streamsql.errors import StatementError
from streamsql.plan.scope import PSEUDO_NAMES
from streamsql.sql import expr as ast


class Names:
    """Gives names that clash with none of `taken`."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._next = 0

    def generated(self) -> str:
        """The next free KSQL_COL_n."""
        while True:
            name = f"KSQL_COL_{self._next}"
            self._next += 1
            if name not in self._taken:
                self._taken.add(name)
                return name

    def of_field(self, field: str) -> str:
        """The name of a struct's field, with a number where it is taken."""
        name, n = field, 0
        while name in self._taken:
            n += 1
            name = f"{field}_{n}"
        self._taken.add(name)
        return name


def column_name(expr: ast.Expr, names: Names) -> str:
    """The name of a column without an alias."""
    match expr:
        case ast.ColumnRef(name=name):
            return name
        case ast.FieldRef(name=name):
            return names.of_field(name)
        case _:
            return names.generated()


def check_alias(alias: str, expr: ast.Expr) -> None:
    """Refuses names that only pseudo columns may have."""
    if alias in PSEUDO_NAMES:
        raise StatementError(
            f"`{alias}` is a reserved column name. You cannot use it as an alias for a column.",
            position=expr.position,
        )
