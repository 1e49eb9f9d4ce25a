"""DESCRIBE of a source or a function."""

from __future__ import annotations

from dataclasses import replace

from streamsql.errors import StatementError, UnsupportedError
from streamsql.plan.frame import source_hint
from streamsql.session.handlers.function import describe_function
from streamsql.session.handlers.show import listing
from streamsql.session.handlers.source_rows import DETAILS, field_rows, source_details
from streamsql.session.result import Listing, Result, Text
from streamsql.session.state import SessionState
from streamsql.sql.statement import Describe


async def handle(statement: Describe, session: SessionState) -> Result:
    """What is known of a source or function."""
    match statement.kind:
        case "SOURCE":
            return await _source(statement, session)
        case "FUNCTION":
            return Text(statement=statement.text, body=describe_function(statement))
        case "STREAMS" | "TABLES":
            return await _all(statement, session)
        case _:
            raise UnsupportedError(
                f"DESCRIBE {statement.kind} is not supported yet", position=statement.position
            )


async def _all(statement: Describe, session: SessionState) -> Listing:
    kind = statement.kind.removesuffix("S")
    found = sorted(
        (s for s in session.engine.catalog.sources.values() if s.kind == kind),
        key=lambda s: s.name,
    )
    rows: list[tuple[object, ...]] = []
    for source in found:
        details = await source_details(source, session) if statement.extended else ()
        rows += [(source.name, *row, *(v for _, v in details)) for row in field_rows(source)]
    columns = ("Source", "Field", "Type", *(DETAILS if statement.extended else ()))
    return listing(statement.text, "DESCRIBE", columns, rows)


async def _source(statement: Describe, session: SessionState) -> Listing:
    engine = session.engine
    source = engine.catalog.sources.get(statement.name)
    if source is None:
        raise StatementError(
            f"Could not find STREAM/TABLE '{statement.name}' in the Metastore",
            hint=source_hint(statement.name, engine.catalog),
            position=statement.position,
        )
    details = await source_details(source, session) if statement.extended else ()
    made = listing(statement.text, "DESCRIBE", ("Field", "Type"), field_rows(source))
    return replace(
        made,
        message=f"{source.kind.title()} {source.name}",
        details=tuple((name, str(value)) for name, value in details),
    )
