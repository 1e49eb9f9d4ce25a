"""The layout of Kafka's record batches, format v2 (KIP-98): what reading and writing share."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")
"""By their number in a batch's attributes."""

# Base offset, length, leader epoch, magic, CRC, attributes, last offset delta, first and greatest
# timestamp, producer id and epoch, base sequence, number of records.
HEAD = struct.Struct(">qiibIhiqqqhii")
LENGTH_END = 12
CRC_END = 21
MAGIC_AT = 16

CODEC, LOG_APPEND_TIME, TRANSACTIONAL, CONTROL = 0x07, 0x08, 0x10, 0x20

Bytes = npt.NDArray[np.uint8]
