"""The logs of the contract test, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers.world import WORLDS, World


@pytest.fixture(params=list(WORLDS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A log of each kind, empty."""
    opened = WORLDS[request.param](tmp_path)
    yield opened
    opened.close()
