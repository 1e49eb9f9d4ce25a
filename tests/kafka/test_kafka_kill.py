"""Engines that are killed, hang, lose their broker or their disk leave on Kafka what one leaves
that nothing happens to."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.broker import Broker
from tests.kafka.flow import Flow
from tests.kafka.service import ServicePlace

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.xdist_group("kafka")]

KILLED = -signal.SIGKILL
DEAR = "CSAS_DEAR_0"


@pytest.fixture
def place(broker: Broker) -> ServicePlace:
    return ServicePlace(broker.address)


@pytest.fixture
def flow(place: ServicePlace, tmp_path: Path) -> Iterator[Flow]:
    """All kinds of queries."""
    made = Flow(place, tmp_path)
    yield made
    made.close()


@pytest.fixture
def filter_flow(place: ServicePlace, tmp_path: Path) -> Iterator[Flow]:
    """One query, whose steps are easily counted."""
    made = Flow(place, tmp_path, queries=["dear"])
    yield made
    made.close()


def test_kills_at_random_instants_change_nothing(
    flow: Flow, kills: int, record_property: pytest.RecordProperty
) -> None:
    seed = int(os.environ.get("STREAMSQL_SEED", "7"))
    r = random.Random(seed)
    landed: Counter[str] = Counter()
    for n in range(kills):
        flow.load(300)
        # With a state directory that is kept, and from the changelog alone.
        engine = flow.start(state="kept" if n % 2 else "")
        engine.await_step()
        with flow.under_load():
            # Not a wait for anything: it is the instant of the kill.
            time.sleep(r.uniform(0, 1.5))
            landed["+".join(engine.kill())] += 1
    assert flow.differences() == []
    record_property("seed", seed)
    record_property("kills by phase", dict(sorted(landed.items())))
    record_property("orders", flow.orders)


@pytest.mark.parametrize("sabotage", ["", "commit-first"])
def test_a_kill_between_positions_and_outputs_is_found(filter_flow: Flow, sabotage: str) -> None:
    options = ["--sabotage", sabotage] if sabotage else []
    filter_flow.load(600)
    # A later commit of one partition may come after the outputs of all that committed before.
    engine = filter_flow.start("a", "--kill", "committed:1", *options)
    assert engine.died() == KILLED
    assert bool(filter_flow.differences()) == bool(sabotage)


@pytest.mark.parametrize("sabotage", ["", "no-fence"])
def test_a_zombie_that_wakes_writes_nothing(filter_flow: Flow, sabotage: str) -> None:
    """It is stopped between its outputs and their commit, past its session; another takes over."""
    flow, options = filter_flow, ["--sabotage", sabotage] if sabotage else []
    flow.load(600)
    zombie = flow.start("zombie", "--stop", "produced:4", *options)
    zombie.await_state("T")
    heir = flow.start("heir", *options)
    flow.await_read(DEAR)
    zombie.signal(signal.SIGCONT)
    flow.load(200)
    flow.await_read(DEAR)
    assert (zombie.end(), heir.end()) == ((0, ""), (0, ""))
    assert bool(flow.differences()) == bool(sabotage)


def test_a_broker_that_is_away_for_a_while_changes_nothing(flow: Flow, broker: Broker) -> None:
    everything = DEAR, "CTAS_PER_USER_1", "CTAS_PER_ITEM_2-0", "CTAS_WINDOWED_3", "CSAS_NAMED_4"
    flow.load(400)
    engine = flow.start()
    # An engine that is still starting ends with an error where the broker goes away.
    flow.await_read(*everything)
    flow.load(400)
    broker.kill()
    try:
        # The engine meets the broker's absence in whatever it is at.
        time.sleep(2)
    finally:
        broker.start()
    flow.load(400)
    flow.await_read(*everything)
    assert engine.end() == (0, "")
    assert flow.differences() == []


def test_a_full_disk_stops_the_queries_and_loses_nothing(flow: Flow) -> None:
    engine = flow.start("a", "--file-size-max", "100000", state="full")
    engine.await_step()
    with flow.under_load(20, 0.1):
        code, text = engine.said("cannot be written")
    assert code == 1
    assert "nothing that was committed is lost" in text
    assert flow.differences() == []


def test_a_state_directory_that_cannot_be_used(filter_flow: Flow) -> None:
    flow = filter_flow
    holder = flow.start("a", state="kept")
    holder.await_step()
    code, text = flow.start("b", state="kept").end()
    assert code == 1
    assert f"in use by process {holder.pid}" in text
    assert holder.end() == (0, "")
    # Nothing can be made there, whoever asks.
    code, text = flow.start("c", state="/proc/streamsql").end()
    assert code == 1
    assert "the state directory /proc/streamsql cannot be made" in text
