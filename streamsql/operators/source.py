"""Source: a topic's records as columns.

Law: each record that can be read gives one row; one that cannot gives an entry in the processing
log. A record without a value is a row with `_null`; a table drops records without a key. A
windowed key is the key's bytes, then the window's start as eight bytes, big-endian; of a session
its end, then its start (Kafka Streams: WindowKeySchema, SessionKeySchema).
"""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.engine.plan import BAD_TIMESTAMP, ERROR_TYPE, left_name
from streamsql.formats.format import READ, Decode, Format, FormatOptions
from streamsql.operators.operator import ERROR, Builder, Node, Relation, WindowInfo
from streamsql.schema.column import Column, HeaderColumn, Schema
from streamsql.schema.duck import literal, physical_names, quote
from streamsql.schema.typed import TypedSql

_BOUNDS = {"SESSION": 16}
"""Bytes of the window's bounds behind a key; 8 where only the start is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Reads `topic`, whose columns are `declared` (header columns too).

    `wanted`: names of the columns that somebody reads; others are not decoded and not in the
    relation (their physical names stay reserved, so that pruning changes no expression). None: all.
    `timestamp`: milliseconds from the declared columns, NULL where they give none (the record is an
    error); None: the record's own. A record without a value keeps its own.
    `headers`: the record's headers travel to the sink.
    """

    topic: str
    declared: Schema
    key_format: Format
    key_options: FormatOptions
    value_format: Format
    value_options: FormatOptions
    table: bool = False
    window: WindowInfo | None = None
    timestamp: TypedSql | None = None
    wanted: frozenset[str] | None = None
    headers: bool = True

    @property
    def inputs(self) -> tuple[Node, ...]:
        """None."""
        return ()

    @property
    def schema(self) -> Schema:
        """The declared columns; header columns are the last value columns."""
        headers = tuple(Column(h.name, h.type) for h in self.declared.headers)
        return Schema(key=self.declared.key, value=(*self.declared.value, *headers))

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """One SELECT over the batch, or over what a format's kernels make of it."""
        batch = builder.input(self.topic, table=self.table)
        number = len(builder.inputs) - 1
        key, value = self._decodes()
        if self.window is not None and key.rest is not None:
            # The key's bytes are cut out in SQL, behind the batch.
            key = key.rest
        for decode in (value, key):
            if decode.rest is not None:
                batch = _read_batch(builder, batch, decode, decode.rest)
        sql = f"SELECT * FROM {batch}"
        if self.window is not None:
            sql = self._windowed(sql, self.window)
        for decode in (key, value):
            if decode.kernel is not None and decode.rest is None:
                sql = f"{_computed(sql, decode.before)} ORDER BY _seq"
                name = builder.add(sql, kernel=decode.kernel, hint="decoded", slow=decode.slow)
                sql = f"SELECT * FROM {name}"
        sql = self._key_stage(sql, key, number, passed=value.after)
        sql = self._value_stage(sql, value)
        fallible = not (key.error == value.error == "NULL" and self.timestamp is None)
        if self.timestamp is not None:
            sql = self._time_stage(sql, self.timestamp)
        if self.table:
            kept = " OR ".join(f"{quote(n)} IS NOT NULL" for n in self._physical(self.declared.key))
            error = f" OR {ERROR} IS NOT NULL" if fallible else ""
            sql = f"SELECT * FROM ({sql}) WHERE {kept}{error}"
        if not fallible:
            sql = f"SELECT * EXCLUDE ({ERROR}) FROM ({sql})"
        return Relation(
            sql=f"({sql})",
            schema=self.schema,
            table=self.table,
            window=self.window,
            fallible=fallible,
            topic=self.topic,
        )

    def _decodes(self) -> tuple[Decode, Decode]:
        wanted = self.wanted
        columns = self.declared.value
        names = [c.name for c in columns if wanted is None or c.name in wanted]
        keys = self.declared.key
        key_bytes = "_dkey" if self.window else "_key"
        return (
            self.key_format.decode(
                quote(key_bytes), keys, self.key_options, wanted=[c.name for c in keys]
            ),
            self.value_format.decode(quote("_val"), columns, self.value_options, wanted=names),
        )

    def _physical(self, columns: tuple[Column, ...] | tuple[HeaderColumn, ...]) -> list[str]:
        schema = self.schema
        names = [c.name for c in (*schema.key, *schema.value)]
        found = dict(zip(names, physical_names(names), strict=True))
        return [found[c.name] for c in columns]

    def _key_stage(self, sql: str, key: Decode, number: int, *, passed: tuple[str, ...]) -> str:
        """The batch with decoded key columns `_k0`, …, window bounds, and `_kerr`.

        The key's stages end here, so that the value's may use the same names; what the value's
        kernel has `passed` goes on.
        """
        sql = _staged(sql, key)
        bounds = ", _ws, _we" if self.window is not None else ""
        columns = "".join(f", {text} AS _k{i}" for i, text in enumerate(key.columns))
        columns += "".join(f", {quote(name)}" for name in passed)
        return (
            f"SELECT _seq, _part, _off, _ts, _hdr, _key, _val{bounds}{columns},"
            f" {number} AS _input, ({key.error})::VARCHAR AS _kerr FROM ({sql})"
        )

    def _windowed(self, sql: str, window: WindowInfo) -> str:
        """The batch with the key's own bytes as `_dkey`, and the bounds as `_ws` and `_we`."""
        size = _BOUNDS.get(window.kind, 8)
        split = "CASE WHEN octet_length(_key) >= {n} THEN array_slice(_key, {a}, {b}) END"
        key = split.format(n=size, a="1", b=f"octet_length(_key) - {size}")
        parts = [
            split.format(n=size, a=f"octet_length(_key) - {n + 7}", b=f"octet_length(_key) - {n}")
            + "::BIT::BIGINT"
            for n in range(size - 8, -8, -8)
        ]
        sql = f"SELECT *, {key} AS _dkey, {parts[-1]} AS _ws, {parts[0]} AS _wend FROM ({sql})"
        end = "_wend" if size == 16 else f"_ws + {window.size_ms}"
        return f"SELECT *, {end} AS _we FROM ({sql})"

    def _value_stage(self, sql: str, value: Decode) -> str:
        """The relation's columns, and ERROR."""
        staged = _staged(sql, value)
        wanted = self.wanted
        columns = [
            f"_k{i} AS {quote(name)}" for i, name in enumerate(self._physical(self.declared.key))
        ]
        pairs = zip(self.declared.value, value.columns, strict=True)
        names = self._physical(self.declared.value)
        for (column, text), name in zip(pairs, names, strict=True):
            if wanted is None or column.name in wanted:
                columns.append(f"{text} AS {quote(name)}")
        headers = zip(self.declared.headers, self._physical(self.declared.headers), strict=True)
        columns += [
            f"{_header_sql(column)} AS {quote(name)}"
            for column, name in headers
            if wanted is None or column.name in wanted
        ]
        meta = ["_seq", "_part", "_off", "_ts", f"_val IS NULL OR {value.null} AS _null"]
        meta.append("_hdr" if self.headers else "NULL::STRUCT(KEY VARCHAR, VALUE BLOB)[] AS _hdr")
        if self.window:
            meta += ["_ws", "_we"]
        message = f"coalesce(_kerr, ({value.error})::VARCHAR)"
        error = f"CASE WHEN {message} IS NOT NULL THEN {_made_error(message)} END AS {ERROR}"
        if self.timestamp is not None:
            meta += ["_input", "_key", "_val"]
        return f"SELECT {', '.join([*meta, *columns])}, {error} FROM ({staged})"

    def _time_stage(self, sql: str, timestamp: TypedSql) -> str:
        """The same with `_ts` from a column; a record without such a time is an error."""
        text = f"TRY({timestamp.sql})" if timestamp.throws else timestamp.sql
        timed = f"SELECT *, CASE WHEN _null THEN _ts ELSE {text} END AS _time FROM ({sql})"
        return (
            "SELECT * EXCLUDE (_time, _input, _key, _val)"
            " REPLACE (coalesce(_time, _ts) AS _ts, CASE"
            f" WHEN {ERROR} IS NOT NULL THEN {ERROR}"
            f" WHEN coalesce(_time, -1) < 0 THEN {_made_error(literal(BAD_TIMESTAMP))} END"
            f" AS {ERROR}) FROM ({timed})"
        )


