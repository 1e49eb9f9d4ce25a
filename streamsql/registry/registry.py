"""What a registry of schemas can do, whoever keeps them.

Two lives: `embedded.py` in the engine's database, `confluent.py` a server with Confluent's REST
API. A registry moves schemas as texts and knows no format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from streamsql.schema.registered import RegisteredSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectVersion:
    """A schema as a subject has it; `version` counts from 1."""

    subject: str
    version: int
    id: int
    schema: RegisteredSchema


class Registry(Protocol):
    """Schemas by id, and by subject and version. Raises RegistryError where it cannot be reached,
    or refuses."""

    def schema(self, schema_id: int) -> RegisteredSchema | None:
        """The schema of that id, or None; also of one whose subject was deleted."""
        ...

    def register(self, subject: str, schema: RegisteredSchema) -> int:
        """The schema's id; the subject has it from now on."""
        ...

    def latest(self, subject: str) -> SubjectVersion | None:
        """The subject's last version, or None."""
        ...

    def has(self, subject: str, schema_id: int) -> bool:
        """Whether a version of the subject has that schema."""
        ...

    def subjects(self) -> list[str]:
        """The names of all subjects, sorted."""
        ...

    def delete(self, subject: str) -> None:
        """Deletes a subject, if it is there; its schemas can still be read by their ids."""
        ...

    def close(self) -> None:
        """Ends what is open."""
        ...
