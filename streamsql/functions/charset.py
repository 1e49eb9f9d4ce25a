"""Sets of code points as sorted, disjoint ranges, and the sets that Java's patterns have names for.

Names of scripts and blocks are not known: Python carries no table of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache

Ranges = tuple[tuple[int, int], ...]
"""Both ends belong to a range."""

LAST = 0x10FFFF
ALL: Ranges = ((0, LAST),)
NONE: Ranges = ()


def union(*sets: Ranges) -> Ranges:
    """What lies in any of the sets."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(r for ranges in sets for r in ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def negate(ranges: Ranges) -> Ranges:
    """What lies outside."""
    found: list[tuple[int, int]] = []
    start = 0
    for low, high in ranges:
        if start < low:
            found.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        found.append((start, LAST))
    return tuple(found)


def intersect(left: Ranges, right: Ranges) -> Ranges:
    """What lies in both."""
    return negate(union(negate(left), negate(right)))


def of(characters: str) -> Ranges:
    """The set of some characters."""
    return union(tuple((ord(c), ord(c)) for c in characters))


def contains(ranges: Ranges, code: int) -> bool:
    """Whether a code point lies in the set."""
    return any(low <= code <= high for low, high in ranges)


_UPPER, _LOWER, _CASE = ((65, 90),), ((97, 122),), 32


def fold_ascii(ranges: Ranges) -> Ranges:
    """The set and the other case of its ASCII letters: CASE_INSENSITIVE."""
    shifted = [(lo + _CASE, hi + _CASE) for lo, hi in intersect(ranges, _UPPER)]
    shifted += [(lo - _CASE, hi - _CASE) for lo, hi in intersect(ranges, _LOWER)]
    return union(ranges, tuple(shifted))


def fold_unicode(ranges: Ranges) -> Ranges:
    """The set and every letter whose capital, or that one's small letter, lies in it:
    UNICODE_CASE."""
    found = [
        (code, code)
        for code, upper, lower in _cased()
        if contains(ranges, upper) or contains(ranges, lower)
    ]
    return union(ranges, tuple(found))


@cache
def _cased() -> tuple[tuple[int, int, int], ...]:
    found: list[tuple[int, int, int]] = []
    for code in range(LAST + 1):
        char = chr(code)
        upper = char.upper() if len(char.upper()) == 1 else char
        lower = upper.lower() if len(upper.lower()) == 1 else upper
        if upper != char or lower != char:
            found.append((code, ord(upper), ord(lower)))
    return tuple(found)


# ------------------------------------------------------------------ names


@cache
def _categories() -> dict[str, Ranges]:
    """Unicode's general categories: by two letters, and by their first."""
    found: dict[str, list[tuple[int, int]]] = {}
    start, current = 0, unicodedata.category("\0")
    for code in range(1, LAST + 2):
        category = unicodedata.category(chr(code)) if code <= LAST else ""
        if category != current:
            found.setdefault(current, []).append((start, code - 1))
            start, current = code, category
    return {name: tuple(ranges) for name, ranges in found.items()}


def category(*names: str) -> Ranges:
    """The code points of general categories; a single letter names all that begin with it."""
    return union(
        *(
            ranges
            for wanted in names
            for found, ranges in _categories().items()
            if found == wanted or (len(wanted) == 1 and found.startswith(wanted))
        )
    )


DIGIT, SPACE = ((48, 57),), of(" \t\n\x0b\f\r")
WORD = union(DIGIT, _UPPER, _LOWER, of("_"))
HORIZONTAL = union(of(" \t\u00a0\u1680\u180e\u202f\u205f\u3000"), ((0x2000, 0x200A),))
VERTICAL = of("\n\x0b\f\r\x85\u2028\u2029")
LINE_ENDS = of("\n\r\x85\u2028\u2029")

_ASCII: dict[str, Ranges] = {
    "Lower": _LOWER,
    "Upper": _UPPER,
    "ASCII": ((0, 127),),
    "Alpha": union(_LOWER, _UPPER),
    "Digit": DIGIT,
    "Alnum": union(_LOWER, _UPPER, DIGIT),
    "Punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "Graph": ((33, 126),),
    "Print": ((32, 126),),
    "Blank": of(" \t"),
    "Cntrl": ((0, 31), (127, 127)),
    "XDigit": union(DIGIT, ((65, 70), (97, 102))),
    "Space": SPACE,
}
_EITHER_CASE = frozenset(
    "Lower Upper Lu Ll Lt IsLowercase IsUppercase javaLowerCase javaUpperCase".split()
)

_TWO_LETTERS = (
    "Cc Cf Cn Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs"
)
_CATEGORIES = frozenset(f"{_TWO_LETTERS} C L M N P S Z".split())
_CATEGORY_PREFIXES = ("Is", "general_category=", "gc=")

_BLANKS = "\t\n\x0b\f\r\x1c\x1d\x1e\x1f"
_PROPERTIES: dict[str, Callable[[], Ranges]] = {
    "LC": lambda: category("Lu", "Ll", "Lt"),
    "LD": lambda: category("L", "Nd"),
    "L1": lambda: ((0, 255),),
    "all": lambda: ALL,
    "IsAlphabetic": lambda: category("L", "Nl"),
    "IsLetter": lambda: category("L"),
    "IsDigit": lambda: category("Nd"),
    "IsLowercase": lambda: category("Ll"),
    "IsUppercase": lambda: category("Lu"),
    "IsTitlecase": lambda: category("Lt"),
    "IsPunctuation": lambda: category("P"),
    "IsControl": lambda: category("Cc"),
    "IsWhite_Space": lambda: union(category("Z"), of("\t\n\x0b\f\r\x85")),
    "javaLowerCase": lambda: category("Ll"),
    "javaUpperCase": lambda: category("Lu"),
    "javaTitleCase": lambda: category("Lt"),
    "javaAlphabetic": lambda: category("L", "Nl"),
    "javaLetter": lambda: category("L"),
    "javaDigit": lambda: category("Nd"),
    "javaLetterOrDigit": lambda: category("L", "Nd"),
    "javaSpaceChar": lambda: category("Z"),
    "javaWhitespace": lambda: union(
        intersect(category("Z"), negate(of("\u00a0\u2007\u202f"))), of(_BLANKS)
    ),
}


def named(name: str, *, fold: bool) -> Ranges:
    """The set of `\\p{name}`; ValueError where Java, or this table, has none of that name."""
    if fold and name in _EITHER_CASE:
        return _ASCII["Alpha"] if name in _ASCII else category("Lu", "Ll", "Lt")
    if name in _ASCII:
        return _ASCII[name]
    if name in _PROPERTIES:
        return _PROPERTIES[name]()
    short = name
    for prefix in _CATEGORY_PREFIXES:
        short = short.removeprefix(prefix)
    if short in _CATEGORIES:
        return category(short)
    raise ValueError(f"unknown character property name {{{name}}}")
