"""Distributed plans: a tree is cut where rows change their partition number.

On Kafka a task has one partition number of a query's inputs, and its state is its own. So a row
whose key changes before an operator with state goes through an internal topic, as in Kafka
Streams: what stands below the cut is a stage of its own. The rules:

1. In a stage the `_part` of a row is the number of its input record's partition, always: no
   operator of a stage has a placement.
2. A side of a join whose key bytes have placed its records already is not sent (Kafka Streams:
   co-partitioning); who wrote them by another partitioner has to repartition them by hand.
3. PARTITION BY is no cut where the sink or another cut follows: that places the records.
4. A stage that looks across partition numbers (`whole_reason`) is run by one task.
5. A GROUP BY that gives the last change of a batch sends the batch's groups, not its rows, where
   its aggregates can be combined (`operators/combine.py`).
6. Stages and topics are named by their place in the tree, so that a query that is replaced by one
   of the same shape finds its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import TypeGuard

from streamsql.formats.format import Format, FormatOptions
from streamsql.operators.aggregate import Aggregate
from streamsql.operators.combine import Combine, may_combine, of_partials, partial_types
from streamsql.operators.expire import Expire
from streamsql.operators.fault import Computed
from streamsql.operators.filter import Filter
from streamsql.operators.flat_map import FlatMap
from streamsql.operators.foreign_key_join import ForeignKeyJoin
from streamsql.operators.group_changes import ChangeColumns, GroupChanges, change_columns
from streamsql.operators.group_rows import GroupRows
from streamsql.operators.materialize import Materialize
from streamsql.operators.operator import Node
from streamsql.operators.partials import Partials
from streamsql.operators.placement import Placement
from streamsql.operators.project import Project
from streamsql.operators.rekey import Rekey
from streamsql.operators.repartition import Receive, Send
from streamsql.operators.sink import Sink
from streamsql.operators.source import Source
from streamsql.operators.stream_stream_join import StreamStreamJoin
from streamsql.operators.stream_table_join import StreamTableJoin
from streamsql.operators.table_table_join import TableTableJoin
from streamsql.plan.frame import typed_column
from streamsql.schema.column import Column, Schema
from streamsql.schema.duck import physical_names, quote
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BOOLEAN


@dataclass(frozen=True, slots=True)
class SinkKey:
    """How the sink writes its key, and its columns."""

    format: Format
    options: FormatOptions
    columns: tuple[Column, ...]


TOPIC_NAME_MAX = 249
"""Characters of a topic's name (org.apache.kafka.common.internals.Topic)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalTopic:
    """A topic between two stages: whoever starts the query creates it, and deletes it with it.

    `schema`: the columns that travel, with the key that places them. It is read from its first
    offset, whatever `auto.offset.reset` says.
    """

    name: str
    partitions: int
    schema: Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The trees of a query's stages, upstream first, and the topics between them."""

    trees: tuple[Node, ...]
    topics: tuple[InternalTopic, ...]


def cut_stages(sink: Sink, *, query_id: str, service: str, every_change: bool) -> Cut:
    """The stages of a distributed query; `every_change` as in `Builder`."""
    work = _Work(prefix=f"_streamsql-{service}-{query_id}", every_change=every_change)
    last = work.sink(sink)
    return Cut(trees=(*work.trees, last), topics=tuple(work.topics))


def stage_id(query_id: str, number: int, count: int) -> str:
    """What the state and the positions of a stage are kept under: the query's id for the last one,
    `CTAS_X_1-0`, `CTAS_X_1-1`, … for those before (a topic may be called so too)."""
    return query_id if number == count - 1 else f"{query_id}-{number}"


def whole_reason(tree: Node) -> str:
    """Why one task has to have all partition numbers of a stage; empty where it has not."""
    for child in tree.inputs:
        if found := whole_reason(child):
            return found
    match tree:
        case ForeignKeyJoin():
            return "a foreign-key join looks for its rows in all partitions"
        case _:
            return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Above:
    """What stands above a node. `place`: the join that it is a side of, for the names of topics.
    `placed`: without any state before it, a sink or a cut places the rows. `key`: the sink's, if
    that is the one."""

    place: str = ""
    placed: bool = False
    key: SinkKey | None = None


