"""Copies of the state of numbers that another engine owns, kept up so that a take-over has nothing
to restore (`num.standby.replicas`)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from streamsql.errors import WorldError
from streamsql.runtime.restore import Restorer

_AGAIN_SECONDS = 1.0
"""How long a copy that cannot be kept up waits before it is tried again."""


class Standbys:
    """The numbers of one query that this engine follows."""

    def __init__(self, restorer: Restorer) -> None:
        self._restorer = restorer
        self._following: dict[int, asyncio.Task[None]] = {}

    async def want(self, numbers: Iterable[int]) -> None:
        """Follows `numbers` and no others. A copy that is no longer followed stays as it is."""
        wanted = frozenset(numbers)
        ended = [self._following.pop(number) for number in sorted(self._following.keys() - wanted)]
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)
        for number in sorted(wanted - self._following.keys()):
            self._following[number] = asyncio.create_task(self._follow(number))

    async def _follow(self, number: int) -> None:
        while True:
            try:
                await self._restorer.follow(number)
            except WorldError:
                # A broker that is away comes back; the copy is then behind, and catches up.
                await asyncio.sleep(_AGAIN_SECONDS)
