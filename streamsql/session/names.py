"""What completion may offer: the names that exist, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamsql import functions
from streamsql.config import SETTINGS
from streamsql.formats import FORMATS
from streamsql.plan.declare import WITH_NAMES
from streamsql.session.state import SessionState

__all__ = ["Names", "SourceNames", "gather_names"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceNames:
    """A stream or table: `kind` STREAM or TABLE, columns as (name, type)."""

    kind: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """All names, case-exact. `options` are those of a WITH clause."""

    sources: Mapping[str, SourceNames] = field(default_factory=dict)
    topics: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()


async def gather_names(session: SessionState) -> Names:
    """The names that a session sees now."""
    catalog = session.engine.catalog
    callable_names = (
        *functions.SCALARS,
        *functions.TABLE_FUNCTIONS,
        *functions.AGGREGATES,
    )
    return Names(
        sources={
            source.name: SourceNames(
                kind=source.kind,
                columns=tuple((c.name, str(c.type)) for c in source.schema.columns()),
            )
            for source in catalog.sources.values()
        },
        topics=tuple(sorted(await session.engine.log.topics())),
        queries=tuple(catalog.queries),
        types=tuple(sorted(catalog.types)),
        variables=tuple(sorted(session.variables)),
        functions=tuple(sorted(callable_names)),
        properties=tuple(sorted(name for name, s in SETTINGS.items() if s.scope == "session")),
        options=tuple(WITH_NAMES),
        formats=tuple(FORMATS),
    )
