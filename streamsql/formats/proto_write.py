"""Columns to Protobuf messages: a message and the columns' types give a writer of batches.

As Java writes them: fields by their numbers, no default values where the schema cannot tell them
from none, numbers of a list in one piece. NULL in a list or a map cannot be written (ValueError).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streamsql.formats.arrow_column import column_carriers
from streamsql.formats.avro_write import list_lengths
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
from streamsql.formats.proto_wire import FIXED, SIZED, WIRE_TYPES
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
    varint_pieces,
)
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    INTEGER,
    STRING,
    TIMESTAMP,
    Array,
    Decimal,
    Field,
    Map,
    Scalar,
    SqlType,
    Struct,
)

Values = Callable[[Arrow], Arrow]
"""The bytes of a column without NULL, as they stand behind a field's tag."""


def message_writer(
    message: Message, fields: Sequence[Field]
) -> Callable[[Sequence[Arrow], int], Arrow]:
    """Writes messages from the columns of `fields`, which are found by their names."""
    exact = {f.name: i for i, f in enumerate(fields)}
    loose = {f.name.upper(): i for i, f in enumerate(fields)}
    steps: list[tuple[int, Callable[[Sequence[Arrow]], Arrow]]] = []
    for name, members in columns_of_message(message):
        at = exact.get(name, loose.get(name.upper()))
        if at is None:
            continue
        if isinstance(members, list):
            steps += _choice_steps(members, fields[at].type, at)
        else:
            steps.append(
                (members.number, _from_column(_field_writer(members, fields[at].type), at))
            )
    steps.sort(key=lambda step: step[0])

    def write(columns: Sequence[Arrow], count: int) -> Arrow:
        return join_pieces([step(columns) for _, step in steps], count)

    return write


def _from_column(write: Values, at: int) -> Callable[[Sequence[Arrow]], Arrow]:
    return lambda columns: write(columns[at])


def _choice_steps(
    members: Sequence[ProtoField], type_: SqlType, at: int
) -> list[tuple[int, Callable[[Sequence[Arrow]], Arrow]]]:
    """The fields of a oneof, from the STRUCT that has one for each."""
    if not isinstance(type_, Struct):
        raise ValueError(f"a column of type {type_} cannot be written as a oneof")
    places = {f.name.upper(): i for i, f in enumerate(type_.fields)}
    steps: list[tuple[int, Callable[[Sequence[Arrow]], Arrow]]] = []
    for member in members:
        place = places.get(member.name.upper())
        if place is not None:
            write = _field_writer(member, type_.fields[place].type)
            steps.append((member.number, _from_member(write, at, place)))
    return steps


def _from_member(write: Values, at: int, place: int) -> Callable[[Sequence[Arrow]], Arrow]:
    return lambda columns: write(columns[at].flatten()[place])


def _field_writer(f: ProtoField, type_: SqlType) -> Values:
    """The tag and the value, no bytes where there is none."""
    if f.key:
        return _map_writer(f, type_)
    if f.repeated:
        return _list_writer(f, type_)
    write = _value_writer(f, type_)
    tag = _tag(f.number, _wire_type(f))

    def written(array: Arrow) -> Arrow:
        count = len(array)
        there = chosen_rows(array.is_valid() if f.presence else _is_not_default(array, f))
        some = array if len(there) == count else array.take(pa.array(there))
        joined = join_pieces([constant_pieces(tag, len(some)), write(some)], len(some))
        return spread(joined, there, count)

    return written


def _is_not_default(array: Arrow, f: ProtoField) -> Arrow:
    """Where a value is there and is none that a missing one stands for."""
    kind = array.type
    if pa.types.is_boolean(kind):
        return array.fill_null(False)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        default = f.kind.names[0][1] if isinstance(f.kind, Enumeration) and f.kind.names else ""
        if isinstance(f.kind, Enumeration):
            different: Arrow = pc.not_equal(array, pa.scalar(default))
            return different.fill_null(False)
        return pa.array(length_pieces(array) > 0)
    if pa.types.is_floating(kind):
        # The bits of zero, so that a negative zero is written.
        bits = array.fill_null(0.0).to_numpy(zero_copy_only=False).view(np.int64)
        return pa.array(bits != 0)
    different: Arrow = pc.not_equal(array, pa.scalar(0, kind))
    return different.fill_null(False)


