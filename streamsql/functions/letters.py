"""LCASE, UCASE and INITCAP: case as Java maps it, without a locale.

DuckDB maps letter by letter. Java has a few that become two ("ß" is "SS") and one that looks
around: a final "Σ" is "ς". Texts that hold one of these go another way; they are rare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow.compute as pc

from streamsql.functions.registry import Kernel, scalar, signature
from streamsql.schema.text import each, let
from streamsql.schema.typed import TypedSql

_WIDENING = (
    r"[\x{DF}\x{149}\x{1F0}\x{390}\x{3B0}\x{587}"
    r"\x{1E96}-\x{1E9A}\x{1F50}-\x{1FFC}\x{FB00}-\x{FB17}]"
)
"""Holds every letter whose capital is not one letter (Unicode's SpecialCasing.txt)."""

_CASED = r"\p{Lu}\p{Ll}\p{Lt}\x{AA}\x{BA}\x{2B0}-\x{2B8}\x{2C0}\x{2C1}\x{2E0}-\x{2E4}\x{37A}"
_IGNORED = r"\p{Mn}\p{Me}\p{Cf}\p{Lm}\p{Sk}''.:\x{B7}\x{2018}\x{2019}\x{2024}\x{2027}"
_FINAL_SIGMA = f"([{_CASED}][{_IGNORED}]*)\\x{{3A3}}([{_IGNORED}]*(?:[^{_CASED}{_IGNORED}]|\\z))"
"""A Σ after a letter and before none, marks and dots between them not counting."""


def upper(x: str) -> str:
    wide = f"regexp_matches({x}, '{_WIDENING}')"
    return (
        f"CASE WHEN strlen({x}) = length({x}) OR NOT {wide} THEN upper({x}) "
        f"ELSE upper({WIDE_CAPITALS.name}({x})) END"
    )


def lower(x: str) -> str:
    spelled = f"replace({x}, chr(304), 'i' || chr(775))"
    looked = f"regexp_replace({spelled}, '{_FINAL_SIGMA}', '\\1' || chr(962) || '\\2', 'g')"
    return (
        f"CASE WHEN strlen({x}) = length({x}) OR NOT regexp_matches({x}, '[\\x{{130}}\\x{{3A3}}]') "
        f"THEN lower({x}) ELSE lower({looked}) END"
    )


def initcap(x: str) -> str:
    """Words are what stands between blanks; blanks before the first word go away, as in ksqlDB."""
    words = f"regexp_extract_all({x}, '[^{_BLANK}]+[{_BLANK}]*')"
    capped = each(words, lambda w: f"({let(f'{w}[1]', _capital)}) || substring({w}, 2)")
    return f"array_to_string({capped}, '')"


def _capital(c: str) -> str:
    # Java looks at the first unit: of a character beyond U+FFFF that is half of it, and no letter.
    return f"CASE WHEN strlen({c}) = 4 THEN {c} ELSE {upper(c)} END"


_BLANK = r" \t\n\x0B\f\r"


def _widen(texts: Any) -> Any:
    """The letters whose capital is longer, replaced by it; what upper() leaves alone then."""
    found = texts
    for letter, capitals in _CAPITALS.items():
        found = pc.replace_substring(found, pattern=letter, replacement=capitals)
    return found


_CAPITALS = {c: c.upper() for c in map(chr, range(0xFB18)) if len(c.upper()) > 1}
WIDE_CAPITALS = Kernel(
    name="streamsql_wide_capitals", parameters=("VARCHAR",), returns="VARCHAR", function=_widen
)


def _of_text(body: Callable[[str], str]) -> Callable[[TypedSql], str]:
    return lambda text: let(text.sql, body)


ENTRIES = (
    scalar(
        "lcase",
        signature("STRING -> STRING", _of_text(lower)),
        doc="The text in small letters.",
        examples=[("LCASE('KsqlDB')", '"ksqldb"')],
    ),
    scalar(
        "ucase",
        signature("STRING -> STRING", _of_text(upper), kernels=(WIDE_CAPITALS,)),
        doc="The text in capitals.",
        examples=[("UCASE('straße')", '"STRASSE"')],
    ),
    scalar(
        "initcap",
        signature(
            "STRING -> STRING",
            _of_text(lambda x: let(lower(x), initcap)),
            kernels=(WIDE_CAPITALS,),
        ),
        doc="The text with each word's first letter a capital and the others small.",
        examples=[("INITCAP('the   Quick br0wn fOx')", '"The   Quick Br0wn Fox"')],
    ),
)
