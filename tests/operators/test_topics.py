"""Source and Sink over real formats: keys, windows, timestamps, headers, records that cannot be
read."""

from __future__ import annotations

import json
import struct
from dataclasses import replace

import pyarrow as pa
import pytest

from streamsql.brokers.log import FETCHED
from streamsql.engine.database import Database
from streamsql.engine.step import Task
from streamsql.formats import format_named
from streamsql.formats.format import FormatOptions
from streamsql.operators.operator import Builder, WindowInfo, lower_tree
from streamsql.operators.placement import Placement
from streamsql.operators.project import Project
from streamsql.operators.rekey import Rekey
from streamsql.operators.sink import Sink
from streamsql.operators.source import Source
from streamsql.plan.kernels import KERNELS
from streamsql.schema.column import HeaderColumn
from streamsql.schema.murmur2 import partition_of
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, BYTES, HEADERS, STRING


def source(kit, **more):
    declared = kit.schema({"K": STRING}, {"A": BIGINT, "B": STRING})
    return Source(
        topic="t",
        declared=replace(declared, headers=more.pop("columns", ())),
        key_format=format_named("KAFKA"),
        key_options=FormatOptions(side="key"),
        value_format=format_named("JSON"),
        value_options=FormatOptions(side="value"),
        **more,
    )


def sink(node, **more):
    return Sink(
        input=node,
        topic="out",
        key_format=format_named("KAFKA"),
        key_options=FormatOptions(side="key"),
        value_format=format_named("JSON"),
        value_options=FormatOptions(side="value"),
        **{"partitions": 1, **more},
    )


def step(node, records):
    """The records that leave, and the errors; `records` are (key, value, timestamp, headers,
    partition)."""
    builder = Builder(query_id="Q", every_change=True)
    lower_tree(builder, node)
    columns = {
        "input": [0] * len(records),
        "partition": [(*r, None, 0)[4] if len(r) > 4 else 0 for r in records],
        "offset": list(range(100, 100 + len(records))),
        "timestamp": [r[2] for r in records],
        "key": [r[0] for r in records],
        "value": [r[1] for r in records],
        "headers": [r[3] if len(r) > 3 else None for r in records],
    }
    database = Database(kernels=KERNELS)
    try:
        plan = builder.build()
        task = Task(plan, database.connection)
        task.create_state()
        done = task.step(pa.table(columns, schema=FETCHED), 0)
        errors = [e["_err"] for t in done.errors for e in t.to_pylist()]
        return (
            [tuple(r.values())[:5] for r in done.outputs[0].to_pylist()],
            errors,
            len(plan.statements),
        )
    finally:
        database.close()


def text(**columns):
    return json.dumps(columns, separators=(",", ":")).encode()


def test_a_copy_is_a_reading_and_a_statement_and_errors_leave_beside_it(kit):
    headers = [{"KEY": "h", "VALUE": b"1"}]
    records = [
        (b"a", text(A=1, B="x"), 5, headers, 3),
        (b"b", b"{nonsense", 6, None, 1),
        (b"c", None, 7),
        (None, text(A=None, B="y"), 8),
    ]
    out, errors, statements = step(sink(source(kit), keeps_partition=True), records)
    assert statements == 2
    assert out == [
        (3, 5, b"a", text(A=1, B="x"), headers),
        (0, 7, b"c", None, None),
        (0, 8, None, text(A=None, B="y"), None),
    ]
    (error,) = errors
    assert error.pop("message")
    assert error == {
        "_input": 0,
        "_part": 1,
        "_off": 101,
        "_ts": 6,
        "_key": b"b",
        "_val": b"{nonsense",
    }


def test_a_table_drops_records_without_a_key(kit):
    out, errors, _ = step(sink(source(kit, table=True)), [(None, text(A=1), 1), (b"k", None, 2)])
    assert [(r[2], r[3]) for r in out] == [(b"k", None)]
    assert not errors


