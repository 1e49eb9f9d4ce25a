"""JSON to columns against the oracle of `json_reference.py`: random types, records and damage."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import codec
import json_records
import pytest
from carriers import carried, same
from json_reference import Unreadable, read_record

from streamsql.formats import FORMATS
from streamsql.formats.format import FormatOptions
from streamsql.schema import types as t
from streamsql.schema.column import Column

JSON = FORMATS["JSON"]


def check(columns: Sequence[Column], records: Sequence[bytes], *, wrapped: bool) -> int:
    """Compares a batch with the oracle; gives how many records were right."""
    options = FormatOptions(wrap=None if wrapped else False)
    decoded = codec.decode(JSON, columns, records, options)
    right = 0
    for record, row, error, null in zip(
        records, decoded.rows, decoded.errors, decoded.nulls, strict=True
    ):
        told = f"{record!r} as {[str(c) for c in columns]} gave {row}, error {error}"
        try:
            expected = read_record(record, columns, wrapped=wrapped)
        except Unreadable:
            assert error, told
            continue
        assert error is None, told
        right += 1
        assert null == (expected is None), told
        for value, column, wanted in zip(
            row, columns, expected or [None] * len(columns), strict=True
        ):
            value = carried(value, column.type)
            assert same(value, wanted), f"{told}; expected {wanted!r} in {column}"
    return right


@pytest.mark.slow
@pytest.mark.parametrize("wrapped", [True, False], ids=["record", "bare"])
@pytest.mark.parametrize("oddness", [0.0, 0.03, 0.2], ids=["tame", "odd", "wild"])
@pytest.mark.parametrize("seed", range(6))
def test_records_are_read_as_the_rules_say(seed: int, oddness: float, wrapped: bool) -> None:
    draw = Random(f"{seed} {oddness} {wrapped}")
    right = 0
    for _ in range(3):
        columns = json_records.random_columns(draw)
        if not wrapped:
            columns = columns[:1]
        records = json_records.random_records(draw, columns, 100, wrapped=wrapped, oddness=oddness)
        right += check(columns, records, wrapped=wrapped)
    assert right > (299 if not oddness else 10)


def _refused(node: str, required: str, path: str) -> str:
    return f"Can't convert type. sourceType: {node}, requiredType: {required}, path: {path}"


NAMED = t.Struct((t.Field("ID", t.BIGINT), t.Field("D", t.Decimal(6, 4))))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("type_", "record"),
    [
        (t.STRING, '{"v":"x",}'),
        (t.STRING, '{"v":"x" , }'),
        (t.BIGINT, '{"v":1,}'),
        (t.BIGINT, '{"v":1,"x":[NaN]}'),
        (t.BIGINT, '{"v":1,"x":[1, -inf ]}'),
        (t.BIGINT, '{"v":1,"x":[1,]}'),
        (t.BIGINT, '{"v":1,"x":{"y":[2]},}'),
        (t.BIGINT, '{"v":1,"x":{"y":2},}'),
        (t.BIGINT, '{"v":1,"x":{"v":2}}'),
        (t.BIGINT, '{"x":{"v":2}}'),
        (t.BIGINT, '{"v" : 1}'),
        (t.BIGINT, '{"v":1,"v" :2}'),
        (t.BIGINT, '{"v":1,"\\u0056":2}'),
        (t.BIGINT, '{"v":"1","x":"\\"v\\":2"}'),
        (t.BIGINT, '{"v":9223372036854775808}'),
        (t.BIGINT, '{"v":"[1]5","x":[1]}'),
        (NAMED, '{"v":{"id":1,"d":1.00000000000000000001}}'),
        (NAMED, '{"v":{"id":1,"d":1.0000},}'),
        (NAMED, '{"v":{"id":1,"ID":2}}'),
        (NAMED, '{"v":{"id":1,"id":2}}'),
        (NAMED, '{"v":{"id":1,"x":[NaN]}}'),
        (NAMED, '{"v":[]}'),
        (NAMED, '{"v":{}}'),
        (NAMED, '{"v":{"id":1},"id":"x"}'),
        (t.Array(t.Decimal(6, 4)), '{"v":[1.00000000000000000001]}'),
        (t.Array(t.BIGINT), '{"v":[12345678901234567890123]}'),
        (t.Array(t.BIGINT), '{"v":[1],}'),
        (t.Array(t.DOUBLE), '{"v":[-0.0,-0,1e400]}'),
        (t.Array(t.STRING), '{"v":["a",1.50,{"b":1.50}]}'),
        (t.Array(NAMED), '{"v":[{"d":1,"id":2},{"ID":3}]}'),
        (t.Array(NAMED), '{"v":[{"id":1,"ID":2}]}'),
        (t.Map(t.STRING, t.BIGINT), '{"v":{"a":1,"a":2}}'),
        (t.Array(t.Map(t.STRING, t.BIGINT)), '{"v":[{"a":1,"a":2}]}'),
        (t.Map(t.STRING, t.Map(t.STRING, t.BIGINT)), '{"v":{"a":{"b":1,"b":2}}}'),
    ],
    ids=str,
)
def test_what_from_json_alone_would_read_otherwise(type_: t.SqlType, record: str) -> None:
    check([Column("V", type_)], [record.encode()], wrapped=True)
    check([Column("V", type_)], [record.upper().replace("\\U", "\\u").encode()], wrapped=True)
    other = Column("X", t.Array(t.BIGINT))
    check([Column("V", type_), other], [record.encode()], wrapped=True)


def test_a_good_record_is_untouched_among_bad_ones() -> None:
    columns = [Column("N", t.BIGINT), Column("S", t.STRING)]
    good = [f'{{"n":{i},"s":"text {i}"}}'.encode() for i in range(3000)]
    bad = [b"", b"\xff", b"{", b'{"n":true}', b'{"n":1,}', b'{"s":"\xc3"}', b"nul", b'{"n":"x"}']
    records = [bad[i // 7 % len(bad)] if i % 7 == 0 else record for i, record in enumerate(good)]
    decoded = codec.decode(JSON, columns, records)
    for i, (row, error) in enumerate(zip(decoded.rows, decoded.errors, strict=True)):
        assert (row, error) == ((i, f"text {i}"), None) if i % 7 else error


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ('{"n":1', "Malformed JSON: Expecting ',' delimiter, column: 7"),
        ('{"x":NaN}', "Malformed JSON: Non-standard token 'NaN'"),
        (
            "",
            "Can't convert type. sourceType: MissingNode, requiredType: STRUCT<N BIGINT, B BOOLEAN,"
            " X DECIMAL(4, 2), L ARRAY<DATE>, S STRUCT<I INT>>, path: $",
        ),
        ('{"n":true}', _refused("BooleanNode", "BIGINT", "$.N")),
        ('{"b":"true"}', _refused("TextNode", "BOOLEAN", "$.B")),
        ('{"s":[1]}', _refused("ArrayNode", "STRUCT<I INT>", "$.S")),
        ('{"s":{"i":{}}}', _refused("ObjectNode", "INTEGER", "$.S.I")),
        ('{"n":"x"}', "Can't coerce string to type. targetType: BIGINT, path: $.N"),
        ('{"l":[1,"x"]}', "Can't coerce string to type. targetType: DATE, path: $.L[1]"),
        ('{"n":9223372036854775808}', "Numeric value is out of range of BIGINT, path: $.N"),
        (
            '{"x":1.234}',
            "Cannot fit decimal '1.234' into DECIMAL(4, 2) without rounding. (Requires 4,3),"
            " path: $.X",
        ),
        (
            '{"x":123}',
            "Numeric field overflow: A field with precision 4 and scale 2 must round to an absolute"
            " value less than 10^2. Got 123, path: $.X",
        ),
    ],
)
def test_an_error_says_what_was_wrong_and_where(record: str, error: str) -> None:
    columns = [
        *(Column("N", t.BIGINT), Column("B", t.BOOLEAN), Column("X", t.Decimal(4, 2))),
        *(Column("L", t.Array(t.DATE)), Column("S", t.Struct((t.Field("I", t.INTEGER),)))),
    ]
    assert codec.decode(JSON, columns, [record.encode()]).errors == [error]


def test_key_and_value_are_decoded_beside_each_other() -> None:
    column = [Column("K", t.BIGINT)]
    made = [
        JSON.decode(f'"{side}"', column, FormatOptions(side=side), wanted=["K"])
        for side in ("key", "value")
    ]
    names = [{name for stage in m.stages for name, _ in stage} for m in made]
    assert names[0].isdisjoint(names[1])
    assert all(name.startswith("_d") for name in names[0] | names[1])


@pytest.mark.parametrize("wrapped", [True, False])
def test_null_text_is_no_record_only_where_there_is_an_object(wrapped: bool) -> None:
    options = FormatOptions(wrap=None if wrapped else False)
    found = codec.decode(JSON, [Column("V", t.BIGINT)], [b"null", b" null\n", None], options)
    assert found.nulls == [wrapped, wrapped, False]
    assert found.errors == [None] * 3
    assert found.rows == [(None,)] * 3
