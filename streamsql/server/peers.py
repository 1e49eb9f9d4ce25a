"""Engines of a service asking each other over HTTP: `POST /rows` with a pull query as JSON; the
answer is an Arrow stream.

It listens on loopback and a port that is free, unless `streamsql.listener` says otherwise; beyond
loopback only with TLS. Every request carries the service's secret, which is in its statement log:
who may read that may read the tables.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping

import pyarrow as pa
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web

from streamsql.config import SETTINGS
from streamsql.errors import LogError, StreamSqlError
from streamsql.session.peers import Answer, Question

_TIMEOUT_SECONDS = 10.0
_BODY_BYTES_MAX = 1 << 20
_NUMBERS = "X-Streamsql-Partitions"
"""The header that says which partitions the rows are all of."""


class HttpPeers:
    """Answers on `address` (`host:port`) and asks others, from `open` to `close`."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.address = ""
        self._listener = _setting(settings, "streamsql.listener")
        self._tls = _server_tls(settings)
        self._trust = _client_tls(settings) if self._tls is not None else None
        self._runner: web.AppRunner | None = None
        self._client: ClientSession | None = None
        self._answer: Callable[[Question], Awaitable[Answer]]
        self._secret: Callable[[], str]

    async def open(
        self, answer: Callable[[Question], Awaitable[Answer]], secret: Callable[[], str]
    ) -> None:
        """Begins to listen; LogError where it may not or cannot."""
        self._answer, self._secret = answer, secret
        host, port = _host_and_port(self._listener)
        if self._tls is None and not _is_loopback(host):
            raise LogError(
                f"streamsql.listener {self._listener} is not on loopback and has no TLS",
                hint="give streamsql.listener.certificate and streamsql.listener.key, PEM files",
            )
        app = web.Application(client_max_size=_BODY_BYTES_MAX)
        app.router.add_post("/rows", self._rows)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port, ssl_context=self._tls).start()
        except OSError as error:
            await self._runner.cleanup()
            raise LogError(
                f"streamsql.listener {self._listener} cannot be listened on",
                detail=str(error),
                hint="port 0 takes one that is free",
            ) from error
        bound = self._runner.addresses[0][1]
        self.address = f"[{host}]:{bound}" if ":" in host else f"{host}:{bound}"
        connector = TCPConnector(ssl=True if self._trust is None else self._trust)
        timeout = ClientTimeout(total=_TIMEOUT_SECONDS)
        self._client = ClientSession(connector=connector, timeout=timeout)

    async def close(self) -> None:
        """Ends listening and open connections."""
        if self._client is not None:
            await self._client.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def ask(self, address: str, question: Question) -> Answer:
        """What the engine at `address` answers; LogError where it does not."""
        if self._client is None:
            raise AssertionError("not open")
        body = {
            "statement": question.statement,
            "properties": dict(question.properties),
            "source": question.source,
        }
        url = f"{'http' if self._tls is None else 'https'}://{address}/rows"
        headers = {"Authorization": f"Bearer {self._secret()}"}
        try:
            async with self._client.post(url, json=body, headers=headers) as response:
                content = await response.read()
                if response.status != web.HTTPOk.status_code:
                    raise LogError(f"engine {address}: {content.decode(errors='replace')}")
                listed = response.headers.get(_NUMBERS, "")
        except (ClientError, TimeoutError, OSError) as error:
            raise LogError(f"engine {address} does not answer", detail=str(error)) from error
        numbers = frozenset(int(n) for n in listed.split(",") if n)
        return Answer(rows=pa.ipc.open_stream(content).read_all(), numbers=numbers)

    async def _rows(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._secret()}".encode()):
            return web.Response(status=401, text="the secret of the service is another")
        try:
            body = json.loads(await request.text())
            question = Question(
                statement=body["statement"], properties=body["properties"], source=body["source"]
            )
        except (ValueError, KeyError, TypeError):
            return web.Response(status=400, text="the request is no question")
        try:
            answer = await self._answer(question)
        except StreamSqlError as error:
            return web.Response(status=409, text=error.primary)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, answer.rows.schema) as writer:
            writer.write_table(answer.rows)
        return web.Response(
            body=sink.getvalue().to_pybytes(),
            content_type="application/vnd.apache.arrow.stream",
            headers={_NUMBERS: ",".join(str(n) for n in sorted(answer.numbers))},
        )


def _setting(settings: Mapping[str, str], name: str) -> str:
    return settings.get(name, SETTINGS[name].default)


def _host_and_port(listener: str) -> tuple[str, int]:
    host, _, port = listener.rpartition(":")
    if not host or not port.isdecimal():
        raise LogError(
            f"streamsql.listener {listener} is no address", hint="write host:port, port 0 for any"
        )
    return host.strip("[]"), int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _server_tls(settings: Mapping[str, str]) -> ssl.SSLContext | None:
    certificate = _setting(settings, "streamsql.listener.certificate")
    if not certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, _setting(settings, "streamsql.listener.key") or None)
    except (OSError, ssl.SSLError) as error:
        raise LogError(
            f"the certificate {certificate} of streamsql.listener cannot be used",
            detail=str(error),
            hint="streamsql.listener.certificate and streamsql.listener.key are PEM files",
        ) from error
    return context


def _client_tls(settings: Mapping[str, str]) -> ssl.SSLContext:
    """Trusts the authorities of `ssl.ca.location`, else the certificate that all engines share."""
    own = _setting(settings, "streamsql.listener.certificate")
    authorities = _setting(settings, "ssl.ca.location") or own
    try:
        return ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError) as error:
        raise LogError(
            f"{authorities} cannot be read",
            detail=str(error),
            hint="ssl.ca.location is a PEM file of the authorities that are trusted",
        ) from error
