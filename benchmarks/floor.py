"""The floors: what the same records cost with less done to them.

`log` copies the bytes of topics to another one of the same log, in batches as large as the
engine's, each in a transaction, and decodes nothing. `duckdb` has DuckDB read the values from
files, run one batch query and write the rows to a file: no log, no order, no state to keep.

    python -m benchmarks.floor log --database x.duckdb --topics bid --sink floor
    python -m benchmarks.floor duckdb floors/agg.sql --ndjson DIRECTORY --out rows.ndjson
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

BATCH_RECORDS = 65_536

_BID = {
    **dict.fromkeys(("auction", "bidder", "price"), "BIGINT"),
    **dict.fromkeys(("channel", "url"), "VARCHAR"),
    "date_time": "BIGINT",
    "extra": "VARCHAR",
}
_AUCTION = {
    "id": "BIGINT",
    **dict.fromkeys(("item_name", "description"), "VARCHAR"),
    **dict.fromkeys(("initial_bid", "reserve", "date_time", "expires"), "BIGINT"),
    **dict.fromkeys(("seller", "category"), "BIGINT"),
    "extra": "VARCHAR",
}
_PERSON = {
    "id": "BIGINT",
    **dict.fromkeys(("name", "email_address", "credit_card", "city", "state"), "VARCHAR"),
    "date_time": "BIGINT",
    "extra": "VARCHAR",
}
COLUMNS = {"bid": _BID, "auction": _AUCTION, "person": _PERSON}


async def copy_log(database: Path, *, topics: Sequence[str], sink: str) -> int:
    """Appends the records of `topics`, in the order in which a query gets them, to the new topic
    `sink`; gives their number. The settings are those of `streamsql run`."""
    from streamsql.brokers.log import APPENDED, TopicInfo, TopicPartition
    from streamsql.runtime.opening import open_runtime

    runtime = open_runtime(str(database), {}, kernels=())
    await runtime.log.create_topic(TopicInfo(name=sink, partitions=1))
    positions = dict(await runtime.log.offsets(topics, end=False))
    copied = 0
    while True:
        batch = await runtime.log.fetch(topics, positions, records_max=BATCH_RECORDS)
        if not len(batch):
            break
        # Outside of a step, an append is a transaction of its own.
        await runtime.log.append(sink, batch.select(APPENDED.names))
        copied += len(batch)
        ends = batch.group_by(["input", "partition"]).aggregate([("offset", "max")])
        for row in ends.to_pylist():
            place = TopicPartition(topics[row["input"]], row["partition"])
            positions[place] = row["offset_max"] + 1
    await runtime.close()
    return copied


def run_duckdb(text: str, *, ndjson: Path, out: Path) -> None:
    """Writes the rows of a query over the views bid, auction and person to an NDJSON file."""
    import duckdb  # here, since the other floor does without it

    connection = duckdb.connect()
    for kind, columns in COLUMNS.items():
        path = ndjson / f"{kind}.ndjson"
        if path.exists():
            fields = ", ".join(f"{name}: '{kind_}'" for name, kind_ in columns.items())
            connection.execute(
                f"CREATE VIEW {kind} AS FROM read_json({_literal(path)}, "
                f"format = 'newline_delimited', columns = {{{fields}}})"
            )
    connection.execute(f"COPY ({text}\n) TO {_literal(out)} (FORMAT json)")


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def main(arguments: list[str] | None = None) -> None:
    """Runs one floor."""
    parser = argparse.ArgumentParser(description="Do less with the same records.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    log = kinds.add_parser("log")
    log.add_argument("--database", type=Path, required=True)
    log.add_argument("--topics", required=True)
    log.add_argument("--sink", required=True)
    batch = kinds.add_parser("duckdb")
    batch.add_argument("query", type=Path)
    batch.add_argument("--ndjson", type=Path, required=True, help="a directory")
    batch.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    if options.kind == "log":
        topics = options.topics.split(",")
        asyncio.run(copy_log(options.database, topics=topics, sink=options.sink))
    else:
        run_duckdb(options.query.read_text(), ndjson=options.ndjson, out=options.out)


if __name__ == "__main__":
    main()
