"""One file with queries and records to read, and what an uninterrupted run makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.world import Process, Sinks, prepare, sinks


@dataclass(frozen=True, slots=True)
class Original:
    """`file` is to be copied; `sinks`: what is in the sink topics once all is read."""

    file: Path
    sinks: Sinks


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    folder = tmp_path_factory.mktemp("original")
    prepare(folder / "prepared.duckdb")
    process = Process(folder / "run", folder / "prepared.duckdb")
    assert process.run() == (0, "")
    return Original(folder / "prepared.duckdb", sinks(process.file))
