"""What only Kafka has: transactions, compaction, compressions, permissions, brokers that die."""

from __future__ import annotations

import asyncio
import gc
import heapq
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pyarrow as pa
import pytest
from aiokafka import AIOKafkaProducer

from streamsql.brokers import kafka_reader
from streamsql.brokers.kafka import KafkaLog, open_kafka
from streamsql.brokers.kafka_batch import COMPRESSIONS
from streamsql.brokers.kafka_reader import KafkaReader
from streamsql.brokers.kafka_settings import kafka_settings
from streamsql.brokers.log import TopicInfo, TopicPartition
from streamsql.errors import LogError
from tests.brokers.records import Record, advance, appended, read_all, valued, values
from tests.brokers.world import KafkaWorld
from tests.kafka.broker import Broker, free_port

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]


def log_of(world: KafkaWorld) -> KafkaLog:
    assert isinstance(world.log, KafkaLog)
    return world.log


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_compression_is_written_and_read(broker: Broker, compression: str) -> None:
    world = KafkaWorld(broker.address, **{"compression.type": compression})
    name = world.topic(2)
    records = [
        Record(key=b"k%d" % (n % 7), value=b"value " * 20 + b"%d" % n, timestamp=n, headers=())
        for n in range(3_000)
    ]
    world.run(world.log.append(name, appended(*records)))
    found = world.run(read_all(world.log, [name]))
    assert [(r["key"], r["value"]) for r in found] == [(r.key, r.value) for r in records]
    world.close()


@pytest.mark.parametrize("compression", [None, "gzip", "snappy", "lz4", "zstd"])
def test_what_another_producer_wrote_is_read(world: KafkaWorld, compression: str | None) -> None:
    name = world.topic()

    async def produce() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=log_of(world).settings.servers,
            compression_type=compression,
            max_batch_size=2_000,
        )
        async with producer:
            sent = [
                await producer.send(
                    name, b"x%d" % n, key=b"k", headers=[("h", b"%d" % n)], timestamp_ms=n
                )
                for n in range(500)
            ]
            await asyncio.gather(*sent)

    world.run(produce())
    found = world.run(read_all(world.log, [name]))
    assert [(r["value"], r["headers"][0]["VALUE"]) for r in found] == [
        (b"x%d" % n, b"%d" % n) for n in range(500)
    ]


async def transact(servers: str, name: str, *, count: int) -> None:
    """Transactions of three records each, every other one aborted."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=f"tx-{name}")
    async with producer:
        for n in range(count):
            await producer.begin_transaction()
            for i in range(3):
                await producer.send_and_wait(
                    name, b"%d.%d" % (n, i), partition=i % 2, timestamp_ms=n * 10 + i
                )
            if n % 2:
                await producer.abort_transaction()
            else:
                await producer.commit_transaction()


COMMITTED = [b"%d.%d" % (n, i) for n in (0, 2, 4) for i in range(3)]


@pytest.mark.parametrize("records_max", [1, 2, 100])
def test_aborted_transactions_are_not_seen(world: KafkaWorld, records_max: int) -> None:
    name = world.topic(2)
    world.run(transact(log_of(world).settings.servers, name, count=6))
    assert world.run(values(world.log, name, records_max=records_max)) == COMMITTED


def test_who_reads_uncommitted_sees_them(broker: Broker) -> None:
    world = KafkaWorld(broker.address, **{"isolation.level": "read_uncommitted"})
    name = world.topic(2)
    world.run(transact(broker.address, name, count=2))
    assert len(world.run(values(world.log, name))) == 6
    world.close()


def test_what_comes_behind_markers_is_read_from_where_a_reader_was(world: KafkaWorld) -> None:
    """The reader's position is behind its last record, and markers have offsets too."""
    name = world.topic(2)
    servers = log_of(world).settings.servers
    world.run(transact(servers, name, count=2))
    positions = dict(world.run(world.log.offsets([name], end=False)))
    seen: list[bytes] = []
    while len(table := world.run(world.log.fetch([name], positions, records_max=100))):
        positions = advance(positions, [name], table)
        seen += table.column("value").to_pylist()
    assert seen == COMMITTED[:3]
    for _ in range(3):
        assert not len(world.run(world.log.fetch([name], positions, records_max=100)))
    world.run(world.log.append(name, valued(b"plain", partition=0)))
    second = world.run(world.log.fetch([name], positions, records_max=100))
    assert second.column("value").to_pylist() == [b"plain"]
    assert second.column("offset").to_pylist()[0] > positions[TopicPartition(name, 0)]
    world.reopen()
    again = world.run(world.log.fetch([name], positions, records_max=100))
    assert again.column("value").to_pylist() == [b"plain"]


