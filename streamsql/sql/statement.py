"""Statements as written: frozen values with positions that take no part in equality.

`Query` and `Relation` are recursive from the first day: a FROM may hold a subquery or a CTE.
Strict mode refuses what ksqlDB does not have. Durations are milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from streamsql.errors import Position
from streamsql.schema.types import SqlType
from streamsql.sql.expr import Expr

PropertyValue = str | int | float | bool | None
Properties = tuple[tuple[str, PropertyValue], ...]
"""The pairs of a WITH clause, names upper-cased, in order; `dict()` gives the look-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`text` is the statement as written, without the semicolon; neither it nor `position` counts
    for equality.
    """

    text: str = field(default="", compare=False, repr=False)
    position: Position | None = field(default=None, compare=False, repr=False)


# ------------------------------------------------------------------ queries


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowClause:
    """`kind` TUMBLING, HOPPING or SESSION; `size_ms` is the gap of a session; `advance_ms` of
    HOPPING only.
    """

    kind: str
    size_ms: int
    advance_ms: int | None = None
    retention_ms: int | None = None
    grace_ms: int | None = None
    position: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    position: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRef(Relation):
    """A stream or table by name; `alias` None where none was written."""

    name: str
    alias: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """`WITHIN before` or `WITHIN (before, after)`, `GRACE PERIOD`."""

    before_ms: int
    after_ms: int
    grace_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRef(Relation):
    """`kind` INNER, LEFT, RIGHT or FULL. Left-deep: `right` is a SourceRef unless parenthesised."""

    kind: str
    left: Relation
    right: Relation
    on: Expr
    within: Within | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubqueryRef(Relation):
    """`(SELECT …) alias`: beyond ksqlDB."""

    query: Query
    alias: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectItem:
    position: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectColumn(SelectItem):
    expr: Expr
    alias: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectStar(SelectItem):
    """`*` or `source.*`."""

    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectStructStar(SelectItem):
    """`expr->*`."""

    base: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem:
    """An expression of ORDER BY: beyond ksqlDB."""

    expr: Expr
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(Statement):
    """A SELECT. `emit` is CHANGES, FINAL or None (absent: a pull query, or the default of a
    persistent one). `distinct`, `order_by` and `ctes` go beyond ksqlDB.
    """

    items: tuple[SelectItem, ...]
    source: Relation
    window: WindowClause | None = None
    where: Expr | None = None
    group_by: tuple[Expr, ...] = ()
    partition_by: tuple[Expr, ...] = ()
    having: Expr | None = None
    emit: str | None = None
    limit: int | None = None
    ctes: tuple[tuple[str, Query], ...] = ()
    distinct: bool = False
    order_by: tuple[OrderItem, ...] = ()


# ------------------------------------------------------------------ definitions


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDef:
    """`constraint` is None, KEY, PRIMARY KEY, HEADERS or HEADER (then `header_key`).

    `written`: the name in the letters of the text.
    """

    name: str
    type: SqlType
    constraint: str | None = None
    header_key: str | None = None
    position: Position | None = field(default=None, compare=False, repr=False)
    written: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSource(Statement):
    """CREATE [OR REPLACE] [SOURCE] STREAM | TABLE; `kind` STREAM or TABLE. Property names are
    upper-cased.
    """

    kind: str
    name: str
    columns: tuple[ColumnDef, ...]
    properties: Properties = ()
    or_replace: bool = False
    if_not_exists: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAsSelect(Statement):
    """CREATE [OR REPLACE] STREAM | TABLE … AS SELECT."""

    kind: str
    name: str
    query: Query
    properties: Properties = ()
    or_replace: bool = False
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertInto(Statement):
    """INSERT INTO target [WITH (…)] SELECT."""

    target: str
    query: Query
    properties: Properties = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertValues(Statement):
    """INSERT INTO target [(columns)] VALUES (…); `columns` empty where absent."""

    target: str
    columns: tuple[str, ...]
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterSource(Statement):
    kind: str
    name: str
    columns: tuple[ColumnDef, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropSource(Statement):
    kind: str
    name: str
    if_exists: bool = False
    delete_topic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateType(Statement):
    name: str
    type: SqlType
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DropType(Statement):
    name: str
    if_exists: bool = False


# ------------------------------------------------------------------ connectors


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateConnector(Statement):
    """`kind` SOURCE or SINK."""

    kind: str
    name: str
    properties: Properties = ()
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DropConnector(Statement):
    name: str
    if_exists: bool = False


# ------------------------------------------------------------------ looking


@dataclass(frozen=True, slots=True, kw_only=True)
class Show(Statement):
    """SHOW | LIST; `what` TOPICS, STREAMS, TABLES, QUERIES, FUNCTIONS, PROPERTIES, TYPES,
    VARIABLES, CONNECTORS, SOURCE CONNECTORS, SINK CONNECTORS or CONNECTOR PLUGINS. `every` is ALL
    (topics).
    """

    what: str
    extended: bool = False
    every: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe(Statement):
    """`kind` SOURCE, FUNCTION, CONNECTOR, STREAMS or TABLES; `name` empty for the last two."""

    kind: str
    name: str = ""
    extended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Explain(Statement):
    """EXPLAIN statement | query id; `stage` STATEMENT, BOUND, OPERATORS, PHYSICAL, STATE or None
    (all that ksqlDB shows, and the SQL of each operator).
    """

    statement: Statement | None = None
    query_id: str | None = None
    stage: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintTopic(Statement):
    topic: str
    from_beginning: bool = False
    interval: int | None = None
    limit: int | None = None


# ------------------------------------------------------------------ running queries and the session


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlQuery(Statement):
    """`action` TERMINATE, PAUSE or RESUME; `query_id` None means ALL."""

    action: str
    query_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForQueries(Statement):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProperty(Statement):
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsetProperty(Statement):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterSystem(Statement):
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Define(Statement):
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undefine(Statement):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScript(Statement):
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupDatabase(Statement):
    path: str


# ------------------------------------------------------------------ asserting


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertTopic(Statement):
    topic: str
    properties: Properties = ()
    exists: bool = True
    timeout_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertSchema(Statement):
    subject: str | None = None
    schema_id: int | None = None
    exists: bool = True
    timeout_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertValues(Statement):
    """Test only: the next record of `source` has these values; `columns` empty where absent."""

    source: str
    columns: tuple[str, ...]
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertNullValues(Statement):
    """Test only: the next record of `source` is a tombstone with this key."""

    source: str
    columns: tuple[str, ...]
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertSource(Statement):
    """Test only: the stream or table has this schema and these properties."""

    kind: str
    name: str
    columns: tuple[ColumnDef, ...]
    properties: Properties = ()
