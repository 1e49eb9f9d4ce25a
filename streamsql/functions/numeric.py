"""Numbers: signs, roots, powers, logarithms, trigonometry, the greatest and the least of several.

What Java's Math gives: NaN and Infinity instead of errors, the lowest integer is its own absolute
value. A function of a DOUBLE takes any number.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamsql.functions.registry import (
    CALLED,
    ROW,
    SEED,
    ScalarFunction,
    Signature,
    scalar,
    signature,
)
from streamsql.schema.coercion import common_type, widen
from streamsql.schema.text import fail_with, let, wrap_bigint, wrap_integer
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import DOUBLE, Decimal, SqlType

_DEGREES, _RADIANS = "57.29577951308232::DOUBLE", "0.017453292519943295::DOUBLE"
"""180/π and π/180 as Java's Math.toDegrees and toRadians multiply with."""

_RADIUS_KM, _RADIUS_MILES = 6371, 3959
"""The earth's (ksqlDB docs: GEO_DISTANCE)."""

_KM = "('km', 'kilometer', 'kilometers', 'kilometre', 'kilometres')"
_MILES = "('mi', 'mile', 'miles')"


def _first_type(types: Sequence[SqlType]) -> SqlType:
    return types[0]


def _widest(types: Sequence[SqlType]) -> SqlType:
    found = common_type(types)
    assert found is not None
    return found


def _same_scale(function: str, *arguments: TypedSql) -> str:
    """A function of decimals of several sizes, of which the result holds each."""
    type_ = _widest([a.type for a in arguments])
    texts = [found.sql for a in arguments if (found := widen(a, type_)) is not None]
    return f"{function}({', '.join(texts)})"


def _extremes(function: str) -> tuple[Signature, ...]:
    """One signature a comparable type, as ksqlDB has them: two kinds of numbers are ambiguous."""
    plain = ("INTEGER", "BIGINT", "DOUBLE", "STRING", "BYTES", "DATE", "TIME", "TIMESTAMP")
    return (
        *(signature(f"{t}, {t}… -> {t}", f"{function}({{args}})", nulls=CALLED) for t in plain),
        signature(
            "DECIMAL, DECIMAL… -> DECIMAL",
            lambda *arguments: _same_scale(function, *arguments),
            returns=_widest,
            nulls=CALLED,
        ),
    )


def _absolute_integer(x: TypedSql) -> str:
    return wrap_integer(f"abs(CAST({x.sql} AS BIGINT))")


def _absolute_bigint(x: TypedSql) -> str:
    return wrap_bigint(f"abs(CAST({x.sql} AS HUGEINT))")


def _keep_scale(function: str) -> Signature:
    def lower(x: TypedSql) -> str:
        assert isinstance(x.type, Decimal)
        return f"CAST({function}({x.sql}) AS DECIMAL({min(x.type.precision, 38)},{x.type.scale}))"

    return signature("DECIMAL -> DECIMAL", lower, returns=_first_type, throws=True)


def _logarithm(base: TypedSql, x: TypedSql) -> str:
    return let(
        base.sql,
        lambda b: (
            f"CASE WHEN {b} <= 0 OR {b} = 1 THEN CASE WHEN {x.sql} IS NOT NULL THEN 'NaN'::DOUBLE "
            f"END ELSE ln({x.sql}) / ln({b}) END"
        ),
    )


def _distance(
    lat1: TypedSql, lon1: TypedSql, lat2: TypedSql, lon2: TypedSql, unit: TypedSql | None = None
) -> str:
    def body(a: str, b: str, c: str, d: str) -> str:
        half_lat = f"pow(sin(({c} - {a}) * {_RADIANS} / 2), 2)"
        half_lon = f"pow(sin(({d} - {b}) * {_RADIANS} / 2), 2)"
        cosines = f"cos({a} * {_RADIANS}) * cos({c} * {_RADIANS})"
        arc = f"2 * asin(sqrt({half_lat} + {half_lon} * {cosines}))"
        bad_lat = f"{a} < -90 OR {c} < -90 OR {a} > 90 OR {c} > 90"
        bad_lon = f"{b} < -180 OR {d} < -180 OR {b} > 180 OR {d} > 180"
        return (
            f"CASE WHEN {bad_lat} THEN {fail_with('latitudes are from -90 to 90', DOUBLE)} "
            f"WHEN {bad_lon} THEN {fail_with('longitudes are from -180 to 180', DOUBLE)} "
            f"ELSE {arc} * {_radius(unit)} END"
        )

    return let(
        lat1.sql,
        lambda a: let(
            lon1.sql,
            lambda b: let(lat2.sql, lambda c: let(lon2.sql, lambda d: body(a, b, c, d))),
        ),
    )


