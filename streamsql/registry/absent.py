"""The registry of an engine on Kafka that was given none.

The id of a schema has to mean the same to every engine and to every other reader of a topic, so
that one in the database of one engine will not do.
"""

from __future__ import annotations

from streamsql.errors import RegistryError
from streamsql.registry.registry import SubjectVersion
from streamsql.schema.registered import RegisteredSchema


class AbsentRegistry:
    """Has nothing, and takes nothing."""

    def schema(self, schema_id: int) -> RegisteredSchema | None:
        """None; RegistryError, since a record names the schema."""
        raise _absent(f"schema {schema_id} cannot be read")

    def register(self, subject: str, schema: RegisteredSchema) -> int:  # noqa: ARG002
        """RegistryError."""
        raise _absent(f"a schema for {subject} cannot be registered")

    def latest(self, subject: str) -> SubjectVersion | None:  # noqa: ARG002
        """None."""
        return None

    def has(self, subject: str, schema_id: int) -> bool:  # noqa: ARG002
        """False."""
        return False

    def subjects(self) -> list[str]:
        """None."""
        return []

    def delete(self, subject: str) -> None:
        """Nothing is there."""

    def close(self) -> None:
        """Nothing is open."""


def _absent(primary: str) -> RegistryError:
    return RegistryError(
        f"{primary}: there is no schema registry",
        hint="on Kafka give one with --set ksql.schema.registry.url=http://host:port",
    )