def _read_batch(builder: Builder, batch: str, decode: Decode, rest: Decode) -> str:
    """Adds what reads the batch itself; gives the name of the batch with the decoded columns."""
    columns = "".join(f", {text} AS {quote(name)}" for name, text in decode.rest_columns())
    staged = _staged(f"SELECT * FROM {left_name(batch)}", rest)
    return builder.add(
        f"SELECT _seq{columns} FROM ({staged}) ORDER BY _seq",
        kernel=decode.kernel,
        hint="decoded",
        slow=decode.slow,
        batch=batch,
        read=READ,
    )


def _staged(sql: str, decode: Decode) -> str:
    """`sql` with the computed columns of a decoder's stages."""
    for stage in decode.stages:
        sql = _computed(sql, stage)
    return sql


def _computed(sql: str, texts: tuple[tuple[str, str], ...]) -> str:
    """`sql` with computed columns of these names and texts."""
    computed = "".join(f", {text} AS {quote(name)}" for name, text in texts)
    return f"SELECT *{computed} FROM ({sql})"


def _made_error(message: str) -> str:
    """The record as an ERROR."""
    fields = (
        "'_input': _input, '_part': _part, '_off': _off, '_ts': _ts, '_key': _key, '_val': _val"
    )
    return f"{{{fields}, 'message': {message}}}::{ERROR_TYPE}"


def _header_sql(column: HeaderColumn) -> str:
    """All headers, or the bytes of the last one that has the key."""
    if column.key is None:
        return "coalesce(_hdr, [])"
    found = f"list_filter(_hdr, lambda h: h.KEY = {literal(column.key)})"
    return f"({found})[-1].VALUE"
