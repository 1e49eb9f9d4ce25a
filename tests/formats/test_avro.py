"""AVRO against another implementation: what ours writes fastavro reads, and the other way round."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from random import Random
from typing import Any

import codec
import fastavro
import pytest
from json_records import corrupt
from values import NESTED, TEXTS, name_of

from streamsql.formats import FORMATS
from streamsql.formats.avro_schema import parse_avro, sql_type
from streamsql.formats.format import KEY, FormatOptions
from streamsql.schema import types as t
from streamsql.schema.column import Column
from streamsql.schema.registered import AVRO, RegisteredSchema

FORMAT = FORMATS["AVRO"]


def frame(schema: Any, values: list[Any]) -> list[bytes]:
    """The values as fastavro writes them, behind the id that the registry gives the schema."""
    registered = RegisteredSchema(kind=AVRO, text=json.dumps(schema))
    header = b"\x00" + codec.registry().register("test", registered).to_bytes(4, "big")
    parsed = fastavro.parse_schema(schema)
    return [header + written(parsed, value) for value in values]


def written(parsed: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed, value)
    return out.getvalue()


def read(record: bytes) -> Any:
    """A record as fastavro reads it."""
    schema = codec.registry().schema(int.from_bytes(record[1:5], "big"))
    assert schema is not None
    parsed = fastavro.parse_schema(json.loads(schema.text))
    return fastavro.schemaless_reader(io.BytesIO(record[5:]), parsed, None)


def record_of(*fields: tuple[str, Any]) -> dict[str, Any]:
    return {
        "type": "record",
        "name": f"R{'_'.join(n for n, _ in fields)}",
        "fields": [{"name": n, "type": type_} for n, type_ in fields],
    }


def check(schema: Any, column: Column, values: list[Any], expected: list[Any]) -> None:
    """Reads a column from records of one field."""
    records = frame(record_of(("f", schema)), [{"f": v} for v in values])
    found = codec.decode(FORMAT, [column], records)
    assert found.errors == [None] * len(values)
    assert [row[0] for row in found.rows] == expected


MANY = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 2**31 - 1, -(2**31)]
LOGICAL = {
    "date": {"type": "int", "logicalType": "date"},
    "time": {"type": "int", "logicalType": "time-millis"},
    "timestamp": {"type": "long", "logicalType": "timestamp-millis"},
    "decimal": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2},
    "fixed": {
        "type": "fixed",
        "name": "F",
        "size": 5,
        "logicalType": "decimal",
        "precision": 6,
        "scale": 2,
    },
    "enum": {"type": "enum", "name": "E", "symbols": ["A", "B"]},
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DECIMALS = [Decimal("0.00"), Decimal("-0.01"), Decimal("1.28"), Decimal("-9999.99")]


@pytest.mark.parametrize(
    ("schema", "type_", "values", "expected"),
    [
        ("int", t.INTEGER, MANY, MANY),
        ("long", t.BIGINT, [*MANY, 2**63 - 1, -(2**63)], [*MANY, 2**63 - 1, -(2**63)]),
        ("int", t.BIGINT, MANY, MANY),
        ("int", t.STRING, [1, -2], ["1", "-2"]),
        ("boolean", t.STRING, [True, False], ["true", "false"]),
        ("double", t.STRING, [1.0, 1e10, -1.5e-7], ["1.0", "1.0E10", "-1.5E-7"]),
        ("float", t.DOUBLE, [1.5, -0.25], [1.5, -0.25]),
        ("double", t.DOUBLE, [0.1, -1e300], [0.1, -1e300]),
        ("string", t.STRING, ["", "a", "é日本😀", "x" * 300], ["", "a", "é日本😀", "x" * 300]),
        ("bytes", t.BYTES, [b"", b"\x00\xff"], [b"", b"\x00\xff"]),
        (["null", "string"], t.STRING, [None, "a", None], [None, "a", None]),
        (["string", "null"], t.STRING, [None, "a", None], [None, "a", None]),
        (["null", "string"], t.STRING, [None, None], [None, None]),
        (LOGICAL["date"], t.DATE, [date(1969, 12, 31)], [date(1969, 12, 31)]),
        (LOGICAL["time"], t.TIME, [time(23, 59, 59, 1000)], [time(23, 59, 59, 1000)]),
        (LOGICAL["timestamp"], t.TIMESTAMP, [EPOCH], [datetime(1970, 1, 1)]),
        (LOGICAL["decimal"], t.Decimal(6, 2), DECIMALS, DECIMALS),
        (LOGICAL["fixed"], t.Decimal(6, 2), DECIMALS, DECIMALS),
        (LOGICAL["enum"], t.STRING, ["B", "A"], ["B", "A"]),
        (
            {"type": "array", "items": "int"},
            t.Array(t.INTEGER),
            [[], [1], [2, 3]],
            [[], [1], [2, 3]],
        ),
        (
            *({"type": "map", "values": ["null", "long"]}, t.Map(t.STRING, t.BIGINT)),
            *([{}, {"a": 1, "b": None}], [{}, {"a": 1, "b": None}]),
        ),
        (
            record_of(("Y", "string"), ("extra", {"type": "array", "items": "long"}), ("x", "int")),
            t.Struct((t.Field("X", t.INTEGER), t.Field("NONE", t.DATE), t.Field("Y", t.STRING))),
            [{"x": 1, "extra": [5, 6], "Y": "a"}, {"x": 2, "extra": [], "Y": "b"}],
            [{"X": 1, "NONE": None, "Y": "a"}, {"X": 2, "NONE": None, "Y": "b"}],
        ),
        (
            *(["null", "int", "string"],),
            t.Struct((t.Field("INT", t.INTEGER), t.Field("STRING", t.STRING))),
            *(["a", None, 1], [{"INT": None, "STRING": "a"}, None, {"INT": 1, "STRING": None}]),
        ),
    ],
)
def test_reads(schema: Any, type_: t.SqlType, values: list[Any], expected: list[Any]) -> None:
    check(schema, Column("F", type_), values, expected)


@pytest.mark.parametrize(
    ("schema", "type_", "error"),
    [
        ("string", t.INTEGER, "Cannot deserialize type string as type int32 for path: ->F"),
        ("long", t.INTEGER, "Cannot deserialize type int64 as type int32 for path: ->F"),
        ("int", t.BOOLEAN, "Cannot deserialize type int32 as type boolean for path: ->F"),
        (
            *({"type": "array", "items": "string"}, t.Array(t.DOUBLE)),
            "Cannot deserialize type string as type float64 for path: ->F->ARRAY",
        ),
        ("int", t.TIME, "Time values must use number of milliseconds greater than 0"),
    ],
)
def test_a_schema_of_other_types_is_an_error(schema: Any, type_: t.SqlType, error: str) -> None:
    value: Any = {"string": "x", "long": 1, "int": -1}.get(str(schema), ["x"])
    records = frame(record_of(("f", schema), ("g", "int")), [{"f": value, "g": 1}])
    columns = [Column("F", type_), Column("G", t.INTEGER)]
    for wanted in (["F", "G"], ["G"]):
        (found,) = codec.decode(FORMAT, columns, records, wanted=wanted).errors
        assert found is not None
        assert found.startswith(error)


def test_records_of_several_schemas_stand_in_one_batch() -> None:
    first = frame(record_of(("a", "int")), [{"a": 1}, {"a": 2}])
    second = frame(record_of(("b", "string"), ("a", "long")), [{"a": 3, "b": "x"}])
    records = [first[0], None, second[0], b"", b"\x01abcdef", first[1], first[0][:5]]
    found = codec.decode(FORMAT, [Column("A", t.BIGINT), Column("B", t.STRING)], records)
    assert found.rows[:3] == [(1, None), (None, None), (3, "x")]
    assert found.rows[5] == (2, None)
    assert [e is None for e in found.errors] == [True, True, True, False, False, True, False]


@pytest.mark.parametrize("number", [10**38, -(10**38), 2**127 - 1, -(2**127), 2**200])
def test_digits_that_no_decimal_of_the_schema_has_are_an_error_of_their_record(number: int) -> None:
    text = record_of(("f", {"type": "bytes", "logicalType": "decimal", "precision": 38}))
    good, other = frame(text, [{"f": Decimal(1)}, {"f": Decimal(-2)}])
    size = (number.bit_length() + 8) // 8
    bad = good[:5] + bytes([2 * size]) + number.to_bytes(size, "big", signed=True)
    decoded = codec.decode(FORMAT, [Column("F", t.Decimal(38, 0))], [good, bad, other])
    error = "a number has too many digits for DECIMAL(38)"
    assert decoded.errors == [None, error, None]
    assert [row[0] for row in decoded.rows[::2]] == [1, -2]


def plain(value: Any, type_: t.SqlType) -> Any:
    """A value of fastavro as DuckDB gives it: no time zone, entries as a map."""
    match type_:
        case _ if value is None:
            return None
        case t.Map(_, inner):
            return {e["key"]: plain(e["value"], inner) for e in value}
        case t.Array(element):
            return [plain(v, element) for v in value]
        case t.Struct(fields):
            return {f.name: plain(value[f.name], f.type) for f in fields}
        case t.TIMESTAMP:
            return value.replace(tzinfo=None)
        case _:
            return value


@pytest.mark.parametrize("type_", [*TEXTS, *NESTED], ids=name_of)
def test_another_reads_what_is_written(type_: t.SqlType) -> None:
    texts = {**TEXTS, **NESTED}[type_]
    odd = ("'nan'", "TIME '24:00:00'", "['nan'::DOUBLE, 1e10, NULL, -0.5]")
    rows = [[text] for text in (*texts, "NULL") if text not in odd]
    columns = [Column("F", type_)]
    records = codec.encode(FORMAT, columns, rows, FormatOptions(subject="written"))
    expected = codec.decode(FORMAT, columns, records)
    assert [plain(read(r or b"")["F"], type_) for r in records] == [v for (v,) in expected.rows]


def test_a_key_is_a_bare_value_or_a_record_called_after_its_source() -> None:
    options = FormatOptions(side=KEY, source="MY_STREAM", subject="s-key")
    (record,) = codec.encode(FORMAT, [Column("K", t.INTEGER)], [["7"]], options)
    assert read(record or b"") == 7
    columns = [Column("K", t.INTEGER), Column("L", t.STRING)]
    (record,) = codec.encode(FORMAT, columns, [["7", "'x'"]], options)
    schema = codec.registry().schema(int.from_bytes((record or b"")[1:5], "big"))
    assert schema is not None
    described = json.loads(schema.text)
    assert described["name"] == "MyStreamKey"
    assert described["namespace"] == "io.confluent.ksql.avro_schemas"


def test_a_chosen_schema_says_how_records_are_written() -> None:
    fields = [
        {"name": "C1", "type": "int"},
        {"name": "more", "type": ["null", "int"], "default": None},
        {"name": "text", "type": "string", "default": "foo"},
        {"name": "inner", "type": record_of(("x", "double")), "default": {"x": 1.5}},
    ]
    text = json.dumps({"type": "record", "name": "Chosen", "fields": fields})
    chosen = codec.registry().register("chosen", RegisteredSchema(kind=AVRO, text=text))
    options = FormatOptions(schema_id=chosen)
    (record,) = codec.encode(FORMAT, [Column("C1", t.INTEGER)], [["7"]], options)
    assert read(record or b"") == {"C1": 7, "more": None, "text": "foo", "inner": {"x": 1.5}}


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ('{"type":"array","items":["null","int"]}', "ARRAY<INTEGER>"),
        ('{"type":"map","values":"long"}', "MAP<STRING, BIGINT>"),
        ('{"type":"fixed","name":"F","size":3}', "BYTES"),
        ('["null","float"]', "DOUBLE"),
        (
            '{"type":"record","name":"a.R","fields":[{"name":"x","type":{"type":"enum","name":"E",'
            '"symbols":[]}},{"name":"y","type":"a.E"},{"name":"z","type":"null"}]}',
            "STRUCT<`X` STRING, `Y` STRING>",
        ),
        ('{"type":"long","logicalType":"timestamp-micros"}', "BIGINT"),
        ('{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}', "DECIMAL(4, 2)"),
    ],
)
def test_a_schema_gives_types(schema: str, text: str) -> None:
    assert str(sql_type(parse_avro(schema), exact=False)) == text


def test_a_schema_that_contains_itself_is_refused() -> None:
    itself = '{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]}'
    with pytest.raises(ValueError, match="KSQL does not support recursive schemas"):
        parse_avro(itself)


def damaged(seed: int, count: int) -> None:
    """Damaged records are read as fastavro reads them, or are errors, and end no batch."""
    draw = Random(seed)
    columns = [Column(f"C{i}", type_) for i, type_ in enumerate([*TEXTS, *NESTED])]
    draw.shuffle(columns)
    columns = columns[: draw.randint(1, 8)]
    texts = {**TEXTS, **NESTED}
    rows = [[draw.choice((*texts[c.type], "NULL")) for c in columns] for _ in range(40)]
    good = codec.encode(FORMAT, columns, rows, FormatOptions(subject=f"damaged{seed}"))
    picked = [draw.choice(good) or b"" for _ in range(count)]
    records = [r[:5] + corrupt(draw, r[5:]) for r in picked]
    whole = codec.decode(FORMAT, columns, [*records, *good])
    assert whole.errors[count:] == [None] * len(good)
    alone = codec.decode(FORMAT, columns, records[:20])
    assert alone.errors == whole.errors[:20]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_damaged_records(seed: int) -> None:
    damaged(seed, 200)


@pytest.mark.soak
def test_a_million_damaged_records() -> None:
    for seed in range(500):
        damaged(seed, 2_000)
