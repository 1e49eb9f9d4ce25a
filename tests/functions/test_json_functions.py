"""JSON functions against trees that the texts were made of, and on texts that are broken."""

from __future__ import annotations

import base64
import random
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from streamsql.functions import SCALARS, jackson
from streamsql.functions.jackson import MISSING
from streamsql.functions.json_path import read_path
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    INTEGER,
    STRING,
    TIME,
    TIMESTAMP,
    Array,
    Field,
    Map,
    Struct,
)
from streamsql.schema.types import Decimal as DecimalType

ROWS = 800


class Number(str):
    """Digits as a text holds them."""


NUMBERS = [Number(n) for n in "0 -0 7 -12 12345678901234567890123 1.50 -0.0 1e5 2E-7 0.1".split()]
TEXTS = ["", "x", "é😀", 'say "hi"\\', "a\nb\x01", "nan", "1.5", ",]", "null"]
NAMES = ["a", "b", "a b", "c", "", "é"]


def tree(chance: random.Random, depth: int = 0) -> Any:
    """A value; an object is a list of pairs in a tuple, so that a name may stand twice."""
    kind = chance.random()
    if depth > 3 or kind < 0.5:
        return chance.choice([None, True, False, *NUMBERS, *TEXTS])
    if kind < 0.7:
        return [tree(chance, depth + 1) for _ in range(chance.randrange(4))]
    names = chance.choices(NAMES, k=chance.randrange(4))
    return tuple((name, tree(chance, depth + 1)) for name in names)


def spell(value: Any, chance: random.Random) -> str:
    """A text of the value, with blanks and escapes here and there."""

    def blank() -> str:
        return chance.choice(["", "", "", " ", "\n\t"])

    def text(t: str) -> str:
        quoted = jackson.quote(t)
        return quoted.replace("é", "\\u00e9") if chance.random() < 0.3 else quoted

    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case Number():
            return str(value)
        case str():
            return text(value)
        case list():
            items = f"{blank()},{blank()}".join(spell(v, chance) for v in value)
            return f"[{blank()}{items}{blank()}]"
        case _:
            pairs = [f"{text(k)}{blank()}:{blank()}{spell(v, chance)}" for k, v in value]
            return f"{{{blank()}{','.join(pairs)}{blank()}}}"


def fields(value: tuple) -> dict[str, Any]:
    return dict(value)


