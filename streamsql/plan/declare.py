"""CREATE STREAM | TABLE with columns: from the statement to a Source, checked as ksqlDB checks it.

Pure: the caller says which topics exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from streamsql.catalog.catalog import TABLE, Catalog, FormatSpec, Source, WindowSpec
from streamsql.config import Properties
from streamsql.errors import StatementError
from streamsql.formats import format_named
from streamsql.formats.format import KEY, VALUE, FormatOptions
from streamsql.plan.scope import near_hint
from streamsql.schema.column import PSEUDO_COLUMNS, WINDOW_BOUNDS, Column, HeaderColumn, Schema
from streamsql.schema.registered import subject_of
from streamsql.schema.types import (
    BIGINT,
    BYTES,
    HEADERS,
    STRING,
    TIMESTAMP,
    Array,
    Map,
    SqlType,
    Struct,
)
from streamsql.sql.expr import CustomType
from streamsql.sql.statement import ColumnDef, CreateSource, PropertyValue

WITH_NAMES = (
    "KAFKA_TOPIC PARTITIONS REPLICAS RETENTION_MS CLEANUP_POLICY FORMAT KEY_FORMAT VALUE_FORMAT "
    "KEY_DELIMITER VALUE_DELIMITER TIMESTAMP TIMESTAMP_FORMAT WRAP_SINGLE_VALUE KEY_SCHEMA_ID "
    "VALUE_SCHEMA_ID KEY_SCHEMA_FULL_NAME VALUE_SCHEMA_FULL_NAME VALUE_AVRO_SCHEMA_FULL_NAME "
    "KEY_PROTOBUF_NULLABLE_REPRESENTATION VALUE_PROTOBUF_NULLABLE_REPRESENTATION WINDOW_TYPE "
    "WINDOW_SIZE SOURCED_BY_CONNECTOR SOURCE_CONNECTOR QUERY_ID TTL_MS"
).split()
_SPECIAL_DELIMITERS = {"TAB": "\t", "SPACE": " "}
_UNITS_MS = {
    "MILLISECOND": 1,
    "SECOND": 1000,
    "MINUTE": 60_000,
    "HOUR": 3_600_000,
    "DAY": 86_400_000,
}


class With:
    """The properties of a WITH clause, checked by name; reads give typed values."""

    def __init__(self, properties: Iterable[tuple[str, PropertyValue]]) -> None:
        self._values = dict(properties)
        for name in self._values:
            if name not in WITH_NAMES:
                raise StatementError(
                    f"Invalid config variable(s) in the WITH clause: {name}",
                    hint=near_hint(name, WITH_NAMES),
                )
        if "FORMAT" in self._values:
            for side in ("KEY_FORMAT", "VALUE_FORMAT"):
                if side in self._values:
                    raise StatementError(
                        f"Cannot supply both '{side}' and 'FORMAT' properties, as 'FORMAT' sets"
                        " both key"
                        " and value formats.",
                        hint="Either use just 'FORMAT', or use 'KEY_FORMAT' and 'VALUE_FORMAT'.",
                    )

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        """A property as text."""
        value = self._values.get(name)
        return None if value is None else str(value)

    def number(self, name: str) -> int | None:
        """A property as a whole number."""
        value = self._values.get(name)
        if value is None:
            return None
        try:
            return int(value)
        except ValueError:
            raise StatementError(
                f"Invalid value {value} for property {name}: a whole number is needed"
            ) from None

    def flag(self, name: str) -> bool | None:
        """A property as true or false."""
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return value
        if str(value).lower() not in ("true", "false"):
            raise StatementError(
                f"Invalid value {value} for property {name}: true or false is needed"
            )
        return str(value).lower() == "true"

    def format(self, side: str) -> str | None:
        """The format's name for `side` (KEY, VALUE), upper-cased."""
        found = self.text(f"{side}_FORMAT") or self.text("FORMAT")
        return found.upper() if found else None

    def delimiter(self, side: str) -> str | None:
        """The delimiter character; its special names are translated."""
        found = self.text(f"{side}_DELIMITER")
        if found is None:
            return None
        if found.upper() in _SPECIAL_DELIMITERS:
            return _SPECIAL_DELIMITERS[found.upper()]
        if not found.strip():
            raise StatementError(
                f"Failed to prepare statement: Configuration {side}_DELIMITER is invalid: Delimiter"
                " cannot be empty, if you meant to have a tab or space for delimiter, please use"
                " the"
                " special values 'TAB' or 'SPACE'\nExample valid value: ';'"
            )
        if len(found) > 1:
            raise StatementError(
                f"Failed to prepare statement: Configuration {side}_DELIMITER is invalid: Invalid"
                f" delimiter value: '{found}'. The delimiter must be a single character, TAB, or"
                " SPACE."
                "\nExample valid value: ';'"
            )
        return found

    def spec(self, side: str, name: str) -> FormatSpec:
        """How `side` is written, in the format called `name`."""
        full_name = self.text(f"{side}_SCHEMA_FULL_NAME")
        if side == "VALUE":
            full_name = full_name or self.text("VALUE_AVRO_SCHEMA_FULL_NAME")
        return FormatSpec(
            name=name,
            wrap=self.flag("WRAP_SINGLE_VALUE") if side == "VALUE" else None,
            delimiter=self.delimiter(side),
            schema_id=self.number(f"{side}_SCHEMA_ID"),
            full_name=full_name,
            nullable=self.text(f"{side}_PROTOBUF_NULLABLE_REPRESENTATION"),
        )

    def window(self) -> WindowSpec | None:
        """The window of a key that is already windowed."""
        kind, size = self.text("WINDOW_TYPE"), self.text("WINDOW_SIZE")
        if kind is None:
            if size is not None:
                raise StatementError("'WINDOW_SIZE' should not be set without 'WINDOW_TYPE'.")
            return None
        kind = kind.upper()
        if kind not in ("SESSION", "TUMBLING", "HOPPING"):
            raise StatementError(
                f"Configuration WINDOW_TYPE is invalid: {kind}",
                hint="one of SESSION, HOPPING, TUMBLING",
            )
        if kind == "SESSION":
            if size is not None:
                raise StatementError("'WINDOW_SIZE' should not be set for SESSION windows.")
            return WindowSpec(kind=kind)
        if size is None:
            raise StatementError(
                f"{kind} windows require 'WINDOW_SIZE' to be provided in the WITH clause."
                " For example: 'WINDOW_SIZE'='10 SECONDS'"
            )
        return WindowSpec(kind=kind, size_ms=duration_ms(size))


