"""Which records go the vectorised way: a record sent to the careful one is right too, but ten times
slower, so that ordinary records must not be."""

from __future__ import annotations

from collections.abc import Sequence

import codec
import pytest

from streamsql.formats import FORMATS
from streamsql.formats.format import FormatOptions
from streamsql.schema import types as t
from streamsql.schema.column import Column

BID = [
    Column("AUCTION", t.BIGINT, "auction"),
    Column("PRICE", t.Decimal(10, 2), "price"),
    Column("DATETIME", t.TIMESTAMP, "dateTime"),
    Column("NOTE", t.STRING, "note"),
    Column("RATE", t.DOUBLE, "rate"),
    Column("PAID", t.BOOLEAN, "paid"),
]
NAMES = [c.name for c in BID]


def careful(
    name: str,
    columns: Sequence[Column],
    records: Sequence[bytes],
    options: FormatOptions | None = None,
) -> list[bytes]:
    """The records that DuckDB's way was not sure of."""
    options = options or FormatOptions()
    wanted = [c.name for c in columns]
    made = FORMATS[name].decode('"_val"', columns, options, wanted=wanted)
    column = f"_d_{options.side}_right"
    found = codec.computed(made, column, records)
    return [record for record, right in zip(records, found, strict=True) if not right]


@pytest.mark.parametrize(
    "record",
    [
        '{"auction":1,"price":1.5,"dateTime":1600000000000,"note":"x","rate":0.5,"paid":true}',
        '{"AUCTION":1,"PRICE":1.50,"DATETIME":16,"NOTE":"x","RATE":1,"PAID":false}',
        '{"auction": 1, "price": 12345678.99, "dateTime": 0, "note": "a, b: c"}',
        '{"auction":1}\n',
        '{\n  "auction": 1,\n  "note": null\n}',
        "{}",
        '{"auction":null,"price":null,"rate":null,"paid":null}',
        '{"auction":"12","price":"1.5","rate":"-0.25"}',
        '{"note":12,"rate":1e-7,"auction":-9223372036854775}',
        '{"note":true,"other":[1,2],"auction":1}',
        '{"auction":1,"user":{"auction":2,"name":"x"},"note":"y"}',
        '{"auction":1,"items":[{"auction":2},{"auction":3}],"price":2}',
        '{"note":"12 Main Street, 2.5 km"}',
        '{"note":"say \\"hi\\" \\/ \\n \\u00e9"}',
        '{"note":"Straße, 日本, naïve"}',
        '{"note":"NaN, Infinity"}',
        '{"auction":7,"unknown":{"a":[1.5,null,{"b":"c"}]},"price":0}',
    ],
)
def test_ordinary_json(record: str) -> None:
    assert not careful("JSON", BID, [record.encode()])


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (t.Array(t.STRING), '["a", null, "b"]'),
        (t.Array(t.Array(t.BIGINT)), "[[1,2],[],null]"),
        (t.Map(t.STRING, t.DOUBLE), '{"a": 1.5, "b": null}'),
        (t.Struct((t.Field("ID", t.BIGINT), t.Field("Name", t.STRING))), '{"Name":"x","id":1}'),
        (t.Array(t.Struct((t.Field("ID", t.BIGINT), t.Field("S", t.STRING)))), '[{"id":1}]'),
        (t.BYTES, '"ew=="'),
        (t.DATE, "-10"),
        (t.TIME, "86399999"),
    ],
    ids=str,
)
def test_ordinary_values(type_: t.SqlType, value: str) -> None:
    records = [f'{{"{name}":{value}}}'.encode() for name in ("v", "V")]
    assert not careful("JSON", [Column("V", type_)], records)
    bare = FormatOptions(wrap=False)
    assert not careful("JSON", [Column("V", type_)], [value.encode(), b"null"], bare)


@pytest.mark.parametrize(
    "record",
    [
        '{"auction":1.5}',
        '{"auction":true}',
        '{"auction":1,"AUCTION":2}',
        '{"auction":1,"auction":2}',
        '{"auction":1,}',
        '{"x":NaN,"auction":1}',
        '{"\\u0061uction":1}',
        '{"auctıon":1}',
        '{"price":1.234}',
        '{"note":1.50}',
        '{"note":{"a":1}}',
        '{"auction":1} x',
        "null",
        "[]",
    ],
)
def test_doubtful_json(record: str) -> None:
    assert careful("JSON", BID, [record.encode()])


def test_a_column_that_is_not_asked_for_is_proved_too() -> None:
    columns = [Column("A", t.BIGINT), Column("B", t.BIGINT), Column("S", t.STRING)]
    records = [b'{"a":1,"b":2}', b'{"a":1,"b":"x"}', b'{"a":1,"B":true}', b'{"a":1,"s":[]}']
    decoded = codec.decode(FORMATS["JSON"], columns, records, wanted=["A"])
    assert decoded.errors == [
        None,
        "Can't coerce string to type. targetType: BIGINT, path: $.B",
        "Can't convert type. sourceType: BooleanNode, requiredType: BIGINT, path: $.B",
        None,
    ]
    assert decoded.rows == [(1, None, None), (None,) * 3, (None,) * 3, (1, None, None)]


@pytest.mark.parametrize("line", ["1,1.50,16,x y,0.5,true", ",,,,,", "-1,0,0,é,1.0E10,FALSE"])
def test_ordinary_lines(line: str) -> None:
    assert not careful("DELIMITED", BID, [line.encode()])


@pytest.mark.parametrize("line", ['1,1,1,"x",1,true', "+1,1,1,x,1,true", "1,1,1,x,NaN,true", "1"])
def test_doubtful_lines(line: str) -> None:
    assert careful("DELIMITED", BID, [line.encode()])


def test_the_benchmark_measures_the_fast_way() -> None:
    from benchmarks.codecs import CASES, connect, count_careful

    con = connect()
    for case in CASES:
        if isinstance(case.record, str) and case.format != "KAFKA":
            expected = 50 if "record by record" in case.name else 0
            assert count_careful(con, case, 50) == expected, case.name
