"""JSON: a record is an object, or one bare value (a key of one column, WRAP_SINGLE_VALUE=false).

Numbers carry DATE (days), TIME and TIMESTAMP (milliseconds), base64 strings carry BYTES, and a
DECIMAL is a number with all its digits (ksqlDB docs: reference/serialization). What is read as
what, and what is an error, stands in `json_record.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from streamsql.formats.carried import carrier_type, lift
from streamsql.formats.format import Decode, Encode, FormatOptions
from streamsql.formats.json_laid_out import with_layouts
from streamsql.formats.json_proof import can_prove
from streamsql.formats.json_read import FIRST_LEVEL, FastRead, read_object, read_value
from streamsql.formats.json_record import describe, described_reader, read_record
from streamsql.formats.json_write import object_text, value_text
from streamsql.formats.kernel import ERROR, Kernel, read_each
from streamsql.formats.rules import check_columns, is_wrapped, map_key_problem
from streamsql.formats.text import strict_text
from streamsql.schema.column import Column
from streamsql.schema.duck import literal
from streamsql.schema.types import Field, Struct

NAME = "JSON"


class JsonFormat:
    """The format of JSON without a registry."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def configs(self) -> frozenset[str]:
        return frozenset()

    def check(self, columns: Sequence[Column], options: FormatOptions) -> None:
        check_columns(columns, options, name=NAME, reason=_reason)

    def decode(
        self,
        source: str,
        columns: Sequence[Column],
        options: FormatOptions,
        *,
        wanted: Sequence[str],
    ) -> Decode:
        if not columns:
            return Decode(stages=(), columns=())
        plain = self.decode_text(source, columns, options, wanted=wanted)
        return with_layouts(plain, source, columns, options, wanted=wanted)

    def decode_text(
        self,
        source: str,
        columns: Sequence[Column],
        options: FormatOptions,
        *,
        wanted: Sequence[str],
    ) -> Decode:
        """How records of any layout become columns: DuckDB text."""
        prefix = f"_d_{options.side}_"
        wrapped = is_wrapped(columns, options)
        fields = tuple(Field(c.name, c.type, c.written) for c in columns)
        fast = FastRead(prefix)
        text = fast.add(0, "text", strict_text(source))
        if not can_prove(Struct(fields)):
            fast.holds.append("false")
            quick = ["NULL"] * len(fields)
        elif wrapped:
            quick = read_object(fast, text, fields, frozenset(wanted), FIRST_LEVEL)
        else:
            quick = [read_value(fast, text, columns[0].type)]
        last = len(fast.stages)
        held = " AND ".join(f"({condition})" for condition in fast.holds)
        right = fast.add(last, "right", f"coalesce({text} IS NOT NULL AND {held}, false)")
        kernel = f"{READ.name}({source}, {literal(describe(Struct(fields), wrapped=wrapped))})"
        careful = fast.add(
            last + 1, "careful", f"CASE WHEN {source} IS NOT NULL AND NOT {right} THEN {kernel} END"
        )
        carried = {f"c{i}": carrier_type(c.type) for i, c in enumerate(columns) if c.name in wanted}
        structure = literal(json.dumps(carried or {"c0": "JSON"}, ensure_ascii=False))
        record = fast.add(
            last + 2,
            "record",
            f"CASE WHEN starts_with({careful}, '{{') THEN from_json({careful}, {structure}) END",
        )
        return Decode(
            stages=tuple(tuple(stage) for stage in fast.stages),
            columns=tuple(
                f"CASE WHEN {right} THEN {text} ELSE {lift(f'{record}.c{i}', c.type)} END"
                if c.name in wanted
                else "NULL"
                for i, (c, text) in enumerate(zip(columns, quick, strict=True))
            ),
            error=f"CASE WHEN starts_with({careful}, '{ERROR}') THEN substr({careful}, 2) END",
            null=f"coalesce({careful} = 'null', false)",
            slow=True,
        )

    def encode(
        self,
        columns: Sequence[Column],
        values: Sequence[str],
        options: FormatOptions,
        *,
        target: str,
    ) -> Encode:
        if not columns:
            return Encode(sql="NULL::BLOB" if options.side == "key" else "encode('{}')")
        if is_wrapped(columns, options):
            return Encode(sql=f"encode({object_text(columns, values)})")
        (column,), (value,) = columns, values
        text = value_text(f"({value})", column.type)
        return Encode(sql=f"CASE WHEN ({value}) IS NOT NULL THEN encode({text}) END")


def _reason(columns: Sequence[Column]) -> str:
    if any(map_key_problem(c.type) for c in columns):
        return f"{NAME} only supports MAP types with STRING keys"
    return ""


def _read(records: Any, described: Any) -> Any:
    return read_each(records, described, described_reader, read_record)


READ = Kernel(
    name="streamsql_read_json",
    parameters=("BLOB", "VARCHAR"),
    returns="VARCHAR",
    function=_read,
    slow=True,
)
"""Canonical text of a record, `null`, or what is wrong with it after `!`."""

FORMAT = JsonFormat()
KERNELS = (READ,)
