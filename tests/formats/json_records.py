r"""Random columns and JSON records for them: right ones, odd ones and broken ones, from a seed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from streamsql.schema import types as t
from streamsql.schema.column import Column

SCALARS: tuple[t.SqlType, ...] = (
    *(t.BOOLEAN, t.INTEGER, t.BIGINT, t.DOUBLE, t.STRING, t.BYTES, t.DATE, t.TIME, t.TIMESTAMP),
    *(t.Decimal(6, 4), t.Decimal(10, 2), t.Decimal(38, 10), t.Decimal(3, 3), t.Decimal(18, 0)),
)
NAMES = "ID A PRICE DATE_TIME SIZE KISS FFI mixedCase lower CLASS URL X%Y AB_C 名前 É".split()

_UNSPACED = r"""
0 1 -1 12 -0 -0.0 0.0 1.5 -1.5 1.50 100.0 1e3 1E-3 1e400 -1e400 1e-400 0.5 2.5 3.999999999999999999
2147483647 2147483648 -2147483648 -2147483649 2099999999 2100000000 999999999
9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809
8999999999999999999 9000000000000000000 18446744073709551615 18446744073709551616
123456789012345678901234567890 86399999 86400000 86400001 8640000 999999999999999 1000000000000000
1e15 0.1 10.1234 10.12345 99.9999 100.0000 99.99995 10.123451234512345123 12345678.12 12345678.123
9007199254740993 3.0000000000000001 0.123 1.123 0.1234 4.35 1.005 253402300800000 0.999 0.9999
9223372036854775 9223372036854776 123456789012.5 12345678901234.25 999999999999999.9 0.0001 1.0e0
true false null [] {} [1] [1,2] [1.5,null] ["a","b"] [[1],[]] {"a":1} {"a":1.50,"b":[1,{"c":null}]}
"" "0" "12" "+12" "-5" "-" "1.5" "1e3" "abc" "NaN" "Infinity" "-Infinity" "nan" "inf" "true"
"ew==" "ew" "ew=" "ex==" "e+/=" "YWJj" "YWJjZA==" "ew==ew==" "0x1p3" "1d" "1f" "-0" "-0.0" "-0.5"
"12345678901234567890" "999999999999999999" "10.12" "10.1200" "10.12345" ".5" "5." "2147483648"
"1_0" "\u00e9" "\ud83d\ude00" "\ud800"
"\u0000" "a\"b" "\\" "\/" "\n" "\u0061" "ID" "PRICE" "id" "~" "{}"
"""
_SPACED = (
    *('"a b"', '"12 "', '" 12"', '" 1.5 "', '"ew== "', '"x, nan,"', '"a,]"', '"a ,}"', '": nan"'),
    *("[1, 2]", '{"id": 1}', '{"ID":"x","id":2}', '{ "price" : 1 }', '[ "a" , null ]'),
    *("[1,[2,3]]", '"ß straße, ﬁ"', '"日本"', '"ıd"', '"[1]5"', '"{}7"'),
)
TOKENS = (*_UNSPACED.split(), *_SPACED)
"""JSON values at the edges of what columns take."""

GARBAGE = (
    *("NaN", "Infinity", "-inf", "nan", "[1,]", '{"a":1,}', "[NaN]", "1.", ".5", "+1", "'a'"),
    *("tru", "nul", '"a', '"\\x"', '"\t"', "[", "{", "01", "00", "/*c*/1", "undefined", "~", ""),
)
TAILS = ("", "", "", "", "", "", "\n", " ", " x", "{}", ",", "}", "\x00", " 1")


def random_type(draw: Random, depth: int = 0) -> t.SqlType:
    """A type, nested now and then."""
    choice = draw.random()
    if depth > 2 or choice < 0.7:
        return draw.choice(SCALARS)
    if choice < 0.8:
        return t.Array(random_type(draw, depth + 1))
    if choice < 0.9:
        return t.Map(t.STRING, random_type(draw, depth + 1))
    names = draw.sample(NAMES, draw.randint(1, 3))
    fields = (t.Field(n, random_type(draw, depth + 1), random_letters(draw, n)) for n in names)
    return t.Struct(tuple(fields))


def random_columns(draw: Random) -> list[Column]:
    """One to five columns."""
    names = draw.sample(NAMES, draw.randint(1, 5))
    return [Column(name, random_type(draw), random_letters(draw, name)) for name in names]


def random_letters(draw: Random, name: str) -> str:
    """How a user may have written the name."""
    return draw.choice((name, name.lower(), name.title(), name[:1].lower() + name[1:].title()))


def random_records(
    draw: Random, columns: list[Column], count: int, *, wrapped: bool, oddness: float
) -> list[bytes]:
    """Records of one batch; in half of the batches all spell their names alike."""
    letters = draw.choice((None, None, str.lower, str.upper, str.title))
    return [
        random_record(draw, columns, wrapped=wrapped, oddness=oddness, letters=letters)
        for _ in range(count)
    ]


def records_alike(
    draw: Random, columns: list[Column], count: int, *, oddness: float
) -> list[bytes]:
    """Records as one producer writes them: names, blanks and their order are the same in all.
    `oddness`: how likely a record has an unusual value, or is broken."""
    style = Style(draw, 0.0)
    fields = [(style.name(c.name), c.type) for c in columns]
    fields += [(n, draw.choice(SCALARS)) for n in draw.sample(["extra", "note", "id2"], 2)]
    draw.shuffle(fields)
    end = draw.choice(("", "", "\n", " "))
    records: list[bytes] = []
    for _ in range(count):
        values = [style.value(type_) for _, type_ in fields]
        if draw.random() < oddness:
            odd = TOKENS if draw.random() < 0.9 else GARBAGE
            values[draw.randrange(len(values))] = draw.choice(odd)
        pairs = zip(fields, values, strict=True)
        inner = style.comma.join(f'"{name}"{style.colon}{value}' for (name, _), value in pairs)
        data = f"{{{inner}}}{end}".encode("utf-8", "surrogatepass")
        records.append(corrupt(draw, data) if draw.random() < oddness / 2 else data)
    return records


def random_record(
    draw: Random,
    columns: list[Column],
    *,
    wrapped: bool,
    oddness: float,
    letters: Callable[[str], str] | None = None,
) -> bytes:
    """A record; `oddness` is how likely each of its parts is unusual."""
    style = Style(draw, oddness, letters)
    if wrapped:
        text = style.object([(c.name, c.type) for c in columns])
    else:
        text = style.value(columns[0].type)
    if draw.random() < oddness:
        text = draw.choice(("", " ", "\n", "\ufeff")) + text + draw.choice(TAILS)
    data = text.encode("utf-8", "surrogatepass")
    return corrupt(draw, data) if draw.random() < oddness / 2 else data


def corrupt(draw: Random, data: bytes) -> bytes:
    """The bytes with one to three of them changed, dropped, doubled or cut off."""
    out = bytearray(data)
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(out) + 1)
        match draw.randrange(5):
            case 0:
                out[at : at + 1] = bytes([draw.randrange(256)])
            case 1:
                del out[at : at + draw.randint(1, 4)]
            case 2:
                out[at:at] = out[at : at + draw.randint(1, 12)]
            case 3:
                out[at:at] = draw.choice((b",", b'"', b"{", b"]", b"\\", b"\xff", b" ", b"N", b"-"))
            case _:
                del out[at:]
    return bytes(out)


class Style:
    """How one record is written: blanks, letters of names, and how odd it is."""

    def __init__(
        self, draw: Random, oddness: float, letters: Callable[[str], str] | None = None
    ) -> None:
        self.draw = draw
        self.oddness = oddness
        self.colon = draw.choice((":", ":", ":", ": ", " : " if self._odd() else ":"))
        self.comma = draw.choice((",", ",", ",", ", ", ",\n  "))
        self.letters = letters or draw.choice((str.lower, str.lower, str.upper, str))

    def object(self, fields: list[tuple[str, t.SqlType]]) -> str:
        """A JSON object of the fields, some missing, repeated or unknown."""
        draw = self.draw
        pairs = [(self.name(name), self.value(type_)) for name, type_ in fields]
        if draw.random() < 0.4:
            draw.shuffle(pairs)
        if draw.random() < 0.3:
            unknown = draw.choice(("extra", "PRICE2", "id2", "x"))
            pairs.insert(draw.randint(0, len(pairs)), (unknown, draw.choice(TOKENS)))
        if self._odd() and pairs:
            pairs.pop(draw.randrange(len(pairs)))
        if self._odd():
            name, type_ = draw.choice(fields)
            pairs.insert(draw.randint(0, len(pairs)), (self.name(name), self.value(type_)))
        if self._odd():
            name, type_ = draw.choice(fields)
            inner = f'{{"{self.name(name)}":{self.value(type_)}}}'
            pairs.insert(draw.randint(0, len(pairs)), ("nested", inner))
        return "{" + self.comma.join(f'"{n}"{self.colon}{v}' for n, v in pairs) + "}"

    def name(self, name: str) -> str:
        """A field's name, in other letters or escaped now and then."""
        draw = self.draw
        if name.upper() != name:
            return name if not self._odd() else draw.choice((name.lower(), name.upper()))
        if not self._odd():
            return self.letters(name)
        letter = draw.randrange(len(name))
        choices = [
            "".join(draw.choice((c.lower(), c.upper())) for c in name),
            f"{name[:letter]}\\u{ord(name[letter]):04x}{name[letter + 1 :]}",
            name.replace("SS", "ß").replace("I", "ı").replace("S", "ſ").replace("FFI", "ﬃ"),
        ]
        return draw.choice(choices)

    def value(self, type_: t.SqlType) -> str:
        """A JSON value: of the type, unless it is an odd one."""
        draw = self.draw
        if self._odd():
            return draw.choice(TOKENS if draw.random() < 0.9 else GARBAGE)
        if draw.random() < 0.1:
            return "null"
        match type_:
            case t.Array(element):
                items = (self.value(element) for _ in range(draw.randint(0, 3)))
                return f"[{self.comma.join(items)}]"
            case t.Map(_, value):
                keys = draw.sample(["k", "K", "id", "a b", "é", "k2"], draw.randint(0, 3))
                pairs = (f'"{key}"{self.colon}{self.value(value)}' for key in keys)
                return f"{{{self.comma.join(pairs)}}}"
            case t.Struct(fields):
                return self.object([(f.name, f.type) for f in fields])
            case t.Decimal(precision, scale):
                return self._decimal(precision, scale)
            case _:
                return self._scalar(str(type_))

    def _decimal(self, precision: int, scale: int) -> str:
        whole = str(self.draw.randrange(10 ** min(precision - scale, 8)))
        fraction = "".join(self.draw.choices("0123456789", k=self.draw.randint(0, min(scale, 6))))
        text = f"{whole}.{fraction}" if fraction else whole
        return f'"{text}"' if self.draw.random() < 0.3 else text

    def _scalar(self, name: str) -> str:
        draw = self.draw
        match name:
            case "BOOLEAN":
                return draw.choice(("true", "false"))
            case "DOUBLE":
                return draw.choice((repr(draw.uniform(-1e6, 1e6)), str(draw.randint(-99, 99))))
            case "STRING":
                return draw.choice(('"abc"', '"x y"', '"é"', '"12 Main, Rd"', '"a\\"b"', '"1.5"'))
            case "BYTES":
                return draw.choice(('"ew=="', '"YWJj"', '""', '"YWI="'))
            case "TIME":
                return str(draw.randrange(86_400_000))
            case "DATE":
                return str(draw.randint(-20_000, 60_000))
            case "TIMESTAMP":
                return str(draw.randint(-(10**12), 4 * 10**12))
            case _:
                return str(draw.choice((1, -1)) * draw.randrange(2 ** draw.randint(1, 31)))

    def _odd(self) -> bool:
        return self.draw.random() < self.oddness
