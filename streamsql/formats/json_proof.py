"""Which JSON texts DuckDB's typed `from_json` reads as ksqlDB does: proofs as regular expressions.

`from_json` is fast and forgiving: it takes trailing commas and NaN, the first of a repeated field,
fields by their exact name only, 1.5 as the BIGINT 2 and an object as NULL. A proof is text over a
document (VARCHAR that DuckDB can parse, an object) that is true where none of this has happened.
Where it is false the document may be right all the same: `json_record.py` decides.

The rules of `object_proof`:

1. A field is looked for by name wherever it stands, in nested objects too: finding too much only
   makes the proof false.
2. `bad` matches a field whose value is of another kind than its column or a number that might not
   fit; an asked field in other letters than it is spelled in the structure; a blank before a colon;
   NaN and Infinity; a comma before a closing bracket, as far as an object of scalars can have one.
   Every alternative begins with a quote, so that RE2 skips from quote to quote.
3. An object with arrays or objects in it is looked over for the other places of NaN and commas.
4. A backslash might spell a name (`\\u0061` is an `a`), and some letters beyond ASCII have ASCII
   capitals (`ß` is `SS`).
5. An asked field stands there once, told by LIKE and, in doubt, by `json_keys`.

`grammar` is the opposite way, for small parts: a text matches it only if it is of the type. It is
used on values that DuckDB has written itself, without blanks and with commas where they belong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import category

from streamsql.schema.duck import DECIMAL_PRECISION_MAX, literal
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
    Decimal,
    Field,
    Map,
    Scalar,
    SqlType,
    Struct,
)

STAND_IN = "~"
"""Stands for a nested value that was cut out of a document; no JSON value begins with it."""

_DOUBLE_DIGITS = 15
"""So many decimal digits come through a DOUBLE unharmed."""

# What follows `"name":` and blanks where the value is none of the type (rule 2). A null fits all.

_NOT_TEXT_OF_DIGITS = r'"(?:[^-0-9]|-[^0-9]|-?[0-9]+[^0-9"]|-?[0-9]{19,})'
_FRACTION = r"-?[0-9]+[.eE]"
_BAD: dict[Scalar, str] = {
    BOOLEAN: r"[^tfn\s]",
    STRING: rf"[{{\[{STAND_IN}]|-0|{_FRACTION}",
    INTEGER: rf'[^-0-9n"\s]|{_FRACTION}|-?(?:2[1-9][0-9]{{8}}|[3-9][0-9]{{9}}|[0-9]{{11,}})'
    r'|"(?:[^-0-9]|-[^0-9]|-?[0-9]+[^0-9"]|-?[0-9]{10,})',
    BIGINT: rf'[^-0-9n"\s]|{_FRACTION}|-?(?:9[0-9]{{18}}|[0-9]{{20,}})|{_NOT_TEXT_OF_DIGITS}',
    DOUBLE: r'[^-0-9n"\s]|-?[0-9]{19,}'
    r'|"(?:[^-0-9]|-[^0-9]|-0+(?:\.0*)?"|-?[0-9]+[^0-9."]'
    r'|-?[0-9]+\.(?:[^0-9]|[0-9]+[^0-9"])|-?[0-9]{19,})',
    DATE: rf"[^-0-9n\s]|{_FRACTION}|-?[0-9]{{10,}}",
    TIME: rf"[^0-9n\s]|{_FRACTION}|[0-9]{{9,}}|9[0-9]{{7}}|8(?:6[4-9]|[7-9][0-9])[0-9]{{5}}",
    TIMESTAMP: rf"[^-0-9n\s]|{_FRACTION}|-?[0-9]{{16,}}",
    BYTES: r'[^"n\s]|"[A-Za-z0-9+/=]*[^A-Za-z0-9+/="]',
}

# What a value written by DuckDB matches where it is of the type.

_DIGITS_18 = "[0-9]{1,18}"
_TEXT = r'"(?:[^"\\]|\\.)*"'
_GOOD: dict[Scalar, str] = {
    BOOLEAN: "true|false",
    STRING: f"{_TEXT}|{_DIGITS_18}|-[1-9][0-9]{{0,17}}|true|false",
    INTEGER: "-?(?:[0-9]{1,9}|1[0-9]{9}|20[0-9]{8})",
    BIGINT: f"-?(?:{_DIGITS_18}|[1-8][0-9]{{18}})",
    DOUBLE: r"(?:-?[1-9][0-9]{0,17}(?:\.[0-9]+)?|0(?:\.[0-9]+)?|-0\.[0-9]*[1-9][0-9]*)"
    r"(?:[eE][-+]?[0-9]+)?",
    DATE: "-?[0-9]{1,9}",
    TIME: "[0-9]{1,7}|[1-7][0-9]{7}|8[0-5][0-9]{6}|86[0-3][0-9]{5}|86400000",
    TIMESTAMP: "-?[0-9]{1,15}",
    BYTES: '"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"',
}

_NAN_FIELD = r'":\s*-?(?:[iI]|[nN][aA])'
_NOT_JSON = (
    r"\s+:",
    _NAN_FIELD.removeprefix('"'),
    r"\s*,\s*[}\]]",
    rf":\s*[-+.0-9a-zA-Z{STAND_IN}]+\s*,\s*[}}\]]",
)
"""What follows a closing quote where DuckDB reads more than JSON, or `bad` may overlook a name."""

_NOT_A_NUMBER = r"-?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)\s*[,\]]"
_NESTED_NOT_JSON = (rf",\s*(?:[}}\]]|{_NOT_A_NUMBER})", rf"\[\s*{_NOT_A_NUMBER}")
_WIDE = "\u0131\u017f\u00df\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06"
"""Letters whose capitals are ASCII: a dotless i, a long s, a sharp s, and ligatures of f and s."""

_ESCAPED_LETTER = r"\\u(?:00[2-7]|0131|017[fF]|00[dD][fF]|[fF][bB]0[0-6])"
_ESCAPED_ANY = r"\\u"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A JSON object to prove, as DuckDB text.

    `rest`: its text, without the parts that were cut out; `whole`: with them. `rewritten`: DuckDB
    has written it, so that numbers with a point may have lost digits. `fields`: what is declared;
    `asked`: the names of those that are read. `capitals`: whether the asked ones are spelled as
    `exact` has them, else as `loose`, both name to spelling; empty where they are the same.
    """

    rest: str
    whole: str
    rewritten: bool
    fields: Sequence[Field]
    asked: frozenset[str]
    capitals: str
    exact: Mapping[str, str]
    loose: Mapping[str, str]


