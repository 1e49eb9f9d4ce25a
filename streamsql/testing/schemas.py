"""The schemas of a conformance case: what it registers before its statements, and what it finds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from streamsql.registry.embedded import EmbeddedRegistry
from streamsql.registry.registry import Registry
from streamsql.schema.registered import PROTOBUF, Reference, RegisteredSchema, subject_of

Json = Any
_KINDS = {"JSON_SR": "JSON"}


def register_schemas(topics: Sequence[Mapping[str, Json]], registry: Registry) -> None:
    """Registers topics' schemas under their subjects, with their ids where the case gives them."""
    assert isinstance(registry, EmbeddedRegistry)
    for topic, side in product(topics, ("key", "value")):
        text = topic.get(f"{side}_schema")
        if text is None:
            continue
        schema = _schema(topic[f"{side}_format"], text, topic.get(f"{side}_schema_references", ()))
        for reference in schema.references:
            registry.register(reference.subject, reference.schema)
        subject, schema_id = subject_of(topic["name"], side), topic.get(f"{side}_schema_id")
        if schema_id is None:
            registry.register(subject, schema)
        else:
            registry.import_schema(subject, schema, schema_id)


def _schema(format_: str, text: Json, references: Sequence[Json]) -> RegisteredSchema:
    return RegisteredSchema(
        kind=_KINDS.get(format_, format_),
        text=text if isinstance(text, str) and format_ == PROTOBUF else json.dumps(text),
        references=tuple(
            Reference(
                name=r["name"],
                subject=r["name"],
                version=1,
                schema=_schema(r["format"], r["schema"], r.get("references", ())),
            )
            for r in references
        ),
    )


def registered_text(topic: str, side: str, registry: Registry) -> Json:
    """The subject's last schema as a case spells it, or None."""
    latest = registry.latest(subject_of(topic, side))
    if latest is None:
        return None
    return latest.schema.text if latest.schema.kind == PROTOBUF else json.loads(latest.schema.text)
