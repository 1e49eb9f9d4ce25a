"""What every registry does: the embedded one, and the client of a server."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import duckdb
import pytest

from streamsql.registry.confluent import ConfluentRegistry, registry_settings
from streamsql.registry.embedded import EmbeddedRegistry
from streamsql.registry.registry import Registry
from streamsql.schema.registered import AVRO, PROTOBUF, Reference, RegisteredSchema

INT = RegisteredSchema(kind=AVRO, text='"int"')
LONG = RegisteredSchema(kind=AVRO, text='"long"')


_NUMBERS = count(1)


@pytest.fixture(params=["embedded", pytest.param("server", marks=pytest.mark.kafka)])
def registry(request: pytest.FixtureRequest) -> Iterator[Registry]:
    if request.param == "server":
        url = request.getfixturevalue("registry_server").url
        made = ConfluentRegistry(registry_settings({"url": url}))
        yield made
        made.close()
        return
    with duckdb.connect() as connection:
        embedded = EmbeddedRegistry(connection)
        yield embedded
        embedded.close()


@pytest.fixture
def name() -> str:
    """A subject's name that no other test has: the server is shared."""
    return f"subject/{next(_NUMBERS)} é"


def test_equal_schemas_have_one_id(registry: Registry, name: str) -> None:
    first = registry.register(name, INT)
    assert registry.register(name, INT) == first
    assert registry.register(f"{name}2", INT) == first
    assert registry.register(name, LONG) != first
    assert registry.schema(first) == INT
    assert registry.schema(12_345) is None


def test_a_subject_has_versions(registry: Registry, name: str) -> None:
    assert registry.latest(name) is None
    registry.register(name, INT)
    second = registry.register(name, LONG)
    latest = registry.latest(name)
    assert latest is not None
    assert (latest.version, latest.id, latest.schema) == (2, second, LONG)
    assert registry.has(name, second)
    assert not registry.has(name, second + 1)
    assert name in registry.subjects()


def test_a_deleted_subject_keeps_its_ids(registry: Registry, name: str) -> None:
    first = registry.register(name, INT)
    registry.delete(name)
    registry.delete("never there")
    assert registry.latest(name) is None
    assert name not in registry.subjects()
    assert registry.schema(first) == INT
    assert registry.register(name, INT) == first
    latest = registry.latest(name)
    assert latest is not None
    assert latest.schema == INT


def test_a_schema_keeps_what_it_imports(registry: Registry, name: str) -> None:
    inner = RegisteredSchema(kind=PROTOBUF, text='syntax = "proto3"; message E {int64 t = 1;}')
    registry.register("e.proto", inner)
    text = 'syntax = "proto3"; import "e.proto"; message L {E e = 1;}'
    reference = Reference(name="e.proto", subject="e.proto", version=1, schema=inner)
    outer = RegisteredSchema(kind=PROTOBUF, text=text, references=(reference,))
    found = registry.schema(registry.register(name, outer))
    assert found == outer
    assert list(outer.imports()) == [("e.proto", inner.text)]


def test_ids_survive(tmp_path: Path) -> None:
    path = str(tmp_path / "kept.duckdb")
    inner = RegisteredSchema(kind=PROTOBUF, text="i")
    reference = Reference(name="i", subject="i", version=1, schema=inner)
    outer = RegisteredSchema(kind=PROTOBUF, text="o", references=(reference,))
    with duckdb.connect(path) as connection:
        made = EmbeddedRegistry(connection)
        first, _, third = (made.register("a", s) for s in (INT, inner, outer))
        made.import_schema("b", LONG, 102)
        made.delete("a")
        made.close()
    with duckdb.connect(path) as connection:
        again = EmbeddedRegistry(connection)
        assert again.schema(first) == INT
        assert again.schema(third) == outer
        assert again.latest("a") is None
        assert again.has("b", 102)
        assert again.register("c", RegisteredSchema(kind=AVRO, text='"string"')) == 103
        again.close()


def test_an_id_survives_a_transaction_that_was_rolled_back() -> None:
    with duckdb.connect() as connection:
        made = EmbeddedRegistry(connection)
        connection.begin()
        connection.execute("CREATE TABLE t(a INTEGER)")
        first = made.register("a", INT)
        connection.rollback()
        assert EmbeddedRegistry(connection).schema(first) == INT
        made.close()
