"""Rows between stages come back as they were, whatever their types; columns may come behind."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest
from values import NESTED, TEXTS, name_of

from streamsql.formats.format import READ
from streamsql.formats.rows import old_row, row_columns, row_reader, row_writer
from streamsql.schema import types as t
from streamsql.schema.duck import duckdb_type

ODD: dict[t.SqlType, tuple[str, ...]] = {
    t.DOUBLE: ("'-0.0'::DOUBLE", "'nan'::DOUBLE", "2.2250738585072014e-308", "123456789012345680"),
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


def written(types: list[t.SqlType], *rows: list[str]) -> pa.Table:
    """Rows of columns of these types, given by DuckDB's texts, as the batch that has them."""
    selects = [f"SELECT {', '.join(row_columns(types, row))}, 7 AS part" for row in rows]
    found = duckdb.connect().sql(" UNION ALL ".join(selects)).to_arrow_table()
    table = row_writer(len(types), 0)(found)
    assert table.column_names == ["value", "part"]
    return pa.table({"_val": table.column("value"), "_seq": list(range(len(rows)))})


def printed(table: pa.Table, columns: list[str]) -> list[tuple[object, ...]]:
    """What DuckDB prints of each row's values, so that NaN is NaN, and their types."""
    texts = ", ".join(f"{c}::VARCHAR, typeof({c})" for c in columns)
    connection = duckdb.connect().register("read", table)
    return connection.execute(f"SELECT {texts} FROM read ORDER BY _seq").fetchall()


def sent(types: list[t.SqlType], texts: list[str], read: list[t.SqlType]) -> list[object]:
    """Values written as `types` and read as `read`."""
    table = row_reader(read)(written(types, texts))
    assert table.column(READ).to_pylist() == [True]
    (row,) = printed(table, [f"_c{i}" for i in range(len(read))])
    return list(row)


@pytest.mark.slow
@pytest.mark.parametrize(("type_", "text"), CASES)
def test_a_value_comes_back(type_: t.SqlType, text: str) -> None:
    name = duckdb_type(type_)
    typed = f"({text})::{name}"
    expected = duckdb.connect().execute(f"SELECT {typed}::VARCHAR, typeof({typed})").fetchone()
    assert expected is not None
    assert sent([type_, t.STRING], [typed, "'x'"], [type_, t.STRING]) == [*expected, "x", "VARCHAR"]


def test_a_row_without_columns_is_a_row() -> None:
    head = pa.table({"_val": pa.array([b"\1\0\0", b"\1\0", b""], pa.binary())})
    assert row_reader([])(head).column(READ).to_pylist() == [True, False, False]
    assert row_reader([])(head.slice(0, 0)).num_rows == 0


def test_a_column_that_came_later_is_null() -> None:
    assert sent([t.INTEGER], ["7"], [t.INTEGER, t.Decimal(4, 2)])[::2] == ["7", None]


def test_rows_of_before_and_after_a_column_came_lie_side_by_side() -> None:
    old, new = written([t.INTEGER], ["1"], ["2"]), written([t.INTEGER, t.STRING], ["3", "'x'"])
    some = [old.slice(0, 1), new, old.slice(1), pa.table({"_val": [None], "_seq": [9]})]
    mixed = pa.concat_tables([part.cast(old.schema) for part in some])
    table = row_reader([t.INTEGER, t.STRING])(mixed)
    assert table.column("_c0").to_pylist() == [1, 3, 2, None]
    assert table.column("_c1").to_pylist() == [None, "x", None, None]
    assert table.column(READ).to_pylist() == [True, True, True, False]


def test_what_is_no_row_of_these_types_is_left() -> None:
    good = written([t.BIGINT], ["5"]).column("_val").to_pylist()[0]
    values = [good[:-1], good + b"\0", b"\2" + good[1:], b"{}", b"\1\xff\xff" + good[3:]]
    table = pa.table({"_val": pa.array(values, pa.binary())})
    assert row_reader([t.BIGINT])(table).column(READ).to_pylist() == [False] * 5
    # One at a time there is nothing around it either.
    for value in values:
        alone = pa.table({"_val": pa.array([value], pa.binary())})
        assert row_reader([t.BIGINT])(alone).column(READ).to_pylist() == [False]


def test_the_json_rows_of_before_are_read() -> None:
    types = [t.INTEGER, t.Decimal(4, 2), t.BYTES]
    row, columns = old_row("v", types)
    value = r"""encode('{"c0":7,"c1":"1.50","c2":"\\x00a"}')"""
    sql = f"SELECT {', '.join(columns)} FROM (SELECT {row} AS _row FROM (SELECT {value} AS v))"
    assert [str(v) for v in duckdb.connect().execute(sql).fetchall()[0]] == [
        "7",
        "1.50",
        r"b'\x00a'",
    ]
    assert old_row("v", [])[1] == ()
