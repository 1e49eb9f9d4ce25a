"""Values in cells and as JSON."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal

import pytest

from streamsql.shell.value import json_text, to_cell

CELLS = {
    "null": (None, "null"),
    "true": (True, "true"),
    "a number": (-3, "-3"),
    "a double": (1e21, "1e+21"),
    "not a number": (float("nan"), "NaN"),
    "infinity": (float("-inf"), "-Infinity"),
    "a decimal keeps its scale": (Decimal("1.50"), "1.50"),
    "a decimal has no exponent": (Decimal("1E+3"), "1000"),
    "bytes": (b"abc", "YWJj"),
    "a timestamp": (datetime(2020, 1, 2, 3, 4, 5), "2020-01-02T03:04:05.000"),
    "a date": (date(2020, 1, 2), "2020-01-02"),
    "a time": (time(3, 4, 5), "03:04:05"),
    "text": ("a\x1bb", "a\\u001bb"),
    "an array": ([1, None, "x"], '[1, null, "x"]'),
    "a struct": ({"A": 1, "b": [True]}, '{"A": 1, "b": [true]}'),
    "a map in pairs": ([("k", Decimal("1.0")), ("l", None)], '{"k": 1.0, "l": null}'),
    "nested": ([{"D": date(2020, 1, 2)}], '[{"D": "2020-01-02"}]'),
}


@pytest.mark.parametrize(("value", "shown"), CELLS.values(), ids=CELLS)
def test_a_value_in_a_cell(value: object, shown: str) -> None:
    assert to_cell(value) == shown


def test_the_bounds_of_a_window_are_times() -> None:
    assert to_cell(1_357_034_400_000, "WINDOWSTART") == "2013-01-01T10:00"
    assert to_cell(1_357_034_401_000, "WINDOWSTART") == "2013-01-01T10:00:01"
    assert to_cell(1_357_034_400_007, "WINDOWEND") == "2013-01-01T10:00:00.007"
    assert to_cell(-1, "WINDOWSTART") == "1969-12-31T23:59:59.999"
    assert to_cell(None, "WINDOWSTART") == "null"
    assert to_cell(2**62, "WINDOWEND") == str(2**62)
    assert to_cell(1_357_034_400_000, "TOTAL") == "1357034400000"


def test_json_is_json() -> None:
    value = {"t": 'a\n"日', "n": [1, 2.5, None], "m": [("k", b"x")], "f": float("inf")}
    assert json.loads(json_text(value)) == {
        "t": 'a\n"日',
        "n": [1, 2.5, None],
        "m": {"k": "eA=="},
        "f": "Infinity",
    }
    assert json_text({"a": [1]}) == '{"a":[1]}'
    assert json_text({1: 2}) == '{"1":2}'
