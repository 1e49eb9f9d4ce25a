"""PRINT of records whose schema is in a registry: by the schema, in ksqlDB's spelling."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

import streamsql
from streamsql.errors import RegistryError
from streamsql.formats import WITH_SCHEMAS
from streamsql.formats.shown import shown_record
from streamsql.schema.registered import RegisteredSchema
from streamsql.session.connection import SyncPush
from streamsql.session.topic_print import RecordPrinter

COLUMNS = (
    "id BIGINT KEY, name STRING, n INT, d DECIMAL(6, 2), t TIMESTAMP, day DATE, b BYTES,"
    " tags ARRAY<STRING>, m MAP<STRING, INT>, a STRUCT<city STRING, zip INT>"
)
ROW = (
    "7, 'Ann \"é\"', 3, 12.50, '2020-01-02T03:04:05', '1970-01-03', TO_BYTES('ff', 'hex'),"
    " ARRAY['a', 'b'], MAP('k' := 1), STRUCT(city := 'Ulm', zip := 8)"
)
SHOWN = {
    "AVRO": (
        "7",
        '{"NAME": "Ann \\"é\\"", "N": 3, "D": "12.50", "T": 1577934245000, "DAY": 2, "B": "/w==",'
        ' "TAGS": ["a", "b"], "M": {"k": 1}, "A": {"CITY": "Ulm", "ZIP": 8}}',
    ),
    "JSON_SR": (
        "7",
        '{"NAME":"Ann \\"é\\"","N":3,"D":12.50,"T":1577934245000,"DAY":2,"B":"/w==",'
        '"TAGS":["a","b"],"M":{"k":1},"A":{"CITY":"Ulm","ZIP":8}}',
    ),
    "PROTOBUF": (
        "ID: 7",
        'NAME: "Ann \\"é\\"" N: 3 D: "12.50" T: 1577934245000 DAY: 2 B: "/w==" TAGS: "a" TAGS: "b"'
        ' M { key: "k" value: 1 } A { CITY: "Ulm" ZIP: 8 }',
    ),
}


@pytest.fixture
def connection() -> Iterator[streamsql.Connection]:
    """In memory."""
    with streamsql.connect() as opened:
        yield opened


def printed(connection: streamsql.Connection, topic: str) -> list[tuple[object, ...]]:
    """Key, value and the formats of each record of a topic."""
    push = connection.execute(f"PRINT {topic} FROM BEGINNING;")
    assert isinstance(push, SyncPush)
    rows = [row.values for row in push.drain()]
    push.stop()
    return [(key, value, keys, values) for _, key, value, _, keys, values in rows]


@pytest.mark.parametrize("name", SHOWN)
def test_a_record_is_shown_by_its_schema(name: str, connection: streamsql.Connection) -> None:
    connection.execute(
        f"CREATE STREAM s ({COLUMNS}) WITH (KAFKA_TOPIC='s', PARTITIONS=1, FORMAT='{name}');"
    )
    connection.execute(f"INSERT INTO s VALUES ({ROW});")
    [(key, value, key_formats, value_formats)] = printed(connection, "s")
    assert (key, value) == SHOWN[name]
    assert str(key_formats).split(" or ")[0] == str(value_formats).split(" or ")[0] == name


def test_a_bare_value_and_a_windowed_key(connection: streamsql.Connection) -> None:
    connection.execute(
        "CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', PARTITIONS=1,"
        " FORMAT='AVRO', WRAP_SINGLE_VALUE=FALSE);"
    )
    connection.execute(
        "CREATE TABLE t WITH (KAFKA_TOPIC='t', WRAP_SINGLE_VALUE=TRUE) AS"
        " SELECT k, COUNT(*) AS c FROM s WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY k;"
    )
    connection.execute("INSERT INTO s (ROWTIME, k, v) VALUES (12000, 'a', 5);")
    connection.wait()
    assert printed(connection, "s")[0][:2] == ('"a"', "5")
    [(key, value, formats, _)] = printed(connection, "t")
    assert (key, value) == ('["a"@10000/-]', '{"C": 1}')
    assert str(formats).startswith("TUMBLING(AVRO)")


def test_what_names_no_schema_or_another_is_shown_as_before(
    connection: streamsql.Connection,
) -> None:
    connection.execute(
        "CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', PARTITIONS=1, VALUE_FORMAT='AVRO');"
    )
    connection.produce("s", None, [b"\x00\x00\x00\x00\x09\xff", b"plain"])
    assert [row[1] for row in printed(connection, "s")] == [
        "<Failed to deserialize>",
        "<Failed to deserialize>",
    ]
    avro = RegisteredSchema(kind="AVRO", text='"long"')
    with pytest.raises(ValueError, match="a schema of AVRO"):
        shown_record(WITH_SCHEMAS["PROTOBUF"], avro, b"\x00\x00\x00\x00\x01\x02")
    record = RegisteredSchema(
        kind="AVRO",
        text='{"type": "record", "name": "r", "fields": [{"name": "x", "type": "string"}]}',
    )
    with pytest.raises(ValueError, match="ends"):
        shown_record(WITH_SCHEMAS["AVRO"], record, b"\x00\x00\x00\x00\x01\x14ab")


def test_a_registry_that_is_away_is_not_asked_for_each_record() -> None:
    asked: list[int] = []

    class Away:
        def schema(self, schema_id: int) -> RegisteredSchema | None:
            asked.append(schema_id)
            raise RegistryError("the registry cannot be reached")

        def register(self, subject: str, schema: RegisteredSchema) -> int:
            raise AssertionError(subject, schema)

    shown: list[pa.Table] = []
    printer = RecordPrinter(shown.append, interval=1, sources=(), schemas=Away())
    row = {"_ts": 1, "_part": 0, "KEY": None, "VALUE": b"\x00\x00\x00\x00\x05abcd"}
    printer.take(pa.Table.from_pylist([row, row]))
    # Once for each format that it could be.
    assert asked == [5] * len(WITH_SCHEMAS)
    assert shown[0].column("VALUE").to_pylist() == ["\x00\x00\x00\x00\x05abcd"] * 2
