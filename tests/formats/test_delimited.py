"""DELIMITED against oracles of its own: a reader letter by letter, and a writer by the rules."""

from __future__ import annotations

import csv
import io
import math
import re
from base64 import b64decode
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import codec
import pytest
from carriers import carried, same
from json_records import corrupt

from streamsql.formats import FORMATS
from streamsql.formats.format import FormatOptions
from streamsql.schema import types as t
from streamsql.schema.column import Column

DELIMITED = FORMATS["DELIMITED"]
TYPES: tuple[t.SqlType, ...] = (
    *(t.BOOLEAN, t.INTEGER, t.BIGINT, t.DOUBLE, t.STRING, t.BYTES, t.DATE, t.TIME, t.TIMESTAMP),
    *(t.Decimal(6, 4), t.Decimal(38, 10), t.Decimal(3, 3), t.Decimal(18, 0)),
)
FIELDS = (
    *"0 1 -1 +1 12 007 -0 1.5 -1.5 .5 5. 1e3 1.0E10 1.0E-5 NaN Infinity -Infinity 0x1p3 1d".split(),
    *"true TRUE false yes abc 2147483647 2147483648 -2147483649 9223372036854775807".split(),
    *"9223372036854775808 999999999999999999 86399999 86400000 86400001 99.9999 100".split(),
    *'0.12345 0.999 1.5000 12345678901234567890.5 ew== ew ew= e YWJj YWJjZA== x"y é 日本'.split(),
    *"- # 1-2 ２".split(),
    *("", "", " ", " 1", "1 ", "a b", '"a"', '"a,b"', '"a""b"', '""', '"', '"a', '"a"b', '"a" '),
    *('"1"', '"a\nb"', "a\nb", "\n1", "\r\n", "\t", '"\t"', "\\", "\x85", '"a"\x85', "'a'"),
)


class Unreadable(Exception):
    """The record is an error."""


def read_line(text: str, delimiter: str) -> list[str]:
    """The first record's fields as Commons CSV's lexer finds them, one letter at a time."""
    records: list[list[str]] = []
    fields: list[str] = []
    field: list[str] = []
    state = "start of line"
    for letter in (*text, "END"):
        ends = letter in ("\r", "\n", "END")
        if state == "start of line" and ends:
            continue
        if state in ("start of line", "start"):
            state = "quoted" if letter == '"' else "plain"
            if state == "quoted":
                continue
        if state == "quoted":
            if letter == "END":
                raise Unreadable
            if letter == '"':
                state = "quote"
            else:
                field.append(letter)
            continue
        if state == "quote" and letter == '"':
            field.append('"')
            state = "quoted"
            continue
        if letter == delimiter or ends:
            fields.append("".join(field))
            field, state = [], "start"
            if ends:
                records.append(fields)
                fields, state = [], "start of line"
        elif state in ("quote", "closed"):
            # Java's white space has no no-break spaces, Python's has.
            if not letter.isspace() or letter in "\x85\xa0\u2007\u202f":
                raise Unreadable
            state = "closed"
        else:
            field.append(letter)
    if not records:
        raise Unreadable
    return records[0]


def integer(low: int, high: int) -> Any:
    def read(field: str) -> int:
        if not re.fullmatch(r"[+-]?\d+", field) or not low <= int(field) <= high:
            raise Unreadable
        return int(field)

    return read


def double(field: str) -> float:
    text = field.strip("".join(map(chr, range(33))))
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?", text, re.ASCII):
        return float(text.rstrip("fFdD"))
    if re.fullmatch(r"[+-]?(NaN|Infinity)", text):
        return float(text.lower())
    if re.fullmatch(r"[+-]?0x[0-9a-f]+p[+-]?\d+", text):
        return float.fromhex(text)
    raise Unreadable


def base64(field: str) -> bytes:
    body = field.rstrip("=")
    if not re.fullmatch("[A-Za-z0-9+/]*", body) or len(body) % 4 == 1:
        raise Unreadable
    if len(field) - len(body) not in (0, -len(body) % 4):
        raise Unreadable
    return b64decode(body + "=" * (-len(body) % 4))


READERS = {
    "BOOLEAN": lambda field: field.lower() == "true",
    "INTEGER": integer(-(2**31), 2**31 - 1),
    "BIGINT": integer(-(2**63), 2**63 - 1),
    "DOUBLE": double,
    "STRING": str,
    "BYTES": base64,
    "DATE": integer(-2_147_483_646, 2_147_483_646),
    "TIME": integer(0, 86_400_000),
    "TIMESTAMP": integer(-9_223_372_022_400_000, 9_223_372_036_854_775),
}


