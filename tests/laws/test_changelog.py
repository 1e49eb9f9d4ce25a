"""Law 4: with caching off the changelog of a query depends only on its input records and their
order, whatever the batches and threads.

Random records run through every kind of state in batches of one, seven, all and random sizes, and
with eight threads; what is written must be equal byte for byte, timestamps and partitions with it.
Each comparison is then shown to see a breach: sums that DuckDB adds up by its own grouping, and
records that are numbered in another order.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from streamsql.brokers.log import APPENDED
from streamsql.engine.step import Task
from streamsql.operators.kernels import fold
from streamsql.operators.kernels.fold import Flags, Floats, Groups, Running
from streamsql.testing.driver import Driver, run
from streamsql.testing.sql_cases import MODES, CaseFailure, read_cases, run_sql_case

SEEDS = 40
CASES = Path(__file__).parent.parent / "cases"

SOURCES = """
CREATE STREAM readings (id INT KEY, g STRING, v DOUBLE, n INT)
  WITH (KAFKA_TOPIC='readings', VALUE_FORMAT='JSON');
CREATE TABLE factors (g STRING PRIMARY KEY, factor DOUBLE)
  WITH (KAFKA_TOPIC='factors', VALUE_FORMAT='JSON');
"""
QUERIES = """
CREATE TABLE sums AS SELECT g, COUNT(*) AS c, SUM(v) AS s, AVG(v) AS m, SUM(n) AS t, RANDOM() AS r
  FROM readings GROUP BY g;
CREATE TABLE tumbled AS SELECT g, COUNT(*) AS c, SUM(v) AS s, MAX(n) AS x
  FROM readings WINDOW TUMBLING (SIZE 40 MILLISECONDS, GRACE PERIOD 60 MILLISECONDS) GROUP BY g;
CREATE STREAM joined AS SELECT r.g AS g, r.v * t.factor AS p, t.factor AS f
  FROM readings r LEFT JOIN factors t ON r.g = t.g;
CREATE TABLE visits AS SELECT g, COUNT(*) AS c, SUM(v) AS s
  FROM readings WINDOW SESSION (15 MILLISECONDS, GRACE PERIOD 60 MILLISECONDS) GROUP BY g;
CREATE STREAM thrown AS SELECT id, 10 / n AS q, EXPLODE(ARRAY[n, 6 % n]) AS e, UUID() AS u
  FROM readings WHERE 10 / (n - 1) < 9 OR g = 'a';
