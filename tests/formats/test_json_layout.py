"""Records that are laid out alike: which have a layout, and that they are read as any others."""

from __future__ import annotations

from random import Random

import codec
import json_records
import pyarrow as pa
import pytest
import test_json_decode

from streamsql.formats import FORMATS, json_laid_out
from streamsql.formats.format import READ, FormatOptions
from streamsql.schema import types as t
from streamsql.schema.column import Column

JSON, JSON_SR = FORMATS["JSON"], FORMATS["JSON_SR"]
BID = [
    Column("AUCTION", t.BIGINT),
    Column("PRICE", t.Decimal(10, 2)),
    Column("AT", t.TIMESTAMP),
    Column("NOTE", t.STRING),
    Column("RATE", t.DOUBLE),
    Column("PAID", t.BOOLEAN),
    Column("SMALL", t.INTEGER),
]
ALL = b'{"auction":7,"price":1.25,"at":1600000000000,"note":"x","rate":0.5,"paid":true,"small":1}'


def read(
    records: list[bytes | None], columns: list[Column] = BID, prefix: bytes = b""
) -> list[bool]:
    """Which records the kernel reads itself."""
    made = (JSON_SR if prefix else JSON).decode(
        '"_val"', columns, FormatOptions(), wanted=[c.name for c in columns]
    )
    assert made.kernel is not None
    given = pa.array([r if r is None else prefix + r for r in records], pa.binary())
    return made.kernel(pa.table({"_val": given})).column(READ).to_pylist()


@pytest.mark.parametrize(
    "record",
    [
        b"{}",
        b'{"auction":-7,"price":12345678,"at":0,"note":"","rate":-1e-7,"paid":null}',
        b'{ "AUCTION" : 1,\n\t"Price": 0.5 }\n',
        b'{"auction":null,"small":null,"rate":null}',
        b'{"note":null,"auction":1}',
        '{"note":"Straße, 日本","Größe":"x"}'.encode(),
        b'{"note":"NaN, {}[]: ,","other":1.50,"more":"y"}',
        b'{"user":{"auction":1,"name":["a","b",{}]},"auction":2}',
        b'{"small":2147483647,"auction":9223372036854775807}',
        rb'{"note":"say \"hi\" \\ \/ \n \u00e9 \ud83d\ude00","auction":1}',
        rb'{"note":"\\","other":"\\\"","auction":1}',
        rb'{"note":"\ud800x\u0000","auction":1}',
    ],
)
def test_ordinary_records_have_a_layout(record: bytes) -> None:
    assert read([record]) == [True]
    assert test_json_decode.check(BID, [record, ALL, record], wrapped=True) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "record",
    [
        *(b"", b"null", b"[]", b"1", b'"a"', b'{"a":1}{"a":2}', b'{"a":1} x', b"\xef\xbb\xbf{}"),
        *(b'{"note":"a\\x"}', b'{"n\\u006fte":"a"}', b'{"note":"\\\\""}', b'{"note":"\\u00g0"}'),
        *(
            b'{"other":"a\\x"}',
            b'{"other":"\\"}',
            b'{"note":"a\tb"}',
            b'{"note":"\xff"}',
            b'{"note":"a',
            b'{"a":01}',
        ),
        *(b'{"note":1}', b'{"auction":"1"}', b'{"auction":1.0}', b'{"auction":true}'),
        *(b'{"auction":{}}', b'{"note":[]}', b'{"xs":[1,2]}', b'{"a":NaN}', b'{"a":tru}'),
        *(b'{"auction":1,"AUCTION":2}', b'{"auction":1,"auction":1}', b'{"a":1,}', b'{"a" 1}'),
        *(b'{"auction":01}', b'{"auction":-01}', b'{"auction":0x1}', b'{"auction":-}'),
        *(b'{"auction":9223372036854775808}', b'{"small":2147483648}', b'{"price":1.234}'),
        *(b'{"price":123456789}', b'{"price":1e2}', b'{"rate":1e400}', b'{"rate":.5}'),
        b'{"at":9223372036854776}',
    ],
)
def test_doubtful_records_have_none(record: bytes) -> None:
    assert read([record]) == [False]
    # Nor has it that of a record beside it.
    assert read([ALL, record, ALL]) == [True, False, True]
    test_json_decode.check(BID, [ALL, record, ALL], wrapped=True)


