"""Which registry an engine has: the server of `ksql.schema.registry.url`, else its own."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from streamsql.registry.absent import AbsentRegistry
from streamsql.registry.embedded import EmbeddedRegistry
from streamsql.registry.registry import Registry

PREFIX = "ksql.schema.registry."


def open_registry(
    settings: Mapping[str, str], connection: duckdb.DuckDBPyConnection, *, shared: bool
) -> Registry:
    """The registry that the engine's settings name; RegistryError where they cannot be right.

    `shared`: others read the topics too, so that it cannot be this engine's own.
    """
    if not settings.get(f"{PREFIX}url"):
        return AbsentRegistry() if shared else EmbeddedRegistry(connection)
    from streamsql.registry.confluent import ConfluentRegistry, registry_settings

    given = {n.removeprefix(PREFIX): v for n, v in settings.items() if n.startswith(PREFIX)}
    return ConfluentRegistry(registry_settings(given))
