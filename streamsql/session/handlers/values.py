"""INSERT INTO … VALUES."""

from __future__ import annotations

from uuid import uuid4

import pyarrow as pa

from streamsql.brokers.log import APPENDED
from streamsql.errors import QueryError, StatementError
from streamsql.plan.frame import Context
from streamsql.plan.values import ValuesPlan, plan_values
from streamsql.session.result import Result
from streamsql.session.schemas import check_key_schema
from streamsql.session.state import SessionState
from streamsql.sql.statement import InsertValues


async def handle(statement: InsertValues, session: SessionState) -> Result:
    """Appends one record to the source's topic."""
    if not session.properties.flag("ksql.insert.into.values.enabled"):
        raise StatementError(
            "The server has disabled INSERT INTO ... VALUES functionality.",
            hint="SET 'ksql.insert.into.values.enabled'='true'",
        )
    engine = session.engine
    context = Context(catalog=engine.catalog, properties=session.properties, persistent=True)
    plan = plan_values(statement, context)
    check_key_schema(plan.source, engine.registry)
    record = _record(plan, session)
    await engine.log.append(plan.source.topic, record)
    engine.runtime.notify(plan.source.topic)
    session.wrote = True
    return Result(statement=statement.text)


def _record(plan: ValuesPlan, session: SessionState) -> pa.Table:
    """The record as APPENDED; StatementError where a value cannot be computed or written."""
    runtime = session.engine.runtime
    try:
        row = runtime.database.read(plan.sql, now=runtime.now_ms(), row=str(uuid4()))
    except QueryError as error:
        raise StatementError(
            f"Failed to insert values into '{plan.source.name}'. {error.primary}"
        ) from error
    for encode in (plan.key, plan.value):
        if encode is not None and encode.kernel is not None:
            row = encode.kernel(row)
    timestamp = row.column("timestamp")[0].as_py()
    if timestamp is None:
        timestamp = runtime.now_ms()
    return pa.Table.from_arrays(
        [
            pa.nulls(1, pa.int32()),
            pa.array([timestamp], pa.int64()),
            row.column("key").cast(pa.binary()),
            row.column("value").cast(pa.binary()),
            pa.nulls(1, APPENDED.field("headers").type),
        ],
        schema=APPENDED,
    )
