"""Strings: lengths, positions, padding, splitting and joining.

Semantics are those of Java's String, as ksqlDB's functions use it: positions count UTF-16 units
(`utf16.py`). Deviations, on purpose:

1. A character that a position cuts in two gives "?" for each half; two halves joined later do not
   become a character again.
2. SPLIT(s, '') keeps the halves of a character together: ksqlDB takes them apart and then cannot
   write either.
3. SUBSTRING with a length near 2^31 reads to the end; ksqlDB's sum of position and length wraps.
4. LPAD and RPAD to more than PADDED_MAX throw: one record must not take the memory of all.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamsql.functions.registry import CALLED, GUARDED, Signature, scalar, signature
from streamsql.functions.utf16 import by_unit, named
from streamsql.schema.text import each, fail_with, let
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BYTES, INTEGER, STRING

PADDED_MAX = 1 << 24
"""Characters or bytes; more is a mistake of the data, and 2^31 of them are the machine's memory."""


def same(x: str) -> str:
    """The text itself; for rules whose result is no text."""
    return x


def length(value: TypedSql) -> str:
    if value.type == BYTES:
        return f"CAST(octet_length({value.sql}) AS INTEGER)"
    return by_unit([value], lambda x: f"CAST(length({x}) AS INTEGER)", same)


def substring(value: TypedSql, position: TypedSql, count: TypedSql | None = None) -> str:
    if value.type == BYTES:
        return let(value.sql, lambda x: named(position, lambda p: _slice(x, p, position, count)))
    n = "" if count is None else f", greatest(CAST({count.sql} AS BIGINT), 0)"

    def body(x: str) -> str:
        start = named(position, lambda p: _start(f"length({x})", p, position.literal))
        return f"substring({x}, {start}{n})"

    return by_unit([value], body)


def _slice(x: str, p: str, position: TypedSql, count: TypedSql | None) -> str:
    start = _start(f"octet_length({x})", p, position.literal)
    if count is None:
        return f"array_slice({x}, {start}, octet_length({x}))"
    n = f"greatest(CAST({count.sql} AS BIGINT), 0)"
    return let(start, lambda s: f"array_slice({x}, {s}, {s} + {n} - 1)")


def _start(size: str, p: str, literal: object) -> str:
    """The first unit, from 1: positions below 0 count from the end, 0 is the beginning."""
    if isinstance(literal, int):
        return str(max(literal, 1)) if literal >= 0 else f"greatest({size} - {-literal}, 0) + 1"
    p = f"CAST({p} AS BIGINT)"
    return f"CASE WHEN {p} < 0 THEN greatest({size} + {p}, 0) + 1 ELSE greatest({p}, 1) END"


def instr(
    text: TypedSql,
    part: TypedSql,
    position: TypedSql | None = None,
    occurrence: TypedSql | None = None,
) -> str:
    p = 1 if position is None else position.literal
    if isinstance(p, int) and p > 0 and (occurrence is None or occurrence.literal == 1):
        return _or_zero(by_unit([text, part], lambda x, y: _first(x, y, p), same))
    given = [a.sql for a in (position, occurrence) if a is not None and a.literal is None]
    where = "1" if position is None else f"CAST({position.sql} AS BIGINT)"
    which = "1" if occurrence is None else f"CAST({occurrence.sql} AS BIGINT)"
    found = by_unit([text, part], lambda x, y: _nth(x, y, where, which), same)
    if not given:
        return _or_zero(found)
    # The parameters are Java's int, which no NULL can be given for.
    nulls = " OR ".join(f"{g} IS NULL" for g in given)
    failed = fail_with("INSTR needs a position and an occurrence", INTEGER)
    return f"CASE WHEN {nulls} THEN {failed} ELSE {_or_zero(found)} END"


def _or_zero(sql: str) -> str:
    return f"CAST(coalesce({sql}, 0) AS INTEGER)"


def _first(x: str, y: str, p: int) -> str:
    if p == 1:
        return f"CASE WHEN {x} = '' THEN 0 ELSE instr({x}, {y}) END"
    found = f"instr(substring({x}, {p}), {y})"
    at = let(found, lambda k: f"CASE WHEN {k} = 0 THEN 0 ELSE {k} + {p - 1} END")
    return f"CASE WHEN length({x}) < {p} THEN 0 ELSE {at} END"


