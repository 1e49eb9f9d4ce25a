"""A digest of what a query left, from the bytes of its sink topic alone: free of order, and alike
for engines that spell the same values differently.

A record counts as its key's bytes and its value read as JSON: names of fields in upper case and
sorted, a DOUBLE or DECIMAL (a point or an exponent in its text) to 9 significant digits.
The digest is the sum, modulo 2**128, of the hashes of the records, so that a record that is there
twice counts twice and no order matters. Of a table only the last record of each key counts (a
tombstone takes its key away), which is what two right engines agree on whatever they batch;
`digest_changes` is over all records of a table besides.

    python -m benchmarks.digest --database x.duckdb --topic AGG --table
    python -m benchmarks.digest --broker HOST:PORT --topic AGG --table
    python -m benchmarks.digest --ndjson rows.json --key "auction BIGINT"

Prints {"records": …, "digest": …, "digest_changes": …}.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

Record = tuple[bytes | None, bytes | None]

_MODULUS = 2**128
_KEY_BYTES = {"INT": 4, "BIGINT": 8}


def digest(records: Iterable[Record], *, table: bool = False) -> dict[str, object]:
    """The number of records and their digests. The order within a key counts for a table only."""
    total = count = 0
    last: dict[bytes | None, int] = {}
    for key, value in records:
        hashed = _hash(key, value)
        total += hashed
        count += 1
        if table:
            # Out and in again, or a revived key would not be the last one; the sum does not care.
            last.pop(key, None)
            if value is not None:
                last[key] = hashed
    changes = _text(total)
    if not table:
        return {"records": count, "digest": changes}
    return {"records": count, "digest": _text(sum(last.values())), "digest_changes": changes}


def canonical(value: bytes | None) -> str:
    """A value so that equal contents have equal texts; what is not JSON stands for itself."""
    if value is None:
        return "tombstone"
    try:
        content = _read(value.decode())
    except ValueError:
        return f"bytes {value.hex()}"
    return canonical_object(content) if isinstance(content, dict) else _write(content)


def canonical_object(content: dict[str, object]) -> str:
    """The same of a JSON object that was read with `_nine_digits`."""
    text, names = _shape(tuple(content))
    return text + _write([content[name] for name in names])


@lru_cache
def _shape(names: tuple[str, ...]) -> tuple[str, list[str]]:
    """The names of an object's fields in upper case, as text, and as they are, both sorted."""
    pairs = sorted((name.upper(), name) for name in names)
    return repr([upper for upper, _ in pairs]), [name for _, name in pairs]


def topic_records(database: str, topic: str) -> Iterator[Record]:
    """The records of a topic in an embedded database file, in order of partition and offset."""
    import streamsql  # here, so that the digest of a file needs no engine

    with streamsql.connect(database) as connection:
        table = connection.read_topic(topic)
    yield from _pairs(table)


def kafka_records(broker: str, topic: str) -> Iterator[Record]:
    """The records of a topic on Kafka, as who reads what is committed gets them; those of a key in
    order of offset."""
    from benchmarks.topics import read  # here, as above

    for table in asyncio.run(read(broker, topic)):
        yield from _pairs(table)


def _pairs(table: pa.Table) -> Iterator[Record]:
    for batch in table.select(["key", "value"]).to_batches(max_chunksize=65_536):
        yield from zip(batch["key"].to_pylist(), batch["value"].to_pylist(), strict=True)


def row_records(path: Path, key: str) -> Iterator[Record]:
    """Rows of an NDJSON file as records: the columns of `key` ("a BIGINT, b INT") become the key's
    bytes as ksqlDB's KAFKA format and window starts have them, big-endian, the others the value."""
    parts = [(name.upper(), _KEY_BYTES[kind]) for name, kind in _columns(key)]
    with path.open("rb") as file:
        for line in file:
            if not parts:
                yield None, line
                continue
            row = {name.upper(): field for name, field in json.loads(line).items()}
            made = b"".join(
                row.pop(name).to_bytes(length, "big", signed=True) for name, length in parts
            )
            yield made, json.dumps(row).encode()


def _columns(key: str) -> list[list[str]]:
    return [column.split() for column in key.split(",") if column.strip()]


def _nine_digits(number: str) -> float:
    """9 digits of a number; whole ones become INT, since one engine writes 3 and another 3.0."""
    rounded = float(f"{float(number):.9g}")
    return int(rounded) if rounded.is_integer() else rounded


_read = json.JSONDecoder(parse_float=_nine_digits).decode
_write = json.JSONEncoder(sort_keys=True).encode


def _hash(key: bytes | None, value: bytes | None) -> int:
    text = canonical(value).encode()
    length = -1 if key is None else len(key)
    made = hashlib.blake2b(b"%d:%b%b" % (length, key or b"", text), digest_size=16)
    return int.from_bytes(made.digest(), "big")


def _text(total: int) -> str:
    return f"{total % _MODULUS:032x}"


def main(arguments: list[str] | None = None) -> None:
    """Prints the digest of a topic or a file as one JSON object."""
    parser = argparse.ArgumentParser(description="Digest what a query left, in any order.")
    parser.add_argument("--database", help="an embedded database file, with --topic")
    parser.add_argument("--broker", help="a Kafka cluster instead, with --topic")
    parser.add_argument("--topic")
    parser.add_argument("--table", action="store_true", help="the last record of a key counts")
    parser.add_argument("--ndjson", type=Path, help="rows of a batch engine instead")
    parser.add_argument("--key", default="", help="the key's columns: a BIGINT, b INT")
    options = parser.parse_args(arguments)
    if options.ndjson:
        records = row_records(options.ndjson, options.key)
    elif options.database and options.topic:
        records = topic_records(options.database, options.topic)
    elif options.broker and options.topic:
        records = kafka_records(options.broker, options.topic)
    else:
        parser.error("give --ndjson, or --topic with --database or --broker")
    print(json.dumps(digest(records, table=options.table)))


if __name__ == "__main__":
    main()