def canonical(value: Any, plain: bool = False) -> str:
    """The value as Jackson writes it."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case Number() if value.lstrip("-").isdigit():
            return str(int(value))
        case Number():
            number = abs(Decimal(value)) if Decimal(value) == 0 else Decimal(value)
            return format(number, "f") if plain else str(number)
        case str():
            return jackson.quote(value)
        case list():
            return f"[{','.join(canonical(v, plain) for v in value)}]"
        case _:
            pairs = fields(value).items()
            return f"{{{','.join(f'{jackson.quote(k)}:{canonical(v, plain)}' for k, v in pairs)}}}"


def shown(value: Any) -> str:
    is_text = isinstance(value, str) and not isinstance(value, Number)
    return value if is_text else canonical(value)


@pytest.fixture
def values():
    """Random values with their texts."""

    def make(count: int, seed: int) -> list[tuple[Any, str]]:
        chance = random.Random(seed)
        found = [tree(chance) for _ in range(count)]
        return [(v, spell(v, chance)) for v in found]

    return make


def broken(values, count: int, seed: int) -> list[str]:
    """Texts with something put in or left out."""
    chance = random.Random(seed)
    pieces = [
        "}",
        "]",
        ",",
        '"',
        "\\",
        "NaN",
        "-Infinity",
        "x",
        "\\ud800",
        '"\\udc00"',
        "\x02",
        "0",
    ]
    found = [
        "",
        " ",
        "{} x",
        "1 x",
        "1x",
        "truex",
        "true]",
        "[1,]",
        "{'a':1}",
        "1e400",
        '"\\ud800"',
    ]
    for _, text in values(count, seed):
        at = chance.randrange(len(text) + 1)
        found.append(text[:at] + chance.choice(pieces) + text[at + chance.randrange(2) :])
    return found


# ------------------------------------------------------------------ EXTRACTJSONFIELD

PATHS = {
    "$": (),
    "$.a": ("a",),
    "$.b[0]": ("b", 0),
    "$[1]": (1,),
    "$.a.b": ("a", "b"),
    '$["a b"].c': ("a b", "c"),
    '$[""]': ("",),
    "$.é": ("é",),
    "$.a[9]": ("a", 9),
}


def walk(value: Any, steps: tuple) -> Any:
    for step in steps:
        if isinstance(value, tuple):
            value = fields(value).get(str(step), MISSING)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return MISSING
    return value


@pytest.mark.parametrize("path", PATHS)
def test_extract(compare, const, values, path):
    pairs = values(ROWS, 1)
    wanted = {}
    for value, text in pairs:
        found = walk(value, PATHS[path])
        wanted[text] = None if found is MISSING else shown(found)
    rows = [(t,) for t in wanted]
    name = "EXTRACTJSONFIELD"
    compare(name, [STRING, const(path)], rows, lambda text, _: wanted[text])
    compare(name, [STRING, STRING], [(t, path) for t in wanted], lambda text, _: wanted[text])


def test_extract_from_broken_texts(compare, const, values):
    rows = [(t,) for t in broken(values, ROWS, 2)] + [(None,)]

    def oracle(text, path):
        if text is None:
            return None
        value = jackson.read(text)
        for step in path.split(".")[1:]:
            value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
        if value is MISSING:
            return None
        found = value if isinstance(value, str) else jackson.write(value)
        return mended(found)

    compare("EXTRACTJSONFIELD", [STRING, const("$.a")], rows, oracle)
    compare("EXTRACTJSONFIELD", [STRING, const("$.a.b")], rows, oracle)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()),
        ("$.a", ("a",)),
        ("$.@type.x:y._1", ("@type", "x:y", "_1")),
        ("$.a[0][12].b", ("a", "0", "12", "b")),
        ('$["x.y"]["q\\"\\\\"]', ("x.y", 'q"\\')),
        ("$[name]", ("name",)),
        ("$.名前", ("名前",)),
    ],
)
def test_paths(path, steps):
    assert read_path(path) == steps


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a",
        "$a",
        "$.",
        "$..a",
        "$.a-b",
        "$[-1]",
        "$[]",
        "$.a.",
        '$["a"',
        '$["a\\n"]',
        "$[@t]",
        "$.a b",
    ],
)
def test_wrong_paths(compare, const, path):
    with pytest.raises(ValueError, match="Invalid JSON path"):
        read_path(path)
    compare("EXTRACTJSONFIELD", [STRING, const(path)], [('{"a":1}',)], lambda *_: None)


# ------------------------------------------------------------------ other functions


def read(text):
    return MISSING if text is None else jackson.read(text)


def is_json(text):
    try:
        return read(text) is not MISSING
    except ValueError:
        return False


def array_length(text):
    value = read(text)
    return len(value) if isinstance(value, list) else None


def keys(text):
    value = read(text)
    return [mended(k) for k in value] if isinstance(value, dict) else None


def mended(text):
    """A Java string in UTF-8: half a character is a question mark."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\ufffd", "?")


@pytest.mark.parametrize(
    ("name", "oracle"),
    [("IS_JSON_STRING", is_json), ("JSON_ARRAY_LENGTH", array_length), ("JSON_KEYS", keys)],
)
def test_shapes(compare, values, name, oracle):
    rows = [(t,) for _, t in values(ROWS, 3)] + [(t,) for t in broken(values, ROWS, 4)]
    compare(name, [STRING], [*rows, (None,)], oracle)


