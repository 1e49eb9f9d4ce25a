"""Streaming SQL in the manner of ksqlDB, executed by DuckDB.

`connect(path)` opens a database and runs its queries; the rooms of the package, in the order in
which data flows through them, are drawn in README.md beside this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamsql.session import Connection

__all__ = ["__version__", "connect"]
__version__ = "0.1.0"


def connect(path: str = "", **settings: str) -> Connection:
    """Opens the database file `path`, memory where empty, or joins a service on the Kafka cluster
    `kafka://host:port`; its queries go on at once (`session.connect`)."""
    from streamsql.session import connect as open_connection

    if not path.startswith("kafka://"):
        return open_connection(path, **settings)
    from streamsql.server.peers import HttpPeers

    return open_connection(path, HttpPeers, **settings)
