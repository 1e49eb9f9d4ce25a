"""Avro records to columns: a schema and the columns it is read into give a reader of batches.

What a column takes is ksqlDB's rule (ConnectDataTranslator): a number goes into a wider one and
into STRING, a name is found without regard to case, a field that the schema does not have is NULL.
What does not fit by its type is a `Mismatch` before any record is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsql.formats.arrow_column import (
    arrow_type,
    carried_column,
    fit_decimals,
    make_list,
    make_map,
    make_struct,
)
from streamsql.formats.avro_schema import (
    NULL_TYPE,
    AvroType,
    Enum,
    Fixed,
    Items,
    Primitive,
    Record,
    Union,
    Values,
    branch_names,
)
from streamsql.formats.avro_skip import Skipper, lengths_reader, read_blocks, read_branch, skipper
from streamsql.formats.connect_type import Mismatch, connect_name
from streamsql.formats.java import double_text
from streamsql.formats.wire import (
    Arrow,
    Cursor,
    Ints,
    decimals,
    gather,
    gather_text,
    in_lists,
    nulls,
    read_fixed,
    read_slices,
    read_zigzag,
    spread,
    take,
)
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
    Array,
    Decimal,
    Field,
    Map,
    Scalar,
    SqlType,
    Struct,
)

Reader = Callable[[Cursor], Arrow]


def record_reader(
    schema: AvroType, fields: Sequence[Field], wanted: frozenset[str]
) -> Callable[[Cursor], list[Arrow | None]]:
    """Reads records into the columns of `fields`; None for one that is not wanted.

    A column that is not wanted is passed over where that cannot hide an error.
    """
    if not isinstance(schema, Record):
        raise _mismatch(schema, "struct", "")
    read_fields = _fields_reader(schema, fields, [f"->{f.name}" for f in fields], wanted)

    def read(cursor: Cursor) -> list[Arrow | None]:
        count = len(cursor)
        columns = read_fields(cursor)
        filled = _filled(columns, fields, count)
        return [full if f.name in wanted else None for f, full in zip(fields, filled, strict=True)]

    return read


def _fields_reader(
    schema: Record,
    fields: Sequence[Field],
    paths: Sequence[str],
    wanted: frozenset[str] | None = None,
) -> Callable[[Cursor], list[Arrow | None]]:
    """Reads a record's fields in their order; what is not among `fields` is passed over.

    A column that the schema does not give, or that is not `wanted` (None: all are), may be None.
    """
    places = {f.name.upper(): at for at, f in enumerate(fields)}
    # Of several fields that differ by case the last one counts: Java's map keeps it.
    last = {f.name.upper(): i for i, f in enumerate(schema.fields)}
    given = {last[name]: at for name, at in places.items() if name in last}
    steps: list[tuple[Reader | Skipper, int | None]] = []
    for i, field in enumerate(schema.fields):
        at = given.get(i)
        if at is None:
            steps.append((skipper(field.type), None))
            continue
        reader = value_reader(field.type, fields[at].type, paths[at])
        if (
            wanted is not None
            and fields[at].name not in wanted
            and _cannot_fail(field.type, fields[at].type)
        ):
            steps.append((skipper(field.type), None))
        else:
            steps.append((reader, at))

    def read(cursor: Cursor) -> list[Arrow | None]:
        columns: list[Arrow | None] = [None] * len(fields)
        for step, at in steps:
            value = step(cursor)
            if at is not None:
                columns[at] = value
        return columns

    return read


def _cannot_fail(schema: AvroType, type_: SqlType) -> bool:
    """Whether every value of the schema is one of the column's that reads it."""
    match schema:
        case Union():
            inner = schema.nullable
            return inner is not None and _cannot_fail(inner, type_)
        case Primitive(_, logical):
            return not logical and type_ not in (DATE, TIME, TIMESTAMP)
        case _:
            return False


def value_reader(schema: AvroType, type_: SqlType, path: str) -> Reader:
    """Reads values of the schema's type into a column of `type_`; Mismatch where they differ."""
    match schema:
        case Union():
            return _union_reader(schema, type_, path)
        case Items(Record() as entry, True):
            return _entries_reader(entry, type_, path)
        case Items(items):
            return _array_reader(items, type_, path)
        case Values(values):
            return _map_reader(values, type_, path)
        case Record():
            return _struct_reader(schema, type_, path)
        case Enum(symbols):
            return _enum_reader(symbols, schema, type_, path)
        case Primitive() | Fixed():
            return _scalar_reader(schema, type_, path)
        case _:
            raise AssertionError(schema)


# Numbers, texts and bytes