def test_shapes_of_known_values(compare, values):
    known = {text: value for value, text in values(ROWS, 5)}
    rows = [(t,) for t in known]
    compare("IS_JSON_STRING", [STRING], rows, lambda _: True)

    def length(text):
        return len(known[text]) if isinstance(known[text], list) else None

    def names(text):
        return list(fields(known[text])) if isinstance(known[text], tuple) else None

    def records(text):
        pairs = fields(known[text]).items() if isinstance(known[text], tuple) else None
        return None if pairs is None else {k: shown(v) for k, v in pairs}

    def items(text):
        if not isinstance(known[text], list):
            raise ValueError(text)
        return [canonical(v) for v in known[text]]

    compare("JSON_ARRAY_LENGTH", [STRING], rows, length)
    compare("JSON_KEYS", [STRING], rows, names)
    compare(
        "JSON_RECORDS",
        [STRING],
        [*rows, ("",), ("{",)],
        lambda t: records(t) if t in known else None,
    )
    compare(
        "JSON_ITEMS",
        [STRING],
        [*rows, ("null",), ("",)],
        lambda t: items(t) if t in known else None,
    )


def test_concat(compare, values):
    known = {text: value for value, text in values(ROWS, 6)}
    texts = [*known]
    chance = random.Random(7)
    rows = [tuple(chance.choices([*texts, "", None], k=3)) for _ in range(ROWS)]

    def oracle(*given):
        if any(t not in known for t in given):
            return None
        found = [known[t] for t in given]
        if all(isinstance(v, tuple) for v in found):
            return canonical(tuple(pair for v in found for pair in fields(v).items()), plain=True)
        lists = [v if isinstance(v, list) else [v] for v in found]
        return canonical([v for part in lists for v in part], plain=True)

    compare("JSON_CONCAT", [STRING, STRING, STRING], rows, oracle)
    single = [(t,) for t in texts[:200]]
    compare("JSON_CONCAT", [STRING], single, lambda t: canonical(known[t], plain=True))


CONTAINED = [
    (STRING, ["x", "é😀", "", None, "1"]),
    (INTEGER, [0, 7, -12, None, 5]),
    (BIGINT, [0, 7, -12, None, 2**40]),
    (DOUBLE, [1.5, 0.1, 1e5, None, 7.0]),
    (BOOLEAN, [True, False, None]),
    (DecimalType(4, 2), [Decimal("1.50"), None]),
    (DATE, [date(2020, 1, 1), None]),
]


@pytest.mark.parametrize(("type_", "wanted"), CONTAINED, ids=lambda v: str(v)[:12])
def test_array_contains(compare, values, type_, wanted):
    chance = random.Random(8)
    known = {text: value for value, text in values(ROWS, 9)}
    rows = [(t, chance.choice(wanted)) for t in known]

    def same(item, value):
        if value is None or item is None:
            return item is None and value is None
        if isinstance(item, bool) or isinstance(value, bool):
            return item is value
        if isinstance(item, Number):
            whole = item.lstrip("-").isdigit()
            if type_ == DOUBLE:
                return not whole and float(item) == value
            return type_ in (INTEGER, BIGINT) and whole and int(item) == value
        return type_ == STRING and isinstance(item, str) and item == value

    def oracle(text, value):
        if not isinstance(known[text], list):
            return False
        for item in known[text]:
            if same(item, value):
                return True
            whole = isinstance(item, Number) and item.lstrip("-").isdigit()
            if (
                whole
                and type_ in (INTEGER, BIGINT)
                and value is not None
                and abs(int(item)) >= 2**63
            ):
                return False
        return False

    compare("JSON_ARRAY_CONTAINS", [STRING, type_], rows, oracle)


def test_array_contains_stops_where_it_finds(compare):
    rows = [("[1, 2, x", 1), ("[1, 2, x", 2), ("[1, x, 2]", 2), ("[1 2]", 2), ("{}", 1), ("", 1)]
    wanted = dict(zip(rows, [True, True, False, False, False, False], strict=True))
    compare("JSON_ARRAY_CONTAINS", [STRING, INTEGER], rows, lambda *row: wanted[row])
    compare("JSON_ARRAY_CONTAINS", [STRING, INTEGER], [(None, 1)], lambda *_: None)


# ------------------------------------------------------------------ TO_JSON_STRING


def java_double(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}[str(value)]
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    mantissa, _, exponent = f"{Decimal(repr(value)):E}".partition("E")
    digits = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"


