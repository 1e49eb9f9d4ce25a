"""Every function has an oracle that is not ours; and the oracles of those that need few lines."""

from __future__ import annotations

import ast
import math
import random
import re
import struct
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR
from decimal import Decimal as PyDecimal
from pathlib import Path

import pytest

from streamsql.functions import AGGREGATES, SCALARS, TABLE_FUNCTIONS
from streamsql.schema.types import BIGINT, DOUBLE, INTEGER, Decimal

ROWS = 4_000
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 5e-324)

TESTS = Path(__file__).resolve().parent.parent
NO_ORACLES = ("test_every_function.py", "test_examples.py", "test_docs.py", "test_resolution.py")
"""They call every function, and compare with what its entry says of itself."""


def compared() -> set[str]:
    """The functions that stand in a text of a test with an oracle."""
    found: set[str] = set()
    for path in [*TESTS.glob("functions/test_*.py"), *TESTS.glob("operators/test_*.py")]:
        if path.name in NO_ORACLES:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(word.upper() for word in re.findall(r"\w+", node.value))
    return found


def test_no_function_is_without_an_oracle() -> None:
    assert {*SCALARS, *TABLE_FUNCTIONS, *AGGREGATES} - compared() == set()


def test_a_function_without_an_oracle_is_seen() -> None:
    assert "_".join(("NEVER", "COMPARED")) not in compared()


# ------------------------------------------------------------------ doubles


def same(found: object, wanted: float | None) -> bool:
    """Java's Math is exact to one place of the last digit, and so is the C library."""
    if not isinstance(found, float) or wanted is None:
        return found is wanted
    if math.isnan(wanted) or math.isinf(wanted):
        return found == wanted or (math.isnan(found) and math.isnan(wanted))
    return math.isclose(found, wanted, rel_tol=1e-14, abs_tol=5e-324)


def any_double(chance: random.Random) -> float | None:
    match chance.randrange(5):
        case 0:
            return chance.choice((*SPECIAL, None))
        case 1:
            return struct.unpack(">d", chance.randbytes(8))[0]
        case 2:
            return float(chance.randint(-20, 20))
        case _:
            return chance.uniform(-50, 50)


def power(base: float, exponent: float) -> float:
    """java.lang.Math.pow: NaN for 1 to the power of NaN or of an infinity, unlike C's."""
    if math.isnan(exponent) or (abs(base) == 1 and math.isinf(exponent)):
        return math.nan
    try:
        return math.pow(base, exponent)
    except OverflowError:
        odd = exponent == int(exponent) and int(exponent) % 2
        return -math.inf if base < 0 and odd else math.inf
    except ValueError:
        if base != 0:
            return math.nan
        odd = exponent == int(exponent) and int(exponent) % 2
        return math.copysign(math.inf, base) if odd else math.inf


def cotangent(x: float) -> float:
    if math.isinf(x):
        return math.nan
    tangent = math.tan(x)
    return math.copysign(math.inf, tangent) if tangent == 0 else 1 / tangent


DOUBLES: dict[str, tuple[int, Callable[..., float]]] = {
    "POWER": (2, power),
    "ATAN2": (2, math.atan2),
    "COT": (1, cotangent),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DOUBLES)
def test_doubles(calls, name: str) -> None:
    count, oracle = DOUBLES[name]
    chance = random.Random(name)
    rows = [tuple(any_double(chance) for _ in range(count)) for _ in range(ROWS)]
    found = calls.run(name, [DOUBLE] * count, rows)
    for row, value in zip(rows, found, strict=True):
        wanted = None if None in row else oracle(*row)
        assert same(value, wanted), f"{name}{row}: {value!r}, not {wanted!r}"


def test_pi(calls) -> None:
    assert calls.run("PI", [], [()]) == [math.pi]


# ------------------------------------------------------------------ whole numbers


def test_floor_and_ceil_of_doubles(compare) -> None:
    chance = random.Random(3)
    rows = [(any_double(chance),) for _ in range(ROWS)]
    rows = [row for row in rows if row[0] is None or not math.isnan(row[0])]

    def whole(function: Callable[[float], int]) -> Callable[[float | None], float | None]:
        return lambda x: x if x is None or math.isinf(x) else float(function(x))

    compare("FLOOR", [DOUBLE], rows, whole(math.floor))
    compare("CEIL", [DOUBLE], rows, whole(math.ceil))


@pytest.mark.parametrize("type_", [INTEGER, BIGINT], ids=str)
def test_floor_of_whole_numbers(compare, type_) -> None:
    bits = 31 if type_ == INTEGER else 63
    chance = random.Random(bits)
    rows = [(-(2**bits),), (2**bits - 1,), (None,)]
    rows += [(chance.randrange(-(2**bits), 2**bits),) for _ in range(ROWS)]
    compare("FLOOR", [type_], rows, lambda x: x)
    compare("CEIL", [type_], rows, lambda x: x)


def test_floor_and_ceil_of_decimals(compare) -> None:
    chance = random.Random(5)
    texts = [f"{chance.randint(-99_998, 99_998)}.{chance.randrange(1000):03}" for _ in range(ROWS)]
    rows = [(None,), *((PyDecimal(text),) for text in texts)]

    def to(mode: str) -> Callable[[PyDecimal | None], PyDecimal | None]:
        return lambda x: None if x is None else x.to_integral_value(mode).quantize(x)

    compare("FLOOR", [Decimal(8, 3)], rows, to(ROUND_FLOOR))
    compare("CEIL", [Decimal(8, 3)], rows, to(ROUND_CEILING))


# ------------------------------------------------------------------ dates


def test_days_as_text(compare, const) -> None:
    chance = random.Random(7)
    rows = [(None,), *((chance.randint(-719_000, 2_900_000),) for _ in range(ROWS))]

    def oracle(days: int | None, _: str) -> str | None:
        if days is None:
            return None
        day = date(1970, 1, 1) + timedelta(days=days)
        return f"{day.day:02}/{day.month}/{day.year:04}"

    compare("DATETOSTRING", [INTEGER, const("dd/M/yyyy")], rows, oracle)
