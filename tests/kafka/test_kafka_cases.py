"""The `.sql` cases on Kafka: the statements and what they leave in topics are those of the embedded
engine.

What a case writes between two looks may have one time, and Kafka gives two topics no common order:
there tables go first (DECISIONS 0030). Cases that need another order stand in APART. In no group of
xdist: each worker has a broker, and they share the cases.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest

from streamsql.session.engine import Engine, join_service
from streamsql.session.statement_log import StatementLog
from streamsql.sql import split
from streamsql.testing.driver import Driver
from streamsql.testing.recording import RecordingLog
from streamsql.testing.sql_cases import MODES, SqlCase, read_cases, run_with
from tests.kafka.broker import Broker
from tests.registry.server import RegistryServer

T = TypeVar("T")
CASES = Path(__file__).parent.parent / "cases"
_SERVICES = count()
_TOPIC = re.compile(r"KAFKA_TOPIC\s*=\s*'([^']+)'", re.IGNORECASE)

_TWO_TABLES = "rows of two tables that have one time"
_ONE_OF = "Apicurio takes no JSON Schema whose root is a oneOf, which a bare key has"
_ID = "the registry is shared, and a schema has another id there"
_OTHERS = "a cluster has topics of others"
APART = {
    "both tables of a full join emit, and what is gone leaves a tombstone": _TWO_TABLES,
    "a row that others refer to changes all of them, in order of their keys": _TWO_TABLES,
    "internal topics are listed with ALL": _OTHERS,
    "sources are listed and described": _OTHERS,
    "JSON_SR is JSON behind a schema id": _ONE_OF,
    "JSON_SR columns come back as they were written, by a schema that gives them all": _ONE_OF,
    "columns come from the message that is named": "Apicurio calls the latest schema AVRO",
    "a schema is there as asserted, and goes with its topic": _ID,
    "a record that names no schema, or one that nobody registered, is skipped": _ID,
}
"""Titles of cases that cannot hold here, with why."""


class KafkaDriver(Driver):
    """An engine of a service on a broker, whose clock is held; its topics go when it is closed."""

    def __init__(self, broker: str, registry: str, properties: Mapping[str, str]) -> None:
        self._broker = broker
        self._url = registry
        self._runner = asyncio.Runner()
        super().__init__(properties)
        log: Any = self.engine.log
        self._statements = StatementLog(self.engine, log, self.service, replicas=1)
        self._before = set(self.run(log.topics()))
        self.run(self._statements.open())

    @property
    def service(self) -> str:
        """The service's id, with which the name of its processing log begins."""
        return self._settings_of_service()["ksql.service.id"]

    def _settings_of_service(self) -> dict[str, str]:
        if not self._settings:
            self._settings = {
                "ksql.service.id": f"case{next(_SERVICES)}_",
                "ksql.schema.registry.url": self._url,
                "session.timeout.ms": "6000",
                "streamsql.linger.ms": "0",
            }
        return self._settings

    def _open(self) -> tuple[Engine, RecordingLog | None]:
        settings = self._settings_of_service()
        opening = join_service(
            f"kafka://{self._broker}", settings=settings, clock=lambda: self.now_ms
        )
        return self.run(opening), None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def close(self) -> None:
        async def act() -> None:
            for query in list(self.engine.runtime.queries):
                with suppress(Exception):
                    await self.engine.runtime.stop(query, drop_state=True)
            await self._statements.close()
            for topic in sorted(set(await self.engine.log.topics()) - self._before):
                await self.engine.log.delete_topic(topic)
            for subject in self.registry.subjects():
                self.registry.delete(subject)
            await self.engine.close()

        self.run(act())
        self._runner.close()


def _topics(case: SqlCase) -> set[str]:
    """The topics that a case takes for granted, as an embedded engine does."""
    found: set[str] = set()
    for piece in split(case.text):
        topic = _TOPIC.search(piece.text)
        if topic and "PARTITIONS" not in piece.text.upper() and " AS " not in piece.text.upper():
            found.add(topic[1])
    return found


def _cases() -> dict[str, SqlCase]:
    """Every case by its place."""
    return {
        f"{path.relative_to(CASES).with_suffix('')}: {case.title}": case
        for path in sorted(CASES.rglob("*.sql"))
        for case in read_cases(path)
    }


def test_what_stands_apart_is_there() -> None:
    assert {case.title for case in _cases().values()} >= APART.keys()


@pytest.mark.kafka
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=name) for name, case in _cases().items() if case.title not in APART],
)
def test_case_holds(case: SqlCase, broker: Broker, registry_server: RegistryServer) -> None:
    mode = MODES[0]
    properties = {
        "cache.max.bytes.buffering": "0",
        "streamsql.batch.records.max": str(mode.records_max),
    }
    driver = KafkaDriver(broker.address, registry_server.url, properties)
    try:
        own = replace(case, text=case.text.replace("default_ksql", f"{driver.service}ksql"))
        for name in sorted(_topics(own)):
            driver.create_topic(name, 1)
        run_with(driver, own, mode)
    finally:
        driver.close()
