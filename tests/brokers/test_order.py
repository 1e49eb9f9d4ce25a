"""Records of several numbers are split by number, and copied only where they have to be."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa

from streamsql.brokers.order import split_records


def numbered(numbers: list[int]) -> tuple[pa.Table, np.ndarray]:
    """A row for each number, that says its place too."""
    return pa.table({"n": pa.array(numbers, pa.int64()), "at": list(range(len(numbers)))}), (
        np.array(numbers, np.int64)
    )


def test_each_number_has_its_records_in_their_order() -> None:
    r = random.Random(4)
    for size in range(200):
        numbers = [r.choice([0, 1, 3, 7]) for _ in range(size)]
        expected = {n: [at for at, m in enumerate(numbers) if m == n] for n in sorted(set(numbers))}
        found = split_records(*numbered(numbers))
        assert [n for n, _ in found] == list(expected)
        assert {n: part.column("at").to_pylist() for n, part in found} == expected
        assert all(part.column("n").unique().to_pylist() == [n] for n, part in found)


def test_records_that_stand_side_by_side_are_not_copied() -> None:
    table, numbers = numbered([0, 0, 2, 2, 2, 5])
    address = table.column("at").chunk(0).buffers()[1].address
    for _, part in split_records(table, numbers):
        assert part.column("at").chunk(0).buffers()[1].address == address
    (_, copied), _ = split_records(*numbered([1, 0]))
    assert copied.column("at").to_pylist() == [1]
