"""A kernel on decimal texts, for the scales that SQL text cannot reach.

Rounding is Java's BigDecimal.setScale: `HALF` is half up for positive and half down for negative
numbers (ties go towards +∞, as Math.round), `DOWN` cuts. Python's decimal computes it value by
value.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_UP, Context, Decimal

from streamsql.functions.rows import by_row

_WIDE = Context(prec=800, Emax=999_999, Emin=-999_999)
"""Digits enough for any DOUBLE or DECIMAL at any scale a user gives (Java has no limit)."""


def set_scale(text: str, places: int, mode: str) -> str:
    """The number with `places` digits after the point, in plain digits."""
    value = Decimal(text)
    if mode == "DOWN":
        rounding = ROUND_DOWN
    else:
        rounding = ROUND_HALF_UP if value > 0 else ROUND_HALF_DOWN
    exponent = Decimal((0, (1,), -max(min(places, 400), -400)))
    return f"{value.quantize(exponent, rounding=rounding, context=_WIDE):f}"


SET_SCALE = by_row("streamsql_set_scale", ("VARCHAR", "INTEGER", "VARCHAR"), "VARCHAR", set_scale)
