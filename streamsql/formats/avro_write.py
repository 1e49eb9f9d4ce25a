"""Columns to Avro records: a schema and the columns' types give a writer of batches.

Fields of the schema are found among the columns by name; one that is not there is written as its
default, or as null (ksqlDB: KEY_SCHEMA_ID and VALUE_SCHEMA_ID). A value that the schema cannot hold
is a ValueError for the whole batch: the engine cuts it down to the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal as Number
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsql.formats.arrow_column import arrow_type, column_carriers
from streamsql.formats.avro_schema import (
    NULL_TYPE,
    AvroType,
    Enum,
    Fixed,
    Items,
    Primitive,
    Record,
    RecordField,
    Union,
    Values,
    branch_names,
)
from streamsql.formats.wire import (
    Arrow,
    chosen_rows,
    constant_pieces,
    decimal_pieces,
    fixed_pieces,
    join_lists,
    join_pieces,
    length_pieces,
    spread,
    zigzag_pieces,
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

Writer = Callable[[Arrow], list[Arrow]]
"""Pieces of each row's value, in their order; the column has no NULL unless the schema takes it."""


def record_writer(
    schema: AvroType, fields: Sequence[Field]
) -> Callable[[Sequence[Arrow], int], Arrow]:
    """Writes records of the schema from the columns of `fields`."""
    if not isinstance(schema, Record):
        raise ValueError("columns can only be written as a record")
    write = _fields_writer(schema, fields)
    return lambda columns, count: join_pieces(write(columns, count), count)


def value_writer(schema: AvroType, type_: SqlType) -> Writer:
    """Writes a column of `type_` as values of the schema."""
    match schema:
        case Union():
            return _union_writer(schema, type_)
        case Items(Record() as entry, True) if isinstance(type_, Map):
            return _entries_writer(entry, type_)
        case Items(items) if isinstance(type_, Array):
            return _array_writer(items, type_)
        case Values(values) if isinstance(type_, Map):
            return _map_writer(values, type_)
        case Record() if isinstance(type_, Struct):
            return _struct_writer(schema, type_)
        case Enum(symbols) if type_ == STRING:
            return _required(_enum_writer(symbols))
        case Primitive() | Fixed():
            return _required(_scalar_writer(schema, type_))
        case _:
            raise ValueError(f"a column of type {type_} cannot be written as the schema asks")


def _required(write: Callable[[Arrow], list[Arrow]]) -> Writer:
    def checked(array: Arrow) -> list[Arrow]:
        if array.null_count:
            raise ValueError("a null cannot be written where the schema asks for a value")
        return write(array)

    return checked


def _scalar_writer(schema: Primitive | Fixed, type_: SqlType) -> Writer:
    name = schema.name if isinstance(schema, Primitive) else "fixed"
    match name:
        case "boolean" if type_ == BOOLEAN:
            return lambda array: [fixed_pieces(array.cast(pa.uint8()).to_numpy())]
        case "int" if isinstance(type_, Scalar) and type_ in (INTEGER, DATE, TIME):
            return lambda array: [zigzag_pieces(column_carriers(array, type_))]
        case "long" if isinstance(type_, Scalar) and type_ in (INTEGER, BIGINT, TIMESTAMP):
            return lambda array: [zigzag_pieces(column_carriers(array, type_))]
        case "float" if type_ == DOUBLE:
            return lambda array: [fixed_pieces(array.to_numpy().astype("<f4"))]
        case "double" if type_ == DOUBLE:
            return lambda array: [fixed_pieces(array.to_numpy().astype("<f8"))]
        case "string" if type_ == STRING:
            return lambda array: _with_length(array.cast(pa.binary()))
        case "bytes" if type_ == BYTES:
            return lambda array: _with_length(array.cast(pa.binary()))
        case "fixed" if type_ == BYTES and isinstance(schema, Fixed):
            return _fixed_writer(schema.size)
        case "bytes" if isinstance(type_, Decimal) and schema.logical == "DECIMAL":
            scale = schema.scale
            return lambda array: _with_length(decimal_pieces(_rescale(array, scale)))
        case _:
            raise ValueError(f"a column of type {type_} cannot be written as {name}")


def _rescale(array: Arrow, scale: int) -> Arrow:
    wanted = pa.decimal128(38, scale)
    return array if array.type.scale == scale else array.cast(wanted)


def _with_length(pieces: Arrow) -> list[Arrow]:
    return [zigzag_pieces(length_pieces(pieces)), pieces]


