"""The Nexmark auction site as records: persons, auctions and bids, 1 : 3 : 46, seeded, in JSON.

Every field of every record is a pure function of (seed, field, number of the record): a slice can
be made without what precedes it, and the size of a chunk never changes a byte. Events come 10,000
a second from `start_ms` on, fifty to a group: one person, three auctions, forty-six bids. An
auction or a person that a record names was created before it (Nexmark's own generators let one in
ten name something still to come).

Columns, all of them fields of the JSON value, in this order; times are milliseconds since 1970,
prices are cents:

    bid      auction bidder price BIGINT, channel url VARCHAR, date_time BIGINT, extra VARCHAR
    auction  id BIGINT, item_name description VARCHAR,
             initial_bid reserve date_time expires seller category BIGINT, extra VARCHAR
    person   id BIGINT, name email_address credit_card city state VARCHAR, date_time BIGINT,
             extra VARCHAR

A record's timestamp is its `date_time`. The key of an auction or a person is its id as ksqlDB's
KAFKA format has it (8 bytes, big-endian); a bid has no key, but in the topic `bid_keyed`, where it
is that of its auction.

    python -m benchmarks.nexmark --bids 100000 --out DIRECTORY   # writes DIRECTORY/bid.ndjson, …
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

KINDS = ("person", "auction", "bid")
PER_GROUP = {"person": 1, "auction": 3, "bid": 46}
FIRST_IN_GROUP = {"person": 0, "auction": 1, "bid": 4}
GROUP = 50
KEYED_BID = "bid_keyed"

SKEWS = ("nexmark", "uniform", "zipf")
FIRST_ID = 1000
FIRST_CATEGORY = 10
CATEGORIES = 5
HOT_EVERY = 100  # every hundredth auction, seller and bidder is the hot one of its time
AUCTIONS_OPEN = 100
PERSONS_ACTIVE = 1000
BID_BYTES = 161  # the mean size of a bid's value without its free text, at a million bids
GROUPS_PER_ROUND = 1_400  # some 65,000 bids made at once, in some 100 MB of memory

FIRST_NAMES = ("Ada", "Bela", "Cleo", "Dana", "Emil", "Femi", "Gus", "Hana", "Ivo", "June", "Kai")
LAST_NAMES = ("Abel", "Brandt", "Castro", "Dubois", "Eriksen", "Fodor", "Greene", "Hale", "Ito")
PLACES = (
    ("Tucson", "AZ"),
    ("Oakland", "CA"),
    ("Fresno", "CA"),
    ("Nampa", "ID"),
    ("Salem", "OR"),
    ("Eugene", "OR"),
    ("Tacoma", "WA"),
    ("Yakima", "WA"),
    ("Casper", "WY"),
)
HOT_CHANNELS = ("Google", "Facebook", "Baidu", "Apple")
CHANNELS = 10_000
TEXTS = 65_536  # different texts a field of free text is drawn from

U64 = np.uint64
_Ints = np.ndarray[tuple[int], np.dtype[np.int64]]
_Bits = np.ndarray[tuple[int], np.dtype[np.uint64]]
_Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """Which records: `bids` of them, with the persons and auctions that belong to them.

    `skew` says how bids choose their auction: `nexmark` (half of them the hot auction of the
    moment, the others any of the last hundred: the number of auctions grows with the bids), or
    any of `keys` auctions, `uniform` or by `zipf` with `exponent`. `bid_bytes` is the mean size
    of a bid's value; free text fills it up.
    """

    bids: int = 1_000_000
    seed: int = 42
    skew: str = "nexmark"
    keys: int = 20_000
    exponent: float = 1.0
    bid_bytes: int = 185
    start_ms: int = 1_767_225_600_000  # 2026-01-01T00:00:00Z
    events_per_second: int = 10_000

    def __post_init__(self) -> None:
        if self.skew not in SKEWS:
            raise ValueError(f"skew is one of {', '.join(SKEWS)}, not {self.skew}")

    def count(self, kind: str) -> int:
        """How many records of a kind there are; persons and auctions come in whole groups."""
        if kind == "bid":
            return self.bids
        return -(-self.bids // PER_GROUP["bid"]) * PER_GROUP[kind]


def columns(spec: Spec, kind: str, first: int, last: int) -> pa.Table:
    """The records `first` (from 0) to before `last` as typed columns, in order of event time."""
    numbers = np.arange(first, last, dtype=np.int64)
    groups = numbers // PER_GROUP[kind]
    events = groups * GROUP + FIRST_IN_GROUP[kind] + numbers % PER_GROUP[kind]
    make = {"bid": _bids, "auction": _auctions, "person": _persons}[kind]
    times = spec.start_ms + events * 1000 // spec.events_per_second
    return make(_Draw(spec=spec, kind=kind, numbers=numbers, groups=groups, times=times))


def encode(table: pa.Table) -> pa.Array:
    """A JSON object for each row, as BINARY: fields in the order of the columns, no white space."""
    pieces: list[pa.Array | str] = []
    text = "{"
    for name, column in zip(table.column_names, table.columns, strict=True):
        array = column.combine_chunks()
        quote = '"' if pa.types.is_string(array.type) else ""
        pieces += [f'{text}"{name}":{quote}', array.cast(pa.string())]
        text = quote + ","
    pieces.append(text[:-1] + "}")
    return pc.binary_join_element_wise(*pieces, "").cast(pa.binary())


def records(spec: Spec, kind: str, first: int, last: int) -> pa.Table:
    """The same records as key, value (BINARY) and timestamp (BIGINT, ms), in event-time order."""
    table = columns(spec, kind, first, last)
    return pa.table(
        {
            "key": pa.nulls(len(table), pa.binary()) if kind == "bid" else _keys(table["id"]),
            "value": encode(table),
            "timestamp": table["date_time"],
        }
    )


def kind_of(topic: str) -> str:
    """The kind of a topic's records: topics are named as the kinds, but for `bid_keyed`."""
    return "bid" if topic == KEYED_BID else topic


