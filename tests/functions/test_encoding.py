"""Encodings, masks and numbers in bytes against Python."""

from __future__ import annotations

import base64
import binascii
import random
import re
import struct
import unicodedata
import uuid

import pytest

from streamsql.errors import Position
from streamsql.functions import resolve_scalar
from streamsql.schema.types import BYTES, INTEGER, STRING

ROWS = 1200
ENCODINGS = ("hex", "utf8", "ascii", "base64")


def strict(function):
    """An oracle that gives None where an argument is None."""
    return lambda *args: None if None in args else function(*args)


def blobs(count: int, seed: int, size: int = 9) -> list[bytes | None]:
    chance = random.Random(seed)
    return [
        None if chance.random() < 0.05 else chance.randbytes(chance.randrange(size))
        for _ in range(count)
    ]


# ------------------------------------------------------------------ encodings


def read(text: str, encoding: str) -> bytes:
    match encoding.lower():
        case "hex":
            if not re.fullmatch("([0-9a-fA-F]{2})*", text):
                raise ValueError(text)
            return bytes.fromhex(text)
        case "utf8":
            return text.encode()
        case "ascii":
            return text.encode("ascii", "replace")
        case "base64":
            if not re.fullmatch("[A-Za-z0-9+/]*={0,2}", text):
                raise ValueError(text)
            bare = text.rstrip("=")
            if text != bare and len(text) % 4:
                raise ValueError(text)
            return base64.b64decode(bare + "=" * (-len(bare) % 4))
        case _:
            raise ValueError(encoding)


def write(value: bytes, encoding: str) -> str:
    match encoding.lower():
        case "hex":
            return value.hex().upper()
        case "utf8":
            whole = re.sub(rb"\xed[\xa0-\xbf][\x80-\xbf]?", "\ufffd".encode(), value)
            return whole.decode("utf-8", "replace")
        case "ascii":
            return value.decode("ascii", "replace")
        case "base64":
            return base64.b64encode(value).decode()
        case _:
            raise ValueError(encoding)


