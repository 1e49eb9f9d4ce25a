"""PRINT: records of a topic as text, in the formats that their bytes allow.

The way of ksqlDB's RecordFormatter: all formats are possible at first, each key and each value
takes away those that cannot read it, and the first that is left shows it. The formats of a source
declared on the topic come first, so that a windowed or numeric key is shown as what it is. A
record that names a schema of the registry is shown by it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from streamsql.catalog.catalog import FormatSpec, Source
from streamsql.errors import RegistryError
from streamsql.formats import WITH_SCHEMAS, SchemaFormat
from streamsql.formats.shown import schema_id, shown_record
from streamsql.schema.column import Column, Schema
from streamsql.schema.registered import Schemas
from streamsql.schema.types import BIGINT, DOUBLE, INTEGER, STRING

__all__ = ["PRINTED", "RecordPrinter", "printed_lines", "record_line"]

PRINTED = Schema(
    value=(
        Column("ROWTIME", BIGINT),
        Column("KEY", STRING),
        Column("VALUE", STRING),
        Column("PARTITION", INTEGER),
        Column("KEY_FORMAT", STRING),
        Column("VALUE_FORMAT", STRING),
    )
)
"""The columns of a printed record; the formats are those that are still possible after it."""

_BATCH = pa.schema(
    [
        ("ROWTIME", pa.int64()),
        ("KEY", pa.string()),
        ("VALUE", pa.string()),
        ("PARTITION", pa.int32()),
        ("KEY_FORMAT", pa.string()),
        ("VALUE_FORMAT", pa.string()),
        ("_null", pa.bool_()),
    ]
)
_NO_FORMAT = (
    " does not match any supported format. It may be a STRING with encoding other than UTF8, or"
    " some other format."
)
_NO_DATA = "¯\\_(ツ)_/¯ - no data processed"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Read = Callable[[bytes], str]
"""The text of some bytes; ValueError where they are of another format."""


def _text(data: bytes) -> str:
    text = data.decode("utf-8")
    if not data or "\ufffd" in text:
        raise ValueError("no text")
    return text


def _json(data: bytes) -> str:
    text = _text(data)
    json.loads(text)
    return text


def _number(form: str) -> Read:
    size = struct.calcsize(form)

    def read(data: bytes) -> str:
        if len(data) != size:
            raise ValueError(f"not {size} bytes")
        return str(struct.unpack(form, data)[0])

    return read


_PLAIN: tuple[tuple[str, Read], ...] = (
    ("JSON", _json),
    ("KAFKA_INT", _number(">i")),
    ("KAFKA_BIGINT", _number(">q")),
    ("KAFKA_DOUBLE", _number(">d")),
    ("KAFKA_STRING", _text),
)


def _with_schemas(schemas: Schemas) -> list[tuple[str, Read]]:
    """The formats whose records name a schema of the registry."""

    def reads(format_: SchemaFormat) -> Read:
        def read(data: bytes) -> str:
            number = schema_id(data)
            try:
                schema = schemas.schema(number)
            except RegistryError as error:
                # The bytes are shown all the same, and it is not asked again for each record.
                raise ValueError(error.primary) from error
            if schema is None:
                raise ValueError(f"no schema {number}")
            return shown_record(format_, schema, data)

        return read

    return [(name, reads(format_)) for name, format_ in WITH_SCHEMAS.items()]


def _session(read: Read) -> Read:
    def windowed(data: bytes) -> str:
        if len(data) < 16:
            raise ValueError("no window")
        end, start = struct.unpack(">qq", data[-16:])
        return f"[{read(data[:-16])}@{start}/{end}]"

    return windowed


def _timed(read: Read) -> Read:
    def windowed(data: bytes) -> str:
        if len(data) < 8:
            raise ValueError("no window")
        return f"[{read(data[:-8])}@{struct.unpack('>q', data[-8:])[0]}/-]"

    return windowed


_WINDOWED: tuple[tuple[str, Callable[[Read], Read]], ...] = (
    ("SESSION", _session),
    ("HOPPING", _timed),
    ("TUMBLING", _timed),
)


class _Formats:
    """The formats that can read all that was seen; `first` are tried before the others."""

    def __init__(self, formats: Iterable[tuple[str, Read]], first: Iterable[str]) -> None:
        names = list(first)
        self._left = sorted(formats, key=lambda f: f[0] not in names)
        self._seen = False

    def show(self, data: bytes | None) -> str:
        if data is None:
            return "<null>"
        self._seen = True
        shown: list[str] = []
        left: list[tuple[str, Read]] = []
        for name, read in self._left:
            try:
                shown.append(read(data))
            except ValueError:
                continue
            left.append((name, read))
        self._left = left
        return shown[0] if shown else "<Failed to deserialize>"

    def names(self) -> str:
        if not self._seen:
            return _NO_DATA
        return " or ".join(name for name, _ in self._left)


class RecordPrinter:
    """Gives `receive` every `interval`-th record of the batches of raw records that it takes.

    `sources`: those declared on the topic. `schemas`: where records name theirs.
    """

    def __init__(
        self,
        receive: Callable[[pa.Table], None],
        *,
        interval: int,
        sources: Sequence[Source],
        schemas: Schemas,
    ) -> None:
        plain = [*_with_schemas(schemas), *_PLAIN]
        windowed = [(f"{w}({n})", make(r)) for n, r in plain for w, make in _WINDOWED]
        self._receive, self._interval = receive, interval
        self._count = 0
        self._keys = _Formats([*windowed, *plain], [_key_name(s) for s in sources])
        self._values = _Formats(plain, [_name(s.value_format, s.schema.value) for s in sources])

    def take(self, batch: pa.Table) -> None:
        """Takes `_ts`, `_part`, `KEY` and `VALUE` of a step."""
        rows = range(-self._count % self._interval, batch.num_rows, self._interval)
        self._count += batch.num_rows
        chosen = batch.take(pa.array(rows, pa.int64())).to_pydict()
        printed: list[tuple[object, ...]] = []
        for ms, key, value, partition in zip(
            chosen["_ts"], chosen["KEY"], chosen["VALUE"], chosen["_part"], strict=True
        ):
            texts = self._keys.show(key), self._values.show(value)
            formats = self._keys.names(), self._values.names()
            printed.append((ms, *texts, partition, *formats, False))
        columns = list(zip(*printed, strict=True)) or [()] * len(_BATCH)
        self._receive(pa.table(dict(zip(_BATCH.names, columns, strict=True)), schema=_BATCH))


def _key_name(source: Source) -> str:
    name = _name(source.key_format, source.schema.key)
    return f"{source.window.kind}({name})" if source.window else name


def _name(spec: FormatSpec, columns: Sequence[Column]) -> str:
    """The name under which PRINT knows a declared format."""
    if spec.name != "KAFKA":
        return spec.name if spec.name in ("JSON", *WITH_SCHEMAS) else "KAFKA_STRING"
    types = {INTEGER: "KAFKA_INT", BIGINT: "KAFKA_BIGINT", DOUBLE: "KAFKA_DOUBLE"}
    return next((types[c.type] for c in columns[:1] if c.type in types), "KAFKA_STRING")


def record_line(row: Sequence[object]) -> str:
    """A printed record as ksqlDB's line."""
    ms, key, value, partition, *_ = row
    return f"rowtime: {_time(ms)}, key: {key}, value: {value}, partition: {partition}"


def _time(ms: object) -> str:
    try:
        found = _EPOCH + timedelta(milliseconds=int(str(ms)))
    except (OverflowError, ValueError):
        return str(ms)
    return f"{found:%Y/%m/%d %H:%M:%S}.{found.microsecond // 1000:03d} Z"


def printed_lines(
    rows: Iterable[Sequence[object]], before: Sequence[object] | None = None
) -> Iterator[str]:
    """The lines of printed records, which follow the record `before`; the formats where they are
    others than before."""
    for row in rows:
        yield from _format_lines(row, before)
        yield record_line(row)
        before = row


def _format_lines(row: Sequence[object], before: Sequence[object] | None) -> list[str]:
    lines: list[str] = []
    for place, side in ((4, "Key"), (5, "Value")):
        if before is None or before[place] != row[place]:
            lines.append(f"{side} format: {row[place] or _NO_FORMAT}")
    return lines