def _fixed_writer(size: int) -> Writer:
    def write(array: Arrow) -> list[Arrow]:
        if (length_pieces(array) != size).any():
            raise ValueError(f"the schema asks for {size} bytes")
        return [array.cast(pa.binary())]

    return write


def _enum_writer(symbols: tuple[str, ...]) -> Writer:
    names = pa.array(symbols, pa.string())

    def write(array: Arrow) -> list[Arrow]:
        index = pc.index_in(array, names)
        if index.null_count:
            raise ValueError("a value is no symbol of the schema's enum")
        return [zigzag_pieces(index.to_numpy().astype(np.int64))]

    return write


def _union_writer(schema: Union, type_: SqlType) -> Writer:
    others = [b for b in schema.branches if b != NULL_TYPE]
    if len(others) != 1:
        return _branches_writer(schema, type_)
    number = schema.branches.index(others[0])
    write = value_writer(others[0], type_)
    if len(schema.branches) == 1:
        return lambda array: [constant_pieces(b"\x00", len(array)), *write(array)]
    mark, none = bytes([2 * number]), bytes([2 * schema.branches.index(NULL_TYPE)])

    def written(array: Arrow) -> list[Arrow]:
        count = len(array)
        if not array.null_count:
            return [constant_pieces(mark, count), *write(array)]
        there = array.is_valid()
        inner = join_pieces(write(array.filter(there)), count - array.null_count)
        marks: Arrow = pc.if_else(there, pa.scalar(mark), pa.scalar(none))
        return [marks.cast(pa.binary()), spread(inner, chosen_rows(there), count)]

    return written


def _branches_writer(schema: Union, type_: SqlType) -> Writer:
    """A STRUCT with a field for each type: the one that is not null is written."""
    if not isinstance(type_, Struct):
        raise ValueError(f"a column of type {type_} cannot be written as a union")
    places = {f.name.upper(): i for i, f in enumerate(type_.fields)}
    writers: list[tuple[bytes, int, Writer]] = []
    for name, branch in branch_names(schema):
        at = places.get(name.upper())
        if at is not None:
            mark = bytes([2 * schema.branches.index(branch)])
            writers.append((mark, at, value_writer(branch, type_.fields[at].type)))

    def write(array: Arrow) -> list[Arrow]:
        pieces: list[Arrow] = []
        whole: Arrow = array.is_valid()
        written: Arrow = pa.array(np.zeros(len(array), np.bool_))
        for mark, at, inner in writers:
            column: Arrow = pc.struct_field(array, at)
            chosen: Arrow = pc.and_(pc.and_(column.is_valid(), whole), pc.invert(written))
            some = column.filter(chosen)
            joined = join_pieces([constant_pieces(mark, len(some)), *inner(some)], len(some))
            pieces.append(spread(joined, chosen_rows(chosen), len(array)))
            written = pc.or_(written, chosen)
        null = [2 * i for i, b in enumerate(schema.branches) if b == NULL_TYPE]
        if not null and not pc.all(written).as_py():
            raise ValueError("a null cannot be written where the schema asks for a value")
        none = pa.scalar(bytes(null[:1]) or b"", pa.binary())
        return [*pieces, pc.if_else(written, pa.scalar(b"", pa.binary()), none)]

    return write


def _array_writer(items: AvroType, type_: Array) -> Writer:
    inner = value_writer(items, type_.element)

    def write(array: Arrow) -> list[Arrow]:
        values = array.flatten()
        return _blocks(array, join_pieces(inner(values), len(values)))

    return _required(write)


def _map_writer(values: AvroType, type_: Map) -> Writer:
    key = value_writer(Primitive("string"), type_.key)
    value = value_writer(values, type_.value)
    return _pairs_writer(lambda keys, items: [*key(keys), *value(items)])


def _entries_writer(entry: Record, type_: Map) -> Writer:
    fields = [Field("key", type_.key), Field("value", type_.value)]
    write = _fields_writer(entry, fields)
    return _pairs_writer(lambda keys, items: write([keys, items], len(keys)))


def _pairs_writer(
    write_pairs: Callable[[Arrow, Arrow], list[Arrow]],
) -> Writer:
    def write(array: Arrow) -> list[Arrow]:
        pairs = array.view(pa.list_(array.type.field(0))).flatten()
        keys, values = (pc.struct_field(pairs, i) for i in range(2))
        return _blocks(array, join_pieces(write_pairs(keys, values), len(keys)))

    return _required(write)


