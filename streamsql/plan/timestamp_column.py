"""The DuckDB text that gives rowtime from a column: the TIMESTAMP and TIMESTAMP_FORMAT
properties."""

from __future__ import annotations

from dataclasses import replace

from streamsql import functions
from streamsql.schema.duck import literal
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, STRING, TIMESTAMP


def timestamp_text(column: TypedSql, pattern: str | None) -> TypedSql:
    """Milliseconds since 1970; NULL or an error where the column holds none."""
    if column.type == TIMESTAMP:
        return replace(column, sql=f"epoch_ms({column.sql})", type=BIGINT)
    if column.type == STRING and pattern is not None:
        format_ = TypedSql(sql=literal(pattern), type=STRING, constant=True, literal=pattern)
        parsed = functions.resolve_scalar("PARSE_TIMESTAMP", [column, format_], None)
        return replace(parsed, sql=f"epoch_ms({parsed.sql})", type=BIGINT)
    return column
