"""Kafka's murmur2 over a column of bytes: where a record with a key is placed.

The rule is Kafka's `Utils.murmur2` and its default partitioner:
`(murmur2(key) & 0x7fffffff) % partitions`. A key of no bytes has a hash; a null key has none, and
its partition is null: a log places it (`brokers/placement.py`).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["murmur2", "partition_of"]

# As texts: DuckDB evaluates the annotations of a function it is given, and `pa.Array[…]` exists for
# the type checker only.
Column: TypeAlias = "pa.Array[Any] | pa.ChunkedArray[Any]"
Numbers: TypeAlias = "pa.Array[Any]"

_SEED = 0x9747B28C
_M = np.uint32(0x5BD1E995)
_R = np.uint32(24)
_POSITIVE = 0x7FFFFFFF

_FEW = 16
"""Of fewer keys than this the remaining words go one by one: a round of numpy costs as much as 20
words do in Python, and one key of a megabyte has 260,000 rounds."""


def murmur2(keys: Column) -> Numbers:
    """The hash of each key, as Kafka's signed 32-bit number; null for a null key.

    `keys` holds binary or strings (hashed as UTF-8). A pure function, fit for a DuckDB function of
    type `arrow`.
    """
    return _with_nulls(_hash(keys).view(np.int32), keys)


def partition_of(keys: Column, partitions: int) -> Numbers:
    """The partition (int32) of each key in a topic of `partitions`; null for a null key."""
    positive = _hash(keys) & np.uint32(_POSITIVE)
    return _with_nulls((positive % np.uint32(partitions)).astype(np.int32), keys)


def _with_nulls(numbers: npt.NDArray[np.int32], keys: Column) -> Numbers:
    if keys.null_count == 0:
        return pa.array(numbers)
    return pa.array(numbers, mask=keys.is_null().to_numpy(zero_copy_only=False))


def _hash(keys: Column) -> npt.NDArray[np.uint32]:
    if isinstance(keys, pa.ChunkedArray):
        if keys.num_chunks == 1:
            return _hash(keys.chunk(0))
        return np.concatenate([np.empty(0, np.uint32), *(_hash(c) for c in keys.chunks)])
    data, starts, lengths = _bytes_of(keys)
    return _hash_slices(data, starts, lengths)


def _bytes_of(
    keys: pa.Array[Any],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The data buffer of `keys`, and where in it each key starts and how long it is."""
    if not (pa.types.is_binary(keys.type) or pa.types.is_string(keys.type)):
        keys = keys.cast(pa.large_binary())
    wide = pa.types.is_large_binary(keys.type)
    _, offsets, data = keys.buffers()
    if len(keys) == 0 or offsets is None:
        return np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64)
    ends = np.frombuffer(memoryview(offsets), np.int64 if wide else np.int32)
    ends = ends[keys.offset : keys.offset + len(keys) + 1].astype(np.int64)
    content = (
        np.frombuffer(memoryview(data), np.uint8) if data is not None else np.empty(0, np.uint8)
    )
    return content, ends[:-1], np.diff(ends)


def _hash_slices(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint32]:
    """Hashes `data[start : start + length]`, word by word over all keys at once.

    The longest keys stand first, so that those which still have a word are always a prefix.
    """
    count = len(starts)
    uniform = count > 0 and int(lengths[0]) == int(lengths.min()) == int(lengths.max())
    order = None if uniform else np.argsort(-lengths, kind="stable")
    if order is not None:
        starts, lengths = starts[order], lengths[order]
    hashes = np.uint32(_SEED) ^ lengths.astype(np.uint32)
    words = lengths >> 2
    for i in range(int(words[0]) if count else 0):
        active = count if uniform else int(np.searchsorted(-words, -i, side="left"))
        if active < _FEW:
            _hash_the_rest(data, starts[:active], words[:active], hashes, i)
            break
        word = _words_at(data, starts[:active] + (i << 2))
        head = hashes[:active]
        head *= _M
        head ^= _mix(word)
    _hash_tails(data, starts, lengths, hashes)
    hashes ^= hashes >> np.uint32(13)
    hashes *= _M
    hashes ^= hashes >> np.uint32(15)
    if order is None:
        return hashes
    out = np.empty_like(hashes)
    out[order] = hashes
    return out


def _words_at(data: npt.NDArray[np.uint8], places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """The little-endian word at each place."""
    word = data[places].astype(np.uint32)
    for shift in (1, 2, 3):
        word |= data[places + shift].astype(np.uint32) << np.uint32(8 * shift)
    return word


def _mix(word: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    word *= _M
    word ^= word >> _R
    word *= _M
    return word


def _hash_tails(
    data: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    hashes: npt.NDArray[np.uint32],
) -> None:
    """Takes in the one to three bytes after the last word."""
    left = lengths & 3
    ends = starts + (lengths & ~np.int64(3))
    for at in (2, 1, 0):
        some = np.flatnonzero(left > at)
        hashes[some] ^= data[ends[some] + at].astype(np.uint32) << np.uint32(8 * at)
    some = np.flatnonzero(left)
    hashes[some] *= _M


def _hash_the_rest(
    data: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    words: npt.NDArray[np.int64],
    hashes: npt.NDArray[np.uint32],
    first: int,
) -> None:
    """Takes in the words from number `first` of a few keys that are longer than all others."""
    for row in range(len(starts)):
        start = int(starts[row])
        content = data[start + 4 * first : start + 4 * int(words[row])]
        mixed = _mix(np.frombuffer(content.tobytes(), "<u4").astype(np.uint32))
        value = int(hashes[row])
        for word in mixed.tolist():
            value = (value * 0x5BD1E995 & 0xFFFFFFFF) ^ word
        hashes[row] = value
