"""Which columns a format takes, and what it says of the others: ksqlDB's sentences."""

from __future__ import annotations

import pytest

from streamsql.errors import StatementError
from streamsql.formats import FORMATS, format_named
from streamsql.formats.format import KEY, VALUE, FormatOptions
from streamsql.schema import types as t
from streamsql.schema.column import Column

ROW = t.Struct((t.Field("F", t.DOUBLE),))
TEXTS = t.Map(t.STRING, t.DOUBLE)
NUMBERED = t.Map(t.INTEGER, t.DOUBLE)
ISSUE = "See https://github.com/confluentinc/ksql/issues/6621 for more."


def message(name: str, side: str, columns: list[Column], **options: object) -> str:
    with pytest.raises(StatementError) as caught:
        FORMATS[name].check(columns, FormatOptions(side=side, **options))  # type: ignore[arg-type]
    return caught.value.primary


@pytest.mark.parametrize(
    ("name", "side", "type_", "sentence"),
    [
        ("KAFKA", KEY, t.BOOLEAN, "The 'KAFKA' format does not support type 'BOOLEAN'"),
        ("KAFKA", VALUE, t.Decimal(4, 2), "The 'KAFKA' format does not support type 'DECIMAL'"),
        ("KAFKA", VALUE, t.Array(t.INTEGER), "The 'KAFKA' format does not support type 'ARRAY'"),
        ("KAFKA", VALUE, t.DATE, "The 'KAFKA' format does not support type 'DATE'"),
        (
            *("DELIMITED", KEY, t.Array(t.DOUBLE)),
            "The 'DELIMITED' format does not support type 'ARRAY', column: `C`",
        ),
        (
            *("DELIMITED", VALUE, TEXTS),
            "The 'DELIMITED' format does not support type 'MAP', column: `C`",
        ),
        (
            *("DELIMITED", VALUE, ROW),
            "The 'DELIMITED' format does not support type 'STRUCT', column: `C`",
        ),
        ("JSON", VALUE, NUMBERED, "JSON only supports MAP types with STRING keys"),
        ("JSON", VALUE, t.Array(NUMBERED), "JSON only supports MAP types with STRING keys"),
    ],
)
def test_a_type_is_refused(name: str, side: str, type_: t.SqlType, sentence: str) -> None:
    kind, mark = ("Key", " KEY") if side == KEY else ("Value", "")
    assert message(name, side, [Column("C", type_)]) == (
        f"{kind} format does not support schema.\nformat: {name}\n"
        f"schema: Persistence{{columns=[`C` {type_}{mark}], features=[]}}\nreason: {sentence}"
    )


def test_kafka_has_one_column() -> None:
    columns = [Column("V0", t.INTEGER), Column("V1", t.STRING)]
    assert message("KAFKA", VALUE, columns).endswith(
        "The 'KAFKA' format only supports a single field. Got: [`V0` INTEGER, `V1` STRING]"
    )
    assert message("KAFKA", KEY, columns).endswith("Got: [`V0` INTEGER KEY, `V1` STRING KEY]")


def test_none_has_no_columns() -> None:
    sentence = (
        "The 'NONE' format can only be used when no columns are defined. Got: [`K` STRING KEY]"
    )
    assert message("NONE", KEY, [Column("K", t.STRING)]) == sentence
    FORMATS["NONE"].check([], FormatOptions(side=KEY))


@pytest.mark.parametrize("name", ["JSON", "KAFKA", "DELIMITED"])
@pytest.mark.parametrize(
    "type_", [TEXTS, t.Array(TEXTS), t.Struct((t.Field("F", TEXTS),))], ids=["map", "array", "row"]
)
def test_keys_have_no_maps(name: str, type_: t.SqlType) -> None:
    found = message(name, KEY, [Column("K", type_)])
    assert found.startswith("Map keys, including types that contain maps, are not supported")
    assert found.endswith(f" Key column name: `K`. Column type: {type_}. {ISSUE}")


@pytest.mark.parametrize(
    ("name", "wrap", "sentence"),
    [
        ("KAFKA", True, "Format 'KAFKA' does not support 'WRAP_SINGLE_VALUE' set to 'true'."),
        (
            "DELIMITED",
            True,
            "Format 'DELIMITED' does not support 'WRAP_SINGLE_VALUE' set to 'true'.",
        ),
    ],
)
def test_wrapping_is_refused(name: str, wrap: bool, sentence: str) -> None:
    assert message(name, VALUE, [Column("V", t.INTEGER)], wrap=wrap) == sentence
    FORMATS[name].check([Column("V", t.INTEGER)], FormatOptions(wrap=not wrap))


def test_wrapping_is_for_one_column() -> None:
    columns = [Column("A", t.INTEGER), Column("B", t.INTEGER)]
    sentence = "'WRAP_SINGLE_VALUE' is only valid for single-field value schemas"
    assert message("JSON", VALUE, columns, wrap=True) == sentence
    assert message("JSON", VALUE, columns, wrap=False) == sentence
    FORMATS["JSON"].check(columns[:1], FormatOptions(wrap=False))


@pytest.mark.parametrize("names", [("a", "A"), ("a", "a"), ("x", "Name", "nAME")])
def test_fields_of_a_struct_differ_in_more_than_case(names: tuple[str, ...]) -> None:
    row = t.Struct(tuple(t.Field(name, t.INTEGER) for name in names))
    found = message("JSON", VALUE, [Column("V", t.Array(row))])
    assert found == (
        f"fields `{names[-2]}` and `{names[-1]}` of a STRUCT have the same name but for case"
    )


@pytest.mark.parametrize("delimiter", ['"', "\n", "\r"])
def test_a_delimiter_that_means_something_else(delimiter: str) -> None:
    assert "Delimiter cannot be" in message("DELIMITED", VALUE, [], delimiter=delimiter)


def test_formats_are_found_by_name() -> None:
    assert format_named("json") is FORMATS["JSON"]
    assert {name: format_.name for name, format_ in FORMATS.items()} == {n: n for n in FORMATS}
    with pytest.raises(StatementError, match="Unknown format: FOO"):
        format_named("foo")
    assert FORMATS["DELIMITED"].configs == {"delimiter"}
