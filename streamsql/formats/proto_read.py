"""Protobuf messages to columns: a message and the columns it is read into give a reader of batches.

Fields come in any order: each turn reads one field of every record that has another one, so that
records that are alike cost one turn a field. The last value of a field counts. A missing value is
NULL where the schema can tell it from the default, else the default. What a column takes is as for
Avro (ksqlDB: ConnectDataTranslator).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsql.formats.arrow_column import arrow_type, carried_column, make_list, make_struct
from streamsql.formats.avro_read import unique_map
from streamsql.formats.connect_type import Mismatch, connect_name
from streamsql.formats.java import double_text
from streamsql.formats.proto_known import read_date, read_decimal, read_time, read_timestamp
from streamsql.formats.proto_schema import (
    DECIMAL_MESSAGE,
    LOGICAL,
    SCALARS,
    WRAPPERS,
    Enumeration,
    Message,
    ProtoField,
    columns_of_message,
)
from streamsql.formats.proto_wire import WIRE_TYPES, Turns, inside, read_number, read_turns
from streamsql.formats.wire import (
    Arrow,
    Cursor,
    Ints,
    gather,
    gather_text,
    in_lists,
    nulls,
    read_slices,
    read_varint,
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
_INTEGERS = (INTEGER, BIGINT, DATE, TIME, TIMESTAMP)


def message_reader(
    message: Message, fields: Sequence[Field], path: str = ""
) -> Callable[[Cursor], list[Arrow]]:
    """Reads messages into the columns of `fields`; Mismatch where the types differ."""
    found = {name.upper(): members for name, members in columns_of_message(message)}
    columns = [_column(found.get(f.name.upper()), f, f"{path}->{f.name}") for f in fields]
    readers: dict[int, tuple[int, Callable[[Cursor, int], Any]]] = {}
    for column in columns:
        readers |= column.readers

    def read(cursor: Cursor) -> list[Arrow]:
        turns = read_turns(cursor, readers)
        return [column.build(turns, cursor) for column in columns]

    return read


class _Column:
    """A column in the making: `readers` of the fields that give it, by their numbers, and `build`,
    which makes it of what they read."""

    def __init__(
        self,
        readers: dict[int, tuple[int, Callable[[Cursor, int], Any]]],
        build: Callable[[Turns, Cursor], Arrow],
    ) -> None:
        self.readers = readers
        self.build = build


def _column(members: ProtoField | list[ProtoField] | None, field: Field, path: str) -> _Column:
    if members is None:
        type_ = arrow_type(field.type)
        return _Column({}, lambda _, cursor: nulls(len(cursor), type_))
    if isinstance(members, list):
        return _choice(members, field.type, path)
    if members.key:
        return _map(members, field.type, path)
    if members.repeated:
        return _list(members, field.type, path)
    return _single(members, field.type, path)


def _single(f: ProtoField, type_: SqlType, path: str) -> _Column:
    reader = _value_reader(f, type_, path)
    default = None if f.presence else _default(f, type_)
    arrow = arrow_type(type_)

    def build(turns: Turns, cursor: Cursor) -> Arrow:
        count = len(cursor)
        parts = turns.get(f.number, [])
        if not parts:
            return nulls(count, arrow) if default is None else pa.repeat(default, count)
        values = pa.concat_arrays([v for _, v in parts]) if len(parts) > 1 else parts[0][1]
        last = np.full(count, -1, np.int64)
        last[np.concatenate([r for r, _ in parts])] = np.arange(len(values))
        rows = np.flatnonzero(last >= 0)
        made = spread(take(values, last[rows]), rows, count)
        return made if default is None or not made.null_count else made.fill_null(default)

    return _Column({f.number: (_wire_type(f), lambda cursor, _: reader(cursor))}, build)


def _default(f: ProtoField, type_: SqlType) -> Arrow:
    """What a field without a value stands for."""
    if isinstance(f.kind, Enumeration):
        value: object = f.kind.names[0][1] if f.kind.names else ""
    elif type_ == STRING:
        value = {"bool": "false", "float": "0.0", "double": "0.0", "string": ""}.get(
            str(f.kind), "0"
        )
    else:
        value = _DEFAULTS.get(type_, 0)
    if type_ in (DATE, TIME, TIMESTAMP):
        return pa.array([0], pa.int32() if type_ == DATE else pa.int64()).view(arrow_type(type_))[0]
    return pa.scalar(value, arrow_type(type_))


_DEFAULTS: dict[SqlType, object] = {BOOLEAN: False, DOUBLE: 0.0, BYTES: b""}


def _choice(members: list[ProtoField], type_: SqlType, path: str) -> _Column:
    """A oneof: a STRUCT of its fields, NULL where none of them is there."""
    if not isinstance(type_, Struct):
        raise _mismatch("struct", type_, path)
    named = {m.name.upper(): m for m in members}
    inner = [_column(named.get(f.name.upper()), f, f"{path}->{f.name}") for f in type_.fields]
    readers = {n: r for column in inner for n, r in column.readers.items()}

    def build(turns: Turns, cursor: Cursor) -> Arrow:
        columns = [column.build(turns, cursor) for column in inner]
        there = np.zeros(len(cursor), np.bool_)
        for column in columns:
            there |= column.is_valid().to_numpy(zero_copy_only=False)
        return make_struct(columns, type_, there)

    return _Column(readers, build)


def _list(f: ProtoField, type_: SqlType, path: str) -> _Column:
    if not isinstance(type_, Array):
        raise _mismatch("array", type_, path)
    one = ProtoField(name=f.name, number=f.number, kind=f.kind, presence=True, decimal=f.decimal)
    reader = _value_reader(one, type_.element, f"{path}->ARRAY")
    wire_type = _wire_type(f)
    element = arrow_type(type_.element)

    def build(turns: Turns, cursor: Cursor) -> Arrow:
        parts = [(rows, [values]) for rows, values in turns.get(f.number, [])]
        offsets, columns = in_lists(parts, len(cursor), 1 if parts else 0)
        return make_list(offsets, columns[0] if columns else pa.array([], element))

    def read(cursor: Cursor, wire: int) -> Any:
        if wire == wire_type:
            return reader(cursor)
        return _read_packed(cursor, reader)

    return _Column({f.number: (wire_type, read)}, build)


def _read_packed(cursor: Cursor, reader: Reader) -> tuple[Ints, Arrow]:
    """(rows, values) of numbers that stand one behind the other."""
    starts, lengths = read_slices(cursor, read_varint(cursor).astype(np.int64))
    rest = inside(cursor, starts, lengths)
    rows: list[Ints] = []
    values: list[Arrow] = []
    places = np.arange(len(cursor))
    while len(running := np.flatnonzero(rest.at < rest.end)):
        part = rest.select(running)
        values.append(reader(part))
        rows.append(places[running])
        rest.put_back(running, part)
    if not values:
        return np.zeros(0, np.int64), reader(cursor.select(np.zeros(0, np.int64)))
    found = np.concatenate(rows)
    order = np.argsort(found, kind="stable")
    return found[order], take(pa.concat_arrays(values), order)


def _map(f: ProtoField, type_: SqlType, path: str) -> _Column:
    if not isinstance(type_, Map):
        raise _mismatch("map", type_, path)
    entry = Message(
        f.name,
        [
            ProtoField(name="key", number=1, kind=f.key),
            ProtoField(
                name="value",
                number=2,
                kind=f.kind,
                presence=isinstance(f.kind, Message) or f.kind not in SCALARS,
                decimal=f.decimal,
            ),
        ],
    )
    fields = [Field("KEY", type_.key), Field("VALUE", type_.value)]
    read_pair = message_reader(entry, fields, path)
    pair = Struct(tuple(fields))

    def read(cursor: Cursor, _: int) -> Arrow:
        starts, lengths = read_slices(cursor, read_varint(cursor).astype(np.int64))
        return make_struct(read_pair(inside(cursor, starts, lengths)), pair)

    def build(turns: Turns, cursor: Cursor) -> Arrow:
        parts = [(rows, values.flatten()) for rows, values in turns.get(f.number, [])]
        if not parts:
            none = [pa.array([], arrow_type(x.type)) for x in fields]
            return unique_map(np.zeros(len(cursor) + 1, np.int32), *none)
        offsets, columns = in_lists(parts, len(cursor), 2)
        return unique_map(offsets, *columns)

    return _Column({f.number: (2, read)}, build)


# One value


def _wire_type(f: ProtoField) -> int:
    """How a value of the field is written: 0 a varint, 1 and 5 fixed, 2 with its length before."""
    if isinstance(f.kind, Enumeration):
        return 0
    return 2 if isinstance(f.kind, Message) else WIRE_TYPES.get(f.kind, 2)


def _value_reader(f: ProtoField, type_: SqlType, path: str) -> Reader:
    match f.kind:
        case Enumeration():
            return _enum_reader(f.kind, type_, path)
        case Message():
            return _inner_reader(f.kind, type_, path)
        case kind if kind in WRAPPERS:
            return _wrapper_reader(WRAPPERS[kind], type_, path)
        case kind if kind in LOGICAL:
            return _logical_reader(kind, type_, path)
        case kind if kind == DECIMAL_MESSAGE:
            if not isinstance(type_, Decimal):
                raise _mismatch("bytes", type_, path)
            wanted = arrow_type(type_)
            return lambda cursor: read_decimal(_framed(cursor), wanted)
        case kind:
            return _scalar_reader(kind, type_, path)


def _framed(cursor: Cursor) -> Cursor:
    """The cursor inside values that have their length before them; `cursor` moves behind them."""
    starts, lengths = read_slices(cursor, read_varint(cursor).astype(np.int64))
    return inside(cursor, starts, lengths)


def _scalar_reader(kind: str, type_: SqlType, path: str) -> Reader:
    found = SCALARS[kind]
    if type_ == STRING and found != STRING:
        return _as_text(kind, path, type_)
    if found in (INTEGER, BIGINT) and type_ in _INTEGERS:
        if found == BIGINT and type_ not in (BIGINT, TIMESTAMP):
            raise _mismatch("int64", type_, path)
        assert isinstance(type_, Scalar)
        return lambda cursor: carried_column(read_number(cursor, kind), type_, cursor.fail)
    if found != type_:
        raise _mismatch(connect_name(found), type_, path)
    match kind:
        case "bool":
            return lambda cursor: pa.array(read_varint(cursor) != 0)
        case "float" | "double":
            return lambda cursor: pa.array(read_number(cursor, kind))
        case "string":
            return lambda cursor: gather_text(
                cursor, *read_slices(cursor, read_varint(cursor).astype(np.int64))
            )
        case _:
            return lambda cursor: gather(
                cursor.data,
                *read_slices(cursor, read_varint(cursor).astype(np.int64)),
                pa.binary(),
            )


def _as_text(kind: str, path: str, type_: SqlType) -> Reader:
    if kind == "bytes":
        raise _mismatch("bytes", type_, path)
    if kind in ("float", "double"):
        return lambda cursor: pa.array(
            [double_text(v) for v in read_number(cursor, kind).tolist()], pa.string()
        )
    inner = _scalar_reader(kind, BOOLEAN if kind == "bool" else SCALARS[kind], path)
    return lambda cursor: pc.cast(inner(cursor), pa.string())


def _enum_reader(kind: Enumeration, type_: SqlType, path: str) -> Reader:
    if type_ != STRING:
        raise _mismatch("string", type_, path)
    numbers = np.array([n for n, _ in kind.names], np.int64)
    names = pa.array([n for _, n in kind.names], pa.string())

    def read(cursor: Cursor) -> Arrow:
        given = read_number(cursor, "int32")
        order = np.argsort(numbers, kind="stable")
        places = np.minimum(np.searchsorted(numbers[order], given), max(len(numbers) - 1, 0))
        index = order[places] if len(numbers) else np.zeros(len(given), np.int64)
        known = numbers[index] == given if len(numbers) else np.zeros(len(given), np.bool_)
        cursor.fail(~known, "a value is no constant of its enum")
        return take(names, index) if len(numbers) else nulls(len(given), pa.string())

    return read


def _inner_reader(message: Message, type_: SqlType, path: str) -> Reader:
    if not isinstance(type_, Struct):
        raise _mismatch("struct", type_, path)
    read_fields = message_reader(message, type_.fields, path)
    return lambda cursor: make_struct(read_fields(_framed(cursor)), type_)


def _wrapper_reader(kind: str, type_: SqlType, path: str) -> Reader:
    inner = Message("wrapper", [ProtoField(name="value", number=1, kind=kind)])
    read_fields = message_reader(inner, [Field("VALUE", type_)], path)
    return lambda cursor: read_fields(_framed(cursor))[0]


def _logical_reader(kind: str, type_: SqlType, path: str) -> Reader:
    """Days and milliseconds, which an INTEGER or a BIGINT takes as well."""
    logical = LOGICAL[kind]
    narrow = logical in (DATE, TIME)
    if type_ not in _INTEGERS or (type_ == INTEGER and not narrow):
        raise _mismatch("int32" if narrow else "int64", type_, path)
    read = _LOGICAL_READERS[kind]
    assert isinstance(type_, Scalar)
    return lambda cursor: carried_column(read(_framed(cursor)), type_, cursor.fail)


_LOGICAL_READERS: Mapping[str, Callable[[Cursor], Ints]] = {
    "google.protobuf.Timestamp": read_timestamp,
    "google.type.Date": read_date,
    "google.type.TimeOfDay": read_time,
}


def _mismatch(found: str, type_: SqlType, path: str) -> Mismatch:
    wanted = connect_name(type_)
    return Mismatch(f"Cannot deserialize type {found} as type {wanted} for path: {path}")
