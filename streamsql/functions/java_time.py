"""Java's DateTimeFormatter patterns, read into elements, and formatting by them (docs of the
class).

Years, numbers, texts, fractions, zones and offsets follow its rules: `yyyy` writes a sign for five
digits, `SSS` cuts, `X` is Z for no offset. Texts are English, weeks begin on Sunday (Locale.US).
Not there: day periods (B) and generic zone names (v).
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from functools import lru_cache

from streamsql.functions.zone import Zone

MONTHS = tuple(calendar.month_name[1:])
DAYS = tuple(calendar.day_name)
QUARTERS = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")
HALVES = ("AM", "PM")
ERAS = (("BC", "Before Christ", "B"), ("AD", "Anno Domini", "A"))

DATE_LETTERS = frozenset("GuyDMLdQqYwWEecFg")
TIME_LETTERS = frozenset("ahKkHmsSAnN")
ZONE_LETTERS = frozenset("VzOXxZ")
_COUNTS = {
    **dict.fromkeys("dhHkKms", 2),
    **dict.fromkeys("MLEeQqG", 5),
    **dict.fromkeys("aFW", 1),
    "D": 3,
    "S": 9,
    "w": 2,
    "V": 2,
    "z": 4,
    "Z": 5,
    "O": 4,
    "X": 5,
    "x": 5,
    "c": 5,
}
_WIDTH_MAX = 19


@dataclass(frozen=True, slots=True)
class Element:
    """A piece of a pattern: text (`letter` empty), a field, or `[` and `]`; `pad` is its width."""

    letter: str
    count: int = 0
    text: str = ""
    pad: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is formatted: a date, a time of day, or an instant in a zone; None is not there."""

    date: tuple[int, int, int] | None = None
    nanos: int | None = None
    epoch_ms: int | None = None
    zone: Zone | None = None


@lru_cache(maxsize=1000)
def read_pattern(pattern: str) -> tuple[Element, ...]:
    """The elements of a pattern. ValueError where Java refuses it."""
    found: list[Element] = []
    at, depth, pad = 0, 0, 0
    while at < len(pattern):
        char = pattern[at]
        if char.isascii() and char.isalpha():
            end = at
            while end < len(pattern) and pattern[end] == char:
                end += 1
            if char == "p":
                pad, at = end - at, end
                continue
            found.append(_field(char, end - at, pad))
            at, pad = end, 0
        elif char == "'":
            text, at = _quoted(pattern, at)
            found.append(Element("", text=text))
        elif char in "[]":
            depth += 1 if char == "[" else -1
            if depth < 0:
                raise ValueError("Pattern invalid as it contains ] without previous [")
            found.append(Element(char))
            at += 1
        elif char in "{}#":
            raise ValueError(f"Pattern includes reserved character: '{char}'")
        else:
            found.append(Element("", text=char))
            at += 1
    if pad:
        raise ValueError("Pad letter 'p' must be followed by valid pad pattern")
    return (*found, *(Element("]") for _ in range(depth)))


def _quoted(pattern: str, at: int) -> tuple[str, int]:
    """The text in quotes that begins at `at`, and where the pattern goes on."""
    text, at = "", at + 1
    while at < len(pattern):
        if pattern[at] != "'":
            text, at = text + pattern[at], at + 1
        elif pattern[at : at + 2] == "''":
            text, at = text + "'", at + 2
        else:
            return text or "'", at + 1
    raise ValueError("Pattern ends with an incomplete string literal")


def _field(letter: str, count: int, pad: int) -> Element:
    if letter not in DATE_LETTERS | TIME_LETTERS | ZONE_LETTERS:
        raise ValueError(f"Unknown pattern letter: {letter}")
    wrong = (letter == "V" and count != 2) or (letter == "c" and count == 2)
    wrong = wrong or (letter == "O" and count not in (1, 4))
    if wrong or count > _COUNTS.get(letter, _WIDTH_MAX):
        raise ValueError(f"Too many pattern letters: {letter}")
    return Element(letter, count, pad=pad)