def to_json(value, type_):
    if value is None:
        return "null"
    match type_:
        case Array(element):
            return f"[{','.join(to_json(v, element) for v in value)}]"
        case Map(_, inner):
            pairs = sorted((str(k), to_json(v, inner)) for k, v in value)
            return f"{{{','.join(f'{jackson.quote(k)}:{v}' for k, v in pairs)}}}"
        case Struct(inner):
            ordered = sorted(inner, key=lambda f: f.name)
            parts = [f"{jackson.quote(f.name)}:{to_json(value[f.name], f.type)}" for f in ordered]
            return f"{{{','.join(parts)}}}"
        case DecimalType():
            return format(value, "f")
        case _ if type_ == DOUBLE:
            return java_double(value)
        case _ if type_ == BOOLEAN:
            return "true" if value else "false"
        case _ if type_ == BYTES:
            return f'"{base64.b64encode(value).decode()}"'
        case _ if type_ == DATE:
            return f'"{value.isoformat()}"'
        case _ if type_ == TIMESTAMP:
            return f'"{value.isoformat(timespec="milliseconds")}"'
        case _ if type_ == STRING:
            return jackson.quote(value)
        case _:
            return str(value)


POINT = Struct((Field("Y", DOUBLE), Field("x", INTEGER), Field("a b", STRING), Field("Z", BOOLEAN)))
VALUES = [
    (BOOLEAN, [True, False, None]),
    (INTEGER, [1, -(2**31), None]),
    (BIGINT, [2**63 - 1, -(2**63), None]),
    (DOUBLE, [1.0, 1e10, 1.5e-7, -0.0, 123456.789, 1e7, 9999999.0, float("inf"), None]),
    (DecimalType(5, 2), [Decimal("1.50"), Decimal("-0.05"), None]),
    (STRING, [*TEXTS, None, "\x1f\x7f\u2028"]),
    (BYTES, [b"", b"!", bytes(range(80)), None]),
    (DATE, [date(1972, 9, 27), date(1, 1, 1), None]),
    (TIMESTAMP, [datetime(1971, 11, 28, 23, 46, 40), datetime(2020, 1, 1, 0, 0, 0, 5000), None]),
    (Array(STRING), [["a", None, '"'], [], None]),
    (Array(Array(DOUBLE)), [[[1.0, None], None, []], None]),
    (Map(STRING, INTEGER), [[("b", 1), ("a", None), ("é", 3)], [], None]),
    (Map(INTEGER, Array(BOOLEAN)), [[(10, [True]), (9, None)], None]),
    (POINT, [{"Y": 1e9, "x": None, "a b": "q", "Z": True}, None]),
    (Array(POINT), [[{"Y": None, "x": 1, "a b": None, "Z": None}, None], None]),
]


@pytest.mark.parametrize(("type_", "given"), VALUES, ids=lambda v: str(v)[:20])
def test_to_json_string(compare, type_, given):
    compare("TO_JSON_STRING", [type_], [(v,) for v in given], lambda v: to_json(v, type_))


def test_times_to_json(compare):
    rows = [(time(16, 43, 40),), (time(16, 43),), (time(0, 0, 0, 5000),), (None,)]
    wanted = ['"16:43:40"', '"16:43"', '"00:00:00.005"', "null"]
    known = {row[0]: text for row, text in zip(rows, wanted, strict=True)}
    compare("TO_JSON_STRING", [TIME], rows, lambda value: known[value])


def test_random_doubles_to_json(compare):
    chance = random.Random(10)
    rows = [(chance.uniform(-10, 10) * 10.0 ** chance.randrange(-300, 300),) for _ in range(ROWS)]
    compare("TO_JSON_STRING", [DOUBLE], rows, java_double)


def test_every_function_is_here():
    named = {name for name in SCALARS if "JSON" in name}
    assert named == {
        *("EXTRACTJSONFIELD", "IS_JSON_STRING", "JSON_ARRAY_CONTAINS", "JSON_ARRAY_LENGTH"),
        *("JSON_CONCAT", "JSON_ITEMS", "JSON_KEYS", "JSON_RECORDS", "TO_JSON_STRING"),
    }
