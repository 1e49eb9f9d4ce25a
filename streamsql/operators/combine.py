"""Combine: the first half of a GROUP BY whose second half is in another stage, where only the last
change of a group in a batch is wanted.

Law: for each group in a partition's part of a batch one row, in the place of its last record, with
the partials of its records; its time is their largest. Of aggregates whose partials may be combined
in any order (`BoundAggregate.combined`): what several partitions send interleaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streamsql.functions.registry import BoundAggregate
from streamsql.operators.group_rows import group_columns, grouped_rows
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.operators.partials import Partials
from streamsql.schema.column import Schema
from streamsql.schema.duck import duckdb_type, physical_names, quote
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import SqlType


@dataclass(frozen=True, slots=True, kw_only=True)
class Combine:
    """The groups of a stream's batch: the key of `schema` is `group`, its value the partials of
    `aggregates`."""

    input: Node
    schema: Schema
    group: tuple[TypedSql, ...]
    aggregates: tuple[BoundAggregate, ...]

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Its input."""
        return (self.input,)

    @property
    def table(self) -> bool:
        """A stream: each row is to be added to those before it."""
        return False

    @property
    def window(self) -> WindowInfo | None:
        """None: which rows are late in a window only the whole group's stage knows."""
        return None

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """One statement over the rows that have a group."""
        (relation,) = relations
        partials = Partials.of(self.aggregates)
        keys = group_columns(self.schema, self.group, moved=True)
        found = builder.settle(grouped_rows(relation, keys, partials.computed()))
        columns = (*self.schema.key, *self.schema.value)
        names = [quote(n) for n in physical_names(c.name for c in columns)]
        listed = ", ".join(names[: len(keys)])
        meta = (
            "max(_seq) AS _seq, _part, NULL::BIGINT AS _off, max(_ts) AS _ts, FALSE AS _null,"
            " arg_max_null(_hdr, _seq) AS _hdr"
        )
        grouped = ", ".join([meta, listed, *partials.grouped()])
        sent = [c for a in self.aggregates for c in a.combined]
        values = ", ".join(
            f"({c.sent.format(q)})::{duckdb_type(c.type)} AS {name}"
            for c, q, name in zip(sent, partials.names("_q"), names[len(keys) :], strict=True)
        )
        sql = (
            f"(SELECT _seq, _part, _off, _ts, _null, _hdr, {listed}, {values}"
            f" FROM (SELECT {grouped} FROM {found.sql} GROUP BY _part, {listed}))"
        )
        return replace(found, sql=sql, schema=self.schema)


def may_combine(aggregates: Sequence[BoundAggregate]) -> bool:
    """Whether there is a first half."""
    return all(a.combined for a in aggregates)


def partial_types(aggregates: Sequence[BoundAggregate]) -> list[SqlType]:
    """The types that the partials travel as."""
    return [c.type for a in aggregates for c in a.combined]


def of_partials(
    aggregates: Sequence[BoundAggregate], columns: Sequence[TypedSql]
) -> tuple[BoundAggregate, ...]:
    """The aggregates of the second half, which read `columns`, one for each partial. They have no
    `running`: every change is not theirs to give."""
    rest = iter(columns)
    return tuple(
        replace(
            a,
            arguments=tuple(next(rest) for _ in a.combined),
            group=tuple(c.group.format(f"{{{i}}}") for i, c in enumerate(a.combined)),
            running=(),
            scan=(),
        )
        for a in aggregates
    )
