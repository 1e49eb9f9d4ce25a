"""Rows as bytes: every value of every type comes back to the bit; equal rows are equal bytes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from streamsql.schema.row_bytes import decode_rows, encode_rows

TEXTS = ("", "a", "é\u20ac\U0001f600", "a\x00b", "'\"\\,[]{}NULL", "x" * 300)
BLOBS = (b"", b"\x00", b"\xff\xfe", bytes(range(256)))
DOUBLES = (0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), 0.1)
SCALARS: dict[str, Sequence[Any]] = {
    "BOOLEAN": (True, False),
    "INTEGER": (0, -1, 2**31 - 1, -(2**31)),
    "BIGINT": (0, -1, 2**63 - 1, -(2**63)),
    "HUGEINT": (0, -1, 10**38 - 1, 1 - 10**38),
    "DOUBLE": (*DOUBLES, float("nan")),
    "DECIMAL(4,1)": (Decimal("999.9"), Decimal("-0.1")),
    "DECIMAL(18,9)": (Decimal("123456789.000000001"),),
    "DECIMAL(38,3)": (Decimal(10**35 - 1), Decimal("-0.001")),
    "VARCHAR": TEXTS,
    "BLOB": BLOBS,
    "DATE": (date(1, 1, 1), date(1969, 12, 31), date(9999, 12, 31)),
    "TIME": (time(0, 0), time(23, 59, 59, 999_999)),
    "TIMESTAMP": (datetime(1, 1, 1), datetime(2026, 2, 3, 4, 5, 6, 7), datetime(9999, 12, 31)),
}


def random_type(rng: random.Random, depth: int) -> str:
    """A DuckDB type, nested at most `depth` times."""
    kind = rng.choice(("scalar", "list", "struct", "map")) if depth else "scalar"
    match kind:
        case "list":
            return f"{random_type(rng, depth - 1)}[]"
        case "struct":
            fields = (f'"f {i}" {random_type(rng, depth - 1)}' for i in range(rng.randint(1, 3)))
            return f"STRUCT({', '.join(fields)})"
        case "map":
            return f"MAP(VARCHAR, {random_type(rng, depth - 1)})"
        case _:
            return rng.choice(list(SCALARS))


def random_value(rng: random.Random, kind: pa.DataType, scalars: dict[pa.DataType, Any]) -> Any:
    """A value of an Arrow type as DuckDB gives it, or None."""
    if rng.random() < 0.2:
        return None
    if isinstance(kind, pa.StructType):
        return {f.name: random_value(rng, f.type, scalars) for f in kind}
    if isinstance(kind, pa.MapType):
        keys = rng.sample(TEXTS, rng.randint(0, 3))
        return [(k, random_value(rng, kind.item_type, scalars)) for k in keys]
    if isinstance(kind, pa.ListType):
        return [random_value(rng, kind.value_type, scalars) for _ in range(rng.randint(0, 3))]
    return rng.choice(scalars[kind])


def arrow_types(types: Sequence[str]) -> list[pa.DataType]:
    with duckdb.connect() as con:
        listed = ", ".join(f"NULL::{t} AS c{i}" for i, t in enumerate(types))
        return list(con.sql(f"SELECT {listed} LIMIT 0").to_arrow_table().schema.types)


def random_columns(seed: int) -> list[pa.Array]:
    rng = random.Random(seed)
    scalars = dict(zip(arrow_types(list(SCALARS)), SCALARS.values(), strict=True))
    types = arrow_types([random_type(rng, 3) for _ in range(rng.randint(1, 6))])
    rows = rng.choice((0, 1, 50))
    return [pa.array([random_value(rng, t, scalars) for _ in range(rows)], t) for t in types]


def through_duckdb(columns: list[pa.Array]) -> list[pa.Array]:
    """The same columns as DuckDB lays them out."""
    given = pa.table(columns, names=[f"c{i}" for i in range(len(columns))])
    with duckdb.connect() as con:
        con.register("given", given)
        table = con.sql("SELECT * FROM given").to_arrow_table().combine_chunks()
    return [pa.concat_arrays(c.chunks) if c.num_chunks else pa.array([], c.type) for c in table]


def coded(columns: list[pa.Array], rows: int, prefix: bytes = b"p\x00") -> list[pa.Array]:
    found = encode_rows(columns, rows, prefix)
    return decode_rows(found, len(prefix), [c.type for c in columns])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_every_value_comes_back(seed: int) -> None:
    made = random_columns(seed)
    for columns in (made, through_duckdb(made)):
        rows = len(columns[0])
        back = coded(columns, rows)
        for column, found in zip(columns, back, strict=True):
            found.validate(full=True)
            assert found.type == column.type
            assert repr(found.to_pylist()) == repr(column.to_pylist())
        assert encode_rows(back, rows, b"p").equals(encode_rows(columns, rows, b"p"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_slice_is_written_as_if_it_stood_alone(seed: int) -> None:
    columns = [c for c in random_columns(seed + 100) if len(c)]
    whole = encode_rows(columns, 50, b"") if columns and len(columns[0]) == 50 else None
    if whole is None:
        columns = [pa.array([[str(i)] * (i % 3) for i in range(50)])]
        whole = encode_rows(columns, 50, b"")
    part = encode_rows([c.slice(7, 20) for c in columns], 20, b"")
    assert part.to_pylist() == whole.slice(7, 20).to_pylist()
    again = decode_rows(whole.slice(7, 20), 0, [c.type for c in columns])
    assert repr([c.to_pylist() for c in again]) == repr([c.to_pylist()[7:27] for c in columns])


def test_every_bit_of_a_double_comes_back() -> None:
    bits = np.random.default_rng(0).integers(0, 2**64, 1000, np.uint64)
    bits[:3] = (0x7FF0000000000001, 0xFFF8000000000000, 0x8000000000000000)
    (found,) = coded([pa.array(bits.view(np.float64))], len(bits))
    assert np.array_equal(np.asarray(found).view(np.uint64), bits)


def test_every_bit_of_a_hugeint_comes_back() -> None:
    """Beyond 38 digits it is no DECIMAL that Arrow would print."""
    with duckdb.connect() as con:
        largest = f"{2**127 - 1}::HUGEINT"
        given = con.sql(f"SELECT {largest} AS a, -{largest} - 1 AS b").to_arrow_table()
        columns = [c.chunk(0) for c in given.columns]
        con.register("found", pa.table(coded(columns, 1), names=["a", "b"]))
        assert con.sql("SELECT a::HUGEINT, b::HUGEINT FROM found").fetchall() == [
            (2**127 - 1, -(2**127))
        ]


def test_what_stands_under_a_null_is_not_written() -> None:
    dirty = pa.Array.from_buffers(
        pa.int64(), 2, [pa.py_buffer(b"\x01"), pa.array([7, 8]).buffers()[1]]
    )
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 3]), pa.array([1, 2, 3]), mask=dirty.is_null())
    structs = pa.StructArray.from_arrays([pa.array([5, 6])], names=["a"], mask=dirty.is_null())
    clean = [pa.array([7, None]), pa.array([[1, 2], None]), pa.array([{"a": 5}, None])]
    assert encode_rows([dirty, lists, structs], 2, b"").equals(encode_rows(clean, 2, b""))


def test_the_bytes_are_these() -> None:
    """The format, as the module's head has it: a change of it is another version."""
    columns = [pa.array([258], pa.int32()), pa.array(["é"]), pa.array([[True, None]])]
    (row,) = encode_rows(columns, 1, b">").to_pylist()
    assert row == (
        b">"
        b"\x01\x02\x01\x00\x00"
        b"\x01\x02\x00\x00\x00\xc3\xa9"
        b"\x01\x02\x00\x00\x00"  # a list of two
        b"\x01\x00\x01\x00"  # their flags, then their values
    )


