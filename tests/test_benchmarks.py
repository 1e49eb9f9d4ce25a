"""The benchmarks measure what they say: the generator repeats itself, the digest sees a change and
no order, a query file is read right, and a run leaves the agreed objects."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from benchmarks import floor, nexmark, program, query, settings
from benchmarks.digest import canonical, digest, row_records
from benchmarks.measure import Failed, measure
from benchmarks.table import format_table
from tests.kafka.broker import Broker

AGREED = (
    *("query", "broker", "engine", "mode", "records_in", "records_out", "seconds"),
    *("cpu_seconds", "peak_rss_mb", "digest"),
)


def values(spec: nexmark.Spec, kind: str, **how: int) -> list[bytes]:
    tables = [table for made, table in nexmark.rounds(spec, (kind,), **how) if made == kind]
    return pa.concat_tables(tables)["value"].to_pylist()


# --- the generator


@pytest.mark.slow
@pytest.mark.parametrize("skew", nexmark.SKEWS)
@pytest.mark.parametrize("kind", nexmark.KINDS)
def test_records_depend_on_the_seed_alone(kind: str, skew: str) -> None:
    spec = nexmark.Spec(bids=5_000, skew=skew, keys=50)
    once = values(spec, kind)
    assert once == values(spec, kind, groups=3)
    assert once[40:60] == nexmark.records(spec, kind, 40, 60)["value"].to_pylist()
    assert once != values(nexmark.Spec(bids=5_000, seed=7, skew=skew, keys=50), kind)


def test_records_of_today_are_those_of_tomorrow() -> None:
    """A figure from an earlier commit can be compared only while this holds."""
    made = [
        (None, value) for kind in nexmark.KINDS for value in values(nexmark.Spec(bids=460), kind)
    ]
    assert digest(made) == {"records": 500, "digest": "7b9109c9c6161158be7ce465c83adf1b"}


def test_kinds_come_one_to_three_to_forty_six_in_event_time() -> None:
    spec = nexmark.Spec(bids=4_600)
    tables = {kind: nexmark.columns(spec, kind, 0, spec.count(kind)) for kind in nexmark.KINDS}
    assert [len(tables[kind]) for kind in nexmark.KINDS] == [100, 300, 4_600]
    for table in tables.values():
        times = table["date_time"].to_pylist()
        assert times == sorted(times)
        assert times[0] == spec.start_ms
        # 5,000 events at 10,000 a second.
        assert 450 <= times[-1] - times[0] < 500


def test_a_record_names_only_what_came_before_it() -> None:
    spec = nexmark.Spec(bids=20_000)
    tables = {kind: nexmark.columns(spec, kind, 0, spec.count(kind)) for kind in nexmark.KINDS}
    born = {
        kind: dict(
            zip(*(tables[kind][name].to_pylist() for name in ("id", "date_time")), strict=True)
        )
        for kind in ("person", "auction")
    }
    named = [
        ("bid", "auction", "auction"),
        ("bid", "bidder", "person"),
        ("auction", "seller", "person"),
    ]
    for kind, column, of in named:
        table = tables[kind]
        for id_, time in zip(
            table[column].to_pylist(), table["date_time"].to_pylist(), strict=True
        ):
            assert born[of][id_] <= time


def test_a_value_is_json_of_the_documented_columns() -> None:
    spec = nexmark.Spec(bids=2_000)
    for kind in nexmark.KINDS:
        table = nexmark.columns(spec, kind, 0, spec.count(kind))
        rows = [json.loads(value) for value in values(spec, kind)]
        assert rows == table.to_pylist()
        assert list(rows[0]) == list(floor.COLUMNS[kind])
        for name, type_ in floor.COLUMNS[kind].items():
            assert isinstance(rows[0][name], int if type_ == "BIGINT" else str)


def test_bids_are_as_long_as_asked() -> None:
    for wanted in (185, 250):
        lengths = [
            len(value) for value in values(nexmark.Spec(bids=50_000, bid_bytes=wanted), "bid")
        ]
        assert sum(lengths) / len(lengths) == pytest.approx(wanted, rel=0.02)


def test_keys_are_ids_as_ksqldb_writes_them() -> None:
    table = nexmark.records(nexmark.Spec(bids=460), "auction", 0, 30)
    ids = [int.from_bytes(key, "big", signed=True) for key in table["key"].to_pylist()]
    assert ids == [json.loads(value)["id"] for value in table["value"].to_pylist()]
    assert nexmark.records(nexmark.Spec(bids=460), "bid", 0, 30)["key"].null_count == 30


def test_skew_is_what_it_says() -> None:
    def counts(**how: object) -> list[int]:
        spec = nexmark.Spec(bids=60_000, **how)
        bids = nexmark.columns(spec, "bid", 0, spec.bids)["auction"].to_pylist()
        return sorted(Counter(bids).values(), reverse=True)

    uniform = counts(skew="uniform", keys=1_000)
    assert len(uniform) == 1_000
    assert uniform[0] < 3 * uniform[-1]
    zipf = counts(skew="zipf", keys=1_000)
    assert 900 < len(zipf) <= 1_000
    # By the law the first is twice the second, and about 1/ln(1001) of all.
    assert zipf[0] / zipf[1] == pytest.approx(1.7, abs=0.2)
    steeper = counts(skew="zipf", keys=1_000, exponent=1.5)
    assert steeper[0] > 1.5 * zipf[0]
    with pytest.raises(ValueError, match="skew is one of"):
        nexmark.Spec(skew="pareto")


# --- the digest

RECORDS = [
    (b"a", b'{"CNT":1,"TOTAL":0.1}'),
    (b"b", b'{"CNT":1,"TOTAL":5.0}'),
    (b"a", b'{"CNT":2,"TOTAL":0.3}'),
    (None, b'{"CNT":3,"TOTAL":null}'),
    (b"b", None),
]


def test_digest_has_no_order() -> None:
    shuffled = list(RECORDS)
    random.Random(3).shuffle(shuffled)
    assert shuffled != RECORDS
    assert digest(shuffled) == digest(RECORDS)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(RECORDS[:-1], id="a record less"),
        pytest.param([*RECORDS, RECORDS[0], RECORDS[0]], id="a record twice more"),
        pytest.param([(b"c", RECORDS[0][1]), *RECORDS[1:]], id="another key"),
        pytest.param([(None, RECORDS[0][1]), *RECORDS[1:]], id="no key"),
        pytest.param([(b"a", b'{"CNT":1,"TOTAL":0.100000001}'), *RECORDS[1:]], id="the 9th digit"),
        pytest.param([(b"a", b'{"CNT":0,"TOTAL":0.1}'), *RECORDS[1:]], id="another count"),
        pytest.param([(b"a", b'{"CNT":1,"SUM":0.1}'), *RECORDS[1:]], id="another name"),
        pytest.param([(b"a", b'{"CNT":1,"TOTAL":"0.1"}'), *RECORDS[1:]], id="a string"),
        pytest.param([*RECORDS[:-1], (b"b", b"null")], id="a null that is no tombstone"),
    ],
)
def test_digest_sees_a_change(changed: list[tuple[bytes | None, bytes | None]]) -> None:
    assert digest(changed)["digest"] != digest(RECORDS)["digest"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"A":1,"B":2}', b'{ "b": 2, "a": 1 }'),
        (b'{"A":0.1}', b'{"A":0.10000000000000001}'),
        (b'{"A":0.30000000000000004}', b'{"A":3e-1}'),
        (b'{"A":3.000}', b'{"A":3}'),
        (b'{"A":{"x":1,"y":2}}', b'{"A":{"y":2,"x":1}}'),
    ],
)
def test_equal_values_are_alike_however_spelled(one: bytes, other: bytes) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"A":1234567890}', b'{"A":1234567891}'),
        (b'{"A":{"x":1}}', b'{"A":{"X":1}}'),
        (b"null", b'"null"'),
        (b"not json", b"not JSON"),
        (b"\xff", b"\xfe"),
    ],
)
def test_different_values_are_not(one: bytes, other: bytes) -> None:
    assert canonical(one) != canonical(other)


def test_of_a_table_the_last_record_of_a_key_counts() -> None:
    whole = digest(RECORDS, table=True)
    last = digest([RECORDS[3], RECORDS[2]], table=True)
    assert whole["digest"] == last["digest"]
    assert whole["digest_changes"] == digest(RECORDS)["digest"] != last["digest_changes"]
    revived = digest([*RECORDS, (b"b", RECORDS[1][1])], table=True)
    assert revived["digest"] == digest([*RECORDS[:3], RECORDS[3]], table=True)["digest"]


def test_rows_of_a_batch_engine_become_records(tmp_path: Path) -> None:
    rows = tmp_path / "rows.ndjson"
    rows.write_text('{"k":-1,"windowstart":2000,"cnt":3}\n')
    [record] = row_records(rows, "k INT, windowstart BIGINT")
    assert record == (b"\xff\xff\xff\xff" + (2000).to_bytes(8, "big"), b'{"CNT": 3}')


# --- queries and floors


@pytest.mark.parametrize("path", sorted(query.FOLDER.glob("*.sql")), ids=lambda path: path.stem)
def test_every_query_has_a_sink_and_a_floor(path: Path) -> None:
    read = query.read_query(path)
    assert read.sink == path.stem.upper()
    assert read.topics
    assert (query.FLOORS / path.name).exists()


def test_a_query_file_of_any_shape_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.sql"
    path.write_text(
        "-- CREATE TABLE no AS SELECT\n/* KAFKA_TOPIC='person' */"
        "create stream b (x int) with (kafka_topic='bid', value_format='json');\n"
        "create table t as select x, count(*) c from b group by x;"
        "CREATE OR REPLACE STREAM `Out` WITH (VALUE_FORMAT='JSON', KAFKA_TOPIC='out-1')\n"
        "AS SELECT 1;"
    )
    assert query.read_query(path) == query.Query(
        name="mine", path=path, topics=("bid",), sink="out-1", is_table=False, has_state=True
    )
    path.write_text("CREATE STREAM b (x INT) WITH (KAFKA_TOPIC='bid', VALUE_FORMAT='JSON');")
    with pytest.raises(ValueError, match=r"no CREATE STREAM or TABLE … AS SELECT"):
        query.read_query(path)
    path.write_text("CREATE STREAM `Case` AS SELECT * FROM x;")
    with pytest.raises(ValueError, match="no KAFKA_TOPIC of"):
        query.read_query(path)


def test_floors_equal_queries_over_the_columns(tmp_path: Path) -> None:
    """The batch floors are what the sinks are held against: they are checked by other SQL here."""
    spec = nexmark.Spec(bids=5_000)
    nexmark.main(["--bids", "5000", "--out", str(tmp_path)])
    bid = nexmark.columns(spec, "bid", 0, spec.bids)
    assert bid.num_rows == 5_000
    connection = duckdb.connect()
    expected = {
        "q1": "SELECT round(sum(price) * 0.908, 3)::DOUBLE, count(*) FROM bid",
        "agg": "SELECT sum(price)::DOUBLE, count(DISTINCT auction) FROM bid",
        "q5": "SELECT 5.0 * count(*), NULL FROM bid",
        "q7": "SELECT max(price)::DOUBLE, 1 FROM bid",
        "q11": "SELECT count(*)::DOUBLE, count(DISTINCT bidder) FROM bid",
        "q12": "SELECT count(*)::DOUBLE, count(DISTINCT bidder) FROM bid",
    }
    sums = {"q1": "price", "agg": "total", "q7": "mx"}
    for name, text in expected.items():
        out = tmp_path / f"{name}.out"
        floor.run_duckdb((query.FLOORS / f"{name}.sql").read_text(), ndjson=tmp_path, out=out)
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        total, count = connection.execute(text).fetchone() or (None, None)
        assert sum(row[sums.get(name, "cnt")] for row in rows) == pytest.approx(total)
        assert count in (None, len(rows))


# --- measuring


@pytest.mark.slow
def test_usage_holds_what_children_used(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < 0.5: pass\nx = bytearray(200_000_000)"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}], check=True)"
    usage = measure([sys.executable, "-c", nested], log=tmp_path / "log", timeout_s=60)
    assert 0.5 <= usage.cpu_seconds < 5
    assert usage.seconds >= 0.5
    # Linux starts a child's peak at its parent's, and this process holds what tests before it left.
    assert usage.peak_rss_mb > 190


def test_a_failure_says_what_the_program_said(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"]
    with pytest.raises(Failed, match=r"exit 3\nno such thing"):
        measure(command, log=tmp_path / "log", timeout_s=60)
    with pytest.raises(Failed, match=r"took longer than 0.2 s"):
        measure(
            ["sleep", "60"],
            log=tmp_path / "log",
            timeout_s=0.2,
        )


# --- settings, results, table


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    plain = settings.read_settings({})
    assert [one.name for one in plain.queries] == [
        "q0",
        "q1",
        "q2",
        "agg",
        "q5",
        "q7",
        "q11",
        "q12",
    ]
    assert plain.spec == {"bids": 1_000_000}
    assert plain.peers == ()
    assert settings.read_settings({"BENCH_PEERS": "flink"}).peers == ("flink",)
    assert nexmark.Spec(**plain.spec).bid_bytes == 185
    mine = tmp_path / "mine.sql"
    mine.write_text((query.FOLDER / "q1.sql").read_text())
    given = {
        "BENCH_SQL": str(mine),
        "BENCH_RECORDS": "5_000",
        "BENCH_SKEW": "zipf",
        "BENCH_KEYS": "9",
    }
    chosen = settings.read_settings(given | {"BENCH_MODES": "batch", "BENCH_QUERIES": ""})
    assert [one.name for one in chosen.queries] == ["mine"]
    assert chosen.spec == {"bids": 5_000, "skew": "zipf", "keys": 9}
    assert chosen.modes == ("batch",)
    both = settings.read_settings(given | {"BENCH_QUERIES": "q1, agg"})
    assert [one.name for one in both.queries] == ["q1", "agg", "mine"]
    for wrong in ({"BENCH_QUERIES": "q99"}, {"BENCH_MODES": "slow"}, {"BENCH_RECORDS": "many"}):
        with pytest.raises(ValueError, match=r"q99|slow|many"):
            settings.read_settings(wrong)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """What a small run of everything leaves."""
    path = tmp_path_factory.mktemp("bench") / "results.json"
    return measured(path, {"BENCH_LOGS": "embedded", "BENCH_QUERIES": "q1,agg"})


def measured(path: Path, chosen: dict[str, str]) -> list[dict[str, object]]:
    """The results of `make bench` with these settings, over a few records."""
    given = {"BENCH_RECORDS": "4000", "BENCH_RESULTS": str(path), **chosen}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.run"],
        cwd=program.ROOT,
        env=os.environ | given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("query")
    return json.loads(path.read_text())


@pytest.mark.kafka
@pytest.mark.xdist_group("kafka")
def test_a_run_on_kafka_is_right_in_every_mode(broker: Broker, tmp_path: Path) -> None:
    chosen = {"BENCH_LOGS": "kafka", "BENCH_BROKER": broker.address, "BENCH_PARTITIONS": "2"}
    chosen |= {"BENCH_RATES": "200", "BENCH_RESTORED_KEYS": "2000"}
    chosen |= {"BENCH_GUARANTEES": "exactly_once_v2"}
    names = ("agg", "agg_keyed", "enrich")
    found = measured(tmp_path / "results.json", chosen | {"BENCH_QUERIES": ",".join(names)})
    assert {one["query"] for one in found} == set(names)
    assert len(found) == 2 + 2 + 1
    more = json.loads((tmp_path / "kafka.json").read_text())
    assert [(one["query"], one["rate"]) for one in more["latency"]] == [("q1", 200), ("agg", 200)]
    assert all(0 < one["p50_ms"] <= one["p99_ms"] for one in more["latency"])
    assert [one["rows"] for one in more["restore"]] == [2_000]
    for one in found:
        assert set(AGREED) <= set(one)
        assert (one["broker"], one["partitions"]) == ("kafka", 2)
        assert one["right"]
        assert 0 < one["start_cpu_seconds"] < one["cpu_seconds"] + 5


@pytest.mark.slow
def test_a_run_leaves_the_agreed_objects(results: list[dict[str, object]]) -> None:
    assert [(one["query"], one["engine"], one["mode"]) for one in results] == [
        ("q1", "streamsql", "changes"),
        ("q1", "floor-log", "changes"),
        ("q1", "floor-duckdb", "changes"),
        ("agg", "streamsql", "changes"),
        ("agg", "streamsql", "batch"),
        ("agg", "floor-log", "changes"),
        ("agg", "floor-duckdb", "batch"),
    ]
    for one in results:
        assert set(AGREED) <= set(one)
        assert one["broker"] == "embedded"
        assert one["records_in"] == 4_000
        assert min(one[name] for name in ("seconds", "cpu_seconds", "peak_rss_mb")) > 0
        if one["engine"] == "streamsql":
            assert one["steps"] >= 1
            assert one["statements_per_step"] >= 1


@pytest.mark.slow
def test_a_run_is_right_in_every_mode(results: list[dict[str, object]]) -> None:
    digests = {(one["query"], one["engine"], one["mode"]): one["digest"] for one in results}
    out = {(one["query"], one["engine"], one["mode"]): one["records_out"] for one in results}
    for query_, mode in (("q1", "changes"), ("agg", "changes"), ("agg", "batch")):
        batch = "batch" if query_ == "agg" else "changes"
        assert digests[query_, "streamsql", mode] == digests[query_, "floor-duckdb", batch]
    assert out["q1", "streamsql", "changes"] == out["agg", "streamsql", "changes"] == 4_000
    assert out["agg", "floor-duckdb", "batch"] <= out["agg", "streamsql", "batch"] < 4_000
    bids = values(nexmark.Spec(bids=4_000), "bid")
    copied = digest((None, value) for value in bids)
    assert {digests[name, "floor-log", "changes"] for name in ("q1", "agg")} == {copied["digest"]}
    assert {out[name, "floor-log", "changes"] for name in ("q1", "agg")} == {copied["records"]}


def result(engine: str, mode: str, cpu_seconds: float, digest: str) -> dict[str, object]:
    return dict(
        zip(
            AGREED,
            ("agg", "embedded", engine, mode, 1_000, 900, 2.0, cpu_seconds, 99.5, digest),
            strict=True,
        )
    )


def test_table_compares_with_the_floors_of_the_same_query() -> None:
    text = format_table(
        [
            result("streamsql", "changes", 3.0, "a"),
            result("streamsql", "batch", 1.0, "b"),
            result("floor-log", "changes", 2.0, "c"),
            result("floor-duckdb", "batch", 0.5, "a"),
        ]
    )
    lines = [line.split() for line in text.splitlines()]
    assert lines[1][-3:] == ["1.50", "100", "right"]
    assert lines[2][-3:] == ["0.50", "100", "DIFFERS"]
    assert lines[3][-2:] == ["1.00", "100"]