def _scalar_reader(schema: Primitive | Fixed, type_: SqlType, path: str) -> Reader:
    name = schema.name if isinstance(schema, Primitive) else "fixed"
    if name == "null":
        return lambda cursor: nulls(len(cursor), arrow_type(type_))
    if type_ == STRING and name != "string":
        return _as_text(schema, path)
    match name:
        case "boolean" if type_ == BOOLEAN:
            return lambda cursor: pa.array(read_fixed(cursor, "u1") != 0)
        case "int" if type_ in (INTEGER, BIGINT, DATE, TIME, TIMESTAMP):
            return _integer_reader(type_)
        case "long" if type_ in (BIGINT, TIMESTAMP):
            return _integer_reader(type_)
        case "float" if type_ == DOUBLE:
            return lambda cursor: pa.array(read_fixed(cursor, "<f4").astype(np.float64))
        case "double" if type_ == DOUBLE:
            return lambda cursor: pa.array(read_fixed(cursor, "<f8"))
        case "string" if type_ == STRING:
            return lambda cursor: gather_text(cursor, *read_slices(cursor, read_zigzag(cursor)))
        case "bytes" | "fixed" if type_ == BYTES and not schema.logical:
            lengths = lengths_reader(schema)
            return lambda cursor: gather(
                cursor.data, *read_slices(cursor, lengths(cursor)), pa.binary()
            )
        case "bytes" | "fixed" if isinstance(type_, Decimal) and schema.logical == "DECIMAL":
            return _decimal_reader(schema, type_)
        case _:
            raise _mismatch(schema, connect_name(type_), path)


def _integer_reader(type_: SqlType) -> Reader:
    assert isinstance(type_, Scalar)
    return lambda cursor: carried_column(read_zigzag(cursor), type_, cursor.fail)


def _decimal_reader(schema: Primitive | Fixed, type_: Decimal) -> Reader:
    lengths = lengths_reader(schema)
    written = pa.decimal128(38, schema.scale)
    wanted = arrow_type(type_)
    assert isinstance(wanted, pa.Decimal128Type)

    def read(cursor: Cursor) -> Arrow:
        array = decimals(cursor, *read_slices(cursor, lengths(cursor)), written)
        return fit_decimals(cursor, array, wanted)

    return read


def _as_text(schema: Primitive | Fixed, path: str) -> Reader:
    """Numbers and booleans as Java spells them."""
    name = schema.name if isinstance(schema, Primitive) else "fixed"
    match name:
        case "boolean":
            inner = _scalar_reader(schema, BOOLEAN, path)
        case "int" | "long":
            inner = _integer_reader(BIGINT)
        case "float" | "double":
            double = _scalar_reader(schema, DOUBLE, path)
            return lambda cursor: pa.array(
                [double_text(v) for v in double(cursor).to_pylist()], pa.string()
            )
        case _:
            raise _mismatch(schema, "string", path)
    return lambda cursor: pc.cast(inner(cursor), pa.string())


def _enum_reader(symbols: tuple[str, ...], schema: AvroType, type_: SqlType, path: str) -> Reader:
    if type_ != STRING:
        raise _mismatch(schema, connect_name(type_), path)
    names = pa.array(symbols, pa.string())

    def read(cursor: Cursor) -> Arrow:
        index = read_zigzag(cursor)
        wrong = (index < 0) | (index >= len(symbols))
        if wrong.any():
            cursor.fail(wrong, "a value is no symbol of its enum")
            index = np.where(wrong, 0, index)
        return take(names, index)

    return read


# Unions, lists, maps and records


def _union_reader(schema: Union, type_: SqlType, path: str) -> Reader:
    others = [b for b in schema.branches if b != NULL_TYPE]
    if len(others) > 1:
        return _branches_reader(schema, type_, path)
    readers: list[Reader | None] = [
        None if b == NULL_TYPE else value_reader(b, type_, path) for b in schema.branches
    ]
    return _by_branch(readers, type_)


def _branches_reader(schema: Union, type_: SqlType, path: str) -> Reader:
    """A union of several types is a STRUCT with a field for each."""
    if not isinstance(type_, Struct):
        raise _mismatch(schema, connect_name(type_), path)
    places = {f.name.upper(): i for i, f in enumerate(type_.fields)}
    names = iter(branch_names(schema))
    readers: list[Reader | None] = []
    for branch in schema.branches:
        if branch == NULL_TYPE:
            readers.append(None)
            continue
        name, _ = next(names)
        at = places.get(name.upper())
        if at is None:
            readers.append(_skipping(branch, type_))
            continue
        inner = value_reader(branch, type_.fields[at].type, f"{path}->{name}")
        readers.append(_one_field(inner, type_, at))
    return _by_branch(readers, type_)


def _one_field(inner: Reader, type_: Struct, at: int) -> Reader:
    def read(cursor: Cursor) -> Arrow:
        count = len(cursor)
        columns = [nulls(count, arrow_type(f.type)) for f in type_.fields]
        columns[at] = inner(cursor)
        return make_struct(columns, type_)

    return read


def _skipping(branch: AvroType, type_: SqlType) -> Reader:
    skip = skipper(branch)

    def read(cursor: Cursor) -> Arrow:
        skip(cursor)
        return nulls(len(cursor), arrow_type(type_))

    return read


