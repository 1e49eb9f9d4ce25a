"""Strings against Python: positions are those of UTF-16 units, as in Java."""

from __future__ import annotations

import hashlib
import random
import unicodedata
from itertools import pairwise

import pytest

from streamsql.schema.types import BYTES, INTEGER, STRING

ROWS = 1500

NUMBERS = [None, 0, 1, -1, 2, 3, -3, 5, 12, 13, -12, -13, 100, 2147483647, -2147483648]


def units(text: str) -> list[str]:
    """A text as Java holds it: surrogates for what lies beyond U+FFFF."""
    raw = text.encode("utf-16-le")
    return [raw[i : i + 2].decode("utf-16-le", "surrogatepass") for i in range(0, len(raw), 2)]


def text_of(parts: list[str]) -> str:
    """The units as UTF-8 carries them: single surrogates are question marks."""
    raw = "".join(parts).encode("utf-16-le", "surrogatepass")
    return "".join("?" if unicodedata.category(c) == "Cs" else c for c in _pairs(raw))


def _pairs(raw: bytes) -> str:
    return raw.decode("utf-16-le", "surrogatepass")


def numbers(count: int, seed: int) -> list[int | None]:
    chance = random.Random(seed)
    return [chance.choice(NUMBERS) for _ in range(count)]


def blobs(count: int, seed: int, size: int = 9) -> list[bytes | None]:
    chance = random.Random(seed)
    return [
        None if chance.random() < 0.05 else chance.randbytes(chance.randrange(size))
        for _ in range(count)
    ]


def strict(function):
    """An oracle that gives None where an argument is None."""
    return lambda *args: None if None in args else function(*args)


# ------------------------------------------------------------------ lengths and parts


def test_len(compare, texts):
    rows = [(t,) for t in texts(ROWS, 1)]
    compare("LEN", [STRING], rows, strict(lambda t: len(units(t))))
    compare("LEN", [BYTES], [(b,) for b in blobs(300, 2)], strict(len))


def cut(value, position: int, count: int | None = None):
    start = max(len(value) + position, 0) if position < 0 else max(position - 1, 0)
    end = len(value) if count is None else start + max(count, 0)
    return value[min(start, len(value)) : end]


def test_substring_of_columns(compare, texts):
    rows = list(zip(texts(ROWS, 3), numbers(ROWS, 4), numbers(ROWS, 5), strict=True))

    def oracle(t, p, n=None):
        return text_of(cut(units(t), p, n))

    compare("SUBSTRING", [STRING, INTEGER], [r[:2] for r in rows], strict(oracle))
    compare("SUBSTRING", [STRING, INTEGER, INTEGER], rows, strict(oracle))


@pytest.mark.parametrize("position", [0, 1, 4, -1, -4])
@pytest.mark.parametrize("count", [0, 3, -1])
def test_substring_of_literals(compare, texts, const, position, count):
    rows = [(t,) for t in texts(150, 6)]

    def oracle(t, p, n=None):
        return text_of(cut(units(t), p, n))

    compare("SUBSTRING", [STRING, const(position)], rows, strict(oracle))
    compare("SUBSTRING", [STRING, const(position), const(count)], rows, strict(oracle))


def test_substring_of_bytes(compare):
    rows = list(zip(blobs(ROWS, 7), numbers(ROWS, 8), numbers(ROWS, 9), strict=True))
    compare("SUBSTRING", [BYTES, INTEGER], [r[:2] for r in rows], strict(cut))
    compare("SUBSTRING", [BYTES, INTEGER, INTEGER], rows, strict(cut))


# ------------------------------------------------------------------ searching


def find(text, part, position: int = 1, occurrence: int = 1) -> int:
    """The rule in words: matches may overlap; leftwards, a match ends at or before the place."""
    if position is None or occurrence is None:
        raise ValueError("a Java int")
    if text is None or part is None:
        return 0
    t, p = units(text), units(part)
    if abs(position) > len(t) or position == 0 or occurrence <= 0:
        return 0
    if not p:
        return position if position > 0 else len(t) + position + 2
    starts = [i + 1 for i in range(len(t)) if t[i : i + len(p)] == p]
    if position > 0:
        found = [s for s in starts if s >= position]
    else:
        found = [s for s in reversed(starts) if s + len(p) - 1 <= len(t) + position + 1]
    return found[occurrence - 1] if occurrence <= len(found) else 0