def decimal(field: str, type_: t.Decimal) -> Decimal:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,10})?", field):
        raise Unreadable
    sign, digits, exponent = Decimal(field).as_tuple()
    assert isinstance(exponent, int)
    number = int("".join(map(str, digits)))
    shift = exponent + type_.scale if number else 0
    if abs(shift) > 1000:
        raise Unreadable
    if shift < 0 and number % 10**-shift:
        raise Unreadable
    number = number * 10**shift if shift >= 0 else number // 10**-shift
    if number >= 10**type_.precision:
        raise Unreadable
    sign = sign if number else 0
    return Decimal((sign, tuple(map(int, str(number))), -type_.scale))


def expected_row(data: bytes, columns: Sequence[Column], delimiter: str) -> list[Any]:
    # Java takes half a surrogate pair for one wrong character, Python for three.
    halves = re.sub(rb"\xed[\xa0-\xbf][\x80-\xbf]", "\ufffd".encode(), data)
    fields = read_line(halves.decode("utf-8", "replace"), delimiter)
    if len(fields) != len(columns):
        raise Unreadable
    row: list[Any] = []
    for field, column in zip(fields, columns, strict=True):
        if not field:
            row.append(None)
        elif isinstance(column.type, t.Decimal):
            row.append(decimal(field, column.type))
        else:
            row.append(READERS[str(column.type)](field))
    return row


def check(columns: Sequence[Column], records: Sequence[bytes], delimiter: str) -> int:
    """Compares a batch with the oracle; gives how many records were right."""
    decoded = codec.decode(DELIMITED, columns, records, FormatOptions(delimiter=delimiter))
    right = 0
    for record, row, error in zip(records, decoded.rows, decoded.errors, strict=True):
        told = f"{record!r} as {[str(c) for c in columns]} gave {row}, error {error}"
        try:
            expected = expected_row(record, columns, delimiter)
        except Unreadable:
            assert error, told
            continue
        assert error is None, told
        right += 1
        for value, column, wanted in zip(row, columns, expected, strict=True):
            assert same(carried(value, column.type), wanted), f"{told}; expected {wanted!r}"
    return right


def random_line(draw: Random, columns: Sequence[Column], delimiter: str, oddness: float) -> bytes:
    """A line of fields of the columns' types; `oddness` is how likely each part is not."""
    fields = [
        draw.choice(FIELDS) if draw.random() < oddness else plain_field(draw, c.type)
        for c in columns
    ]
    if draw.random() < oddness / 3:
        fields.append(draw.choice(FIELDS))
    text = delimiter.join(fields)
    if draw.random() < oddness / 3:
        text = (
            draw.choice(("\n", "\r\n", "")) + text + draw.choice(("\n", "\r\n", "\nx", '\n"', ""))
        )
    data = text.encode()
    return corrupt(draw, data) if draw.random() < oddness / 3 else data


def plain_field(draw: Random, type_: t.SqlType) -> str:
    if draw.random() < 0.1:
        return ""
    match type_:
        case t.Decimal(_, scale):
            return f"0.{draw.randrange(10 ** min(scale, 5)):0{min(scale, 5)}d}" if scale else "7"
        case t.BOOLEAN:
            return draw.choice(("true", "false"))
        case t.DOUBLE:
            return repr(draw.uniform(-1000, 1000))
        case t.STRING:
            return draw.choice(("abc", "a b", "é", "x'y"))
        case t.BYTES:
            return draw.choice(("ew==", "YWJj"))
        case t.TIME:
            return str(draw.randrange(86_400_000))
        case _:
            return str(draw.randint(-20_000, 20_000))


@pytest.mark.slow
@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t", " ", "-", "x"])
@pytest.mark.parametrize("oddness", [0.0, 0.1, 0.4], ids=["tame", "odd", "wild"])
@pytest.mark.parametrize("seed", range(3))
def test_lines_are_read_as_the_rules_say(seed: int, oddness: float, delimiter: str) -> None:
    draw = Random(f"{seed} {oddness} {delimiter}")
    right = 0
    for _ in range(3):
        columns = [Column(f"C{i}", draw.choice(TYPES)) for i in range(draw.randint(1, 5))]
        records = [random_line(draw, columns, delimiter, oddness) for _ in range(100)]
        right += check(columns, records, delimiter)
    assert right > 5