def keyed(table: pa.Table, topic: str) -> pa.Table:
    """Records as `topic` has them: in `bid_keyed` a bid's key is its auction's id."""
    if topic != KEYED_BID:
        return table
    found = pc.extract_regex(table["value"].cast(pa.string()), r'^\{"auction":(?P<id>\d+)')
    ids = pc.struct_field(found, "id").cast(pa.int64())
    return table.set_column(0, "key", _keys(ids))


def rounds(
    spec: Spec, kinds: Iterable[str] = KINDS, *, groups: int = GROUPS_PER_ROUND
) -> Iterator[tuple[str, pa.Table]]:
    """All records: a table for each kind in turn, persons first, `groups` groups of events each.

    Written to topics in this order, a record always comes after those that it names.
    """
    wanted = [kind for kind in KINDS if kind in set(kinds)]
    for group in range(0, spec.count("person"), groups):
        for kind in wanted:
            first = group * PER_GROUP[kind]
            last = min(first + groups * PER_GROUP[kind], spec.count(kind))
            yield kind, records(spec, kind, first, last)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draw:
    """What the fields of a kind are drawn from: the numbers of its records, their groups, times
    and random bits."""

    spec: Spec
    kind: str
    numbers: _Ints
    groups: _Ints
    times: _Ints

    def bits(self, field: str) -> _Bits:
        return _bits(self.spec.seed, f"{self.kind}.{field}", self.numbers)

    def below(self, field: str, limit: int | _Ints) -> _Ints:
        """Whole numbers from 0 to before `limit` (at most 2**32)."""
        return ((self.bits(field) >> U64(32)) * np.asarray(limit, U64) >> U64(32)).astype(np.int64)

    def unit(self, field: str) -> _Floats:
        """Fractions from 0 to before 1."""
        return (self.bits(field) >> U64(11)).astype(np.float64) * 2.0**-53

    def price(self, field: str) -> _Ints:
        """Cents: 1 to 1,000,000 units of money, each order of magnitude as likely as another."""
        return np.round(10.0 ** (self.unit(field) * 6.0) * 100.0).astype(np.int64)

    def text(self, field: str, mean: int, *, spread: float = 0.25) -> pa.Array:
        """Lower-case letters, `mean` of them more or less."""
        texts = _texts(self.spec.seed, f"{self.kind}.{field}", mean, spread)
        return texts.take(pa.array(self.below(field, TEXTS)))

    def choice(self, field: str, values: tuple[str, ...]) -> pa.Array:
        return pa.array(values).take(pa.array(self.below(field, len(values))))


