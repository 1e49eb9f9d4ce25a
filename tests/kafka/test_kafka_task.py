"""Outputs and positions in one transaction; who was taken over can write no more."""

from __future__ import annotations

import asyncio

import pytest

from streamsql.brokers.group import Fenced
from streamsql.brokers.kafka import KafkaLog
from streamsql.brokers.kafka_task import KafkaTask
from streamsql.brokers.log import TopicPartition
from streamsql.errors import LogError
from tests.brokers.records import read_all, valued, values
from tests.brokers.world import KafkaWorld

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]


def task(world: KafkaWorld, name: str) -> KafkaTask:
    assert isinstance(world.log, KafkaLog)
    return world.log.task(group=f"group-{name}", transactional_id=f"task-{name}")


def at(topic: str, offset: int) -> dict[TopicPartition, int]:
    return {TopicPartition(topic, 0): offset}


def test_outputs_and_positions_are_there_together(world: KafkaWorld) -> None:
    source, sink, changelog = world.topic(), world.topic(), world.topic()

    async def act() -> None:
        one = task(world, sink)
        assert await one.open(list(at(source, 0))) == {}
        await one.append(sink, valued(b"a", b"b"))
        await one.append(changelog, valued(b"state"))
        assert await values(world.log, sink, changelog) == []
        await one.commit(at(source, 7))
        assert await values(world.log, sink) == [b"a", b"b"]
        assert await values(world.log, changelog) == [b"state"]
        for n in range(3):
            await one.append(sink, valued(b"%d" % n))
            await one.commit(at(source, 8 + n))
        assert await values(world.log, sink, records_max=1) == [b"a", b"b", b"0", b"1", b"2"]
        again = task(world, sink)
        assert await again.open(list(at(source, 0))) == at(source, 10)

    world.run(act())


def test_what_was_aborted_is_not_there(world: KafkaWorld) -> None:
    source, sink = world.topic(), world.topic()

    async def act() -> None:
        one = task(world, sink)
        await one.open(list(at(source, 0)))
        await one.abort()
        await one.append(sink, valued(b"aborted"))
        await one.abort()
        await one.append(sink, valued(b"kept"))
        await one.commit(at(source, 1))
        assert await values(world.log, sink) == [b"kept"]

    world.run(act())


def test_positions_alone_can_be_committed(world: KafkaWorld) -> None:
    """A filter that let nothing through has read its input all the same."""
    source = world.topic()

    async def act() -> None:
        one = task(world, source)
        await one.open(list(at(source, 0)))
        await one.commit(at(source, 5))
        again = task(world, source)
        assert await again.open(list(at(source, 0))) == at(source, 5)

    world.run(act())


def test_a_zombie_cannot_commit(world: KafkaWorld) -> None:
    """It fell asleep in the middle of a transaction, and another engine took its task over."""
    source, sink = world.topic(), world.topic()

    async def act() -> None:
        zombie = task(world, sink)
        await zombie.open(list(at(source, 0)))
        await zombie.append(sink, valued(b"1"))
        await zombie.commit(at(source, 1))
        await zombie.append(sink, valued(b"2 of the zombie"))

        heir = task(world, sink)
        assert await heir.open(list(at(source, 0))) == at(source, 1)
        await heir.append(sink, valued(b"2"))
        await heir.commit(at(source, 2))

        with pytest.raises(Fenced) as raised:
            await zombie.commit(at(source, 2))
        assert "another engine has taken over" in raised.value.primary
        assert raised.value.hint
        assert await values(world.log, sink) == [b"1", b"2"]
        third = task(world, sink)
        assert await third.open(list(at(source, 0))) == at(source, 2)

    world.run(act())


def test_a_zombie_cannot_begin_anew_either(world: KafkaWorld) -> None:
    source, sink = world.topic(), world.topic()

    async def act() -> None:
        zombie = task(world, sink)
        await zombie.open(list(at(source, 0)))
        await zombie.append(sink, valued(b"1"))
        await zombie.commit(at(source, 1))
        heir = task(world, sink)
        await heir.open(list(at(source, 0)))

        async def go_on() -> None:
            await zombie.append(sink, valued(b"of the zombie"))
            await zombie.commit(at(source, 9))

        with pytest.raises(Fenced):
            await go_on()
        await heir.commit(at(source, 2))
        assert await values(world.log, sink) == [b"1"]

    world.run(act())


def test_an_engine_that_died_leaves_nothing_half_done(world: KafkaWorld) -> None:
    source, sink = world.topic(), world.topic()

    async def act() -> None:
        dead = task(world, sink)
        await dead.open(list(at(source, 0)))
        await dead.append(sink, valued(b"half"))
        # Nothing is closed: the broker still holds the transaction open.
        heir = task(world, sink)
        assert await heir.open(list(at(source, 0))) == {}
        await heir.append(sink, valued(b"whole"))
        await heir.commit(at(source, 1))
        rows = await asyncio.wait_for(read_all(world.log, [sink]), 20)
        assert [r["value"] for r in rows] == [b"whole"]

    world.run(act())


def test_a_record_that_is_too_large_leaves_the_task_usable(world: KafkaWorld) -> None:
    source, sink = world.topic(), world.topic(1, **{"max.message.bytes": "2000"})

    async def act() -> None:
        one = task(world, sink)
        await one.open(list(at(source, 0)))
        await one.append(sink, valued(b"before"))
        with pytest.raises(LogError, match="a record is larger"):
            await one.append(sink, valued(b"x" * 3_000))
        await one.abort()
        await one.append(sink, valued(b"after"))
        await one.commit(at(source, 1))
        assert await values(world.log, sink) == [b"after"]

    world.run(act())
