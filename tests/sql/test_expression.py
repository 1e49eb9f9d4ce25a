"""Expressions: what is read, how tight operators bind, what is refused, where each node begins."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

import pytest

from streamsql.errors import ParseError
from streamsql.schema import types as t
from streamsql.sql import expr as e
from streamsql.sql import format as format_sql
from streamsql.sql import parse_expression


def col(name: str, source: str | None = None) -> e.ColumnRef:
    return e.ColumnRef(name=name, source=source)


def num(value: int) -> e.IntegerLiteral:
    return e.IntegerLiteral(value=value)


def text(value: str) -> e.StringLiteral:
    return e.StringLiteral(value=value)


def op(symbol: str, left: e.Expr, right: e.Expr) -> e.Binary:
    return e.Binary(op=symbol, left=left, right=right)


A, B, C, D = col("A"), col("B"), col("C"), col("D")

LITERALS = {
    "null": e.NullLiteral(),
    "TRUE": e.BooleanLiteral(value=True),
    "false": e.BooleanLiteral(value=False),
    "'it''s'": text("it's"),
    "''": text(""),
    "'a\\n'": text("a\\n"),
    "7": num(7),
    "007": num(7),
    "-7": num(-7),
    "- 7": num(-7),
    "9223372036854775807": num(2**63 - 1),
    "-9223372036854775808": num(-(2**63)),
    "0.10": e.DecimalLiteral(value=Decimal("0.10")),
    "1.": e.DecimalLiteral(value=Decimal("1")),
    ".5": e.DecimalLiteral(value=Decimal("0.5")),
    "-.5": e.DecimalLiteral(value=Decimal("-0.5")),
    "1e-1": e.DoubleLiteral(value=0.1),
    "1E5": e.DoubleLiteral(value=100000.0),
    ".5e+2": e.DoubleLiteral(value=50.0),
    "-2.e0": e.DoubleLiteral(value=-2.0),
}

NAMES = {
    "a": A,
    "`a`": col("a"),
    '"a"': col("a"),
    "`a``b`": col("a`b"),
    '"a""b"': col('a"b'),
    "s.a": col("A", "S"),
    "`s`.a": col("A", "s"),
    "a@b": col("A@B"),
    "_x": col("_X"),
    "1st": col("1ST"),
    "1e5x": col("1E5X"),
    "key": col("KEY"),
    "Timestamp": col("TIMESTAMP"),
    "map": col("MAP"),
    "struct": col("STRUCT"),
    "array": col("ARRAY"),
    "day": col("DAY"),
}

OPERATORS = {
    "a + b * c": op("+", A, op("*", B, C)),
    "a * b + c": op("+", op("*", A, B), C),
    "a - b - c": op("-", op("-", A, B), C),
    "a / b % c": op("%", op("/", A, B), C),
    "(a + b) * c": op("*", op("+", A, B), C),
    "a || b + c": op("||", A, op("+", B, C)),
    "-a * b": op("*", e.Unary(op="-", operand=A), B),
    "a - -b": op("-", A, e.Unary(op="-", operand=B)),
    "a - -5": op("-", A, num(-5)),
    "a -5": op("-", A, num(5)),
    "-(5)": e.Unary(op="-", operand=num(5)),
    "+a": e.Unary(op="+", operand=A),
    "- + a": e.Unary(op="-", operand=e.Unary(op="+", operand=A)),
    "a = b + c": op("=", A, op("+", B, C)),
    "a != b": op("<>", A, B),
    "a <> b": op("<>", A, B),
    "a <= b AND c >= d": op("AND", op("<=", A, B), op(">=", C, D)),
    "a OR b AND c": op("OR", A, op("AND", B, C)),
    "a OR b OR c": op("OR", op("OR", A, B), C),
    "NOT a AND b": op("AND", e.Unary(op="NOT", operand=A), B),
    "NOT a = b": e.Unary(op="NOT", operand=op("=", A, B)),
    "NOT NOT a": e.Unary(op="NOT", operand=e.Unary(op="NOT", operand=A)),
    "(a = b) = c": op("=", op("=", A, B), C),
    "a IS NULL": e.IsNull(operand=A),
    "a IS NOT NULL": e.IsNull(operand=A, negated=True),
    "a + b IS NULL": e.IsNull(operand=op("+", A, B)),
    "a IS DISTINCT FROM b": op("IS DISTINCT FROM", A, B),
    "a IS NOT DISTINCT FROM b": op("IS NOT DISTINCT FROM", A, B),
    "a BETWEEN b AND c AND d": op("AND", e.Between(operand=A, low=B, high=C), D),
    "a NOT BETWEEN 1 AND 2": e.Between(operand=A, low=num(1), high=num(2), negated=True),
    "a IN (1, b OR c)": e.InList(operand=A, items=(num(1), op("OR", B, C))),
    "a NOT IN (1)": e.InList(operand=A, items=(num(1),), negated=True),
    "a LIKE 'x%'": e.Like(operand=A, pattern=text("x%")),
    "a NOT LIKE b || '%' ESCAPE '!'": e.Like(
        operand=A, pattern=op("||", B, text("%")), escape="!", negated=True
    ),
    "a AT TIME ZONE 'UTC'": e.AtTimeZone(operand=A, zone="UTC"),
    "-a AT TIME ZONE 'UTC'": e.Unary(op="-", operand=e.AtTimeZone(operand=A, zone="UTC")),
}

ACCESS = {
    "a->b": e.FieldRef(base=A, name="B"),
    "a->b->`c`": e.FieldRef(base=e.FieldRef(base=A, name="B"), name="c"),
    "s.a->b": e.FieldRef(base=col("A", "S"), name="B"),
    "a[1]": e.Subscript(base=A, index=num(1)),
    "a[-1]": e.Subscript(base=A, index=num(-1)),
    "a['k']->b[c + 1]": e.Subscript(
        base=e.FieldRef(base=e.Subscript(base=A, index=text("k")), name="B"),
        index=op("+", C, num(1)),
    ),
    "f(a)->b": e.FieldRef(base=e.Call(name="F", args=(A,)), name="B"),
    "(a)->b": e.FieldRef(base=A, name="B"),
    "(-a)[1]": e.Subscript(base=e.Unary(op="-", operand=A), index=num(1)),
    "-a[1]": e.Unary(op="-", operand=e.Subscript(base=A, index=num(1))),
    "(a AT TIME ZONE 'x')->b": e.FieldRef(base=e.AtTimeZone(operand=A, zone="x"), name="B"),
}

X = col("X")

CONSTRUCTS = {
    "f()": e.Call(name="F", args=()),
    "ucase(a)": e.Call(name="UCASE", args=(A,)),
    "`ucase`(a)": e.Call(name="UCASE", args=(A,)),
    "count(*)": e.Call(name="COUNT", args=(e.Star(),)),
    "Dateadd(DAYS, 1, a)": e.Call(name="DATEADD", args=(e.Interval(unit="DAYS"), num(1), A)),
    "f(millisecond)": e.Call(name="F", args=(e.Interval(unit="MILLISECOND"),)),
    "f(day)": e.Call(name="F", args=(col("DAY"),)),
    "f(a, x => x + 1)": e.Call(
        name="F", args=(A, e.Lambda(parameters=("X",), body=op("+", X, num(1))))
    ),
    "f(a, (x) => x)": e.Call(name="F", args=(A, e.Lambda(parameters=("X",), body=X))),
    "f(a, (x, `y`) => x OR `y`, b => b)": e.Call(
        name="F",
        args=(
            A,
            e.Lambda(parameters=("X", "y"), body=op("OR", X, col("y"))),
            e.Lambda(parameters=("B",), body=B),
        ),
    ),
    "f(a, (x))": e.Call(name="F", args=(A, X)),
    "map(a, b)": e.Call(name="MAP", args=(A, B)),
    "map(*)": e.Call(name="MAP", args=(e.Star(),)),
    "map(DAYS, b)": e.Call(name="MAP", args=(e.Interval(unit="DAYS"), B)),
    "`map`()": e.Call(name="MAP", args=()),
    "struct(a, b)": e.Call(name="STRUCT", args=(A, B)),
    "array(a)": e.Call(name="ARRAY", args=(A,)),
    "MAP()": e.MapCtor(entries=()),
    "MAP('k' := a, b OR c := 1)": e.MapCtor(entries=((text("k"), A), (op("OR", B, C), num(1)))),
    "STRUCT()": e.StructCtor(fields=()),
    "STRUCT(a := 1, `b` := c)": e.StructCtor(fields=(("A", num(1)), ("b", C))),
    "ARRAY[]": e.ArrayCtor(items=()),
    "ARRAY[a, ARRAY[1]]": e.ArrayCtor(items=(A, e.ArrayCtor(items=(num(1),)))),
    "ARRAY[1][1]": e.Subscript(base=e.ArrayCtor(items=(num(1),)), index=num(1)),
    "CASE WHEN a THEN b END": e.Case(operand=None, whens=((A, B),)),
    "CASE a WHEN 1 THEN b WHEN 2 THEN c ELSE d END": e.Case(
        operand=A, whens=((num(1), B), (num(2), C)), default=D
    ),
    "CAST(a AS STRING)": e.Cast(operand=A, type=t.STRING),
    "CAST(a AS DECIMAL(4, 2))": e.Cast(operand=A, type=t.Decimal(4, 2)),
    "CAST(a AS mine)": e.Cast(operand=A, type=e.CustomType("MINE")),
    "DATE '2020-01-02'": e.Cast(operand=text("2020-01-02"), type=t.DATE),
    "TIME '01:02'": e.Cast(operand=text("01:02"), type=t.TIME),
    "TIMESTAMP '2020-01-02T00:00'": e.Cast(operand=text("2020-01-02T00:00"), type=t.TIMESTAMP),
}

READ = {**LITERALS, **NAMES, **OPERATORS, **ACCESS, **CONSTRUCTS}


@pytest.mark.parametrize(("text_", "expected"), READ.items(), ids=READ)
def test_an_expression_is_read(text_: str, expected: e.Expr) -> None:
    assert parse_expression(text_) == expected


@pytest.mark.parametrize("text_", READ)
def test_an_expression_written_back_gives_the_same_value(text_: str) -> None:
    parsed = parse_expression(text_)
    written = format_sql(parsed)
    assert parse_expression(written) == parsed
    assert format_sql(parse_expression(written)) == written


UNQUOTED = [text_ for text_ in READ if not {"'", "`", '"'} & set(text_)]


@pytest.mark.parametrize("text_", UNQUOTED)
def test_case_and_comments_change_nothing(text_: str) -> None:
    spaced = text_.replace(" ", " /* x */ -- y\n\t")
    assert parse_expression(spaced.lower()) == parse_expression(text_)


def test_the_scale_of_a_decimal_is_kept() -> None:
    parsed = parse_expression("0.10")
    assert isinstance(parsed, e.DecimalLiteral)
    assert str(parsed.value) == "0.10"
    assert format_sql(parsed) == "0.10"


REFUSED = {
    "": 0,
    "b + *": 4,
    "a = b = c": 6,
    "a < b < c": 6,
    "a == b": 3,
    "a = NOT b": 4,
    "a IS TRUE": 5,
    "a IS": 4,
    "a NOT b": 6,
    "a IN ()": 6,
    "a IN 1": 5,
    "a BETWEEN 1": 11,
    "a LIKE 'x' ESCAPE b": 18,
    "a::INT": 1,
    "a b": 2,
    "1 2": 2,
    "f(DISTINCT a)": 2,
    "f(a,)": 4,
    "f(x => 1)": 4,
    "f(a, x => 1, b)": 13,
    "f(*, a)": 2,
    "a.b.c": 3,
    "a.*": 1,
    "a->*": 1,
    "a->1": 3,
    "a[1": 3,
    "a[]": 2,
    "(a, b)": 2,
    "(a": 2,
    "a)": 1,
    "CASE END": 5,
    "CASE a END": 7,
    "CASE WHEN a THEN b": 18,
    "CASE WHEN a THEN b ELSE c": 25,
    "CAST(a INT)": 7,
    "CAST(a AS NULL)": 10,
    "CAST(a AS 5)": 10,
    "CAST(a AS DECIMAL)": 17,
    "CAST(a AS DECIMAL(2, 3))": 10,
    "CAST(a AS DECIMAL(0, 0))": 10,
    "CAST(a AS STRING(x))": 17,
    "CAST(a AS STRUCT<a INT)": 22,
    "MAP(a := 1, b)": 13,
    "STRUCT(a := 1,)": 14,
    "STRUCT(a := 1 b)": 14,
    "MAP(a := 1 b)": 11,
    "CAST(a AS STRING(1": 18,
    "STRUCT(5 := 1)": 7,
    "INTERVAL '1' DAY": 9,
    "a 'x'": 2,
    "`DATE` 'x'": 7,
    "select": 0,
    "f(all)": 2,
    "a AT TIME 'x'": 10,
    "``": 0,
    "9223372036854775808": 0,
    "-9223372036854775809": 1,
    "1e400": 0,
    "${x}": 0,
    "a + ${x}": 4,
    "a ? b": 2,
    "é": 0,
    "'open": 0,
    "a + `open": 4,
    "a + /* open": 4,
}


@pytest.mark.parametrize(("text_", "offset"), REFUSED.items(), ids=REFUSED)
def test_what_ksqldb_has_not_is_refused_at_its_place(text_: str, offset: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse_expression(text_)
    assert caught.value.position is not None
    assert caught.value.position.offset == offset


def nodes(node: object) -> list[e.Expr]:
    if isinstance(node, tuple):
        return [found for item in node for found in nodes(item)]
    if not isinstance(node, e.Expr):
        return []
    return [node, *(found for f in fields(node) for found in nodes(getattr(node, f.name)))]


@pytest.mark.parametrize("text_", READ)
def test_every_node_has_the_place_of_its_first_character(text_: str) -> None:
    for node in nodes(parse_expression("\n  " + text_)):
        assert node.position is not None
        assert node.position.line == 2
        assert node.position.column == node.position.offset
        assert node.position.column >= 3


def test_a_node_begins_where_its_left_operand_does() -> None:
    parsed = parse_expression("aa + f(bb->c, 'x')")
    assert isinstance(parsed, e.Binary)
    call = parsed.right
    assert isinstance(call, e.Call)
    places = [node.position.offset for node in (parsed, call, *call.args) if node.position]
    assert places == [0, 5, 7, 14]


def test_positions_take_no_part_in_equality() -> None:
    assert parse_expression("a+b") == parse_expression("a  +  b")
    assert hash(parse_expression("a+b")) == hash(parse_expression("a  +  b"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "text_",
    [
        "(" * 5000 + "a" + ")" * 5000,
        "f(" * 5000 + "a" + ")" * 5000,
        "a" + "[1" * 5000 + "]" * 5000,
        "- " * 5000 + "a",
        "NOT " * 5000 + "a",
        "a" + " OR a" * 5000,
        "a" + " + a" * 5000,
        "a" + "->b" * 5000,
        "a" + "[1]" * 5000,
        "a" + " AT TIME ZONE 'x'" * 5000,
        "CASE WHEN a THEN " * 5000,
        "MAP(" * 5000,
        "ARRAY[" * 5000,
        "STRUCT(a := " * 5000,
        "CAST(a AS " + "ARRAY<" * 5000,
        "CAST(a AS INT" + " ARRAY" * 5000 + ")",
        "CAST(a AS " + "STRUCT<a " * 5000,
        "f(a, x => " * 5000,
    ],
    ids=lambda text_: text_[:12],
)
def test_what_is_nested_too_deeply_is_an_error_with_a_place(text_: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_expression(text_)
    assert caught.value.position is not None
    assert caught.value.hint


@pytest.mark.parametrize("count", [40, 79])
def test_what_is_nested_less_is_read_and_written(count: int) -> None:
    parsed = parse_expression("f(" * count + "a" + ")" * count)
    assert parse_expression(format_sql(parsed)) == parsed


@pytest.mark.slow
def test_a_long_list_is_no_nesting() -> None:
    parsed = parse_expression("a IN (" + ", ".join(str(n) for n in range(20_000)) + ")")
    assert isinstance(parsed, e.InList)
    assert len(parsed.items) == 20_000


def test_maps_inside_maps_are_read_once() -> None:
    """Read twice at each level, these 70 would take longer than anybody waits."""
    text_ = "MAP(" * 70 + "a, b" + ")" * 70
    assert isinstance(parse_expression(text_), e.Call)


SPELLED = {
    "a+b-c": "((A + B) - C)",
    "id = '10'": "(ID = '10')",
    "not a or b is null": "((NOT A) OR (B IS NULL))",
    "a in (1,null)": "(A IN (1, null))",
    "case when a then true end": "(CASE WHEN A THEN true END)",
    "-a": "-A",
    "- -a": "- -A",
    "-(-5)": "-(-5)",
    "s.`x y`->f[1]": "S.`x y`->F[1]",
    "cast(a as array<int>)": "CAST(A AS ARRAY<INTEGER>)",
    "f(a, (x, y) => x)": "F(A, (X, Y) => X)",
    "map('k':=1)": "MAP('k':=1)",
    "`1st`": "`1st`",
    "1st": "`1ST`",
    "`from`": "`from`",
    "1e22": "1E+22",
    "1e0": "1.0E0",
    "1.": "1.",
    "a between 1 and 2": "(A BETWEEN 1 AND 2)",
    "a like 'x' escape '!'": "(A LIKE 'x' ESCAPE '!')",
    "a at time zone 'utc'": "A AT TIME ZONE 'utc'",
}


@pytest.mark.parametrize(("text_", "written"), SPELLED.items(), ids=SPELLED)
def test_an_expression_is_spelled_as_in_messages(text_: str, written: str) -> None:
    assert format_sql(parse_expression(text_)) == written
