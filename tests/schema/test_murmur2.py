"""murmur2 over columns gives what Kafka's own gives for each key."""

from __future__ import annotations

import random

import duckdb
import pyarrow as pa
import pytest

from streamsql.schema.murmur2 import murmur2, partition_of

# Published by Kafka's own unit tests of Utils.murmur2.
KNOWN = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


def hash_one(key: bytes) -> int:
    """The rule, one key at a time."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(key)
    for i in range(0, len(key) // 4 * 4, 4):
        k = int.from_bytes(key[i : i + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    tail = key[len(key) // 4 * 4 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    h ^= h >> 15
    return h - (1 << 32) if h >> 31 else h


@pytest.mark.parametrize(("key", "expected"), KNOWN.items(), ids=list(KNOWN))
def test_known_keys_hash_as_in_kafka(key: str, expected: int) -> None:
    assert hash_one(key.encode()) == expected
    assert murmur2(pa.array([key.encode()])).to_pylist() == [expected]
    assert murmur2(pa.array([key])).to_pylist() == [expected]


def test_all_known_keys_in_one_column() -> None:
    assert murmur2(pa.array([k.encode() for k in KNOWN])).to_pylist() == list(KNOWN.values())


def random_keys(seed: int, count: int, longest: int) -> list[bytes | None]:
    rng = random.Random(seed)
    keys: list[bytes | None] = [rng.randbytes(rng.randint(0, longest)) for _ in range(count)]
    for i in range(0, count, 11):
        keys[i] = None
    return keys


@pytest.mark.parametrize("longest", [0, 3, 4, 8, 17, 300])
@pytest.mark.parametrize("type_", [pa.binary(), pa.large_binary(), pa.binary_view()], ids=str)
def test_columns_agree_with_the_rule_key_by_key(longest: int, type_: pa.DataType) -> None:
    keys = random_keys(longest, 700, longest)
    expected = [None if k is None else hash_one(k) for k in keys]
    assert murmur2(pa.array(keys, type_)).to_pylist() == expected


@pytest.mark.parametrize("length", [0, 1, 4, 7, 8, 16])
def test_keys_of_one_length_need_no_sorting_and_give_the_same(length: int) -> None:
    rng = random.Random(length)
    keys = [rng.randbytes(length) for _ in range(50)]
    assert murmur2(pa.array(keys, pa.binary())).to_pylist() == [hash_one(k) for k in keys]


def test_slices_and_chunks_of_a_column() -> None:
    keys = random_keys(5, 100, 20)
    expected = [None if k is None else hash_one(k) for k in keys]
    whole = pa.array(keys, pa.binary())
    assert murmur2(whole[13:77]).to_pylist() == expected[13:77]
    chunked = pa.chunked_array([whole[:0], whole[:13], whole[13:77], whole[77:]])
    assert murmur2(chunked).to_pylist() == expected
    assert murmur2(pa.chunked_array([], pa.binary())).to_pylist() == []
    assert murmur2(pa.array([], pa.binary())).to_pylist() == []
    assert murmur2(pa.array([None, None], pa.binary())).to_pylist() == [None, None]


def test_a_few_keys_much_longer_than_the_others() -> None:
    rng = random.Random(1)
    keys = [rng.randbytes(9) for _ in range(100)]
    keys[50], keys[60] = rng.randbytes(100_003), rng.randbytes(50_000)
    assert murmur2(pa.array(keys)).to_pylist() == [hash_one(k) for k in keys]


def test_partitions_are_the_positive_hash_modulo_their_number() -> None:
    keys = random_keys(9, 200, 12)
    for partitions in (1, 2, 12, 1000):
        expected = [None if k is None else (hash_one(k) & 0x7FFFFFFF) % partitions for k in keys]
        found = partition_of(pa.array(keys, pa.binary()), partitions)
        assert found.type == pa.int32()
        assert found.to_pylist() == expected


def test_it_serves_as_a_function_of_duckdb() -> None:
    con = duckdb.connect()
    con.create_function(
        "murmur2", murmur2, ["BLOB"], "INTEGER", type="arrow", null_handling="special"
    )
    rows = con.execute(
        "SELECT murmur2(k) FROM (VALUES (1, 'abc'::BLOB), (2, NULL), (3, '21'::BLOB)) t(i, k) "
        "ORDER BY i"
    ).fetchall()
    assert rows == [(479470107,), (None,), (-973932308,)]
