"""How the session's properties make a query run."""

from __future__ import annotations

from streamsql.config import Properties
from streamsql.runtime.query import QueryOptions


def query_options(properties: Properties) -> QueryOptions:
    """Options of a persistent query."""
    return QueryOptions(
        reset=properties.text("auto.offset.reset"),
        records_max=properties.number("streamsql.batch.records.max"),
        stop_on_production_error=properties.flag("ksql.fail.on.production.error"),
        stop_on_deserialization_error=properties.flag("ksql.fail.on.deserialization.error"),
    )
