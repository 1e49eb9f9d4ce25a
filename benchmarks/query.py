"""A benchmark's query file as the runner sees it: which topics it reads, what it leaves in which.

Read from the text alone, by patterns, so that any file can be measured and nothing of the engine
is asked about itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DEFAULT", "DEFAULT_KAFKA", "Query", "floor_text", "key_columns", "read_query"]

FOLDER = Path(__file__).parent / "queries"
FLOORS = Path(__file__).parent / "floors"
DEFAULT = ("q0", "q1", "q2", "agg", "q5", "q7", "q11", "q12")
DEFAULT_KAFKA = ("q1", "agg", "agg_keyed", "q12", "enrich")
TOPICS = ("person", "auction", "bid", "bid_keyed")

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_NAME = r"(?P<name>`[^`]+`|\"[^\"]+\"|[\w@]+)"
_SINK = re.compile(
    r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?P<kind>STREAM|TABLE)\s+(?:IF\s+NOT\s+EXISTS\s+)?"
    + _NAME
    + r"\s*(?:WITH\s*\((?P<with>[^)]*)\)\s*)?AS\b",
    re.IGNORECASE,
)
_TOPIC = re.compile(r"\bKAFKA_TOPIC\s*=\s*'(?P<topic>[^']+)'", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A file of statements: `topics` of the generator that it reads, and the last sink it makes.

    `has_state`: some query in it makes a table, so that every change and the last of a batch
    differ. `is_table`: the last sink is one.
    """

    name: str
    path: Path
    topics: tuple[str, ...]
    sink: str
    is_table: bool
    has_state: bool


def read_query(path: Path) -> Query:
    """The query in a file; ValueError where it makes no sink or reads no topic of the generator."""
    text = _COMMENT.sub(" ", path.read_text())
    sinks = list(_SINK.finditer(text))
    named = {match["topic"] for match in _TOPIC.finditer(text)}
    topics = tuple(topic for topic in TOPICS if topic in named)
    if not sinks:
        raise ValueError(f"{path}: no CREATE STREAM or TABLE … AS SELECT")
    if not topics:
        raise ValueError(f"{path}: no KAFKA_TOPIC of {', '.join(TOPICS)}")
    return Query(
        name=path.stem,
        path=path,
        topics=topics,
        sink=_sink_topic(sinks[-1]),
        is_table=_makes_table(sinks[-1]),
        has_state=any(_makes_table(sink) for sink in sinks),
    )


def floor_text(query: Query) -> Path:
    """The same query in DuckDB's SQL, over a batch."""
    return FLOORS / f"{query.name}.sql"


def key_columns(path: Path) -> str:
    """The columns that make a record's key in a floor's query: its first line, `-- key: a INT`."""
    first = path.read_text().split("\n", 1)[0]
    return first.removeprefix("-- key:").strip() if first.startswith("-- key:") else ""


def _makes_table(sink: re.Match[str]) -> bool:
    return sink["kind"].upper() == "TABLE"


def _sink_topic(sink: re.Match[str]) -> str:
    named = _TOPIC.search(sink["with"] or "")
    if named:
        return named["topic"]
    name = sink["name"]
    return name[1:-1] if name[0] in '`"' else name.upper()
