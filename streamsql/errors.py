"""The errors of streamsql, in three families.

    StreamSqlError                   everything below; `primary` + `detail` + `hint`
    ├── StatementError               the statement is wrong: a position in its text
    │   ├── ParseError               it cannot be read
    │   └── UnsupportedError         it is right, and streamsql does not do it yet
    ├── RecordError                  a record is wrong: topic, partition, offset; the query lives
    ├── QueryError                   a query stopped in ERROR: an output could not be written
    └── WorldError                   broker, disk or file is wrong: retried by the runtime
        ├── LogError                 a topic or partition that is not there, not owned, or full
        ├── DatabaseError            the file is locked, of another version, or damaged
        └── RegistryError            a schema registry that cannot be reached, or refuses

`primary` is ksqlDB's sentence where it has one; `detail` and `hint` are ours and follow it.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "DatabaseError",
    "LogError",
    "ParseError",
    "Position",
    "QueryError",
    "RecordError",
    "RegistryError",
    "StatementError",
    "StreamSqlError",
    "UnsupportedError",
    "WorldError",
]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text: `line` from 1, `column` from 1, `offset` in characters from 0."""

    line: int
    column: int
    offset: int = 0

    def __str__(self) -> str:
        return f"Line: {self.line}, Col: {self.column}"


class StreamSqlError(Exception):
    """What the user did or met, never our own mistake (those are AssertionErrors)."""

    def __init__(self, primary: str, *, detail: str = "", hint: str = "") -> None:
        super().__init__(primary)
        self.primary = primary
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        return "\n".join(part for part in (self.primary, self.detail, self.hint) if part)


class StatementError(StreamSqlError):
    """A statement that cannot be accepted; `position` is in the text that was executed."""

    def __init__(
        self, primary: str, *, position: Position | None = None, detail: str = "", hint: str = ""
    ) -> None:
        super().__init__(primary, detail=detail, hint=hint)
        self.position = position


class ParseError(StatementError):
    """A statement that cannot be read."""


class UnsupportedError(StatementError):
    """A statement that is right and that this version does not do."""


class RecordError(StreamSqlError):
    """A record that cannot be read or processed."""

    def __init__(self, primary: str, *, topic: str, partition: int, offset: int) -> None:
        super().__init__(primary, detail=f"topic {topic}, partition {partition}, offset {offset}")
        self.topic = topic
        self.partition = partition
        self.offset = offset


class QueryError(StreamSqlError):
    """A persistent query that died; `query` is its id."""

    def __init__(self, primary: str, *, query: str, detail: str = "", hint: str = "") -> None:
        super().__init__(primary, detail=detail, hint=hint)
        self.query = query


class WorldError(StreamSqlError):
    """Something outside: a broker, a disk, another process."""


class LogError(WorldError):
    """A topic or partition that cannot be used as asked."""


class UnknownTopicError(LogError):
    """A topic that does not exist."""


class DatabaseError(WorldError):
    """A database file that cannot be used."""


class RegistryError(WorldError):
    """A schema registry that cannot be used as asked."""
