"""Reads dates as PARSE_DATE does: by SimpleDateFormat's patterns and a lenient calendar.

ksqlDB reads these with commons-lang's FastDateFormat, unlike all its other dates and times:
1. what follows the date is not looked at;
2. a number takes all digits, and spaces before it, or as many digits as its letters where another
   number follows;
3. the 31st of February is the 2nd or 3rd of March, the 13th month is in the next year;
4. a time of day may be read and has to be midnight (UTC).
Days before 1582-10-15 are the proleptic calendar's, where Java's calendar changes to Julian days.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from streamsql.functions.java_time import DAYS, ERAS, HALVES, MONTHS, to_days
from streamsql.functions.zone import zone, zone_written
from streamsql.schema.duck import literal
from streamsql.schema.text import fail, let
from streamsql.schema.types import DATE

_NUMBERS = {
    "y": "year",
    "Y": "year",
    "M": "month",
    "L": "month",
    "d": "day",
    "D": "day_of_year",
    "H": "hour",
    "k": "hour",
    "K": "half_hour",
    "h": "half_hour",
    "m": "minute",
    "s": "second",
    "S": "milli",
    "u": "weekday",
    "F": "week",
    "w": "week",
    "W": "week",
}
_CENTURY_FIRST = 1945
"""Two digits of a year are from 1945 to 2044. Java counts from 80 years before it was started; what
is read from a log must not depend on when."""
_OFFSET = re.compile(r"[+-]\d{2}(?::?\d{2})?|Z")


@dataclass(frozen=True, slots=True)
class _Part:
    """A letter with its count, or text that must stand there."""

    letter: str
    count: int = 0
    text: str = ""

    @property
    def is_number(self) -> bool:
        return self.letter in _NUMBERS and not (self.letter in "ML" and self.count > 2)


@dataclass(slots=True)
class _Fields:
    values: dict[str, int] = field(default_factory=dict[str, int])
    offset_seconds: int = 0


@lru_cache(maxsize=1000)
def read_fast_pattern(pattern: str) -> tuple[_Part, ...]:
    """The parts of a pattern; ValueError for a letter that is none."""
    return tuple(_parts(pattern))


def _parts(pattern: str) -> Iterator[_Part]:
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char.isascii() and char.isalpha():
            end = at
            while end < len(pattern) and pattern[end] == char:
                end += 1
            if char not in _NUMBERS and char not in "EGaXZz":
                raise ValueError(f"Format '{char}' not supported")
            yield _Part(char, end - at)
            at = end
        else:
            text, at = _literal(pattern, at)
            yield _Part("", text=text)


def _literal(pattern: str, at: int) -> tuple[str, int]:
    """Text up to the next letter outside quotes; a quote that does not end lasts to the end."""
    text, quoted = "", False
    while at < len(pattern):
        char = pattern[at]
        if not quoted and char.isascii() and char.isalpha():
            break
        at += 1
        if char == "'" and pattern[at : at + 1] != "'":
            quoted = not quoted
            continue
        at += char == "'"
        text += char
    if quoted:
        raise ValueError("Unterminated quote")
    return text, at


def parse_fast_date(pattern: str, text: str) -> int:
    """Days since 1970-01-01. ValueError where the text does not read as the pattern."""
    parts = read_fast_pattern(pattern)
    found, at = _Fields(), 0
    for part, after in zip(parts, (*parts[1:], None), strict=True):
        at = _read(part, after, text, at, found)
    return _resolve(found)


def _read(part: _Part, after: _Part | None, text: str, at: int, found: _Fields) -> int:
    if not part.letter:
        if not text.startswith(part.text, at):
            raise _unparseable(text)
        return at + len(part.text)
    if part.is_number:
        width = part.count if after is not None and after.is_number else 0
        return _read_number(part, width, text, at, found)
    if part.letter in "XZz":
        return _read_offset(part, text, at, found)
    return _read_name(part, text, at, found)


def _unparseable(text: str) -> ValueError:
    return ValueError(f'Unparseable date: "{text}"')


def _read_number(part: _Part, width: int, text: str, at: int, found: _Fields) -> int:
    start, limit = at, at + width if width else len(text)
    if not width:
        while start < len(text) and text[start].isspace():
            start += 1
    end = start
    while end < min(limit, len(text)) and text[end].isdecimal():
        end += 1
    if end == start:
        raise _unparseable(text)
    value = int(text[start:end])
    if value >= 2**31:
        raise _unparseable(text)
    if part.letter in "yY" and part.count < 3 and value < 100:
        value += 1900 if value >= _CENTURY_FIRST - 1900 else 2000
    if (part.letter, value) in (("k", 24), ("h", 12)):
        value = 0
    found.values[_NUMBERS[part.letter]] = value
    return end


def _read_name(part: _Part, text: str, at: int, found: _Fields) -> int:
    names, name = {
        "a": (HALVES, "half"),
        "E": (DAYS, "weekday"),
        "G": (tuple(short for short, _, _ in ERAS), "era"),
    }.get(part.letter, (MONTHS, "month"))
    words = [(w, n) for n, full in enumerate(names) for w in (full, full[:3])]
    for word, n in sorted(words, key=lambda w: len(w[0]), reverse=True):
        if text[at : at + len(word)].lower() == word.lower():
            found.values[name] = n + 1 if name == "month" else n
            return at + len(word)
    raise _unparseable(text)


def _read_offset(part: _Part, text: str, at: int, found: _Fields) -> int:
    match = _OFFSET.match(text, at)
    end = match.end() if match else len(text)
    if match is None:
        name = re.compile(r"[A-Za-z/_]+(?:[+-]\d{1,2}(?::?\d{2})?)?").match(text, at)
        if part.letter != "z" or name is None:
            raise _unparseable(text)
        end = name.end()
    written = text[at:end]
    own = zone(written) if match else zone_written(written, named=True)
    found.offset_seconds = own.offset(0)
    return end


def _resolve(found: _Fields) -> int:
    values = found.values
    if "week" in values and "day" not in values and "day_of_year" not in values:
        raise ValueError("a week is not read as a date")
    year = values.get("year", 1970)
    if values.get("era") == 0:
        year = 1 - year
    if "day_of_year" in values and "day" not in values:
        days = to_days(year, 1, 1) + values["day_of_year"] - 1
    else:
        months = values.get("month", 1) - 1
        first = to_days(year + months // 12, months % 12 + 1, 1)
        days = first + values.get("day", 1) - 1
    hour = values.get("hour", values.get("half_hour", 0) + 12 * values.get("half", 0))
    seconds = (hour * 60 + values.get("minute", 0)) * 60 + values.get("second", 0)
    millis = (seconds - found.offset_seconds) * 1000 + values.get("milli", 0)
    if millis % 86_400_000:
        raise ValueError("Date format contains time field.")
    return days + millis // 86_400_000


# ------------------------------------------------------------------ DuckDB text


def fast_date_text(text: str, pattern: str) -> str | None:
    """A DATE read by a pattern of years, months and days as digits, or None for another pattern."""
    try:
        parts = read_fast_pattern(pattern)
    except ValueError:
        return None
    places: dict[str, int] = {}
    regex = ""
    for part, before, after in zip(parts, (None, *parts), (*parts[1:], None), strict=False):
        piece = _piece(part, before, after)
        if piece is None or (part.letter and _NUMBERS[part.letter] in places):
            return None
        if part.letter:
            places[_NUMBERS[part.letter]] = len(places) + 1
        regex += piece
    return let(text, lambda t: _lenient_date(t, regex, places))


def _piece(part: _Part, before: _Part | None, after: _Part | None) -> str | None:
    """The regular expression of a part. It matches in one way only, since Java does not go back."""
    if not part.letter:
        # Digits that a number before would have taken.
        return (
            None if part.text[:1].isdecimal() or not part.text.isascii() else re.escape(part.text)
        )
    if part.letter not in "yMLd" or not part.is_number or (part.letter == "y" and part.count < 3):
        return None
    if after is None or not after.is_number:
        return r"\s*([0-9]+)"
    if before is not None and before.is_number:
        # The last number takes spaces before it, so that this one may be shorter.
        return rf"([0-9]{{{part.count}}}|[0-9]{{1,{part.count}}}\s)" if part.count > 1 else None
    return rf"([0-9]{{{part.count}}})"


def _lenient_date(t: str, regex: str, places: dict[str, int]) -> str:
    def number(name: str, default: int) -> str:
        if name not in places:
            return str(default)
        return f"CAST(regexp_extract({t}, {literal('^' + regex)}, {places[name]}) AS INTEGER)"

    months = f"({number('year', 1970)} - 1970) * 12::BIGINT + {number('month', 1)} - 1"
    first = f"CAST(TIMESTAMP '1970-01-01' + to_months(CAST({months} AS INTEGER)) AS DATE)"
    message = f"'cannot be parsed: ' || {t}"
    return (
        f"CASE WHEN regexp_matches({t}, {literal('^' + regex)}) "
        f"THEN {first} + ({number('day', 1)} - 1) "
        f"WHEN {t} IS NOT NULL THEN {fail(message, DATE)} END"
    )
