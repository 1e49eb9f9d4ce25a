"""ASSERT [NOT EXISTS] TOPIC: waits for a topic to be there as it has to be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from streamsql.errors import StatementError
from streamsql.session.result import Result
from streamsql.session.state import SessionState
from streamsql.sql.statement import AssertTopic

TIMEOUT_MS = 1000
_POLL_SECONDS = 0.05


async def handle(statement: AssertTopic, session: SessionState) -> Result:
    """Whether the topic is there; StatementError where it is not within TIMEOUT."""
    wrong = await wait_until_right(lambda: _wrong(statement, session), statement.timeout_ms)
    if wrong:
        raise StatementError(
            wrong,
            hint="SHOW TOPICS lists them; TIMEOUT says how long to wait",
            position=statement.position,
        )
    word = "exists" if statement.exists else "does not exist"
    return Result(statement=statement.text, message=f"Topic {statement.topic} {word}.")


async def wait_until_right(check: Callable[[], Awaitable[str]], timeout_ms: int | None) -> str:
    """What `check` says is wrong, empty as soon as nothing is; asked again until TIMEOUT."""
    polls = int((TIMEOUT_MS if timeout_ms is None else timeout_ms) / 1000 / _POLL_SECONDS)
    wrong = await check()
    while wrong and polls > 0 and _can_wait():
        await asyncio.sleep(_POLL_SECONDS)
        polls -= 1
        wrong = await check()
    return wrong


def _can_wait() -> bool:
    """Whether anything can happen meanwhile: a driver that steps by hand has no loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _wrong(statement: AssertTopic, session: SessionState) -> str:
    """What differs, in ksqlDB's words; empty where all is as asserted."""
    name = statement.topic
    found = (await session.engine.log.topics()).get(name)
    if not statement.exists:
        return f"Topic {name} exists" if found is not None else ""
    if found is None:
        return f"Topic {name} does not exist"
    actual = {"PARTITIONS": found.partitions, "REPLICAS": found.replicas}
    wrong: list[str] = []
    for key, expected in statement.properties:
        if key not in actual:
            wrong.append(f"Cannot assert unknown topic property: {key}")
        elif actual[key] != expected:
            wrong.append(
                f"Mismatched configuration for topic {name}: For config {key.lower()}, expected"
                f" {expected} got {actual[key]}"
            )
    return "\n".join(wrong)
