"""Law 10: a kernel that loops over rows in Python says so, is listed here, is shown by EXPLAIN, and
is given no row by a benchmark.

JSON's slow reader stands in the plan of each benchmark, in a CASE: DuckDB gives it those records
that `from_json` cannot be proved right for. So the plan's text does not decide; what counts is the
rows that slow kernels are given while the generator's records run through the query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmarks import nexmark
from streamsql.brokers.log import APPENDED
from streamsql.plan.kernels import KERNELS
from streamsql.session import engine
from streamsql.testing.driver import Driver

FAST = {"streamsql_wide_capitals", "streamsql_murmur2", "streamsql_write_protobuf"}
SLOW = {
    *("streamsql_like", "streamsql_set_scale"),
    *("streamsql_format_instant", "streamsql_format_days", "streamsql_format_time"),
    *("streamsql_parse_instant", "streamsql_parse_date", "streamsql_parse_days"),
    *("streamsql_parse_time", "streamsql_convert_zone"),
    *("streamsql_mend_utf8", "streamsql_unescape_java", "streamsql_lossy_text"),
    *("streamsql_url_part", "streamsql_url_decode"),
    *("streamsql_extract_json", "streamsql_is_json", "streamsql_json_length"),
    *("streamsql_json_contains_text", "streamsql_json_contains_integer"),
    *("streamsql_json_contains_bigint", "streamsql_json_contains_double"),
    *("streamsql_json_contains_boolean", "streamsql_json_concat", "streamsql_json_items"),
    *("streamsql_json_keys", "streamsql_json_records"),
    *("streamsql_regexp_extract", "streamsql_regexp_extract_all"),
    *("streamsql_regexp_replace", "streamsql_regexp_split"),
    *("streamsql_read_json", "streamsql_read_delimited"),
    *("streamsql_read_msgpack", "streamsql_write_msgpack"),
}
QUERIES = sorted((Path(__file__).resolve().parents[2] / "benchmarks" / "queries").glob("*.sql"))
SPEC = nexmark.Spec(bids=460)
MALFORMED = b'{"auction": 12345678901234567890123, "price": 1}'


def test_slow_kernels_are_those_listed() -> None:
    assert {k.name for k in KERNELS if k.slow} == SLOW
    assert {k.name for k in KERNELS if not k.slow} == FAST


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Rows that each slow kernel was given, of engines that are opened from now on."""
    rows: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arrays: Any) -> Any:
            rows[name] += len(arrays[0])
            return function(*arrays)

        return call

    counted = [replace(k, function=counting(k.name, k.function)) if k.slow else k for k in KERNELS]
    monkeypatch.setattr(engine, "KERNELS", tuple(counted))
    return rows


def run_query(text: str, emission: str, extra: bytes | None = None) -> int:
    """Runs the generator's records through a script; gives the records that its queries read."""
    driver = Driver({"cache.max.bytes.buffering": emission})
    try:
        for kind in nexmark.KINDS:
            driver.create_topic(kind, 1)
            driver.produce(kind, appended(nexmark.records(SPEC, kind, 0, SPEC.count(kind))))
        driver.execute(text, settle=False)
        if extra is not None:
            row = {"partition": 0, "timestamp": 0, "key": None, "value": extra, "headers": None}
            driver.produce("bid", pa.Table.from_pylist([row], schema=APPENDED))
        driver.settle()
        return sum(q.records_in for q in driver.engine.runtime.queries.values())
    finally:
        driver.close()


def appended(records: pa.Table) -> pa.Table:
    """The generator's keys, values and times as a log takes them."""
    keys, values, times = records.columns
    size = len(records)
    columns = [
        pa.nulls(size, pa.int32()),
        times.cast(pa.int64()),
        keys.cast(pa.binary()),
        values.cast(pa.binary()),
        pa.nulls(size, APPENDED.field("headers").type),
    ]
    return pa.table(columns, schema=APPENDED)


# `agg_keyed` has records of its own (benchmarks/state).
@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [p for p in QUERIES if p.stem != "agg_keyed"], ids=lambda p: p.stem
)
def test_a_benchmark_gives_slow_kernels_no_row(path: Path, given: Counter[str]) -> None:
    read = run_query(path.read_text(encoding="utf-8"), "10000000")
    assert read >= SPEC.count("person")
    assert +given == Counter()


def test_a_slow_row_is_seen(given: Counter[str]) -> None:
    text = (QUERIES[0].parent / "q0.sql").read_text(encoding="utf-8")
    run_query(text, "0", extra=MALFORMED)
    assert +given == Counter({"streamsql_read_json": 1})


def test_a_slow_function_is_seen(given: Counter[str]) -> None:
    text = (QUERIES[0].parent / "q0.sql").read_text(encoding="utf-8")
    call = "SELECT PARSE_TIMESTAMP(CAST(date_time AS STRING), 'yyyy') AS t, auction,"
    run_query(text.replace("SELECT auction,", call), "0")
    assert given["streamsql_parse_instant"] >= SPEC.bids


def explained(select: str) -> str:
    driver = Driver()
    try:
        driver.execute(
            "CREATE STREAM s (n INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='KAFKA', PARTITIONS=1);"
        )
        (text,) = driver.execute(f"EXPLAIN SELECT {select} FROM s EMIT CHANGES;")
        return text.body  # type: ignore[attr-defined]
    finally:
        driver.close()


def test_explain_shows_what_is_slow() -> None:
    by_row = explained("REGEXP_SPLIT_TO_ARRAY(CAST(n AS STRING), '(?=1)2')")
    assert "(slow: streamsql_regexp_split loops" in by_row
    assert "slow" not in explained("REGEXP_SPLIT_TO_ARRAY(CAST(n AS STRING), '(1|2)+3')")
