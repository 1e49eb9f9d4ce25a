"""Opens a client of aiokafka so that none of its connections stays where it is not wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

_ANSWER_SECONDS = 2.0
"""How long a broker has to answer once nobody waits for the client any more."""


async def open_client(
    start: Callable[[], Awaitable[object]], close: Callable[[], Awaitable[object]]
) -> None:
    """Starts a client; closes it where that fails or is cancelled, as a take-over may be.

    Who is cancelled lets it start first: aiokafka holds its first connection in a variable of
    `AIOKafkaClient.bootstrap`, which closes it for errors of Kafka only.
    """
    starting = asyncio.ensure_future(start())
    try:
        await asyncio.shield(starting)
    except BaseException:
        if not starting.done():
            await asyncio.wait([starting], timeout=_ANSWER_SECONDS)
            starting.cancel()
        await close()
        raise
