"""A statement's life, for every door: `Session` over an `Engine`, `connect` for Python, typed
results."""

from streamsql.session.connection import Connection, connect
from streamsql.session.engine import Engine, new_engine
from streamsql.session.result import Push, PushRow, Result, Rows
from streamsql.session.session import Session

__all__ = [
    "Connection",
    "Engine",
    "Push",
    "PushRow",
    "Result",
    "Rows",
    "Session",
    "connect",
    "new_engine",
]