def _bids(draw: _Draw) -> pa.Table:
    channel, query = _channels(draw)
    path = draw.text("path", 8, spread=0.0)
    url = pc.binary_join_element_wise("https://nexmark.example/", path, "?item=1", query, "")
    table = pa.table(
        {
            "auction": _bid_auctions(draw) + FIRST_ID,
            "bidder": _one_of_time(draw, "bidder", PERSONS_ACTIVE, cold_of=4) + FIRST_ID,
            "price": draw.price("price"),
            "channel": channel,
            "url": url,
            "date_time": draw.times,
        }
    )
    return table.append_column("extra", draw.text("extra", max(draw.spec.bid_bytes - BID_BYTES, 0)))


def _auctions(draw: _Draw) -> pa.Table:
    initial = draw.price("initial_bid")
    return pa.table(
        {
            "id": draw.numbers + FIRST_ID,
            "item_name": draw.text("item_name", 12),
            "description": draw.text("description", 60),
            "initial_bid": initial,
            "reserve": initial + draw.price("reserve"),
            "date_time": draw.times,
            # A hundred auctions are open at a time, that is for 167 ms at three in fifty events.
            "expires": draw.times + 1 + draw.below("expires", _open_ms(draw.spec) * 2),
            "seller": _one_of_time(draw, "seller", PERSONS_ACTIVE, cold_of=4) + FIRST_ID,
            "category": draw.below("category", CATEGORIES) + FIRST_CATEGORY,
            "extra": draw.text("extra", 260),
        }
    )


def _persons(draw: _Draw) -> pa.Table:
    place = pa.array(draw.below("place", len(PLACES)))
    first, last = draw.choice("first_name", FIRST_NAMES), draw.choice("last_name", LAST_NAMES)
    digits = pa.array(draw.below("card", 10**9) + 10**9).cast(pa.string())
    return pa.table(
        {
            "id": draw.numbers + FIRST_ID,
            "name": pc.binary_join_element_wise(first, last, " "),
            "email_address": pc.binary_join_element_wise(
                draw.text("mailbox", 7), "@", draw.text("domain", 5), ".example", ""
            ),
            "credit_card": pc.binary_join_element_wise("400000", digits, ""),
            "city": pa.array([city for city, _ in PLACES]).take(place),
            "state": pa.array([state for _, state in PLACES]).take(place),
            "date_time": draw.times,
            "extra": draw.text("extra", 60),
        }
    )


