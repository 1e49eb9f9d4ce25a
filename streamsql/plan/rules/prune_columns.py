"""Sources decode only the columns that something above them reads.

Decoding is most of what a stateless query costs: 3 columns of 7 take three quarters of the time of
7, and of a record with 20 fields a GROUP BY often needs two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from streamsql.operators.aggregate import Aggregate
from streamsql.operators.combine import Combine
from streamsql.operators.filter import Filter
from streamsql.operators.flat_map import FlatMap
from streamsql.operators.foreign_key_join import ForeignKeyJoin
from streamsql.operators.group_changes import GroupChanges
from streamsql.operators.group_rows import GroupRows
from streamsql.operators.operator import Node
from streamsql.operators.project import Project
from streamsql.operators.rekey import Rekey
from streamsql.operators.repartition import Receive
from streamsql.operators.source import Source
from streamsql.operators.stream_stream_join import StreamStreamJoin
from streamsql.operators.stream_table_join import StreamTableJoin
from streamsql.operators.table_table_join import TableTableJoin
from streamsql.schema.duck import physical_names
from streamsql.schema.typed import TypedSql

Wanted = frozenset[str] | None
"""Physical names; None: all of them."""


def prune_columns(node: Node) -> Node:
    """The tree with `Source.wanted` set where not every column is read."""
    return _pruned(node, None)


def _pruned(node: Node, wanted: Wanted) -> Node:
    match node:
        case Source():
            return _source(node, wanted)
        case Receive():
            return node
        case Project() | Rekey():
            return replace(node, input=_pruned(node.input, _read((*node.keys, *node.values))))
        case Aggregate() | Combine():
            arguments = [a for b in node.aggregates for a in b.arguments]
            return replace(node, input=_pruned(node.input, _read((*node.group, *arguments))))
        case GroupRows() | GroupChanges():
            read = _read((*node.group, *(a.typed for a in node.arguments)))
            return replace(node, input=_pruned(node.input, read))
        case Filter():
            more = None if wanted is None else wanted | node.condition.columns
            return replace(node, input=_pruned(node.input, more))
        case FlatMap():
            more = None if wanted is None else wanted | _read(node.functions)
            return replace(node, input=_pruned(node.input, more))
        case StreamTableJoin() | StreamStreamJoin() | TableTableJoin() | ForeignKeyJoin():
            return replace(node, left=_pruned(node.left, None), right=_pruned(node.right, None))
        case _:
            (child,) = node.inputs
            return _with_input(node, _pruned(child, None))


def _with_input(node: Node, child: Node) -> Node:
    """A node of one input over another one; what it reads of it is all."""
    return replace(node, input=child)  # type: ignore[type-var]


def _read(expressions: Iterable[TypedSql]) -> frozenset[str]:
    return frozenset[str]().union(*(e.columns for e in expressions))


def _source(source: Source, wanted: Wanted) -> Source:
    if wanted is None:
        return source
    if source.timestamp is not None:
        wanted = wanted | source.timestamp.columns
    schema = source.schema
    names = [c.name for c in (*schema.key, *schema.value)]
    physical = physical_names(names)
    read = frozenset(n for n, p in zip(names, physical, strict=True) if p in wanted)
    return replace(source, wanted=read)
