"""PROTOBUF against another implementation: what ours writes Google's reads, and back."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import codec
import grpc_tools
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc
from json_records import corrupt
from values import NESTED, TEXTS, name_of

from streamsql.errors import StatementError
from streamsql.formats import FORMATS
from streamsql.formats.format import FormatOptions
from streamsql.formats.proto_schema import message_type, parse_proto
from streamsql.formats.proto_text import proto_text
from streamsql.schema import types as t
from streamsql.schema.column import Column
from streamsql.schema.registered import PROTOBUF, Reference, RegisteredSchema

FORMAT, BARE = FORMATS["PROTOBUF"], FORMATS["PROTOBUF_NOSR"]
DECIMAL = """syntax = "proto3"; package confluent.type;
message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }"""
META = """syntax = "proto3"; package confluent; import "google/protobuf/descriptor.proto";
message Meta { map<string, string> params = 2; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; }"""


@lru_cache(maxsize=64)
def google(text: str, name: str, *imports: tuple[str, str]) -> Any:
    """The class of a schema's message, made by Google's compiler."""
    with TemporaryDirectory() as folder:
        given = [
            ("confluent/type/decimal.proto", DECIMAL),
            ("confluent/meta.proto", META),
            *imports,
        ]
        for path, source in (*given, ("main.proto", text)):
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_text(source, encoding="utf-8")
        own = str(Path(grpc_tools.__file__).parent / "_proto")
        for kind in ("date", "timeofday"):
            path = Path(folder) / "google" / "type" / f"{kind}.proto"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(TYPES[kind], encoding="utf-8")
        out = str(Path(folder) / "set")
        arguments = ["", f"-I{folder}", f"-I{own}", "--include_imports"]
        assert protoc.main([*arguments, f"--descriptor_set_out={out}", "main.proto"]) == 0
        files = descriptor_pb2.FileDescriptorSet.FromString(Path(out).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


TYPES = {
    "date": 'syntax = "proto3"; package google.type;'
    " message Date { int32 year = 1; int32 month = 2; int32 day = 3; }",
    "timeofday": 'syntax = "proto3"; package google.type;'
    " message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3;"
    " int32 nanos = 4; }",
}


def frame(text: str, bodies: list[bytes], path: bytes = b"\x00") -> list[bytes]:
    """The messages behind the id that the registry gives the schema, and their place in it."""
    schema_id = codec.registry().register("test", RegisteredSchema(kind=PROTOBUF, text=text))
    return [b"\x00" + schema_id.to_bytes(4, "big") + path + body for body in bodies]


def read(text: str, columns: list[Column], messages: list[dict[str, Any]]) -> list[Any]:
    """Messages that Google wrote, read into columns."""
    made = google(text, "M")
    bodies = [json_format.ParseDict(m, made()).SerializeToString() for m in messages]
    found = codec.decode(FORMAT, columns, frame(text, bodies))
    assert found.errors == [None] * len(messages)
    return found.rows


ALL = """syntax = "proto3";
message M {
  int32 a = 1; sint32 b = 2; sfixed32 c = 3; uint32 d = 4; fixed32 e = 5; int64 f = 6;
  uint64 g = 7; sint64 h = 8; fixed64 i = 9; sfixed64 j = 10; float k = 11; double l = 12;
  bool m = 13; string n = 14; bytes o = 15; optional int32 p = 16; E q = 17;
  enum E { ZERO = 0; MANY = 300; FEW = -1; }
}"""
COLUMNS = [
    *(Column(n, t.INTEGER) for n in "ABC"),
    *(Column(n, t.BIGINT) for n in "DEFGHIJ"),
    *(Column(n, t.DOUBLE) for n in "KL"),
    *(Column("M", t.BOOLEAN), Column("N", t.STRING), Column("O", t.BYTES)),
    *(Column("P", t.INTEGER), Column("Q", t.STRING)),
]


def test_reads_every_kind_of_number() -> None:
    low, high = -(2**31), 2**31 - 1
    extremes = {
        **dict.fromkeys("abc", low),
        "d": 2**32 - 1,
        "e": 2**32 - 1,
        "f": -(2**63),
        "g": 7,
        "h": -(2**63),
        "i": 2**40,
        "j": -(2**63),
        "k": -1.5,
        "l": 1e300,
        "m": True,
        "n": "é😀",
        "o": "AP8=",
        "p": 0,
        "q": "MANY",
    }
    some = {**dict.fromkeys("abcfhj", -1), "a": high, "q": "FEW", "p": -5}
    assert read(ALL, COLUMNS, [extremes, {}, some]) == [
        (
            *(low, low, low, 2**32 - 1, 2**32 - 1, -(2**63), 7, -(2**63), 2**40, -(2**63)),
            *(-1.5, 1e300, True, "é😀", b"\x00\xff", 0, "MANY"),
        ),
        (*[0] * 10, 0.0, 0.0, False, "", b"", None, "ZERO"),
        (*(high, -1, -1, 0, 0, -1, 0, -1, 0, -1), 0.0, 0.0, False, "", b"", -5, "FEW"),
    ]


def test_reads_lists_maps_messages_and_choices() -> None:
    text = """syntax = "proto3"; import "google/protobuf/wrappers.proto";
    message M {
      repeated int32 p = 1; repeated int64 u = 2 [packed = false]; repeated string s = 3;
      map<string, double> m = 4; map<string, N> k = 5; N n = 6; repeated N l = 7;
      oneof one { int32 x = 8; string y = 9; }
      google.protobuf.StringValue w = 10;
      message N { bool b = 1; repeated double d = 2; }
    }"""
    inner = t.Struct((t.Field("B", t.BOOLEAN), t.Field("D", t.Array(t.DOUBLE))))
    columns = [
        Column("P", t.Array(t.INTEGER)),
        Column("U", t.Array(t.BIGINT)),
        Column("S", t.Array(t.STRING)),
        Column("M", t.Map(t.STRING, t.DOUBLE)),
        Column("K", t.Map(t.STRING, inner)),
        Column("N", inner),
        Column("L", t.Array(inner)),
        Column("ONE_0", t.Struct((t.Field("X", t.INTEGER), t.Field("Y", t.STRING)))),
        Column("W", t.STRING),
        Column("NEVER", t.DATE),
    ]
    full = {
        "p": [1, -2, 300],
        "u": [5, 6],
        "s": ["a", ""],
        "m": {"z": 1.5, "a": 0},
        "k": {"q": {"b": True}},
        "n": {"d": [0.5, 2]},
        "l": [{}, {"b": True}],
        "y": "chosen",
        "w": "",
    }
    found = read(text, columns, [full, {}, {"x": 0, "p": [7]}])
    assert found == [
        (
            *([1, -2, 300], [5, 6], ["a", ""], {"z": 1.5, "a": 0.0}),
            *({"q": {"B": True, "D": []}}, {"B": False, "D": [0.5, 2.0]}),
            *([{"B": False, "D": []}, {"B": True, "D": []}], {"X": None, "Y": "chosen"}, "", None),
        ),
        ([], [], [], {}, {}, None, [], None, None, None),
        ([7], [], [], {}, {}, None, [], {"X": 0, "Y": None}, None, None),
    ]
    type_ = message_type(parse_proto(text).message(""), exact=False)
    assert isinstance(type_, t.Struct)
    assert [(f.name, f.type) for f in type_.fields] == [(c.name, c.type) for c in columns[:-1]]


def test_a_record_says_which_message_it_is() -> None:
    text = """syntax = "proto3";
    message A { int32 v = 1; }
    message B { message C { string v = 1; } message D { int32 v = 1; } }"""
    records = [
        *frame(text, [b"\x08\x05"]),
        *frame(text, [b"\x08\x06"], path=b"\x04\x02\x02"),
        *frame(text, [b"\x08\x07"], path=b"\x02\x08"),
        *frame(text, [b"\x0a\x01x"], path=b"\x04\x02\x00"),
    ]
    found = codec.decode(FORMAT, [Column("V", t.INTEGER)], records)
    assert [row[0] for row in found.rows] == [5, 6, None, None]
    assert found.errors[2:] == [
        "the schema has no message at [4]",
        "Cannot deserialize type string as type int32 for path: ->V",
    ]


def test_a_schema_may_import_another() -> None:
    event = RegisteredSchema(
        kind=PROTOBUF, text='syntax = "proto3"; package p; message Event { int64 at = 1; }'
    )
    codec.registry().register("event.proto", event)
    reference = Reference(name="event.proto", subject="event.proto", version=1, schema=event)
    text = 'syntax = "proto3"; import "event.proto"; message L { p.Event event = 1; }'
    outer = RegisteredSchema(kind=PROTOBUF, text=text, references=(reference,))
    made = google(text, "L", ("event.proto", event.text))
    body = json_format.ParseDict({"event": {"at": 3}}, made()).SerializeToString()
    schema_id = codec.registry().register("l", outer)
    record = b"\x00" + schema_id.to_bytes(4, "big") + b"\x00" + body
    columns = FORMAT.columns(outer, FormatOptions(), exact=True)  # type: ignore[attr-defined]
    assert codec.decode(FORMAT, columns, [record]).rows == [({"at": 3},)]


def writable(type_: t.SqlType) -> list[str]:
    """Texts of values that Protobuf can hold: no null in a list or map."""
    texts = {**TEXTS, **NESTED}[type_]
    nested = isinstance(type_, t.Array | t.Map | t.Struct)
    return [x for x in texts if not (nested and "NULL" in x) and "24:00" not in x]


def takes(type_: t.SqlType) -> bool:
    try:
        FORMAT.check([Column("F", type_)], FormatOptions())
    except StatementError:
        return False
    return bool(writable(type_))


TAKEN = [type_ for type_ in (*TEXTS, *NESTED) if takes(type_)]


@pytest.mark.slow
@pytest.mark.parametrize("nullable", [None, "OPTIONAL", "WRAPPER"])
@pytest.mark.parametrize("type_", TAKEN, ids=name_of)
def test_comes_back_as_it_was_written(type_: t.SqlType, nullable: str | None) -> None:
    columns, rows = [Column("F", type_)], [[text] for text in writable(type_)]
    for format_ in (FORMAT, BARE):
        options = FormatOptions(nullable=nullable, subject=f"{nullable}")
        records = codec.encode(format_, columns, rows, options)
        found = codec.decode(format_, columns, records, options, as_text=True)
        assert found.errors == [None] * len(rows)
        assert found.rows == codec.printed(columns, rows)


@pytest.mark.slow
@pytest.mark.parametrize("nullable", [None, "OPTIONAL", "WRAPPER"])
@pytest.mark.parametrize("type_", TAKEN, ids=name_of)
def test_another_reads_what_is_written(type_: t.SqlType, nullable: str | None) -> None:
    columns, rows = [Column("F", type_)], [[text] for text in (*writable(type_), "NULL")]
    options = FormatOptions(nullable=nullable)
    made = google(proto_text(columns, full_name="", nullable=nullable or ""), "ConnectDefault1")
    for record in codec.encode(BARE, columns, rows, options):
        message = made.FromString(record or b"")
        # Written again by Google, byte for byte, but for the order of a map's entries.
        assert sorted(message.SerializeToString(deterministic=True)) == sorted(record or b"")


@pytest.mark.parametrize(
    ("nullable", "type_", "found"),
    [
        *((None, t.INTEGER, 0), ("OPTIONAL", t.INTEGER, None), ("WRAPPER", t.INTEGER, None)),
        *((None, t.STRING, ""), (None, t.BOOLEAN, False), (None, t.DATE, None)),
        *((None, t.Array(t.DOUBLE), []), ("OPTIONAL", t.Map(t.STRING, t.DATE), {})),
    ],
)
def test_a_null_is_a_default_or_none(nullable: str | None, type_: t.SqlType, found: Any) -> None:
    options = FormatOptions(nullable=nullable)
    for format_ in (FORMAT, BARE):
        records = codec.encode(format_, [Column("F", type_)], [["NULL"]], options)
        assert codec.decode(format_, [Column("F", type_)], records, options).rows == [(found,)]


def test_a_chosen_schema_says_how_records_are_written() -> None:
    text = """syntax = "proto3"; package p; message A {} message B {
      fixed32 n = 3; string other = 2; E e = 1; oneof o { sint64 x = 4; }
      enum E { NO = 0; YES = 5; } }"""
    schema = RegisteredSchema(kind=PROTOBUF, text=text)
    options = FormatOptions(schema_id=codec.registry().register("chosen", schema), full_name="p.B")
    columns = [
        Column("N", t.BIGINT),
        Column("e", t.STRING),
        Column("o_0", t.Struct((t.Field("x", t.BIGINT),))),
    ]
    (record,) = codec.encode(FORMAT, columns, [["7", "'YES'", "{'x': -1}"]], options)
    assert (record or b"")[5:7] == b"\x02\x02"
    message = google(text, "p.B").FromString((record or b"")[7:])
    assert json_format.MessageToDict(message) == {"n": 7, "e": "YES", "x": "-1"}


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        (t.Array(t.Array(t.INTEGER)), "PROTOBUF cannot hold an ARRAY or a MAP in another: `F`"),
        (t.Map(t.INTEGER, t.DATE), "PROTOBUF format only supports MAP types with STRING keys"),
        (t.Struct((t.Field("a b", t.DATE),)), "PROTOBUF does not take the name a b"),
    ],
)
def test_refuses_what_no_message_holds(type_: t.SqlType, message: str) -> None:
    with pytest.raises(StatementError, match=message):
        FORMAT.check([Column("F", type_)], FormatOptions())


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("no schema at all {", "this is no Protobuf schema: line 1, column 1: "),
        ('syntax = "proto3"; message M { int32 a; }', "this is no Protobuf schema"),
        ('syntax = "proto3"; message M { Unknown u = 1; }', "the schema has no type Unknown"),
        ('syntax = "proto3"; message M { M m = 1; }', "KSQL does not support recursive schemas"),
        ('syntax = "proto3";', "the schema has no message"),
    ],
)
def test_a_schema_that_cannot_be_read_is_refused(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        message_type(parse_proto(text).message(""), exact=True)


def damaged(seed: int, count: int) -> None:
    """Damaged messages are read alike in any company, or are errors, and end no batch."""
    draw = Random(seed)
    columns = [Column(f"C{i}", type_) for i, type_ in enumerate(TAKEN)]
    draw.shuffle(columns)
    columns = columns[: draw.randint(1, 8)]
    rows = [[draw.choice(writable(c.type)) for c in columns] for _ in range(20)]
    for format_, skipped in ((FORMAT, 6), (BARE, 0)):
        options = FormatOptions(subject=f"damaged{seed}")
        good = codec.encode(format_, columns, rows, options)
        picked = [draw.choice(good) or b"" for _ in range(count)]
        records = [r[:skipped] + corrupt(draw, r[skipped:]) for r in picked]
        whole = codec.decode(format_, columns, [*records, *good])
        assert whole.errors[count:] == [None] * len(good)
        assert codec.decode(format_, columns, records[:20]).errors == whole.errors[:20]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_damaged_messages(seed: int) -> None:
    damaged(seed, 200)


@pytest.mark.soak
def test_a_million_damaged_messages() -> None:
    for seed in range(250):
        damaged(seed, 2_000)