def duration_ms(text: str) -> int:
    """Milliseconds of `30 SECONDS`."""
    found = re.fullmatch(r"\s*(\d+)\s+([A-Za-z]+)\s*", text)
    unit = found.group(2).upper().removesuffix("S") if found else ""
    if found is None or unit not in _UNITS_MS:
        raise StatementError(
            f"Configuration WINDOW_SIZE is invalid: Invalid duration: '{text}'.",
            hint="a number and a unit: '10 SECONDS'",
        )
    return int(found.group(1)) * _UNITS_MS[unit]


def options_of(source: Source, side: str) -> FormatOptions:
    """What the format of a source's key or value is told."""
    spec = source.key_format if side == KEY else source.value_format
    return FormatOptions(
        side=side,
        source=source.name,
        subject=subject_of(source.topic, side),
        wrap=spec.wrap,
        delimiter=spec.delimiter or ",",
        schema_id=spec.schema_id,
        full_name=spec.full_name,
        nullable=spec.nullable,
    )


def resolve_type(type_: SqlType, catalog: Catalog) -> SqlType:
    """The type with the names that CREATE TYPE declared replaced."""
    match type_:
        case CustomType(name, position):
            found = catalog.types.get(name) or catalog.types.get(name.upper())
            if found is None:
                raise StatementError(
                    f"Cannot resolve unknown type: {name}",
                    position=position,
                    hint=near_hint(name, catalog.types),
                )
            return found
        case Array(element):
            return Array(resolve_type(element, catalog))
        case Map(key, value):
            return Map(resolve_type(key, catalog), resolve_type(value, catalog))
        case Struct(fields):
            return Struct(tuple(replace(f, type=resolve_type(f.type, catalog)) for f in fields))
        case _:
            return type_


