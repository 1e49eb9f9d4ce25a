"""DESCRIBE of a source or a function."""

from __future__ import annotations

from streamsql.catalog.catalog import Source
from streamsql.errors import StatementError, UnsupportedError
from streamsql.plan.frame import source_hint
from streamsql.session.handlers.function import describe_function
from streamsql.session.handlers.show import listing
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
            kind = statement.kind.removesuffix("S")
            found = [s for s in session.engine.catalog.sources.values() if s.kind == kind]
            rows = [(s.name, str(c), "") for s in found for c in s.schema.columns()]
            return listing(statement.text, "DESCRIBE", ("Source", "Field", "Note"), rows)
        case _:
            raise UnsupportedError(
                f"DESCRIBE {statement.kind} is not supported yet", position=statement.position
            )


async def _source(statement: Describe, session: SessionState) -> Listing:
    engine = session.engine
    source = engine.catalog.sources.get(statement.name)
    if source is None:
        raise StatementError(
            f"Could not find STREAM/TABLE '{statement.name}' in the Metastore",
            hint=source_hint(statement.name, engine.catalog),
            position=statement.position,
        )
    mark = "primary key" if source.is_table else "key"
    rows = [(c.name, f"{c.type} ({mark})") for c in source.schema.key]
    if source.window is not None:
        rows = [(name, f"{type_}, windowed") for name, type_ in rows]
    rows += [(c.name, str(c.type)) for c in source.schema.value]
    rows += [
        (h.name, f"{h.type} (header{f' {h.key}' if h.key else 's'})") for h in source.schema.headers
    ]
    made = listing(statement.text, "DESCRIBE", ("Field", "Type"), rows)
    return Listing(
        statement=made.statement,
        kind=made.kind,
        columns=made.columns,
        types=made.types,
        rows=made.rows,
        message=f"{source.kind.title()} {source.name}",
        details=await _details(source, session) if statement.extended else (),
    )


async def _details(source: Source, session: SessionState) -> tuple[tuple[str, str], ...]:
    engine = session.engine
    begin = await engine.log.offsets([source.topic], end=False)
    end = await engine.log.offsets([source.topic], end=True)
    records = sum(offset - begin[tp] for tp, offset in end.items())
    catalog = engine.catalog
    window = source.window
    kind = "none" if window is None else f"{window.kind} {window.size_ms or ''}".strip()
    return (
        ("Type", source.kind),
        ("Timestamp field", source.timestamp_column or "rowtime of the record"),
        ("Key format", source.key_format.name),
        ("Value format", source.value_format.name),
        ("Window", kind),
        ("Kafka topic", f"{source.topic} (partitions: {source.partitions}, records: {records})"),
        ("Queries that read", ", ".join(q.id for q in catalog.readers(source.name)) or "none"),
        ("Queries that write", ", ".join(q.id for q in catalog.writers(source.name)) or "none"),
        ("Statement", source.text),
    )
