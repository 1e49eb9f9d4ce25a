"""Schemas of a registry as values, and how one asks for them.

A schema is text of a kind (AVRO, JSON, PROTOBUF); a topic's are registered under the subjects
`<topic>-key` and `<topic>-value`. Who keeps them, and where, is the business of `registry/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

AVRO, JSON, PROTOBUF = "AVRO", "JSON", "PROTOBUF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A schema that another one imports as `name`; `subject` and `version` say where it is."""

    name: str
    subject: str
    version: int
    schema: RegisteredSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredSchema:
    """A schema's text and what it imports."""

    kind: str
    text: str
    references: tuple[Reference, ...] = ()

    def imports(self) -> Iterator[tuple[str, str]]:
        """(name, text) of all that it imports, and they import; each before whoever needs it."""
        for reference in self.references:
            yield from reference.schema.imports()
            yield reference.name, reference.schema.text


class Schemas(Protocol):
    """What formats ask a registry while records are read and written."""

    def schema(self, schema_id: int) -> RegisteredSchema | None:
        """The schema of that id, or None."""
        ...

    def register(self, subject: str, schema: RegisteredSchema) -> int:
        """The schema's id; the subject has it from now on."""
        ...


def subject_of(topic: str, side: str) -> str:
    """Where a side of a topic has its schemas (Confluent: TopicNameStrategy)."""
    return f"{topic}-{side}"
