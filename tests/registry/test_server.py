"""Formats and statements with a real registry: schemas arrive there, others read our bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import duckdb
import fastavro
import pyarrow as pa
import pytest

from streamsql.brokers.log import APPENDED
from streamsql.errors import RegistryError, StatementError
from streamsql.registry.confluent import ConfluentRegistry, registry_settings
from streamsql.registry.embedded import EmbeddedRegistry
from streamsql.schema.registered import AVRO, RegisteredSchema
from streamsql.session import engine
from streamsql.testing.driver import Driver
from tests.registry.server import RegistryServer

COLUMNS = "i INT, s STRING, x DECIMAL(6, 2), a ARRAY<INT>, m MAP<STRING, DOUBLE>, t TIMESTAMP"
ROW = "1, 'é', 1.5, ARRAY[1, 2], MAP('k' := 0.5), '2024-02-29T12:00:00.001'"


@pytest.fixture
def driver(registry_server: RegistryServer) -> Iterator[Driver]:
    made = Driver(settings={"ksql.schema.registry.url": registry_server.url})
    yield made
    made.close()


@pytest.mark.kafka
@pytest.mark.parametrize("name", ["AVRO", "JSON_SR", "PROTOBUF"])
def test_schemas_are_registered_inferred_and_deleted(driver: Driver, name: str) -> None:
    topic = f"round_{name.lower()}"
    # Apicurio, unlike Confluent's, takes no JSON Schema whose root is a oneOf: a bare key's.
    key_format = "KAFKA" if name == "JSON_SR" else name
    formats = f"KAFKA_TOPIC='{topic}', KEY_FORMAT='{key_format}', VALUE_FORMAT='{name}'"
    driver.execute(f"CREATE STREAM given (k INT KEY, {COLUMNS}) WITH ({formats}, PARTITIONS=1);")
    declared = "(k INT KEY)" if name == "JSON_SR" else ""
    driver.execute(f"CREATE STREAM again {declared} WITH ({formats});")
    as_json = "WITH (VALUE_FORMAT='JSON', KEY_FORMAT='KAFKA')"
    key = "rowkey" if name == "AVRO" else "k"
    driver.execute(f"CREATE STREAM seen {as_json} AS SELECT * FROM again PARTITION BY {key};")
    driver.execute(f"INSERT INTO given VALUES (7, {ROW});")
    (written,) = [table for topic, table in driver.written if topic == "SEEN"]
    (record,) = written.to_pylist()
    assert record["key"] == b"\x00\x00\x00\x07"
    assert json.loads(record["value"]) == {
        "I": 1,
        "S": "é",
        "X": 1.5,
        "A": [1, 2],
        "M": {"k": 0.5},
        "T": 1709208000001,
    }
    assert f"{topic}-value" in driver.registry.subjects()
    assert (f"{topic}-key" in driver.registry.subjects()) == (key_format != "KAFKA")
    driver.execute("DROP STREAM seen; DROP STREAM again; DROP STREAM given DELETE TOPIC;")
    assert not {f"{topic}-key", f"{topic}-value"} & set(driver.registry.subjects())


@pytest.mark.kafka
def test_another_client_reads_what_is_written_and_the_other_way_round(
    driver: Driver, registry_server: RegistryServer
) -> None:
    other = ConfluentRegistry(registry_settings({"url": registry_server.url}))
    field = {"name": "n", "type": "long"}
    schema = {"type": "record", "name": "Order", "fields": [field]}
    made = other.register("orders-value", RegisteredSchema(kind=AVRO, text=json.dumps(schema)))
    driver.create_topic("orders", 1)
    driver.execute("CREATE STREAM orders WITH (KAFKA_TOPIC='orders', VALUE_FORMAT='AVRO');")
    driver.execute("CREATE STREAM copied AS SELECT n + 1 AS n FROM orders;")
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), {"n": 41})
    value = b"\x00" + made.to_bytes(4, "big") + body.getvalue()
    columns = [[None], [0], [None], [value], [None]]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, APPENDED, strict=True)]
    driver.produce("orders", pa.Table.from_arrays(arrays, schema=APPENDED))
    (written,) = [table for topic, table in driver.written if topic == "COPIED"]
    data = written.to_pylist()[0]["value"]
    found = other.schema(int.from_bytes(data[1:5], "big"))
    assert found is not None
    parsed = fastavro.parse_schema(json.loads(found.text))
    assert fastavro.schemaless_reader(io.BytesIO(data[5:]), parsed, None) == {"N": 42}
    other.close()


@pytest.mark.kafka
def test_what_a_registry_refuses_is_said_in_its_words(driver: Driver) -> None:
    with pytest.raises(RegistryError) as caught:
        driver.registry.register("wrong", RegisteredSchema(kind=AVRO, text='{"type": "none"}'))
    assert caught.value.hint
    with pytest.raises(StatementError, match="does not exist in the Schema Registry"):
        driver.execute("CREATE STREAM s WITH (KAFKA_TOPIC='none', VALUE_FORMAT='AVRO');")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"url": "localhost:8081"}, "is no address of a schema registry"),
        ({"url": "ftp://user:secret@host"}, "is no address of a schema registry"),
        ({"url": "http://h", "nothing": "x"}, "ksql.schema.registry.nothing is not known"),
        ({"url": "http://h", "request.timeout.ms": "soon"}, "is no number of milliseconds"),
        ({"url": "http://h", "ssl.truststore.type": "JKS"}, "cannot be JKS"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(RegistryError, match=message) as caught:
        registry_settings(given)
    assert "secret" not in str(caught.value)
    assert caught.value.hint or "milliseconds" in message


def test_secrets_are_in_no_text() -> None:
    url = "http://me:secret1@127.0.0.1:1"
    given = {"url": url, "bearer.auth.token": "secret2", "ssl.key.password": "secret3"}
    settings = registry_settings(given)
    assert settings.urls == ("http://127.0.0.1:1",)
    assert settings.user_info == "me:secret1"
    assert "secret" not in repr(settings)
    assert "secret" not in settings.hide("secret1 secret2 secret3 me:secret1")


class Away(EmbeddedRegistry):
    """A registry that cannot be reached while `away`."""

    away = False

    def schema(self, schema_id: int) -> RegisteredSchema | None:
        if self.away:
            raise RegistryError("the schema registry cannot be reached", hint="start it")
        return super().schema(schema_id)


def test_a_query_stops_with_the_cause_and_loses_nothing_while_the_registry_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Away] = []

    def open_away(_: object, connection: duckdb.DuckDBPyConnection, **__: object) -> Away:
        made.append(Away(connection))
        return made[-1]

    monkeypatch.setattr(engine, "open_registry", open_away)
    # Even where records that cannot be processed are passed over.
    driver = Driver({"ksql.fail.on.production.error": "false"})
    given = "KAFKA_TOPIC='s', VALUE_FORMAT='AVRO', PARTITIONS=1"
    driver.execute(f"CREATE STREAM s (n INT) WITH ({given});")
    driver.execute("CREATE STREAM t WITH (VALUE_FORMAT='JSON') AS SELECT n FROM s;")
    made[0].away = True
    driver.execute("INSERT INTO s VALUES (1); INSERT INTO s VALUES (2);")
    (query,) = driver.engine.runtime.queries.values()
    assert query.error is not None
    assert query.error.primary == "the schema registry cannot be reached"
    assert query.error.hint == "start it"
    assert [topic for topic, _ in driver.written if topic != "s"] == []
    driver.close()


@pytest.mark.slow
def test_a_registry_that_is_away_is_an_error_with_a_hint() -> None:
    away = ConfluentRegistry(registry_settings({"url": "http://127.0.0.1:1"}))
    with pytest.raises(RegistryError, match="cannot be reached") as caught:
        away.latest("s")
    assert "ksql.schema.registry.url" in caught.value.hint
    away.close()
