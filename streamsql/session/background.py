"""The thread that an embedded engine lives on: one event loop, one thing at a time.

`call` hands a coroutine over and waits for its result; in between the queries run, step by step.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from streamsql.config import KAFKA
from streamsql.runtime.cluster import SharedRuntime
from streamsql.session.engine import Engine, join_service, new_engine
from streamsql.session.handlers import pull
from streamsql.session.peers import OpenPeers
from streamsql.session.session import Session
from streamsql.session.statement_log import StatementLog

T = TypeVar("T")
_IDLE_SECONDS = 1.0
_SMALL_BATCH = 1000
"""Records of a round of steps below which stateful queries linger."""


class Background:
    """An engine with a session, running on its own thread until `close`.

    `before`: records in and out of each query when it was opened.
    """

    def __init__(
        self,
        path: str,
        settings: Mapping[str, str],
        properties: Mapping[str, str],
        *,
        open_peers: OpenPeers | None = None,
    ) -> None:
        self.before: dict[str, tuple[int, int]] = {}
        self._path, self._settings, self._properties = path, settings, properties
        self._open_peers = open_peers
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._stop = False
        self._statements: StatementLog | None = None
        self._thread = threading.Thread(target=self._serve, name="streamsql", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def alive(self) -> bool:
        """Whether it still takes calls."""
        return self._thread.is_alive() and not self._stop

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine that ran on the loop. Interrupted, it stops waiting, and what
        reads to the end of topics for it stops too."""
        if not self.alive:
            coroutine.close()
            raise RuntimeError("the connection is closed") from self._failure
        future = asyncio.run_coroutine_threadsafe(self._woken(coroutine), self._loop)
        try:
            return future.result()
        except BaseException:
            self.engine.runtime.cancelled = not future.done()
            raise

    def close(self) -> None:
        """Ends the queries after the step that is running and closes the engine."""
        if self.alive:
            self._loop.call_soon_threadsafe(self._end)
        self._thread.join()

    def _end(self) -> None:
        self._stop = True
        self._wake.set()

    async def _woken(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            return await coroutine
        finally:
            self._wake.set()

    def _serve(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001  the caller of connect() gets it
            self._failure = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        await self._open()
        try:
            await self._restore()
            queries = self.engine.runtime.queries
            self.before = {i: (q.records_in, q.records_out) for i, q in queries.items()}
            self._ready.set()
            await self._run()
        finally:
            if self._statements is not None:
                await self._statements.close()
            if self.engine.peers is not None:
                await self.engine.peers.close()
            await self.engine.close()

    async def _open(self) -> None:
        """Opens the engine: one of a service where the path is an address."""
        if self._path.startswith(KAFKA):
            self.engine: Engine = await join_service(self._path, settings=self._settings)
        else:
            self.engine = new_engine(self._path, settings=self._settings)
        self.session = Session(self.engine, self._properties)

    async def _meet(self, runtime: SharedRuntime) -> None:
        """Begins to answer the other engines, which learn the address from the groups."""
        if self._open_peers is None:
            return
        engine = self.engine
        peers = self._open_peers(self._settings)
        await peers.open(
            lambda question: pull.answer(question, Session(engine, question.properties)),
            lambda: engine.secret,
        )
        engine.peers = peers
        runtime.service = replace(runtime.service, listener=peers.address)

    async def _restore(self) -> None:
        """Brings the catalog back and starts the queries."""
        runtime = self.engine.runtime
        if isinstance(runtime, SharedRuntime):
            await self._meet(runtime)
            service = runtime.service
            self._statements = StatementLog(
                self.engine, service.log, service.id, replicas=service.replicas
            )
            await self._statements.open()
        else:
            await self.session.restore()

    async def _run(self) -> None:
        """Steps until stopped; small batches of stateful queries linger, an idle engine waits."""
        linger = int(self._settings.get("streamsql.linger.ms", "50")) / 1000
        while not self._stop:
            started = time.monotonic()
            before = self._records_in()
            progress = await self.engine.runtime.run_once()
            await asyncio.sleep(0)
            if not progress:
                self._wake.clear()
                if self._stop:
                    return
                try:
                    await asyncio.wait_for(self._wake.wait(), _IDLE_SECONDS)
                except TimeoutError:
                    continue
            elif self._records_in() - before < _SMALL_BATCH and self._lingers():
                # A step of a few records costs as much as one of thousands.
                await asyncio.sleep(max(0.0, linger - (time.monotonic() - started)))

    def _records_in(self) -> int:
        return sum(q.records_in for q in self.engine.runtime.queries.values())

    def _lingers(self) -> bool:
        return any(q.plan.state for q in self.engine.runtime.queries.values())