def can_prove(type_: SqlType) -> bool:
    """Whether a proof knows all letters of the type's names, and DuckDB can tell them apart."""
    match type_:
        case Array(element):
            return can_prove(element)
        case Map(_, value):
            return can_prove(value)
        case Struct(fields):
            return _can_tell([f.name for f in fields]) and all(can_prove(f.type) for f in fields)
        case _:
            return True


def _can_tell(names: Sequence[str]) -> bool:
    known = all(c.isascii() or category(c) == "Lo" for name in names for c in name)
    plain = all(c.isprintable() and c not in '"\\/' for name in names for c in name)
    return known and plain and len({n.lower() for n in names}) == len(names)


def object_proof(document: Document) -> str:
    """Text of BOOLEAN: true where the document is read rightly."""
    rest = document.rest
    named = [f.name for f in document.fields]
    escaped = _ESCAPED_LETTER if all(map(str.isascii, named)) else _ESCAPED_ANY
    nested = f"contains({rest}, '[') OR {rest} LIKE '%{{%{{%'"
    spellings = {*document.exact.values(), *document.loose.values()}
    names = ", ".join(map(literal, sorted(spellings)))
    keys = f"list_filter(try(json_keys({document.whole})), lambda _k: _k IN ({names}))"
    once = f"coalesce(len(list_distinct({keys})) = len({keys}), false)"
    # DuckDB evaluates a branch of CASE for its rows only, and both sides of AND for all.
    holds = [
        f"CASE WHEN {_either(document, _repeated)} THEN {once} ELSE true END",
        _unless(rf"contains({rest}, '\')", rest, escaped),
        *_no_wide_key(rest, named),
        _unless(nested, rest, *_NESTED_NOT_JSON),
    ]
    return f"CASE WHEN {_either(document, _misread)} THEN false ELSE {' AND '.join(holds)} END"


