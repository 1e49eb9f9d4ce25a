"""An engine's membership in the group that shares a query's partitions.

The group's coordinator knows who is alive; one member, the leader, applies the rule of `group.py`
and tells everybody where each partition is read. The consumer that is a member reads nothing: its
partitions are paused at once, since `KafkaReader` does the reading. It must be polled all the same:
who does not call `poll` for `max_poll_ms` has left, as an engine that hangs should.

aiokafka's protocol is eager: in a rebalance everybody gives up everything first. What is given
back at once was not moved: `assignment` changes only when a rebalance has ended, so a task whose
partition stays is not stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka import errors as kafka
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from aiokafka.structs import TopicPartition as KafkaPartition

from streamsql.brokers.group import (
    Assignment,
    Fenced,
    Member,
    Told,
    assign_partitions,
    assign_standbys,
    decode_member,
    decode_told,
)
from streamsql.brokers.kafka_errors import explain, explain_connection
from streamsql.brokers.kafka_opening import open_client
from streamsql.brokers.kafka_settings import KafkaSettings, connection_options
from streamsql.brokers.log import TopicPartition

_VERSION = 0
"""Of the consumer protocol's structures."""


class KafkaGroup:
    """One engine in the group of one query. `member` tells what it presents to the others.

    `on_change` is called when `changed` is set. `standbys`: so many engines beside its owner keep a
    copy of a number's state. `whole`: the query cannot be divided, so that one engine has all
    partitions, under the number 0.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        query: str,
        *,
        group: str,
        topics: Sequence[str],
        member: Callable[[], Member],
        whole: bool = False,
        standbys: int = 0,
        session_ms: int = 10_000,
        max_poll_ms: int = 300_000,
    ) -> None:
        self.assignment: Assignment | None = None
        self.changed = asyncio.Event()
        self.on_change: Callable[[], None] | None = None
        self._settings = settings
        self._group = group
        self._topics = tuple(topics)
        self._whole = whole
        self._assignor = _Assignor(query, member, whole=whole, standbys=standbys)
        options = connection_options(settings)
        # A request may take longer than the session: a join waits for all members.
        options["request_timeout_ms"] = max(settings.timeout_ms, max_poll_ms + 1_000)
        self._consumer = AIOKafkaConsumer(
            **options,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[self._assignor],
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=max(session_ms // 5, 100),
            max_poll_interval_ms=max_poll_ms,
        )

    async def open(self) -> None:
        """Asks to be a member; `changed` is set once there is an assignment."""
        try:
            self._consumer.subscribe(self._topics, listener=_Listener(self._take))
            await open_client(self._consumer.start, self._consumer.stop)
        except kafka.KafkaConnectionError as error:
            raise await explain_connection(self._settings) from error
        except kafka.KafkaError as error:
            doing = f"group {self._group} cannot be joined"
            raise explain(error, self._settings, doing) from error

    async def poll(self) -> None:
        """Says that this engine is alive; LogError where it cannot stay in the group."""
        try:
            await self._consumer.getmany(timeout_ms=0)
        except kafka.KafkaError as error:
            doing = f"group {self._group} cannot be kept"
            raise explain(error, self._settings, doing) from error

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commits positions without a transaction (at_least_once). Fenced where one of them is no
        longer this engine's."""
        offsets = {KafkaPartition(*place): offset for place, offset in positions.items()}
        doing = f"positions of group {self._group} cannot be committed"
        try:
            await self._consumer.commit(offsets)
        except (kafka.CommitFailedError, kafka.IllegalStateError) as error:
            raise Fenced(
                f"{doing}: another engine has taken over",
                detail=self._settings.hide(str(error)),
                hint="what was written since the last commit is written again by the other",
            ) from error
        except kafka.KafkaError as error:
            raise explain(error, self._settings, doing) from error

    async def close(self) -> None:
        """Leaves the group: the others take over at once."""
        await self._consumer.stop()

    def _take(self, assigned: Iterable[KafkaPartition]) -> None:
        """Takes in the end of a rebalance."""
        places = frozenset(assigned)
        self._consumer.pause(*places)
        self.assignment = Assignment(
            partitions=frozenset(0 if self._whole else place.partition for place in places),
            listeners=decode_told(self._assignor.told).listeners,
            standbys=decode_told(self._assignor.told).standbys,
        )
        self.changed.set()
        if self.on_change is not None:
            self.on_change()


class _Listener(ConsumerRebalanceListener):
    """Passes on what was assigned."""

    def __init__(self, take: Callable[[Iterable[KafkaPartition]], None]) -> None:
        self._take = take

    def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        """Nothing: it is not known yet what comes back."""

    def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        self._take(assigned)


class _Assignor(AbstractPartitionAssignor):
    """The rule of `group.py` in aiokafka's terms. aiokafka takes a class or anything like one:
    this object has what belongs to one query."""

    name = "streamsql"

    def __init__(
        self, query: str, member: Callable[[], Member], *, whole: bool, standbys: int
    ) -> None:
        self.told = b""
        self._query = query
        self._member = member
        self._whole = whole
        self._standbys = standbys

    def metadata(  # type: ignore[override]
        self, topics: Iterable[str]
    ) -> ConsumerProtocolMemberMetadata:
        return ConsumerProtocolMemberMetadata(_VERSION, sorted(topics), self._member().encode())

    def assign(  # type: ignore[override]
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        known = {member: decode_member(data.user_data or b"") for member, data in members.items()}
        topics = sorted({topic for data in members.values() for topic in data.subscription})
        counts = [len(cluster.partitions_for_topic(topic) or ()) for topic in topics]
        # Inputs that are not partitioned alike were refused before; the most is what there is.
        shared = 1 if self._whole else max(counts, default=0)
        assigned = assign_partitions(self._query, shared, known)
        listeners = {n: known[m].listener for m, numbers in assigned.items() for n in numbers}
        copies = assign_standbys(self._standbys, assigned, known)
        told = Told(listeners=listeners, standbys=copies).encode()
        return {
            member: ConsumerProtocolMemberAssignment(
                _VERSION,
                [
                    (topic, self._partitions(numbers, count))
                    for topic, count in zip(topics, counts, strict=True)
                ],
                told,
            )
            for member, numbers in assigned.items()
        }

    def _partitions(self, numbers: Sequence[int], count: int) -> list[int]:
        """The partitions of a topic that has `count` which come with these numbers."""
        if self._whole:
            return list(range(count)) if numbers else []
        return [n for n in numbers if n < count]

    def on_assignment(  # type: ignore[override]
        self, assignment: ConsumerProtocolMemberAssignment
    ) -> None:
        self.told = assignment.user_data or b""