def _nth(x: str, y: str, p: str, n: str) -> str:
    """The start of the n-th match; matches may overlap. From p on, or leftwards from -p on."""
    size, part = f"length({x})", f"length({y})"
    # Of the empty text ksqlDB finds any occurrence at once, leftwards one past where it looks.
    empty = f"CASE WHEN {p} > 0 THEN {p} ELSE {size} + {p} + 2 END"
    right = f"range({p}, {size} + 2 - {part})"
    left = f"range({size} + {p} + 2 - {part}, 0, -1)"
    starts = f"CASE WHEN {p} > 0 THEN {right} ELSE {left} END"
    found = f"list_filter({starts}, lambda _i: substring({x}, _i, {part}) = {y})[{n}]"
    return (
        f"CASE WHEN {n} <= 0 OR {p} = 0 OR abs({p}) > {size} THEN 0 "
        f"WHEN {y} = '' AND {x} IS NOT NULL THEN {empty} ELSE {found} END"
    )


def pad(side: str, value: TypedSql, target: TypedSql, padding: TypedSql) -> str:
    """`side` is `lpad` or `rpad`; NULL for no padding and for a negative length."""
    n = target.sql
    long = fail_with(f"{side.upper()} to more than {PADDED_MAX}", value.type)
    if value.type == BYTES:
        made = _pad_bytes(side, value, n, padding)
        return f"CASE WHEN {n} > {PADDED_MAX} THEN {long} ELSE {made} END"

    def body(x: str, y: str) -> str:
        padded = f"WHEN {n} >= 0 AND {y} <> '' THEN {side}({x}, {n}, {y})"
        return f"CASE WHEN {n} > {PADDED_MAX} THEN {long} {padded} END"

    return by_unit([value, padding], body)


def _pad_bytes(side: str, value: TypedSql, n: str, padding: TypedSql) -> str:
    padded = f"unhex({side}(hex({value.sql}), CAST(2 * {n} AS INTEGER), hex({padding.sql})))"
    return f"CASE WHEN {n} >= 0 AND octet_length({padding.sql}) > 0 THEN {padded} END"


def concat(*values: TypedSql) -> str | TypedSql:
    if len(values) < 2:
        return _too_few(values, "Concat should have at least two input arguments.")
    if all(v.type != BYTES for v in values):
        return f"concat({', '.join(v.sql for v in values)})"
    return "(" + " || ".join(f"coalesce({v.sql}, ''::BLOB)" for v in values) + ")"


def concat_ws(*values: TypedSql) -> str | TypedSql:
    if len(values) < 2:
        return _too_few(values, "Function Concat_WS expects at least two input arguments.")
    if all(v.type != BYTES for v in values):
        return f"concat_ws({', '.join(v.sql for v in values)})"
    # Joined as hexadecimal text: DuckDB joins no BLOBs, and a NULL stays out either way.
    return f"unhex(concat_ws({', '.join(f'hex({v.sql})' for v in values)}))"


def _too_few(values: Sequence[TypedSql], message: str) -> TypedSql:
    """ksqlDB takes such a call and throws for each record."""
    type_ = values[0].type if values else STRING
    return TypedSql(sql=fail_with(message, type_), type=type_, throws=True)


def replace(text: TypedSql, old: TypedSql, new: TypedSql) -> str:
    """Java puts the new text around each unit where the old one is empty, DuckDB nowhere."""
    if old.literal:
        return f"replace({text.sql}, {old.sql}, {new.sql})"

    def body(x: str, y: str) -> str:
        units = each(f"string_split({x}, '')", lambda u: f"{u} || {y}")
        return f"{y} || CASE WHEN {x} = '' THEN '' ELSE array_to_string({units}, '') END"

    around = by_unit([text, new], body)
    if old.literal == "":
        return around
    plain = f"replace({text.sql}, {old.sql}, {new.sql})"
    return f"CASE WHEN {old.sql} = '' THEN {around} ELSE {plain} END"


def reverse(text: TypedSql) -> str:
    """By characters. DuckDB's own keeps accents on their letters, which Java does not."""
    return let(
        text.sql,
        lambda x: (
            f"CASE WHEN strlen({x}) = length({x}) THEN reverse({x}) "
            f"ELSE array_to_string(list_reverse(string_split({x}, '')), '') END"
        ),
    )


