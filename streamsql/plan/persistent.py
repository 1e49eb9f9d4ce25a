"""CREATE … AS SELECT and INSERT INTO … SELECT: the sink's source, its formats, and the plan that
feeds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from streamsql.catalog.catalog import STREAM, TABLE, FormatSpec, Query, Source, WindowSpec
from streamsql.engine.plan import PhysicalPlan
from streamsql.errors import StatementError
from streamsql.formats import format_named
from streamsql.formats.format import KEY, VALUE
from streamsql.operators.materialize import Materialize
from streamsql.operators.operator import Builder, Node
from streamsql.operators.sink import Sink
from streamsql.plan.declare import (
    With,
    check_formats,
    check_timestamp,
    default_wrap,
    options_of,
)
from streamsql.plan.frame import Context, PlannedQuery, source_hint, typed_column
from streamsql.plan.lowering import lower
from streamsql.plan.query import plan_query
from streamsql.plan.rules import rewrite
from streamsql.plan.stages import Cut, InternalTopic, cut_stages, stage_id, whole_reason
from streamsql.plan.timestamp_column import timestamp_text
from streamsql.schema.column import Schema
from streamsql.schema.duck import physical_names
from streamsql.sql.statement import CreateAsSelect, InsertInto


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistent:
    """A persistent query that was accepted: its plans, its catalog entry, and its sink.

    `stages`: upstream first, the last one feeds the sink; one alone unless the context is
    distributed. `trees`: theirs. `internal`: the topics between them. `makes_source`: false for
    INSERT INTO.
    """

    stages: tuple[PhysicalPlan, ...]
    trees: tuple[Node, ...]
    internal: tuple[InternalTopic, ...]
    query: Query
    source: Source
    makes_source: bool

    @property
    def plan(self) -> PhysicalPlan:
        """The last stage: its state is what pull queries read."""
        return self.stages[-1]


def plan_create(
    statement: CreateAsSelect, context: Context, *, query_id: str, topics: Mapping[str, int]
) -> Persistent:
    """CREATE STREAM | TABLE … AS SELECT."""
    if statement.query.limit is not None:
        raise StatementError(
            f"CREATE {statement.kind} AS SELECT statements don't support LIMIT clause."
        )
    options = With(statement.properties)
    planned = plan_query(statement.query, context, sink=statement.name)
    _check_kind(statement, planned)
    source = _sink_source(statement, planned, options, context, query_id=query_id, topics=topics)
    check_formats(source)
    query = Query(
        id=query_id,
        sink=source.name,
        sources=tuple(s.name for s in planned.sources),
        text=statement.text,
        properties=context.properties.items(),
    )
    return _lowered(planned, source, query, context, makes_source=True)


def _check_kind(statement: CreateAsSelect, planned: PlannedQuery) -> None:
    if statement.kind == STREAM and planned.table:
        raise StatementError(
            "Invalid result type. Your SELECT query produces a TABLE. Please use CREATE TABLE AS"
            " SELECT"
            " statement instead."
        )
    if statement.kind == TABLE and not planned.table:
        raise StatementError(
            "Invalid result type. Your SELECT query produces a STREAM. Please use CREATE STREAM AS"
            " SELECT"
            " statement instead."
        )


def _sink_source(
    statement: CreateAsSelect,
    planned: PlannedQuery,
    options: With,
    context: Context,
    *,
    query_id: str,
    topics: Mapping[str, int],
) -> Source:
    if options.number("TTL_MS") is not None:
        raise StatementError(
            "'TTL_MS' is for tables that are declared over a topic",
            detail="the rows of a query's table end with those that it was made of",
            hint="declare the tables that it reads with TTL_MS, or give the query a WINDOW, whose"
            " RETENTION says how long it is kept",
        )
    left = planned.sources[0]
    prefix = context.properties.text("ksql.output.topic.name.prefix")
    topic = options.text("KAFKA_TOPIC") or prefix + statement.name
    partitions = options.number("PARTITIONS") or topics.get(topic) or left.partitions
    if topics.get(topic, partitions) != partitions:
        raise StatementError(
            f"A Kafka topic with the name '{topic}' already exists, with different"
            " partition/replica"
            f" configuration than required. KSQL expects {partitions} partitions (topic has"
            f" {topics[topic]})"
        )
    schema = planned.schema
    window = planned.window
    source = Source(
        name=statement.name,
        kind=statement.kind,
        schema=schema,
        topic=topic,
        key_format=_key_format(options, planned, left, context),
        value_format=_value_format(options, left, schema, context),
        window=WindowSpec(kind=window.kind, size_ms=window.size_ms) if window else None,
        partitions=partitions,
        replicas=options.number("REPLICAS") or left.replicas,
        query=query_id,
        text=statement.text,
        timestamp_format=options.text("TIMESTAMP_FORMAT"),
    )
    name = options.text("TIMESTAMP")
    if name is None:
        return source
    name = name.strip("`") if name.startswith("`") else name.upper()
    column = check_timestamp(name, options.text("TIMESTAMP_FORMAT"), schema)
    return replace(source, timestamp_column=column)


def _key_format(options: With, planned: PlannedQuery, left: Source, context: Context) -> FormatSpec:
    """The key's format: as asked, else the left source's, else the default; NONE without a key."""
    asked = options.format("KEY")
    if not planned.schema.key:
        explicit = options.text("KEY_FORMAT")
        if explicit is not None and explicit.upper() != "NONE":
            raise StatementError("Key format specified for stream without key columns.")
        return FormatSpec(name="NONE")
    if asked is None:
        inherited = left.key_format
        if inherited.name == "NONE":
            default = context.properties.text("ksql.persistence.default.format.key")
            return options.spec("KEY", default.upper())
        return replace(
            options.spec("KEY", inherited.name),
            delimiter=options.delimiter("KEY") or inherited.delimiter,
        )
    spec = options.spec("KEY", asked)
    if spec.delimiter is None and asked == left.key_format.name:
        return replace(spec, delimiter=left.key_format.delimiter)
    return spec


def _value_format(options: With, left: Source, schema: Schema, context: Context) -> FormatSpec:
    name = options.format("VALUE") or left.value_format.name
    spec = options.spec("VALUE", name)
    if spec.delimiter is None and name == left.value_format.name:
        spec = replace(spec, delimiter=left.value_format.delimiter)
    return default_wrap(spec, schema, context.properties)


def _lowered(
    planned: PlannedQuery, source: Source, query: Query, context: Context, *, makes_source: bool
) -> Persistent:
    """The query with the plan of each of its stages."""
    sink = _sink(planned, source)
    cut = Cut(trees=(sink,), topics=())
    if context.distributed:
        cut = cut_stages(
            sink,
            query_id=query.id,
            service=context.service,
            every_change=new_builder(query.id, context).every_change,
        )
    trees = tuple(rewrite(tree) for tree in cut.trees)
    stages: list[PhysicalPlan] = []
    for i, tree in enumerate(trees):
        builder = new_builder(stage_id(query.id, i, len(trees)), context)
        builder.whole = context.distributed and whole_reason(tree) != ""
        relation = lower(tree, builder)
        stages.append(builder.build(materialized=relation.materialized))
    return Persistent(
        stages=tuple(stages),
        trees=trees,
        internal=cut.topics,
        query=query,
        source=source,
        makes_source=makes_source,
    )


def _sink(planned: PlannedQuery, source: Source) -> Sink:
    """The whole tree."""
    node = planned.node
    if source.is_table and needs_materialize(node):
        node = Materialize(input=node)
    left = planned.sources[0]
    same_key_bytes = source.key_format == left.key_format and source.partitions == left.partitions
    timestamp = None
    if source.timestamp_column is not None:
        columns = [c.name for c in (*planned.schema.key, *planned.schema.value)]
        physical = dict(zip(columns, physical_names(columns), strict=True))
        found = planned.schema.find(source.timestamp_column)
        if found is None:
            raise AssertionError(source.timestamp_column)
        read = typed_column(physical[found.name], found.type)
        timestamp = timestamp_text(read, source.timestamp_format)
    return Sink(
        input=node,
        topic=source.topic,
        key_format=format_named(source.key_format.name),
        key_options=options_of(source, KEY),
        value_format=format_named(source.value_format.name),
        value_options=options_of(source, VALUE),
        partitions=source.partitions,
        keeps_partition=not planned.rekeyed and same_key_bytes and len(planned.sources) == 1,
        whole_key=planned.rekeyed and not planned.stateful and len(planned.schema.key) > 1,
        timestamp=timestamp,
    )


def needs_materialize(node: Node) -> bool:
    """Whether no operator of a table's chain keeps the rows that pull queries read."""
    builder = Builder(query_id="probe", every_change=True)
    return not lower(node, builder).materialized


