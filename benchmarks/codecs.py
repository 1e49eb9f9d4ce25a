"""How fast formats read and write: CPU time a record of the DuckDB text that operators compose.

    BENCH_RECORDS=200000 python -m benchmarks.codecs

A record is a bid of about 200 bytes with seven fields. Records come as Arrow columns of bytes,
65,536 a batch, and leave as Arrow columns of values; writing is the way back. One thread. Results
go to `results/codecs.json`: a list of objects with `case`, `records`, `cpu_seconds` (the best of
some rounds) and `records_per_second`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from streamsql.engine.reading import read_batch
from streamsql.formats import FORMATS, KERNELS
from streamsql.formats.format import READ, Decode, FormatOptions
from streamsql.schema.column import Column
from streamsql.schema.types import BIGINT, DOUBLE, STRING, Decimal, Field, SqlType, Struct

__all__ = ["CASES", "Case", "connect", "count_careful", "main", "measure_case"]

RESULTS = Path(__file__).resolve().parent / "results" / "codecs.json"
BATCH = 65_536
ROUNDS = 3
"""The best of so many: what else the machine does only slows down."""

BID: tuple[tuple[str, SqlType, str], ...] = (
    ("auction", BIGINT, "1000 + i % 1000"),
    ("bidder", BIGINT, "2000 + i % 777"),
    ("price", BIGINT, "i * 37 % 100000"),
    ("channel", STRING, "'channel-' || i % 9999"),
    ("url", STRING, "'https://www.nexmark.com/item.htm?query=1&channel_id=' || i"),
    ("date_time", BIGINT, "1600000000000 + i"),
    ("extra", STRING, "repeat('sdkfjh', 9)"),
)
"""A bid's fields: name, type, and DuckDB text of bid `i`."""

COLUMNS = tuple(Column(name.upper(), type_, name) for name, type_, _ in BID)
NAMES = tuple(c.name for c in COLUMNS)
THREE = NAMES[:3]
USER = Column("USER", Struct((Field("ID", BIGINT, "id"), Field("NAME", STRING, "name"))), "user")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One measurement. `record`: DuckDB text of record `i` as VARCHAR or BLOB, which is read; or of
    each column's value where columns are written."""

    name: str
    format: str
    columns: tuple[Column, ...]
    record: str | tuple[str, ...]
    wanted: tuple[str, ...] = ()


def _object(names: Sequence[str], colon: str = ":", comma: str = ",", more: str = "") -> str:
    """DuckDB text of a bid as a JSON object."""
    parts = []
    for i, (name, (_, type_, text)) in enumerate(zip(names, BID, strict=True)):
        value = f"'\"' || ({text}) || '\"'" if type_ == STRING else f"({text})"
        parts.append(f"'{comma if i else '{'}\"{name}\"{colon}' || {value}")
    return f"{' || '.join(parts)} || '{more}}}'"


_LOWER = [name for name, _, _ in BID]
_CAMEL = [name.replace("date_time", "dateTime").replace("bidder", "bidderId") for name in _LOWER]
_CAMEL_COLUMNS = tuple(
    Column(name.upper(), type_, name) for name, (_, type_, _) in zip(_CAMEL, BID, strict=True)
)
_LINE = " || ',' || ".join(f"({text})" for _, _, text in BID)
_VALUES = tuple(text for _, _, text in BID)
_DECIMAL = (*COLUMNS[:2], Column("PRICE", Decimal(22, 3)), *COLUMNS[3:])
_DECIMAL_VALUES = (*_VALUES[:2], "(i * 37 % 100000 * 0.908)::DECIMAL(22, 3)", *_VALUES[3:])
_DOUBLE = (*COLUMNS[:2], Column("PRICE", DOUBLE), *COLUMNS[3:])
_DOUBLE_VALUES = (*_VALUES[:2], "(i * 37 % 100000) / 7.0", *_VALUES[3:])


def _reads(
    name: str, record: str, wanted: Sequence[str], columns: Sequence[Column] = COLUMNS
) -> Case:
    format_ = name.partition(" ")[0]
    return Case(
        name=name, format=format_, columns=tuple(columns), record=record, wanted=tuple(wanted)
    )


def _writes(name: str, values: tuple[str, ...], columns: Sequence[Column] = COLUMNS) -> Case:
    return Case(name=name, format=name.partition(" ")[0], columns=tuple(columns), record=values)


CASES = (
    _reads("JSON read 3 of 7", _object(_LOWER), THREE),
    _reads("JSON read 7 of 7", _object(_LOWER), NAMES),
    _reads("JSON read 3 of 7, names in capitals", _object(NAMES), THREE),
    _reads(
        "JSON read 3 of 7, camelCase",
        _object(_CAMEL),
        ("AUCTION", "BIDDERID", "DATETIME"),
        _CAMEL_COLUMNS,
    ),
    _reads("JSON read 3 of 7, spaces", _object(_LOWER, ": ", ", "), THREE),
    _reads("JSON read 3 of 7, an escape", _object(_LOWER, more=',"note":"\\t"'), THREE),
    _reads(
        "JSON read 3 of 7 and a STRUCT",
        _object(_LOWER, more=',"user":{"id":7,"name":"x"}'),
        (*THREE, "USER"),
        (*COLUMNS, USER),
    ),
    _reads(
        "JSON read 3 of 7, record by record",
        _object([name.replace("auction", "\\u0061uction") for name in _LOWER]),
        THREE,
    ),
    _writes("JSON write 7", _VALUES),
    _writes("JSON write 7, one DECIMAL", _DECIMAL_VALUES, _DECIMAL),
    _writes("JSON write 7, one DOUBLE", _DOUBLE_VALUES, _DOUBLE),
    _reads("DELIMITED read 3 of 7", _LINE, THREE),
    _reads("DELIMITED read 7 of 7", _LINE, NAMES),
    _reads("DELIMITED read 3 of 7, record by record", f"{_LINE} || '\"\"'", THREE),
    _writes("DELIMITED write 7", _VALUES),
    _reads("KAFKA read BIGINT", "(i::BIGINT)::BIT::BLOB", NAMES[:1], COLUMNS[:1]),
    _reads("KAFKA read STRING", BID[4][2], ("URL",), COLUMNS[4:5]),
    _writes("KAFKA write BIGINT", _VALUES[:1], COLUMNS[:1]),
    _writes("KAFKA write STRING", _VALUES[4:5], COLUMNS[4:5]),
)


