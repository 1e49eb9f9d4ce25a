"""Engines asking each other: rows arrive as they were sent, strangers get nothing."""

from __future__ import annotations

import asyncio
import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from aiohttp import ClientSession

from streamsql.errors import LogError, StatementError
from streamsql.server.peers import HttpPeers
from streamsql.session.peers import Answer, Question

ROWS = pa.table(
    {
        "k": pa.array(["a", None, "ä\0"]),
        "n": pa.array([1, -(2**63), None], pa.int64()),
        "x": pa.array([float("nan"), -0.0, 5e-324]),
        "d": pa.array([Decimal("1.50"), None, Decimal("-9.99")], pa.decimal128(5, 2)),
        "b": pa.array([b"\0\xff", b"", None]),
        "t": pa.array([datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)]),
        "l": pa.array([[{"a": 1}], [], None]),
    }
)
QUESTION = Question(
    statement="SELECT * FROM t WHERE k = 'ä';", properties={"streamsql.strict": "true"}, source="T"
)


async def opened(answer, *, secret: str = "s", **settings: str) -> HttpPeers:
    peers = HttpPeers({name.replace("_", "."): value for name, value in settings.items()})
    await peers.open(answer, lambda: secret)
    return peers


async def ask(answer, *, secret: str = "s") -> Answer:
    """What an engine gets from another one that answers so."""
    there, here = await opened(answer), await opened(answer, secret=secret)
    try:
        return await here.ask(there.address, QUESTION)
    finally:
        await here.close()
        await there.close()


def test_rows_arrive_as_they_were_sent() -> None:
    asked = []

    async def answer(question: Question) -> Answer:
        asked.append(question)
        return Answer(rows=ROWS, numbers=frozenset({0, 3, 11}))

    found = asyncio.run(ask(answer))
    assert asked == [QUESTION]
    assert found.numbers == {0, 3, 11}
    assert found.rows.schema == ROWS.schema
    assert [repr(row) for row in found.rows.to_pylist()] == [repr(r) for r in ROWS.to_pylist()]


def test_no_rows_and_no_partitions() -> None:
    async def answer(question: Question) -> Answer:
        return Answer(rows=ROWS.slice(0, 0), numbers=frozenset())

    found = asyncio.run(ask(answer))
    assert (found.rows.num_rows, found.numbers) == (0, frozenset())
    assert found.rows.schema == ROWS.schema


def test_who_does_not_know_the_secret_gets_nothing() -> None:
    async def answer(question: Question) -> Answer:
        raise AssertionError("it was asked")

    with pytest.raises(LogError, match="the secret of the service is another"):
        asyncio.run(ask(answer, secret="t"))


def test_what_the_other_engine_refuses_is_said() -> None:
    async def answer(question: Question) -> Answer:
        raise StatementError("T is not kept by this engine")

    with pytest.raises(LogError, match=r"engine 127\.0\.0\.1:\d+: T is not kept by this engine"):
        asyncio.run(ask(answer))


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"statement": 1}', "\0"])
def test_a_request_that_is_no_question_is_refused(body: str) -> None:
    async def answer(question: Question) -> Answer:
        raise AssertionError("it was asked")

    async def act() -> tuple[int, str]:
        peers = await opened(answer)
        headers = {"Authorization": "Bearer s"}
        try:
            async with (
                ClientSession() as client,
                client.post(f"http://{peers.address}/rows", data=body, headers=headers) as got,
            ):
                return got.status, await got.text()
        finally:
            await peers.close()

    assert asyncio.run(act()) == (400, "the request is no question")


def test_an_engine_that_is_gone_does_not_answer() -> None:
    async def act() -> None:
        async def answer(question: Question) -> Answer:
            raise AssertionError("it was asked")

        there, here = await opened(answer), await opened(answer)
        await there.close()
        try:
            await here.ask(there.address, QUESTION)
        finally:
            await here.close()

    with pytest.raises(LogError, match="does not answer"):
        asyncio.run(act())


@pytest.mark.parametrize(
    ("listener", "error"),
    [
        ("0.0.0.0:0", "is not on loopback and has no TLS"),
        ("[::]:0", "is not on loopback and has no TLS"),
        ("example.org:1", "is not on loopback and has no TLS"),
        ("8080", "is no address"),
        ("127.0.0.1:http", "is no address"),
    ],
)
def test_where_it_may_not_listen(listener: str, error: str) -> None:
    async def answer(question: Question) -> Answer:
        raise AssertionError("it was asked")

    with pytest.raises(LogError, match=error) as raised:
        asyncio.run(opened(answer, streamsql_listener=listener))
    assert raised.value.hint


def test_a_port_that_is_taken_is_named() -> None:
    async def act() -> None:
        async def answer(question: Question) -> Answer:
            raise AssertionError("it was asked")

        one = await opened(answer)
        try:
            await opened(answer, streamsql_listener=one.address)
        finally:
            await one.close()

    with pytest.raises(LogError, match="cannot be listened on"):
        asyncio.run(act())
