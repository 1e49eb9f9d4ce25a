"""Topics of a Kafka cluster: created, described, deleted, and what of them is remembered.

Topics that Kafka keeps for itself (`__consumer_offsets`, …) are not shown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import errors as kafka
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.protocol.admin import (
    CreateTopicsRequest,
    DeleteRecordsRequest,
    DeleteTopicsRequest,
    DescribeConfigsRequest,
)
from aiokafka.protocol.api import Request
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.structs import TopicPartition as KafkaPartition

from streamsql.brokers.kafka_errors import explain, explain_connection
from streamsql.brokers.kafka_opening import open_client
from streamsql.brokers.kafka_settings import KafkaSettings, connection_options
from streamsql.brokers.log import TopicInfo, TopicPartition
from streamsql.brokers.placement import check_topic, unknown_topic
from streamsql.errors import LogError

_SET_FOR_TOPIC = 1
"""Source of a configuration entry in DescribeConfigs: the topic's own, no default of the broker."""

_DEFAULT_RECORD_BYTES_MAX = 1_048_588
"""Kafka's default of max.message.bytes."""

_TOPIC = 2
"""The kind of resource that a topic is to DescribeConfigs."""

_EARLIEST, _LATEST = -2, -1
"""What ListOffsets takes in the place of a timestamp."""

_PAUSE_MS = 50