def connect() -> duckdb.DuckDBPyConnection:
    """A connection of one thread on which the formats' text runs."""
    con = duckdb.connect(config={"threads": 1})
    for kernel in KERNELS:
        con.create_function(
            kernel.name,
            kernel.function,
            None if kernel.parameters is None else list(kernel.parameters),
            kernel.returns,
            type="arrow",
            null_handling="special",
        )
    return con


def measure_case(con: duckdb.DuckDBPyConnection, case: Case, records: int) -> float:
    """CPU seconds that the case's records take, the best of some rounds."""
    batches = [
        con.sql(f"SELECT {_inputs(case)} FROM range({at}, {min(at + BATCH, records)}) r(i)")
        .to_arrow_table()
        .combine_chunks()
        for at in range(0, records, BATCH)
    ]
    return min(_run(con, case, batches) for _ in range(ROUNDS))


def _inputs(case: Case) -> str:
    if isinstance(case.record, str):
        is_text = "::BLOB" not in case.record
        return f"encode({case.record}) AS _val" if is_text else f"{case.record} AS _val"
    return ", ".join(f"{text} AS c{i}" for i, text in enumerate(case.record))


def _decode(case: Case) -> Decode:
    return FORMATS[case.format].decode('"_val"', case.columns, FormatOptions(), wanted=case.wanted)


def _encode_statement(case: Case) -> str:
    names = [f"c{i}" for i in range(len(case.columns))]
    format_ = FORMATS[case.format]
    encoded = format_.encode(case.columns, names, FormatOptions(), target="_val")
    return f"SELECT {encoded.sql} AS _val FROM batch"


def count_careful(con: duckdb.DuckDBPyConnection, case: Case, records: int) -> int:
    """How many of the case's records DuckDB's way is not sure of; they are read one by one."""
    made = _decode(case)
    decoded = made.rest or made
    batch = f"(SELECT {_inputs(case)} FROM range({records}) r(i))"
    sql = f"SELECT count(*) FROM {_nested(decoded, batch)} WHERE NOT _d_value_right"
    return con.execute(sql).fetchall()[0][0]


def _compose(decoded: Decode) -> str:
    """The statement of a batch, as a source puts it together."""
    asked = [f"{text} AS v{i}" for i, text in enumerate(decoded.columns) if text != "NULL"]
    texts = ", ".join([*asked, f"{decoded.error} AS error"])
    return f"SELECT {texts} FROM {_nested(decoded, 'batch')}"


def _compose_rest(decoded: Decode, rest: Decode) -> str:
    """The statement of the records that a kernel leaves."""
    columns = ", ".join(f"{text} AS {name}" for name, text in decoded.rest_columns())
    return f"SELECT {columns} FROM {_nested(rest, 'batch')}"


def _nested(decoded: Decode, relation: str) -> str:
    for stage in decoded.stages:
        texts = ", ".join(f"{text} AS {name}" for name, text in stage)
        relation = f"(SELECT *, {texts} FROM {relation})"
    return relation


def _run(con: duckdb.DuckDBPyConnection, case: Case, batches: list[pa.Table]) -> float:
    reads = isinstance(case.record, str)
    decoded = _decode(case) if reads else None
    statement = _compose(decoded) if decoded else _encode_statement(case)
    started = time.process_time()
    for batch in batches:
        given = batch
        if decoded and decoded.kernel and decoded.rest:
            left = partial(_query, con, _compose_rest(decoded, decoded.rest))
            given = read_batch(batch, decoded.kernel, READ, left)
        _query(con, statement, given)
    return time.process_time() - started


def _query(con: duckdb.DuckDBPyConnection, statement: str, batch: pa.Table) -> pa.Table:
    con.register("batch", batch)
    try:
        return con.sql(statement).to_arrow_table()
    finally:
        con.unregister("batch")


def _measure_all(records: int) -> Iterator[dict[str, object]]:
    con = connect()
    for case in CASES:
        count = records // 10 if "record by record" in case.name else records
        seconds = measure_case(con, case, count)
        yield {
            "case": case.name,
            "records": count,
            "cpu_seconds": round(seconds, 4),
            "records_per_second": round(count / seconds),
        }


def main() -> int:
    """Measures, prints a table and writes the results."""
    records = int(os.environ.get("BENCH_RECORDS") or "1000000")
    rows = []
    print(f"{'case':<44}{'records/s':>12}{'CPU µs':>9}")
    for row in _measure_all(records):
        per_second = row["records_per_second"]
        assert isinstance(per_second, int)
        print(f"{row['case']:<44}{per_second:>12,}{1e6 / per_second:>9.2f}", flush=True)
        rows.append(row)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
