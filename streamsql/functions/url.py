"""URL functions: parts of an address as java.net.URI finds them, and form encoding.

An address of the usual form (a server, no escapes, nothing beyond ASCII) is taken apart by DuckDB;
any other one goes to `uri.py` row by row. What is no address fails.
"""

from __future__ import annotations

import re

from streamsql.functions import uri
from streamsql.functions.registry import GUARDED, ScalarFunction, scalar, signature
from streamsql.functions.rows import by_row, read_utf8
from streamsql.schema.duck import literal
from streamsql.schema.text import let
from streamsql.schema.typed import TypedSql

_WORD = r"A-Za-z0-9\-_.!~*''()"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_TOP = "[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ANY = f"[{_WORD};/?:@&=+$,]*"
_USUAL = (
    rf"[A-Za-z][A-Za-z0-9+.-]*://(?:[{_WORD};:&=+$,]*@)?(?:{_LABEL}\.)*{_TOP}(?::[0-9]{{1,9}})?"
    rf"(?:/[{_WORD}:@&=+$,;/]*)?(?:\?{_ANY})?(?:#{_ANY})?"
)
"""An address of which every part can be cut out by the characters around it."""

_SERVER = "^[^:]*://(?:[^/?#@]*@)?"


def _usual_part(x: str, part: str) -> str:
    """A part of an address of the usual form."""
    match part:
        case "protocol":
            return f"split_part({x}, ':', 1)"
        case "host":
            return f"regexp_extract({x}, '{_SERVER}([^:/?#]*)', 1)"
        case "port":
            return f"nullif(regexp_extract({x}, '{_SERVER}[^:/?#]*:([0-9]+)', 1), '')"
        case "path":
            return f"regexp_extract({x}, '^[^:]*://[^/?#]*([^?#]*)', 1)"
        case "query":
            found = f"regexp_extract({x}, '^[^?#]*[?]([^#]*)', 1)"
            return f"CASE WHEN contains(split_part({x}, '#', 1), '?') THEN {found} END"
        case _:
            return f"CASE WHEN contains({x}, '#') THEN regexp_extract({x}, '#(.*)', 1) END"


def _read_part(text: str, part: str) -> str | None:
    parts = uri.read(text)
    if part == "port":
        return None if parts.port is None else str(parts.port)
    if part in ("protocol", "host"):
        return parts.scheme if part == "protocol" else parts.host
    escaped = {"path": parts.path, "query": parts.query, "fragment": parts.fragment}[part]
    return None if escaped is None else uri.unescape(escaped)


URL_PART = by_row("streamsql_url_part", ("VARCHAR", "VARCHAR"), "VARCHAR", _read_part)


def part_of(x: str, part: str) -> str:
    """The text of a part of the address `x`."""
    usual = f"regexp_full_match({x}, '{_USUAL}')"
    slow = f"{URL_PART.name}({x}, {literal(part)})"
    return f"CASE WHEN {usual} THEN {_usual_part(x, part)} ELSE {slow} END"


def parameter(url: TypedSql, name: TypedSql) -> str:
    """The value of the first parameter of that name; empty where it has none."""

    def find(q: str) -> str:
        wanted = f"lambda _p: split_part(_p, '=', 1) = {name.sql}"
        return let(f"list_filter(string_split({q}, '&'), {wanted})[1]", _value)

    return let(url.sql, lambda x: let(part_of(x, "query"), find))


def _value(p: str) -> str:
    value = f"substring({p}, instr({p}, '=') + 1)"
    return f"CASE WHEN contains({p}, '=') THEN {value} WHEN {p} IS NOT NULL THEN '' END"


# ------------------------------------------------------------------ form encoding


def encode_form(x: str) -> str:
    """Letters, digits and `-_.*` stay, a blank is "+", all else is %XX of its UTF-8."""
    return f"replace(replace(replace(url_encode({x}), '%20', '+'), '%2A', '*'), '~', '%7E')"


