"""How the runner starts programs of its own, what they left, and what it tells meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Failed, Usage

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a measured program left: the cost, the records of its sink and their digests."""

    usage: Usage
    records: int
    digest: str
    extra: Mapping[str, object] = field(default_factory=dict[str, object])


def streamsql() -> str:
    """The command beside the interpreter that runs this, whatever the search path says."""
    return str(Path(sys.executable).with_name("streamsql"))


def module(name: str) -> tuple[str, str, str]:
    """The words that begin the command line of one of our programs."""
    return (sys.executable, "-m", name)


def answer(name: str, *arguments: str) -> dict:
    """The JSON object that one of our programs prints; Failed where it does not end well."""
    done = subprocess.run(
        [*module(name), *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise Failed(f"{name} {' '.join(arguments)}: exit {done.returncode}")
    return json.loads(done.stdout)


def read_summary(path: Path, usage: Usage) -> dict[str, object]:
    """What `streamsql run` says of its steps, and what one of them cost."""
    queries = json.loads(path.read_text())["queries"]
    steps = sum(query["steps"] for query in queries)
    milliseconds = usage.cpu_seconds * 1000 / max(steps, 1)
    return {
        "steps": steps,
        "statements_per_step": sum(query["statements_per_step"] for query in queries),
        "cpu_milliseconds_per_step": round(milliseconds, 1),
    }


def tell(text: str) -> None:
    """Says how far it is."""
    print(text, file=sys.stderr, flush=True)
