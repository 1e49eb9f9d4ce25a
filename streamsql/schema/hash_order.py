"""The entries of a map in the order of Java's HashMap, where a function or a cast lets it be seen.

ksqlDB's maps are HashMaps of as many buckets as their entries need: the smallest power of two of
which three quarters hold them. A key's bucket comes of its hash code; two keys of one bucket stand
in the order in which they came. Keys of other types than STRING keep the map's order.
"""

from __future__ import annotations

from streamsql.schema.text import fresh, let
from streamsql.schema.types import STRING, Map

_WORD = "4294967295"


def entries_in_hash_order(sql: str, type_: Map) -> str:
    """A list of structs `key`, `value`; NULL of a NULL map."""
    if type_.key != STRING:
        return f"map_entries({sql})"
    return let(f"map_entries({sql})", _ordered)


def _ordered(entries: str) -> str:
    x = fresh(entries)
    i, p = f"{x}_i", f"{x}_p"
    # 3/4 of 2^n hold the entries when 2^n >= 4/3 of their number.
    bits = f"CAST(ceil(log2(ceil(len({entries}) * 4 / 3))) AS INTEGER)"
    mask = f"((1::BIGINT << {bits}) - 1)"
    code = hash_code(f"{x}.key")
    bucket = let(code, lambda h: f"xor({h}, {h} >> 16) & {mask}")
    place = f"struct_pack(b := {bucket}, i := {i})"
    numbered = f"list_transform({entries}, lambda {x}, {i}: {place})"
    ordered = f"list_transform(list_sort({numbered}), lambda {p}: {entries}[{p}.i])"
    return f"CASE WHEN len({entries}) < 2 THEN {entries} ELSE {ordered} END"


def hash_code(text: str) -> str:
    """Java's String.hashCode without its sign: h * 31 + each UTF-16 unit, in 32 bits."""
    h = fresh(text)
    c = f"{h}_c"
    high, low = f"(({c} - 65536) >> 10) + 55296", f"(({c} - 65536) & 1023) + 56320"
    pair = f"(({h} * 31 + {high}) * 31 + {low})"
    step = f"(CASE WHEN {c} < 65536 THEN {h} * 31 + {c} ELSE {pair} END) & {_WORD}"
    letters = f"string_split({text}, '')"
    units = f"list_transform({letters}, lambda {c}: CAST(unicode({c}) AS BIGINT))"
    return (
        f"CASE WHEN {text} = '' THEN 0 ELSE "
        f"list_reduce({units}, lambda {h}, {c}: {step}, 0::BIGINT) END"
    )