_TRIMMED = " || ".join(f"chr({n})" for n in range(33))


def trim(text: TypedSql) -> str:
    """Java's trim takes away everything up to U+0020. DuckDB's is slow with many characters."""
    edge = r"[\x00-\x20]"

    def body(x: str) -> str:
        untidy = f"regexp_matches({x}, '^{edge}|{edge}\\z')"
        return f"CASE WHEN {untidy} THEN trim({x}, {_TRIMMED}) ELSE {x} END"

    return let(text.sql, body)


def split(value: TypedSql, delimiter: TypedSql) -> str:
    if value.type != BYTES:
        return _split_text(value, delimiter)
    # "41 2E 42 ": a delimiter in this form is found at the border of bytes only.
    spaced = f"regexp_replace(hex({value.sql}), '(..)', '\\1 ', 'g')"
    border = f"regexp_replace(hex({delimiter.sql}), '(..)', '\\1 ', 'g')"
    parts = each(f"string_split({spaced}, {border})", lambda p: f"unhex(replace({p}, ' ', ''))")
    single = each(f"regexp_extract_all(hex({value.sql}), '..')", lambda p: f"unhex({p})")
    return (
        f"CASE WHEN octet_length({delimiter.sql}) > 0 THEN {parts}"
        f" WHEN octet_length({delimiter.sql}) = 0 AND octet_length({value.sql}) = 0"
        f" THEN [{value.sql}] WHEN octet_length({delimiter.sql}) = 0 THEN {single} END"
    )


def _split_text(text: TypedSql, delimiter: TypedSql) -> str:
    """DuckDB makes no part of an empty text that is split at nothing; Java makes one."""
    if delimiter.literal:
        return f"string_split({text.sql}, {delimiter.sql})"

    def body(x: str, d: str) -> str:
        return f"CASE WHEN {x} = '' AND {d} = '' THEN [{x}] ELSE string_split({x}, {d}) END"

    return let(text.sql, lambda x: let(delimiter.sql, lambda d: body(x, d)))


def split_to_map(text: TypedSql, entries: TypedSql, pairs: TypedSql) -> str:
    """The last value of a key counts; what follows a second pair delimiter is dropped."""

    def body(e: str, p: str) -> str:
        found = each(
            f"list_filter(string_split({text.sql}, {e}), lambda _e: contains(_e, {p}))",
            lambda x: f"string_split({x}, {p})",
        )
        keep = "NOT list_contains(list_transform(_l[_i + 1:], lambda _m: _m[1]), _k[1])"
        last = let(found, lambda x: _keep_last(x, keep))
        made = f"map_from_entries({each(last, lambda x: f'({x}[1], {x}[2])')})"
        return f"CASE WHEN {e} <> '' AND {p} <> '' AND {e} <> {p} THEN {made} END"

    return named(entries, lambda e: named(pairs, lambda p: body(e, p)))


def _keep_last(x: str, keep: str) -> str:
    return f"list_filter({x}, lambda _k, _i: {keep.replace('_l', x)})"


def _pad(side: str, type_: str) -> Signature:
    return signature(
        f"{type_}, INTEGER, {type_} -> {type_}",
        lambda v, n, p: pad(side, v, n, p),
        throws=True,
        nulls=GUARDED,
    )


