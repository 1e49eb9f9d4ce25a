"""What every registry does: the embedded one, and the client of a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from streamsql.registry.embedded import EmbeddedRegistry
from streamsql.registry.registry import Registry
from streamsql.schema.registered import AVRO, PROTOBUF, Reference, RegisteredSchema

INT = RegisteredSchema(kind=AVRO, text='"int"')
LONG = RegisteredSchema(kind=AVRO, text='"long"')


@pytest.fixture
def registry() -> Iterator[Registry]:
    with duckdb.connect() as connection:
        made = EmbeddedRegistry(connection)
        yield made
        made.close()


def test_equal_schemas_have_one_id(registry: Registry) -> None:
    first = registry.register("a", INT)
    assert registry.register("a", INT) == first
    assert registry.register("b", INT) == first
    assert registry.register("a", LONG) != first
    assert registry.schema(first) == INT
    assert registry.schema(12_345) is None


def test_a_subject_has_versions(registry: Registry) -> None:
    assert registry.latest("a") is None
    registry.register("a", INT)
    second = registry.register("a", LONG)
    latest = registry.latest("a")
    assert latest is not None
    assert (latest.version, latest.id, latest.schema) == (2, second, LONG)
    assert registry.has("a", second)
    assert not registry.has("a", second + 1)
    assert registry.subjects() == ["a"]


def test_a_deleted_subject_keeps_its_ids(registry: Registry) -> None:
    first = registry.register("a", INT)
    registry.delete("a")
    registry.delete("never there")
    assert registry.latest("a") is None
    assert registry.subjects() == []
    assert registry.schema(first) == INT
    assert registry.register("a", INT) == first
    latest = registry.latest("a")
    assert latest is not None
    assert latest.version == 2


def test_a_schema_keeps_what_it_imports(registry: Registry) -> None:
    inner = RegisteredSchema(kind=PROTOBUF, text='syntax = "proto3"; message E {int64 t = 1;}')
    registry.register("e.proto", inner)
    text = 'syntax = "proto3"; import "e.proto"; message L {E e = 1;}'
    reference = Reference(name="e.proto", subject="e.proto", version=1, schema=inner)
    outer = RegisteredSchema(kind=PROTOBUF, text=text, references=(reference,))
    found = registry.schema(registry.register("l", outer))
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
