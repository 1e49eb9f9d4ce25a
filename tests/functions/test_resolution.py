"""Which signature a call means, and what ksqlDB says where there is none."""

from __future__ import annotations

import pytest

from streamsql.errors import Position
from streamsql.functions.registry import (
    GUARDED,
    Argument,
    LambdaArgument,
    Signature,
    aggregate_signature,
    signature,
)
from streamsql.functions.resolve import choose, lower_call
from streamsql.functions.signature import (
    ANY,
    LambdaType,
    Variable,
    plain_type,
    read_signature,
    show_type,
)
from streamsql.schema.typed import LambdaSql, TypedSql
from streamsql.schema.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVALUNIT,
    NULL,
    STRING,
    TIMESTAMP,
    Array,
    Decimal,
    Field,
    Map,
    SqlType,
    Struct,
)
from tests.functions.calls import StatementError, typed

NOTHING = TypedSql(sql="NULL", type=NULL, constant=True)


def argument(type_: SqlType) -> Argument:
    return NOTHING if type_ == NULL else TypedSql(sql="c", type=type_)


def rows(*texts: str) -> tuple[Signature, ...]:
    return tuple(signature(text, text.replace("{", "{{").replace("}", "}}")) for text in texts)


def chosen(texts: tuple[str, ...], *types: SqlType) -> str:
    """The text of the signature that arguments of these types mean."""
    row, _ = choose("f", rows(*texts), [argument(t) for t in types], None)
    assert isinstance(row.lower, str)
    return row.lower


NUMBERS = ("INTEGER -> STRING", "BIGINT -> STRING", "DOUBLE -> STRING", "DECIMAL -> STRING")


def test_the_exact_type_comes_before_a_wider_one() -> None:
    assert chosen(NUMBERS, BIGINT) == "BIGINT -> STRING"
    assert chosen(NUMBERS, Decimal(4, 2)) == "DECIMAL -> STRING"
    assert chosen(("DOUBLE -> STRING",), INTEGER) == "DOUBLE -> STRING"
    assert chosen(("DOUBLE -> STRING",), Decimal(4, 2)) == "DOUBLE -> STRING"
    assert chosen(("DATE -> STRING",), STRING) == "DATE -> STRING"


def test_fixed_parameters_come_before_repeated_ones() -> None:
    texts = ("STRING… -> STRING", "STRING, STRING -> STRING", "STRING, STRING… -> STRING")
    assert chosen(texts, STRING, STRING) == "STRING, STRING -> STRING"
    assert chosen(texts, STRING) == "STRING, STRING… -> STRING"
    assert chosen(texts, STRING, STRING, STRING) == "STRING, STRING… -> STRING"
    assert chosen(texts) == "STRING… -> STRING"


def test_named_types_come_before_variables() -> None:
    assert chosen(("T -> T", "STRING -> STRING"), STRING) == "STRING -> STRING"
    assert chosen(("T -> T", "STRING -> STRING"), INTEGER) == "T -> T"
    assert chosen(("ANY… -> STRING", "STRING… -> STRING"), STRING) == "STRING… -> STRING"


def test_a_parameter_in_the_middle_may_repeat() -> None:
    text = ("INTEGER, STRING…, BIGINT -> STRING",)
    for strings in range(4):
        assert chosen(text, INTEGER, *[STRING] * strings, BIGINT) == text[0]
    with pytest.raises(StatementError):
        chosen(text, INTEGER)


def test_a_variable_is_one_type() -> None:
    pair = ("ARRAY<T>, T -> BOOLEAN",)
    assert chosen(pair, Array(INTEGER), INTEGER) == pair[0]
    assert chosen(pair, Array(INTEGER), NULL) == pair[0]
    with pytest.raises(StatementError):
        chosen(pair, Array(BIGINT), INTEGER)


@pytest.mark.parametrize(
    ("text", "types", "result"),
    [
        ("ARRAY<T> -> T", [Array(Map(STRING, DATE))], Map(STRING, DATE)),
        ("MAP<K, V> -> ARRAY<V>", [Map(STRING, INTEGER)], Array(INTEGER)),
        ("MAP<K, V> -> ARRAY<STRUCT<K K, V V>>", [Map(STRING, DOUBLE)],
         Array(Struct((Field("K", STRING), Field("V", DOUBLE))))),
        ("T, T… -> T", [NULL, NULL, BOOLEAN], BOOLEAN),
        ("STRUCT<a T> -> T", [Struct((Field("a", DATE),))], DATE),
    ],
)  # fmt: skip
def test_the_result_follows_the_arguments(text: str, types: list[SqlType], result: SqlType) -> None:
    _, match = choose("f", rows(text), [argument(t) for t in types], None)
    assert match.type == result