def declare(
    statement: CreateSource, catalog: Catalog, properties: Properties, topics: Mapping[str, int]
) -> Source:
    """The Source that the statement declares. `topics`: number of partitions of each topic that
    exists."""
    options = With(statement.properties)
    topic = options.text("KAFKA_TOPIC")
    if topic is None:
        raise StatementError('Missing required property "KAFKA_TOPIC" which has no default value.')
    schema = columns_schema(statement.columns, statement.kind, catalog)
    if schema.headers and not properties.flag("ksql.headers.columns.enabled"):
        raise StatementError(
            f"Cannot create {statement.kind.capitalize()} because schema with headers columns is"
            " disabled.",
            hint="SET 'ksql.headers.columns.enabled'='true'",
        )
    value_name = options.format("VALUE") or properties.text("ksql.persistence.default.format.value")
    if not value_name:
        raise StatementError('Missing required property "VALUE_FORMAT" which has no default value.')
    default_key = properties.text("ksql.persistence.default.format.key")
    key_name = options.format("KEY") or default_key.upper()
    if not any(schema.columns()) and value_name.upper() in ("KAFKA", "DELIMITED", "NONE"):
        raise StatementError(
            "No columns supplied.", hint=f"{value_name.upper()} has no schema to infer them from"
        )
    window = options.window()
    if window is not None and not schema.key:
        raise StatementError("Windowed sources require a key column.")
    if statement.kind == TABLE and not schema.key:
        raise StatementError(
            "Tables require a PRIMARY KEY. Please define the PRIMARY KEY.",
            detail=f"Use a stream instead of a table if {statement.name} has none.",
        )
    if not schema.key and "KEY_FORMAT" not in options and "FORMAT" not in options:
        key_name = "NONE" if not schema.key and key_name == "KAFKA" else key_name
    source = Source(
        name=statement.name,
        kind=statement.kind,
        schema=schema,
        topic=topic,
        key_format=options.spec("KEY", key_name),
        value_format=default_wrap(options.spec("VALUE", value_name.upper()), schema, properties),
        window=window,
        timestamp_column=_timestamp_column(options, schema),
        timestamp_format=options.text("TIMESTAMP_FORMAT"),
        read_only=statement.read_only,
        partitions=_partitions(options, topic, topics),
        replicas=options.number("REPLICAS") or 1,
        ttl_ms=_time_to_live(options, statement.kind),
        text=statement.text,
    )
    check_formats(source)
    return source


def _partitions(options: With, topic: str, topics: Mapping[str, int]) -> int:
    asked, found = options.number("PARTITIONS"), topics.get(topic)
    if asked is not None and asked < 1:
        raise StatementError(f"Invalid value {asked} for property PARTITIONS: at least 1 is needed")
    if asked is not None and found is not None and asked != found:
        raise StatementError(
            f"A Kafka topic with the name '{topic}' already exists, with different"
            " partition/replica"
            f" configuration than required. KSQL expects {asked} partitions (topic has {found})",
            hint="leave PARTITIONS out to use the topic as it is",
        )
    return found or asked or 1


def _time_to_live(options: With, kind: str) -> int | None:
    ttl_ms = options.number("TTL_MS")
    if ttl_ms is None:
        return None
    if kind != TABLE:
        raise StatementError(
            "'TTL_MS' is for tables: a stream keeps nothing that could end",
            hint="leave it out, or declare a table",
        )
    if ttl_ms < 1:
        raise StatementError(f"Invalid value {ttl_ms} for property TTL_MS: at least 1 is needed")
    return ttl_ms


def default_wrap(spec: FormatSpec, schema: Schema, properties: Properties) -> FormatSpec:
    default = properties.text("ksql.persistence.wrap.single.values")
    if spec.wrap is not None or not default or len(schema.value) != 1:
        return spec
    if spec.name not in ("JSON", "JSON_SR", "AVRO"):
        return spec
    return replace(spec, wrap=default.lower() == "true")


def _timestamp_column(options: With, schema: Schema) -> str | None:
    name = options.text("TIMESTAMP")
    if name is None:
        return None
    name = name.strip("`") if name.startswith("`") else name.upper()
    return check_timestamp(name, options.text("TIMESTAMP_FORMAT"), schema)


def check_timestamp(name: str, pattern: str | None, schema: Schema) -> str:
    """The timestamp column's name; StatementError where it does not exist or its type does not
    fit."""
    column = schema.find(name)
    if column is None:
        raise StatementError(
            f"The TIMESTAMP column set in the WITH clause does not exist in the schema: '{name}'",
            hint=near_hint(name, [c.name for c in schema.columns()]),
        )
    if column.type == STRING and pattern is None:
        raise StatementError(
            "A String timestamp field has been specified without also specifying the"
            " TIMESTAMP_FORMAT:"
            f" '{name}'",
            hint="add TIMESTAMP_FORMAT='yyyy-MM-dd HH:mm:ss'",
        )
    if column.type != STRING and pattern is not None:
        raise StatementError(
            f"TIMESTAMP_FORMAT set, but TIMESTAMP column '{name}' is {column.type}, not STRING"
        )
    if column.type not in (STRING, BIGINT, TIMESTAMP):
        raise StatementError(
            f"Timestamp column, `{name}`, should be LONG(INT64), TIMESTAMP, or a String with a"
            " timestamp_format specified"
        )
    return name


