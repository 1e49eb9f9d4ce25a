"""The logs of the contract test, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers.world import WORLDS, KafkaWorld, World
from tests.kafka.broker import Broker

KAFKA = pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.xdist_group("kafka")])


@pytest.fixture(params=[*WORLDS, KAFKA])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A log of each kind, empty but for Kafka's, which all tests share."""
    yield from _opened(request, tmp_path)


@pytest.fixture(params=["embedded-file", KAFKA])
def durable_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A log of each kind that outlives its process."""
    yield from _opened(request, tmp_path)


def _opened(request: pytest.FixtureRequest, folder: Path) -> Iterator[World]:
    if request.param == "kafka":
        broker: Broker = request.getfixturevalue("broker")
        opened: World = KafkaWorld(broker.address)
    else:
        opened = WORLDS[request.param](folder)
    yield opened
    opened.close()