def search_rows(texts, seed: int):
    haystacks = texts(ROWS, seed, size=9, letters="ab😀ä")
    needles = texts(ROWS, seed + 1, size=3, letters="ab😀ä")
    return list(zip(haystacks, needles, strict=True))


def test_instr(compare, texts):
    compare("INSTR", [STRING, STRING], search_rows(texts, 10), find)


@pytest.mark.parametrize("position", [1, 3, 0, -1, -3])
def test_instr_from_a_literal_position(compare, texts, const, position):
    compare("INSTR", [STRING, STRING, const(position)], search_rows(texts, 12), find)


def test_instr_with_position_and_occurrence(compare, texts):
    chance = random.Random(14)
    rows = [
        (*pair, chance.choice([None, *range(-5, 6)]), chance.choice([None, -1, 0, 1, 1, 2, 3]))
        for pair in search_rows(texts, 14)
    ]
    compare("INSTR", [STRING, STRING, INTEGER, INTEGER], rows, find)


# ------------------------------------------------------------------ padding and joining


def padded(side: str):
    def oracle(value, size, padding):
        is_text = isinstance(value, str)
        v, p = (units(value), units(padding)) if is_text else (value, padding)
        if size < 0 or not p:
            return None
        filling = (p * size)[: max(size - len(v), 0)]
        whole = filling + v if side == "LPAD" else v + filling
        return text_of(whole[:size]) if is_text else whole[:size]

    return strict(oracle)


@pytest.mark.parametrize("side", ["LPAD", "RPAD"])
def test_padding(compare, texts, side):
    sizes = [None if n is None else max(min(n, 40), -2) for n in numbers(ROWS, 20)]
    rows = list(zip(texts(ROWS, 21), sizes, texts(ROWS, 22, size=3), strict=True))
    compare(side, [STRING, INTEGER, STRING], rows, padded(side))
    rows = list(zip(blobs(ROWS, 23), sizes, blobs(ROWS, 24, 4), strict=True))
    compare(side, [BYTES, INTEGER, BYTES], rows, padded(side))


def test_concat(compare, texts, const):
    rows = list(zip(texts(ROWS, 30), texts(ROWS, 31), texts(ROWS, 32), strict=True))

    def oracle(*parts):
        if len(parts) < 2:
            raise ValueError
        return "".join(p for p in parts if p is not None)

    compare("CONCAT", [STRING, const(None), STRING, STRING], rows, oracle)
    compare("CONCAT", [STRING], [(r[0],) for r in rows], oracle)


def test_concat_ws(compare, texts):
    rows = list(zip(texts(ROWS, 33), texts(ROWS, 34), texts(ROWS, 35), strict=True))

    def oracle(separator, *parts):
        return None if separator is None else separator.join(p for p in parts if p is not None)

    compare("CONCAT_WS", [STRING, STRING, STRING], rows, oracle)


def test_concat_of_bytes(compare, const):
    rows = list(zip(blobs(ROWS, 36), blobs(ROWS, 37), blobs(ROWS, 38), strict=True))

    def join(separator, *parts):
        return None if separator is None else separator.join(p for p in parts if p is not None)

    compare("CONCAT", [BYTES, BYTES, const(None), BYTES], rows, lambda *p: join(b"", *p))
    compare("CONCAT_WS", [BYTES, BYTES, BYTES], rows, join)


# ------------------------------------------------------------------ replacing


def test_replace(compare, texts):
    pairs = list(zip(search_rows(texts, 40), texts(ROWS, 42, size=2), strict=True))
    rows = [(*pair, new) for pair, new in pairs]

    def oracle(text, old, new):
        if old:
            return text.replace(old, new)
        return text_of(list(new) + [c for unit in units(text) for c in (unit, *units(new))])

    compare("REPLACE", [STRING, STRING, STRING], rows, strict(oracle))


@pytest.mark.parametrize(("old", "new"), [("a", "ä"), ("", "-"), ("ab", ""), ("😀", "x")])
def test_replace_literals(compare, texts, const, old, new):
    def oracle(text, old, new):
        if old:
            return text.replace(old, new)
        return text_of([new, *(u + new for u in units(text))])

    rows = [(r[0],) for r in search_rows(texts, 43)[:300]]
    compare("REPLACE", [STRING, const(old), const(new)], rows, strict(oracle))


def test_reverse(compare, texts):
    rows = [(t,) for t in texts(ROWS, 44)] + [("a\r\nb",), ("e\u0301x",), ("",)]
    compare("REVERSE", [STRING], rows, strict(lambda t: t[::-1]))