# ------------------------------------------------------------------ columns


def columns_schema(columns: tuple[ColumnDef, ...], kind: str, catalog: Catalog) -> Schema:
    """The schema that column definitions give a stream or table."""
    key: list[Column] = []
    value: list[Column] = []
    headers: list[HeaderColumn] = []
    seen: set[str] = set()
    for column in columns:
        _check_column(column, kind, seen)
        type_ = resolve_type(column.type, catalog)
        match column.constraint:
            case "KEY" | "PRIMARY KEY":
                check_key_type(column.name, type_)
                key.append(Column(column.name, type_, column.written))
            case "HEADERS" | "HEADER":
                headers.append(_header_column(column, type_, headers))
            case _:
                value.append(Column(column.name, type_, column.written))
    return Schema(key=tuple(key), value=tuple(value), headers=tuple(headers))


def _check_column(column: ColumnDef, kind: str, seen: set[str]) -> None:
    if column.name in PSEUDO_COLUMNS or column.name in WINDOW_BOUNDS:
        raise StatementError(
            f"'{column.name}' is a reserved column name. You cannot use it as a name for a column.",
            position=column.position,
        )
    if column.name in seen:
        raise StatementError(f"Duplicate column names: {column.name}", position=column.position)
    seen.add(column.name)
    wrong = "KEY" if kind == TABLE else "PRIMARY KEY"
    right = "PRIMARY KEY" if kind == TABLE else "KEY"
    if column.constraint == wrong:
        raise StatementError(
            f"Column `{column.name}` is a '{wrong}' column: please use '{right}' for"
            f" {kind.lower()}s.\n{_KEYS_DIFFER}",
            position=column.position,
        )


_KEYS_DIFFER = (
    "Tables have PRIMARY KEYs, which are unique and NON NULL.\n"
    "Streams have KEYs, which have no uniqueness or NON NULL constraints."
)


def _header_column(column: ColumnDef, type_: SqlType, before: list[HeaderColumn]) -> HeaderColumn:
    if column.constraint == "HEADERS":
        if type_ != HEADERS:
            raise StatementError(
                f"Invalid type for HEADERS column: expected {HEADERS}, got {type_}",
                position=column.position,
            )
        if before:
            raise StatementError(
                "Schema already contains a HEADERS column.", position=column.position
            )
        return HeaderColumn(column.name, type_)
    if type_ != BYTES:
        raise StatementError(
            f"Invalid type for HEADER('{column.header_key}') column: expected BYTES, got {type_}",
            position=column.position,
        )
    if any(h.key is None for h in before):
        raise StatementError("Schema already contains a HEADERS column.", position=column.position)
    if any(h.key == column.header_key for h in before):
        raise StatementError(
            f"Schema already contains a HEADER('{column.header_key}') column.",
            position=column.position,
        )
    return HeaderColumn(column.name, type_, column.header_key)


def check_key_type(name: str, type_: SqlType) -> None:
    """Refuses keys that hold a map (ksqlDB issue 6621)."""
    if _holds_map(type_):
        raise StatementError(
            "Map keys, including types that contain maps, are not supported as they may lead to"
            f" unexpected behavior due to inconsistent serialization. Key column name: `{name}`."
            f" Column type: {type_}. See https://github.com/confluentinc/ksql/issues/6621 for more."
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


def _check_configs(spec: FormatSpec) -> None:
    """Refuses properties that the format has no use for."""
    given = {"delimiter": spec.delimiter, "fullSchemaName": spec.full_name}
    known = format_named(spec.name).configs
    unknown = [name for name, value in given.items() if value is not None and name not in known]
    if unknown:
        raise StatementError(
            f"{spec.name} does not support the following configs: [{', '.join(unknown)}]"
        )


def check_formats(source: Source) -> None:
    """StatementError in ksqlDB's words where a format cannot hold the columns."""
    _check_configs(source.key_format)
    _check_configs(source.value_format)
    wrap = source.value_format.wrap
    if wrap is not None and len(source.schema.value) != 1:
        raise StatementError("'WRAP_SINGLE_VALUE' is only valid for single-field value schemas")
    format_named(source.key_format.name).check(source.schema.key, options_of(source, KEY))
    format_named(source.value_format.name).check(source.schema.value, options_of(source, VALUE))
