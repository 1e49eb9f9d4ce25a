"""How the session's properties make a query run."""

from __future__ import annotations

from collections.abc import Sequence

from streamsql.config import Properties
from streamsql.engine.plan import PhysicalPlan
from streamsql.plan.stages import InternalTopic
from streamsql.runtime.query import QueryOptions
from streamsql.session.engine import RunningPlan


def running_plan(
    stages: Sequence[PhysicalPlan], topics: Sequence[InternalTopic], properties: Properties
) -> RunningPlan:
    """A persistent query's stages, to run as `properties` say."""
    options = _query_options(properties, internal=frozenset(topic.name for topic in topics))
    return RunningPlan(stages=tuple(stages), topics=tuple(topics), options=options)


def _query_options(properties: Properties, *, internal: frozenset[str]) -> QueryOptions:
    return QueryOptions(
        reset=properties.text("auto.offset.reset"),
        records_max=properties.number("streamsql.batch.records.max"),
        stop_on_production_error=properties.flag("ksql.fail.on.production.error"),
        internal=internal,
        exactly_once=properties.text("processing.guarantee") == "exactly_once_v2",
        stop_on_deserialization_error=properties.flag("ksql.fail.on.deserialization.error"),
        stop_on_bad_timestamp=properties.flag("ksql.timestamp.throw.on.invalid"),
    )