def encoded_texts(count: int, seed: int) -> list[str]:
    """Texts that are hexadecimal or base64, or nearly."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        value = chance.randbytes(chance.randrange(8))
        text = chance.choice([value.hex(), value.hex().upper(), base64.b64encode(value).decode()])
        if chance.random() < 0.4:
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(["=", "x", " ", "é", "", "\n"]) + text[at + 1 :]
        found.append(text)
    return found


@pytest.mark.parametrize("encoding", [*ENCODINGS, "HEX", "latin1"])
def test_to_bytes(compare, texts, const, encoding):
    rows = [(t,) for t in [*texts(300, 1), *encoded_texts(ROWS, 2)]]
    compare("TO_BYTES", [STRING, const(encoding)], rows, strict(read))


@pytest.mark.parametrize("encoding", [*ENCODINGS, "Base64", ""])
def test_from_bytes(compare, const, encoding):
    halves = [b"\xed\xa0\x80", b"a\xed\xbf\xbfb", b"\xf0\x9f\x98x", b"\xc0\x80", "é😀".encode()]
    rows = [(b,) for b in [*blobs(ROWS, 3), *halves, bytes(range(128))]]
    compare("FROM_BYTES", [BYTES, const(encoding)], rows, strict(write))


def test_encodings_of_columns(compare):
    chance = random.Random(4)
    names = [chance.choice([*ENCODINGS, "Utf8", "x", None]) for _ in range(ROWS)]
    texts, values = encoded_texts(ROWS, 5), blobs(ROWS, 6)
    rows = list(zip(texts, names, strict=True))
    compare("TO_BYTES", [STRING, STRING], rows, strict(read))
    rows = list(zip(values, names, strict=True))
    compare("FROM_BYTES", [BYTES, STRING], rows, strict(write))


def lenient(text: str, encoding: str) -> bytes:
    if encoding == "hex":
        if text.startswith("0x"):
            text = ("0" if len(text) % 2 else "") + text[2:]
        elif re.fullmatch("[xX]'.*'", text):
            text = text[2:-1]
        return read(text, "hex")
    if encoding == "base64":
        kept = re.sub("[^A-Za-z0-9+/_-]", "", text.split("=")[0])
        kept = kept.replace("-", "+").replace("_", "/")
        kept = kept[:-1] if len(kept) % 4 == 1 else kept
        return base64.b64decode(kept + "=" * (-len(kept) % 4))
    return read(text, encoding)


def encode(text: str, source: str, target: str) -> str:
    source, target = source.lower(), target.lower()
    if source == target or {source, target} - set(ENCODINGS):
        raise ValueError("encodings")
    found = write(lenient(text, source), target)
    return found.lower() if target == "hex" else found


@pytest.mark.parametrize("source", [*ENCODINGS, "x"])
@pytest.mark.parametrize("target", ENCODINGS)
def test_encode(compare, texts, const, source, target):
    marked = ["0x", "0x4578", "0x578", "x'45'", "X''", "x'", "0x0x", "x'4'", "ab_-", "abcde", "=a"]
    rows = [(t,) for t in [*texts(150, 7), *encoded_texts(300, 8), *marked]]
    compare("ENCODE", [STRING, const(source), const(target)], rows, strict(encode))


def test_encode_of_columns(compare):
    chance = random.Random(9)
    rows = [
        (t, *(chance.choice([*ENCODINGS, "HEX", "x", None]) for _ in range(2)))
        for t in encoded_texts(ROWS, 10)
    ]
    compare("ENCODE", [STRING, STRING, STRING], rows, strict(encode))


# ------------------------------------------------------------------ characters


def test_chr_of_numbers(compare):
    chance = random.Random(11)
    rows = [(chance.randrange(-5, 0x110005),) for _ in range(ROWS)]
    edges = [None, 0, 65, 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0x10FFFF, 0x110000, -1, 2147483647]

    def oracle(code):
        if not 0 <= code <= 0x10FFFF:
            return None
        return "?" if 0xD800 <= code <= 0xDFFF else chr(code)

    compare("CHR", [INTEGER], [*rows, *((e,) for e in edges)], strict(oracle))


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("\\u004b", "K"),
        ("\\u597D", "好"),
        ("\\ud820\\udeb8", "\U000182b8"),
        ("\\ud820", "?"),
        ("\\udeb8\\ud820", "??"),
        ("\\u004b and \\u0053\\n\\101\\\\", "K and S\nA\\"),
        ("\\u004b\\q\\", "Kq"),
        ("\\uu004b", "K"),
        ("\\u+004b", "K"),
        ("\\u00zz", None),
        ("\\u004", None),
        ("\\u004b\\u12", None),
        ("75", None),
        ("004b", None),
        ("", None),
        (None, None),
    ],
)
def test_chr_of_text(compare, text, character):
    compare("CHR", [STRING], [(text,)], lambda _: character)


# ------------------------------------------------------------------ masks


def masked(text: str, upper="X", lower="x", digit="n", other="-") -> str:
    marks = {"Lu": upper, "Ll": lower, "Nd": digit}
    for mark in (upper, lower, digit, other):
        if mark is not None and (len(mark) != 1 or ord(mark) > 0xFFFF):
            raise ValueError(mark)
    if text is None:
        return None
    out = ""
    for char in text:
        mark = marks.get(unicodedata.category(char), other)
        out += char if mark is None else mark
        # The second half of a character beyond U+FFFF is "other".
        out += (other or "") if ord(char) > 0xFFFF and mark is not None else ""
    return out


PLAIN = "aAzZ09 .-éÉßŁ中\u0661\t"


def test_mask(compare, texts):
    rows = [(t,) for t in [*texts(ROWS, 20), *texts(ROWS, 21, letters=PLAIN)]]
    compare("MASK", [STRING], rows, strict(masked))


MASKS = [("*", "*", "*", "*"), ("a", "B", "A", "1"), ("q", None, "-", "X"), (None,) * 4, ("é",) * 4]


@pytest.mark.parametrize("masks", [*MASKS, ("", "a", "b", "c"), ("ab", "a", "b", "c")])
def test_mask_with_literals(compare, texts, const, masks):
    rows = [(t,) for t in texts(300, 22, letters=PLAIN)]

    def oracle(text, *_):
        return masked(text, *masks)

    compare("MASK", [STRING, *map(const, masks)], rows, oracle)


def test_mask_with_columns(compare, texts):
    chance = random.Random(23)
    marks = ["*", "a", "B", "1", "-", None, "é", "ab", ""]
    weights = [4, 4, 4, 4, 4, 4, 4, 1, 1]
    rows = [(t, *chance.choices(marks, weights, k=4)) for t in texts(400, 24, letters=PLAIN)]
    compare("MASK", [STRING] * 5, rows, masked)


def part(name: str):
    def oracle(text, count, *masks):
        if count is None or count < 0:
            raise ValueError(count)
        check = masked("", *masks) if masks else ""
        if text is None:
            return None
        at = min(count, len(text))
        if name in ("MASK_RIGHT", "MASK_KEEP_RIGHT"):
            at = len(text) - at
        left, right = text[:at], text[at:]
        if name in ("MASK_LEFT", "MASK_KEEP_RIGHT"):
            return check + masked(left, *masks) + right
        return check + left + masked(right, *masks)

    return oracle


NAMES = ["MASK_LEFT", "MASK_RIGHT", "MASK_KEEP_LEFT", "MASK_KEEP_RIGHT"]


@pytest.mark.parametrize("name", NAMES)
def test_partial_masks(compare, texts, const, name):
    chance = random.Random(25)
    rows = [(t, chance.choice([None, -1, 0, 1, 3, 99])) for t in texts(300, 26, letters=PLAIN)]
    compare(name, [STRING, INTEGER], rows, part(name))
    four = [const(m) for m in ("A", None, "x", "n")]

    def oracle(text, count, *_):
        return part(name)(text, count, "A", None, "x", "n")

    compare(name, [STRING, INTEGER, *four], rows, oracle)
    for count in (0, 2, -1):
        compare(name, [STRING, const(count)], [r[:1] for r in rows[:200]], part(name))


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    ("name", "code", "size"),
    [("INT_FROM_BYTES", "i", 4), ("BIGINT_FROM_BYTES", "q", 8), ("DOUBLE_FROM_BYTES", "d", 8)],
)
def test_numbers_of_bytes(compare, const, name, code, size):
    chance = random.Random(30)
    values = [chance.randbytes(size) for _ in range(ROWS)]
    values += [b"", b"\x00" * (size - 1), b"\xff" * size, b"\x80" + b"\x00" * (size - 1), None]
    orders = ["BIG_ENDIAN", "little_endian", "LITTLE_ENDIAN", "middle", None]

    def oracle(value, order="BIG_ENDIAN"):
        sign = {"big_endian": ">", "little_endian": "<"}.get(str(order).lower())
        if value is None or sign is None or len(value) != size:
            return None
        found = struct.unpack(sign + code, value)[0]
        return "NaN" if found != found else found

    def seen(rows, parameters, wanted):
        compare(name, parameters, rows, wanted)

    numbers = [v for v in values if v is None or oracle(v) != "NaN"]
    seen([(v,) for v in numbers], [BYTES], oracle)
    both = [(v, o) for v in numbers for o in orders if oracle(v, o) != "NaN"][:ROWS]
    seen(both, [BYTES, STRING], oracle)
    few = [(v,) for v in numbers[-200:] if oracle(v, "LITTLE_ENDIAN") != "NaN"]
    seen(few, [BYTES, const("little_endian")], oracle)
    seen(few, [BYTES, const("x")], oracle)


def test_base64_oracle_is_strict():
    with pytest.raises((ValueError, binascii.Error)):
        read("QQ=", "base64")


# ------------------------------------------------------------------ identifiers


def test_identifiers_of_bytes(compare):
    rows = [
        (b,) for b in [*blobs(300, 40, 20), *(random.Random(n).randbytes(16) for n in range(300))]
    ]

    def oracle(value):
        return str(uuid.UUID(bytes=value)) if value is not None and len(value) == 16 else None

    compare("UUID", [BYTES], rows, oracle)


def test_identifiers_of_records(calls):
    rows = calls.connection.sql(
        "SELECT concat_ws(' ', p, o) AS _row FROM range(4) a(p), range(500) b(o)"
    )
    assert rows is not None
    first = resolve_scalar("UUID", [], Position(1, 8, 7))
    second = resolve_scalar("UUID", [], Position(1, 20, 19))
    sql = f"SELECT {first.sql}, {second.sql} FROM rows ORDER BY _row"
    found = [text for row in calls.connection.sql(sql).fetchall() for text in row]
    assert len(set(found)) == len(found) == 4000
    assert found == [text for row in calls.connection.sql(sql).fetchall() for text in row]
    assert {uuid.UUID(text).version for text in found} == {4}
    assert {uuid.UUID(text).variant for text in found} == {uuid.RFC_4122}
    assert first.columns == {"_row"}
    assert not first.constant