def _bid_auctions(draw: _Draw) -> _Ints:
    """The auctions that are bid for, counted from 0."""
    spec = draw.spec
    if spec.skew == "uniform":
        return draw.below("auction", spec.keys)
    if spec.skew == "zipf":
        rank = _zipf(draw.unit("auction"), spec.keys, spec.exponent)
        # Scattered, or the frequent keys would be neighbours in every sorted table. A prime above
        # all numbers of keys maps one to one.
        return rank * 2_147_483_647 % spec.keys
    newest = draw.groups * PER_GROUP["auction"] + PER_GROUP["auction"] - 1
    hot = draw.below("auction is hot", 2) > 0
    cold = newest - draw.below("auction", np.minimum(newest + 1, AUCTIONS_OPEN))
    return np.where(hot, newest // HOT_EVERY * HOT_EVERY, cold)


def _one_of_time(draw: _Draw, field: str, active: int, *, cold_of: int) -> _Ints:
    """Persons from 0: the hot one of the time, but one in `cold_of` any of the newest `active`."""
    newest = draw.groups
    hot = draw.below(f"{field} is hot", cold_of) > 0
    cold = newest - draw.below(field, np.minimum(newest + 1, active))
    return np.where(hot, newest // HOT_EVERY * HOT_EVERY, cold)


def _zipf(unit: _Floats, keys: int, exponent: float) -> _Ints:
    """Ranks from 0 to before `keys`, the k-th about as likely as k ** -exponent.

    The inverse of the smooth density: it needs no table of all keys, which 10 million would fill.
    """
    if exponent == 1.0:
        rank = (keys + 1.0) ** unit
    else:
        power = 1.0 - exponent
        rank = (((keys + 1.0) ** power - 1.0) * unit + 1.0) ** (1.0 / power)
    return np.clip(np.floor(rank).astype(np.int64) - 1, 0, keys - 1)


def _channels(draw: _Draw) -> tuple[pa.Array, pa.Array]:
    """The channel of each bid, half of them a hot one, and what it adds to the URL's query."""
    hot = draw.below("channel is hot", 2) > 0
    numbers = np.where(
        hot,
        draw.below("channel", len(HOT_CHANNELS)),
        len(HOT_CHANNELS) + draw.below("channel", CHANNELS),
    )
    ids = _bits(draw.spec.seed, "channel ids", np.arange(CHANNELS)) >> U64(47)
    names = pa.array([*HOT_CHANNELS, *(f"channel-{n}" for n in range(CHANNELS))])
    queries = pa.array([*("" for _ in HOT_CHANNELS), *(f"&channel_id={n}" for n in ids.tolist())])
    taken = pa.array(numbers)
    return names.take(taken), queries.take(taken)


@lru_cache(maxsize=16)
def _texts(seed: int, field: str, mean: int, spread: float) -> pa.Array:
    """TEXTS texts of lower-case letters, `mean` times 1 ± `spread` of them in each."""
    half = int(mean * spread)
    numbers = np.arange(TEXTS, dtype=np.int64)
    lengths = mean - half + _bits(seed, f"{field} lengths", numbers) % U64(2 * half + 1)
    offsets = np.zeros(TEXTS + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    letters = _bits(seed, f"{field} letters", np.arange(-(-int(offsets[-1]) // 8)))
    data = letters.view(np.uint8)[: int(offsets[-1])] % 26 + 97
    return pa.StringArray.from_buffers(TEXTS, pa.py_buffer(offsets), pa.py_buffer(data))


def _open_ms(spec: Spec) -> int:
    return AUCTIONS_OPEN * GROUP * 1000 // (PER_GROUP["auction"] * spec.events_per_second) or 1


def _keys(ids: pa.ChunkedArray) -> pa.Array:
    """BIGINTs as ksqlDB's KAFKA format writes a key: 8 bytes, big-endian."""
    swapped = ids.to_numpy().astype(">i8")
    return pa.Array.from_buffers(
        pa.binary(8), len(swapped), [None, pa.py_buffer(swapped.tobytes())]
    ).cast(pa.binary())


def _bits(seed: int, field: str, numbers: _Ints) -> _Bits:
    """64 random bits for each number.

    splitmix64 (Steele, Lea and Flood 2014), read at any place instead of in turn.
    """
    start = U64(int.from_bytes(f"{seed}:{field}".encode(), "big") % (2**64 - 59))
    with np.errstate(over="ignore"):
        return _mix(_mix(np.full(1, start)) + numbers.astype(U64) * U64(0x9E3779B97F4A7C15))


def _mix(state: _Bits) -> _Bits:
    state = (state ^ (state >> U64(30))) * U64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> U64(27))) * U64(0x94D049BB133111EB)
    return state ^ (state >> U64(31))


def main(arguments: list[str] | None = None) -> None:
    """Writes the records of every kind as NDJSON files."""
    parser = argparse.ArgumentParser(description="Write Nexmark records as NDJSON files.")
    parser.add_argument("--bids", type=int, default=Spec.bids)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    spec = Spec(bids=options.bids, seed=options.seed)
    with ExitStack() as stack:
        files = {
            kind: stack.enter_context((options.out / f"{kind}.ndjson").open("wb")) for kind in KINDS
        }
        for kind, table in rounds(spec):
            write_lines(files[kind], table["value"])


def write_lines(file: BinaryIO, values: pa.ChunkedArray) -> None:
    """Writes each value and a line feed."""
    for chunk in values.chunks:
        lines = pa.ListArray.from_arrays([0, len(chunk)], chunk)
        file.write(pc.binary_join(lines, b"\n")[0].as_py() + b"\n")


if __name__ == "__main__":
    main()