def _by_branch(readers: Sequence[Reader | None], type_: SqlType) -> Reader:
    """Reads a union's branch, then its value; None is the branch of null."""

    def read(cursor: Cursor) -> Arrow:
        branch = read_branch(cursor, len(readers))
        parts: list[Arrow] = []
        places: list[Ints] = []
        for number, reader in enumerate(readers):
            chosen = np.flatnonzero(branch == number)
            if reader is None or not len(chosen):
                continue
            if len(chosen) == len(branch):
                return reader(cursor)
            part = cursor.select(chosen)
            parts.append(reader(part))
            places.append(chosen)
            cursor.put_back(chosen, part)
        if not parts:
            return nulls(len(branch), arrow_type(type_))
        rows = np.concatenate(places)
        order = np.argsort(rows)
        values = pa.concat_arrays(parts)
        if len(parts) > 1:
            values, rows = take(values, order), rows[order]
        return spread(values, rows, len(branch))

    return read


def _array_reader(items: AvroType, type_: SqlType, path: str) -> Reader:
    if not isinstance(type_, Array):
        raise _mismatch(Items(items), connect_name(type_), path)
    inner = value_reader(items, type_.element, f"{path}->ARRAY")
    element = arrow_type(type_.element)

    def read(cursor: Cursor) -> Arrow:
        parts = read_blocks(cursor, lambda part: [inner(part)])
        offsets, columns = in_lists(parts, len(cursor), 1 if parts else 0)
        return make_list(offsets, columns[0] if columns else pa.array([], element))

    return read


def _map_reader(values: AvroType, type_: SqlType, path: str) -> Reader:
    if not isinstance(type_, Map) or type_.key != STRING:
        raise _mismatch(Values(values), connect_name(type_), path)
    key = value_reader(Primitive("string"), STRING, f"{path}->MAP_KEY")
    value = value_reader(values, type_.value, f"{path}->MAP_VAL")
    return _pairs_reader(type_, lambda part: [key(part), value(part)])


def _entries_reader(entry: Record, type_: SqlType, path: str) -> Reader:
    """Connect's list of entries."""
    if not isinstance(type_, Map):
        raise _mismatch(Items(entry, True), connect_name(type_), path)
    fields = [Field("KEY", type_.key), Field("VALUE", type_.value)]
    read_fields = _fields_reader(entry, fields, [f"{path}->MAP_KEY", f"{path}->MAP_VAL"])
    return _pairs_reader(type_, lambda part: _filled(read_fields(part), fields, len(part)))


def _filled(columns: Sequence[Arrow | None], fields: Sequence[Field], count: int) -> list[Arrow]:
    """The columns, NULL where there is none."""
    return [
        nulls(count, arrow_type(f.type)) if c is None else c
        for c, f in zip(columns, fields, strict=True)
    ]


def _pairs_reader(type_: Map, read_pair: Callable[[Cursor], list[Arrow]]) -> Reader:
    def read(cursor: Cursor) -> Arrow:
        parts = read_blocks(cursor, read_pair)
        if not parts:
            offsets = np.zeros(len(cursor) + 1, np.int32)
            none = [pa.array([], arrow_type(t)) for t in (type_.key, type_.value)]
            return make_map(offsets, *none)
        offsets, (keys, values) = in_lists(parts, len(cursor), 2)
        return unique_map(offsets, keys, values)

    return read


def unique_map(offsets: Any, keys: Arrow, values: Arrow) -> Arrow:
    """A MAP in which the last of several equal keys counts, and none is NULL (DuckDB's rules)."""
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    encoded: Arrow = pc.dictionary_encode(keys)
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    # Told apart by row and key; of equal ones the last is kept, at the place of the first.
    both = rows * (int(codes.max(initial=0)) + 2) + codes
    _, first = np.unique(both, return_index=True)
    _, back = np.unique(both[::-1], return_index=True)
    keep = first[codes[first] >= 0]
    if len(keep) == len(both):
        return make_map(offsets, keys, values)
    last = (len(both) - 1 - back)[codes[first] >= 0]
    order = np.argsort(keep)
    counts = np.bincount(rows[keep], minlength=len(offsets) - 1)
    kept = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return make_map(kept, take(keys, keep[order]), take(values, last[order]))


def _struct_reader(schema: Record, type_: SqlType, path: str) -> Reader:
    if not isinstance(type_, Struct):
        raise _mismatch(schema, connect_name(type_), path)
    fields = type_.fields
    read_fields = _fields_reader(schema, fields, [f"{path}->{f.name}" for f in fields])
    return lambda cursor: make_struct(_filled(read_fields(cursor), fields, len(cursor)), type_)


# Names for errors

_AVRO_NAMES = {"int": "int32", "long": "int64", "float": "float32", "double": "float64"}


def _avro_connect_name(schema: AvroType) -> str:
    match schema:
        case Primitive(name):
            return _AVRO_NAMES.get(name, name)
        case Fixed():
            return "bytes"
        case Enum():
            return "string"
        case Items(_, False):
            return "array"
        case Items() | Values():
            return "map"
        case _:
            return "struct"


def _mismatch(schema: AvroType, wanted: str, path: str) -> Mismatch:
    found = _avro_connect_name(schema)
    return Mismatch(f"Cannot deserialize type {found} as type {wanted} for path: {path}")
