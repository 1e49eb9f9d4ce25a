"""Values that DuckDB gave, as what carries them in records: days, milliseconds; and comparison."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from streamsql.schema import types as t

FAR = "beyond Python's calendar"


def carried(value: Any, type_: t.SqlType) -> Any:
    """A value that DuckDB gave, as its carrier."""
    match value, type_:
        case None, _:
            return None
        case _, t.Array(element):
            return [carried(v, element) for v in value]
        case _, t.Map(_, element):
            return {k: carried(v, element) for k, v in value.items()}
        case _, t.Struct(fields):
            return {f.name: carried(value[f.name], f.type) for f in fields}
        case date(), t.DATE:
            return (value - date(1970, 1, 1)).days
        case time(), t.TIME:
            return (
                (value.hour * 60 + value.minute) * 60_000
                + value.second * 1000
                + (value.microsecond // 1000)
            )
        case datetime(), t.TIMESTAMP:
            passed = value - datetime(1970, 1, 1)
            return (passed.days * 86_400 + passed.seconds) * 1000 + passed.microseconds // 1000
        case str(), t.DATE | t.TIME | t.TIMESTAMP:
            return FAR
        case _:
            return value


def same(found: Any, expected: Any) -> bool:
    """Equality to the bit, digit and key; times that Python cannot hold are not looked at."""
    match found, expected:
        case str(), _ if found is FAR:
            return True
        case float(), float():
            if math.isnan(expected):
                return math.isnan(found)
            return found == expected and math.copysign(1, found) == math.copysign(1, expected)
        case Decimal(), Decimal():
            return found.as_tuple() == expected.as_tuple()
        case list(), list():
            return len(found) == len(expected) and all(map(same, found, expected))
        case dict(), dict():
            return found.keys() == expected.keys() and all(
                same(v, expected[k]) for k, v in found.items()
            )
        case _:
            return type(found) is type(expected) and found == expected
