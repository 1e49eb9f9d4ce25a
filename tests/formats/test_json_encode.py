"""Columns to JSON, byte for byte as ksqlDB's JsonConverter and Jackson write them."""

from __future__ import annotations

import json
import struct
from decimal import Decimal
from random import Random

import codec
import pytest

from streamsql.formats import FORMATS
from streamsql.formats.format import KEY, FormatOptions
from streamsql.schema import types as t
from streamsql.schema.column import Column

JSON = FORMATS["JSON"]
ITEM = t.Struct((t.Field("Name", t.STRING), t.Field("at", t.TIMESTAMP), t.Field("n", t.DOUBLE)))


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (t.BOOLEAN, "true", "true"),
        (t.INTEGER, "-2147483648", "-2147483648"),
        (t.BIGINT, "9223372036854775807", "9223372036854775807"),
        (t.DOUBLE, "1", "1.0"),
        (t.DOUBLE, "1e10", "1.0E10"),
        (t.DOUBLE, "'nan'", '"NaN"'),
        (t.DOUBLE, "'inf'", '"Infinity"'),
        (t.DOUBLE, "'-inf'", '"-Infinity"'),
        (t.DOUBLE, "'-0.0'", "-0.0"),
        (t.DOUBLE, "NULL", "null"),
        (t.Decimal(6, 4), "10", "10.0000"),
        (t.Decimal(3, 3), "-0.5", "-0.500"),
        (t.Decimal(12, 10), "0", "0E-10"),
        (t.Decimal(12, 10), "0.0000001", "1.000E-7"),
        (t.Decimal(12, 10), "0.000001", "0.0000010000"),
        (t.Decimal(12, 10), "NULL", "null"),
        (t.STRING, "'a\"b\\c/d'", r'"a\"b\\c/d"'),
        (
            t.STRING,
            "chr(1) || chr(31) || chr(8) || chr(9) || chr(127)",
            '"\\u0001\\u001F\\b\\t\x7f"',
        ),
        (t.STRING, "'é日本😀'", '"é日本😀"'),
        (t.STRING, "''", '""'),
        (t.BYTES, "'{'::BLOB", '"ew=="'),
        (t.DATE, "DATE '1969-12-22'", "-10"),
        (t.TIME, "TIME '00:00:00.010'", "10"),
        (t.TIMESTAMP, "TIMESTAMP '1970-01-01 00:00:00.010'", "10"),
        (t.Array(t.STRING), "['a', NULL]", '["a",null]'),
        (t.Array(t.DOUBLE), "[1, NULL, 'nan'::DOUBLE]", '[1.0,null,"NaN"]'),
        (t.Array(t.BYTES), "[]", "[]"),
        (t.Map(t.STRING, t.DOUBLE), "MAP {'b': 2.5, 'a\"': NULL}", '{"b":2.5,"a\\"":null}'),
        (t.Map(t.STRING, t.BIGINT), "MAP {}", "{}"),
        (
            t.Array(ITEM),
            "[{'Name': 'x', 'at': TIMESTAMP '1970-01-01', 'n': 1e7}, NULL]",
            '[{"Name":"x","at":0,"n":1.0E7},null]',
        ),
        (ITEM, "{'Name': NULL, 'at': NULL, 'n': NULL}", '{"Name":null,"at":null,"n":null}'),
        (t.Struct((t.Field("a b", t.BIGINT),)), "{'a b': 1}", '{"a b":1}'),
        (t.Struct((t.Field('q"', t.BIGINT),)), "{'q\"': 1}", '{"q\\"":1}'),
    ],
)
def test_a_value_is_written_as_ksqldb_does(type_: t.SqlType, text: str, value: str) -> None:
    column = Column("V", type_)
    assert codec.encode(JSON, [column], [[text]]) == [f'{{"V":{value}}}'.encode()]
    if text != "NULL":
        bare = codec.encode(JSON, [column], [[text]], FormatOptions(wrap=False))
        assert bare == [value.encode()]


def test_a_single_column_stands_alone_where_it_should() -> None:
    column = [Column("V", t.INTEGER)]
    rows = [["1"], ["NULL"]]
    assert codec.encode(JSON, column, rows) == [b'{"V":1}', b'{"V":null}']
    assert codec.encode(JSON, column, rows, FormatOptions(wrap=False)) == [b"1", None]
    assert codec.encode(JSON, column, rows, FormatOptions(side=KEY)) == [b"1", None]
    both = [Column("A", t.INTEGER), Column("b", t.STRING)]
    key = codec.encode(JSON, both, [["1", "NULL"]], FormatOptions(side=KEY))
    assert key == [b'{"A":1,"b":null}']


def test_names_are_written_as_they_are() -> None:
    columns = [Column(n, t.INTEGER) for n in ("A", "a", 'q"uote', "back\\slash", "日本", "it's")]
    (found,) = codec.encode(JSON, columns, [["1"] * len(columns)])
    assert found is not None
    assert list(json.loads(found)) == [c.name for c in columns]


def java_text(value: float) -> str:
    """`Double.toString` of a finite double, from the shortest digits."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    mark = "-" if sign else ""
    text = "".join(map(str, digits)).lstrip("0")
    if not text:
        return f"{mark}0.0"
    power = len(text) + exponent - 1
    text = text.rstrip("0")
    if -3 <= power < 7:
        whole = text[: power + 1].ljust(power + 1, "0") if power >= 0 else "0"
        rest = text[power + 1 :] if power >= 0 else "0" * (-power - 1) + text
        return f"{mark}{whole}.{rest or '0'}"
    return f"{mark}{text[0]}.{text[1:] or '0'}E{power}"


@pytest.mark.slow
def test_doubles_are_spelled_with_the_fewest_digits() -> None:
    draw = Random(7)
    bits = (draw.getrandbits(64) for _ in range(4000))
    doubles = [struct.unpack(">d", b.to_bytes(8))[0] for b in bits]
    doubles += [draw.choice((1, -1)) * 10 ** draw.uniform(-8, 12) for _ in range(2000)]
    doubles += [float(10**n) for n in range(25)] + [10.0**-n for n in range(25)]
    doubles += [n / 8 for n in range(-50, 50)]
    finite = [d for d in doubles if d == d and abs(d) != float("inf") and not 0 < abs(d) < 2e-323]
    rows = [[f"'{value!r}'"] for value in finite]
    found = codec.encode(JSON, [Column("V", t.DOUBLE)], rows, FormatOptions(wrap=False))
    assert [text and text.decode() for text in found] == [java_text(value) for value in finite]


def test_the_smallest_doubles_have_two_digits() -> None:
    rows = [["'5e-324'"], ["'-1e-323'"], ["'1.5e-323'"]]
    found = codec.encode(JSON, [Column("V", t.DOUBLE)], rows, FormatOptions(wrap=False))
    assert found == [b"4.9E-324", b"-9.9E-324", b"1.5E-323"]


def test_decimals_keep_every_digit() -> None:
    draw = Random(8)
    type_ = t.Decimal(20, 9)
    sizes = [10 ** draw.randint(1, 18) for _ in range(300)]
    numbers = [Decimal(draw.randrange(-size, size)).scaleb(-9) for size in sizes]
    rows = [[f"'{n:f}'"] for n in numbers]
    found = codec.encode(JSON, [Column("V", type_)], rows, FormatOptions(wrap=False))
    assert [text and text.decode() for text in found] == [str(n) for n in numbers]
