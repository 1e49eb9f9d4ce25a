"""Which partition numbers of a query this engine has, how it gets them, and where it reads them.

A take-over goes in this order: fence the former owner, read the committed positions, restore the
state up to them. It goes beside the steps over the numbers that are there already, which do not
wait for it: a number comes in between two steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from streamsql.brokers.log import TopicPartition
from streamsql.errors import DatabaseError, WorldError
from streamsql.runtime.delivery import AtLeastOnce, ExactlyOnce
from streamsql.runtime.query import ERROR, RunningQuery
from streamsql.runtime.restore import Restorer

if TYPE_CHECKING:
    from streamsql.brokers.kafka import KafkaLog
    from streamsql.brokers.kafka_reader import KafkaReader

_AGAIN_SECONDS = 0.5
"""How long a take-over that failed waits before it is tried again."""


class Numbers:
    """The numbers of one query on one engine. `owned` are read; `wanted` are those that the group
    has given, of which some may still be on their way: `come` is called when one has arrived."""

    def __init__(
        self,
        query: RunningQuery,
        log: KafkaLog,
        delivery: ExactlyOnce | AtLeastOnce,
        restorer: Restorer | None,
        places: Mapping[int, list[TopicPartition]],
        *,
        come: Callable[[], None],
    ) -> None:
        self.owned: set[int] = set()
        self.wanted: frozenset[int] | None = None
        self.places = places
        self.reader: KafkaReader | None = None
        self._query = query
        self._log = log
        self._delivery = delivery
        self._restorer = restorer
        self._come = come
        self._coming: dict[int, asyncio.Task[dict[TopicPartition, int]]] = {}

    @property
    def settled(self) -> bool:
        """Whether all that is wanted is owned."""
        return self.wanted == self.owned

    async def want(self, numbers: Iterable[int]) -> None:
        """Gives up what is not among `numbers` and begins to take over what is new."""
        given = frozenset(numbers) & self.places.keys()
        self.wanted = frozenset() if self._query.status == ERROR else given
        await self.release((self.owned | self._coming.keys()) - self.wanted)
        for number in sorted(self.wanted - self.owned - self._coming.keys()):
            self._begin(number)

    async def admit(self) -> None:
        """Takes in the numbers that have come, and reads them too; raises what keeps one away for
        good."""
        come = [number for number, task in self._coming.items() if task.done()]
        admitted = False
        for number in come:
            task = self._coming.pop(number)
            try:
                self._query.positions |= task.result()
            except DatabaseError:
                # It does not pass: a disk that is full, a changelog of another version.
                raise
            except WorldError:
                await self._delivery.release(number)
                self._begin(number, again=True)
                continue
            self.owned.add(number)
            admitted = True
        if admitted:
            if self._restorer is not None:
                task_ = self._query.task
                task_.sequence = max(task_.sequence, self._restorer.sequence)
            await self.read_again()

    async def release(self, numbers: Iterable[int]) -> None:
        """Gives numbers up."""
        for number in sorted(numbers):
            coming = self._coming.pop(number, None)
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
            self.owned.discard(number)
            for place in self.places[number]:
                self._query.positions.pop(place, None)
            await self._delivery.release(number)
        await self.read_again()

    async def reopen(self) -> None:
        """Takes everything over again from what Kafka committed: a step failed half-way."""
        wanted = self.wanted or frozenset[int]()
        await self.release(set(self.owned) | self._coming.keys())
        await self.want(wanted)

    async def close(self) -> None:
        """Gives everything up."""
        await self.release(set(self.owned) | self._coming.keys())

    def _begin(self, number: int, *, again: bool = False) -> None:
        task = asyncio.create_task(self._acquire(number, again=again))
        task.add_done_callback(lambda _: self._come())
        self._coming[number] = task

    async def _acquire(self, number: int, *, again: bool = False) -> dict[TopicPartition, int]:
        """Takes a number over; the positions of its inputs."""
        if again:
            await asyncio.sleep(_AGAIN_SECONDS)
        places = self.places[number]
        positions = dict(await self._delivery.acquire(number, places))
        if self._restorer is not None:
            positions |= await self._restorer.restore(number, positions)
        fresh = [place for place in places if place not in positions]
        if fresh:
            positions |= await self._first_positions(fresh)
            if self._query.options.reset == "latest":
                # The end as it is now: a restart must not move it.
                await self._delivery.deliver({}, {number: {p: positions[p] for p in fresh}})
        return positions

    async def _first_positions(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Where to begin: of internal topics always at their beginning."""
        options = self._query.options
        found: dict[TopicPartition, int] = {}
        for place in places:
            end = options.reset == "latest" and place.topic not in options.internal
            offsets = await self._log.offsets([place.topic], end=end)
            found[place] = offsets[place]
        return found

    async def read_again(self) -> None:
        """Reads on at the positions of what is owned: what was taken since was not processed."""
        reader, self.reader = self.reader, None
        if reader is not None:
            await reader.close()
        if self.owned:
            self.reader = await self._log.reader(self._query.positions)
