"""What every format asks of the columns it is given, in ksqlDB's sentences.

ksqlDB docs: reference/serialization.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from streamsql.errors import StatementError
from streamsql.formats.format import KEY, FormatOptions
from streamsql.schema.column import Column
from streamsql.schema.types import STRING, Array, Map, SqlType, Struct

WRAP, UNWRAP = True, False


def check_columns(
    columns: Sequence[Column],
    options: FormatOptions,
    *,
    name: str,
    reason: Callable[[Sequence[Column]], str],
    wraps: Sequence[bool] = (WRAP, UNWRAP),
) -> None:
    """Raises StatementError where `columns` cannot be written as format `name`.

    `reason` says why not, or nothing; `wraps`: the values of WRAP_SINGLE_VALUE that it knows.
    """
    _check_key_types(columns, options)
    _check_fields(columns)
    _check_wrapping(columns, options, name, wraps)
    why = reason(columns)
    if not why:
        return
    side = "Key" if options.side == KEY else "Value"
    mark = " KEY" if options.side == KEY else ""
    listed = ", ".join(f"{c}{mark}" for c in columns)
    raise StatementError(
        f"{side} format does not support schema.\n"
        f"format: {name}\n"
        f"schema: Persistence{{columns=[{listed}], features=[]}}\n"
        f"reason: {why.replace('{columns}', listed)}",
        hint=f"choose another {side.upper()}_FORMAT, or leave these columns out",
    )


def single_column(columns: Sequence[Column], name: str) -> str:
    """Why a format of one column cannot take these, or nothing."""
    if len(columns) > 1:
        return f"The '{name}' format only supports a single field. Got: [{{columns}}]"
    return ""


def is_wrapped(columns: Sequence[Column], options: FormatOptions) -> bool:
    """Whether the columns stand in a record.

    Always when there are several, never for a key of one column, and for a value of one column
    unless `WRAP_SINGLE_VALUE=false`.
    """
    if len(columns) != 1:
        return True
    return options.side != KEY and options.wrap is not False


def map_key_problem(type_: SqlType) -> bool:
    """Whether a MAP with keys other than STRING stands in the type."""
    match type_:
        case Array(element):
            return map_key_problem(element)
        case Map(key, value):
            return key != STRING or map_key_problem(value)
        case Struct(fields):
            return any(map_key_problem(f.type) for f in fields)
        case _:
            return False


def _check_key_types(columns: Sequence[Column], options: FormatOptions) -> None:
    for column in columns if options.side == KEY else ():
        if _holds_map(column.type):
            raise StatementError(
                "Map keys, including types that contain maps, are not supported as they may lead to"
                " unexpected behavior due to inconsistent serialization."
                f" Key column name: `{column.name}`. Column type: {column.type}."
                " See https://github.com/confluentinc/ksql/issues/6621 for more."
            )


def _holds_map(type_: SqlType) -> bool:
    match type_:
        case Map():
            return True
        case Array(element):
            return _holds_map(element)
        case Struct(fields):
            return any(_holds_map(f.type) for f in fields)
        case _:
            return False


def _check_fields(columns: Sequence[Column]) -> None:
    """DuckDB tells the fields of a STRUCT apart by their names, ASCII letters without case."""
    for column in columns:
        for names in _field_names(column.type):
            for i, name in enumerate(names):
                other = next((n for n in names[:i] if _folded(n) == _folded(name)), None)
                if other is not None:
                    raise StatementError(
                        f"fields `{other}` and `{name}` of a STRUCT have the same name but for"
                        " case",
                        detail=f"column `{column.name}` {column.type}",
                        hint="give one of them another name",
                    )


def _folded(name: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in name)


def _field_names(type_: SqlType) -> Iterator[list[str]]:
    """The names of each STRUCT in the type."""
    match type_:
        case Array(element):
            yield from _field_names(element)
        case Map(_, value):
            yield from _field_names(value)
        case Struct(fields):
            yield [f.name for f in fields]
            for f in fields:
                yield from _field_names(f.type)
        case _:
            pass


def _check_wrapping(
    columns: Sequence[Column], options: FormatOptions, name: str, wraps: Sequence[bool]
) -> None:
    if options.wrap is None or options.side == KEY:
        return
    if options.wrap not in wraps:
        raise StatementError(
            f"Format '{name}' does not support 'WRAP_SINGLE_VALUE' set to"
            f" '{str(options.wrap).lower()}'."
        )
    if len(columns) != 1:
        raise StatementError("'WRAP_SINGLE_VALUE' is only valid for single-field value schemas")
