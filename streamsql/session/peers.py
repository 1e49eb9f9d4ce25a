"""The other engines of a service, as a session sees them: a pull query over a table that engines
share is asked of all who have a part of it. HTTP is behind `Peers` (`server/peers.py`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A pull query over the table called `source`, with the properties of its session."""

    statement: str
    properties: Mapping[str, str]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Rows of a table as its query keeps them, and the partition numbers that they are all of."""

    rows: pa.Table
    numbers: frozenset[int]


class Peers(Protocol):
    """How engines talk to each other. `address`: where this one answers, once it is open."""

    address: str

    async def open(
        self, answer: Callable[[Question], Awaitable[Answer]], secret: Callable[[], str]
    ) -> None:
        """Begins to answer who knows the secret."""
        ...

    async def ask(self, address: str, question: Question) -> Answer:
        """What another engine answers; LogError where it does not."""
        ...

    async def close(self) -> None: ...


OpenPeers = Callable[[Mapping[str, str]], Peers]
"""Peers of an engine with these settings, not open yet."""
