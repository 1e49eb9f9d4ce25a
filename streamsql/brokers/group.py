"""Who reads which partitions of a query, where several engines share it: values and the rule.

A query's inputs are co-partitioned: partition 3 of one goes with partition 3 of the others, and the
pair with the state of that number. So what is assigned is a number, for all inputs at once.

The rule (`assign_partitions`), in this order:
1. every number has one owner, and no engine has two more than another;
2. who has a number keeps it, up to its share: an engine that restarts moves nobody else's;
3. a number without an owner goes to who keeps a copy of its state, else to who has the least;
4. ties go by the engine's name and the query's, never by an id that is random: queries of one
   partition do not all end at the same engine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from streamsql.errors import LogError


class Fenced(LogError):
    """Another engine has taken over what this one was writing: it must stop, and may not commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An engine as it presents itself to the others of its group.

    `engine`: its name, which a restart does not change. `listener`: where it answers (`host:port`),
    or empty. `owned`: what it reads; `standby`: of what else it has state.
    """

    engine: str
    listener: str = ""
    owned: frozenset[int] = frozenset()
    standby: frozenset[int] = frozenset()

    def encode(self) -> bytes:
        """As it travels in a join request."""
        fields = {
            "engine": self.engine,
            "listener": self.listener,
            "owned": sorted(self.owned),
            "standby": sorted(self.standby),
        }
        return json.dumps(fields, separators=(",", ":")).encode()


def decode_member(content: bytes) -> Member:
    """The member that `encode` gave; of one that says nothing, nothing is known."""
    fields = json.loads(content) if content else {}
    return Member(
        engine=fields.get("engine", ""),
        listener=fields.get("listener", ""),
        owned=frozenset(fields.get("owned", ())),
        standby=frozenset(fields.get("standby", ())),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The partitions of one engine, where every partition is read (listener by partition), and of
    which an engine keeps a copy of the state (partitions by the engine's name)."""

    partitions: frozenset[int]
    listeners: Mapping[int, str]
    standbys: Mapping[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the leader tells everybody with an assignment: see `Assignment`."""

    listeners: Mapping[int, str]
    standbys: Mapping[str, frozenset[int]]

    def encode(self) -> bytes:
        """As it travels."""
        fields = {
            "listeners": {str(p): at for p, at in sorted(self.listeners.items())},
            "standbys": {name: sorted(p) for name, p in sorted(self.standbys.items())},
        }
        return json.dumps(fields, separators=(",", ":")).encode()


def decode_told(content: bytes) -> Told:
    """What `encode` gave; nothing where nothing was told."""
    fields = json.loads(content or b"{}")
    return Told(
        listeners={int(p): at for p, at in fields.get("listeners", {}).items()},
        standbys={name: frozenset(p) for name, p in fields.get("standbys", {}).items()},
    )


def assign_partitions(
    query: str, partitions: int, members: Mapping[str, Member]
) -> dict[str, tuple[int, ...]]:
    """The numbers 0 to `partitions` - 1 for each of `members` (by their ids in the group)."""
    order = sorted(members, key=lambda m: (_turn(query, members[m].engine), members[m].engine, m))
    if not order:
        return {}
    # Each gets `least` numbers, and `more` engines one above it.
    least, more = divmod(partitions, len(order))
    taken: dict[str, list[int]] = {member: [] for member in order}

    def with_room() -> list[str]:
        above = sum(len(numbers) > least for numbers in taken.values())
        limit = least + (above < more)
        return [member for member in order if len(taken[member]) < limit]

    free: list[int] = []
    for number in range(partitions):
        owners = [member for member in with_room() if number in members[member].owned]
        if owners:
            taken[owners[0]].append(number)
        else:
            free.append(number)
    for number in free:
        able = with_room()
        warm = [member for member in able if number in members[member].standby]
        chosen = min(warm or able, key=lambda member: len(taken[member]))
        taken[chosen].append(number)
    return {member: tuple(sorted(numbers)) for member, numbers in taken.items()}


def assign_standbys(
    copies: int, assigned: Mapping[str, tuple[int, ...]], members: Mapping[str, Member]
) -> dict[str, frozenset[int]]:
    """The numbers of which each engine, by its name, keeps a copy: `copies` engines a number, never
    its owner; who has a copy already before others, then who keeps the fewest."""
    keeps: dict[str, set[int]] = {member.engine: set() for member in members.values()}
    held = {member.engine: member.standby | member.owned for member in members.values()}
    owner = {n: members[m].engine for m, numbers in assigned.items() for n in numbers}
    for number in sorted(owner):
        able = sorted(engine for engine in keeps if engine != owner[number])
        able.sort(key=lambda engine: (number not in held[engine], len(keeps[engine])))
        for engine in able[:copies]:
            keeps[engine].add(number)
    return {engine: frozenset(numbers) for engine, numbers in keeps.items() if numbers}


def _turn(query: str, engine: str) -> bytes:
    """What orders engines differently for each query, and always in the same way. (A CRC would
    not: of names that differ in one letter it gives the same order for most queries.)"""
    return hashlib.blake2b(f"{query}\0{engine}".encode(), digest_size=8).digest()
