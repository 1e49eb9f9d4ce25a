"""The processing log: a topic of JSON entries for records that could not be read, computed or
written.

Entries have the form of ksqlDB's (reference: processing-log): `type` 0 deserialization, 1 record, 2
production; the record's place, the message and, where the user asked for rows, the bytes in base64.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

import pyarrow as pa

from streamsql.brokers.log import APPENDED, Log, TopicInfo
from streamsql.engine.plan import PhysicalPlan
from streamsql.engine.step import Step

DESERIALIZATION, RECORD, PRODUCTION = 0, 1, 2


class ProcessingLog:
    """Writes entries to `topic`, which is created with the first."""

    def __init__(self, log: Log, service_id: str, *, include_rows: bool = False) -> None:
        self.topic = f"{service_id}ksql_processing_log"
        self._log = log
        self._include_rows = include_rows
        self._created = False

    async def write(self, plan: PhysicalPlan, step: Step, now_ms: int) -> None:
        """One entry for each of the step's errors."""
        await self.create()
        await self._log.append(self.topic, self.entries(plan, step, now_ms))

    def entries(self, plan: PhysicalPlan, step: Step, now_ms: int) -> pa.Table:
        """The records of a step's errors, as APPENDED with the column `part`: of which partition
        number they are, NULL where the operator does not know it any more."""
        texts: list[str] = []
        parts: list[int | None] = []
        for errors, table in zip(plan.errors, step.errors, strict=True):
            for row in table.to_pylist():
                unread, thrown = row["_err"], row["_log"]
                if unread is not None and unread["message"] is not None:
                    texts.append(self._entry(plan, kind=DESERIALIZATION, row=unread))
                for body in json.loads(f"[{thrown or ''}]"):
                    texts.append(self._thrown(plan, body, late=errors.late))
                parts += [unread and unread["_part"]] * (len(texts) - len(parts))
        return _records(texts, now_ms).append_column("part", pa.array(parts, pa.int32()))

    async def create(self) -> None:
        """Creates the topic where it is not there."""
        if not self._created:
            await self._log.create_topic(TopicInfo(name=self.topic, partitions=1))
            self._created = True

    async def write_failure(
        self, plan: PhysicalPlan, record: pa.Table, message: str, now_ms: int
    ) -> None:
        """One entry for a record whose result could not be written."""
        row = record.to_pylist()[0]
        renamed = {
            "_input": row["input"],
            "_part": row["partition"],
            "_off": row["offset"],
            "_ts": row["timestamp"],
            "_key": row["key"],
            "_val": row["value"],
            "message": message,
        }
        await self.create()
        entry = self._entry(plan, kind=PRODUCTION, row=renamed)
        await self._log.append(self.topic, _records([entry], now_ms))

    def _entry(self, plan: PhysicalPlan, *, kind: int, row: dict[str, object]) -> str:
        place = row.get("_input")
        topic = plan.inputs[place] if isinstance(place, int) else None
        body: dict[str, object] = {
            "topic": topic,
            "partition": row.get("_part"),
            "offset": row.get("_off"),
            "timestamp": row.get("_ts"),
            "errorMessage": row.get("message"),
        }
        if self._include_rows:
            body["keyB64"] = _base64(row.get("_key"))
            body["recordB64"] = _base64(row.get("_val"))
        return _written(plan, kind, body)

    def _thrown(self, plan: PhysicalPlan, body: dict[str, object], *, late: bool) -> str:
        """The entry of a record that an operator could not use, or only in part: `record` has what
        an expression read."""
        read = body.pop("record", None)
        if self._include_rows and read is not None:
            body["record"] = json.dumps(read, separators=(",", ":"))
        return _written(plan, RECORD, body, level="WARN" if late else "ERROR")


def _written(
    plan: PhysicalPlan, kind: int, body: dict[str, object], *, level: str = "ERROR"
) -> str:
    name = ("deserializationError", "recordProcessingError", "productionError")[kind]
    entry = {
        "level": level,
        "logger": f"processing.{plan.query_id}",
        "message": {"type": kind, name: body},
    }
    return json.dumps(entry, separators=(",", ":"))


def _records(entries: Sequence[str], now_ms: int) -> pa.Table:
    values = [entry.encode() for entry in entries]
    size = len(values)
    columns = [
        pa.array([0] * size, pa.int32()),
        pa.array([now_ms] * size, pa.int64()),
        pa.nulls(size, pa.binary()),
        pa.array(values, pa.binary()),
        pa.nulls(size, APPENDED.field("headers").type),
    ]
    return pa.Table.from_arrays(columns, schema=APPENDED)


def _base64(value: object) -> str | None:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else None
