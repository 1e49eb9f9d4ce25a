"""SHOW | LIST."""

from __future__ import annotations

from collections.abc import Iterable

from streamsql.catalog.catalog import Source
from streamsql.config import SECRETS, SETTINGS
from streamsql.errors import UnsupportedError
from streamsql.session.handlers import query_rows, source_rows
from streamsql.session.handlers.function import COLUMNS, function_rows
from streamsql.session.result import Listing, Result
from streamsql.session.state import SessionState
from streamsql.sql.statement import Show


def listing(
    statement: str, kind: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]
) -> Listing:
    """A listing whose columns are texts."""
    return Listing(
        statement=statement,
        kind=kind,
        columns=columns,
        types=("STRING",) * len(columns),
        rows=tuple(rows),
    )


async def handle(statement: Show, session: SessionState) -> Result:
    """The listing of what was asked for."""
    match statement.what:
        case "STREAMS" | "TABLES":
            return await _sources(statement, session)
        case "TOPICS":
            return await _topics(statement, session)
        case "QUERIES":
            return await _queries(statement, session)
        case "PROPERTIES":
            return _properties(statement, session)
        case "FUNCTIONS":
            return listing(statement.text, "FUNCTIONS", COLUMNS, function_rows())
        case "TYPES":
            types = sorted(session.engine.catalog.types.items())
            rows = [(name, str(type_)) for name, type_ in types]
            return listing(statement.text, "TYPES", ("Type Name", "Schema"), rows)
        case "VARIABLES":
            rows = sorted(session.variables.items())
            return listing(statement.text, "VARIABLES", ("Variable Name", "Value"), rows)
        case _:
            raise UnsupportedError(
                f"SHOW {statement.what} is not supported yet", position=statement.position
            )


async def _sources(statement: Show, session: SessionState) -> Listing:
    kind = statement.what.removesuffix("S")
    found = sorted(
        (s for s in session.engine.catalog.sources.values() if s.kind == kind),
        key=lambda s: s.name,
    )
    columns = (f"{kind.title()} Name", *source_rows.COLUMNS)
    rows = [source_rows.source_row(s) for s in found]
    if statement.extended:
        columns = (columns[0], *source_rows.DETAILS, "Fields")
        rows = [await _extended(s, session) for s in found]
    return listing(statement.text, statement.what, columns, rows)


async def _extended(source: Source, session: SessionState) -> tuple[object, ...]:
    details = await source_rows.source_details(source, session)
    fields = ", ".join(f"{name} {type_}" for name, type_ in source_rows.field_rows(source))
    return (source.name, *(value for _, value in details), fields)


async def _topics(statement: Show, session: SessionState) -> Listing:
    engine = session.engine
    topics = await engine.log.topics()
    service = engine.settings.get("ksql.service.id", SETTINGS["ksql.service.id"].default)
    hidden = ("_", f"{service}ksql_processing_log")
    shown = [
        t for name, t in sorted(topics.items()) if statement.every or not name.startswith(hidden)
    ]
    if not statement.extended:
        columns = ("Kafka Topic", "Partitions", "Partition Replicas")
        rows = [(t.name, t.partitions, t.replicas) for t in shown]
        return listing(statement.text, "TOPICS", columns, rows)
    names = [t.name for t in shown]
    begin = await engine.log.offsets(names, end=False)
    end = await engine.log.offsets(names, end=True)
    columns = ("Kafka Topic", "Partitions", "Partition Replicas", "Records", "Configuration")
    rows = []
    for topic in shown:
        records = sum(end[tp] - begin[tp] for tp in end if tp.topic == topic.name)
        config = ", ".join(f"{k}={v}" for k, v in sorted(topic.config.items()))
        rows.append((topic.name, topic.partitions, topic.replicas, records, config))
    return listing(statement.text, "TOPICS", columns, rows)


async def _queries(statement: Show, session: SessionState) -> Listing:
    more = query_rows.EXTENDED if statement.extended else ()
    rows = await query_rows.query_rows(session, extended=statement.extended)
    return listing(statement.text, "QUERIES", (*query_rows.COLUMNS, *more), rows)


def _properties(statement: Show, session: SessionState) -> Listing:
    own, chosen = dict(session.own.items()), dict(session.properties.items())
    rows: list[tuple[object, ...]] = []
    for setting in sorted(SETTINGS.values(), key=lambda s: s.name):
        overridden = "SYSTEM" if setting.name in chosen else ""
        if setting.name in own:
            overridden = "SESSION"
        value = chosen.get(setting.name, session.engine.settings.get(setting.name, setting.default))
        if setting.name in SECRETS and value:
            value = "[hidden]"
        rows.append((setting.name, overridden, value, setting.doc))
    columns = ("Property", "Override", "Value", "Meaning")
    return listing(statement.text, "PROPERTIES", columns, rows)
