"""Which registry an engine has."""

from __future__ import annotations

import duckdb
import pytest

from streamsql.errors import RegistryError
from streamsql.registry.absent import AbsentRegistry
from streamsql.registry.embedded import EmbeddedRegistry
from streamsql.registry.opening import open_registry
from streamsql.schema.registered import AVRO, RegisteredSchema


def test_an_engine_alone_keeps_its_schemas_itself() -> None:
    with duckdb.connect() as connection:
        assert isinstance(open_registry({}, connection, shared=False), EmbeddedRegistry)


def test_engines_that_share_topics_need_a_server() -> None:
    with duckdb.connect() as connection:
        found = open_registry({}, connection, shared=True)
    assert isinstance(found, AbsentRegistry)
    assert (found.latest("a-value"), found.has("a-value", 1), found.subjects()) == (None, False, [])
    for act in (
        lambda: found.register("a-value", RegisteredSchema(kind=AVRO, text='"int"')),
        lambda: found.schema(7),
    ):
        with pytest.raises(RegistryError, match="there is no schema registry") as raised:
            act()
        assert "ksql.schema.registry.url" in raised.value.hint
