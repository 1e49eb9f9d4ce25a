"""Engines that come, go, restart and hang, in a real group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import pytest

from streamsql.brokers.group import Fenced, Member
from streamsql.brokers.kafka import open_kafka
from streamsql.brokers.kafka_group import KafkaGroup
from streamsql.brokers.kafka_settings import kafka_settings
from streamsql.brokers.log import TopicInfo, TopicPartition
from tests.kafka.broker import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]

_NUMBERS = count()


class Engines:
    """Engines of one service that share a query over two topics of six partitions."""

    def __init__(self, address: str) -> None:
        self.running: dict[str, KafkaGroup] = {}
        self._settings = kafka_settings(address)
        self.name = f"group-{next(_NUMBERS)}"
        self.topic = f"{self.name}-left"
        self._pollers: dict[str, asyncio.Task[None]] = {}

    async def create_topics(self) -> None:
        log = await open_kafka(self._settings)
        for side in ("left", "right"):
            await log.create_topic(TopicInfo(name=f"{self.name}-{side}", partitions=6))
        await log.close()

    async def start(self, name: str, **options: int) -> None:
        """Starts an engine that polls four times a second."""

        def member() -> Member:
            held = self.running[name].assignment if name in self.running else None
            owned = frozenset() if held is None else held.partitions
            return Member(engine=name, listener=f"{name}:80", owned=owned)

        group = KafkaGroup(
            self._settings,
            "q",
            group=self.name,
            topics=[f"{self.name}-left", f"{self.name}-right"],
            member=member,
            **{"session_ms": 6_000, **options},
        )
        self.running[name] = group
        await group.open()

        async def poll() -> None:
            while True:
                await group.poll()
                await asyncio.sleep(0.25)

        self._pollers[name] = asyncio.create_task(poll())

    async def stop(self, name: str) -> None:
        """An engine that says goodbye."""
        await self.hang(name)
        await self.running.pop(name).close()

    async def hang(self, name: str) -> None:
        """An engine whose loop does not come round any more."""
        poller = self._pollers.pop(name, None)
        if poller is not None:
            poller.cancel()
            await asyncio.gather(poller, return_exceptions=True)

    async def settle(self, *names: str) -> dict[str, frozenset[int]]:
        """What each of `names` has, once they have everything between them."""
        async with asyncio.timeout(40):
            while True:
                held = {n: self.running[n].assignment for n in names}
                parts = {n: a.partitions for n, a in held.items() if a is not None}
                numbers = sorted(p for own in parts.values() for p in own)
                if numbers == list(range(6)) and len(parts) == len(names):
                    return parts
                await asyncio.sleep(0.05)

    async def close(self) -> None:
        for name in list(self.running):
            await self.stop(name)


@asynccontextmanager
async def engines(broker: Broker) -> AsyncIterator[Engines]:
    made = Engines(broker.address)
    await made.create_topics()
    try:
        yield made
    finally:
        await made.close()


def run(broker: Broker, act: Callable[[Engines], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(120):
            async with engines(broker) as made:
                await act(made)

    asyncio.run(whole())


def test_one_engine_has_everything_and_knows_where_it_is(broker: Broker) -> None:
    async def act(all_: Engines) -> None:
        await all_.start("a")
        assert await all_.settle("a") == {"a": frozenset(range(6))}
        assignment = all_.running["a"].assignment
        assert assignment is not None
        assert assignment.listeners == dict.fromkeys(range(6), "a:80")

    run(broker, act)


def test_an_engine_that_comes_takes_its_share_and_no_other_moves(broker: Broker) -> None:
    async def act(all_: Engines) -> None:
        await all_.start("a")
        await all_.settle("a")
        await all_.start("b")
        two = await all_.settle("a", "b")
        assert {len(own) for own in two.values()} == {3}
        await all_.start("c")
        three = await all_.settle("a", "b", "c")
        assert {len(own) for own in three.values()} == {2}
        assert three["a"] < two["a"]
        assert three["b"] < two["b"]
        for group in all_.running.values():
            assert group.assignment is not None
            assert group.assignment.listeners == {
                p: f"{name}:80" for name, own in three.items() for p in own
            }

    run(broker, act)


def test_an_engine_that_goes_gives_its_own_to_the_others(broker: Broker) -> None:
    async def act(all_: Engines) -> None:
        for name in "abc":
            await all_.start(name)
        before = await all_.settle("a", "b", "c")
        await all_.stop("b")
        after = await all_.settle("a", "c")
        assert before["a"] < after["a"]
        assert before["c"] < after["c"]
        await all_.start("b")
        again = await all_.settle("a", "b", "c")
        assert again["a"] < after["a"]
        assert again["c"] < after["c"]

    run(broker, act)


def test_positions_are_committed_by_who_has_the_partition(broker: Broker) -> None:
    async def act(all_: Engines) -> None:
        await all_.start("a")
        await all_.settle("a")
        places = [TopicPartition(all_.topic, p) for p in range(6)]
        await all_.running["a"].commit(dict.fromkeys(places, 5))
        await all_.start("b")
        parts = await all_.settle("a", "b")
        mine = {place: 7 for place in places if place.partition in parts["a"]}
        others = {place: 9 for place in places if place.partition in parts["b"]}
        await all_.running["a"].commit(mine)
        with pytest.raises(Fenced) as raised:
            await all_.running["a"].commit(others)
        assert "another engine has taken over" in raised.value.primary
        log = await open_kafka(kafka_settings(broker.address))
        assert await log.committed(all_.name, places) == mine | dict.fromkeys(others, 5)
        assert await log.committed(f"{all_.name}-other", places) == {}
        await log.close()

    run(broker, act)


@pytest.mark.slow
def test_an_engine_that_hangs_is_replaced(broker: Broker) -> None:
    """Its heartbeats go on; what stops is its loop, which polls."""

    async def act(all_: Engines) -> None:
        await all_.start("a", max_poll_ms=8_000)
        await all_.start("b", max_poll_ms=8_000)
        await all_.settle("a", "b")
        await all_.hang("a")
        assert await all_.settle("b") == {"b": frozenset(range(6))}

    run(broker, act)


@pytest.mark.slow
def test_an_idle_group_stays_as_it_is(broker: Broker) -> None:
    """Nothing is read through the consumer, and still nobody is thrown out."""

    async def act(all_: Engines) -> None:
        await all_.start("a", max_poll_ms=6_000)
        await all_.start("b", max_poll_ms=6_000)
        before = await all_.settle("a", "b")
        for group in all_.running.values():
            group.changed.clear()
        await asyncio.sleep(15)
        assert await all_.settle("a", "b") == before
        assert not any(group.changed.is_set() for group in all_.running.values())

    run(broker, act)
