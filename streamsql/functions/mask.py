"""MASK and its four partial forms: letters and digits become a mask, by Unicode category.

An upper-case letter (Lu) becomes the first mask, a lower-case one (Ll) the second, a digit (Nd) the
third, anything else the fourth; a mask that is NULL leaves its kind alone. Of a character beyond
U+FFFF ksqlDB masks the character and then its second half again, which counts as "anything else".
(It also writes that half once more where the fourth mask is NULL; here the character stays whole.)
"""

from __future__ import annotations

from collections.abc import Callable

from streamsql.functions.registry import CALLED, ScalarFunction, Signature, scalar, signature
from streamsql.functions.utf16 import by_unit, named
from streamsql.schema.duck import literal
from streamsql.schema.text import fail_with, let
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import NULL, STRING

DEFAULTS = ("X", "x", "n", "-")
_KINDS = (r"\p{Lu}", r"\p{Ll}", r"\p{Nd}", r"[^\p{Lu}\p{Ll}\p{Nd}]")

_PLACES = tuple(f"chr({code})" for code in range(0xFDD0, 0xFDD4))
"""Noncharacters that hold the place of a mask, so that no later step sees a mask as a letter."""


def mask(text: TypedSql, *masks: TypedSql) -> str:
    """The whole text masked."""
    return _checked(masks, by_unit([text], lambda x: _masked(x, masks)))


def mask_part(name: str, text: TypedSql, count: TypedSql, *masks: TypedSql) -> str:
    """`name` is MASK_LEFT, MASK_RIGHT, MASK_KEEP_LEFT or MASK_KEEP_RIGHT."""

    def body(x: str) -> str:
        return named(count, lambda n: _part(name, x, n, masks))

    whole = _checked(masks, by_unit([text], body))
    if isinstance(count.literal, int) and count.literal >= 0:
        return whole
    # The number is Java's int, which no NULL can be given for.
    message = f"function {name.lower()} requires a non-negative number of characters"
    failed = fail_with(f"{message} to mask or skip", STRING)
    return f"CASE WHEN coalesce({count.sql}, -1) < 0 THEN {failed} ELSE {whole} END"


def _part(name: str, x: str, n: str, masks: tuple[TypedSql, ...]) -> str:
    from_right = f"greatest(length({x}) - {n}, 0)"
    cut = n if name in ("MASK_LEFT", "MASK_KEEP_LEFT") else from_right
    left, right = f"left({x}, {cut})", f"substring({x}, CAST({cut} AS BIGINT) + 1)"
    if name in ("MASK_LEFT", "MASK_KEEP_RIGHT"):
        return f"{_masked(left, masks)} || {right}"
    return f"{left} || {_masked(right, masks)}"


def _masked(x: str, masks: tuple[TypedSql, ...]) -> str:
    if not masks:
        return _masked_by_default(x)
    given = [(k, p, m) for k, p, m in zip(_KINDS, _PLACES, masks, strict=True) if m.type != NULL]
    # "Anything else" first: it would hold the other kinds' places too.
    given.reverse()
    if not given:
        return x
    out = x
    for kind, place, by in given:
        out = let(out, _placed(kind, place, by))
    places = " || ".join(place for _, place, _ in given)
    marks = " || ".join(f"coalesce({by.sql}, '-')" for *_, by in given)
    return f"translate({out}, {places}, {marks})"


def _placed(kind: str, place: str, by: TypedSql) -> Callable[[str], str]:
    def step(x: str) -> str:
        replaced = f"regexp_replace({x}, '{kind}', {place}, 'g')"
        if by.literal is not None:
            return replaced
        return f"CASE WHEN {by.sql} IS NULL THEN {x} ELSE {replaced} END"

    return step


def _masked_by_default(x: str) -> str:
    # In this order no mask is of a kind that is still to come.
    out = x
    for index in (3, 0, 1, 2):
        out = f"regexp_replace({out}, '{_KINDS[index]}', {literal(DEFAULTS[index])}, 'g')"
    return out


def _checked(masks: tuple[TypedSql, ...], sql: str) -> str:
    """`sql`, or a failure where a mask is not one UTF-16 unit."""
    failed = fail_with("Invalid mask character. Must be only single character", STRING)
    if any(isinstance(m.literal, str) and not is_unit(m.literal) for m in masks):
        return failed
    rest = [m.sql for m in masks if m.literal is None and m.type != NULL]
    wrong = " OR ".join(f"length({m}) <> 1 OR strlen({m}) > 3" for m in rest)
    return f"CASE WHEN {wrong} THEN {failed} ELSE {sql} END" if rest else sql


def is_unit(text: str) -> bool:
    """True for one character that Java holds in one unit."""
    return len(text) == 1 and ord(text) <= 0xFFFF


def _signatures(parameters: str, lower: Callable[..., str]) -> list[Signature]:
    four = ", STRING" * 4
    return [
        signature(f"{parameters} -> STRING", lower, throws=True, nulls=CALLED),
        signature(f"{parameters}{four} -> STRING", lower, throws=True, nulls=CALLED),
    ]


def _part_entry(name: str, doc: str, result: str) -> ScalarFunction:
    def lower(text: TypedSql, count: TypedSql, *masks: TypedSql) -> str:
        return mask_part(name, text, count, *masks)

    return scalar(
        name.lower(),
        *_signatures("STRING, INTEGER", lower),
        doc=doc,
        examples=[(f"{name}('My Test $123', 4)", result)],
    )


ENTRIES = (
    scalar(
        "mask",
        *_signatures("STRING", mask),
        doc="The text with each letter, digit and other character replaced by a mask of its kind:"
        " X, x, n and -, or those given; NULL leaves a kind as it is.",
        examples=[
            ("MASK('My Test $123')", '"Xx-Xxxx--nnn"'),
            ("MASK('My Test $123', '*', NULL, '1', NULL)", '"*y *est $111"'),
        ],
    ),
    _part_entry("MASK_LEFT", "MASK of the first characters only.", '"Xx-Xest $123"'),
    _part_entry("MASK_RIGHT", "MASK of the last characters only.", '"My Test -nnn"'),
    _part_entry("MASK_KEEP_LEFT", "MASK of all but the first characters.", '"My Txxx--nnn"'),
    _part_entry("MASK_KEEP_RIGHT", "MASK of all but the last characters.", '"Xx-Xxxx-$123"'),
)