"""
NAMES = ("SUMS", "TUMBLED", "JOINED", "VISITS", "THROWN")
LOG = "default_ksql_processing_log"
WRITTEN = ("partition", "timestamp", "key", "value")


@dataclass(frozen=True, slots=True)
class Way:
    """How the same records are run: `cut` None for one appending, else a seed of random ones."""

    records_max: int
    threads: int = 1
    cut: int | None = None


WAYS = {
    "one": Way(1),
    "seven": Way(7),
    "random": Way(65_536, cut=1),
    "all, eight threads": Way(65_536, threads=8),
    "seven, eight threads": Way(7, threads=8),
}
ALL = Way(65_536)
FAST = ((0, "random"), (1, "seven, eight threads"))
"""What `make check` compares; `make all` does the rest."""

Rows = list[tuple[str, dict[str, object]]]
Changes = list[tuple[object, ...]]


def random_records(seed: int) -> Rows:
    """(topic, record) in order: doubles of every size, times out of order, values that are null."""
    rng = random.Random(seed)
    rows: Rows = []
    now = 1_000
    for i in range(rng.randint(20, 45)):
        now += rng.choice((0, 1, 5, 30))
        g = rng.choice("abc")
        time = max(0, now - rng.choice((0, 0, 10, 50, 150)))
        if rng.random() < 0.2:
            value = None if rng.random() < 0.3 else json.dumps({"FACTOR": rng.uniform(-2, 2)})
            rows.append(("factors", {"timestamp": time, "key": g.encode(), "value": value}))
            continue
        v = rng.choice((rng.uniform(-1, 1), rng.uniform(-1e16, 1e16), 0.1, -0.0, None))
        value = json.dumps({"G": rng.choice((g, g, g, None)), "V": v, "N": rng.randint(-9, 9)})
        key = i.to_bytes(4, "big")
        rows.append(("readings", {"timestamp": time, "key": key, "value": value}))
    return rows


def appended(rows: Sequence[dict[str, object]]) -> pa.Table:
    """Records as a log takes them."""
    complete = [
        {
            **row,
            "partition": 0,
            "value": None if row["value"] is None else str(row["value"]).encode(),
            "headers": None,
        }
        for row in rows
    ]
    return pa.Table.from_pylist(complete, schema=APPENDED)


def pieces(records: Rows, cut: int | None) -> Iterator[Rows]:
    """The records in pieces, of which each is appended and run before the next."""
    rng = random.Random(cut)
    start = 0
    while start < len(records):
        size = len(records) if cut is None else rng.randint(1, 12)
        yield records[start : start + size]
        start += size


def append_in_order(driver: Driver, records: Rows) -> None:
    """Appends the records, those of one topic together only where nothing stands between them."""
    for topic, group in groupby(records, key=lambda r: r[0]):
        rows = appended([row for _, row in group])
        run(driver.engine.log.append_input(topic, rows))  # type: ignore[attr-defined]
        driver.engine.runtime.notify(topic)


def changelogs(records: Rows, way: Way) -> dict[str, Changes]:
    """What each query writes, also to the processing log: partition, timestamp, key and value of
    each record."""
    driver = Driver(
        {"cache.max.bytes.buffering": "0", "streamsql.batch.records.max": str(way.records_max)},
        settings={"streamsql.threads": str(way.threads)},
    )
    try:
        driver.execute(SOURCES + QUERIES)
        for piece in pieces(records, way.cut):
            append_in_order(driver, piece)
            driver.settle()
        found: dict[str, Changes] = {name: [] for name in NAMES}
        for topic, table in driver.written:
            columns = (table.column(n).to_pylist() for n in WRITTEN)
            for change in zip(*columns, strict=True):
                name = json.loads(change[3])["logger"] if topic == LOG else topic
                found.setdefault(name, []).append(change)
        # A step writes its entries operator by operator: which they are is law, not their order.
        return {
            n: sorted(c, key=repr) if n.startswith("processing.") else c for n, c in found.items()
        }
    finally:
        driver.close()


@cache
def whole(seed: int) -> dict[str, Changes]:
    """The changelogs of one batch."""
    return changelogs(random_records(seed), ALL)


def comparisons() -> list[object]:
    found: list[object] = []
    for seed in range(SEEDS):
        for way in WAYS:
            marks = [] if (seed, way) in FAST else [pytest.mark.modes]
            found.append(pytest.param(seed, way, id=f"{seed}, {way}", marks=marks))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "way"), comparisons())
def test_the_changelog_is_the_same_however_records_are_cut(seed: int, way: str) -> None:
    assert changelogs(random_records(seed), WAYS[way]) == whole(seed)


def test_random_records_reach_every_query() -> None:
    """None of the comparisons is one of nothing with nothing; sums are such as round."""
    found = whole(0)
    assert all(len(found[name]) > 10 for name in NAMES), found
    values = [json.loads(value)["S"] for *_, value in found["SUMS"] if value is not None]
    assert any(abs(v) > 1e14 for v in values if v is not None)
    assert "processing.CSAS_THROWN_4" in found


# --- shown to see a breach


def differing(seed: int) -> set[str]:
    """Queries of which batches of seven give another changelog than one batch."""
    records = random_records(seed)
    one, seven = changelogs(records, ALL), changelogs(records, WAYS["seven"])
    return {name for name in NAMES if seven[name] != one[name]}


def exact_in_batch(groups: Groups, added: Floats, given: Flags, start: Floats) -> Running:
    """Running sums that round once a batch, not once a record."""
    after = np.where(given, added, 0.0)
    for first, length in zip(groups.starts, groups.lengths, strict=True):
        values = after[first : first + length].tolist()
        sums = [math.fsum([start[first], *values[: i + 1]]) for i in range(length)]
        after[first : first + length] = sums
    before = np.empty_like(after)
    before[1:] = after[:-1]
    before[groups.starts] = start[groups.starts]
    return Running(before, after)


def backwards(task: Task, batch: pa.Table) -> dict[str, pa.Table]:
    """`Task._inputs` with the records of a query's batch in reverse."""
    if task.plan.query_id == "assertion":  # a case's own look at a topic
        return INPUTS(task, batch)
    order = pa.array(np.arange(batch.num_rows)[::-1].copy())
    return INPUTS(task, batch.take(order))


INPUTS = Task._inputs


@pytest.mark.slow
def test_sums_that_round_with_the_batch_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "fold_sums", exact_in_batch)
    found = differing(0)
    assert "SUMS" in found
    assert "JOINED" not in found


@pytest.mark.slow
def test_records_in_another_order_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Task, "_inputs", backwards)
    assert differing(0) == set(NAMES)


DOUBLES = "a sum of doubles is the same however the records are cut"
BATCHES_DIFFER = {"all": False, "one": True}


def held_in(title: str) -> dict[str, bool]:
    """Whether a case holds, by the modes of BATCHES_DIFFER."""
    (case,) = (c for c in read_cases(CASES / "aggregates" / "group_by.sql") if c.title == title)
    held: dict[str, bool] = {}
    for mode in MODES:
        if mode.name not in BATCHES_DIFFER:
            continue
        try:
            run_sql_case(case, mode)
            held[mode.name] = True
        except CaseFailure:
            held[mode.name] = False
    return held


@pytest.mark.slow
def test_the_cases_see_the_same_breaches(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as local:
        local.setattr(fold, "fold_sums", exact_in_batch)
        held = held_in(DOUBLES)
    assert held == BATCHES_DIFFER
    with monkeypatch.context() as local:
        local.setattr(Task, "_inputs", backwards)
        held = held_in(DOUBLES)
    assert held == BATCHES_DIFFER
