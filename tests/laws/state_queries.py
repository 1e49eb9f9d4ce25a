"""Queries that keep every kind of state, and random records for them.

Windows are short, so that they close and expire; records come late; tables lose rows; partitions
are two.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa

from streamsql.brokers.log import APPENDED
from streamsql.testing.driver import Driver, run

SOURCES = """
CREATE STREAM readings (id INT KEY, g STRING, v DOUBLE, n INT, d DECIMAL(12, 3), h BYTES,
    o TIMESTAMP, l ARRAY<DOUBLE>, s STRUCT<a INT, b ARRAY<STRING>>, m MAP<STRING, BIGINT>)
  WITH (KAFKA_TOPIC='readings', VALUE_FORMAT='JSON', PARTITIONS=2);
CREATE STREAM clicks (g STRING KEY, u STRING, x DOUBLE)
  WITH (KAFKA_TOPIC='clicks', VALUE_FORMAT='JSON', PARTITIONS=2);
CREATE STREAM views (g STRING KEY, w STRING)
  WITH (KAFKA_TOPIC='views', VALUE_FORMAT='JSON', PARTITIONS=2);
CREATE TABLE factors (g STRING PRIMARY KEY, factor DOUBLE, c STRING)
  WITH (KAFKA_TOPIC='factors', VALUE_FORMAT='JSON', PARTITIONS=2);
CREATE TABLE colours (g STRING PRIMARY KEY, colour STRING)
  WITH (KAFKA_TOPIC='colours', VALUE_FORMAT='JSON', PARTITIONS=2);
CREATE TABLE names (g STRING PRIMARY KEY, name STRING)
  WITH (KAFKA_TOPIC='names', VALUE_FORMAT='JSON', PARTITIONS=2);
CREATE TABLE people (id INT PRIMARY KEY, g STRING, x BIGINT)
  WITH (KAFKA_TOPIC='people', VALUE_FORMAT='JSON', PARTITIONS=2);