@pytest.mark.parametrize(
    ("record", "error"),
    [
        (b"1,2", "Unexpected field count, csvFields:2 schemaFields:3"),
        (b"", "No fields in record"),
        (b"\r\n", "No fields in record"),
        (b"x,a,1", 'For input string: "x", column: `A` INTEGER'),
        (b"3000000000,a,1", 'For input string: "3000000000", column: `A` INTEGER'),
        (
            b"1,a,1.2345",
            "Cannot fit decimal '1.2345' into DECIMAL(6, 3) without rounding. (Requires 5,4), "
            "column: `D` DECIMAL(6, 3)",
        ),
        (b'1,"a"b,1', "(line 1) invalid char between encapsulated token and delimiter"),
        (b'1,a,1\n"b', "(startline 2) EOF reached before encapsulated token finished"),
    ],
)
def test_an_error_says_what_was_wrong(record: bytes, error: str) -> None:
    columns = [Column("A", t.INTEGER), Column("S", t.STRING), Column("D", t.Decimal(6, 3))]
    good = b"7,x,1.5"
    decoded = codec.decode(DELIMITED, columns, [good, record, good])
    assert decoded.errors == [None, error, None]
    assert decoded.rows[0] == decoded.rows[2] == (7, "x", Decimal("1.500"))


def written(field: str | None, *, first: bool, delimiter: str) -> str:
    """A field as Commons CSV 1.4 prints it."""
    if field is None:
        return ""
    if not field:
        return '""' if first else ""
    is_word = field[0].isascii() and field[0].isalnum()
    asks = (first and not is_word) or field[0] <= "#" or field[-1] <= " "
    if asks or any(letter in field for letter in ("\r", "\n", '"', delimiter)):
        return f'"{field.replace(chr(34), chr(34) * 2)}"'
    return field


@pytest.mark.parametrize("delimiter", [",", "-", "a", "\t", ".", "é"])
def test_fields_are_quoted_where_a_reader_could_misread_them(delimiter: str) -> None:
    texts = [f for f in FIELDS if f] + ["", "x\r", "end ", "!a", "$a", "~", "z,", "1.5", "a"]
    columns = [Column("A", t.STRING), Column("B", t.STRING)]
    rows = [[codec.literal(x), codec.literal(y)] for x, y in pairwise(texts)]
    found = codec.encode(DELIMITED, columns, rows, FormatOptions(delimiter=delimiter))
    for line, (x, y) in zip(found, pairwise(texts), strict=True):
        first = written(x, first=True, delimiter=delimiter)
        second = written(y, first=False, delimiter=delimiter)
        assert line == f"{first}{delimiter}{second}".encode()


def test_lines_can_be_read_by_others() -> None:
    columns = [Column(n, t.STRING) for n in "ABC"]
    texts = ["plain", "a,b", 'say "hi"', "two\nlines", "é", " blank "]
    rows = [[codec.literal(x), codec.literal(y), "NULL"] for x in texts for y in texts]
    lines = codec.encode(DELIMITED, columns, rows)
    for line, (x, y) in zip(lines, ((x, y) for x in texts for y in texts), strict=True):
        assert line is not None
        assert next(csv.reader(io.StringIO(line.decode(), newline=""))) == [x, y, ""]


@pytest.mark.parametrize(
    ("type_", "text", "line"),
    [
        (t.INTEGER, "-10", b'"-10"'),
        (t.DATE, "DATE '1969-12-22'", b'"-10"'),
        (t.DOUBLE, "1e10", b"1.0E10"),
        (t.DOUBLE, "'nan'", b"NaN"),
        (t.DOUBLE, "'-inf'", b'"-Infinity"'),
        (t.Decimal(10, 4), "10", b"10.0000"),
        (t.Decimal(3, 3), "0.5", b"0.500"),
        (t.Decimal(20, 10), "0.0000001", b"0.0000001000"),
        (t.BYTES, "'{'::BLOB", b"ew=="),
        (t.TIME, "TIME '00:00:00.010'", b"10"),
        (t.TIMESTAMP, "TIMESTAMP '1970-01-01 00:00:00.010'", b"10"),
        (t.BOOLEAN, "true", b"true"),
        (t.STRING, "NULL", b""),
        (t.STRING, "''", b'""'),
    ],
)
def test_a_value_is_spelled_as_java_does(type_: t.SqlType, text: str, line: bytes) -> None:
    assert codec.encode(DELIMITED, [Column("V", type_)], [[text]]) == [line]


def test_nan_is_read_back() -> None:
    decoded = codec.decode(DELIMITED, [Column("V", t.DOUBLE)], [b"NaN", b"1.0E10", b"-0.0"])
    assert math.isnan(decoded.rows[0][0])
    assert decoded.rows[1:] == [(1e10,), (-0.0,)]