def new_builder(query_id: str, context: Context) -> Builder:
    """A builder with the session's emission mode."""
    cached = context.properties.number("cache.max.bytes.buffering") > 0
    return Builder(query_id=query_id, every_change=not cached)


def plan_insert(statement: InsertInto, context: Context, *, query_id: str) -> Persistent:
    """INSERT INTO sink SELECT: the same columns by name and type, written in the sink's formats."""
    sink = context.catalog.sources.get(statement.target)
    if sink is None:
        raise StatementError(
            f"Source `{statement.target}` does not exist.",
            hint=source_hint(statement.target, context.catalog),
            position=statement.position,
        )
    if sink.is_table:
        raise StatementError(
            f"INSERT INTO can only be used to insert into a stream. {sink.name} is a table."
        )
    if sink.read_only:
        raise StatementError(f"Cannot insert into read-only stream: {sink.name}")
    if sink.schema.headers:
        raise StatementError(f"Cannot insert into {sink.name} because it has header columns")
    planned = plan_query(statement.query, context, sink=sink.name)
    if planned.table:
        raise StatementError(
            "INSERT INTO can only be used to insert into a stream. The query gives a table:"
            f" {sink.name}"
        )
    _check_schemas(planned.schema, sink.schema)
    query = Query(
        id=query_id,
        sink=sink.name,
        sources=tuple(s.name for s in planned.sources),
        text=statement.text,
        kind="INSERT",
        properties=context.properties.items(),
    )
    return _lowered(planned, sink, query, context, makes_source=False)


def _check_schemas(result: Schema, sink: Schema) -> None:
    same = [(c.name, c.type) for c in result.key] == [(c.name, c.type) for c in sink.key] and [
        (c.name, c.type) for c in result.value
    ] == [(c.name, c.type) for c in sink.value]
    if not same:
        raise StatementError(
            "Incompatible schema between results and sink.\n"
            f"Result schema is {result}\nSink schema is {sink}"
        )
