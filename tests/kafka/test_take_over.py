"""Three engines in processes share a query: one is killed, another comes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.broker import Broker
from tests.kafka.flow import SESSION_MS, EngineProcess, Flow
from tests.kafka.service import ServicePlace, eventually

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.xdist_group("kafka")]

PARTITIONS = 12
CHUNK = 50_000
RESTORE_SECONDS = 10
"""For a state of a few rows it is the machine's other work that takes the time."""


@pytest.fixture(params=[2_000, pytest.param(2_000_000, marks=pytest.mark.soak)])
def flow(request: pytest.FixtureRequest, broker: Broker, tmp_path: Path) -> Iterator[Flow]:
    """So many orders are there before any engine is."""
    made = Flow(
        ServicePlace(broker.address),
        tmp_path,
        queries=["per_user"],
        partitions=PARTITIONS,
        # Small steps, so that there are some; of the many orders steps of a usual size.
        records_max=max(200, request.param // 100),
    )
    for _ in range(0, request.param, CHUNK):
        made.load(min(CHUNK, request.param))
    yield made
    made.close()


def shares(*engines: EngineProcess) -> list[set[int]]:
    """What each engine has, once they have everything between them and none has much more."""

    def fair(found: list[set[int]]) -> bool:
        sizes = [len(share) for share in found]
        return sum(sizes) == len(set[int]().union(*found)) == PARTITIONS and (
            max(sizes) - min(sizes) <= 1
        )

    return eventually(lambda: [engine.owned() for engine in engines], fair)


def test_engines_take_over_from_one_that_is_killed_and_share_with_one_that_comes(
    flow: Flow, record_property: pytest.RecordProperty
) -> None:
    first, second, third = (flow.start(name, state=name) for name in "abc")
    before = shares(first, second, third)
    with flow.under_load():
        second.kill()
        began = time.monotonic()
        during = shares(first, third)
        seconds = time.monotonic() - began
        # Who had a partition still has it.
        assert before[0] < during[0]
        assert before[2] < during[1]
        assert seconds < SESSION_MS / 1000 + 5 + RESTORE_SECONDS
        fourth = flow.start("d", state="d")
        after = shares(first, third, fourth)
        # What moved went to the new one; nothing between those who stayed.
        assert after[0] < during[0]
        assert after[1] < during[1]
    flow.await_read("CTAS_PER_USER_0")
    record_property("seconds", seconds)
    assert [engine.end() for engine in (first, third, fourth)] == [(0, "")] * 3
    assert flow.differences() == []