def test_the_time_comes_from_a_column_and_a_bad_one_is_an_error(kit):
    time = TypedSql(sql='"A"', type=BIGINT, columns=frozenset("A"))
    records = [(b"k", text(A=9), 1), (b"k", text(B="x"), 2), (b"k", None, 3), (b"k", text(A=-1), 4)]
    out, errors, _ = step(sink(source(kit, timestamp=time)), records)
    assert [r[1] for r in out] == [9, 3]
    assert [(e["_off"], e["_ts"], e["_val"]) for e in errors] == [
        (101, 2, text(B="x")),
        (103, 4, text(A=-1)),
    ]


def test_a_sink_with_a_timestamp_drops_rows_without_one(kit):
    time = TypedSql(sql='"A"', type=BIGINT, columns=frozenset("A"))
    records = [(b"k", text(A=9), 1), (b"k", text(B="x"), 2), (b"k", None, 3)]
    out, _, _ = step(sink(source(kit), timestamp=time), records)
    assert [r[1] for r in out] == [9, 3]


@pytest.mark.parametrize("kind", ["TUMBLING", "SESSION"])
def test_windowed_keys_come_back_as_they_were(kit, kind):
    session = kind == "SESSION"
    window = WindowInfo(kind=kind, size_ms=None if session else 10)
    bounds = struct.pack(">qq", 27, 20) if session else struct.pack(">q", 20)
    node = source(kit, window=window)
    bound = {n: TypedSql(sql=n, type=BIGINT) for n in ("_ws", "_we")}
    shown = Project(
        input=node,
        schema=kit.schema({"K": STRING}, {"S": BIGINT, "E": BIGINT}),
        keys=(kit.col("K", STRING),),
        values=(bound["_ws"], bound["_we"]),
    )
    records = [(b"key" + bounds, text(A=1, B="x"), 5), (b"short", text(A=1), 6)]
    out, errors, _ = step(sink(shown, partitions=4), records)
    end = 27 if session else 30
    assert out[0][2:4] == (b"key" + bounds, text(S=20, E=end))
    # Placed by the key without its window.
    assert out[0][0] == partition_of(pa.array([b"key"]), 4)[0].as_py()
    assert len(out) + len(errors) == 2


def test_a_new_key_is_placed_by_its_bytes(kit):
    moved = Rekey(
        input=source(kit),
        schema=kit.schema({"B": STRING}, {"P": BIGINT}),
        keys=(kit.col("B", STRING),),
        values=(TypedSql(sql="_off", type=BIGINT),),
        placement=Placement(
            format=format_named("KAFKA"), options=FormatOptions(side="key"), partitions=5
        ),
    )
    names = ["a", "b", "c", "d", "e"]
    out, _, _ = step(sink(moved, keeps_partition=True), [(b"k", text(A=1, B=n), 0) for n in names])
    wanted = partition_of(pa.array([n.encode() for n in names]), 5).to_pylist()
    assert [r[0] for r in out] == wanted
    out, _, _ = step(sink(moved, partitions=5), [(b"k", text(A=1, B="a"), 0)])
    assert out[0][0] is None


def test_header_columns_read_all_headers_or_the_last_of_a_name(kit):
    columns = (HeaderColumn("H", HEADERS), HeaderColumn("X", BYTES, "x"))
    node = source(kit, columns=columns, wanted=frozenset({"A", "H", "X"}))
    shown = Project(
        input=node,
        schema=kit.schema({"K": STRING}, {"N": BIGINT, "X": STRING}),
        keys=(kit.col("K", STRING),),
        values=(
            TypedSql(sql='len("H")', type=BIGINT),
            TypedSql(sql='decode("X")', type=STRING),
        ),
    )
    headers = [{"KEY": k, "VALUE": v} for k, v in (("x", b"1"), ("y", b"2"), ("x", b"3"))]
    out, _, _ = step(sink(shown), [(b"k", text(A=1), 0, headers), (b"k", text(A=1), 0)])
    assert [r[3] for r in out] == [text(N=3, X="3"), text(N=0, X=None)]
