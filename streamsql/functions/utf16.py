"""Positions and lengths as Java counts them: in UTF-16 code units.

ksqlDB's strings are Java's: a character beyond U+FFFF has length 2, and a position may fall
between its halves. DuckDB counts code points. So a rule over positions is written once, as DuckDB
text over code points, and applied

1. to the text itself where it has no character beyond U+FFFF, which is nearly always;
2. else to its wide form, in which such a character is followed by the noncharacter U+FFFF: the
   character stands for its first half, U+FFFF for the second. What comes out is narrowed again.
   A half without the other becomes "?", which is what Java writes for it.

A text that holds both a character beyond U+FFFF and U+FFFF itself is not told apart; Unicode
reserves U+FFFF for such inner use and no encoding should carry it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streamsql.schema.text import let
from streamsql.schema.typed import TypedSql

_ASTRAL = r"[\x{10000}-\x{10FFFF}]"
_HALF = "chr(65535)"


def named(arg: TypedSql, body: Callable[[str], str]) -> str:
    """`body` of a name for an argument; a literal is its own, so that DuckDB can prepare for it."""
    return body(arg.sql) if arg.literal is not None else let(arg.sql, body)


def is_narrow(x: str) -> str:
    """True where no character lies beyond U+FFFF: each would take four bytes."""
    return f"(strlen({x}) - length({x}) < 3 OR NOT regexp_matches({x}, '{_ASTRAL}'))"


def widen(x: str) -> str:
    """The text with one code point for each UTF-16 unit."""
    return f"regexp_replace({x}, '({_ASTRAL})', '\\1' || {_HALF}, 'g')"


def narrow(x: str) -> str:
    """The text again; "?" for a half that stands alone."""
    pieces = f"regexp_extract_all({x}, '(?s){_ASTRAL}' || {_HALF} || '|.')"
    piece = (
        "CASE WHEN length(_u) = 2 THEN left(_u, 1) "
        f"WHEN _u = {_HALF} OR strlen(_u) = 4 THEN '?' ELSE _u END"
    )
    return f"array_to_string(list_transform({pieces}, lambda _u: {piece}), '')"


def by_unit(
    texts: Sequence[TypedSql], body: Callable[..., str], finish: Callable[[str], str] = narrow
) -> str:
    """`body` of the names of `texts`, counted in UTF-16 units; `finish` of what the wide form gave.

    `body` has to give the right answer wherever one code point is one unit.
    """
    literals = [t for t in texts if isinstance(t.literal, str)]
    if any(ord(c) > 0xFFFF for t in literals for c in str(t.literal)):
        return _bind(texts, lambda *names: finish(_bind_wide(names, body)))
    open_ = [i for i, t in enumerate(texts) if t not in literals]
    if not open_:
        return body(*(t.sql for t in texts))

    def split(*names: str) -> str:
        narrow_ = " AND ".join(is_narrow(names[i]) for i in open_)
        nulls = " OR ".join(f"{names[i]} IS NULL" for i in open_)
        wide = finish(_bind_wide(names, body))
        return f"CASE WHEN {nulls} OR {narrow_} THEN {body(*names)} ELSE {wide} END"

    return _bind(texts, split)


def _bind(texts: Sequence[TypedSql], body: Callable[..., str], *names: str) -> str:
    if not texts:
        return body(*names)
    return named(texts[0], lambda name: _bind(texts[1:], body, *names, name))


def _bind_wide(rest: Sequence[str], body: Callable[..., str], *names: str) -> str:
    if not rest:
        return body(*names)
    return let(widen(rest[0]), lambda name: _bind_wide(rest[1:], body, *names, name))
