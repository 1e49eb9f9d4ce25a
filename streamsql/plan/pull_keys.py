"""Which pull queries look keys up, and which have to scan the table.

With `ksql.query.pull.table.scan.enabled` off a pull query on a table needs, in every alternative of
its WHERE, each key column compared with a value (ksqlDB: select-pull-query). With it on, what is no
look-up is a scan; only what can never be right is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamsql.catalog.catalog import Source
from streamsql.config import Properties
from streamsql.errors import StatementError
from streamsql.plan.rewrite import columns_of, conjuncts, walk
from streamsql.schema.column import WINDOW_BOUNDS
from streamsql.schema.types import STRING
from streamsql.sql import expr as ast
from streamsql.sql import format as format_sql

_RANGES = ("<", "<=", ">", ">=")
_COMBINED = (
    "A comparison condition on the key column cannot be combined with other comparisons such as an"
    " IN"
    " predicate"
)


def check_keys(where: ast.Expr | None, source: Source, properties: Properties) -> None:
    """StatementError where the WHERE of a pull query on a table cannot be answered as
    configured."""
    keys = [c.name for c in source.schema.key]
    if where is not None:
        _check_values(where, source)
    if properties.flag("ksql.query.pull.table.scan.enabled"):
        return
    if where is None:
        raise StatementError(
            "Query requires table scan to be enabled",
            detail="it has no WHERE clause",
            hint="SET 'ksql.query.pull.table.scan.enabled'='true'",
        )
    for part in walk(where):
        if isinstance(part, ast.Like):
            _like(part)
    for disjunct in _disjuncts(where):
        _check_disjunct(disjunct, source, keys, properties)


def _like(part: ast.Like) -> None:
    raise StatementError(
        "Like condition must be between strings and on a column",
        detail=f"{format_sql(part)} needs a table scan",
        position=part.position,
    )


def _check_values(where: ast.Expr, source: Source) -> None:
    """Refuses keys that are NULL or of another type, however the table is read."""
    keys = {c.name: c for c in source.schema.key}
    for part in walk(where):
        if isinstance(part, ast.Like):
            _check_like(part, source)
        if not isinstance(part, ast.InList) or not isinstance(part.operand, ast.ColumnRef):
            continue
        column = keys.get(part.operand.name)
        for item in part.items if column is not None else ():
            if isinstance(item, ast.NullLiteral):
                raise StatementError(
                    f"Primary key columns can not be NULL: ({part.operand.name} = null)",
                    position=item.position,
                )
            if isinstance(item, ast.StringLiteral) and column and column.type != STRING:
                raise StatementError(
                    f"'{item.value}' can not be converted to the type of the key column:"
                    f" {column.name} {column.type} KEY",
                    position=item.position,
                )


def _check_like(part: ast.Like, source: Source) -> None:
    operand = part.operand
    column = source.schema.find(operand.name) if isinstance(operand, ast.ColumnRef) else None
    if column is not None and column.type != STRING:
        raise StatementError(
            f"The column type for Like condition must be VARCHAR. The column type is {column.type}",
            position=part.position,
        )


def _disjuncts(where: ast.Expr) -> list[ast.Expr]:
    if isinstance(where, ast.Binary) and where.op == "OR":
        return _disjuncts(where.left) + _disjuncts(where.right)
    return [where]


def _check_disjunct(
    disjunct: ast.Expr, source: Source, keys: Sequence[str], properties: Properties
) -> None:
    constrained: dict[str, list[str]] = {}
    for part in conjuncts(disjunct):
        found = _constraint(part, keys)
        if found is not None:
            constrained.setdefault(found[0], []).append(found[1])
    if any(len(ops) > 1 for ops in constrained.values()):
        raise StatementError(_COMBINED)
    if not constrained:
        raise StatementError(
            f"WHERE clause missing key column for disjunct: {format_sql(disjunct)}",
            position=disjunct.position,
        )
    if len(constrained) < len(keys):
        raise StatementError(
            "Multi-column sources must specify every key in the WHERE clause."
            f" Specified: {sorted(constrained)} Expected: {list(keys)}"
        )
    ranged = any(ops[0] in _RANGES for ops in constrained.values())
    scans = properties.text("ksql.query.pull.range.scan.enabled") == "true"
    if ranged and (len(keys) > 1 or source.window is not None or not scans):
        raise StatementError("Query requires table scan to be enabled")


def _constraint(part: ast.Expr, keys: Sequence[str]) -> tuple[str, str] | None:
    """(key column, operator) of a comparison of a key; None for conditions on other columns."""
    if isinstance(part, ast.InList):
        operand = part.operand
        if not isinstance(operand, ast.ColumnRef) or operand.name not in keys:
            return None
        if any(any(columns_of(item)) for item in part.items):
            _unresolvable()
        return operand.name, "IN"
    if not isinstance(part, ast.Binary) or part.op not in ("=", *_RANGES):
        return None
    sides = (part.left, part.right)
    named = [s for s in sides if isinstance(s, ast.ColumnRef) and s.name in keys]
    if not named:
        touched = {c.name for s in sides for c in columns_of(s)}
        if touched & set(keys) and not touched & set(WINDOW_BOUNDS):
            raise StatementError(
                "A comparison must directly reference a key column.", position=part.position
            )
        return None
    other = sides[1] if sides[0] is named[0] else sides[0]
    if any(columns_of(other)):
        _unresolvable()
    return named[0].name, part.op


def _unresolvable() -> None:
    raise StatementError("A comparison must be between a key column and a resolvable expression.")
