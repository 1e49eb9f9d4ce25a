"""Functions of JSON texts.

DuckDB reads JSON fast, and nearly as Jackson does. It differs where a text holds `NaN`, `Infinity`,
a comma too many, something after the value, half a character, a name twice, or a number with a
fraction whose digits are written out again. Such texts, and all that Jackson would write anew, go
to `jackson.py` row by row; so do malformed ones, which fail there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import cast

from streamsql.functions import jackson
from streamsql.functions.jackson import MISSING, Json
from streamsql.functions.json_path import index_of, read_path
from streamsql.functions.json_value import json_of
from streamsql.functions.registry import CALLED, Kernel, scalar, signature
from streamsql.functions.rows import by_row, join_halves
from streamsql.schema.duck import literal
from streamsql.schema.text import fail_with, let
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, STRING, SqlType

_ODD = r"(?i)nan|inf|,\s*[\]}]|\\u00"
"""What DuckDB takes and Jackson does not; also a name that may be spelled with escapes."""


def _is_plain(x: str) -> str:
    """True where DuckDB and Jackson agree that `x` is one value."""
    return f"(json_valid({x}) AND NOT regexp_matches({x}, '{_ODD}'))"


# ------------------------------------------------------------------ EXTRACTJSONFIELD


def _extract(text: str, path: str) -> str | None:
    steps = read_path(path)
    value = jackson.read(text)
    for step in steps:
        value = _step(value, step)
        if value is MISSING:
            return None
    if value is MISSING:
        return ""
    return join_halves(value if isinstance(value, str) else jackson.write(cast("Json", value)))


def _step(value: Json | object, step: str) -> Json | object:
    if isinstance(value, dict):
        return cast("dict[str, Json]", value).get(step, MISSING)
    if isinstance(value, list):
        items = cast("list[Json]", value)
        index = index_of(step)
        return items[index] if index is not None and 0 <= index < len(items) else MISSING
    return MISSING


EXTRACT = by_row("streamsql_extract_json", ("VARCHAR", "VARCHAR"), "VARCHAR", _extract)

_SIMPLE_STEP = re.compile(r"[A-Za-z0-9_:@]+")


def extract(text: TypedSql, path: TypedSql) -> str:
    slow = f"{EXTRACT.name}({text.sql}, {path.sql})"
    if not isinstance(path.literal, str):
        return slow
    try:
        steps = read_path(path.literal)
    except ValueError:
        return slow
    if not steps or not all(map(_SIMPLE_STEP.fullmatch, steps)):
        return slow
    return let(text.sql, lambda x: _extract_plainly(x, steps, f"{EXTRACT.name}({x}, {path.sql})"))


def _extract_plainly(x: str, steps: Sequence[str], slow: str) -> str:
    place = "$" + "".join(f"[{s}]" if s.isdigit() else f'."{s}"' for s in steps)
    # A name that stands twice in the text may stand twice in one object.
    twice = "|".join(rf'"{s}"\s*:.*"{s}"\s*:' for s in dict.fromkeys(steps) if not s.isdigit())
    odd = f"{_ODD}|(?s:{twice})" if twice else _ODD
    # A number may name a field too, where there is an object instead of an array.
    missing = slow if any(s.isdigit() for s in steps) else "NULL"
    kind, found = (f"{f}({x}, {literal(place)})" for f in ("json_type", "json_extract_string"))
    return (
        f"CASE WHEN NOT json_valid({x}) OR regexp_matches({x}, {literal(odd)}) THEN {slow} "
        f"WHEN {kind} IS NULL THEN {missing} "
        f"WHEN {kind} IN ('VARCHAR', 'UBIGINT', 'BIGINT', 'BOOLEAN') THEN {found} "
        f"WHEN {kind} = 'NULL' THEN 'null' ELSE {_digits(x, steps[-1], slow)} END"
    )


_FRACTION = r"(-?(?:[1-9][0-9]*\.[0-9]+|0\.0{0,5}[1-9][0-9]*))[\s,}]"
"""A number that Jackson writes as it stands: without an exponent, and it would get none."""


def _digits(x: str, name: str, slow: str) -> str:
    """The digits of a fraction, taken from the text where its name stands only once."""
    if name.isdigit():
        return slow
    pattern = rf'"{name}"\s*:\s*{_FRACTION}'
    found = f"regexp_extract({x}, {literal(pattern)}, 1)"
    return f"coalesce(nullif({found}, ''), {slow})"


# ------------------------------------------------------------------ the other functions


def is_json(x: str) -> str:
    slow = f"{IS_JSON.name}({x})"
    return f"CASE WHEN {_is_plain(x)} THEN TRUE WHEN {x} IS NULL THEN FALSE ELSE {slow} END"


def _is_json(text: str) -> bool:
    try:
        return jackson.read(text) is not MISSING
    except ValueError:
        return False


IS_JSON = by_row("streamsql_is_json", ("VARCHAR",), "BOOLEAN", _is_json)


def array_length(x: str) -> str:
    length = f"CAST(json_array_length({x}) AS INTEGER)"
    return (
        f"CASE WHEN NOT {_is_plain(x)} THEN {ARRAY_LENGTH.name}({x}) "
        f"WHEN json_type({x}) = 'ARRAY' THEN {length} END"
    )


def _array_length(text: str) -> int | None:
    value = jackson.read(text)
    return len(value) if isinstance(value, list) else None


ARRAY_LENGTH = by_row("streamsql_json_length", ("VARCHAR",), "INTEGER", _array_length)


def keys(x: str) -> str:
    slow = f"{KEYS.name}({x})"

    def once(names: str) -> str:
        return f"CASE WHEN len({names}) = len(list_distinct({names})) THEN {names} ELSE {slow} END"

    return (
        f"CASE WHEN NOT {_is_plain(x)} THEN {slow} "
        f"WHEN json_type({x}) = 'OBJECT' THEN {let(f'json_keys({x})', once)} END"
    )


def _keys(text: str) -> list[str] | None:
    value = jackson.read(text)
    return [join_halves(k) for k in value] if isinstance(value, dict) else None


KEYS = by_row("streamsql_json_keys", ("VARCHAR",), "VARCHAR[]", _keys)


def _show(value: Json) -> str:
    return join_halves(value if isinstance(value, str) else jackson.write(value))


def _records(text: str) -> list[tuple[str, str]] | None:
    value = jackson.read(text)
    if not isinstance(value, dict):
        return None
    return list({join_halves(k): _show(v) for k, v in value.items()}.items())


RECORDS = by_row("streamsql_json_records", ("VARCHAR",), "MAP(VARCHAR, VARCHAR)", _records)


def _items(text: str) -> list[str]:
    value = jackson.read(text)
    if not isinstance(value, list):
        raise ValueError(f"no JSON array: {text}")
    return [join_halves(jackson.write(v)) for v in value]


ITEMS = by_row("streamsql_json_items", ("VARCHAR",), "VARCHAR[]", _items)


def _concat(texts: list[str | None]) -> str | None:
    values: list[Json] = []
    for text in texts:
        value = MISSING if text is None else jackson.read(text)
        if value is MISSING:
            return None
        values.append(cast("Json", value))
    if all(isinstance(v, dict) for v in values):
        merged: dict[str, Json] = {}
        for value in values:
            merged |= cast("dict[str, Json]", value)
        return join_halves(jackson.write(merged, plain=True))
    if len(values) == 1:
        return join_halves(jackson.write(values[0], plain=True))
    parts: list[Json] = []
    for value in values:
        parts += value if isinstance(value, list) else [value]
    return join_halves(jackson.write(parts, plain=True))


CONCAT = by_row("streamsql_json_concat", ("VARCHAR[]",), "VARCHAR", _concat)


def concat(*texts: TypedSql) -> str:
    return f"{CONCAT.name}(CAST([{', '.join(t.sql for t in texts)}] AS VARCHAR[]))"


# ------------------------------------------------------------------ JSON_ARRAY_CONTAINS

_Reader = Callable[[Json], object]
"""What an element is as the wanted value's type; MISSING where it is of another."""


