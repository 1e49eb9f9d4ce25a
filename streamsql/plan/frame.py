"""What planning carries from clause to clause: the node so far and the names that read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from streamsql.catalog.catalog import Catalog, Source
from streamsql.config import SETTINGS, Properties
from streamsql.errors import Position, StatementError
from streamsql.formats import format_named
from streamsql.formats.format import KEY, FormatOptions
from streamsql.operators.operator import Node, WindowInfo
from streamsql.operators.placement import Placement
from streamsql.plan.scope import Entry, Scope, near_hint
from streamsql.schema.column import PSEUDO_COLUMNS, WINDOW_BOUNDS, Column, Schema
from streamsql.schema.duck import physical_names, quote
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BIGINT, BYTES, DOUBLE, INTEGER, STRING, SqlType
from streamsql.sql import expr as ast
from streamsql.sql.statement import Query

PSEUDO_SQL = {
    "ROWTIME": "_ts",
    "ROWPARTITION": "_part",
    "ROWOFFSET": "_off",
    "WINDOWSTART": "_ws",
    "WINDOWEND": "_we",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cte:
    """A query that WITH gave a name, and the names that it sees."""

    query: Query
    visible: Mapping[str, Cte]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a statement is planned against.

    `distributed`: partition numbers are tasks of their own, so that plans are cut into stages
    (`stages.py`); `service`: what their internal topics are named by. `mentioned`: names of the
    columns that the query writes out; `starred`: it selects a `*` besides. A join carries no other
    column. `ctes`: names that WITH gave. `within`: the query stands in another one's FROM.
    """

    catalog: Catalog
    properties: Properties
    persistent: bool
    distributed: bool = False
    service: str = SETTINGS["ksql.service.id"].default
    mentioned: frozenset[str] = frozenset()
    starred: bool = True
    ctes: Mapping[str, Cte] = field(default_factory=dict[str, Cte])
    within: bool = False

    @property
    def keyed(self) -> bool:
        """Whether the result has to hold its key: it becomes a topic."""
        return self.persistent and not self.within

    def source(self, name: str, position: Position | None = None) -> Source:
        """The source called `name`; StatementError at `position` where there is none."""
        found = self.catalog.sources.get(name)
        if found is None:
            raise StatementError(
                f"{name} does not exist.",
                hint=source_hint(name, self.catalog),
                position=position,
            )
        return found


def source_hint(name: str, catalog: Catalog) -> str:
    """`Did you mean "x"?` where a source differs by case only, else the nearest name."""
    same = [s for s in catalog.sources if s.upper() == name.upper()]
    if same:
        return (
            f'Did you mean "{same[0]}"? Hint: wrap the source name in double quotes to make it'
            " case-sensitive."
        )
    return near_hint(name, catalog.sources) or "SHOW STREAMS and SHOW TABLES list what there is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A node with the scope over its relation.

    `key`: for each key column the qualified expressions that equal it, the first preferred; any one
    of them in the projection is the key. `key_columns`: what the key reads where that is not the
    expression itself (a join's key).
    `synthetic`: the key column that no source has, or empty. `foreign_key`: the left side of a
    foreign-key join. `rekeyed`: its records are placed by another key than their source's.
    """

    node: Node
    scope: Scope
    table: bool
    key: tuple[tuple[ast.Expr, ...], ...]
    sources: tuple[Source, ...]
    window: WindowInfo | None = None
    synthetic: str = ""
    key_columns: tuple[TypedSql, ...] = ()
    foreign_key: bool = False
    rekeyed: bool = False

    @property
    def joined(self) -> bool:
        """Whether it has the columns of more than one relation."""
        return len({e.source for e in self.scope.entries if e.source}) > 1

    def on(self, node: Node) -> Frame:
        """The same names over another node."""
        return replace(self, node=node)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedQuery:
    """A SELECT's tree. `schema`: its result, key first; `order`: the columns as selected.
    `rekeyed`: the key is another than the source's, so records change partition."""

    node: Node
    schema: Schema
    order: tuple[str, ...]
    table: bool
    window: WindowInfo | None
    sources: tuple[Source, ...]
    rekeyed: bool
    stateful: bool


def placement(key: tuple[Column, ...], partitions: int) -> Placement:
    """Where records of a new key go: by the bytes that the KAFKA format gives one simple column,
    else by JSON's."""
    simple = len(key) == 1 and key[0].type in (INTEGER, BIGINT, DOUBLE, STRING, BYTES)
    return Placement(
        format=format_named("KAFKA" if simple else "JSON"),
        options=FormatOptions(side=KEY),
        partitions=partitions,
    )


def typed_column(physical: str, type_: SqlType) -> TypedSql:
    """A read of a physical column."""
    return TypedSql(sql=quote(physical), type=type_, columns=frozenset((physical,)))


def pseudo_entries(alias: str, *, windowed: bool, offsets: bool = True) -> tuple[Entry, ...]:
    """The pseudo columns of a relation."""
    types = dict(PSEUDO_COLUMNS) | (dict(WINDOW_BOUNDS) if windowed else {})
    if not offsets:
        types.pop("ROWPARTITION")
        types.pop("ROWOFFSET")
    return tuple(
        Entry(source=alias, name=name, typed=typed_column(PSEUDO_SQL[name], type_))
        for name, type_ in types.items()
    )


def schema_entries(alias: str, schema: Schema) -> tuple[Entry, ...]:
    """An entry for each column of a node's schema, key first."""
    columns = [*schema.key, *schema.value]
    physical = physical_names(c.name for c in columns)
    return tuple(
        Entry(
            source=alias, name=c.name, typed=typed_column(p, c.type), is_key=schema.is_key(c.name)
        )
        for c, p in zip(columns, physical, strict=True)
    )