def _radius(unit: TypedSql | None) -> str:
    if unit is None:
        return str(_RADIUS_KM)
    unknown = fail_with("the unit is KM or MILES", DOUBLE)

    def body(u: str) -> str:
        return (
            f"CASE WHEN {u} IS NULL OR {u} = '' OR {u} IN {_KM} THEN {_RADIUS_KM} "
            f"WHEN {u} IN {_MILES} THEN {_RADIUS_MILES} ELSE {unknown} END"
        )

    return let(f"lower(trim({unit.sql}))", body)


_POINTS = "DOUBLE, DOUBLE, DOUBLE, DOUBLE"


def _function(name: str, text: str, doc: str, example: tuple[str, str]) -> ScalarFunction:
    """A function of one DOUBLE."""
    return scalar(name, signature("DOUBLE -> DOUBLE", text), doc=doc, examples=(example,))


def _random() -> TypedSql:
    """53 bits of a hash as a number from 0 to 1: the same for the same record, whenever it is
    read."""
    bits = f"md5_number_lower('random {SEED} ' || {ROW})"
    sql = f"(CAST({bits} >> 11 AS DOUBLE) * {2.0**-53!r})"
    return TypedSql(sql=sql, type=DOUBLE, columns=frozenset((ROW,)))


ENTRIES: tuple[ScalarFunction, ...] = (
    scalar(
        "Abs",
        signature("INTEGER -> INTEGER", _absolute_integer),
        signature("BIGINT -> BIGINT", _absolute_bigint),
        signature("DOUBLE -> DOUBLE", "abs({0})"),
        signature("DECIMAL -> DECIMAL", "abs({0})", returns=_first_type),
        doc="The value without its sign. The lowest INTEGER or BIGINT stays as it is.",
        examples=(("ABS(-3)", "3"), ("ABS(-1.50)", "1.50"), ("ABS(-2.5e0)", "2.5")),
    ),
    scalar(
        "Ceil",
        signature("INTEGER -> INTEGER", "{0}"),
        signature("BIGINT -> BIGINT", "{0}"),
        signature("DOUBLE -> DOUBLE", "ceil({0})"),
        _keep_scale("ceil"),
        doc="The smallest whole number that is not less than the value, in the value's type.",
        examples=(("CEIL(1.1e0)", "2.0"), ("CEIL(-1.50)", "-1.00"), ("CEIL(7)", "7")),
    ),
    scalar(
        "Floor",
        signature("INTEGER -> INTEGER", "{0}"),
        signature("BIGINT -> BIGINT", "{0}"),
        signature("DOUBLE -> DOUBLE", "floor({0})"),
        _keep_scale("floor"),
        doc="The largest whole number that is not greater than the value, in the value's type.",
        examples=(("FLOOR(1.9e0)", "1.0"), ("FLOOR(-1.50)", "-2.00"), ("FLOOR(7)", "7")),
    ),
    scalar(
        "sign",
        signature("INTEGER -> INTEGER", "CAST(sign({0}) AS INTEGER)"),
        signature("BIGINT -> INTEGER", "CAST(sign({0}) AS INTEGER)"),
        signature("DOUBLE -> INTEGER", "CAST(sign({0}) AS INTEGER)"),
        doc="-1, 0 or 1.",
        examples=(("SIGN(-7)", "-1"), ("SIGN(0.0)", "0"), ("SIGN(2.5e0)", "1")),
    ),
    _function(
        "sqrt",
        "sqrt({0})",
        "The square root; NaN of a negative value.",
        ("SQRT(2)", "1.4142135623730951"),
    ),
    _function("cbrt", "cbrt({0})", "The cube root.", ("CBRT(-8)", "-2.0")),
    _function("exp", "exp({0})", "e to the power of the value.", ("EXP(0)", "1.0")),
    _function(
        "ln", "ln({0})", "The natural logarithm; -Infinity of 0, NaN below.", ("LN(1)", "0.0")
    ),
    scalar(
        "log",
        signature("DOUBLE -> DOUBLE", "ln({0})"),
        signature("DOUBLE, DOUBLE -> DOUBLE", _logarithm),
        doc="The natural logarithm of a value, as ksqlDB computes it (its document says the one to "
        "base 10), or LOG(base, value); NaN for a base that is not above 0 or is 1.",
        examples=(("LOG(1)", "0.0"), ("LOG(2, 8)", "3.0"), ("LOG(1, 13)", '"NaN"')),
    ),
    scalar(
        "power",
        signature("DOUBLE, DOUBLE -> DOUBLE", "pow({0}, {1})"),
        doc="The base to the power of the exponent.",
        examples=(("POWER(15, 2)", "225.0"), ("POWER(10, 400)", '"Infinity"')),
    ),
    scalar(
        "random",
        signature("-> DOUBLE", _random),
        doc="A number from 0 to 1 that depends on the record only: reading it again gives the "
        "same.",
        examples=(("RANDOM()", "0.5"),),
        varies=True,
    ),
    scalar(
        "pi",
        signature("-> DOUBLE", "pi()"),
        doc="The ratio of a circle's circumference to its diameter.",
        examples=(("PI()", "3.141592653589793"),),
    ),
    _function(
        "degrees", f"({{0}} * {_DEGREES})", "Radians as degrees.", ("DEGREES(PI())", "180.0")
    ),
    _function(
        "radians",
        f"({{0}} * {_RADIANS})",
        "Degrees as radians.",
        ("RADIANS(180)", "3.141592653589793"),
    ),
    _function("sin", "sin({0})", "The sine of radians.", ("SIN(0)", "0.0")),
    _function("cos", "cos({0})", "The cosine of radians.", ("COS(0)", "1.0")),
    _function("tan", "tan({0})", "The tangent of radians.", ("TAN(0)", "0.0")),
    scalar(
        "cot",
        signature("DOUBLE -> DOUBLE", lambda x: let(x.sql, lambda v: f"(cos({v}) / sin({v}))")),
        doc="The cotangent of radians; Infinity of 0.",
        examples=(("COT(0)", '"Infinity"'),),
    ),
    _function("asin", "asin({0})", "The inverse sine; NaN outside -1 to 1.", ("ASIN(0)", "0.0")),
    _function("acos", "acos({0})", "The inverse cosine; NaN outside -1 to 1.", ("ACOS(1)", "0.0")),
    _function("atan", "atan({0})", "The inverse tangent.", ("ATAN(0)", "0.0")),
    scalar(
        "atan2",
        signature("DOUBLE, DOUBLE -> DOUBLE", "atan2({0}, {1})"),
        doc="The angle of the point (x, y), given as (y, x).",
        examples=(("ATAN2(0, 1)", "0.0"), ("ATAN2(1, 0)", "1.5707963267948966")),
    ),
    _function("sinh", "sinh({0})", "The hyperbolic sine.", ("SINH(0)", "0.0")),
    _function("cosh", "cosh({0})", "The hyperbolic cosine.", ("COSH(0)", "1.0")),
    _function("tanh", "tanh({0})", "The hyperbolic tangent.", ("TANH(0)", "0.0")),
    scalar(
        "greatest",
        *_extremes("greatest"),
        doc="The greatest of the values that are not NULL. Numbers of different types need a CAST.",
        examples=(
            ("GREATEST(1, NULL, 5)", "5"),
            ("GREATEST('b', 'a')", '"b"'),
            ("GREATEST(1.5, 1.25)", "1.50"),
        ),
    ),
    scalar(
        "least",
        *_extremes("least"),
        doc="The least of the values that are not NULL. Numbers of different types need a CAST.",
        examples=(
            ("LEAST(1, NULL, 5)", "1"),
            ("LEAST('b', 'a')", '"a"'),
            ("LEAST(1.5, 1.25)", "1.25"),
        ),
    ),
    scalar(
        "geo_distance",
        signature(f"{_POINTS} -> DOUBLE", _distance, throws=True),
        signature(f"{_POINTS}, STRING -> DOUBLE", _distance, throws=True, nulls=CALLED),
        doc="The distance on the earth's surface between two points, latitude before longitude, in "
        "degrees: in kilometres, or in the unit KM or MILES.",
        examples=(
            ("GEO_DISTANCE(0, 0, 0, 0)", "0.0"),
            ("GEO_DISTANCE(51.5257, -0.1122, 51.5257, -0.1122, 'MI')", "0.0"),
        ),
    ),
)
