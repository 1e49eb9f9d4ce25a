"""Every example of every function gives the result that its entry says."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from streamsql.errors import StatementError
from streamsql.functions import SCALARS, TABLE_FUNCTIONS
from streamsql.functions.registry import PROPAGATED, Example, ScalarFunction, TableFunction
from streamsql.functions.resolve import choose, lower_call
from streamsql.functions.signature import AnyType, LambdaType, Variable
from streamsql.schema.duck import duckdb_type
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import (
    INTERVALUNIT,
    STRING,
    Array,
    Decimal,
    Field,
    Map,
    SqlType,
    Struct,
)
from tests.functions.calls import compute, connect, lower, read_json, same

ENTRIES = [*SCALARS.values(), *TABLE_FUNCTIONS.values()]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as found:
        yield found


def _examples() -> Iterator[tuple[ScalarFunction | TableFunction, Example]]:
    for entry in ENTRIES:
        for example in entry.examples:
            yield entry, example


@pytest.mark.parametrize(
    ("entry", "example"), list(_examples()), ids=lambda v: v.call if isinstance(v, Example) else ""
)
def test_gives_its_result(
    con: duckdb.DuckDBPyConnection, entry: ScalarFunction | TableFunction, example: Example
) -> None:
    found = compute(con, lower(example.call))
    if not entry.varies:
        assert same(found, read_json(example.result)), f"{found!r} is not {example.result}"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_says_what_it_does_and_shows_it(entry: ScalarFunction | TableFunction) -> None:
    assert entry.doc.endswith((".", ")"))
    assert entry.examples
    for example in entry.examples:
        assert f"{entry.name.upper()}(" in example.call


def _concrete(type_: SqlType) -> SqlType:
    match type_:
        case Variable():
            return STRING
        case AnyType():
            return Decimal(9, 2)
        case Array(element):
            return Array(_concrete(element))
        case Map(key, value):
            return Map(_concrete(key), _concrete(value))
        case Struct(fields):
            return Struct(tuple(Field(f.name, _concrete(f.type)) for f in fields))
        case _:
            return type_


def _null_calls() -> Iterator[tuple[str, int, int]]:
    for entry in SCALARS.values():
        for n, row in enumerate(entry.signatures):
            types = row.parameters.types
            plain = not any(isinstance(t, LambdaType) or t == INTERVALUNIT for t in types)
            if row.nulls == PROPAGATED and plain:
                yield from ((entry.name.upper(), n, at) for at in range(len(types)))


@pytest.mark.parametrize(("name", "n", "at"), list(_null_calls()))
def test_is_null_where_an_argument_is(
    con: duckdb.DuckDBPyConnection, name: str, n: int, at: int
) -> None:
    """A signature that says nothing of NULL gives NULL, whichever argument is one."""
    row = SCALARS[name].signatures[n]
    arguments: list[TypedSql] = []
    for i, pattern in enumerate(row.parameters.types):
        type_ = _concrete(pattern)
        value = "NULL" if i == at else _SAMPLE.get(type_.base, "NULL")
        arguments.append(TypedSql(sql=f"({value})::{duckdb_type(type_)}", type=type_))
    chosen, match = choose(name, (row,), arguments, None)
    assert compute(con, lower_call(chosen, match)) is None


_SAMPLE = {
    "INTEGER": "1",
    "BIGINT": "1",
    "DOUBLE": "0.5",
    "DECIMAL": "1.25",
    "STRING": "'a'",
    "BOOLEAN": "TRUE",
    "BYTES": "'a'",
    "DATE": "'2020-01-02'",
    "TIME": "'01:02:03'",
    "TIMESTAMP": "'2020-01-02 03:04:05'",
    "ARRAY": "['a']",
    "MAP": "MAP {'a': 'b'}",
}


def test_unknown_names_are_refused_with_what_is_near() -> None:
    with pytest.raises(StatementError) as caught:
        lower("ABSS(1)")
    assert caught.value.primary == "Can't find any functions with the name 'ABSS'"
    assert "ABS" in caught.value.hint