def _read_whole(bits: int) -> _Reader:
    def read(value: Json) -> object:
        if not isinstance(value, int) or isinstance(value, bool):
            return MISSING
        if not -(2**bits) <= value < 2**bits:
            raise ValueError(f"numeric value ({value}) out of range")
        return value

    return read


def _read_of(*kinds: type) -> _Reader:
    return lambda value: value if type(value) in kinds else MISSING


def _read_double(value: Json) -> object:
    return float(value) if isinstance(value, Decimal | float) else MISSING


def _contains(text: str, wanted: object, read: _Reader) -> bool:
    """Whether an element is `wanted`; what follows it, the end of the array too, is not read."""
    at = jackson.skip(text, 0)
    if not text.startswith("[", at):
        return False
    at = jackson.skip(text, at + 1)
    while not text.startswith("]", at):
        value, at = jackson.scan(text, at)
        if value is None or isinstance(value, bool):
            jackson.check_word_end(text, at)
        if (value is None) if wanted is None else (read(value) == wanted):
            return True
        at = jackson.skip(text, at)
        if text.startswith("]", at):
            return False
        if not text.startswith(",", at):
            return False
        at = jackson.skip(text, at + 1)
    return False


def _kernel(name: str, type_: str, read: _Reader) -> Kernel:
    def contains(text: str | None, wanted: object) -> bool | None:
        if text is None:
            return None
        try:
            return _contains(text, wanted, read)
        except ValueError:
            return False

    name = f"streamsql_json_contains_{name}"
    return by_row(name, ("VARCHAR", type_), "BOOLEAN", contains, sees_nulls=True)


_CONTAINS: dict[SqlType, Kernel] = {
    STRING: _kernel("text", "VARCHAR", _read_of(str)),
    INTEGER: _kernel("integer", "INTEGER", _read_whole(31)),
    BIGINT: _kernel("bigint", "BIGINT", _read_whole(63)),
    DOUBLE: _kernel("double", "DOUBLE", _read_double),
    BOOLEAN: _kernel("boolean", "BOOLEAN", _read_of(bool)),
}