ENTRIES = (
    scalar(
        "STARTS_WITH",
        signature("STRING, STRING -> BOOLEAN", "starts_with({0}, {1})"),
        signature("BYTES, BYTES -> BOOLEAN", "starts_with(hex({0}), hex({1}))"),
        doc="Whether a text or bytes begin with others. ksqlDB has only LIKE, whose wildcards a"
        " prefix may hold.",
        examples=[("STARTS_WITH('50% off', '50%')", "true"), ("STARTS_WITH('a', 'ab')", "false")],
        ksqldb=False,
    ),
    scalar(
        "len",
        signature("STRING -> INTEGER", length),
        signature("BYTES -> INTEGER", length),
        doc="The length of a text in UTF-16 units, or of bytes.",
        examples=[("LEN('four')", "4"), ("LEN('😀')", "2")],
    ),
    scalar(
        "substring",
        signature("STRING, INTEGER -> STRING", substring, nulls=GUARDED),
        signature("STRING, INTEGER, INTEGER -> STRING", substring, nulls=GUARDED),
        signature("BYTES, INTEGER -> BYTES", substring, nulls=GUARDED),
        signature("BYTES, INTEGER, INTEGER -> BYTES", substring, nulls=GUARDED),
        doc="The part from a position on, counted from 1, or from the end if negative.",
        examples=[
            ("SUBSTRING('stream', 1, 4)", '"stre"'),
            ("SUBSTRING('stream', -3)", '"eam"'),
        ],
    ),
    scalar(
        "instr",
        signature("STRING, STRING -> INTEGER", instr, nulls=CALLED),
        signature("STRING, STRING, INTEGER -> INTEGER", instr, throws=True, nulls=CALLED),
        signature("STRING, STRING, INTEGER, INTEGER -> INTEGER", instr, throws=True, nulls=CALLED),
        doc="Where a text is found in another, from 1; 0 where it is not. A position says where the"
        " search begins, a negative one that it runs to the left; an occurrence, which match.",
        examples=[
            ("INSTR('corporate floor', 'or', 4)", "5"),
            ("INSTR('corporate floor', 'or', -4, 2)", "2"),
        ],
    ),
    scalar(
        "LPad",
        _pad("lpad", "STRING"),
        _pad("lpad", "BYTES"),
        doc="The value with padding before it up to a length; cut where it is longer.",
        examples=[("LPAD('foo', 7, 'Bar')", '"BarBfoo"'), ("LPAD('foo', 2, 'Bar')", '"fo"')],
    ),
    scalar(
        "RPad",
        _pad("rpad", "STRING"),
        _pad("rpad", "BYTES"),
        doc="The value with padding after it up to a length; cut where it is longer.",
        examples=[("RPAD('foo', 7, 'Bar')", '"fooBarB"'), ("RPAD('foo', 7, '')", "null")],
    ),
    scalar(
        "concat",
        signature("STRING… -> STRING", concat, nulls=CALLED),
        signature("BYTES… -> BYTES", concat, nulls=CALLED),
        doc="The values one after the other; NULLs are left out.",
        examples=[
            ("CONCAT('stream', NULL, 'sql')", '"streamsql"'),
            ("CONCAT('stream')", "null"),
        ],
    ),
    scalar(
        "concat_ws",
        signature("STRING, STRING… -> STRING", concat_ws, nulls=CALLED),
        signature("BYTES, BYTES… -> BYTES", concat_ws, nulls=CALLED),
        doc="The values with the first one between them; NULLs are left out.",
        examples=[
            ("CONCAT_WS('-', 'a', NULL, 'b')", '"a-b"'),
            ("CONCAT_WS(NULL, 'a')", "null"),
            ("CONCAT_WS('-')", "null"),
        ],
    ),
    scalar(
        "replace",
        signature("STRING, STRING, STRING -> STRING", replace, nulls=GUARDED),
        doc="The text with each occurrence of one text replaced by another.",
        examples=[("REPLACE('anaconda', 'a', 'o')", '"onocondo"')],
    ),
    scalar(
        "reverse",
        signature("STRING -> STRING", reverse),
        doc="The characters in the opposite order.",
        examples=[("REVERSE('stream')", '"maerts"')],
    ),
    scalar(
        "trim",
        signature("STRING -> STRING", trim),
        doc="The text without blanks and control characters before and after it.",
        examples=[("TRIM('  a b ')", '"a b"')],
    ),
    scalar(
        "split",
        signature("STRING, STRING -> ARRAY<STRING>", split, nulls=GUARDED),
        signature("BYTES, BYTES -> ARRAY<BYTES>", split, nulls=GUARDED),
        doc="The parts between the delimiters; all characters or bytes where it is empty.",
        examples=[("SPLIT('a.b.', '.')", '["a","b",""]'), ("SPLIT('abc', '')", '["a","b","c"]')],
    ),
    scalar(
        "split_to_map",
        signature("STRING, STRING, STRING -> MAP<STRING, STRING>", split_to_map, nulls=GUARDED),
        doc="A map of a text's entries, split at the first delimiter, and each at the second.",
        examples=[("SPLIT_TO_MAP('a:1/b:2', '/', ':')", '{"a":"1","b":"2"}')],
    ),
)
