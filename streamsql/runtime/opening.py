"""Opens the database and the log that a runtime works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from streamsql.brokers.embedded import EmbeddedLog, database_settings
from streamsql.brokers.log import Log
from streamsql.config import SETTINGS
from streamsql.engine.database import Database, RegisteredKernel
from streamsql.runtime.loop import Runtime, wall_clock_ms
from streamsql.runtime.processing_log import ProcessingLog


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
        settings={
            "threads": setting(settings, "streamsql.threads"),
            "memory_limit": setting(settings, "streamsql.memory.limit"),
            **database_settings(fsync=setting(settings, "embedded.fsync") == "true"),
        },
        kernels=kernels,
    )
    found = EmbeddedLog(database.connection) if log is None else log
    processing_log = ProcessingLog(
        found,
        setting(settings, "ksql.service.id"),
        include_rows=setting(settings, "ksql.logging.processing.rows.include") == "true",
    )
    return Runtime(database, found, processing_log, clock=clock)
