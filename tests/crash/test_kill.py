"""A process that is killed at any instant leaves a database that goes on as if it never was."""

from __future__ import annotations

import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.conftest import Original
from tests.crash.world import ORDERS, SINKS, Process, sinks

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("crash")]

KILLED = -signal.SIGKILL
PHASES = {
    "fetch": "fetch",
    "fetched": "step",  # begin of the transaction
    "step": "step",
    "stepped": "produce",
    "produce": "produce",
    "produced": "produce",  # the positions are being saved
    "commit": "commit",
    "committed": "commit",
}
"""In which phase a process is that has passed a point and not the next."""

ENTRY = {"fetch": "fetch", "step": "step", "produce": "produce", "commit": "commit"}
"""The point with which a phase begins."""
SEED = 5


def test_an_uninterrupted_run_fills_every_sink(original: Original) -> None:
    rows = {name: table.num_rows for name, table in original.sinks.items()}
    assert rows["TOTALS"] == rows["WINDOWED"] == rows["NAMED"] == ORDERS
    assert 0 < rows["DEAR"] < ORDERS


def test_kills_at_every_point_of_a_step_change_nothing(original: Original, tmp_path: Path) -> None:
    process = Process(tmp_path / "run", original.file)
    for n, point in enumerate(PHASES):
        code, text = process.run("--kill", f"{point}:{n // 2 + 1}")
        assert (code, text) == (KILLED, ""), point
        assert sum(t.num_rows for t in sinks(process.file).values()) < 4 * ORDERS
    assert process.run() == (0, "")
    assert sinks(process.file) == original.sinks


def test_kills_at_random_instants_change_nothing(
    original: Original, tmp_path: Path, kills: int, record_property: pytest.RecordProperty
) -> None:
    landed: Counter[str] = Counter()
    r = random.Random(SEED)
    run = 0
    while landed.total() < kills:
        run += 1
        process = Process(tmp_path / str(run), original.file)
        while landed.total() < kills:
            point = _kill_somewhere(process, r, landed)
            if not point:
                break
            landed[PHASES[point]] += 1
        assert process.run() == (0, "")
        assert sinks(process.file) == original.sinks, f"run {run}, kills {dict(landed)}"
    record_property("kills", dict(landed))
    print(f"\nseed {SEED}, {kills} kills by phase: {dict(landed)}, {run} runs")  # noqa: T201
    if kills >= 40:
        assert all(landed[phase] >= kills / 10 for phase in ENTRY), landed


def _kill_somewhere(process: Process, r: random.Random, landed: Counter[str]) -> str:
    """Kills at any instant, or soon after one in the phase in which fewest kills landed: a step
    takes most of the time, and would take most of them."""
    if r.random() < 0.3:
        return process.run_killed_after(r.uniform(0, 0.5))
    phase = min(ENTRY, key=lambda name: landed[name])
    return process.run_killed_after(r.uniform(0, 0.002), point=ENTRY[phase], count=r.randint(1, 12))


@pytest.mark.parametrize(
    ("sabotage", "kill"),
    [
        pytest.param("commit-first", "stepped:9", id="positions-before-outputs"),
        pytest.param("outputs-first", "produced:9", id="control-outputs-roll-back"),
        pytest.param("outputs-first", "commit:9", id="outputs-before-positions"),
        pytest.param("drop-step", "committed:30", id="a-step-left-out"),
    ],
)
def test_a_runner_that_works_wrongly_is_found(
    original: Original, tmp_path: Path, sabotage: str, kill: str
) -> None:
    process = Process(tmp_path / "run", original.file)
    assert process.run("--sabotage", sabotage, "--kill", kill)[0] == KILLED
    assert process.run() == (0, "")
    left = sinks(process.file)
    same = all(left[name] == original.sinks[name] for name in SINKS)
    # Killed before the outputs are committed, they and the positions are both not there: the
    # comparison fails for what is wrong only.
    assert same == (kill == "produced:9")
