"""The running kernel against DuckDB's window functions, on columns drawn at random."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from streamsql.operators.kernels.running import Scan, running_kernel

VALUES = [
    Scan(0, "rows"),
    Scan(1, "count", "x"),
    Scan(2, "sum", "x"),
    Scan(3, "min", "x"),
    Scan(4, "max", "x"),
    Scan(5, "count", "text"),
]

HALF, ALL = f"{2**63}::HUGEINT", f"{2**64 - 1}::HUGEINT"
WRAPPED = f"(((coalesce(sum(x) OVER w, 0) + {HALF}) & {ALL}) - {HALF})::BIGINT"

EXPECTED = f"""
SELECT _seq, _part, k, day, max(_ts) OVER w AS _ts, lead(_seq) OVER w IS NULL AS _fin,
  row_number() OVER w AS _q0, count(x) OVER w AS _q1, {WRAPPED} AS _q2,
  min(x) OVER w AS _q3, max(x) OVER w AS _q4, count(text) OVER w AS _q5
FROM rows
WINDOW w AS (PARTITION BY _part, k, day ORDER BY _seq ROWS UNBOUNDED PRECEDING)
ORDER BY _seq
"""


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


def compare(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> None:
    """Asserts that kernel and window functions say the same of `rows`."""
    found = running_kernel(["_part", "k", "day"], VALUES)(rows)
    connection.register("rows", rows)
    expected = connection.sql(EXPECTED).to_arrow_table()
    assert sorted(found.column_names) == sorted(expected.column_names)
    for name in expected.column_names:
        assert found.column(name).equals(expected.column(name)), name


def draw(seed: int, *, rows: int, low: int, high: int, type_: pa.DataType) -> pa.Table:
    """Rows of a few groups, with NULLs."""
    random = np.random.default_rng(seed)
    share = random.choice([0.0, 0.3, 0.9, 1.0])
    numbers = random.integers(low, high, rows, dtype=np.int64, endpoint=True)
    letters = random.integers(0, 4, rows)
    return pa.table(
        {
            "_seq": np.arange(5, rows + 5),
            "_ts": random.integers(-10, 10, rows),
            "_part": pa.array(random.integers(0, random.integers(1, 4), rows), pa.int32()),
            "k": pa.array([f"k{i}" for i in random.integers(0, 5, rows)], pa.string()),
            "day": pa.array(random.integers(0, 2, rows), pa.int32()).cast(pa.date32()),
            "x": pa.array(numbers, mask=random.random(rows) < share).cast(type_),
            "text": pa.array([None if i == 0 else "t" for i in letters.tolist()], pa.string()),
        }
    )


@pytest.mark.parametrize(
    ("low", "high", "type_"),
    [
        (-3, 3, pa.int32()),
        (-(2**31), 2**31 - 1, pa.int32()),
        (-(2**31), -(2**31) + 1, pa.int32()),
        (2**31 - 2, 2**31 - 1, pa.int32()),
        (-(2**40), 2**40, pa.int64()),
        (-(2**63), 2**63 - 1, pa.int64()),
        (2**63 - 9, 2**63 - 1, pa.int64()),
        (-(2**63), -(2**63) + 9, pa.int64()),
    ],
)
def test_kernel_gives_what_window_functions_give(
    connection: duckdb.DuckDBPyConnection, low: int, high: int, type_: pa.DataType
) -> None:
    for seed in range(40):
        rows = seed if seed < 5 else 60
        compare(connection, draw(seed, rows=rows, low=low, high=high, type_=type_))


def test_more_groups_than_sort_by_radix(connection: duckdb.DuckDBPyConnection) -> None:
    rows = draw(1, rows=150_000, low=0, high=9, type_=pa.int64())
    names = pa.array([f"k{i}" for i in np.random.default_rng(2).integers(0, 10**6, len(rows))])
    compare(connection, rows.set_column(rows.schema.get_field_index("k"), "k", names))
