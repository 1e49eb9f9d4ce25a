"""Every Arrow function that plans may name: the engine registers them when it opens."""

from __future__ import annotations

from streamsql import formats, functions
from streamsql.operators import placement

KERNELS = (*functions.KERNELS, *formats.KERNELS, *placement.KERNELS)