def _blocks(lists: Arrow, items: Arrow) -> list[Arrow]:
    """Each list as one block and the zero that ends it; an empty one as the zero alone."""
    lengths = list_lengths(lists)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    counts = zigzag_pieces(lengths)
    some = pa.array(lengths > 0)
    zero = pa.scalar(b"\x00", pa.binary())
    ends = pc.if_else(some, zero, pa.scalar(b"", pa.binary()))
    return [counts, join_lists(items, offsets), ends]


def list_lengths(lists: Arrow) -> Any:
    """The number of items in each list or map, 0 for NULL."""
    if pa.types.is_map(lists.type):
        lists = lists.view(pa.list_(lists.type.field(0)))
    return pc.list_value_length(lists).fill_null(0).to_numpy().astype(np.int64)


def _struct_writer(schema: Record, type_: Struct) -> Writer:
    write = _fields_writer(schema, type_.fields)

    def written(array: Arrow) -> list[Arrow]:
        return write(array.flatten(), len(array))

    return _required(written)


def _fields_writer(
    schema: Record, fields: Sequence[Field]
) -> Callable[[Sequence[Arrow], int], list[Arrow]]:
    exact = {f.name: i for i, f in enumerate(fields)}
    loose = {f.name.upper(): i for i, f in enumerate(fields)}
    steps: list[tuple[int, Writer] | bytes] = []
    for field in schema.fields:
        at = exact.get(field.name, loose.get(field.name.upper()))
        if at is None:
            steps.append(_absent(field))
        else:
            steps.append((at, value_writer(field.type, fields[at].type)))

    def write(columns: Sequence[Arrow], count: int) -> list[Arrow]:
        pieces: list[Arrow] = []
        for step in steps:
            if isinstance(step, bytes):
                pieces.append(constant_pieces(step, count))
            else:
                at, inner = step
                pieces += inner(columns[at])
        return pieces

    return write


# Defaults


def _absent(field: RecordField) -> bytes:
    """What a field is written as that no column gives."""
    if field.default:
        schema = field.type
        if isinstance(schema, Union):
            # A default is of the union's first type.
            return b"\x00" + _default_bytes(schema.branches[0], field.default[0])
        return _default_bytes(schema, field.default[0])
    if isinstance(field.type, Union) and NULL_TYPE in field.type.branches:
        return bytes([2 * field.type.branches.index(NULL_TYPE)])
    raise ValueError(
        f"Missing default value for required Avro field: [{field.name}]. This field appears in Avro"
        " schema in Schema Registry"
    )


def _default_bytes(schema: AvroType, value: Any) -> bytes:
    """A default's bytes: its JSON as a column of one row, written as any other."""
    match schema:
        case Primitive("null"):
            return b""
        case Primitive("bytes") | Fixed() if isinstance(value, str):
            raw = value.encode("latin-1")
            return raw if isinstance(schema, Fixed) else _one(value_bytes(len(raw))) + raw
        case Record(_, fields):
            given: Mapping[str, Any] = value
            return b"".join(
                _default_bytes(f.type, given[f.name]) if f.name in given else _absent(f)
                for f in fields
            )
        case Items(items):
            inner = b"".join(_default_bytes(items, v) for v in value)
            return _one(value_bytes(len(value))) + inner + b"\x00" if value else b"\x00"
        case Values(values):
            inner = b"".join(
                _default_bytes(Primitive("string"), k) + _default_bytes(values, v)
                for k, v in value.items()
            )
            return _one(value_bytes(len(value))) + inner + b"\x00" if value else b"\x00"
        case Union(branches):
            return b"\x00" + _default_bytes(branches[0], value)
        case Enum():
            return _one(value_writer(schema, STRING)(pa.array([value])))
        case Primitive(name):
            type_ = _DEFAULT_TYPES[name]
            number = float(Number(str(value))) if type_ == DOUBLE else value
            plain = Primitive(name)
            return _one(value_writer(plain, type_)(pa.array([number], arrow_type(type_))))
        case _:
            raise AssertionError(schema)


_DEFAULT_TYPES: dict[str, Scalar] = {
    "boolean": BOOLEAN,
    "int": INTEGER,
    "long": BIGINT,
    "string": STRING,
    "float": DOUBLE,
    "double": DOUBLE,
}


def value_bytes(number: int) -> list[Arrow]:
    """One number as Avro writes it."""
    return [zigzag_pieces(np.array([number], np.int64))]


def _one(pieces: Sequence[Arrow]) -> bytes:
    return join_pieces(pieces, 1)[0].as_py()
