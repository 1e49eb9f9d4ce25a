"""Rows between stages come back as they were, whatever their types; columns may come behind."""

from __future__ import annotations

import duckdb
import pytest
from values import NESTED, TEXTS, name_of

from streamsql.formats.rows import decode_row, encode_row
from streamsql.schema import types as t
from streamsql.schema.duck import duckdb_type

ODD: dict[t.SqlType, tuple[str, ...]] = {
    t.DOUBLE: ("'-0.0'::DOUBLE", "2.2250738585072014e-308", "123456789012345680"),
    t.STRING: ("chr(0) || 'a'", "'{\"c0\": 1}'", r"'\u0041'", "chr(55295) || chr(65535)"),
    t.BYTES: (r"'\x5C\x27\x22'::BLOB",),
    t.DATE: ("DATE '12345-06-07'", "DATE '0044-03-15 (BC)'"),
    t.TIMESTAMP: ("TIMESTAMP '12345-06-07 08:09:10.011'", "epoch_ms(-99999999999999)"),
    t.Map(t.INTEGER, t.Decimal(5, 2)): ("MAP {3: 1.50, -1: NULL}", "MAP {}"),
    t.Map(t.STRING, t.INTEGER): ("MAP {'b': 1, 'a': 2, 'A': 3}",),
    t.Array(t.Struct((t.Field("a, 'b' \"c", t.BYTES), t.Field("N", t.STRING)))): (
        r"""[{'a, ''b'' "c': '\x00,'::BLOB, 'N': 'NULL'}, NULL]""",
        """[{'a, ''b'' "c': NULL, 'N': NULL}]""",
    ),
}
CASES = [
    pytest.param(type_, text, id=f"{name_of(type_)} {text}")
    for values in (TEXTS, NESTED, ODD)
    for type_, texts in values.items()
    for text in (*texts, "NULL")
]


def sent(types: list[t.SqlType], texts: list[str], read: list[t.SqlType]) -> list[object]:
    """Values written as `types` and read as `read`: what DuckDB prints, so that NaN is NaN."""
    row, columns = decode_row("v", read)
    printed = ", ".join(f"({c})::VARCHAR, typeof({c})" for c in columns)
    written = f"SELECT {encode_row(types, texts)} AS v"
    sql = f"SELECT {printed} FROM (SELECT {row} AS _row FROM ({written}))"
    found = duckdb.connect().execute(sql).fetchone()
    assert found is not None
    return list(found)


@pytest.mark.slow
@pytest.mark.parametrize(("type_", "text"), CASES)
def test_a_value_comes_back(type_: t.SqlType, text: str) -> None:
    name = duckdb_type(type_)
    typed = f"({text})::{name}"
    expected = duckdb.connect().execute(f"SELECT {typed}::VARCHAR, typeof({typed})").fetchone()
    assert expected is not None
    assert sent([type_, t.STRING], [typed, "'x'"], [type_, t.STRING]) == [*expected, "x", "VARCHAR"]


def test_a_row_without_columns_is_a_row() -> None:
    assert encode_row([], []) == "encode('{}')"
    assert decode_row("v", [])[1] == ()


def test_a_column_that_came_later_is_null() -> None:
    assert sent([t.INTEGER], ["7"], [t.INTEGER, t.Decimal(4, 2)])[::2] == ["7", None]
