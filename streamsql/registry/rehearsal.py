"""A registry on which statements can be tried: it shows another one and changes only itself."""

from __future__ import annotations

from streamsql.registry.registry import Registry, SubjectVersion
from streamsql.schema.registered import RegisteredSchema


class RehearsedRegistry:
    """What `registry` would have after the calls so far. Its new ids count down from -1: they are
    written nowhere."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._made: dict[str, SubjectVersion] = {}
        self._deleted: set[str] = set()

    def schema(self, schema_id: int) -> RegisteredSchema | None:
        """The schema of that id, or None."""
        made = next((v.schema for v in self._made.values() if v.id == schema_id), None)
        return made or self._registry.schema(schema_id)

    def register(self, subject: str, schema: RegisteredSchema) -> int:
        """The schema's id; the subject has it from now on, here."""
        latest = self.latest(subject)
        if latest is not None and latest.schema == schema:
            return latest.id
        version = latest.version + 1 if latest else 1
        made = SubjectVersion(
            subject=subject, version=version, id=-1 - len(self._made), schema=schema
        )
        self._made[subject] = made
        return made.id

    def latest(self, subject: str) -> SubjectVersion | None:
        """The subject's last version, or None."""
        if subject in self._made or subject in self._deleted:
            return self._made.get(subject)
        return self._registry.latest(subject)

    def has(self, subject: str, schema_id: int) -> bool:
        """Whether a version of the subject has that schema."""
        latest = self.latest(subject)
        if latest is not None and latest.id == schema_id:
            return True
        return subject not in self._deleted and self._registry.has(subject, schema_id)

    def subjects(self) -> list[str]:
        """The names of all subjects, sorted."""
        return sorted({*self._registry.subjects()} - self._deleted | {*self._made})

    def delete(self, subject: str) -> None:
        """Deletes a subject, here."""
        self._made.pop(subject, None)
        self._deleted.add(subject)

    def close(self) -> None:
        """Nothing is open."""