@dataclass(slots=True, kw_only=True)
class _Work:
    """Collects the stages that come before the one that is looked at."""

    prefix: str
    every_change: bool
    trees: list[Node] = field(default_factory=list[Node])
    topics: list[InternalTopic] = field(default_factory=list[InternalTopic])

    def sink(self, sink: Sink) -> Sink:
        """The last stage."""
        key = SinkKey(sink.key_format, sink.key_options, sink.schema.key)
        return replace(sink, input=self.cut(sink.input, _Above(key=key, placed=True)))

    def cut(self, node: Node, above: _Above) -> Node:
        """What is left of `node` in its stage."""
        match node:
            case Aggregate():
                return self._aggregate(node, above)
            case Rekey():
                return self._rekey(node, above)
            case Project():
                return self._side(replace(node, input=self.cut(node.input, above)), above.place)
            case Filter() | FlatMap() | Materialize() | Expire():
                return replace(node, input=self.cut(node.input, above))
            case StreamStreamJoin() | StreamTableJoin() | TableTableJoin() | ForeignKeyJoin():
                # Named as in ksqlDB: each join to the left of another one has an `L_` more.
                nested = above.place.count("Join") + above.place.count("L_")
                join = "L_" * nested + "Join"
                left = self.cut(node.left, _Above(place=f"{join}-left"))
                right = self.cut(node.right, _Above(place=f"{join}-right"))
                return replace(node, left=left, right=right)
            case _:
                return node

    def _aggregate(self, node: Aggregate, above: _Above) -> Node:
        placement = node.placement
        # The rows of a table are kept by its key before they move.
        placed = _moves(placement) and not node.input.table
        below = replace(node, input=self.cut(node.input, _Above(place=above.place, placed=placed)))
        if not _moves(placement):
            return replace(below, placement=None)
        place = "Aggregate-GroupBy"
        if node.input.table:
            sent, grouped = _split_table(below)
        elif self.every_change or node.over is not None or not may_combine(node.aggregates):
            sent, grouped = _split_stream(below)
        else:
            sent, grouped = _split_groups(below)
            place = "Aggregate-Combine"
        received = self._send(sent, place, placement, above.key)
        return replace(grouped, input=received)

    def _rekey(self, node: Rekey, above: _Above) -> Node:
        placed = above.placed or _moves(node.placement)
        below = self.cut(node.input, _Above(place=above.place, placed=placed))
        stays = replace(node, input=below, placement=None)
        if above.placed or not _moves(node.placement):
            return stays
        return self._send(_with_key(stays), above.place or "PartitionBy", node.placement)

    def _side(self, node: Project, place: str) -> Node:
        stays = replace(node, placement=None)
        if not _moves(node.placement) or _is_placed(node.input, node.placement):
            return stays
        return self._send(stays if node.table else _with_key(stays), place, node.placement)

    def _send(
        self, node: Node, place: str, placement: Placement, key: SinkKey | None = None
    ) -> Receive:
        """Ends a stage with `node`; gives what reads it in the next one. `key`: how the key is
        written, if not as `placement` does it."""
        format_, options = placement.format, placement.options
        # Other names are other bytes, and another schema in a registry.
        if key is not None and key.columns == node.schema.key:
            format_, options = key.format, key.options
        topic = self._name(place)
        self.trees.append(Send(input=node, topic=topic, key_format=format_, key_options=options))
        self.topics.append(
            InternalTopic(name=topic, partitions=placement.partitions, schema=node.schema)
        )
        return Receive(
            topic=topic,
            schema=node.schema,
            key_format=format_,
            key_options=options,
            table=node.table,
            window=node.window,
        )

    def _name(self, place: str) -> str:
        """A topic's name; a second GROUP BY, or a join in a subquery, gets a number."""
        name = _topic_name(f"{self.prefix}-{place}-repartition")
        taken = {topic.name for topic in self.topics}
        names = (_topic_name(f"{self.prefix}-{place}-{n}-repartition") for n in count(2))
        return next(n for n in chain([name], names) if n not in taken)


def _moves(placement: Placement | None) -> TypeGuard[Placement]:
    """Whether rows may change their partition: not where there is one."""
    return placement is not None and placement.partitions > 1


def _topic_name(name: str) -> str:
    """`name` as Kafka takes it: a quoted source or service may hold anything."""
    plain = re.sub(r"[^a-zA-Z0-9._-]", "_", name)
    if plain == name and len(name) <= TOPIC_NAME_MAX:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{plain[: TOPIC_NAME_MAX - len(mark) - 1]}-{mark}"


def _is_placed(node: Node, placement: Placement) -> bool:
    """Whether the rows of `node` lie where `placement` puts them, as far as one can know: by the
    bytes of their key, which has one column (it may be renamed without a change of bytes)."""
    match node:
        case Source() | Receive():
            # Its options do not matter: a single column has no name in KAFKA's bytes or JSON's.
            return node.key_format.name == placement.format.name
        case Filter() | FlatMap() | Materialize() | Project() | Aggregate() | Expire():
            return _is_placed(node.input, placement)
        case StreamStreamJoin() | StreamTableJoin() | TableTableJoin() | ForeignKeyJoin():
            return _is_placed(node.left, placement)
        case _:
            return False


