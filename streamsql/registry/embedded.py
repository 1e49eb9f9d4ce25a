"""The registry of an engine that has no other: tables in its database, so that ids survive.

All of it is held in memory and written through. Equal schemas have one id. Every schema is taken:
compatibility is not checked (Confluent's level NONE).
"""

from __future__ import annotations

import json
from threading import Lock

import duckdb

from streamsql.registry.registry import SubjectVersion
from streamsql.schema.registered import Reference, RegisteredSchema

_TABLES = """
CREATE SCHEMA IF NOT EXISTS registry;
CREATE TABLE IF NOT EXISTS registry.schemas(
  id INTEGER, kind VARCHAR, text VARCHAR, "references" VARCHAR);
CREATE TABLE IF NOT EXISTS registry.versions(
  subject VARCHAR, version INTEGER, id INTEGER, deleted BOOLEAN);
"""


class EmbeddedRegistry:
    """Schemas in the database of `connection`.

    It writes on a connection of its own: a format registers a schema in the middle of a statement
    of the engine's, whose transaction may be rolled back, while an id that was given stays given.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(_TABLES)
        self._connection = connection.cursor()
        self._lock = Lock()
        self._schemas: dict[int, RegisteredSchema] = {}
        self._versions: dict[str, list[SubjectVersion]] = {}
        self._deleted: set[tuple[str, int]] = set()
        self._read()

    def _read(self) -> None:
        rows = self._connection.execute(
            'SELECT id, kind, text, "references" FROM registry.schemas ORDER BY id'
        ).fetchall()
        texts = {row[0]: row for row in rows}
        for schema_id in texts:
            self._schemas[schema_id] = _schema(schema_id, texts)
        for subject, version, schema_id, deleted in self._connection.execute(
            "SELECT subject, version, id, deleted FROM registry.versions ORDER BY subject, version"
        ).fetchall():
            self._keep(subject, version, schema_id)
            if deleted:
                self._deleted.add((subject, version))

    def _keep(self, subject: str, version: int, schema_id: int) -> None:
        schema = self._schemas[schema_id]
        made = SubjectVersion(subject=subject, version=version, id=schema_id, schema=schema)
        self._versions.setdefault(subject, []).append(made)

    def schema(self, schema_id: int) -> RegisteredSchema | None:
        """The schema of that id, or None."""
        return self._schemas.get(schema_id)

    def register(self, subject: str, schema: RegisteredSchema) -> int:
        """The schema's id; the subject has it from now on."""
        found = next((v for v in self._live(subject) if v.schema == schema), None)
        if found is not None:
            return found.id
        known = next((i for i, s in self._schemas.items() if s == schema), None)
        schema_id = known or max(self._schemas, default=0) + 1
        self.import_schema(subject, schema, schema_id)
        return schema_id

    def import_schema(self, subject: str, schema: RegisteredSchema, schema_id: int) -> None:
        """Registers a schema under an id that another registry gave it."""
        with self._lock:
            if schema_id not in self._schemas:
                self._schemas[schema_id] = schema
                references = [
                    [r.name, r.subject, r.version, self._id_of(r.schema)] for r in schema.references
                ]
                self._connection.execute(
                    "INSERT INTO registry.schemas VALUES (?, ?, ?, ?)",
                    [schema_id, schema.kind, schema.text, json.dumps(references)],
                )
            version = len(self._versions.get(subject, ())) + 1
            self._keep(subject, version, schema_id)
            self._connection.execute(
                "INSERT INTO registry.versions VALUES (?, ?, ?, false)",
                [subject, version, schema_id],
            )

    def _id_of(self, schema: RegisteredSchema) -> int:
        return next(i for i, s in self._schemas.items() if s == schema)

    def _live(self, subject: str) -> list[SubjectVersion]:
        found = self._versions.get(subject, [])
        return [v for v in found if (subject, v.version) not in self._deleted]

    def latest(self, subject: str) -> SubjectVersion | None:
        """The subject's last version, or None."""
        return next(reversed(self._live(subject)), None)

    def has(self, subject: str, schema_id: int) -> bool:
        """Whether a version of the subject has that schema."""
        return any(v.id == schema_id for v in self._live(subject))

    def subjects(self) -> list[str]:
        """The names of all subjects, sorted."""
        return sorted(s for s in self._versions if self._live(s))

    def delete(self, subject: str) -> None:
        """Deletes a subject, if it is there; its schemas can still be read by their ids."""
        with self._lock:
            self._deleted |= {(subject, v.version) for v in self._versions.get(subject, ())}
            self._connection.execute(
                "UPDATE registry.versions SET deleted = true WHERE subject = ?", [subject]
            )

    def close(self) -> None:
        """Closes its connection."""
        self._connection.close()


def _schema(schema_id: int, texts: dict[int, tuple[int, str, str, str]]) -> RegisteredSchema:
    _, kind, text, references = texts[schema_id]
    return RegisteredSchema(
        kind=kind,
        text=text,
        references=tuple(
            Reference(name=n, subject=s, version=v, schema=_schema(i, texts))
            for n, s, v, i in json.loads(references)
        ),
    )
