"""A batch that a kernel reads, and what it leaves, read in another way: one table, row for row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from streamsql.engine.plan import Kernel


def read_batch(
    batch: pa.Table, kernel: Kernel, read: str, read_left: Callable[[pa.Table], pa.Table]
) -> pa.Table:
    """The batch with the columns that the kernel adds, but for `read`, which says what it has read.
    `read_left` is given the other rows, and gives the same columns for them, row for row."""
    table = kernel(batch)
    was_read = table.column(read)
    table = table.drop_columns([read])
    unread = np.flatnonzero(~was_read.to_numpy())
    if not len(unread):
        return table
    left = read_left(batch.take(unread))
    index = np.arange(table.num_rows)
    index[unread] = np.arange(len(unread)) + table.num_rows
    for name in table.column_names[batch.num_columns :]:
        place = table.column_names.index(name)
        kept, added = table.column(name), left.column(name)
        both = pa.chunked_array([*kept.chunks, *added.cast(kept.type).chunks], kept.type)
        table = table.set_column(place, name, both.take(index))
    return table
