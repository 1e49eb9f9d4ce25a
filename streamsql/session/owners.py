"""The rows of a table whose partitions several engines have: this engine's, and those that it asks
the others for.

A question is the pull query itself. Who is asked plans it against the same catalog, gives the rows
of the partitions that it owns and that pass its WHERE, and says which partitions those are. Who
asks puts the answers beside its own rows and does with all what the query says. While partitions
move, some have no owner for a moment: it asks again until every partition was answered for once.
"""

from __future__ import annotations

import asyncio
import time

import pyarrow as pa

from streamsql.errors import LogError
from streamsql.runtime.shared import SharedQuery
from streamsql.session.engine import Engine
from streamsql.session.peers import Answer, Peers, Question

_PATIENCE_SECONDS = 15.0
"""How long a pull query waits for partitions that are on their way from one engine to another."""

_PAUSE_SECONDS = 0.1


def own_rows(engine: Engine, shared: SharedQuery, where: str) -> Answer:
    """The rows of a table that this engine has, as of now."""
    numbers = frozenset(shared.owned)
    listed = ", ".join(str(n) for n in sorted(numbers)) or "-1"
    condition = f"({where})" if where else "TRUE"
    rows = engine.runtime.database.read(
        f"SELECT * FROM ({shared.query.plan.materialized})"
        f" WHERE {shared.part} IN ({listed}) AND {condition} ORDER BY ALL",
        now=engine.runtime.now_ms(),
    )
    return Answer(rows=rows, numbers=numbers)


async def all_rows(
    engine: Engine, peers: Peers | None, shared: SharedQuery, question: Question, where: str
) -> pa.Table:
    """The rows of all engines; LogError where some partition has no owner that answers."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    problem = "no engine has them at the moment"
    while True:
        own = own_rows(engine, shared, where)
        missing = set(shared.numbers) - own.numbers
        asked: list[Answer | BaseException] = []
        if missing and peers is not None:
            others = {shared.owner(number) for number in missing} - {"", peers.address}
            questions = [peers.ask(address, question) for address in sorted(others)]
            asked = await asyncio.gather(*questions, return_exceptions=True)
        found = [own]
        for answer in asked:
            if isinstance(answer, LogError):
                problem = answer.primary
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found.append(answer)
        counts = [number for answer in found for number in answer.numbers]
        if sorted(counts) == sorted(shared.numbers):
            return pa.concat_tables([answer.rows for answer in found])
        if time.monotonic() > deadline:
            gone = ", ".join(str(n) for n in sorted(set(shared.numbers) - set(counts)))
            raise LogError(
                f"partitions {gone or 'of the table'} cannot be read",
                detail=problem,
                hint="ask again: they are given to another engine once the session of a lost one"
                " has timed out",
            )
        await asyncio.sleep(_PAUSE_SECONDS)
