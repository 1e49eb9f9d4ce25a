"""Fills an embedded database file, or NDJSON files, with the topics that queries read.

A program of its own, so that what it uses is no part of what is measured.

    python -m benchmarks.load --spec '{"bids": 100000}' --topics bid --database x.duckdb --ndjson D

Prints {"bid": 100000, …}: the records of each topic.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import streamsql
from benchmarks import nexmark


def load(spec: nexmark.Spec, topics: list[str], *, database: Path, ndjson: Path) -> dict[str, int]:
    """Appends all records of the topics to the database file's log and, as lines, to files.

    Gives the number of records per topic. Topics have one partition.
    """
    counts: Counter[str] = Counter()
    kinds = sorted({nexmark.kind_of(topic) for topic in topics})
    with ExitStack() as stack:
        connection = stack.enter_context(streamsql.connect(str(database)))
        files = {
            kind: stack.enter_context((ndjson / f"{kind}.ndjson").open("wb")) for kind in kinds
        }
        for kind, table in nexmark.rounds(spec, kinds):
            nexmark.write_lines(files[kind], table["value"])
            for topic in topics:
                if nexmark.kind_of(topic) != kind:
                    continue
                columns = nexmark.keyed(table, topic).columns
                keys, values, times = (column.combine_chunks() for column in columns)
                connection.produce(topic, keys, values, timestamps_ms=times)
                counts[topic] += len(table)
    return dict(counts)


def main(arguments: list[str] | None = None) -> None:
    """Loads and prints how many records each topic holds."""
    parser = argparse.ArgumentParser(description="Fill a database file with Nexmark records.")
    parser.add_argument("--spec", type=json.loads, default={}, help="fields of nexmark.Spec")
    parser.add_argument("--topics", default=",".join(nexmark.KINDS))
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--ndjson", type=Path, required=True, help="a directory")
    options = parser.parse_args(arguments)
    spec = nexmark.Spec(**options.spec)
    counts = load(spec, options.topics.split(","), database=options.database, ndjson=options.ndjson)
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