def _no_wide_key(rest: str, names: Sequence[str]) -> list[str]:
    """That no name is spelled with a letter whose capitals are ASCII, where some could be."""
    letters = [c for c in _WIDE if any(c.upper() in name for name in names)]
    if not letters:
        return []
    seen = " OR ".join(f"contains({rest}, {literal(c)})" for c in letters)
    condition = f"CASE WHEN strlen({rest}) <> length({rest}) THEN {seen} ELSE false END"
    return [_unless(condition, rest, f'[{"".join(letters)}][^"]*":')]


def _either(document: Document, text: Callable[[Document, Mapping[str, str]], str]) -> str:
    """The text for the spelling that the document has."""
    exact = text(document, document.exact)
    if not document.capitals:
        return exact
    loose = text(document, document.loose)
    return f"CASE WHEN {document.capitals} THEN {exact} ELSE {loose} END"


def _misread(document: Document, spelled: Mapping[str, str]) -> str:
    """Text of BOOLEAN: whether rule 2 finds anything."""
    by_kind: dict[str, list[str]] = {}
    for f in document.fields:
        if f.name in document.asked or f.type != STRING:  # any value can be read as STRING
            by_kind.setdefault(_bad(f.type, document.rewritten), []).append(_any_case(f.name))
    bad = [rf'(?:{"|".join(names)})":\s*(?:{kind})' for kind, names in by_kind.items()]
    others = (_other_case(name, spelled[name]) for name in sorted(document.asked))
    bad += [f'(?:{"|".join(other)})":' for other in [[o for o in others if o]] if other]
    return _matches(document.rest, f'"(?:{"|".join([*_NOT_JSON, *bad])})')


def _repeated(document: Document, spelled: Mapping[str, str]) -> str:
    """Text of BOOLEAN: whether an asked name may stand there twice.

    LIKE is fast where a pattern begins with a rare letter, so a quote is left out: too much is
    found, names of nested objects too, and looked at closely then.
    """
    twice = (literal(f'%{spelled[name]}":%{spelled[name]}":%') for name in sorted(document.asked))
    return f"({' OR '.join(f'{document.rest} LIKE {pattern}' for pattern in twice)})"


def text_proof(document: str) -> str:
    """Text of BOOLEAN: true where no NaN and no comma too many stands anywhere."""
    return f"NOT ({_strays(document, (_NAN_FIELD, *_NESTED_NOT_JSON))})"


def grammar(type_: SqlType, spell: Callable[[Field], str]) -> str:
    """A pattern of what DuckDB writes for values of the type, `null` included."""
    match type_:
        case Decimal(precision, scale):
            whole = min(precision, DECIMAL_PRECISION_MAX) - scale
            good = _good_decimal(whole, scale)
        case Array(element):
            one = grammar(element, spell)
            good = rf"\[(?:{one}(?:,{one})*)?\]"
        case Map(_, value):
            one = f"{_TEXT}:{grammar(value, spell)}"
            good = rf"\{{(?:{one}(?:,{one})*)?\}}"
        case Struct(fields):
            parts = (f'(?:,?"{re.escape(spell(f))}":{grammar(f.type, spell)})?' for f in fields)
            good = rf"\{{{''.join(parts)}\}}"
        case Scalar():
            good = _GOOD[type_]
        case _:
            raise AssertionError(type_)
    return f"(?:{good}|null)"