def decode_form(x: str) -> str:
    spaced = f"replace({x}, '+', ' ')"
    decoded = f"coalesce(TRY(url_decode({spaced})), {DECODE_FORM.name}({x}))"
    return (
        f"CASE WHEN NOT contains({x}, '%') THEN {spaced} "
        f"WHEN regexp_full_match({x}, '(?s)(?:[^%]|%[0-9A-Fa-f]{{2}})*') THEN {decoded} "
        f"ELSE {DECODE_FORM.name}({x}) END"
    )


_ESCAPES = re.compile("(?:%..)+", re.DOTALL)
_BYTE = re.compile(r"\+?[0-9A-Fa-f]+")


def _decode_form(text: str) -> str:
    """java.net.URLDecoder, which also reads `%+f` as a byte."""

    def run(found: re.Match[str]) -> str:
        pairs = [found[0][i + 1 : i + 3] for i in range(0, len(found[0]), 3)]
        if not all(map(_BYTE.fullmatch, pairs)):
            raise ValueError(f"illegal hexadecimal characters in escape (%) pattern: {text}")
        return read_utf8(bytes(int(p, 16) for p in pairs))

    pieces = _ESCAPES.split(text)
    if any("%" in piece for piece in pieces):
        raise ValueError(f"incomplete trailing escape (%) pattern: {text}")
    decoded = [*map(run, _ESCAPES.finditer(text)), ""]
    spaced = (piece.replace("+", " ") for piece in pieces)
    return "".join(a + b for a, b in zip(spaced, decoded, strict=True))


DECODE_FORM = by_row("streamsql_url_decode", ("VARCHAR",), "VARCHAR", _decode_form)


def _part_entry(part: str, doc: str, *examples: tuple[str, str]) -> ScalarFunction:
    result = "INTEGER" if part == "port" else "STRING"

    def lower(x: str) -> str:
        found = part_of(x, part)
        return f"CAST({found} AS INTEGER)" if part == "port" else found

    return scalar(
        f"url_extract_{part}",
        signature(
            f"STRING -> {result}",
            lambda url: let(url.sql, lower),
            throws=True,
            kernels=(URL_PART,),
        ),
        doc=doc,
        examples=examples,
    )


_URL = "'https://user@example.com:8042/over/there?name=a%20b#nose'"

ENTRIES = (
    _part_entry(
        "protocol", "The scheme of an address.", (f"URL_EXTRACT_PROTOCOL({_URL})", '"https"')
    ),
    _part_entry(
        "host",
        "The host of an address; NULL where it names no server.",
        (f"URL_EXTRACT_HOST({_URL})", '"example.com"'),
        ("URL_EXTRACT_HOST('http://my_host/')", "null"),
    ),
    _part_entry("port", "The port of an address.", (f"URL_EXTRACT_PORT({_URL})", "8042")),
    _part_entry("path", "The path of an address.", (f"URL_EXTRACT_PATH({_URL})", '"/over/there"')),
    _part_entry(
        "query",
        "The query of an address, its escapes decoded.",
        (f"URL_EXTRACT_QUERY({_URL})", '"name=a b"'),
    ),
    _part_entry(
        "fragment", "The fragment of an address.", (f"URL_EXTRACT_FRAGMENT({_URL})", '"nose"')
    ),
    scalar(
        "url_extract_parameter",
        signature(
            "STRING, STRING -> STRING", parameter, throws=True, nulls=GUARDED, kernels=(URL_PART,)
        ),
        doc="A parameter of an address's query; empty where it has no value.",
        examples=[(f"URL_EXTRACT_PARAMETER({_URL}, 'name')", '"a b"')],
    ),
    scalar(
        "url_encode_param",
        signature("STRING -> STRING", lambda text: encode_form(text.sql)),
        doc="The text as a form's parameter is encoded.",
        examples=[("URL_ENCODE_PARAM('?foo $bar')", '"%3Ffoo+%24bar"')],
    ),
    scalar(
        "url_decode_param",
        signature(
            "STRING -> STRING",
            lambda text: let(text.sql, decode_form),
            throws=True,
            kernels=(DECODE_FORM,),
        ),
        doc="The text that a form's parameter encodes.",
        examples=[("URL_DECODE_PARAM('%3Ffoo+%24bar')", '"?foo $bar"')],
    ),
)
