"""What every log does: the contract of `brokers/log.py`."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from streamsql.brokers.log import FETCHED, TopicInfo, TopicPartition
from streamsql.errors import LogError
from streamsql.schema.murmur2 import partition_of
from tests.brokers.records import Record, advance, appended, read_all, valued, values
from tests.brokers.world import World


def test_topics_are_created_described_and_deleted(world: World) -> None:
    name = world.topic(3, **{"retention.ms": "86400000"})
    info = world.run(world.log.topics())[name]
    assert (info.name, info.partitions, info.replicas) == (name, 3, 1)
    assert info.config["retention.ms"] == "86400000"
    world.run(world.log.delete_topic(name))
    assert name not in world.run(world.log.topics())


def test_a_topic_that_was_deleted_and_created_again_is_empty(world: World) -> None:
    name = world.topic(2)
    world.run(world.log.append(name, valued(b"old")))
    world.run(world.log.delete_topic(name))
    world.run(world.log.create_topic(TopicInfo(name=name, partitions=3)))
    assert world.run(values(world.log, name, wait_ms=world.wait_ms)) == []
    assert len(world.run(world.log.offsets([name], end=True))) == 3


def test_creating_a_topic_again_changes_nothing(world: World) -> None:
    name = world.topic(2)
    world.run(world.log.append(name, valued(b"kept")))
    world.run(world.log.create_topic(TopicInfo(name=name, partitions=2)))
    assert world.run(values(world.log, name, wait_ms=world.wait_ms)) == [b"kept"]


def test_a_topic_with_another_number_of_partitions_is_refused(world: World) -> None:
    name = world.topic(2)
    with pytest.raises(LogError) as raised:
        world.run(world.log.create_topic(TopicInfo(name=name, partitions=4)))
    assert raised.value.primary == (
        f"A Kafka topic with the name '{name}' already exists, with different partition/replica"
        " configuration than required. KSQL expects 4 partitions (topic has 2), and 1 replication"
        " factor (topic has 1)."
    )
    assert raised.value.hint == "ask for 2 partitions, or use another topic"


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "ä", "x" * 250, 'a"b', "a/b"])
def test_a_name_that_kafka_refuses_is_refused(world: World, name: str) -> None:
    with pytest.raises(LogError, match=r"topic name .* is invalid") as raised:
        world.run(world.log.create_topic(TopicInfo(name=name, partitions=1)))
    assert raised.value.hint


def test_a_topic_needs_a_partition(world: World) -> None:
    with pytest.raises(LogError, match="cannot have 0 partitions"):
        world.run(world.log.create_topic(TopicInfo(name="none", partitions=0)))


@pytest.mark.parametrize("act", ["append", "fetch", "offsets", "delete"])
def test_a_topic_that_is_not_there_is_named(world: World, act: str) -> None:
    name = "no-such-topic"
    log = world.log
    call = {
        "append": lambda: log.append(name, valued(b"v")),
        "fetch": lambda: log.fetch([name], {TopicPartition(name, 0): 0}, records_max=1),
        "offsets": lambda: log.offsets([name], end=True),
        "delete": lambda: log.delete_topic(name),
    }[act]
    with pytest.raises(LogError) as raised:
        world.run(call())
    assert raised.value.primary == f"topic {name} does not exist"
    assert "SHOW TOPICS" in raised.value.hint


@pytest.mark.parametrize("partition", [-1, 2])
def test_a_partition_that_is_not_there_is_named(world: World, partition: int) -> None:
    name = world.topic(2)
    with pytest.raises(LogError) as raised:
        world.run(world.log.append(name, valued(b"v", partition=partition)))
    assert raised.value.primary == f"topic {name} has no partition {partition}"
    assert raised.value.hint == "its partitions are 0 to 1"
    assert world.run(values(world.log, name, wait_ms=world.wait_ms)) == []
    place = {TopicPartition(name, partition): 0}
    with pytest.raises(LogError, match=f"has no partition {partition}"):
        world.run(world.log.fetch([name], place, records_max=1))


def test_records_come_back_as_they_were_appended(world: World) -> None:
    name = world.topic()
    records = appended(
        Record(key=b"\x00\xffk", value=b'{"a": 1}', timestamp=1_700_000_000_123),
        Record(key=None, value=b"no key", timestamp=1_700_000_000_124),
        Record(key=b"no value", value=None, timestamp=1_700_000_000_125),
        Record(key=b"", value=b"", timestamp=0),
        Record(headers=(("h", b"\x01\x02"), ("h", b"twice"), ("null", None), ("", b""))),
    )
    world.run(world.log.append(name, records))
    rows = world.run(read_all(world.log, [name], wait_ms=world.wait_ms))
    assert [(r["key"], r["value"], r["timestamp"]) for r in rows] == [
        (b"\x00\xffk", b'{"a": 1}', 1_700_000_000_123),
        (None, b"no key", 1_700_000_000_124),
        (b"no value", None, 1_700_000_000_125),
        (b"", b"", 0),
        (None, b"v", 1_000),
    ]
    assert [r["offset"] for r in rows] == [0, 1, 2, 3, 4]
    assert [r["headers"] or [] for r in rows[:4]] == [[], [], [], []]
    assert [(h["KEY"], h["VALUE"]) for h in rows[4]["headers"]] == [
        ("h", b"\x01\x02"),
        ("h", b"twice"),
        ("null", None),
        ("", b""),
    ]


def test_keys_are_placed_by_murmur2(world: World) -> None:
    name = world.topic(5)
    keys = [b"key-%d" % i for i in range(200)] + [b"", b"abc", b"foobar"]
    world.run(world.log.append(name, appended(*(Record(key=k) for k in keys))))
    rows = world.run(read_all(world.log, [name], wait_ms=world.wait_ms))
    expected = dict(zip(keys, partition_of(pa.array(keys), 5).to_pylist(), strict=True))
    assert expected[b"abc"] == 479470107 % 5
    assert {r["key"]: r["partition"] for r in rows} == expected
    for partition in range(5):
        offsets = [r["offset"] for r in rows if r["partition"] == partition]
        assert offsets == list(range(len(offsets)))


def test_a_named_partition_is_kept_whatever_the_key(world: World) -> None:
    name = world.topic(4)
    records = [Record(key=b"same", value=b"%d" % p, partition=p) for p in (3, 1, 3, 0)]
    world.run(world.log.append(name, appended(*records, Record(key=b"same"))))
    rows = world.run(read_all(world.log, [name], wait_ms=world.wait_ms))
    placed = {r["value"]: r["partition"] for r in rows}
    assert placed == {
        b"3": 3,
        b"1": 1,
        b"0": 0,
        b"v": partition_of(pa.array([b"same"]), 4)[0].as_py(),
    }


def test_records_without_key_or_partition_are_spread_evenly(world: World) -> None:
    name = world.topic(3)
    for size in (1, 4, 7):
        world.run(world.log.append(name, valued(*[b"v"] * size)))
    rows = world.run(read_all(world.log, [name], wait_ms=world.wait_ms))
    assert Counter(r["partition"] for r in rows) == {0: 4, 1: 4, 2: 4}


def test_offsets_are_the_first_and_the_next(world: World) -> None:
    name, empty = world.topic(2), world.topic(1)
    world.run(world.log.append(name, valued(b"a", b"b", b"c", partition=1)))
    first = world.run(world.log.offsets([name, empty], end=False))
    assert first == {
        TopicPartition(name, 0): 0,
        TopicPartition(name, 1): 0,
        TopicPartition(empty, 0): 0,
    }
    assert world.run(world.log.offsets([name, empty], end=True)) == {
        TopicPartition(name, 0): 0,
        TopicPartition(name, 1): 3,
        TopicPartition(empty, 0): 0,
    }


def test_nothing_is_appended_by_an_empty_table(world: World) -> None:
    name = world.topic()
    world.run(world.log.append(name, appended()))
    assert world.run(world.log.offsets([name], end=True)) == {TopicPartition(name, 0): 0}


def test_an_empty_log_gives_an_empty_table(world: World) -> None:
    name = world.topic(2)
    positions = world.run(world.log.offsets([name], end=False))
    table = world.run(world.log.fetch([name], positions, records_max=10))
    assert table.num_rows == 0
    assert table.schema.equals(FETCHED)


def interleave(world: World, topics: list[str], count: int) -> list[bytes]:
    """Appends `count` records by turns and in uneven batches; gives the values in order."""
    order: list[bytes] = []
    number = 0
    while number < count:
        size = 1 + (number * 7) % 5
        topic = topics[(number * 3 + size) % len(topics)]
        batch = [
            Record(key=b"k%d" % (n % 11), value=b"%d" % n, timestamp=10_000 + n)
            for n in range(number, number + size)
        ]
        world.run(world.log.append(topic, appended(*batch)))
        order += [r.value or b"" for r in batch]
        number += size
    return order


@pytest.mark.slow
@pytest.mark.parametrize("records_max", [1, 7, 1_000])
def test_the_order_does_not_depend_on_where_it_is_cut(world: World, records_max: int) -> None:
    topics = [world.topic(3), world.topic(1), world.topic(2)]
    order = interleave(world, topics, 120)
    found = world.run(values(world.log, *topics, records_max=records_max, wait_ms=world.wait_ms))
    assert found == order


def test_inputs_are_told_by_their_place_in_the_request(world: World) -> None:
    first, second = world.topic(), world.topic()
    world.run(world.log.append(first, valued(b"first", timestamp=1)))
    world.run(world.log.append(second, valued(b"second", timestamp=2)))
    rows = world.run(read_all(world.log, [second, first], wait_ms=world.wait_ms))
    assert [(r["input"], r["value"]) for r in rows] == [(1, b"first"), (0, b"second")]


def test_a_topic_named_twice_gives_each_record_twice(world: World) -> None:
    name, other = world.topic(2), world.topic()
    world.run(world.log.append(name, valued(b"a", timestamp=1)))
    world.run(world.log.append(other, valued(b"b", timestamp=2)))
    world.run(world.log.append(name, valued(b"c", timestamp=3)))
    topics = [name, other, name]
    positions = dict(world.run(world.log.offsets(topics, end=False)))
    rows: list[tuple[bytes, int]] = []
    for _ in range(3):
        table = world.run(world.log.fetch(topics, positions, records_max=1, wait_ms=world.wait_ms))
        rows += [(r["value"], r["input"]) for r in table.to_pylist()]
        positions = advance(positions, topics, table)
    assert rows == [(b"a", 0), (b"a", 2), (b"b", 1), (b"c", 0), (b"c", 2)]


def test_only_partitions_with_a_position_are_read(world: World) -> None:
    name = world.topic(3)
    for n in range(30):
        world.run(world.log.append(name, valued(b"%d" % n, partition=n % 3, timestamp=n)))
    positions = {TopicPartition(name, 2): 4, TopicPartition(name, 0): 8}
    found: list[bytes] = []
    while True:
        table = world.run(world.log.fetch([name], positions, records_max=3, wait_ms=world.wait_ms))
        if not len(table):
            break
        found += table.column("value").to_pylist()
        positions = advance(positions, [name], table)
    assert found == [b"%d" % n for n in range(14, 30) if (n % 3 == 2) or (n % 3 == 0 and n >= 24)]


def test_positions_may_be_anything_a_reader_remembers(world: World) -> None:
    """One partition far behind, one at its end: what a rebalance leaves."""
    name = world.topic(2)
    for n in range(40):
        world.run(world.log.append(name, valued(b"%d" % n, partition=n % 2, timestamp=n)))
    positions = {TopicPartition(name, 0): 2, TopicPartition(name, 1): 18}
    found: list[bytes] = []
    for _ in range(20):
        table = world.run(world.log.fetch([name], positions, records_max=4, wait_ms=world.wait_ms))
        if not len(table):
            break
        found += table.column("value").to_pylist()
        positions = advance(positions, [name], table)
    assert found == [b"%d" % n for n in range(4, 40) if n % 2 == 0 or n >= 36]


def test_what_is_appended_after_the_end_was_seen_is_read(world: World) -> None:
    name = world.topic(2)
    positions = dict(world.run(world.log.offsets([name], end=True)))
    seen: list[bytes] = []
    for n in range(5):
        assert not len(world.run(world.log.fetch([name], positions, records_max=10)))
        world.run(world.log.append(name, valued(b"%d" % n)))
        table = world.run(world.log.fetch([name], positions, records_max=10, wait_ms=world.wait_ms))
        seen += table.column("value").to_pylist()
        positions = advance(positions, [name], table)
    assert seen == [b"0", b"1", b"2", b"3", b"4"]


def test_two_readers_do_not_disturb_each_other(world: World) -> None:
    name = world.topic(2)
    order = interleave(world, [name], 60)
    topics = [name]
    places = [dict(world.run(world.log.offsets(topics, end=False))) for _ in range(2)]
    found: list[list[bytes]] = [[], []]
    for turn in range(21):
        reader, size = turn % 2, 1 + turn % 5
        table = world.run(
            world.log.fetch(topics, places[reader], records_max=size, wait_ms=world.wait_ms)
        )
        found[reader] += table.column("value").to_pylist()
        places[reader] = advance(places[reader], topics, table)
    assert found[0] == order[: len(found[0])]
    assert found[1] == order[: len(found[1])]
    assert (len(found[0]), len(found[1])) == (31, 30)


@pytest.mark.slow
def test_large_batches_keep_their_order(world: World) -> None:
    name = world.topic(4)
    count = 20_000
    records = [Record(key=b"%d" % (n % 997), value=b"%d" % n, timestamp=n) for n in range(count)]
    world.run(world.log.append(name, appended(*records)))
    rows = world.run(read_all(world.log, [name], records_max=6_000, wait_ms=world.wait_ms))
    assert len(rows) == count
    for partition in range(4):
        mine = [r for r in rows if r["partition"] == partition]
        assert [r["offset"] for r in mine] == list(range(len(mine)))
        assert [int(r["value"]) for r in mine] == sorted(int(r["value"]) for r in mine)


def test_a_log_that_was_opened_again_goes_on(durable_world: World) -> None:
    world = durable_world
    name, other = world.topic(3, **{"cleanup.policy": "compact"}), world.topic()
    order = interleave(world, [name, other], 50)
    ends = world.run(world.log.offsets([name, other], end=True))
    world.reopen()
    info = world.run(world.log.topics())[name]
    assert (info.partitions, info.config["cleanup.policy"]) == (3, "compact")
    assert world.run(world.log.offsets([name, other], end=True)) == ends
    order += interleave(world, [other, name], 20)
    assert world.run(values(world.log, name, other, records_max=9, wait_ms=world.wait_ms)) != []
    rows = world.run(read_all(world.log, [name, other], records_max=9, wait_ms=world.wait_ms))
    assert Counter(r["value"] for r in rows) == Counter(order)
    if world.appends_in_order:
        assert [r["value"] for r in rows] == order