class KafkaTopics:
    """Asks a cluster about its topics and changes them."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._client = AIOKafkaClient(**connection_options(settings))
        self._known: dict[str, TopicInfo] = {}
        self._record_bytes: dict[str, int] = {}

    async def open(self) -> None:
        """Connects; LogError that says why where it cannot."""
        try:
            await open_client(self._client.bootstrap, self._client.close)
        except kafka.KafkaError as error:
            raise await explain_connection(self._settings) from error

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def all(self) -> dict[str, TopicInfo]:
        """All topics with what is configured for them, by name."""
        described = await self._describe("topics cannot be listed", None)
        shown = [t for t in described if not t["error_code"] and not t["is_internal"]]
        configs = await self._configs([topic["topic"] for topic in shown])
        self._known = {
            topic["topic"]: _info(topic, configs.get(topic["topic"], {})) for topic in shown
        }
        return dict(sorted(self._known.items()))

    async def get(self, name: str) -> TopicInfo:
        """One topic, from memory where it was seen before; LogError where it is not there."""
        known = self._known.get(name)
        if known is None:
            doing = f"topic {name} cannot be described"
            (topic,) = await self._describe(doing, [name])
            error = kafka.for_code(topic["error_code"])
            if error in (kafka.UnknownTopicOrPartitionError, kafka.InvalidTopicError):
                raise unknown_topic(name)
            if error is not kafka.NoError:
                raise explain(error(), self._settings, doing)
            known = self._known[name] = _info(topic, {})
        return known

    def forget(self, name: str) -> None:
        """Drops what is remembered of a topic: it is not as it was."""
        self._known.pop(name, None)
        self._record_bytes.pop(name, None)

    async def record_bytes_max(self, name: str) -> int:
        """The size of the largest batch that a topic takes (`max.message.bytes`)."""
        if name not in self._record_bytes:
            found = _DEFAULT_RECORD_BYTES_MAX
            for entry in (await self._entries([name], ["max.message.bytes"])).get(name, ()):
                found = int(entry[1])
            self._record_bytes[name] = found
        return self._record_bytes[name]

    async def create(self, topic: TopicInfo) -> None:
        """Creates a topic and waits until it has leaders; nothing where it is there."""
        check_topic(topic, None)
        doing = f"topic {topic.name} cannot be created"
        config = list(topic.config.items())
        new = (topic.name, topic.partitions, topic.replicas, [], config)
        request = CreateTopicsRequest([new], self._settings.timeout_ms, False)
        response = await self._send(doing, request, to_controller=True)
        _, code, *message = response.topic_errors[0]
        error = kafka.for_code(code)
        self.forget(topic.name)
        if error is kafka.TopicAlreadyExistsError:
            check_topic(topic, await self.get(topic.name))
            return
        if error is not kafka.NoError:
            said = message[0] if message and message[0] else ""
            raise explain(error(said), self._settings, doing)
        await self._await_topic(doing, topic.name, topic.partitions)

    async def delete(self, name: str) -> None:
        """Deletes a topic and waits until it is gone; LogError where it is not there."""
        doing = f"topic {name} cannot be deleted"
        request = DeleteTopicsRequest([name], self._settings.timeout_ms)
        response = await self._send(doing, request, to_controller=True)
        self.forget(name)
        error = kafka.for_code(response.topic_error_codes[0][1])
        if error is kafka.UnknownTopicOrPartitionError:
            raise unknown_topic(name)
        if error is not kafka.NoError:
            raise explain(error(), self._settings, doing)
        await self._await_topic(doing, name, 0)

    async def _await_topic(self, doing: str, name: str, partitions: int) -> None:
        """Waits until the brokers have so many partitions of a topic with leaders: a request
        before that is refused."""
        attempts = max(self._settings.timeout_ms // _PAUSE_MS, 1)
        for _ in range(attempts):
            (found,) = await self._describe(doing, [name])
            leaders = [partition["leader"] for partition in found["partitions"]]
            if len(leaders) == partitions and min(leaders, default=0) >= 0:
                await self._client.force_metadata_update()
                return
            await asyncio.sleep(_PAUSE_MS / 1000)
        raise explain(kafka.RequestTimedOutError(), self._settings, doing)

    async def delete_records(self, before: Mapping[TopicPartition, int]) -> None:
        """Removes what stands before these offsets."""
        by_node: dict[int, dict[str, list[tuple[int, int]]]] = {}
        for place, offset in before.items():
            await self.get(place.topic)
            node = await self.leader(place)
            topics = by_node.setdefault(node, {})
            topics.setdefault(place.topic, []).append((place.partition, offset))
        for node, topics in by_node.items():
            doing = f"records of {', '.join(topics)} cannot be deleted"
            request = DeleteRecordsRequest(list(topics.items()), self._settings.timeout_ms)
            response = await self._send(doing, request, node=node)
            for _, partitions, *_ in response.topics:
                for _, _, code, *_ in partitions:
                    if code:
                        raise explain(kafka.for_code(code)(), self._settings, doing)

    async def leader(self, place: TopicPartition) -> int:
        """The node that leads a partition; LogError where there is none."""
        partition = KafkaPartition(place.topic, place.partition)
        for _ in range(2):
            node = self._client.cluster.leader_for_partition(partition)
            if node is not None and node >= 0:
                return node
            await self._client.force_metadata_update()
        raise LogError(
            f"topic {place.topic}, partition {place.partition} has no leader",
            hint="the broker that has it is down; it is tried again",
        )

    async def offsets(
        self, topics: Sequence[str], *, end: bool, isolation: int
    ) -> dict[TopicPartition, int]:
        """First or next offsets; with isolation 1 (read_committed) next is the last stable one."""
        doing = f"offsets of {', '.join(topics)} cannot be read"
        found: dict[TopicPartition, int] = {}
        deadline = time.monotonic() + self._settings.timeout_ms / 1000
        wanted = {
            TopicPartition(name, partition)
            for name in topics
            for partition in range((await self.get(name)).partitions)
        }
        while missing := sorted(wanted - found.keys()):
            try:
                found |= await self._offsets(doing, missing, end=end, isolation=isolation)
            except kafka.BrokerResponseError as error:
                # A topic that was just created, or a leader that just moved.
                if not error.retriable or time.monotonic() > deadline:
                    raise explain(error, self._settings, doing) from error
                await asyncio.sleep(_PAUSE_MS / 1000)
                await self._client.force_metadata_update()
        return {place: found[place] for place in sorted(wanted)}

    async def _offsets(
        self, doing: str, places: Sequence[TopicPartition], *, end: bool, isolation: int
    ) -> dict[TopicPartition, int]:
        by_node: dict[int, dict[str, list[tuple[int, int]]]] = {}
        for place in places:
            wanted = by_node.setdefault(await self.leader(place), {}).setdefault(place.topic, [])
            wanted.append((place.partition, _LATEST if end else _EARLIEST))
        found: dict[TopicPartition, int] = {}
        for node, asked in by_node.items():
            request = OffsetRequest(-1, isolation, list(asked.items()))
            response = await self._send(doing, request, node=node)
            for name, partitions in response.topics:
                for partition, code, _, offset in partitions:
                    if code:
                        raise kafka.for_code(code)()
                    found[TopicPartition(name, partition)] = offset
        return found

    async def committed(
        self, group: str, places: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """The positions that a group has committed, without partitions for which it has none."""
        doing = f"the positions of group {group} cannot be read"
        topics: dict[str, list[int]] = {}
        for place in places:
            topics.setdefault(place.topic, []).append(place.partition)
        request = OffsetFetchRequest(group, list(topics.items()))
        deadline = time.monotonic() + self._settings.timeout_ms / 1000
        while True:
            try:
                node = await self._client.coordinator_lookup(CoordinationType.GROUP, group)
                response = await self._client.send(node, request)
                _raise_unless_fine(kafka.for_code(response.error_code)())
                found: dict[TopicPartition, int] = {}
                for topic, partitions in response.topics:
                    for partition, offset, _, code in partitions:
                        _raise_unless_fine(kafka.for_code(code)())
                        if offset >= 0:
                            found[TopicPartition(topic, partition)] = offset
                return found
            except (kafka.KafkaError, OSError, TimeoutError) as error:
                retriable = isinstance(error, kafka.KafkaError) and error.retriable
                if not retriable or time.monotonic() > deadline:
                    raise explain(error, self._settings, doing) from error
                await asyncio.sleep(_PAUSE_MS / 1000)

    async def _configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        """What is configured for these topics and is not the broker's default."""
        entries = await self._entries(names, None)
        return {
            name: {entry[0]: entry[1] or "" for entry in found if entry[3] == _SET_FOR_TOPIC}
            for name, found in entries.items()
        }

    async def _entries(
        self, names: Sequence[str], keys: Sequence[str] | None
    ) -> dict[str, list[tuple[Any, ...]]]:
        """Entries of DescribeConfigs: name, value, whether read-only, source, …; without topics
        that the user may not describe."""
        if not names:
            return {}
        resources = [(_TOPIC, name, list(keys) if keys else None) for name in names]
        request = DescribeConfigsRequest(resources)
        response = await self._send("topics cannot be described", request)
        return {
            name: list(entries)
            for code, _, _, name, entries in response.resources
            if kafka.for_code(code) is kafka.NoError
        }

    async def _describe(self, doing: str, names: Sequence[str] | None) -> list[dict[str, Any]]:
        """Metadata of these topics or of all. A topic is not created by being asked for."""
        request = MetadataRequest(None if names is None else list(names), False)
        return (await self._send(doing, request)).to_object()["topics"]

    async def _send(
        self,
        doing: str,
        request: Request[Any],
        *,
        node: int | None = None,
        to_controller: bool = False,
    ) -> Any:
        """The response; LogError where there is none."""
        try:
            if to_controller and self._client.cluster.controller is None:
                await self._client.force_metadata_update()
            controller = self._client.cluster.controller
            if to_controller and controller is not None:
                node = controller.nodeId
            return await self._client.send(
                self._client.get_random_node() if node is None else node, request
            )
        except (kafka.KafkaError, TimeoutError, OSError) as error:
            raise explain(error, self._settings, doing) from error


def _raise_unless_fine(error: kafka.BrokerResponseError) -> None:
    if not isinstance(error, kafka.NoError):
        raise error


def _info(topic: Mapping[str, Any], config: Mapping[str, str]) -> TopicInfo:
    partitions = topic["partitions"]
    return TopicInfo(
        name=topic["topic"],
        partitions=len(partitions),
        replicas=max((len(p["replicas"]) for p in partitions), default=1),
        config=config,
    )