# ------------------------------------------------------------------ calendar


def is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_length(year: int, month: int) -> int:
    return (
        29
        if month == 2 and is_leap(year)
        else (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month]
    )


def to_days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01, for any year of the proleptic calendar."""
    y = year - (month <= 2)
    era, yoe = divmod(y, 400)
    doy = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


def from_days(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970-01-01."""
    era, doe = divmod(days + 719468, 146097)
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = mp + 3 if mp < 10 else mp - 9
    return yoe + era * 400 + (month <= 2), month, doy - (153 * mp + 2) // 5 + 1


# ------------------------------------------------------------------ formatting


class _Missing(ValueError):
    """The moment has no such field."""


def format_moment(pattern: str, moment: Moment) -> str:
    """The moment as the pattern says. ValueError where it lacks a field or does not fit; a part in
    brackets that lacks one is left out."""
    open_parts: list[list[str]] = [[]]
    lacking: list[bool] = [False]
    for element in read_pattern(pattern):
        if element.letter == "[":
            open_parts.append([])
            lacking.append(lacking[-1])
        elif element.letter == "]":
            part = open_parts.pop()
            if not lacking.pop():
                open_parts[-1] += part
        elif not lacking[-1]:
            try:
                open_parts[-1].append(_written(element, moment))
            except _Missing:
                if len(open_parts) == 1:
                    raise
                lacking[-1] = True
    return "".join(open_parts[0])


def _written(element: Element, moment: Moment) -> str:
    if not element.letter:
        return element.text
    text = _field_text(element, moment)
    if element.pad:
        if len(text) > element.pad:
            raise ValueError(f"Cannot print as output of {len(text)} characters exceeds pad width")
        text = text.rjust(element.pad)
    return text


def _field_text(element: Element, moment: Moment) -> str:
    letter, count = element.letter, element.count
    if letter in DATE_LETTERS:
        if moment.date is None:
            raise _Missing(f"Unsupported field: {letter}")
        return _date_text(letter, count, moment.date)
    if letter in TIME_LETTERS:
        if moment.nanos is None:
            raise _Missing(f"Unsupported field: {letter}")
        return _time_text(letter, count, moment.nanos)
    if moment.zone is None or moment.epoch_ms is None:
        raise _Missing("Unable to extract zone from temporal")
    return _zone_text(letter, count, moment.zone, moment.epoch_ms)


def _number(value: int, count: int, width_max: int = _WIDTH_MAX) -> str:
    """`count` digits at least."""
    text = f"{abs(value):0{count}}"
    if len(text) > width_max:
        raise ValueError(f"value {value} exceeds the maximum print width of {width_max}")
    return ("-" if value < 0 else "") + text


def _year(value: int, count: int) -> str:
    if count == 2:
        return f"{abs(value) % 100:02}"
    plus = "+" if count >= 4 and value >= 10**count else ""
    return plus + _number(value, count)


def _name(name: str, count: int) -> str:
    return name if count == 4 else name[:1] if count == 5 else name[:3]