def array_contains(text: TypedSql, wanted: TypedSql) -> str:
    kernel = _CONTAINS.get(wanted.type)
    if kernel is not None:
        found = f"{kernel.name}({text.sql}, {wanted.sql})"
    else:
        # No element is of another type; a NULL is found all the same.
        null = f"{_CONTAINS[BOOLEAN].name}({text.sql}, NULL)"
        found = f"CASE WHEN {wanted.sql} IS NULL THEN {null} ELSE FALSE END"
    missing = fail_with("JSON_ARRAY_CONTAINS of NULL", BOOLEAN)
    return f"CASE WHEN {text.sql} IS NULL THEN {missing} ELSE {found} END"


def _of_text(body: Callable[[str], str]) -> Callable[[TypedSql], str]:
    return lambda text: let(text.sql, body)


def _of_kernel(kernel: Kernel) -> Callable[[TypedSql], str]:
    return lambda text: f"{kernel.name}({text.sql})"


_DOC = '\'{"a":{"b":[1.50,"x"]}}\''

ENTRIES = (
    scalar(
        "extractjsonfield",
        signature("STRING, STRING -> STRING", extract, throws=True, kernels=(EXTRACT,)),
        doc="The value at a path of a JSON text: a text as it is, anything else as JSON. NULL where"
        " there is none.",
        examples=[
            (f"EXTRACTJSONFIELD({_DOC}, '$.a.b[0]')", '"1.50"'),
            (f"EXTRACTJSONFIELD({_DOC}, '$.a')", '"{\\"b\\":[1.50,\\"x\\"]}"'),
            (f"EXTRACTJSONFIELD({_DOC}, '$.c')", "null"),
        ],
    ),
    scalar(
        "IS_JSON_STRING",
        signature("STRING -> BOOLEAN", _of_text(is_json), nulls=CALLED, kernels=(IS_JSON,)),
        doc="Whether a text is a JSON value.",
        examples=[("IS_JSON_STRING('[1, 2]')", "true"), ("IS_JSON_STRING('abc')", "false")],
    ),
    scalar(
        "JSON_ARRAY_LENGTH",
        signature(
            "STRING -> INTEGER", _of_text(array_length), throws=True, kernels=(ARRAY_LENGTH,)
        ),
        doc="The number of elements of a JSON array; NULL of any other value.",
        examples=[("JSON_ARRAY_LENGTH('[1, 2, 3]')", "3"), ("JSON_ARRAY_LENGTH('{}')", "null")],
    ),
    scalar(
        "JSON_ARRAY_CONTAINS",
        signature(
            "STRING, T -> BOOLEAN",
            array_contains,
            throws=True,
            nulls=CALLED,
            kernels=tuple(_CONTAINS.values()),
        ),
        doc="Whether a value is an element of a JSON array.",
        examples=[
            ("JSON_ARRAY_CONTAINS('[1, 2]', 2)", "true"),
            ("JSON_ARRAY_CONTAINS('[\"a\"]', 'b')", "false"),
        ],
    ),
    scalar(
        "JSON_CONCAT",
        signature("STRING… -> STRING", concat, throws=True, kernels=(CONCAT,)),
        doc="JSON values joined: objects into one object, else all elements into one array.",
        examples=[
            ("JSON_CONCAT('{\"a\": 1}', '{\"b\": 2}')", '"{\\"a\\":1,\\"b\\":2}"'),
            ("JSON_CONCAT('[1]', '2')", '"[1,2]"'),
        ],
    ),
    scalar(
        "JSON_ITEMS",
        signature("STRING -> ARRAY<STRING>", _of_kernel(ITEMS), throws=True, kernels=(ITEMS,)),
        doc="The elements of a JSON array, each as JSON.",
        examples=[("JSON_ITEMS('[{\"a\": 1}, 2]')", '["{\\"a\\":1}","2"]')],
    ),
    scalar(
        "JSON_KEYS",
        signature("STRING -> ARRAY<STRING>", _of_text(keys), throws=True, kernels=(KEYS,)),
        doc="The names of a JSON object; NULL of any other value.",
        examples=[('JSON_KEYS(\'{"a": 1, "b": 2}\')', '["a","b"]')],
    ),
    scalar(
        "JSON_RECORDS",
        signature(
            "STRING -> MAP<STRING, STRING>", _of_kernel(RECORDS), throws=True, kernels=(RECORDS,)
        ),
        doc="The names of a JSON object with their values: a text as it is, anything else as JSON.",
        examples=[('JSON_RECORDS(\'{"a": [1], "b": "x"}\')', '{"a":"[1]","b":"x"}')],
    ),
    scalar(
        "TO_JSON_STRING",
        signature("T -> STRING", lambda value: json_of(value.sql, value.type), nulls=CALLED),
        doc="A value as JSON; `null` of NULL.",
        examples=[
            ("TO_JSON_STRING(ARRAY[1, NULL])", '"[1,null]"'),
            ("TO_JSON_STRING(MAP('b' := 1.50, 'a' := 0.25))", '"{\\"a\\":0.25,\\"b\\":1.50}"'),
            ("TO_JSON_STRING(CAST(NULL AS STRING))", '"null"'),
        ],
    ),
)
