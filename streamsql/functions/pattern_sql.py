"""DuckDB text for the Java patterns that everybody writes: digits of fixed width, names, text, an
offset.

A pattern that this module does not know goes to the kernels of `date_kernel.py`. What it knows is
exact, but for years above 9999 in texts that are read: those fail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamsql.functions.java_time import Element, read_pattern
from streamsql.schema.duck import literal
from streamsql.schema.text import fail, let
from streamsql.schema.types import TIMESTAMP

_YEAR_MARK = "\x01"
_WRITTEN = {
    "yyyy": "%Y",
    "uuuu": "%Y",
    "yy": "%y",
    "uu": "%y",
    "MM": "%m",
    "dd": "%d",
    "DDD": "%j",
    "MMM": "%b",
    "LLL": "%b",
    "MMMM": "%B",
    "LLLL": "%B",
    "E": "%a",
    "EE": "%a",
    "EEE": "%a",
    "EEEE": "%A",
    "HH": "%H",
    "hh": "%I",
    "mm": "%M",
    "ss": "%S",
    "SSS": "%g",
    "a": "%p",
}
_READ = {
    "yyyy": ("%Y", 4),
    "uuuu": ("%Y", 4),
    "MM": ("%m", 2),
    "dd": ("%d", 2),
    "HH": ("%H", 2),
    "mm": ("%M", 2),
    "ss": ("%S", 2),
    "SSS": ("%g", 3),
}
_YEAR_OF_ERA = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_DATE_DIRECTIVES, _TIME_DIRECTIVES = ("%Y", "%m", "%d"), ("%H", "%M", "%S", "%g")
_HOURS = "(?:0[0-9]|1[0-7])"
_OFFSETS = {
    "X": f"(?:[Zz]|[+-]{_HOURS}(?:[0-5][0-9])?)",
    "XX": f"(?:[Zz]|[+-]{_HOURS}[0-5][0-9])",
    "XXX": f"(?:[Zz]|[+-]{_HOURS}:[0-5][0-9])",
    "Z": f"[+-]{_HOURS}[0-5][0-9]",
}


def _elements(pattern: str) -> Sequence[Element] | None:
    """The elements; None where Java refuses the pattern, so that each row fails in the kernel."""
    try:
        return read_pattern(pattern)
    except ValueError:
        return None


def format_text(value: str, pattern: str, *, date: bool, time: bool) -> str | None:
    """Text of a TIMESTAMP as the pattern says, or None. `date`, `time`: which of its fields there
    are."""
    directives: list[str] = []
    for element in _elements(pattern) or [Element("[")]:
        directive = _WRITTEN.get(element.letter * element.count)
        if not element.letter:
            directive = element.text.replace("%", "%%")
        elif directive is None or element.pad or not (time if element.letter in "HhmsSa" else date):
            return None
        directives.append(directive)
    if not any(d == "%Y" for d in directives):
        return (
            f"strftime({value}, {literal(''.join(directives))})" if "%y" not in directives else None
        )
    return let(value, lambda v: _with_year(v, directives, era="y" in pattern))


def _with_year(v: str, directives: Sequence[str], *, era: bool) -> str:
    """Years of four digits as they are; others with a sign, or counted back from the year 1."""
    plain = literal("".join(directives))
    marked = literal("".join(_YEAR_MARK if d == "%Y" else d for d in directives))
    year = f"CAST(date_part('year', {v}) AS BIGINT)"
    before = f"1 - {year}" if era else f"-{year}"
    sign = "" if era else f"CASE WHEN date_part('year', {v}) < 0 THEN '-' ELSE '' END || "
    digits = f"CAST({before} AS VARCHAR)"
    early = f"{sign}lpad({digits}, greatest(4, CAST(length({digits}) AS INTEGER)), '0')"
    text = f"CASE WHEN {year} > 9999 THEN '+' || {year} ELSE {early} END"
    return (
        f"CASE WHEN {year} BETWEEN 1 AND 9999 THEN strftime({v}, {plain}) "
        f"ELSE replace(strftime({v}, {marked}), {literal(_YEAR_MARK)}, {text}) END"
    )


class _Layout:
    """Where the fields of a pattern of fixed widths stand."""

    def __init__(self) -> None:
        self.pattern = ""
        self.directives = ""
        self.places: dict[str, tuple[int, int]] = {}
        self.width = 0
        self.offset = ""

    def add(self, element: Element) -> bool:
        """Whether the element has a fixed width, or is an offset at the end."""
        if self.offset:
            return False
        if not element.letter:
            self.pattern += f"(?i:{re.escape(element.text)})" if element.text.isascii() else "(?!)"
            self.directives += element.text.replace("%", "%%")
            self.width += len(element.text)
            return element.text.isascii()
        text = element.letter * element.count
        if text in _OFFSETS:
            self.offset = text
            return True
        found = _READ.get(text)
        if found is None or element.pad or found[0] in self.places:
            return False
        directive, width = found
        self.places[directive] = (self.width + 1, width)
        # There is a year 0 (uuuu), but none of an era (yyyy).
        self.pattern += _YEAR_OF_ERA if text == "yyyy" else f"[0-9]{{{width}}}"
        self.directives += directive
        self.width += width
        return True


def parse_text(text: str, pattern: str, *, date: bool, time: bool) -> str | None:
    """A TIMESTAMP (UTC) read from `text` by the pattern, or None. `date`: year, month and day must
    be there; `time`: an hour must be; otherwise they must not. A time without a date is of
    1970-01-01."""
    layout = _Layout()
    if not all(layout.add(e) for e in _elements(pattern) or [Element("[")]):
        return None
    has_date = all(d in layout.places for d in _DATE_DIRECTIVES)
    if has_date != date or any(d in layout.places for d in _DATE_DIRECTIVES) != date:
        return None
    given = [d in layout.places for d in _TIME_DIRECTIVES]
    # No gap: minutes only with hours, and so on.
    if sorted(given, reverse=True) != given or (time and not date and not given[0]):
        return None
    if not time and (any(given) or layout.offset):
        return None
    return let(text, lambda t: _read(t, layout))


def _read(t: str, layout: _Layout) -> str:
    regex = layout.pattern + _OFFSETS.get(layout.offset, "")
    local = f"{t}[:{layout.width}]" if layout.offset else t
    read = f"try_strptime({local}, {literal(layout.directives)})"
    value = (
        f"coalesce({read}, {_clamped(t, layout)})" if "%Y" in layout.places else _clamped(t, layout)
    )
    if layout.offset:
        value = let(f"{t}[{layout.width + 1}:]", lambda o: f"{value} - to_minutes({_minutes(o)})")
    message = f"'cannot be parsed: ' || {t}"
    return (
        f"CASE WHEN regexp_full_match({t}, {literal(regex)}) THEN {value} "
        f"WHEN {t} IS NOT NULL THEN {fail(message, TIMESTAMP)} END"
    )


def _minutes(o: str) -> str:
    hours = f"60 * CAST({o}[2:3] AS INTEGER)"
    rest = f"coalesce(TRY_CAST(replace({o}, ':', '')[4:5] AS INTEGER), 0)"
    sign = f"CASE WHEN {o}[1] = '-' THEN -1 ELSE 1 END"
    return f"CASE WHEN upper({o}) = 'Z' THEN 0 ELSE ({sign}) * ({hours} + {rest}) END"


def _clamped(t: str, layout: _Layout) -> str:
    """The fields one by one: the 31st of a month of 30 days is its last, 24:00 is the next day."""

    def part(directive: str, default: int) -> str:
        # TRY_CAST, though only digits come here: DuckDB computes a constant condition of CASE
        # while it plans, and what that raises no TRY around it catches.
        if directive not in layout.places:
            return str(default)
        start, width = layout.places[directive]
        return f"TRY_CAST({t}[{start}:{start + width - 1}] AS INTEGER)"

    hour, minute, second, milli = (part(d, 0) for d in _TIME_DIRECTIVES)
    late = f"{hour} > 23 AND NOT ({hour} = 24 AND {minute} = 0 AND {second} = 0 AND {milli} = 0)"
    wrong = f"{late} OR {minute} > 59 OR {second} > 59"
    time = f"(({hour} * 60 + {minute}) * 60 + {second}) * 1000::BIGINT + {milli}"
    if "%Y" not in layout.places:
        time = f"({time}) % 86400000"
        day = "TIMESTAMP '1970-01-01'"
    else:
        year, month, number = part("%Y", 1970), part("%m", 1), part("%d", 1)
        wrong += f" OR {month} NOT BETWEEN 1 AND 12 OR {number} NOT BETWEEN 1 AND 31"
        first = f"make_date({year}, {month}, 1)"
        last = f"CAST(date_part('day', last_day({first})) AS INTEGER)"
        day = f"({first} + (least({number}, {last}) - 1))"
    failed = fail(f"'cannot be parsed: ' || {t}", TIMESTAMP)
    return f"CASE WHEN {wrong} THEN {failed} ELSE {day} + to_milliseconds({time}) END"
