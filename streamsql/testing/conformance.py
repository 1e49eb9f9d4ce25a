"""`run_case`: one conformance case over a fresh engine (the contract is in the cases' README).

No parsing, no formats of its own beyond spelling a case's values as bytes, no second engine:
everything goes through
`Session.execute` and the memory log.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from streamsql.brokers.log import APPENDED
from streamsql.catalog.catalog import Source
from streamsql.errors import QueryError, StatementError, UnsupportedError
from streamsql.formats.format import KEY, VALUE
from streamsql.runtime.loop import wall_clock_ms
from streamsql.runtime.query import ERROR
from streamsql.session.result import Push, Rows
from streamsql.testing.driver import Driver
from streamsql.testing.schemas import register_schemas, registered_text
from streamsql.testing.spelling import read_key, side_of, write_key

Json = Any


def run_case(case: Mapping[str, Json]) -> dict[str, Json]:
    """What a case gives: records, error, sources, topics and responses."""
    properties = {name: str(value) for name, value in case["properties"].items()}
    properties = {"cache.max.bytes.buffering": "0", **properties, "streamsql.strict": "true"}
    driver = Driver(_known(properties), now_ms=wall_clock_ms())
    try:
        return _run(driver, case)
    finally:
        driver.close()


def _known(properties: Mapping[str, str]) -> dict[str, str]:
    lowered = {k: v.lower() if v in ("True", "False") else v for k, v in properties.items()}
    return dict(lowered)


def _run(driver: Driver, case: Mapping[str, Json]) -> dict[str, Json]:
    for topic in case["topics"]:
        if topic.get("partitions"):
            driver.create_topic(topic["name"], topic["partitions"])
    first = next(
        (i for i, s in enumerate(case["statements"]) if s.lstrip().upper().startswith("SELECT")),
        len(case["statements"]),
    )
    error, responses = None, []
    offset = 0
    waiting = list(case["topics"])
    for i, statement in enumerate(case["statements"][:first]):
        # Ids are given in the order in which the statements come to the topics.
        named = [t for t in waiting if t["name"].upper() in statement.upper()]
        waiting = [t for t in waiting if t not in named]
        register_schemas(named, driver.registry)
        error = _execute(driver, statement, i)
        offset += len(statement) + 1
        if error is not None:
            return _result(driver, error, [])
    register_schemas(waiting, driver.registry)
    during = case["inputs_when"] == "during-query"
    if not during:
        error = _produce(driver, case["inputs"])
    if error is None:
        responses, error = _select(driver, case, first, during=during)
    return _result(driver, error, responses)


def _execute(driver: Driver, statement: str, index: int) -> Json:
    """Executes a statement; gives the error of a refused one."""
    try:
        driver.execute(statement)
    except UnsupportedError as error:
        return {"stage": "unsupported", "statement": index, "message": str(error)}
    except (StatementError, QueryError) as error:
        return {"stage": "statement", "statement": index, "message": _message(error)}
    return _dead(driver)


def _message(error: StatementError | QueryError) -> str:
    place = getattr(error, "position", None)
    return f"{place}: {error}" if place is not None else str(error)


def _dead(driver: Driver) -> Json:
    """The error of a query that died on a record."""
    for query in driver.engine.runtime.queries.values():
        if query.status == ERROR and query.error is not None:
            return {"stage": "runtime", "statement": None, "message": str(query.error)}
    return None


def _produce(driver: Driver, inputs: Sequence[Json]) -> Json:
    for record in inputs:
        source = _reader(driver, record["topic"])
        driver.produce(record["topic"], _bytes(record, source, driver))
        error = _dead(driver)
        if error is not None:
            return error
    return None


def _reader(driver: Driver, topic: str) -> Source | None:
    sources = driver.engine.catalog.sources.values()
    return next((s for s in sources if s.topic == topic), None)


def _bytes(record: Json, source: Source | None, driver: Driver) -> pa.Table:
    headers = None
    if record.get("headers"):
        headers = [
            {"KEY": h["key"], "VALUE": None if h["value"] is None else base64.b64decode(h["value"])}
            for h in record["headers"]
        ]
    key, value = (side_of(source, side, driver.registry) for side in (KEY, VALUE))
    columns = [
        pa.array([record.get("partition")], pa.int32()),
        pa.array([record.get("timestamp") or 0], pa.int64()),
        pa.array([write_key(record, key, window=record.get("window"))], pa.binary()),
        pa.array([value.encode(record.get("value"))], pa.binary()),
        pa.array([headers], APPENDED.field("headers").type),
    ]
    return pa.Table.from_arrays(columns, schema=APPENDED)


def _select(
    driver: Driver, case: Mapping[str, Json], first: int, *, during: bool
) -> tuple[list[Json], Json]:
    responses: list[Json] = []
    for i, statement in enumerate(case["statements"][first:], first):
        try:
            result = driver.execute(statement)[-1]
        except UnsupportedError as error:
            return responses, {"stage": "unsupported", "statement": i, "message": str(error)}
        except (StatementError, QueryError) as error:
            return responses, {"stage": "statement", "statement": i, "message": _message(error)}
        if isinstance(result, Push):
            failed = _produce(driver, case["inputs"]) if during else None
            driver.settle()
            if failed is not None:
                return responses, failed
            responses.append(_push_response(result))
        elif isinstance(result, Rows):
            final = None
            if result.schema is not None and not result.schema.key:
                final = "Limit Reached" if result.limited else "Query Completed"
            rows = [{"columns": list(row)} for row in result.rows]
            responses.append({"schema": str(result.schema or ""), "rows": rows, "final": final})
    return responses, None


def _push_response(result: Push) -> Json:
    stream: Any = result.rows
    rows: list[Json] = []
    for row in stream.take():
        columns: dict[str, Json] = {"columns": list(row.values)}
        if row.tombstone:
            columns["tombstone"] = True
        rows.append(columns)
    final = "Limit Reached" if stream.limited else "Query Completed"
    stream.stop()
    return {"schema": str(result.schema), "rows": rows, "final": final}


def _result(driver: Driver, error: Json, responses: list[Json]) -> dict[str, Json]:
    sources = driver.engine.catalog.sources
    by_topic = {s.topic: s for s in sources.values()}
    records = [
        _record(topic, row, by_topic.get(topic), driver)
        for topic, table in driver.written
        for row in table.to_pylist()
        if topic in by_topic
    ]
    return {
        "records": records,
        "error": error,
        "sources": {s.name: _describe(s) for s in sources.values()},
        "topics": {s.topic: _topic(s, driver) for s in sources.values()},
        "responses": responses,
    }


def _topic(source: Source, driver: Driver) -> dict[str, Json]:
    described: dict[str, Json] = {}
    for side, spec in ((KEY, source.key_format), (VALUE, source.value_format)):
        described[f"{side}_format"] = spec.name
        described[f"{side}_schema"] = registered_text(source.topic, side, driver.registry)
    return described


def _record(topic: str, row: Json, source: Source | None, driver: Driver) -> Json:
    key, window = read_key(row["key"], source, side_of(source, KEY, driver.registry))
    record = {
        "topic": topic,
        "key": key,
        "value": side_of(source, VALUE, driver.registry).decode(row["value"]),
        "timestamp": row["timestamp"],
    }
    if window is not None:
        record["window"] = window
    if row["headers"]:
        record["headers"] = [{"key": h["KEY"], "value": h["VALUE"]} for h in row["headers"]]
    return record


def _describe(source: Source) -> Json:
    window = source.window
    return {
        "type": source.kind.lower(),
        "schema": str(source.schema),
        "topic": source.topic,
        "key_format": source.key_format.name,
        "value_format": source.value_format.name,
        "window_type": window.kind if window else None,
        "window_size_ms": window.size_ms if window else None,
        "is_source": source.read_only,
    }
