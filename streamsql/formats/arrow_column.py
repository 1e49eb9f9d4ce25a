"""SQL columns as Arrow: which Arrow type a column has, and how carried numbers become one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streamsql.formats.json_record import RANGES, TIME_RANGE
from streamsql.formats.wire import Arrow, Cursor
from streamsql.schema.duck import DECIMAL_PRECISION_MAX
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
    Map,
    Scalar,
    SqlType,
    Struct,
)

_SCALARS: dict[Scalar, pa.DataType] = {
    BOOLEAN: pa.bool_(),
    INTEGER: pa.int32(),
    BIGINT: pa.int64(),
    DOUBLE: pa.float64(),
    STRING: pa.string(),
    BYTES: pa.binary(),
    DATE: pa.date32(),
    TIME: pa.time64("us"),
    TIMESTAMP: pa.timestamp("us"),
}


def arrow_type(type_: SqlType) -> pa.DataType:
    """The Arrow type that DuckDB takes for a column of `type_`."""
    match type_:
        case Scalar():
            return _SCALARS[type_]
        case Decimal(precision, scale):
            return pa.decimal128(min(precision, DECIMAL_PRECISION_MAX), scale)
        case Array(element):
            return pa.list_(arrow_type(element))
        case Map(key, value):
            return pa.map_(arrow_type(key), arrow_type(value))
        case Struct(fields):
            return pa.struct([pa.field(f.name, arrow_type(f.type)) for f in fields])
        case _:
            raise AssertionError(type_)


def carried_column(
    values: npt.NDArray[np.int64],
    type_: Scalar,
    refuse: Callable[[npt.NDArray[np.bool_], str], None],
) -> Arrow:
    """A column of INTEGER, BIGINT, DATE, TIME or TIMESTAMP from the numbers that carry it.

    `refuse` is told which rows the type cannot hold, and why; they become 0.
    """
    low, high = RANGES[type_.name]
    wrong = (values < low) | (values > high)
    if wrong.any():
        refuse(wrong, TIME_RANGE if type_ == TIME else f"Numeric value is out of range of {type_}")
        values = np.where(wrong, 0, values)
    if type_ in (TIME, TIMESTAMP):
        return pa.array(values * 1000).view(arrow_type(type_))
    if type_ == DATE:
        return pa.array(values.astype(np.int32)).view(pa.date32())
    return pa.array(values.astype(np.int64 if type_ == BIGINT else np.int32))


def fit_decimals(cursor: Cursor, array: Arrow, wanted: Arrow) -> Arrow:
    """The numbers as `wanted`; one that it cannot hold fails alone."""
    try:
        return array.cast(wanted)
    except pa.ArrowInvalid:
        pass
    wrong = np.zeros(len(array), np.bool_)
    fitted: list[object] = []
    for i in range(len(array)):
        try:
            fitted.append(array[i].cast(wanted).as_py())
        except pa.ArrowInvalid:
            wrong[i] = True
            fitted.append(None)
    cursor.fail(wrong, f"Numeric field overflow: the value does not fit {wanted}")
    return pa.array(fitted, wanted)


def column_carriers(array: Arrow, type_: Scalar) -> npt.NDArray[np.int64]:
    """The numbers that carry a column of INTEGER, BIGINT, DATE, TIME or TIMESTAMP; NULL as 0."""
    if type_ == DATE:
        array = array.view(pa.int32())
    elif type_ in (TIME, TIMESTAMP):
        array = array.view(pa.int64())
    filled = array.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return filled // 1000 if type_ in (TIME, TIMESTAMP) else filled


def make_struct(
    columns: list[Arrow], type_: Struct, valid: npt.NDArray[np.bool_] | None = None
) -> Arrow:
    """A STRUCT of its fields' columns; NULL where not `valid`."""
    mask: Arrow = None if valid is None else pa.array(~valid)
    fields = [pa.field(f.name, arrow_type(f.type)) for f in type_.fields]
    return pa.StructArray.from_arrays(columns, fields=fields, mask=mask)


def make_list(offsets: npt.NDArray[np.int32], items: Arrow) -> Arrow:
    """An ARRAY of items."""
    ends: Arrow = pa.array(offsets)
    return pa.ListArray.from_arrays(ends, items)


def make_map(offsets: npt.NDArray[np.int32], keys: Arrow, values: Arrow) -> Arrow:
    """A MAP of keys and values."""
    ends: Arrow = pa.array(offsets)
    return pa.MapArray.from_arrays(ends, keys, values)
