"""The statements of a service as a topic: every engine performs all of them, in its order, and so
has the same catalog.

A record is JSON: the statement, the properties of the session that gave it, the partitions of the
topics that it rests on, and an id by which its engine knows it again. An engine that starts reads
to the end without effect, starts the queries that are left, and performs what comes from then on.
What one engine refuses all refuse, since they all stand at the same catalog: two sessions may give
statements at once that do not go together.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from streamsql import sql
from streamsql.brokers.log import APPENDED, TopicInfo, TopicPartition
from streamsql.errors import LogError, StreamSqlError, WorldError
from streamsql.session.engine import Engine
from streamsql.session.result import Result
from streamsql.session.session import Session

if TYPE_CHECKING:
    from streamsql.brokers.kafka import KafkaLog
    from streamsql.brokers.kafka_reader import KafkaReader

_LOGGER = logging.getLogger(__name__)
_RECORDS_MAX = 10_000
_WAIT_MS = 500
_PAUSE_SECONDS = 1.0
_ATTEMPTS = 3
_ANSWER_SECONDS = 60.0
"""How long a session waits for its statement to come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record of the statement log: a statement, or the secret that engines know each other by."""

    id: str
    statement: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    topics: Mapping[str, int] = field(default_factory=dict)
    secret: str = ""

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(
            {
                "id": self.id,
                "statement": self.statement,
                "properties": dict(self.properties),
                "topics": dict(self.topics),
                "secret": self.secret,
            },
            separators=(",", ":"),
        ).encode()


def decode_entry(value: bytes) -> Entry:
    """What `encode` gave."""
    fields = json.loads(value)
    return Entry(
        id=fields["id"],
        statement=fields["statement"],
        properties=fields["properties"],
        topics=fields["topics"],
        secret=fields["secret"],
    )


class StatementLog:
    """Follows the statement log of the service of `engine`, from `open` to `close`."""

    def __init__(self, engine: Engine, log: KafkaLog, service_id: str, *, replicas: int) -> None:
        self.topic = f"_streamsql-{service_id}-statements"
        self._engine = engine
        self._log = log
        self._replicas = replicas
        self._waiting: dict[str, asyncio.Future[Result]] = {}
        self._reader: KafkaReader | None = None
        self._follower: asyncio.Task[None] | None = None
        self._closing = False

    async def open(self) -> None:
        """Reads the log, starts the queries that it leaves, and begins to follow it."""
        await self._log.create_topic(
            TopicInfo(
                name=self.topic,
                partitions=1,
                replicas=self._replicas,
                config={"retention.ms": "-1", "retention.bytes": "-1"},
            )
        )
        self._reader = await self._log.reader({TopicPartition(self.topic, 0): 0})
        self._engine.replaying = True
        await self._catch_up()
        if not self._engine.secret:
            # Two engines may do so at once: the first one counts.
            await self._append(Entry(id=uuid.uuid4().hex, secret=secrets.token_urlsafe(32)))
            await self._catch_up()
        await self._engine.resume()
        self._engine.submit = self.submit
        self._follower = asyncio.create_task(self._follow())

    async def _catch_up(self) -> None:
        while entries := await self._read(wait_ms=0):
            for entry in entries:
                await self._perform(entry)

    async def close(self) -> None:
        """Stops following."""
        self._closing = True
        if self._follower is not None:
            await self._follower
        if self._reader is not None:
            await self._reader.close()

    async def submit(
        self, text: str, properties: Mapping[str, str], topics: Mapping[str, int]
    ) -> Result:
        """Appends a statement and gives its result once this engine has performed it."""
        entry = Entry(id=uuid.uuid4().hex, statement=text, properties=properties, topics=topics)
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting[entry.id] = future
        try:
            await self._append(entry)
            return await asyncio.wait_for(future, _ANSWER_SECONDS)
        except TimeoutError as error:
            raise LogError(
                "the statement was written and is not performed yet",
                detail=f"topic {self.topic}",
                hint="look at SHOW QUERIES in a while; it must not be given again",
            ) from error
        finally:
            del self._waiting[entry.id]

    async def _append(self, entry: Entry) -> None:
        await self._log.append(self.topic, _record(entry, self._engine.runtime.now_ms()))

    async def _read(self, wait_ms: int) -> list[Entry]:
        if self._reader is None:
            raise AssertionError("not open")
        table = await self._reader.take([self.topic], records_max=_RECORDS_MAX, wait_ms=wait_ms)
        return [decode_entry(value) for value in table.column("value").to_pylist()]

    async def _follow(self) -> None:
        while not self._closing:
            try:
                for entry in await self._read(_WAIT_MS):
                    await self._perform(entry)
            except WorldError as error:
                # A broker that is away comes back; what was read is not read again.
                _LOGGER.warning("the statement log cannot be read: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _perform(self, entry: Entry) -> None:
        """Performs a statement; its session, if it is one of this engine's, gets the outcome."""
        engine = self._engine
        if entry.secret:
            engine.secret = engine.secret or entry.secret
            return
        engine.assumed = {**engine.assumed, **entry.topics}
        future = self._waiting.get(entry.id)
        try:
            result = await self._insist(entry)
        except StreamSqlError as error:
            _LOGGER.warning("a statement of the service is refused: %s", error.primary)
            if future is not None and not future.done():
                future.set_exception(error)
            return
        if future is not None and not future.done():
            future.set_result(result)

    async def _insist(self, entry: Entry) -> Result:
        """Performs a statement. Where a broker was away it is tried again, for ever: the others
        have performed it. What fails while the brokers answer is refused, as it is by all."""
        statement = sql.parse_one(entry.statement)
        left = _ATTEMPTS
        while True:
            try:
                return await Session(self._engine, entry.properties).perform(statement)
            except LogError as error:
                left = left - 1 if await self._answers() else _ATTEMPTS
                if not left or self._closing:
                    raise
                _LOGGER.warning("a statement of the service is tried again: %s", error.primary)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _answers(self) -> bool:
        try:
            await self._log.topics()
        except LogError:
            return False
        return True


def _record(entry: Entry, now_ms: int) -> pa.Table:
    row = {
        "partition": 0,
        "timestamp": now_ms,
        "key": None,
        "value": entry.encode(),
        "headers": None,
    }
    return pa.Table.from_pylist([row], schema=APPENDED)
