"""Opens the database and the log that a runtime works on."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from streamsql.brokers.embedded import EmbeddedLog, database_settings
from streamsql.brokers.log import Log
from streamsql.config import SETTINGS
from streamsql.engine.database import Database, RegisteredKernel
from streamsql.errors import DatabaseError
from streamsql.runtime.cluster import SharedRuntime
from streamsql.runtime.loop import Runtime, wall_clock_ms
from streamsql.runtime.processing_log import ProcessingLog
from streamsql.runtime.shared import Service

if TYPE_CHECKING:
    from streamsql.brokers.kafka import KafkaLog


def setting(settings: Mapping[str, str], name: str) -> str:
    """An engine setting, or its default."""
    return settings.get(name, SETTINGS[name].default)


def open_runtime(
    path: str,
    settings: Mapping[str, str],
    *,
    kernels: Sequence[RegisteredKernel],
    clock: Callable[[], int] = wall_clock_ms,
    log: Log | None = None,
) -> Runtime:
    """A runtime over the database file `path` (memory where empty), with an embedded log unless
    `log` is given."""
    database = Database(
        path,
        settings=_database_settings(path, settings),
        kernels=kernels,
    )
    found = EmbeddedLog(database.connection) if log is None else log
    processing_log = ProcessingLog(
        found,
        setting(settings, "ksql.service.id"),
        include_rows=setting(settings, "ksql.logging.processing.rows.include") == "true",
    )
    return Runtime(database, found, processing_log, clock=clock)


def _database_settings(path: str, settings: Mapping[str, str]) -> dict[str, str]:
    return {
        "threads": setting(settings, "streamsql.threads"),
        "memory_limit": setting(settings, "streamsql.memory.limit"),
        **_temporary(path, setting(settings, "streamsql.temp.directory")),
        **database_settings(fsync=setting(settings, "embedded.fsync") == "true"),
    }


def open_shared_runtime(
    log: KafkaLog,
    settings: Mapping[str, str],
    *,
    kernels: Sequence[RegisteredKernel],
    clock: Callable[[], int] = wall_clock_ms,
) -> SharedRuntime:
    """A runtime of the service `ksql.service.id` on the cluster of `log`; DatabaseError where the
    state cannot be opened."""
    service_id = setting(settings, "ksql.service.id")
    file = _state_file(settings, service_id)
    database = Database(file, settings=_database_settings(file, settings), kernels=kernels)
    service = Service(
        log=log,
        id=service_id,
        engine=database.identify(uuid.uuid4().hex),
        replicas=int(setting(settings, "ksql.internal.topic.replicas")),
        standbys=int(setting(settings, "num.standby.replicas")),
        session_ms=int(setting(settings, "session.timeout.ms")),
        max_poll_ms=int(setting(settings, "max.poll.interval.ms")),
        linger_ms=int(setting(settings, "streamsql.linger.ms")),
    )
    return SharedRuntime(database, service, ProcessingLog(log, service_id), clock=clock)


def _state_file(settings: Mapping[str, str], service_id: str) -> str:
    """The database of a service's state on this machine; empty: in memory."""
    folder = setting(settings, "streamsql.state.dir")
    if not folder:
        return ""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"the state directory {folder} cannot be made",
            detail=str(error),
            hint="give another with --state-dir; without one the state is kept in memory",
        ) from error
    return str(Path(folder) / f"{service_id}.duckdb")


def _temporary(path: str, chosen: str) -> dict[str, str]:
    """Where DuckDB writes what outgrows memory: for a file it knows a place, in memory that would
    be the directory that the program happens to stand in."""
    if not chosen and path:
        return {}
    return {"temp_directory": chosen or str(Path(tempfile.gettempdir(), "streamsql"))}