def test_an_open_transaction_holds_back_what_is_behind_it(world: KafkaWorld) -> None:
    name = world.topic()

    async def act() -> tuple[list[bytes], list[bytes]]:
        servers = log_of(world).settings.servers
        async with AIOKafkaProducer(bootstrap_servers=servers, transactional_id=name) as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(name, b"open")
            async with AIOKafkaProducer(bootstrap_servers=servers) as other:
                await other.send_and_wait(name, b"behind")
            ends = await world.log.offsets([name], end=True)
            assert ends[TopicPartition(name, 0)] == 0
            before = await values(world.log, name)
            await producer.commit_transaction()
            return before, await values(world.log, name, wait_ms=2_000)

    assert world.run(act()) == ([], [b"open", b"behind"])


def test_log_append_time_is_the_brokers(world: KafkaWorld) -> None:
    name = world.topic(1, **{"message.timestamp.type": "LogAppendTime"})
    before = time.time_ns() // 1_000_000 - 1_000
    world.run(world.log.append(name, valued(b"a", b"b", timestamp=5)))
    found = world.run(read_all(world.log, [name]))
    assert all(before < r["timestamp"] < before + 60_000 for r in found)


@pytest.mark.slow
def test_offsets_that_compaction_removed_are_passed_over(world: KafkaWorld) -> None:
    config = {
        "cleanup.policy": "compact",
        "segment.ms": "100",
        "min.cleanable.dirty.ratio": "0.001",
        "max.compaction.lag.ms": "100",
    }
    name = world.topic(1, **config)
    now = time.time_ns() // 1_000_000
    for n in range(20):
        record = Record(key=b"k%d" % (n % 2), value=b"%d" % n, timestamp=now)
        world.run(world.log.append(name, appended(record)))
        time.sleep(0.02)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        # A segment is only compacted once another one was begun, which a record does.
        time.sleep(1)
        last = Record(key=b"last", value=b"x", timestamp=time.time_ns() // 1_000_000)
        world.run(world.log.append(name, appended(last)))
        world.reopen()
        found = world.run(read_all(world.log, [name], records_max=3))
        if len(found) < 15:
            break
    kept = [r["value"] for r in found if r["key"] != b"last"]
    assert kept[-2:] == [b"18", b"19"]
    assert len(kept) < 15
    offsets = [r["offset"] for r in found]
    assert offsets == sorted(offsets)
    assert found[len(kept) - 1]["offset"] == 19


def merged(partitions: Sequence[Sequence[tuple[int, bytes]]]) -> list[bytes]:
    """The lowest head of all partitions first, one record at a time."""
    heads = [(records[0][0], p, 0) for p, records in enumerate(partitions) if records]
    heapq.heapify(heads)
    order: list[bytes] = []
    while heads:
        _, p, i = heapq.heappop(heads)
        order.append(partitions[p][i][1])
        if i + 1 < len(partitions[p]):
            heapq.heappush(heads, (partitions[p][i + 1][0], p, i + 1))
    return order


@pytest.mark.parametrize("records_max", [97, 2_000, 65_536])
def test_a_backlog_is_merged_by_timestamp(
    world: KafkaWorld, records_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partitions of different sizes, each out of order by up to 50 ms, all timestamps different:
    the order is that of comparing heads, however much of each was buffered when. An answer of the
    broker holds one batch of each."""
    monkeypatch.setattr(kafka_reader, "_PARTITION_BYTES", 1_000)
    name, partitions = backlog(world, random.Random(records_max))
    found = world.run(values(world.log, name, records_max=records_max))
    assert found == merged(partitions)


def backlog(world: KafkaWorld, rng: random.Random) -> tuple[str, list[list[tuple[int, bytes]]]]:
    """A topic of three partitions, and the (timestamp, value) of each record."""
    name = world.topic(3)
    stamps = iter(rng.sample(range(1_000_000), 5_000))
    partitions: list[list[tuple[int, bytes]]] = []
    for count in (2_800, 200, 2_000):
        own = sorted((next(stamps) for _ in range(count)), key=lambda t: t + rng.randint(0, 50))
        partitions.append([(t, b"%d" % t) for t in own])
    for p, records in enumerate(partitions):
        rows = [Record(value=v, timestamp=t, partition=p) for t, v in records]
        for begin in range(0, len(rows), 700):
            world.run(world.log.append(name, appended(*rows[begin : begin + 700])))
    return name, partitions


@pytest.mark.parametrize("records_max", [97, 2_000, 65_536])
def test_partitions_may_come_apart(world: KafkaWorld, records_max: int) -> None:
    """The same records in a batch, those of a partition together and in their order."""
    name, partitions = backlog(world, random.Random(records_max))
    batches = world.run(batches_apart(log_of(world), name, 5_000, records_max))
    expected = merged(partitions)
    for batch in batches:
        cut, expected = expected[: len(batch)], expected[len(batch) :]
        assert sorted(r["value"] for r in batch) == sorted(cut)
        numbers = [r["partition"] for r in batch]
        assert numbers == sorted(numbers)
    for p, records in enumerate(partitions):
        found = [r["value"] for batch in batches for r in batch if r["partition"] == p]
        assert found == [value for _, value in records]


async def batches_apart(
    log: KafkaLog, name: str, count: int, records_max: int
) -> list[list[dict[str, Any]]]:
    """All batches of a topic's `count` records."""
    reader = await log.reader({TopicPartition(name, p): 0 for p in range(3)})
    batches: list[list[dict[str, Any]]] = []
    try:
        while sum(map(len, batches)) < count:
            table = await reader.take([name], records_max=records_max, wait_ms=1_000, apart=True)
            batches.append(table.to_pylist())
    finally:
        await reader.close()
    return batches


def test_small_batches_where_the_topic_takes_no_large_ones(world: KafkaWorld) -> None:
    name = world.topic(1, **{"max.message.bytes": "5000"})
    contents = [b"%d" % n + b"x" * 1_000 for n in range(50)]
    world.run(world.log.append(name, valued(*contents)))
    assert world.run(values(world.log, name)) == contents


def test_a_record_that_is_too_large_is_named_and_nothing_is_written(world: KafkaWorld) -> None:
    name = world.topic(1, **{"max.message.bytes": "5000"})
    with pytest.raises(LogError) as raised:
        world.run(world.log.append(name, valued(b"small", b"x" * 6_000)))
    assert raised.value.primary == (
        f"topic {name} cannot be written: a record is larger than the topic takes"
    )
    assert "max.message.bytes of the topic is 5000" in raised.value.detail
    assert "raise max.message.bytes" in raised.value.hint
    assert world.run(values(world.log, name)) == []
    world.run(world.log.append(name, valued(b"goes on")))
    assert world.run(values(world.log, name)) == [b"goes on"]


def test_a_position_before_the_first_offset_means_the_first(world: KafkaWorld) -> None:
    name = world.topic(2)
    world.run(world.log.append(name, valued(*(b"%d" % n for n in range(20)))))
    world.run(log_of(world).delete_records({TopicPartition(name, 0): 7}))
    assert world.run(world.log.offsets([name], end=False)) == {
        TopicPartition(name, 0): 7,
        TopicPartition(name, 1): 0,
    }
    from_zero = {TopicPartition(name, 0): 0, TopicPartition(name, 1): 9}
    table = world.run(world.log.fetch([name], from_zero, records_max=100))
    assert table.column("value").to_pylist() == [b"14", b"16", b"18", b"19"]


def test_a_position_behind_the_end_is_an_error(world: KafkaWorld) -> None:
    name = world.topic()
    world.run(world.log.append(name, valued(b"a")))
    with pytest.raises(LogError, match="has no offset 50") as raised:
        world.run(world.log.fetch([name], {TopicPartition(name, 0): 50}, records_max=1))
    assert "deleted and created again" in raised.value.hint


def test_fetch_waits_for_records_that_come(world: KafkaWorld) -> None:
    name = world.topic()

    async def act() -> tuple[pa.Table, float]:
        positions = {TopicPartition(name, 0): 0}
        waiting = asyncio.create_task(
            world.log.fetch([name], positions, records_max=10, wait_ms=20_000)
        )
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await world.log.append(name, valued(b"at last"))
        return await waiting, time.monotonic() - began

    table, seconds = world.run(act())
    assert table.column("value").to_pylist() == [b"at last"]
    assert seconds < 5


def test_more_replicas_than_brokers(world: KafkaWorld) -> None:
    with pytest.raises(LogError, match="fewer brokers than replicas") as raised:
        world.run(world.log.create_topic(TopicInfo(name="wide", partitions=1, replicas=3)))
    assert "REPLICAS" in raised.value.hint


def test_a_configuration_that_kafka_does_not_know(world: KafkaWorld) -> None:
    topic = TopicInfo(name="odd", partitions=1, config={"retention.years": "3"})
    with pytest.raises(LogError, match="a configuration of the topic is not valid") as raised:
        world.run(world.log.create_topic(topic))
    assert "retention.years" in raised.value.detail


# Who may and who may not ------------------------------------------------------------------------

PASSWORDS = {"engine": "engine-secret", "nobody": "nobody-secret"}


def as_user(broker: Broker, user: str, *, mechanism: str = "PLAIN", password: str = "") -> Any:
    return KafkaWorld(
        broker.sasl_address,
        **{
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": mechanism,
            "sasl.username": user,
            "sasl.password": password or PASSWORDS[user],
        },
    )


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_a_user_with_a_password_gets_in(broker: Broker, mechanism: str) -> None:
    world = as_user(broker, "engine", mechanism=mechanism)
    name = world.topic()
    world.run(world.log.append(name, valued(b"v")))
    assert world.run(values(world.log, name)) == [b"v"]
    world.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_a_wrong_password_is_said_and_not_shown(broker: Broker, mechanism: str) -> None:
    with pytest.raises(LogError) as raised:
        as_user(broker, "engine", mechanism=mechanism, password="wrong-secret")
    assert raised.value.primary == (
        f"Kafka at {broker.sasl_address} was reached: the broker refused the credentials"
    )
    assert "wrong-secret" not in str(raised.value)
    assert "check the SASL user" in raised.value.hint


def test_a_mechanism_that_the_broker_has_not(broker: Broker) -> None:
    with pytest.raises(LogError, match="does not know this SASL mechanism") as raised:
        as_user(broker, "engine", mechanism="SCRAM-SHA-512")
    assert raised.value.hint == "set sasl.mechanism to one that the broker has enabled"


@pytest.mark.parametrize("act", ["create", "append", "fetch", "offsets", "delete"])
def test_no_permission_is_said_for_what(world: KafkaWorld, broker: Broker, act: str) -> None:
    name = world.topic()
    nobody = as_user(broker, "nobody")
    log = nobody.log
    calls: dict[str, Callable[[], Any]] = {
        "create": lambda: log.create_topic(TopicInfo(name="mine", partitions=1)),
        "append": lambda: log.append(name, valued(b"v")),
        "fetch": lambda: log.fetch([name], {TopicPartition(name, 0): 0}, records_max=1),
        "offsets": lambda: log.offsets([name], end=True),
        "delete": lambda: log.delete_topic(name),
    }
    with pytest.raises(LogError, match="no permission") as raised:
        nobody.run(calls[act]())
    assert ("mine" if act == "create" else name) in raised.value.primary
    assert "ACL" in raised.value.hint
    assert "nobody-secret" not in str(raised.value)
    nobody.close()


# Brokers that are not there ---------------------------------------------------------------------


def test_no_broker_is_said_with_its_address() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(LogError) as raised:
        asyncio.run(open_kafka(kafka_settings(f"kafka://{address}")))
    assert raised.value.primary == f"no Kafka broker answers at {address}"
    assert raised.value.hint == "check host and port, and that the broker runs"


def test_a_host_that_is_not_there() -> None:
    with pytest.raises(LogError, match=r"no Kafka broker answers at no-such-host.invalid:9092"):
        asyncio.run(open_kafka(kafka_settings("kafka://no-such-host.invalid:9092")))


def test_a_port_that_speaks_something_else(broker: Broker) -> None:
    properties = {"security.protocol": "SSL", "request.timeout.ms": "3000"}
    with pytest.raises(LogError, match=r"TLS failed|closed the connection") as raised:
        asyncio.run(open_kafka(kafka_settings(broker.address, properties)))
    assert "speaks SSL" in raised.value.hint


def test_one_of_several_addresses_is_enough(broker: Broker) -> None:
    world = KafkaWorld(f"127.0.0.1:{free_port()},{broker.address}")
    assert world.run(values(world.log, world.topic())) == []
    world.close()


@pytest.mark.slow
def test_a_broker_that_comes_back_is_used_again(world: KafkaWorld, broker: Broker) -> None:
    name = world.topic(2)
    world.run(world.log.append(name, valued(b"before", timestamp=1)))
    positions = dict(world.run(world.log.offsets([name], end=False)))
    table = world.run(world.log.fetch([name], positions, records_max=10))
    positions = advance(positions, [name], table)
    broker.kill()
    try:
        with pytest.raises(LogError) as raised:
            world.run(values(world.log, name))
        assert raised.value.hint
    finally:
        broker.start()
    world.run(world.log.append(name, valued(b"after", timestamp=2)))
    table = world.run(world.log.fetch([name], positions, records_max=10, wait_ms=10_000))
    assert table.column("value").to_pylist() == [b"after"]
    assert world.run(values(world.log, name)) == [b"before", b"after"]


@pytest.mark.parametrize("turns", range(0, 40, 3))
def test_an_opening_that_is_cancelled_leaves_no_connection(world: KafkaWorld, turns: int) -> None:
    """After so many turns of the event loop; what aiokafka lost it would complain of."""
    name, log = world.topic(), log_of(world)

    async def opened(opening: Coroutine[Any, Any, object]) -> bool:
        task = asyncio.create_task(opening)
        for _ in range(turns):
            # A millisecond, so that answers arrive between the turns.
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        return not task.cancelled()

    async def act() -> None:
        reader = KafkaReader(log.settings, {TopicPartition(name, 0): 0}, written=log.written)
        if await opened(reader.open()):
            await reader.close()
        writer = log.task(group="g", transactional_id=f"{name}-{turns}")
        if await opened(writer.open([])):
            await writer.close()

    world.run(act())
    gc.collect()
