"""JSON records that are laid out alike, read a batch at a time: the fast path of the JSON format.

Values are cut out where a layout has its slots, and parsed as Arrow columns. One that is not
plainly right (a number with a leading zero, out of range, with more digits than its DECIMAL) leaves
its record unread; so does a batch of more layouts than are tried. What is left is read by
`json_read.py`, which gives the same of every record, only later.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsql.formats.arrow_column import arrow_type, carried_column
from streamsql.formats.format import READ, Decode, FormatOptions
from streamsql.formats.framed import merged
from streamsql.formats.json_layout import INTEGERS, Kind, Layout, can_lay_out, layout_of
from streamsql.formats.json_match import Block, Match, Places, block_of, match_layout
from streamsql.formats.json_parse import clean
from streamsql.formats.rules import is_wrapped
from streamsql.formats.wire import Arrow, Bytes, Ints, Mask, nulls, whole_array
from streamsql.schema.column import Column
from streamsql.schema.duck import DECIMAL_PRECISION_MAX
from streamsql.schema.types import BIGINT, BOOLEAN, DOUBLE, Decimal, Field, Scalar, SqlType

BLOCK_ROWS = 8192
"""So many records are looked at in one go: their bytes stay in the processor's cache."""

LAYOUTS_MAX = 8
"""Layouts that are tried: those that were met last."""

_ZERO, _ONE, _NINE = (np.uint8(byte) for byte in b"019")
_INTEGER = r"-?(?:0|[1-9][0-9]{0,17})"
_ESCAPED = r'^(?:[^\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*$'
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"


def with_layouts(
    plain: Decode,
    source: str,
    columns: Sequence[Column],
    options: FormatOptions,
    *,
    wanted: Sequence[str],
    skip: int = 0,
) -> Decode:
    """`plain` for the records that have no layout, and for columns that slots do not know."""
    fields = [Field(c.name, c.type, c.written) for c in columns]
    if not is_wrapped(columns, options) or not can_lay_out(fields):
        return plain
    prefix = f"_d_{options.side}_"
    texts = [f"{prefix}c{i}" if c.name in wanted else "NULL" for i, c in enumerate(columns)]
    return Decode(
        stages=(),
        columns=tuple(texts),
        error=f"{prefix}error",
        null=f"{prefix}null",
        kernel=LayoutReader(source.strip('"'), prefix, fields, wanted, skip=skip),
        after=(*(t for t in texts if t != "NULL"), f"{prefix}error", f"{prefix}null"),
        rest=plain,
    )


# Values


def _unescape(
    block: Block, match: Match, number: int, values: Arrow | None
) -> tuple[Arrow | None, Mask | None]:
    """(strings with their escapes read, which of them are plainly right: None for all) of a slot;
    no strings where nobody wants them."""
    rows, raw = match.slashed(block, number)
    if not len(rows):
        return values, None
    good = np.ones(len(match.rows), np.bool_)
    good[rows] = pc.match_substring_regex(raw, _ESCAPED).to_numpy(zero_copy_only=False)
    if values is not None:
        read = zip(raw.to_pylist(), good[rows].tolist(), strict=True)
        found = [_read_escapes(text) if right else None for text, right in read]
        mask = np.zeros(len(match.rows), np.bool_)
        mask[rows] = True
        values = pc.replace_with_mask(values, pa.array(mask), pa.array(found, pa.string()))
    return values, good


def _read_escapes(text: str) -> str:
    return clean(json.loads(f'"{text}"')) if "\\" in text else text


def _is_word(block: Block, match: Match, number: int) -> Mask | None:
    """Whether a value of no column is plainly right; None for all."""
    texts = match.texts[number]
    if texts is None:
        return None
    good = np.ones(len(match.rows), np.bool_)
    rows = np.flatnonzero(~texts)
    words = pc.match_substring_regex(
        match.bare(block, number, rows), f"^(?:{_NUMBER}|true|false|null)$"
    )
    good[rows] = words.to_numpy(zero_copy_only=False)
    return good


def _read_bare(
    block: Block, match: Match, number: int, type_: SqlType
) -> tuple[Arrow, Mask | None]:
    """(values, which of them are plainly right: None for all) of a column that is no STRING."""
    text = match.bare(block, number)
    match type_:
        case Scalar() if type_ in INTEGERS:
            plain = _is_plain(block.data, match.starts[number], match.ends[number])
            return _integers(text, plain, type_)
        case Decimal(precision, scale):
            whole = min(precision, DECIMAL_PRECISION_MAX) - scale
            digits = rf"(?:0|[1-9][0-9]{{0,{whole - 1}}})" if whole else "0"
            fraction = rf"(?:\.[0-9]{{1,{scale}}})?" if scale else ""
            return _numbers(text, f"-?{digits}{fraction}", arrow_type(type_))
        case _ if type_ == DOUBLE:
            values, good = _numbers(text, _NUMBER, pa.float64())
            # A JSON number has no negative zero for ksqlDB.
            values = pc.add(values, 0.0)
            return values, good & pc.is_finite(values).fill_null(True).to_numpy(
                zero_copy_only=False
            )
        case _ if type_ == BOOLEAN:
            good = pc.is_in(text, pa.array(["true", "false", "null"]))
            truth = pc.if_else(_is(text, "null"), None, _is(text, "true"))
            return truth, good.to_numpy(zero_copy_only=False)
        case _:
            raise AssertionError(type_)


def _is_plain(data: Bytes, starts: Places, ends: Places) -> bool:
    """Whether all numbers begin with a digit, and with a zero only where it is all."""
    first = data[starts]
    plain = (first - _ONE <= _NINE - _ONE) & (ends > starts)
    return bool(plain.all() or (plain | ((first == _ZERO) & (ends - starts == 1))).all())