def _date_text(letter: str, count: int, date: tuple[int, int, int]) -> str:
    year, month, day = date
    days = to_days(*date)
    weekday = (days + 3) % 7
    day_of_year = days - to_days(year, 1, 1) + 1
    match letter:
        case "G":
            return ERAS[year > 0][{4: 1, 5: 2}.get(count, 0)]
        case "u":
            return _year(year, count)
        case "y":
            return _year(year if year > 0 else 1 - year, count)
        case "M" | "L":
            return _number(month, count) if count < 3 else _name(MONTHS[month - 1], count)
        case "d":
            return _number(day, count)
        case "D":
            return _number(day_of_year, count, max(count, 3))
        case "E":
            return _name(DAYS[weekday], count)
        case "e" | "c":
            sunday_first = (weekday + 1) % 7 + 1
            return _number(sunday_first, count) if count < 3 else _name(DAYS[weekday], count)
        case "Q" | "q":
            return _quarter((month - 1) // 3, count)
        case "F":
            return str((day - 1) % 7 + 1)
        case "g":
            return _number(days + 40587, count)
        case _:
            return _week_text(letter, count, date)


def _quarter(index: int, count: int) -> str:
    if count < 3:
        return _number(index + 1, count)
    return QUARTERS[index] if count == 4 else str(index + 1) if count == 5 else f"Q{index + 1}"


def _week_text(letter: str, count: int, date: tuple[int, int, int]) -> str:
    """Weeks from Sunday, the first being the one with the first of January."""
    year, month, day = date
    first_weekday = (to_days(year, 1, 1) + 4) % 7
    day_of_year = to_days(*date) - to_days(year, 1, 1)
    week, based = (day_of_year + first_weekday) // 7 + 1, year
    last = to_days(year + 1, 1, 1)
    if last - to_days(*date) <= (last + 4) % 7:
        week, based = 1, year + 1
    if letter == "Y":
        return _year(based, count)
    if letter == "w":
        return _number(week, count)
    return str((day - 1 + (to_days(year, month, 1) + 4) % 7) // 7 + 1)


def _time_text(letter: str, count: int, nanos: int) -> str:
    seconds, nano = divmod(nanos, 10**9)
    hour = seconds // 3600
    match letter:
        case "a":
            return HALVES[hour // 12]
        case "S":
            return f"{nano:09}"[:count]
        case "A":
            return _number(nanos // 10**6, count)
        case "n":
            return _number(nano, count)
        case "N":
            return _number(nanos, count)
        case _:
            values = {
                "H": hour,
                "k": hour or 24,
                "K": hour % 12,
                "h": hour % 12 or 12,
                "m": seconds // 60 % 60,
                "s": seconds % 60,
            }
            return _number(values[letter], count)


def _zone_text(letter: str, count: int, zone: Zone, epoch_ms: int) -> str:
    offset = zone.offset(epoch_ms)
    match letter:
        case "V":
            return zone.id
        case "z":
            return zone.name(epoch_ms, full=count == 4)
        case "O":
            return _localized_offset(offset, full=count == 4)
        case "Z" if count == 4:
            return _localized_offset(offset, full=True)
        case "Z":
            return offset_text(offset, 5 if count == 5 else 2, "Z" if count == 5 else "+0000")
        case "X":
            return offset_text(offset, count, "Z")
        case _:
            zero = "+00" if count == 1 else "+0000" if count % 2 == 0 else "+00:00"
            return offset_text(offset, count, zero)


def offset_text(offset: int, count: int, zero: str) -> str:
    """An offset as `X` repeated `count` times writes it: +HHmm, +HHMM, +HH:MM, +HHMMss,
    +HH:MM:ss."""
    if offset == 0:
        return zero
    hours, rest = divmod(abs(offset), 3600)
    minutes, seconds = divmod(rest, 60)
    colon = ":" if count in (3, 5) else ""
    text = f"{'-' if offset < 0 else '+'}{hours:02}"
    if count > 1 or minutes:
        text += f"{colon}{minutes:02}"
    if count >= 4 and seconds:
        text += f"{colon}{seconds:02}"
    return text


def _localized_offset(offset: int, *, full: bool) -> str:
    if offset == 0:
        return "GMT"
    hours, rest = divmod(abs(offset), 3600)
    minutes, seconds = divmod(rest, 60)
    text = (
        f"GMT{'-' if offset < 0 else '+'}{hours:02}"
        if full
        else f"GMT{'-' if offset < 0 else '+'}{hours}"
    )
    if full or minutes or seconds:
        text += f":{minutes:02}"
    return text + (f":{seconds:02}" if seconds else "")
