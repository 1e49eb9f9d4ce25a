"""What a format writes, it reads back: every format with every type it takes."""

from __future__ import annotations

import codec
import pytest
from values import NESTED, TEXTS, name_of

from streamsql.errors import StatementError
from streamsql.formats import FORMATS
from streamsql.formats.format import KEY, VALUE, Format, FormatOptions
from streamsql.schema import types as t
from streamsql.schema.column import Column

ALL = {**TEXTS, **NESTED}
EMPTY_IS_NULL = ("''", "''::BLOB")
"""DELIMITED cannot tell an empty field from none."""


def takes(format_: Format, columns: list[Column], options: FormatOptions) -> bool:
    """Whether the format takes these columns."""
    try:
        format_.check(columns, options)
    except StatementError:
        return False
    return True


def check_round_trip(
    format_: Format, columns: list[Column], rows: list[list[str]], options: FormatOptions
) -> None:
    """Writes the rows, reads them back and compares, as DuckDB prints them."""
    records = codec.encode(format_, columns, rows, options)
    found = codec.decode(format_, columns, records, options, as_text=True)
    assert found.errors == [None] * len(rows)
    wanted = codec.printed(columns, rows)
    for row, record, values, expected in zip(rows, records, found.rows, wanted, strict=True):
        if format_.name == "DELIMITED":
            empty = [text in EMPTY_IS_NULL for text in row]
            expected = tuple(None if e else v for v, e in zip(expected, empty, strict=True))
        assert values == expected, f"{row} was written as {record!r}"


FORGETFUL = ("PROTOBUF", "PROTOBUF_NOSR")
"""They cannot tell a default from none, nor write a null in a list: test_protobuf.py."""

SINGLE = [
    pytest.param(name, side, wrap, type_, id=f"{name}-{side}-{wrap}-{name_of(type_)}")
    for name, format_ in FORMATS.items()
    if name not in FORGETFUL
    for side, wrap in ((VALUE, None), (VALUE, False), (KEY, None))
    for type_ in ALL
    if takes(format_, [Column("V", type_)], FormatOptions(side=side, wrap=wrap))
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "side", "wrap", "type_"), SINGLE)
def test_one_column(name: str, side: str, wrap: bool | None, type_: t.SqlType) -> None:
    rows = [[text] for text in (*ALL[type_], "NULL")]
    if name == "DELIMITED" or (side == KEY and name != "NONE"):
        rows.pop()  # the sink writes no bytes for such a key; a line of one NULL is no record
    check_round_trip(FORMATS[name], [Column("V", type_)], rows, FormatOptions(side=side, wrap=wrap))


@pytest.mark.thorough
@pytest.mark.parametrize("delimiter", list(",;|\t ·-^]\\"))
def test_delimited_lines(delimiter: str) -> None:
    options = FormatOptions(delimiter=delimiter)
    columns = [Column(f"C{i}", type_) for i, type_ in enumerate(TEXTS)]
    longest = max(map(len, TEXTS.values()))
    rows = [[texts[i % len(texts)] for texts in TEXTS.values()] for i in range(longest)]
    rows.append(["NULL"] * len(columns))
    for first in range(0, len(columns), 3):  # the first field is quoted by rules of its own
        turned = [row[first:] + row[:first] for row in rows]
        order = columns[first:] + columns[:first]
        check_round_trip(FORMATS["DELIMITED"], order, turned, options)


@pytest.mark.slow
@pytest.mark.parametrize("side", [KEY, VALUE])
def test_json_objects(side: str) -> None:
    columns = [Column(f"C{i}", type_) for i, type_ in enumerate(ALL)]
    if side == KEY:
        columns = [c for c in columns if not isinstance(c.type, t.Map)]
    longest = max(map(len, ALL.values()))
    rows = [[ALL[c.type][i % len(ALL[c.type])] for c in columns] for i in range(longest)]
    rows.append(["NULL"] * len(columns))
    check_round_trip(FORMATS["JSON"], columns, rows, FormatOptions(side=side))