@pytest.mark.slow
def test_a_record_that_differs_in_a_letter_is_read_otherwise() -> None:
    for at in range(len(ALL)):
        for byte in b'x9"{,: \\':
            record = ALL[:at] + bytes([byte]) + ALL[at + 1 :]
            test_json_decode.check(BID, [ALL, record, ALL], wrapped=True)


@pytest.mark.parametrize(
    "types", [(t.Array(t.INTEGER),), (t.BYTES,), (t.Map(t.STRING, t.INTEGER),)]
)
def test_columns_that_have_no_slot_are_read_in_another_way(types: tuple[t.SqlType, ...]) -> None:
    columns = [Column(f"C{i}", type_) for i, type_ in enumerate(types)]
    made = JSON.decode('"_val"', columns, FormatOptions(), wanted=["C0"])
    assert made.kernel is None


@pytest.mark.slow
@pytest.mark.parametrize("oddness", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("seed", range(8))
def test_they_are_read_as_the_rules_say(seed: int, oddness: float) -> None:
    draw = Random(f"{seed} {oddness}")
    for _ in range(3):
        columns = [c for c in json_records.random_columns(draw) if isinstance(c.type, t.Scalar)]
        columns.append(Column("D", t.Decimal(10, draw.randint(0, 10))))
        records = json_records.records_alike(draw, columns, 100, oddness=oddness)
        right = test_json_decode.check(columns, records, wrapped=True)
        assert right > (99 if not oddness else 10)


@pytest.mark.slow
def test_layouts_of_a_batch_are_told_apart() -> None:
    shapes = [ALL, b'{"auction":1}', b'{"note":"a"}', b'{"note":null}', b'{"small": 2}', b"{}"]
    draw = Random(3)
    records = [draw.choice([*shapes, None]) for _ in range(3 * json_laid_out.BLOCK_ROWS + 5)]
    assert all(read(records))
    assert test_json_decode.check(BID, [r for r in records if r][:500], wrapped=True) == 500


@pytest.mark.slow
def test_a_value_that_is_missing_now_and_then_makes_no_layout_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_laid_out, "LAYOUTS_MAX", 1)
    draw = Random(5)

    def any_of(*values: str) -> str:
        return draw.choice([*values, "null"])

    shape = '{"a":%s,"note":%s,"b":%s,"c":["p",%s],"price":%s,"d":%s}'
    choices = (("7",), ('"x"', '""'), ("1", '"y"', "true"), ('"q"',), ("1.5",), ('"z"',))
    records: list[bytes | None] = [
        (shape % tuple(any_of(*values) for values in choices)).encode() for _ in range(300)
    ]
    records.insert(0, b'{"a":1,"note":"x","b":1,"c":["p","q"],"price":1,"d":1}')
    assert all(read(records))
    given = [r for r in records if r]
    assert test_json_decode.check(BID, given, wrapped=True) == len(given)


def test_more_layouts_than_are_tried_are_read_too() -> None:
    names = [f"f{i}" for i in range(4 * json_laid_out.LAYOUTS_MAX)]
    records = [f'{{"{name}":1,"auction":{i}}}'.encode() for i, name in enumerate(names * 5)]
    assert not all(read(records))
    decoded = codec.decode(JSON, BID, records)
    assert [row[0] for row in decoded.rows] == list(range(len(records)))


def test_what_is_read_depends_on_no_batch_before() -> None:
    records: list[bytes | None] = [ALL, b"", None, b"{}", b"x", b'{"auction":1}', b"\xff", ALL]
    made = JSON.decode('"_val"', BID, FormatOptions(), wanted=["AUCTION"])
    assert made.kernel is not None
    for _ in range(2):
        alone = [made.kernel(pa.table({"_val": pa.array([r], pa.binary())})) for r in records]
        found = [table.column(READ).to_pylist()[0] for table in alone]
        assert found == [True, False, True, True, False, True, False, True] == read(records)


def test_records_behind_a_schema_id() -> None:
    # Bytes of the id that are a quote, a backslash or a control character are none of the record.
    for schema_id in (0x22, 0x5C, 1, 0x22225C5C, 0xFFFFFF):
        prefix = b"\0" + schema_id.to_bytes(4, "big")
        assert read([ALL, b"{}", None, ALL], prefix=prefix) == [True] * 4
    assert read([ALL], prefix=b"\1\0\0\0\1") == [False]
    assert read([None], prefix=b"\0\0\0\0\1") == [True]
    assert read([b""], prefix=b"\0\0\0\0\1") == [False]
    assert read([b""], prefix=b"\0\0") == [False]
