"""What Kafka Connect calls the types of columns, as ksqlDB's errors name them."""

from __future__ import annotations

from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    INTEGER,
    STRING,
    TIME,
    TIMESTAMP,
    Decimal,
    Scalar,
    SqlType,
)


class Mismatch(ValueError):
    """A schema that cannot be read into the columns."""


def connect_name(type_: SqlType) -> str:
    """What Connect calls the type of a column."""
    match type_:
        case Scalar():
            return _CONNECT_NAMES[type_]
        case Decimal():
            return "bytes"
        case _:
            return type_.base.lower()


_CONNECT_NAMES = {
    BOOLEAN: "boolean",
    INTEGER: "int32",
    BIGINT: "int64",
    DOUBLE: "float64",
    STRING: "string",
    BYTES: "bytes",
    DATE: "int32",
    TIME: "int32",
    TIMESTAMP: "int64",
}
