"""What SHOW STREAMS | TABLES and DESCRIBE say of a source."""

from __future__ import annotations

from streamsql.catalog.catalog import Source
from streamsql.session.state import SessionState

COLUMNS = ("Kafka Topic", "Key Format", "Value Format", "Windowed")
"""Behind the name; what `source_row` gives."""


DETAILS = (
    *("Type", "Timestamp field", "Key format", "Value format", "Window", "Kafka topic"),
    *("Partitions", "Records", "Queries that read", "Queries that write", "Statement"),
)
"""What EXTENDED adds."""


def source_row(source: Source) -> tuple[object, ...]:
    """Its name, then COLUMNS."""
    windowed = "true" if source.window else "false"
    return (
        source.name,
        source.topic,
        source.key_format.name,
        source.value_format.name,
        windowed,
    )


def field_rows(source: Source) -> list[tuple[str, str]]:
    """Name and type of each column, with what it is beside a value."""
    mark = "primary key" if source.is_table else "key"
    windowed = "" if source.window is None else f" (Window type: {source.window.kind})"
    rows = [(c.name, f"{c.type} ({mark}){windowed}") for c in source.schema.key]
    rows += [(c.name, str(c.type)) for c in source.schema.value]
    rows += [
        (h.name, f"{h.type} (header{f'({h.key!r})' if h.key else 's'})")
        for h in source.schema.headers
    ]
    return rows


async def source_details(source: Source, session: SessionState) -> tuple[tuple[str, object], ...]:
    """DETAILS and their values."""
    engine = session.engine
    begin = await engine.log.offsets([source.topic], end=False)
    end = await engine.log.offsets([source.topic], end=True)
    catalog = engine.catalog
    window = source.window
    values: tuple[object, ...] = (
        source.kind,
        source.timestamp_column or "rowtime of the record",
        source.key_format.name,
        source.value_format.name,
        "none" if window is None else f"{window.kind} {window.size_ms or ''}".strip(),
        source.topic,
        source.partitions,
        sum(offset - begin[tp] for tp, offset in end.items()),
        ", ".join(q.id for q in catalog.readers(source.name)) or "none",
        ", ".join(q.id for q in catalog.writers(source.name)) or "none",
        " ".join(source.text.split()),
    )
    return tuple(zip(DETAILS, values, strict=True))