def _list_writer(f: ProtoField, type_: SqlType) -> Values:
    if not isinstance(type_, Array):
        raise ValueError(f"a column of type {type_} cannot be written as a list")
    one = replace(f, repeated=False, presence=True)
    write, wire = _value_writer(one, type_.element), _wire_type(one)

    def written(array: Arrow) -> Arrow:
        items = _required(array.flatten(), "a list")
        lengths = list_lengths(array)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        if wire == SIZED:
            tag = constant_pieces(_tag(f.number, SIZED), len(items))
            return join_lists(join_pieces([tag, write(items)], len(items)), offsets)
        packed = _sized(join_lists(write(items), offsets))
        tag = constant_pieces(_tag(f.number, SIZED), len(array))
        joined = join_pieces([tag, packed], len(array))
        return pc.if_else(pa.array(lengths > 0), joined, pa.scalar(b"", pa.binary()))

    return written


def _map_writer(f: ProtoField, type_: SqlType) -> Values:
    if not isinstance(type_, Map):
        raise ValueError(f"a column of type {type_} cannot be written as a map")
    key = ProtoField(name="key", number=1, kind=f.key, presence=True)
    value = replace(f, name="value", number=2, repeated=False, presence=True, key="")
    write_key, write_value = _field_writer(key, type_.key), _field_writer(value, type_.value)
    tag = _tag(f.number, SIZED)

    def written(array: Arrow) -> Arrow:
        pairs = array.view(pa.list_(array.type.field(0))).flatten()
        keys, values = (pc.struct_field(pairs, i) for i in range(2))
        count = len(keys)
        entries = join_pieces([write_key(keys), write_value(values)], count)
        items = join_pieces([constant_pieces(tag, count), _sized(entries)], count)
        return join_lists(items, np.concatenate([[0], np.cumsum(list_lengths(array))]))

    return written


def _required(array: Arrow, where: str) -> Arrow:
    if array.null_count:
        raise ValueError(f"Protobuf cannot write a null in {where}")
    return array


# One value


def _tag(number: int, wire: int) -> bytes:
    return varint_pieces(np.array([number << 3 | wire], np.uint64))[0].as_py()


def _wire_type(f: ProtoField) -> int:
    if isinstance(f.kind, Enumeration):
        return 0
    return SIZED if isinstance(f.kind, Message) else WIRE_TYPES.get(f.kind, SIZED)


def _sized(pieces: Arrow) -> Arrow:
    """The pieces, their lengths before them."""
    lengths = varint_pieces(length_pieces(pieces).astype(np.uint64))
    return join_pieces([lengths, pieces], len(pieces))


def _value_writer(f: ProtoField, type_: SqlType) -> Values:
    match f.kind:
        case Enumeration() if type_ == STRING:
            return _enum_writer(f.kind)
        case Message() if isinstance(type_, Struct):
            write = message_writer(f.kind, type_.fields)
            return lambda array: _sized(write(array.flatten(), len(array)))
        case str() as kind if kind in WRAPPERS:
            inner = ProtoField(name="value", number=1, kind=WRAPPERS[kind])
            written = _field_writer(inner, type_)
            return lambda array: _sized(written(array).fill_null(b""))
        case str() as kind if kind in LOGICAL and LOGICAL[kind] == type_:
            return _logical_writer(type_)
        case str() as kind if kind == DECIMAL_MESSAGE and isinstance(type_, Decimal):
            return _decimal_writer(type_)
        case str() as kind if kind in SCALARS:
            return _scalar_writer(kind, type_)
        case _:
            raise ValueError(f"a column of type {type_} cannot be written as the schema asks")