def _integers(text: Arrow, plain: bool, type_: Scalar) -> tuple[Arrow, Mask | None]:
    good: Mask | None = None
    try:
        values = text.cast(pa.int64()) if plain else None
    except pa.ArrowInvalid:
        values = None
    if values is None:
        values, good = _numbers(text, _INTEGER, pa.int64())
    if type_ == BIGINT:
        return values, good
    there = values.is_valid()
    wrong: list[Mask] = []
    carried = carried_column(
        values.fill_null(0).to_numpy(), type_, lambda rows, _: wrong.append(rows)
    )
    if wrong:
        good = ~wrong[0] if good is None else good & ~wrong[0]
    return (carried if there.true_count == len(there) else pc.if_else(there, carried, None)), good


def _numbers(text: Arrow, pattern: str, type_: pa.DataType) -> tuple[Arrow, Mask]:
    """Numbers that match; NULL where the text is `null`, and where it is not right."""
    matches = pc.match_substring_regex(text, f"^(?:{pattern})$")
    good = pc.or_(matches, _is(text, "null"))
    values = pc.if_else(matches, text, None).cast(type_)
    return values, good.to_numpy(zero_copy_only=False)


def _is(text: Arrow, word: str) -> Arrow:
    return pc.equal(text, pa.scalar(word))


def _read_slots(
    block: Block, match: Match, layout: Layout, fields: Sequence[Field], wanted: frozenset[int]
) -> tuple[Ints, list[Arrow | None]]:
    """(rows, columns) of a match, without the records that have a value which is not plainly right;
    None for a column that is not wanted."""
    count = len(match.rows)
    columns: list[Arrow | None] = [
        nulls(count, arrow_type(f.type)) if i in wanted else None for i, f in enumerate(fields)
    ]
    right: Mask | None = None
    for number, slot in enumerate(layout.slots):
        values: Arrow | None = None
        good: Mask | None = None
        if slot.kind == Kind.TEXT:
            values = match.text(block, number) if slot.column in wanted else None
            values, good = _unescape(block, match, number, values)
        elif slot.column is None:
            _, good = _unescape(block, match, number, None)
            words = _is_word(block, match, number)
            good = words if good is None else good if words is None else good & words
        else:
            values, good = _read_bare(block, match, number, fields[slot.column].type)
        if good is not None:
            right = good if right is None else right & good
        if slot.column is not None and slot.column in wanted:
            columns[slot.column] = values
    if right is None or right.all():
        return match.rows, columns
    chosen = pa.array(right)
    kept = [None if values is None else values.filter(chosen) for values in columns]
    return match.rows[right], kept


# A batch


class LayoutReader:
    """A decoding kernel for records in the column `source`, which begin with `skip` bytes of
    something else: zero, and a schema's id.

    It adds `<prefix>c0`, … for the wanted columns, `<prefix>error` and `<prefix>null`, and READ.
    """

    def __init__(
        self,
        source: str,
        prefix: str,
        fields: Sequence[Field],
        wanted: Collection[str],
        *,
        skip: int = 0,
    ) -> None:
        self._source = source
        self._prefix = prefix
        self._fields = tuple(fields)
        self._wanted = frozenset(i for i, f in enumerate(fields) if f.name in wanted)
        self._skip = skip
        # For speed only: what is read does not depend on it.
        self._met: list[Layout] = []

    def __call__(self, table: pa.Table) -> pa.Table:
        array = whole_array(table.column(self._source))
        count = len(array)
        cuts = range(0, count, BLOCK_ROWS) or range(1)
        blocks = [self._read_block(array.slice(at, BLOCK_ROWS)) for at in cuts]
        for i in sorted(self._wanted):
            parts: Arrow = [columns[i] for _, columns in blocks]
            table = table.append_column(f"{self._prefix}c{i}", pa.chunked_array(parts))
        read = np.concatenate([read for read, _ in blocks])
        table = table.append_column(f"{self._prefix}error", nulls(count, pa.string()))
        table = table.append_column(f"{self._prefix}null", pa.array(np.zeros(count, np.bool_)))
        return table.append_column(READ, pa.array(read))

    def _read_block(self, records: Arrow) -> tuple[Mask, list[Arrow | None]]:
        """(which were read, columns) of some records."""
        count = len(records)
        block, left = block_of(records, self._skip)
        parts: list[tuple[Ints, Sequence[Arrow | None]]] = []
        for layout in self._met:
            left = self._read_like(block, left, layout, parts)
        tried = -1
        for _ in range(LAYOUTS_MAX):
            waiting = left[left > tried]
            if not len(waiting):
                break
            tried = int(waiting[0])
            record = block.data[block.starts[tried] : block.ends[tried]].tobytes()
            layout = layout_of(record, self._fields)
            if layout is not None and layout not in self._met:
                self._met = [layout, *self._met[: LAYOUTS_MAX - 1]]
                left = self._read_like(block, left, layout, parts)
        # Of a record without a value nothing is to be read.
        read = records.is_null().to_numpy(zero_copy_only=False)
        for rows, _ in parts:
            read[rows] = True
        return read, merged(parts, self._fields, count, wanted=self._wanted)

    def _read_like(
        self,
        block: Block,
        left: Ints,
        layout: Layout,
        parts: list[tuple[Ints, Sequence[Arrow | None]]],
    ) -> Ints:
        """Reads the rows that the layout holds into `parts`; gives the others."""
        if not len(left):
            return left
        match = match_layout(block, left, layout)
        if not len(match.rows):
            return left
        rows, columns = _read_slots(block, match, layout, self._fields, self._wanted)
        if len(rows):
            parts.append((rows, columns))
        return np.setdiff1d(left, rows, assume_unique=True) if len(rows) < len(left) else left[:0]
