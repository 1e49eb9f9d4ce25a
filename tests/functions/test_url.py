"""URL functions against urllib for usual addresses, and DuckDB's way against the slow one."""

from __future__ import annotations

import random
from urllib.parse import quote_plus, unquote_plus, urlsplit

import pytest

from streamsql.functions import uri
from streamsql.schema.types import STRING

ROWS = 1500
PIECES = [
    *("http", "https", "a+b", "1x", ":", "://", "//", "/", "?", "#", "@", "[", "]", "[::1]"),
    *("[fe80::1%25en0]", "1.2.3.4", "256.1.1.1", "127.1", "h", "my_host", "a-b", "-a", "a-"),
    *("x.com", "x.1", "1.x.", ".", ":80", ":99999999999", ":8x", "%20", "%zz", "%", "%C3%A9"),
    *("%ff", "é", " ", "\u00a0", "\u0080", "😀", "a=b", "&", "=", "+", "~", "'", "(", "*", ";"),
    *(",", "$", "|", "^", "{", "\\", '"', "<", "user:pw@", "\u2028", "path", "q=1"),
]


def addresses(count: int, seed: int) -> list[str | None]:
    """Addresses, many with something wrong."""
    chance = random.Random(seed)
    found: list[str | None] = [None, "", "?q", "mailto:a@b", "http://", "file:///p", "http://h:/"]
    while len(found) < count:
        text = (
            chance.choice(["http", "ftp", "a", ""])
            + chance.choice(["://", "://", "://", ":", "//", ""])
            + chance.choice(["", "u@", "u:p@"])
            + chance.choice(["x.com", "h", "my_host", "1.2.3.4", "[::1]", "A-1.de", "x.1"])
            + chance.choice(["", "", ":80", ":"])
            + chance.choice(["", "/p", "/p%20q", "/a/b;c"])
            + chance.choice(["", "?a=b&c=%41", "?", "?a=1&a=2&b&=c"])
            + chance.choice(["", "#f", "#"])
        )
        if chance.random() < 0.5:
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(PIECES) + text[at:]
        found.append(text)
    return found


def strict(function):
    """An oracle that gives None where an argument is None."""
    return lambda *args: None if None in args else function(*args)


def shown(escaped: str | None) -> str | None:
    return None if escaped is None else uri.unescape(escaped)


PARTS = {
    "URL_EXTRACT_PROTOCOL": lambda p: p.scheme,
    "URL_EXTRACT_HOST": lambda p: p.host,
    "URL_EXTRACT_PORT": lambda p: p.port,
    "URL_EXTRACT_PATH": lambda p: shown(p.path),
    "URL_EXTRACT_QUERY": lambda p: shown(p.query),
    "URL_EXTRACT_FRAGMENT": lambda p: shown(p.fragment),
}


@pytest.mark.parametrize("name", PARTS)
def test_parts(compare, name):
    rows = [(a,) for a in addresses(ROWS, 1)]
    compare(name, [STRING], rows, strict(lambda text: PARTS[name](uri.read(text))))


USUAL = {
    "URL_EXTRACT_PROTOCOL": lambda u: u.scheme,
    "URL_EXTRACT_HOST": lambda u: u.netloc.rpartition("@")[2].partition(":")[0],
    "URL_EXTRACT_PORT": lambda u: u.port,
    "URL_EXTRACT_PATH": lambda u: u.path,
    "URL_EXTRACT_QUERY": lambda u: u.query or None,
    "URL_EXTRACT_FRAGMENT": lambda u: u.fragment or None,
}


@pytest.mark.parametrize("name", USUAL)
def test_parts_of_usual_addresses(compare, name):
    chance = random.Random(2)
    rows = [
        (
            f"{chance.choice(['http', 'https', 'ftp'])}://{chance.choice(['', 'me@', 'me:pw@'])}"
            f"{chance.choice(['www.x.com', 'localhost', 'A.b-c.de'])}{chance.choice(['', ':8042'])}"
            f"{chance.choice(['', '/', '/a/b.c', '/~me/x;v=1'])}{chance.choice(['', '?a=b&c'])}"
            f"{chance.choice(['', '#top'])}",
        )
        for _ in range(300)
    ]
    compare(name, [STRING], rows, lambda text: USUAL[name](urlsplit(text)))


def parameter(url: str, name: str) -> str | None:
    query = shown(uri.read(url).query)
    if query is None:
        return None
    found = [p.partition("=")[2] for p in query.split("&") if p.partition("=")[0] == name]
    return found[0] if found else None


def test_parameters(compare, const):
    chance = random.Random(3)
    names = ["a", "b", "c", "d", "", "a=", None]
    rows = [(a, chance.choice(names)) for a in addresses(ROWS, 4)]
    compare("URL_EXTRACT_PARAMETER", [STRING, STRING], rows, strict(parameter))
    compare("URL_EXTRACT_PARAMETER", [STRING, const("a")], [r[:1] for r in rows], strict(parameter))


def test_form_encoding(compare, texts):
    def oracle(text):
        return quote_plus(text, safe="-_.*").replace("~", "%7E")

    compare("URL_ENCODE_PARAM", [STRING], [(t,) for t in texts(ROWS, 5)], strict(oracle))


def decode(text: str) -> str:
    rest = text
    while "%" in rest:
        rest = rest[rest.index("%") + 1 :]
        if len(rest) < 2 or not all(c in "0123456789abcdefABCDEF" for c in rest[:2]):
            raise ValueError(text)
        rest = rest[2:]
    return unquote_plus(text)


def test_form_decoding(compare, texts):
    chance = random.Random(6)
    escapes = ["%20", "%C3%A9", "%ff", "%e2%82", "+", "a", "é", "%2B", "%f0%9f%98%80", "%00"]
    broken = ["%", "%4", "%zz", "% 1"]
    rows = [("".join(chance.choices(escapes, k=chance.randrange(7))),) for _ in range(ROWS)]
    rows += [
        (r[0] + chance.choice([*broken, "x"]) + chance.choice(["", "41"]),) for r in rows[:200]
    ]
    rows += [(t,) for t in texts(200, 7)] + [("a%+fb",), ("%-1",)]
    special = {"a%+fb": "a\x0fb"}
    compare("URL_DECODE_PARAM", [STRING], rows, strict(lambda t: special.get(t) or decode(t)))
