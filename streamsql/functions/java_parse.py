"""Reads text by Java's DateTimeFormatter patterns, as DateTimeFormatterBuilder and Parsed do in
smart style.

1. A number that follows a number without text between leaves it the digits that it needs.
2. Text is compared without regard to case, as ksqlDB sets it.
3. 31 April is 30 April (smart style); 32 April is none. A field that is said twice must agree.
4. A timestamp's missing fields are those of 1970-01-01T00:00.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from streamsql.functions.java_time import (
    DAYS,
    ERAS,
    HALVES,
    MONTHS,
    QUARTERS,
    Element,
    from_days,
    is_leap,
    month_length,
    read_pattern,
    to_days,
)
from streamsql.functions.zone import Zone, fixed_zone, zone_written

_DAY_NANOS = 86_400 * 10**9
_NORMAL, _NOT_NEGATIVE, _EXCEEDS_PAD = range(3)
_NUMBERS = {
    "D": "day_of_year",
    "d": "day",
    "H": "hour",
    "k": "clock_hour",
    "K": "half_hour",
    "h": "clock_half_hour",
    "m": "minute",
    "s": "second",
    "A": "milli_of_day",
    "n": "nano",
    "N": "nano_of_day",
    "M": "month",
    "L": "month",
    "Q": "quarter",
    "q": "quarter",
    "u": "year",
    "y": "year_of_era",
    "Y": "week_year",
    "w": "week",
    "W": "week_of_month",
    "e": "sunday_first",
    "c": "sunday_first",
    "F": "week_in_month",
    "g": "julian_day",
}
_RANGES = {
    "month": (1, 12),
    "day": (1, 31),
    "day_of_year": (1, 366),
    "hour": (0, 23),
    "half_hour": (0, 11),
    "minute": (0, 59),
    "second": (0, 59),
    "nano": (0, 10**9 - 1),
    "nano_of_day": (0, _DAY_NANOS - 1),
    "milli_of_day": (0, _DAY_NANOS // 10**6 - 1),
    "quarter": (1, 4),
}
_REGION = re.compile(r"[A-Za-z][A-Za-z0-9~/._+-]*")
_OFFSET_ID = re.compile(r"(?:UTC|GMT|UT)?[+-]\d{2}:\d{2}(?::\d{2})?", re.IGNORECASE)


@dataclass(slots=True)
class Parsed:
    """The fields of a text, by name; `date` and `nanos` are set where the fields say them."""

    fields: dict[str, int] = field(default_factory=dict[str, int])
    zone: Zone | None = None
    date: tuple[int, int, int] | None = None
    nanos: int | None = None
    excess_days: int = 0

    def set(self, name: str, value: int) -> None:
        """Keeps a field; ValueError where it was another value before."""
        if self.fields.setdefault(name, value) != value:
            raise ValueError(f"conflicting values of {name}")


@dataclass(frozen=True, slots=True)
class _Number:
    """How a number is read: its width, and the digits that numbers after it need."""

    low: int
    high: int
    sign: int = _NOT_NEGATIVE
    reserved: int = 0


def _shape(element: Element) -> _Number | None:
    """How an element is read, if it is a number."""
    letter, n = element.letter, element.count
    if letter in "uyY" and letter:
        if n == 2:
            return _Number(2, 2)
        return _Number(n, 19, _NORMAL if n < 4 else _EXCEEDS_PAD)
    if letter == "S":
        return _Number(n, n)
    if letter == "D":
        return _Number(n, 3) if n > 1 else _Number(1, 19, _NORMAL)
    if letter in ("A", "n", "N"):
        return _Number(n, 19)
    if letter == "g":
        return _Number(n, 19, _NORMAL)
    if letter in _NUMBERS and n < 3 and letter != "E":
        return _Number(2, 2) if n == 2 else _Number(1, 19, _NORMAL)
    return None


@lru_cache(maxsize=1000)
def _shapes(pattern: str) -> tuple[tuple[Element, _Number | None], ...]:
    """The elements with their shapes; widths are reserved for adjacent numbers of fixed width."""
    found: list[tuple[Element, _Number | None]] = []
    active: int | None = None
    for element in read_pattern(pattern):
        number = _shape(element)
        if number is None:
            active = None
        elif active is not None and number.low == number.high and number.sign == _NOT_NEGATIVE:
            base = found[active][1]
            assert base is not None
            wider = _Number(base.low, base.high, base.sign, base.reserved + number.high)
            found[active] = found[active][0], wider
        else:
            active = len(found)
        found.append((element, number))
    return tuple(found)


# ------------------------------------------------------------------ reading


def parse(pattern: str, text: str) -> Parsed:
    """The fields of `text`, resolved. ValueError where it does not read as the pattern."""
    parsed = Parsed()
    at = _read(_shapes(pattern), text, 0, parsed)
    if at < len(text):
        raise ValueError(f"Text '{text}' could not be parsed, unparsed text found at index {at}")
    _resolve_time(parsed)
    _resolve_date(parsed)
    return parsed


def _read(
    shapes: tuple[tuple[Element, _Number | None], ...], text: str, at: int, parsed: Parsed
) -> int:
    index = 0
    while index < len(shapes):
        element, number = shapes[index]
        if element.letter == "[":
            end = _closing(shapes, index)
            at = _read_optional(shapes[index + 1 : end], text, at, parsed)
            index = end
        elif element.letter != "]":
            at = _read_element(element, number, text, at, parsed)
        index += 1
    return at


def _closing(shapes: tuple[tuple[Element, _Number | None], ...], start: int) -> int:
    depth = 0
    for index in range(start, len(shapes)):
        depth += {"[": 1, "]": -1}.get(shapes[index][0].letter, 0)
        if depth == 0:
            return index
    raise AssertionError(start)


def _read_optional(
    shapes: tuple[tuple[Element, _Number | None], ...], text: str, at: int, parsed: Parsed
) -> int:
    saved = dict(parsed.fields), parsed.zone
    try:
        return _read(shapes, text, at, parsed)
    except ValueError:
        parsed.fields, parsed.zone = saved
        return at


def _fail(text: str, at: int) -> ValueError:
    return ValueError(f"Text '{text}' could not be parsed at index {at}")


def _read_element(
    element: Element, number: _Number | None, text: str, at: int, parsed: Parsed
) -> int:
    if element.pad:
        end = at + element.pad
        if end > len(text):
            raise _fail(text, at)
        inner = text[at:end].lstrip(" ")
        bare = Element(element.letter, element.count)
        if _read_element(bare, number, inner, 0, parsed) != len(inner):
            raise _fail(text, at)
        return end
    if not element.letter:
        end = at + len(element.text)
        if text[at:end].lower() != element.text.lower():
            raise _fail(text, at)
        return end
    if number is not None:
        value, end = _read_number(number, text, at)
        _set_number(element, value, text[at:end], parsed)
        return end
    if element.letter in "VzOXxZ":
        return _read_zone(element, text, at, parsed)
    return _read_text(element, text, at, parsed)


def _read_number(number: _Number, text: str, at: int) -> tuple[int, int]:
    sign = text[at : at + 1]
    start = at
    if sign in ("+", "-") and sign:
        allowed = number.sign == _EXCEEDS_PAD or (sign == "-" and number.sign == _NORMAL)
        if not allowed:
            raise _fail(text, at)
        start += 1
    end = start
    while end < len(text) and text[end].isdecimal() and end - start < number.high + number.reserved:
        end += 1
    width = end - start
    if number.reserved:
        width = min(width, max(number.low, width - number.reserved))
    if width < number.low:
        raise _fail(text, at)
    width = min(width, number.high)
    value = int(text[start : start + width])
    if sign == "-" and value == 0:
        raise _fail(text, at)
    if number.sign == _EXCEEDS_PAD and sign != "-" and (sign == "+") != (width > number.low):
        raise _fail(text, at)
    return (-value if sign == "-" else value), start + width


def _set_number(element: Element, value: int, text: str, parsed: Parsed) -> None:
    if element.letter == "S":
        parsed.set("nano", int(text.ljust(9, "0")))
    elif element.letter in "uyY" and element.count == 2:
        parsed.set(_NUMBERS[element.letter], 2000 + value)
    else:
        parsed.set(_NUMBERS[element.letter], value)


def _texts(element: Element) -> Iterator[tuple[str, str, int]]:
    """(text, field, value) of each word that an element may read as."""
    letter, n = element.letter, element.count
    if letter == "a":
        yield from ((text, "half", i) for i, text in enumerate(HALVES))
    elif letter == "G":
        column = {4: 1, 5: 2}.get(n, 0)
        yield from ((names[column], "era", i) for i, names in enumerate(ERAS))
    elif letter in "Qq":
        names = QUARTERS if n == 4 else tuple(f"Q{i}" if n == 3 else str(i) for i in range(1, 5))
        yield from ((text, "quarter", i + 1) for i, text in enumerate(names))
    else:
        names, name = (MONTHS, "month") if letter in "ML" else (DAYS, "weekday")
        cut = {4: None, 5: 1}.get(n, 3)
        yield from ((text[:cut], name, i + 1) for i, text in enumerate(names))


def _read_text(element: Element, text: str, at: int, parsed: Parsed) -> int:
    words = sorted(_texts(element), key=lambda w: len(w[0]), reverse=True)
    for word, name, value in words:
        if text[at : at + len(word)].lower() == word.lower():
            parsed.set(name, value)
            return at + len(word)
    raise _fail(text, at)


# ------------------------------------------------------------------ zones and offsets


def _read_zone(element: Element, text: str, at: int, parsed: Parsed) -> int:
    letter, n = element.letter, element.count
    if letter in "Vz":
        return _read_zone_id(text, at, parsed, named=letter == "z")
    if letter == "O" or (letter == "Z" and n == 4):
        return _read_localized(text, at, parsed, full=n == 4)
    zero = "Z" if letter == "X" or n == 5 else ("+0000" if letter == "Z" else "")
    count = 2 if letter == "Z" and n < 4 else n
    if zero and text[at : at + len(zero)].lower() == zero.lower():
        return _set_zone(parsed, fixed_zone(0), at + len(zero))
    pattern = (
        r"([+-])(\d{2})(\d{2})?()",
        r"([+-])(\d{2})(\d{2})()",
        r"([+-])(\d{2}):(\d{2})()",
        r"([+-])(\d{2})(\d{2})(\d{2})?",
        r"([+-])(\d{2}):(\d{2})(?::(\d{2}))?",
    )[count - 1]
    match = re.compile(pattern).match(text, at)
    if match is None:
        raise _fail(text, at)
    sign, hours, minutes, seconds = match.groups()
    if int(minutes or 0) > 59 or int(seconds or 0) > 59:
        raise _fail(text, at)
    total = int(hours) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return _set_zone(parsed, fixed_zone(-total if sign == "-" else total), match.end())


def _set_zone(parsed: Parsed, found: Zone, at: int) -> int:
    # A region beats an offset beside it.
    if parsed.zone is None or parsed.zone.fixed:
        parsed.zone = found
    return at


def _read_localized(text: str, at: int, parsed: Parsed, *, full: bool) -> int:
    if text[at : at + 3].upper() != "GMT":
        raise _fail(text, at)
    pattern = (
        r"([+-])(\d{2}):(\d{2})(?::(\d{2}))?"
        if full
        else r"([+-])(\d{1,2})(?::(\d{2})(?::(\d{2}))?)?"
    )
    match = re.compile(pattern).match(text, at + 3)
    if match is None:
        return _set_zone(parsed, fixed_zone(0), at + 3)
    sign, hours, minutes, seconds = match.groups()
    total = int(hours) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return _set_zone(parsed, fixed_zone(-total if sign == "-" else total), match.end())


def _read_zone_id(text: str, at: int, parsed: Parsed, *, named: bool) -> int:
    match = _OFFSET_ID.match(text, at) or _REGION.match(text, at)
    if match is None:
        raise _fail(text, at)
    # The longest beginning that is a zone.
    for end in range(match.end(), at, -1):
        try:
            found = zone_written(text[at:end], named=named)
        except ValueError:
            continue
        return _set_zone(parsed, found, end)
    raise _fail(text, at)


# ------------------------------------------------------------------ resolving


def _check(name: str, value: int) -> int:
    low, high = _RANGES[name]
    if not low <= value <= high:
        raise ValueError(f"Invalid value for {name} (valid values {low} - {high}): {value}")
    return value


def _resolve_time(parsed: Parsed) -> None:
    fields = parsed.fields
    for clock, name, last in (("clock_hour", "hour", 24), ("clock_half_hour", "half_hour", 12)):
        if clock in fields:
            value = fields.pop(clock)
            if not 0 <= value <= last:
                raise ValueError(f"Invalid value for {clock}: {value}")
            parsed.set(name, value % last)
    if "half" in fields and "half_hour" in fields:
        half = _check("half_hour", fields.pop("half_hour"))
        parsed.set("hour", fields.pop("half") * 12 + half)
    for whole, unit in (("milli_of_day", 10**6), ("nano_of_day", 1)):
        if whole in fields:
            nanos = _check(whole, fields.pop(whole)) * unit
            parsed.set("hour", nanos // 3_600_000_000_000)
            parsed.set("minute", nanos // 60_000_000_000 % 60)
            parsed.set("second", nanos // 10**9 % 60)
            parsed.set("nano", nanos % 10**9)
    _join_time(parsed)


def _join_time(parsed: Parsed) -> None:
    """Sets the time of day where there is an hour and no gap between it and the smaller fields."""
    fields = parsed.fields
    hour, minute = fields.get("hour"), fields.get("minute")
    second, nano = fields.get("second"), fields.get("nano")
    if hour is None:
        return
    if (minute is None and (second, nano) != (None, None)) or (second is None and nano is not None):
        return
    if hour == 24 and not (minute or second or nano):
        hour, parsed.excess_days = 0, 1
    parts = {"hour": hour, "minute": minute or 0, "second": second or 0, "nano": nano or 0}
    for name, value in parts.items():
        _check(name, value)
    whole = (parts["hour"] * 60 + parts["minute"]) * 60 + parts["second"]
    parsed.nanos = whole * 10**9 + parts["nano"]


def _resolve_date(parsed: Parsed) -> None:
    fields = parsed.fields
    if "year_of_era" in fields:
        value = fields.pop("year_of_era")
        if value < 1:
            raise ValueError(f"Invalid value for YearOfEra: {value}")
        parsed.set("year", value if fields.get("era", 1) else 1 - value)
    year, month, day = fields.get("year"), fields.get("month"), fields.get("day")
    if year is None:
        _resolve_week(parsed)
    elif month is not None and day is not None:
        _check("day", day)
        parsed.date = year, _check("month", month), min(day, month_length(year, month))
    elif "day_of_year" in fields:
        ordinal = _check("day_of_year", fields["day_of_year"])
        if ordinal == 366 and not is_leap(year):
            raise ValueError(f"Invalid date 'DayOfYear 366' as '{year}' is not a leap year")
        parsed.date = _ordinal(year, ordinal)
    if parsed.date is not None:
        _cross_check(parsed, parsed.date)


def _ordinal(year: int, ordinal: int) -> tuple[int, int, int]:
    month = 1
    while ordinal > month_length(year, month):
        ordinal -= month_length(year, month)
        month += 1
    return year, month, ordinal


def _resolve_week(parsed: Parsed) -> None:
    """A date of a week-based year, a week and a day; weeks begin on Sunday."""
    fields = parsed.fields
    if "week_year" not in fields or "week" not in fields:
        return
    weekday = fields.get("sunday_first")
    if weekday is None and "weekday" in fields:
        weekday = fields["weekday"] % 7 + 1
    if weekday is None:
        return
    first = to_days(fields["week_year"], 1, 1)
    days = first - (first + 4) % 7 + (fields["week"] - 1) * 7 + weekday - 1
    parsed.date = from_days(days)


def _cross_check(parsed: Parsed, date: tuple[int, int, int]) -> None:
    days = to_days(*date)
    year, month, _ = date
    said = {
        "weekday": (days + 3) % 7 + 1,
        "sunday_first": (days + 4) % 7 + 1,
        "quarter": (month - 1) // 3 + 1,
        "day_of_year": days - to_days(year, 1, 1) + 1,
        "era": int(year > 0),
    }
    for name, value in said.items():
        if parsed.fields.get(name, value) != value:
            raise ValueError(f"Conflict found: {name} differs from the date")


# ------------------------------------------------------------------ results


def parse_date(pattern: str, text: str) -> int:
    """Days since 1970-01-01; a time beside the date is not looked at (STRINGTODATE)."""
    parsed = parse(pattern, text)
    if parsed.date is None:
        raise ValueError(f"Unable to obtain a date from '{text}'")
    return to_days(*parsed.date) + parsed.excess_days


def parse_time(pattern: str, text: str) -> int:
    """Milliseconds of the day; a date beside the time is an error (PARSE_TIME)."""
    parsed = parse(pattern, text)
    dates = ("year", "month", "day", "day_of_year", "weekday", "era", "quarter")
    if parsed.date is not None or any(name in parsed.fields for name in dates):
        raise ValueError("Unsupported field in a time")
    if parsed.nanos is None:
        raise ValueError(f"Unable to obtain a time from '{text}'")
    return parsed.nanos // 10**6


def parse_timestamp(pattern: str, text: str, default: Zone) -> int:
    """Milliseconds since 1970, in the text's zone or else in `default`."""
    parsed = parse(pattern, text)
    days = to_days(*(parsed.date or _partial_date(parsed.fields)))
    if parsed.date is not None:
        days += parsed.excess_days
    nanos = parsed.nanos if parsed.nanos is not None else _partial_time(parsed.fields)
    return (parsed.zone or default).to_utc(days * 86_400_000 + nanos // 10**6)


def _partial_date(fields: dict[str, int]) -> tuple[int, int, int]:
    """1970-01-01 with each field set, the smaller ones first."""
    year, month, day = 1970, 1, 1
    if "weekday" in fields:
        raise ValueError("a day of the week is no date")
    day = _check("day", fields.get("day", day))
    if "day_of_year" in fields:
        ordinal = _check("day_of_year", fields["day_of_year"])
        if ordinal == 366:
            raise ValueError("Leap day cannot be parsed without supplying the year field")
        year, month, day = _ordinal(year, ordinal)
    if "month" in fields:
        month = _check("month", fields["month"])
        day = min(day, month_length(year, month))
    if "year" in fields:
        year = fields["year"]
        day = min(day, month_length(year, month))
    return year, month, day


def _partial_time(fields: dict[str, int]) -> int:
    names = ("hour", "minute", "second", "nano", "half_hour")
    hour, minute, second, nano, half = (
        _check(name, fields[name]) if name in fields else 0 for name in names
    )
    hour = hour or half + 12 * fields.get("half", 0)
    return ((hour * 60 + minute) * 60 + second) * 10**9 + nano