def _scalar_writer(kind: str, type_: SqlType) -> Values:
    found = SCALARS[kind]
    fits = found == type_ or (found == BIGINT and type_ == INTEGER)
    if not fits:
        raise ValueError(f"a column of type {type_} cannot be written as {kind}")
    match found:
        case _ if found in (STRING, BYTES):
            return lambda array: _sized(array.cast(pa.binary()))
        case _ if found == BOOLEAN:
            return lambda array: fixed_pieces(array.cast(pa.uint8()).to_numpy())
        case _ if found == DOUBLE:
            return lambda array: fixed_pieces(array.to_numpy().astype(FIXED[kind]))
        case _:
            assert isinstance(type_, Scalar)
            return lambda array: number_pieces(column_carriers(array, type_), kind)


def number_pieces(values: npt.NDArray[Any], kind: str) -> Arrow:
    """Whole numbers of a kind as they are written."""
    if kind in FIXED:
        return fixed_pieces(values.astype(FIXED[kind]))
    if kind.startswith("s"):
        values = (values << 1) ^ (values >> 63)
    return varint_pieces(values.astype(np.int64).view(np.uint64))


def _enum_writer(kind: Enumeration) -> Values:
    names = pa.array([n for _, n in kind.names], pa.string())
    numbers = np.array([n for n, _ in kind.names], np.int64)

    def write(array: Arrow) -> Arrow:
        index = pc.index_in(array, names)
        if index.null_count:
            raise ValueError("a value is no constant of the schema's enum")
        return number_pieces(numbers[index.to_numpy()], "int32")

    return write


def _numbers(parts: Sequence[tuple[int, npt.NDArray[Any]]]) -> Arrow:
    """A message of whole numbers, those that are 0 left out, its length before it."""
    pieces: list[Arrow] = []
    count = len(parts[0][1])
    for number, values in parts:
        tag = constant_pieces(_tag(number, 0), count)
        joined = join_pieces([tag, number_pieces(values, "int64")], count)
        pieces.append(pc.if_else(pa.array(values != 0), joined, pa.scalar(b"", pa.binary())))
    return _sized(join_pieces(pieces, count))


def _logical_writer(type_: SqlType) -> Values:
    assert isinstance(type_, Scalar)
    if type_ == TIMESTAMP:
        return lambda array: _timestamp(column_carriers(array, type_))
    if type_ == DATE:
        return lambda array: _date(column_carriers(array, type_))
    return lambda array: _time(column_carriers(array, type_))


def _timestamp(ms: npt.NDArray[np.int64]) -> Arrow:
    return _numbers([(1, ms // 1000), (2, ms % 1000 * 1_000_000)])


def _date(days: npt.NDArray[np.int64]) -> Arrow:
    day = days.astype("M8[D]")
    month = day.astype("M8[M]")
    months = month.astype(np.int64)
    within = (day - month.astype("M8[D]")).astype(np.int64)
    return _numbers([(1, months // 12 + 1970), (2, months % 12 + 1), (3, within + 1)])


def _time(ms: npt.NDArray[np.int64]) -> Arrow:
    seconds = ms // 1000
    parts = [seconds // 3600, seconds // 60 % 60, seconds % 60, ms % 1000 * 1_000_000]
    return _numbers(list(enumerate(parts, 1)))


def _decimal_writer(type_: Decimal) -> Values:
    """Digits, then how many a number of them has, then where the point is."""

    def write(array: Arrow) -> Arrow:
        count = len(array)
        digits = join_pieces(
            [constant_pieces(_tag(1, SIZED), count), _sized(decimal_pieces(array))], count
        )
        whole = np.array([len(str(abs(int(v.scaleb(type_.scale))))) for v in array.to_pylist()])
        precision = number_pieces(whole.astype(np.int64), "uint32")
        scale = b"" if not type_.scale else _tag(3, 0) + bytes([type_.scale])
        pieces = [digits, constant_pieces(_tag(2, 0), count), precision]
        return _sized(join_pieces([*pieces, constant_pieces(scale, count)], count))

    return write