def test_trim(compare, texts):
    rows = [(t,) for t in texts(ROWS, 45, size=6, letters=" \t\n\r\x00\x1fa\u00a0\u2003ä")]
    blanks = "".join(map(chr, range(33)))
    compare("TRIM", [STRING], rows, strict(lambda t: t.strip(blanks)))


# ------------------------------------------------------------------ splitting


def test_split(compare, texts):
    rows = search_rows(texts, 50)

    def oracle(text, by):
        return text.split(by) if by else list(text) or [""]

    compare("SPLIT", [STRING, STRING], rows, strict(oracle))


def test_split_bytes(compare):
    chance = random.Random(52)
    rows = [
        tuple(bytes(chance.choices(b"\x01\x10\x00\xff", k=chance.randrange(n))) for n in (9, 3))
        for _ in range(ROWS)
    ]

    def oracle(value, by):
        return value.split(by) if by else [value[i : i + 1] for i in range(len(value))] or [b""]

    compare("SPLIT", [BYTES, BYTES], [*rows, (None, b""), (b"", None)], strict(oracle))


def test_split_to_map(compare, texts, const):
    def oracle(text, by, pair_by):
        if not by or not pair_by or by == pair_by:
            return None
        pairs = [entry.split(pair_by) for entry in text.split(by) if pair_by in entry]
        return {pair[0]: pair[1] for pair in pairs}

    rows = [(t, "/", ":") for t in texts(ROWS, 54, size=20, letters="ab::/ä")]
    rows += zip(*[texts(300, n, size=2) for n in (55, 56, 57)], strict=True)

    compare("SPLIT_TO_MAP", [STRING, STRING, STRING], rows, strict(oracle))
    few = [(t,) for t in texts(300, 58, size=20, letters="ab::/ä")]
    compare("SPLIT_TO_MAP", [STRING, const("/"), const(":")], few, strict(oracle))


# ------------------------------------------------------------------ letters


def test_case(compare, texts):
    special = "ßŉǰΐﬁﬗᾳᾼἙΣσςİıǅàÀ"
    rows = [(t,) for t in texts(ROWS, 60)] + [(t,) for t in texts(600, 61, letters=special + " a.")]
    compare("UCASE", [STRING], rows, strict(str.upper))
    compare("LCASE", [STRING], rows, strict(str.lower))


def test_case_of_every_letter(compare):
    """Java 17, Python and DuckDB agree on all that Unicode 13 has; the range is what may differ."""
    letters = [chr(c) for c in range(0x20, 0x3000) if unicodedata.category(chr(c)) != "Cn"]
    letters += [chr(c) for c in range(0xFB00, 0xFB18) if unicodedata.category(chr(c)) != "Cn"]
    known = [c for c in letters if unicodedata.ucd_3_2_0.category(c) != "Cn"]
    compare("UCASE", [STRING], [(c,) for c in known], str.upper)
    compare("LCASE", [STRING], [(c,) for c in known], str.lower)


def test_initcap(compare, texts):
    blanks = " \t\n\v\f\r"

    def oracle(text):
        out = ""
        for before, char in pairwise(" " + text.lower()):
            starts = before in blanks and char not in blanks and ord(char) <= 0xFFFF
            out += char.upper() if starts else char
        return out.lstrip(blanks)

    rows = [(t,) for t in texts(ROWS, 62, letters="abAZ \t\nß😀𐐨é.")]
    compare("INITCAP", [STRING], rows, strict(oracle))


def test_md5(compare, texts):
    rows = [(t,) for t in texts(300, 63)]
    compare("MD5", [STRING], rows, strict(lambda t: hashlib.md5(t.encode()).hexdigest()))


def test_sha256(compare, texts):
    given = texts(300, 64)
    compare("SHA256", [STRING], [(t,) for t in given], strict(_sha256))
    compare("SHA256", [BYTES], [(t and t.encode(),) for t in given], strict(_sha256))


def _sha256(value):
    return hashlib.sha256(value if isinstance(value, bytes) else value.encode()).hexdigest()


def test_starts_with(compare, texts):
    compare("STARTS_WITH", [STRING, STRING], search_rows(texts, 60), strict(str.startswith))
    chance = random.Random(61)
    rows = [
        tuple(bytes(chance.choices(b"\x01\x10\x00", k=chance.randrange(n))) for n in (9, 3))
        for _ in range(ROWS)
    ]
    compare(
        "STARTS_WITH", [BYTES, BYTES], [*rows, (None, b""), (b"", None)], strict(bytes.startswith)
    )