def _matches(document: str, pattern: str) -> str:
    return f"regexp_matches({document}, {literal(pattern)})"


def _strays(document: str, patterns: Sequence[str]) -> str:
    return " OR ".join(_matches(document, pattern) for pattern in patterns)


def _unless(condition: str, document: str, *patterns: str) -> str:
    """Where the condition holds, that no pattern matches."""
    return f"CASE WHEN {condition} THEN NOT ({_strays(document, patterns)}) ELSE true END"


def _bad(type_: SqlType, rewritten: bool) -> str:
    match type_:
        case Decimal(precision, scale):
            whole = min(precision, DECIMAL_PRECISION_MAX) - scale
            lost = f"{_FRACTION}|" if rewritten else ""
            return lost + _bad_decimal(whole, scale)
        case Array():
            return rf"[^\[n{STAND_IN}\s]"
        case Map() | Struct():
            return rf"[^{{n{STAND_IN}\s]"
        case Scalar():
            return _BAD[type_]
        case _:
            raise AssertionError(type_)


def _bad_decimal(whole: int, scale: int) -> str:
    """A number goes through DOUBLE, a string does not; both must fit without rounding."""
    too_long = rf"-?[0-9]{{{min(whole, 18) + 1},}}" if whole else r"-?(?:[1-9]|0[0-9])"
    number = [r'[^-0-9n"\s]', r"-?[0-9]+(?:\.[0-9]+)?[eE]", too_long]
    number.append(rf"-?[0-9]+\.[0-9]{{{min(scale, _DOUBLE_DIGITS) + 1},}}")
    for fraction in range(1, min(scale, _DOUBLE_DIGITS) + 1) if whole else ():
        most = min(whole, _DOUBLE_DIGITS - fraction)
        number.append(rf"-?[0-9]{{{most + 1},}}\.[0-9]{{{fraction}}}(?:[^0-9]|$)")
    text = [r"[^-0-9]", r"-[^0-9]", r'-?[0-9]+[^0-9."]', r'-?[0-9]+\.(?:[^0-9]|[0-9]+[^0-9"])']
    text.append(rf"-?[0-9]{{{whole + 1},}}" if whole else too_long)
    text.append(rf"-?[0-9]+\.[0-9]{{{scale + 1},}}")
    return f'{"|".join(number)}|"(?:{"|".join(text)})'


def _good_decimal(whole: int, scale: int) -> str:
    """No number with a point: DuckDB may have dropped digits of it."""
    digits = rf"[0-9]{{1,{whole}}}" if whole else "0"
    integer = rf"[0-9]{{1,{min(whole, 18)}}}" if whole else "0"
    fraction = rf"(?:\.[0-9]{{1,{scale}}})?" if scale else ""
    return rf'-?{integer}|"-?{digits}{fraction}"'


# Names in other letters


def _any_case(name: str) -> str:
    """A pattern of what ksqlDB takes for the field, as far as it is ASCII."""
    if name != name.upper():
        return re.escape(name)
    return "".join(f"[{c}{c.lower()}]" if _has_case(c) else re.escape(c) for c in name)


def _other_case(name: str, spelled: str) -> str:
    """A pattern of all that `_any_case` has except `spelled`; empty where that is nothing."""
    if name != name.upper():
        return ""
    pattern = ""
    for i in range(len(spelled) - 1, -1, -1):
        ways = [re.escape(spelled[i]) + pattern] if pattern else []
        if _has_case(name[i]):
            ways.append(spelled[i].swapcase() + _any_case(name[i + 1 :]))
        pattern = f"(?:{'|'.join(ways)})" if len(ways) > 1 else "".join(ways)
    return pattern


def _has_case(letter: str) -> bool:
    return letter.isascii() and letter.isalpha()