def test_what_ksqldb_says() -> None:
    row = Struct((Field("F", INTEGER),))
    texts = ("STRING, INTEGER -> STRING", "ARRAY<T>, T… -> T", "MAP<K, V>, (K, V) => BOOLEAN -> V")
    with pytest.raises(StatementError) as caught:
        choose("f", rows(*texts), [argument(t) for t in (row, NULL, Decimal(5, 3))], Position(2, 7))
    error = caught.value
    assert (
        error.primary
        == "Function 'f' does not accept parameters (STRUCT<F INTEGER>, null, DECIMAL(5, 3))."
    )
    assert error.detail.splitlines() == [
        "Valid alternatives are:",
        "f(VARCHAR, INT)",
        "f(ARRAY<T>, T...)",
        "f(MAP<K, V>, LAMBDA(K, V) => BOOLEAN)",
    ]
    assert error.position == Position(2, 7)
    with pytest.raises(StatementError) as caught:
        choose("f", rows(*NUMBERS), [NOTHING], None)
    assert (
        caught.value.primary
        == "Function 'f' cannot be resolved due to ambiguous method parameters (null)."
    )


def test_a_unit_word_is_no_string() -> None:
    unit = TypedSql(sql="'DAYS'", type=INTERVALUNIT, literal="DAYS", constant=True)
    rule = rows("INTERVALUNIT, DATE -> DATE")
    assert choose("f", rule, [unit, argument(DATE)], None)[0] is rule[0]
    for wrong in (argument(STRING), argument(TIMESTAMP)):
        with pytest.raises(StatementError):
            choose("f", rule, [wrong, argument(DATE)], None)
    with pytest.raises(StatementError):
        choose("f", rows("STRING -> STRING"), [unit], None)


def test_a_lambda_gets_what_the_other_arguments_say() -> None:
    seen: list[SqlType] = []

    def bind(types: object) -> LambdaSql:
        assert isinstance(types, list)
        seen.extend(types)
        return LambdaSql(("s", "x"), TypedSql(sql="s", type=BIGINT, throws=True, slow=True))

    rule = (
        signature("ARRAY<T>, S, (S, T) => S -> S", lambda a, s, f: f"{a.sql}{s.sql}{f.body.sql}"),
    )
    given = [argument(Array(DATE)), argument(BIGINT), LambdaArgument(2, bind)]
    row, match = choose("f", rule, given, None)
    call = lower_call(row, match)
    assert seen == [BIGINT, DATE]
    assert (call.sql, call.type, call.throws, call.slow) == ("ccs", BIGINT, True, True)


def test_guarded_arguments_are_computed_once() -> None:
    rule = (signature("STRING, INTEGER -> STRING", "f({0}, {1})", nulls=GUARDED),)
    value = TypedSql(sql="upper(c) || 'x'", type=STRING, columns=frozenset({"c"}))
    row, match = choose("f", rule, [value, typed(1, INTEGER)], None)
    call = lower_call(row, match)
    assert call.sql.count("upper") == 1
    assert call.columns == {"c"}


def test_a_failing_call_among_the_arguments_is_tried() -> None:
    rule = rows("STRING -> STRING")
    inner = TypedSql(sql="g(c)", type=STRING, throws=True, contained=True)
    _, match = choose("f", rule, [inner], None)
    assert match.arguments == (TypedSql(sql="Try(g(c))", type=STRING, contained=True),)
    operator = TypedSql(sql="a / b", type=STRING, throws=True)
    row, match = choose("f", rule, [operator], None)
    assert lower_call(row, match).throws


def test_aggregates_resolve_by_the_same_rules() -> None:
    rule = (
        aggregate_signature("T, INTEGER -> ARRAY<T>", lambda *_: None),
        aggregate_signature("DOUBLE -> DOUBLE", lambda *_: None),
    )
    row, match = choose("TOPK", rule, [argument(DATE), argument(INTEGER)], None)
    assert (row, match.type) == (rule[0], Array(DATE))
    assert choose("TOPK", rule, [argument(INTEGER)], None)[0] is rule[1]


@pytest.mark.parametrize(
    "text",
    ["STRING", "STRING -> ", "NUMBER -> STRING", "STRING -> STRING, STRING", "STRING ! -> STRING"],
)
def test_texts_that_are_no_signatures(text: str) -> None:
    with pytest.raises(ValueError, match="signature"):
        read_signature(text)


def test_a_signature_s_parts() -> None:
    found = read_signature("ARRAY<T>, (T, INTEGER) => U, DECIMAL(4, 2), ANY… -> MAP<STRING, U>")
    assert found.types == (
        Array(Variable("T")),
        LambdaType((Variable("T"), INTEGER), Variable("U")),
        Decimal(4, 2),
        ANY,
    )
    assert found.variadic == 3
    assert found.result == Map(STRING, Variable("U"))
    assert show_type(found.types[1]) == "LAMBDA(T, INT) => U"
    assert plain_type(Array(STRING)) == "ARRAY<STRING>"
