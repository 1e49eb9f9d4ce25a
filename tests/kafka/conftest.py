"""A log on the broker, for tests that need no engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.brokers.world import KafkaWorld
from tests.kafka.broker import Broker


@pytest.fixture
def world(broker: Broker) -> Iterator[KafkaWorld]:
    """An open log of Kafka."""
    opened = KafkaWorld(broker.address)
    yield opened
    opened.close()