def test_other_bytes_are_no_rows() -> None:
    rows = encode_rows([pa.array(["a", "bc"])], 2, b"")
    with pytest.raises(ValueError, match="end elsewhere"):
        decode_rows(rows, 0, [pa.int32()])


def test_damaged_rows_are_refused_or_are_rows() -> None:
    """Lengths that lead out of a row would read any memory, and Arrow ends the process over some
    arrays: this test is there to come to its end."""
    r = random.Random(11)
    found = (
        duckdb.connect()
        .sql(
            "SELECT 5::BIGINT AS a, 'h\u00e9' AS b, [1, NULL, 3]::INTEGER[] AS c,"
            " MAP {'k': 'v'::BLOB} AS d, {'x': 1.5::DOUBLE} AS e LIMIT 1"
        )
        .to_arrow_table()
        .combine_chunks()
    )
    columns = [found.column(name).chunk(0) for name in found.column_names]
    (good,) = encode_rows(columns, 1, b"").to_pylist()
    refused = 0
    for _ in range(3_000):
        bad = bytearray(good)
        for _ in range(r.randint(1, 3)):
            bad[r.randrange(len(bad))] = r.choice([0, 1, 2, 127, 128, 255])
        bad = bad[: r.choice([len(bad), r.randrange(len(bad))])]
        rows = pa.array(r.choice([[bytes(bad)], [good, bytes(bad), good]]), pa.binary())
        try:
            for column in decode_rows(rows, 0, found.schema.types):
                column.validate(full=True)
        except ValueError:
            refused += 1
    assert 1_000 < refused < 3_000
