"""The rule by which engines share the partitions of a query."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from streamsql.brokers.group import (
    Member,
    Told,
    assign_partitions,
    assign_standbys,
    decode_member,
    decode_told,
)


def engines(*names: str) -> dict[str, Member]:
    """Members that own nothing, under ids that say nothing."""
    return {f"id-{random.random()}": Member(engine=name) for name in names}


def by_engine(
    members: dict[str, Member], assigned: dict[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    return {members[member].engine: numbers for member, numbers in assigned.items()}


def settle(query: str, partitions: int, members: dict[str, Member]) -> dict[str, Member]:
    """The members after they took what they were assigned."""
    assigned = assign_partitions(query, partitions, members)
    return {
        member: Member(engine=known.engine, owned=frozenset(assigned[member]))
        for member, known in members.items()
    }


@pytest.mark.parametrize("partitions", [0, 1, 2, 7, 12, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_partition_has_one_owner_and_shares_are_even(partitions: int, count: int) -> None:
    rng = random.Random(partitions * 10 + count)
    members = {
        f"m{i}": Member(
            engine=f"e{i}",
            owned=frozenset(n for n in range(partitions) if rng.random() < 0.5),
            standby=frozenset(n for n in range(partitions) if rng.random() < 0.5),
        )
        for i in range(count)
    }
    assigned = assign_partitions("q", partitions, members)
    assert sorted(n for numbers in assigned.values() for n in numbers) == list(range(partitions))
    sizes = [len(numbers) for numbers in assigned.values()]
    assert max(sizes) - min(sizes) <= 1


def test_random_ids_change_nothing() -> None:
    found = set()
    for _ in range(20):
        members = engines("a", "b", "c")
        found.add(tuple(sorted(by_engine(members, assign_partitions("q", 7, members)).items())))
    assert len(found) == 1


def test_an_engine_that_restarts_gets_its_partitions_back() -> None:
    members = settle("q", 12, engines("a", "b", "c"))
    before = by_engine(members, {m: tuple(sorted(k.owned)) for m, k in members.items()})
    restarted = {
        (m if k.engine != "b" else "new-id"): (k if k.engine != "b" else Member(engine="b"))
        for m, k in members.items()
    }
    assert by_engine(restarted, assign_partitions("q", 12, restarted)) == before


def test_an_engine_that_goes_moves_only_its_own() -> None:
    members = settle("q", 12, engines("a", "b", "c"))
    left = {m: k for m, k in members.items() if k.engine != "b"}
    assigned = assign_partitions("q", 12, left)
    for member, known in left.items():
        assert known.owned <= set(assigned[member])


def test_an_engine_that_comes_takes_no_more_than_its_share() -> None:
    members = settle("q", 12, engines("a", "b"))
    with_third = members | {"third": Member(engine="c")}
    assigned = assign_partitions("q", 12, with_third)
    for member, known in members.items():
        assert set(assigned[member]) <= known.owned
    assert len(assigned["third"]) == 4


def test_what_has_no_owner_goes_to_who_has_its_state() -> None:
    members = {
        "x": Member(engine="a", owned=frozenset({0, 1}), standby=frozenset({4})),
        "y": Member(engine="b", owned=frozenset({2, 3}), standby=frozenset({5})),
    }
    assert assign_partitions("q", 6, members) == {"x": (0, 1, 4), "y": (2, 3, 5)}


def test_two_that_claim_the_same_do_not_both_get_it() -> None:
    """A zombie that wakes claims what another has taken over."""
    members = {
        "x": Member(engine="a", owned=frozenset({0, 1})),
        "y": Member(engine="b", owned=frozenset({0, 1})),
    }
    assigned = assign_partitions("q", 2, members)
    assert sorted(map(len, assigned.values())) == [1, 1]


def test_queries_of_one_partition_are_spread_over_the_engines() -> None:
    members = {f"m{name}": Member(engine=name) for name in "abc"}
    owners = Counter(
        name
        for n in range(300)
        for name, numbers in by_engine(members, assign_partitions(f"q{n}", 1, members)).items()
        if numbers
    )
    assert all(60 < owners[name] < 140 for name in "abc")


def test_nobody_gets_anything_where_nobody_is() -> None:
    assert assign_partitions("q", 4, {}) == {}


def test_what_travels_comes_back() -> None:
    member = Member(engine="e1", listener="h:1", owned=frozenset({3, 1}), standby=frozenset({2}))
    assert decode_member(member.encode()) == member
    assert decode_member(b"") == Member(engine="")
    told = Told(listeners={3: "a:1", 0: "b:2"}, standbys={"a": frozenset({0}), "b": frozenset()})
    assert decode_told(told.encode()) == told
    assert decode_told(b"") == Told(listeners={}, standbys={})


@pytest.mark.parametrize("copies", [0, 1, 2, 5])
@pytest.mark.parametrize("engines", [1, 2, 3, 4])
def test_copies_are_kept_beside_the_owner_and_shared(copies: int, engines: int) -> None:
    names = "abcd"[:engines]
    members = {f"id-{name}": Member(engine=name) for name in names}
    assigned = assign_partitions("q", 12, members)
    found = assign_standbys(copies, assigned, members)
    owner = {n: members[m].engine for m, numbers in assigned.items() for n in numbers}
    for number in range(12):
        keepers = [engine for engine, numbers in found.items() if number in numbers]
        assert len(keepers) == min(copies, engines - 1)
        assert owner[number] not in keepers
    counts = [len(found.get(name, ())) for name in names]
    assert max(counts) - min(counts) <= 2


def test_who_has_a_copy_keeps_it() -> None:
    members = {
        "1": Member(engine="a", owned=frozenset({0, 1})),
        "2": Member(engine="b", standby=frozenset({0})),
        "3": Member(engine="c", standby=frozenset({1})),
    }
    found = assign_standbys(1, {"1": (0, 1), "2": (), "3": ()}, members)
    assert found == {"b": {0}, "c": {1}}