"""

_WINDOW = "SIZE 40 MILLISECONDS, RETENTION 100 MILLISECONDS, GRACE PERIOD 60 MILLISECONDS"

QUERIES = {
    "numbers": "CREATE TABLE numbers AS SELECT g, COUNT(*) AS c, SUM(v) AS s, AVG(v) AS m,"
    " AVG(n) AS a, SUM(d) AS t, MIN(o) AS f, MAX(h) AS x, STDDEV_SAMPLE(v) AS z"
    " FROM readings GROUP BY g;",
    "values": "CREATE TABLE kept AS SELECT g, COLLECT_LIST(v) AS l, COLLECT_SET(n) AS s,"
    " TOPK(v, id, g, 2) AS t, HISTOGRAM(g) AS h, COUNT_DISTINCT(v) AS c,"
    " EARLIEST_BY_OFFSET(s) AS e, LATEST_BY_OFFSET(m, 2, false) AS y, LATEST_BY_OFFSET(l) AS k"
    " FROM readings GROUP BY g;",
    "signs": "CREATE TABLE signs WITH (KEY_FORMAT='JSON') AS SELECT v * n AS p, g, COUNT(*) AS c"
    " FROM readings GROUP BY v * n, g;",
    "tumbling": f"CREATE TABLE tumbled AS SELECT g, COUNT(*) AS c, SUM(v) AS s,"
    f" COUNT_DISTINCT(n) AS d FROM readings WINDOW TUMBLING ({_WINDOW}) GROUP BY g;",
    "hopping": f"CREATE TABLE hopped AS SELECT g, COUNT(*) AS c, COLLECT_LIST(n) AS s FROM readings"
    f" WINDOW HOPPING ({_WINDOW.replace(',', ', ADVANCE BY 20 MILLISECONDS,', 1)}) GROUP BY g"
    " HAVING COUNT(*) > 1;",
    "sessions": "CREATE TABLE visits AS SELECT g, COUNT(*) AS c, SUM(v) AS s, COLLECT_LIST(n) AS l"
    " FROM readings WINDOW SESSION (15 MILLISECONDS, RETENTION 100 MILLISECONDS,"
    " GRACE PERIOD 60 MILLISECONDS) GROUP BY g;",
    "final": "CREATE TABLE finals AS SELECT g, COUNT(*) AS c, SUM(v) AS s FROM readings"
    " WINDOW TUMBLING (SIZE 40 MILLISECONDS, GRACE PERIOD 20 MILLISECONDS) GROUP BY g EMIT FINAL;",
    "final sessions": "CREATE TABLE ended AS SELECT g, COUNT(*) AS c, SUM(v) AS s FROM readings"
    " WINDOW SESSION (15 MILLISECONDS, GRACE PERIOD 20 MILLISECONDS) GROUP BY g EMIT FINAL;",
    "table filter": "CREATE TABLE large AS SELECT g, factor FROM factors WHERE factor > 0;",
    "table groups": "CREATE TABLE cats AS SELECT c, COUNT(*) AS n, SUM(factor) AS s,"
    " COLLECT_LIST(factor) AS l FROM factors GROUP BY c HAVING COUNT(*) > 0;",
    "stream-table": "CREATE STREAM joined AS SELECT r.g AS g, r.v * t.factor AS p, t.c AS c"
    " FROM readings r LEFT JOIN factors t ON r.g = t.g;",
    "stream-stream": "CREATE STREAM seen AS SELECT ROWKEY AS k, c.g AS g, c.u AS u, v.w AS w"
    " FROM clicks c FULL OUTER JOIN views v WITHIN 30 MILLISECONDS GRACE PERIOD 20 MILLISECONDS"
    " ON c.g = v.g;",
    "eager": "CREATE STREAM met AS SELECT c.g AS g, c.x AS x, v.w AS w FROM clicks c"
    " LEFT JOIN views v WITHIN 30 MILLISECONDS ON c.g = v.g;",
    "table-table": "CREATE TABLE both AS SELECT ROWKEY AS k, f.factor AS f, c.colour AS c"
    " FROM factors f FULL OUTER JOIN colours c ON f.g = c.g;",
    "foreign key": "CREATE TABLE named AS SELECT p.id AS id, p.x AS x, f.factor AS f"
    " FROM people p LEFT JOIN factors f ON p.g = f.g;",
    "three tables": "CREATE TABLE three AS SELECT f.g AS g, f.factor AS f, c.colour AS c,"
    " n.name AS n FROM factors f JOIN colours c ON f.g = c.g LEFT JOIN names n ON f.g = n.g;",
    "chain": "CREATE TABLE chained AS SELECT t.c AS c, COUNT(*) AS n, SUM(r.v * t.factor) AS s"
    f" FROM readings r JOIN factors t ON r.g = t.g WINDOW TUMBLING ({_WINDOW}) GROUP BY t.c"
    " HAVING COUNT(*) < 5;",
}
"""A query each, by what its state is of."""

Records = list[tuple[str, dict[str, object]]]


@dataclass(frozen=True, slots=True)
class _Draw:
    """Random records of one moment."""

    rng: random.Random
    number: int

    def double(self) -> object:
        rng = self.rng
        values = (rng.uniform(-1e16, 1e16), 0.1, -0.0, 0.0, 5e-324, "NaN", "-Infinity", None)
        return rng.choice((rng.uniform(-1, 1), rng.choice(values)))

    def reading(self, g: str) -> dict[str, object]:
        rng = self.rng
        return {
            "G": rng.choice((g, g, g, None)),
            "V": self.double(),
            "N": rng.choice((rng.randint(-2, 2), None)),
            "D": rng.choice((str(rng.randint(-(10**9), 10**9) / 1000), None)),
            "H": rng.choice(("AAH/", "", None)),
            "O": rng.choice((rng.randint(-(10**12), 10**12), None)),
            "L": rng.choice(([], [self.double(), None], None)),
            "S": rng.choice(({"A": 1, "B": ["x", None]}, {"A": None, "B": None}, None)),
            "M": rng.choice(({"é\u0000'": 1, "": None}, {}, None)),
        }

    def value(self, topic: str, g: str) -> dict[str, object] | None:
        rng = self.rng
        match topic:
            case "readings":
                return self.reading(g)
            case "clicks":
                return {"U": f"u{self.number}", "X": self.double()}
            case "views":
                return {"W": f"w{self.number}"}
            case _ if rng.random() < 0.3:
                return None
            case "factors":
                return {"FACTOR": rng.uniform(-2, 2), "C": rng.choice(("p", "q", None))}
            case "colours" | "names":
                return {topic[:-1].upper(): rng.choice(("red", "blue"))}
            case _:
                return {"G": rng.choice(("a", "b", "z", None)), "X": self.number}


TOPICS = ("readings", "readings", "clicks", "views", "factors", "colours", "names", "people")


def random_records(seed: int, count: int, topics: tuple[str, ...] = TOPICS) -> Records:
    """(topic, record) in order; a key is always in one partition."""
    rng = random.Random(seed)
    records: Records = []
    now = 1_000
    for i in range(count):
        topic, g = rng.choice(topics), rng.choice("abcd")
        now += rng.choice((0, 1, 5, 30))
        number = rng.randint(0, 3) if topic == "people" else i
        key = number.to_bytes(4, "big") if topic in ("readings", "people") else g.encode()
        value = _Draw(rng, i).value(topic, g)
        records.append(
            (
                topic,
                {
                    "partition": key[-1] % 2,
                    "timestamp": max(0, now - rng.choice((0, 0, 10, 50, 150))),
                    "key": key,
                    "value": None if value is None else json.dumps(value).encode(),
                    "headers": [("h", b"\x00")] if rng.random() < 0.2 else None,
                },
            )
        )
    return records


def read_topics(query: str) -> tuple[str, ...]:
    """The topics that a query reads, as often as TOPICS has them."""
    return tuple(t for t in TOPICS if f" {t} " in query.replace(";", " "))


def feed(driver: Driver, records: Records) -> None:
    """Appends the records, those of one topic together only where nothing stands between them,
    and runs the queries."""
    for topic, group in groupby(records, key=lambda r: r[0]):
        rows = pa.Table.from_pylist([row for _, row in group], schema=APPENDED)
        run(driver.engine.log.append_input(topic, rows))  # type: ignore[attr-defined]
        driver.engine.runtime.notify(topic)
    driver.settle()