def _with_key(node: Node) -> Filter:
    """The rows of a stream that have a value and a key: others join nothing."""
    names = physical_names(c.name for c in (*node.schema.key, *node.schema.value))
    key = names[: len(node.schema.key)]
    given = TypedSql(
        sql=" OR ".join(f"{quote(n)} IS NOT NULL" for n in key),
        type=BOOLEAN,
        columns=frozenset(key),
    )
    return Filter(input=node, condition=given)


def _split_stream(node: Aggregate) -> tuple[Node, Aggregate]:
    """The rows that a GROUP BY of a stream reads, keyed by their group, and the GROUP BY over
    them: the group's columns, then a column for each argument."""
    arguments = _read_arguments(node)
    key = node.schema.key
    names = _fresh_names(len(arguments), key)
    values = tuple(Column(n, a.typed.type) for n, a in zip(names, arguments, strict=True))
    schema = Schema(key=key, value=values)
    reads = _reads(schema)
    rows = GroupRows(
        input=node.input,
        schema=schema,
        group=node.group,
        arguments=tuple(
            replace(a, name=read.sql) for a, read in zip(arguments, reads[len(key) :], strict=True)
        ),
    )
    return rows, _over_sent(node, reads[: len(key)], arguments, reads[len(key) :])


def _split_groups(node: Aggregate) -> tuple[Node, Aggregate]:
    """The same where the last change of a group in a batch is enough: a column for each partial, of
    the groups of a batch."""
    types, key = partial_types(node.aggregates), node.schema.key
    values = tuple(Column(*c) for c in zip(_fresh_names(len(types), key), types, strict=True))
    schema = Schema(key=key, value=values)
    groups = Combine(input=node.input, schema=schema, group=node.group, aggregates=node.aggregates)
    reads = _reads(schema)
    aggregates = of_partials(node.aggregates, reads[len(key) :])
    over = replace(_over_sent(node, reads[: len(key)], (), ()), aggregates=aggregates)
    return groups, over


def _split_table(node: Aggregate) -> tuple[Node, Aggregate]:
    """The same of a table: its stage keeps the rows, and tells which values go and come."""
    arguments = _read_arguments(node)
    key = node.schema.key
    names = _fresh_names(2 + 2 * len(arguments), key)
    schema = Schema(key=key, value=change_columns(names, arguments))
    changes = GroupChanges(input=node.input, schema=schema, group=node.group, arguments=arguments)
    reads = _reads(schema)
    goes, comes, *values = reads[len(key) :]
    new, old = values[::2], values[1::2]
    columns = ChangeColumns(
        goes=goes.sql,
        comes=comes.sql,
        old=tuple((n.sql, o.sql) for n, o in zip(new, old, strict=True)),
    )
    return changes, replace(_over_sent(node, reads[: len(key)], arguments, new), changes=columns)


def _read_arguments(node: Aggregate) -> tuple[Computed, ...]:
    """What the aggregates read of a row, each once; a literal is the same for all rows."""
    computed = Partials.of(node.aggregates).computed()
    return tuple(c for c in computed if c.typed.literal is None)


def _reads(schema: Schema) -> list[TypedSql]:
    """A read of each column."""
    columns = (*schema.key, *schema.value)
    names = physical_names(c.name for c in columns)
    return [typed_column(n, c.type) for n, c in zip(names, columns, strict=True)]


def _over_sent(
    node: Aggregate,
    group: Sequence[TypedSql],
    arguments: Sequence[Computed],
    reads: Sequence[TypedSql],
) -> Aggregate:
    """The GROUP BY with its group and `arguments` read from columns."""
    places = {a.typed.sql: read for a, read in zip(arguments, reads, strict=True)}
    aggregates = tuple(
        replace(call, arguments=tuple(places.get(a.sql, a) for a in call.arguments))
        for call in node.aggregates
    )
    return replace(node, group=tuple(group), aggregates=aggregates, placement=None, rekeys=False)


def _fresh_names(count: int, key: Sequence[Column]) -> list[str]:
    """`KSQL_ARG_0`, …, none of them a column of the key."""
    taken = {c.name for c in key}
    names = (f"KSQL_ARG_{i}" for i in range(count + len(taken)))
    return [name for name in names if name not in taken][:count]
