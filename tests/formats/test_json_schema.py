"""JSON Schemas: what columns they give, and which one columns give."""

from __future__ import annotations

import json
from typing import Any

import pytest
from values import NESTED, TEXTS, name_of

from streamsql.formats.json_schema import json_schema_text, schema_type
from streamsql.schema import types as t
from streamsql.schema.column import Column


def read(schema: Any, **imports: Any) -> str:
    named = {name: json.dumps(text) for name, text in imports.items()}
    return str(schema_type(json.dumps(schema), named, exact=False))


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize("type_", [*TEXTS, *NESTED], ids=name_of)
def test_the_schema_of_a_column_gives_its_type(type_: t.SqlType) -> None:
    for wrapped in (True, False):
        text = json_schema_text([Column("C", type_)], wrapped=wrapped)
        expected = t.Struct((t.Field("C", type_),)) if wrapped else type_
        assert schema_type(text, {}, exact=True) == expected


def test_a_schema_is_written_as_connect_writes_it() -> None:
    columns = [Column("a", t.INTEGER), Column("x", t.Decimal(4, 2))]
    decimal = {
        "type": "number",
        "title": "org.apache.kafka.connect.data.Decimal",
        "connect.version": 1,
        "connect.type": "bytes",
        "connect.parameters": {"scale": "2", "connect.decimal.precision": "4"},
    }
    null = {"type": "null"}
    whole = {"type": "integer", "connect.type": "int32"}
    assert json.loads(json_schema_text(columns, wrapped=True)) == of(
        a={"connect.index": 0, "oneOf": [null, whole]},
        x={"connect.index": 1, "oneOf": [null, decimal]},
    )
    bare = json_schema_text(columns[:1], wrapped=False)
    assert json.loads(bare) == {"oneOf": [null, whole]}


@pytest.mark.parametrize(
    ("schema", "type_"),
    [
        (of(a={"type": "integer"}, b={"type": "number"}), "STRUCT<`A` BIGINT, `B` DOUBLE>"),
        (of(a={"type": ["null", "boolean"]}), "STRUCT<`A` BOOLEAN>"),
        (of(a={"enum": ["x", "y"]}, b={"const": 1}), "STRUCT<`A` STRING, `B` STRING>"),
        (of(a={"type": "array", "items": {"type": "string"}}), "STRUCT<`A` ARRAY<STRING>>"),
        (of(a={"type": "null"}, b={"type": "string"}), "STRUCT<`B` STRING>"),
        (
            of(
                b={"type": "string", "connect.index": 1},
                a={"type": "string", "connect.index": 0},
            ),
            "STRUCT<`A` STRING, `B` STRING>",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "number"}},
            "MAP<STRING, DOUBLE>",
        ),
        (
            {**of(a={"$ref": "#/definitions/D"}), "definitions": {"D": of(x={"type": "string"})}},
            "STRUCT<`A` STRUCT<`X` STRING>>",
        ),
        (
            of(a={"oneOf": [{"type": "string"}, {"type": "boolean"}]}),
            "STRUCT<`A` STRUCT<`CONNECT_UNION_FIELD_0` STRING, `CONNECT_UNION_FIELD_1` BOOLEAN>>",
        ),
        (
            {"allOf": [of(a={"type": "string"}), of(b={"type": "boolean"})]},
            "STRUCT<`A` STRING, `B` BOOLEAN>",
        ),
    ],
)
def test_a_schema_of_others_gives_types(schema: Any, type_: str) -> None:
    assert read(schema) == type_


def test_a_schema_may_import_another() -> None:
    assert read(of(a={"$ref": "e.json"}), **{"e.json": {"type": "boolean"}}) == (
        "STRUCT<`A` BOOLEAN>"
    )


@pytest.mark.parametrize(
    ("schema", "error"),
    [
        (of(a={"$ref": "#/none"}), "refers to #/none, which is not there"),
        (of(a={"$ref": "#"}), "does not support recursive schemas"),
        ([], "this is no JSON Schema"),
    ],
)
def test_a_schema_that_cannot_be_read_is_refused(schema: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        read(schema)
