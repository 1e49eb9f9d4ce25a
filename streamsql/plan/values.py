"""INSERT INTO … VALUES: one record's bytes as a SELECT without FROM.

Rules of ksqlDB (insert-values): columns that are not named are NULL, ROWTIME may be set, a table
needs its key, a tombstone cannot be written this way.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.catalog.catalog import Source
from streamsql.errors import StatementError
from streamsql.formats import format_named
from streamsql.formats.format import KEY, VALUE, Encode
from streamsql.functions.registry import ROW
from streamsql.operators.fault import reads_identity
from streamsql.plan.coerce import as_type
from streamsql.plan.declare import options_of
from streamsql.plan.expressions import bind
from streamsql.plan.frame import Context, source_hint
from streamsql.plan.scope import Scope, near_hint
from streamsql.schema import coercion
from streamsql.schema.column import Column
from streamsql.schema.duck import duckdb_type
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, BYTES, NULL, Decimal, SqlType, is_numeric
from streamsql.sql import expr as ast
from streamsql.sql import format as format_sql
from streamsql.sql.statement import InsertValues

NO_COLUMNS = Scope(entries=(), clause="VALUES")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesPlan:
    """One record: `sql` gives `timestamp` (NULL: now), `key`, `value`; the encoders' kernels run
    after it."""

    source: Source
    sql: str
    key: Encode | None
    value: Encode | None


def plan_values(statement: InsertValues, context: Context) -> ValuesPlan:
    """The record that the statement describes; StatementError where it does not fit the source."""
    source = _target(statement, context)
    given = _given(statement, source)
    typed = {name: _value(name, expr, source) for name, expr in given.items()}
    key_names = [c.name for c in source.schema.key]
    if source.is_table and not all(n in given for n in key_names):
        missing = ", ".join(n for n in key_names if n not in given)
        raise StatementError(
            f"Failed to insert values into '{source.name}'. Value for primary key column(s)"
            f" {missing} is"
            " required for tables"
        )
    timestamp = typed["ROWTIME"].sql if "ROWTIME" in typed else "NULL::BIGINT"
    identity = f" FROM (SELECT $row AS {ROW})" if reads_identity(typed.values()) else ""
    key, key_sql = _encoded(source, source.schema.key, typed, KEY)
    value, value_sql = _encoded(source, source.schema.value, typed, VALUE)
    return ValuesPlan(
        source=source,
        sql=f"SELECT {timestamp} AS timestamp, {key_sql} AS key, {value_sql} AS value"
        f"{identity} ORDER BY ALL",
        key=key,
        value=value,
    )


def _target(statement: InsertValues, context: Context) -> Source:
    source = context.catalog.sources.get(statement.target)
    if source is None:
        hint = source_hint(statement.target, context.catalog)
        raise StatementError(
            f"Cannot insert values into an unknown stream/table: `{statement.target}`", hint=hint
        )
    if source.read_only:
        kind = source.kind.lower()
        raise StatementError(f"Cannot insert values into read-only {kind}: {source.name}")
    if source.window is not None:
        raise StatementError("Cannot insert values into windowed stream or table")
    return source


def _given(statement: InsertValues, source: Source) -> dict[str, ast.Expr]:
    """Column name -> expression."""
    headers = [h.name for h in source.schema.headers]
    all_names = [c.name for c in (*source.schema.key, *source.schema.value)]
    names = list(statement.columns)
    if not names:
        names = all_names
        if len(statement.values) == len(all_names) + len(headers) and headers:
            _refuse_headers(headers)
    _refuse_headers([n for n in names if n in headers])
    known = {*all_names, "ROWTIME"}
    for name in names:
        if name in ("ROWPARTITION", "ROWOFFSET"):
            raise StatementError(f"Inserting into column `{name}` is not allowed.")
        if name not in known:
            raise StatementError(
                f"Column name {name} does not exist.",
                detail=f"{source.name} has {source.schema}",
                hint=near_hint(name, known),
                position=statement.position,
            )
    if len(names) != len(statement.values):
        raise StatementError(
            f"Expected {len(names)} values, got {len(statement.values)}"
            if statement.columns
            else f"Expected a value for each column. Expected Columns: {names}. Got"
            f" {[format_sql(v) for v in statement.values]}",
            position=statement.position,
        )
    return dict(zip(names, statement.values, strict=True))


def _refuse_headers(names: list[str]) -> None:
    if names:
        raise StatementError(f"Cannot insert into HEADER columns: {', '.join(names)}")


def _value(name: str, expr: ast.Expr, source: Source) -> TypedSql:
    column = source.schema.find(name)
    type_: SqlType = BIGINT if column is None else column.type
    typed = bind(expr, NO_COLUMNS)
    if typed.type == NULL:
        return TypedSql(sql=f"NULL::{duckdb_type(type_)}", type=type_, constant=True)
    if type_ == BYTES and isinstance(expr, ast.StringLiteral):
        return TypedSql(sql=f"from_base64({typed.sql})", type=BYTES, constant=True)
    if typed.literal is not None and is_numeric(typed.type) and isinstance(type_, Decimal):
        # A number is written with the column's scale; one that does not fit is refused when read.
        return coercion.cast(typed, type_)
    try:
        return as_type(type_, expr, typed)
    except StatementError as error:
        raise StatementError(
            f"Expected type {type_} for field `{name}` but got {format_sql(expr)}({typed.type})",
            detail=error.primary,
            position=expr.position,
        ) from None


def _encoded(
    source: Source, columns: tuple[Column, ...], typed: dict[str, TypedSql], side: str
) -> tuple[Encode | None, str]:
    """The side's bytes; NULL where it has no column, or for a key all of them are NULL."""
    if not columns:
        return None, "NULL::BLOB"
    spec = source.key_format if side == KEY else source.value_format
    values = [
        typed[c.name].sql if c.name in typed else f"NULL::{duckdb_type(c.type)}" for c in columns
    ]
    encode = format_named(spec.name).encode(columns, values, options_of(source, side), target=side)
    if side == VALUE:
        return encode, encode.sql
    nulls = " AND ".join(f"({v}) IS NULL" for v in values)
    return encode, f"CASE WHEN {nulls} THEN NULL ELSE {encode.sql} END"
