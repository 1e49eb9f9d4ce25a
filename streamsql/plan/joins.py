"""Joins: which kind two frames make, checked as ksqlDB checks it, and the frame that comes out.

Every side is first projected to its join key and its columns under the names `ALIAS.COLUMN`, pseudo
columns of the sources among them; a side whose key is another is repartitioned. Joins are
left-deep: the left frame may be a join.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.errors import StatementError
from streamsql.operators.foreign_key_join import ForeignKeyJoin
from streamsql.operators.operator import Node
from streamsql.operators.project import Project
from streamsql.operators.rekey import Rekey
from streamsql.operators.stream_stream_join import StreamStreamJoin
from streamsql.operators.stream_table_join import StreamTableJoin
from streamsql.operators.table_table_join import TableTableJoin
from streamsql.plan.expressions import bind_whole
from streamsql.plan.frame import Context, Frame, placement, schema_entries
from streamsql.plan.rewrite import columns_of, qualify
from streamsql.plan.scope import PSEUDO_NAMES, Entry, Scope
from streamsql.schema.column import WINDOW_BOUNDS, Column, Schema
from streamsql.schema.typed import TypedSql
from streamsql.sql import expr as ast
from streamsql.sql import format as format_sql
from streamsql.sql.statement import JoinRef, Within

JOIN_KEY = "ROWKEY"
_KINDS = {
    "INNER": "[INNER] JOIN",
    "LEFT": "LEFT [OUTER] JOIN",
    "RIGHT": "RIGHT [OUTER] JOIN",
    "FULL": "[FULL] OUTER JOIN",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`left = right`, qualified, left over the left frame; `text` as written, for messages."""

    left: ast.Expr
    right: ast.Expr
    text: str


def join_frames(join: JoinRef, left: Frame, right: Frame, context: Context) -> Frame:
    """The frame of `left JOIN right`."""
    _check_sources(left, right)
    _check_value_formats(left, right)
    condition = _condition(join, left, right)
    left_key = bind_whole(condition.left, left.scope)
    right_key = bind_whole(condition.right, right.scope)
    kind = _kind(join, left, right, condition)
    if left_key.type != right_key.type:
        sides = ((condition.left, left_key), (condition.right, right_key))
        shown = " = ".join(f"{format_sql(e)}{{{t.type}}}" for e, t in sides)
        raise StatementError(
            f"Invalid join condition: types don't match. Got {shown}.", position=join.on.position
        )
    if kind == "foreign":
        if left.window or right.window:
            raise StatementError(
                "Foreign-key table-table joins are not supported on windowed tables.",
                position=join.position,
            )
        return _foreign(join, left, right, condition.left, context=context)
    _check_partitions(left, right)
    _check_windows(left, right, condition)
    sides = _Side(left, condition.left, left_key), _Side(right, condition.right, right_key)
    return _equal(join, kind, *sides, context=context)


# ------------------------------------------------------------------ checks


def _check_sources(left: Frame, right: Frame) -> None:
    new = right.sources[0]
    aliases = left.scope.sources
    if any(alias in aliases for alias in right.scope.sources):
        raise StatementError(
            "N-way joins do not support multiple occurrences of the same source. Source:"
            f" '{new.name}'"
            if len(left.sources) > 1
            else f"Can not join '{new.name}' to '{new.name}': self joins are not yet supported."
        )
    if any(s.name == n.name for s in left.sources for n in right.sources):
        if len(left.sources) > 1:
            raise StatementError(
                "N-way joins do not support multiple occurrences of the same source. Source:"
                f" '{new.name}'"
            )
        raise StatementError(
            f"Can not join '{new.name}' to '{new.name}': self joins are not yet supported."
        )


def _condition(join: JoinRef, left: Frame, right: Frame) -> Condition:
    scope = Scope(entries=left.scope.entries + right.scope.entries, clause="JOIN ON")
    on = qualify(join.on, scope)
    if isinstance(on, ast.Binary) and on.op in ("AND", "OR"):
        raise StatementError(
            "Invalid join condition: joins on multiple conditions are not yet supported."
            f" Got {format_sql(on)}.",
            position=join.on.position,
        )
    if not isinstance(on, ast.Binary) or on.op != "=":
        raise StatementError(
            f"Invalid join condition: only equality is supported. Got {format_sql(on)}.",
            position=join.on.position,
        )
    first, second = _one_source(on.left, on), _one_source(on.right, on)
    mine = right.scope.sources
    if (first in mine) == (second in mine):
        raise StatementError(
            "Each side of the join must reference exactly one source and not the same source. Left"
            " side"
            f" references `{first}` and right references `{second}`",
            position=join.on.position,
        )
    shown = f"{format_sql(on.left)} = {format_sql(on.right)}"
    if first in mine:
        return Condition(left=on.right, right=on.left, text=shown)
    return Condition(left=on.left, right=on.right, text=shown)


def _one_source(expr: ast.Expr, on: ast.Expr) -> str:
    sources = {c.source for c in columns_of(expr)}
    if len(sources) != 1:
        raise StatementError(
            f"Invalid comparison expression '{format_sql(expr)}' in join '{format_sql(on)}'. Each"
            " side of"
            " the join comparision must contain references from exactly one source.",
            position=expr.position,
        )
    return sources.pop() or ""


def _kind(join: JoinRef, left: Frame, right: Frame, condition: Condition) -> str:
    """`stream-stream`, `stream-table`, `table-table` or `foreign`."""
    names = f"{left.sources[0].name} {_KINDS[join.kind]} {right.sources[0].name}"
    if left.table and not right.table:
        raise StatementError(
            "Invalid join order: table-stream joins are not supported; only stream-table joins."
            f" Got {names}."
        )
    if not left.table and not right.table:
        if join.within is None:
            raise StatementError(
                "Stream-Stream joins must have a WITHIN clause specified. None was provided.",
                hint=f"{names} WITHIN 1 HOUR ON …",
                position=join.position,
            )
        return "stream-stream"
    if join.within is not None:
        what = "Table-Table" if left.table else "Stream-Table"
        raise StatementError(
            f"A window definition was provided for a {what} join. These joins are not windowed."
            " Please"
            " drop the window definition (i.e. the WITHIN clause) and try to execute your join"
            " again."
        )
    on_key = _is_key(condition.right, right)
    if not left.table:
        if join.kind not in ("INNER", "LEFT"):
            word = {"FULL": "full-outer", "RIGHT": "right-outer"}[join.kind]
            raise StatementError(
                f"Invalid join type: {word} join not supported for stream-table join. Got {names}."
            )
        if not on_key:
            raise StatementError(
                "Invalid join condition: stream-table joins require to join on the table's primary"
                " key."
                f" Got {condition.text}."
            )
        return "stream-table"
    if not on_key:
        raise StatementError(
            "Invalid join condition: table-table joins require to join on the primary key of the"
            " right"
            f" input table. Got {condition.text}."
        )
    return (
        "table-table"
        if _is_key(condition.left, left)
        else _foreign_kind(join, left, condition, names)
    )


def _foreign_kind(join: JoinRef, left: Frame, condition: Condition, names: str) -> str:
    if left.joined:
        raise StatementError(
            "Invalid join condition: foreign-key table-table joins are not supported as part of"
            " n-way"
            f" joins. Got {condition.text}."
        )
    if join.kind not in ("INNER", "LEFT"):
        word = {"FULL": "full-outer", "RIGHT": "right-outer"}[join.kind]
        raise StatementError(
            f"Invalid join type: {word} join not supported for foreign-key table-table join. Got"
            f" {names}."
        )
    return "foreign"


def _is_key(expr: ast.Expr, frame: Frame) -> bool:
    return len(frame.key) == 1 and expr in frame.key[0]


def _check_value_formats(left: Frame, right: Frame) -> None:
    wrong = [s.name for s in (*left.sources, *right.sources) if s.value_format.name == "KAFKA"]
    if wrong:
        raise StatementError(
            f"Source(s) {', '.join(wrong)} are using the 'KAFKA' value format."
            " This format does not yet support JOIN."
        )


def _check_windows(left: Frame, right: Frame, condition: Condition) -> None:
    """Windowed keys join windowed keys of the same window, and are never repartitioned."""
    windowed = left.window or right.window
    if windowed is None:
        return
    rekeyed = not (_is_key(condition.left, left) and _is_key(condition.right, right))
    if rekeyed or (left.window and right.window and left.window != right.window):
        raise StatementError(
            "Implicit repartitioning of windowed sources is not supported. See"
            " https://github.com/confluentinc/ksql/issues/4385."
        )
    if left.window != right.window:
        raise StatementError(
            "Can not join windowed source to non-windowed source."
            f"\n{_windowed(left)}\n{_windowed(right)}"
        )


def _windowed(frame: Frame) -> str:
    kind = f"{frame.window.kind} windowed" if frame.window else "not windowed"
    return f"`{frame.sources[0].name}` is {kind}"


def _check_partitions(left: Frame, right: Frame) -> None:
    a, b = left.sources[0], right.sources[0]
    if a.partitions != b.partitions:
        raise StatementError(
            f"Can't join `{a.name}` with `{b.name}` since the number of partitions don't match."
            f" `{a.name}` partitions = {a.partitions}; `{b.name}` partitions = {b.partitions}."
            " Please"
            " repartition either one so that the number of partitions match."
        )


# ------------------------------------------------------------------ building


@dataclass(frozen=True, slots=True)
class _Side:
    frame: Frame
    expr: ast.Expr
    key: TypedSql


def _internal(entry: Entry) -> str:
    return f"{entry.source}.{entry.name}"


def _carried(entry: Entry, context: Context) -> bool:
    """Whether the join has to carry a column: pseudo columns only where the query names them."""
    if not entry.source:
        return False
    if context.starred and (entry.name not in PSEUDO_NAMES or entry.name in WINDOW_BOUNDS):
        return True
    return entry.name in context.mentioned


def _keyed(side: _Side, context: Context, *, moved: bool = False) -> Node:
    """The side's columns under their internal names, keyed by the join expression. `moved`: the
    other side is placed by its new key, and so is this one."""
    frame = side.frame
    values = tuple((_internal(e), e.typed) for e in frame.scope.entries if _carried(e, context))
    schema = Schema(
        key=(Column(JOIN_KEY, side.key.type),),
        value=tuple(Column(n, t.type) for n, t in values),
    )
    value_sql = tuple(t for _, t in values)
    if _is_key(side.expr, frame):
        place = placement(schema.key, frame.sources[0].partitions) if moved else None
        return Project(
            input=frame.node, schema=schema, keys=(side.key,), values=value_sql, placement=place
        )
    return Rekey(
        input=frame.node,
        schema=schema,
        keys=(side.key,),
        values=value_sql,
        placement=placement(schema.key, frame.sources[0].partitions),
    )


def _stays(left: _Side, right: _Side) -> bool:
    """Whether both sides are joined on the bytes by which their records were placed."""
    same_format = left.frame.sources[0].key_format == right.frame.sources[0].key_format
    return same_format and all(
        _is_key(s.expr, s.frame) and not s.frame.rekeyed for s in (left, right)
    )


def _joined_scope(schema: Schema, *frames: Frame) -> tuple[Entry, ...]:
    """The entries of the frames, reading the joined relation: of each source its key, its
    window's bounds, its other columns, which is the order of a `*`."""
    typed = {e.name: e.typed for e in schema_entries("", schema)}
    return tuple(
        replace(e, typed=typed[_internal(e)], is_key=False)
        for frame in frames
        for e in _key_first(frame)
        if e.source and _internal(e) in typed
    )


def _key_first(frame: Frame) -> list[Entry]:
    if frame.joined:
        return list(frame.scope.entries)
    return sorted(frame.scope.entries, key=lambda e: (not e.is_key, e.name not in WINDOW_BOUNDS))


def _equal(join: JoinRef, kind: str, left: _Side, right: _Side, *, context: Context) -> Frame:
    moved = not _stays(left, right)
    left_node = _keyed(left, context, moved=moved)
    right_node = _keyed(right, context, moved=moved)
    schema = Schema(
        key=(Column(JOIN_KEY, left.key.type),),
        value=(*left_node.schema.value, *right_node.schema.value),
    )
    how = "OUTER" if join.kind == "FULL" else join.kind
    node: Node
    match kind:
        case "stream-stream":
            within = join.within or Within(before_ms=0, after_ms=0)
            node = StreamStreamJoin(
                left=left_node,
                right=right_node,
                kind=how,
                before_ms=within.before_ms,
                after_ms=within.after_ms,
                grace_ms=within.grace_ms,
                schema=schema,
            )
        case "stream-table":
            node = StreamTableJoin(left=left_node, right=right_node, kind=how, schema=schema)
        case _:
            node = TableTableJoin(left=left_node, right=right_node, kind=how, schema=schema)
    entries = _joined_scope(schema, left.frame, right.frame)
    choices = _key_choices(join, left, right)
    synthetic = ""
    key_read = schema_entries("", schema)[0].typed
    if not any(isinstance(c, ast.ColumnRef) for c in choices):
        frames = (left.frame, right.frame)
        synthetic = _synthetic_name([e.name for f in frames for e in f.scope.entries if e.source])
        entries = (Entry(source="", name=synthetic, typed=key_read, is_key=True), *entries)
        choices = (ast.ColumnRef(name=synthetic, source=""), *choices)
    return Frame(
        node=node,
        scope=Scope(entries=entries),
        table=left.frame.table,
        key=(choices,),
        key_columns=(key_read,),
        sources=left.frame.sources + right.frame.sources,
        window=left.frame.window,
        synthetic=synthetic,
    )


def _key_choices(join: JoinRef, left: _Side, right: _Side) -> tuple[ast.Expr, ...]:
    """The expressions that equal the join key; none for a full join, where either side may be
    missing."""
    if join.kind == "FULL":
        return ()
    earlier: tuple[ast.Expr, ...] = ()
    if left.frame.joined and _is_key(left.expr, left.frame):
        earlier = left.frame.key[0]
    return tuple(dict.fromkeys((*earlier, left.expr, right.expr)))


def _synthetic_name(taken: list[str]) -> str:
    numbers = [_number(name) for name in taken]
    highest = max(numbers, default=-1)
    return JOIN_KEY if highest < 0 else f"{JOIN_KEY}_{highest + 1}"


def _number(name: str) -> int:
    """The number behind ROWKEY_, 0 for ROWKEY itself, -1 for any other name."""
    if name == JOIN_KEY:
        return 0
    tail = name.removeprefix(f"{JOIN_KEY}_")
    return int(tail) if tail != name and tail.isdigit() else -1


def _foreign(
    join: JoinRef, left: Frame, right: Frame, foreign_key: ast.Expr, *, context: Context
) -> Frame:
    """A table whose column refers to the other's key: the left key stays the key."""
    read = {c.name for c in columns_of(foreign_key)}
    left_values = [
        (_internal(e), e.typed)
        for e in left.scope.entries
        if _carried(e, context) or e.is_key or e.name in read
    ]
    left_keys = tuple((e.name, e.typed) for e in left.scope.entries if e.is_key)
    left_schema = Schema(
        key=tuple(Column(n, t.type) for n, t in left_keys),
        value=tuple(Column(n, t.type) for n, t in left_values),
    )
    left_node = Project(
        input=left.node,
        schema=left_schema,
        keys=tuple(t for _, t in left_keys),
        values=tuple(t for _, t in left_values),
    )
    prefixed = {e.name: e.typed for e in schema_entries("", left_schema)}
    inner = Scope(
        entries=tuple(
            replace(e, typed=prefixed[_internal(e)])
            for e in left.scope.entries
            if _internal(e) in prefixed
        )
    )
    foreign = bind_whole(foreign_key, inner)
    right_key = next(e for e in right.scope.entries if e.is_key)
    right_node = _keyed(_Side(right, right.key[0][0], right_key.typed), context)
    schema = Schema(key=left_schema.key, value=(*left_schema.value, *right_node.schema.value))
    node = ForeignKeyJoin(
        left=left_node, right=right_node, kind=join.kind, foreign_key=foreign, schema=schema
    )
    entries = _joined_scope(schema, left, right)
    reads = schema_entries("", schema)[: len(schema.key)]
    return Frame(
        node=node,
        scope=Scope(entries=entries),
        table=True,
        key=left.key,
        key_columns=tuple(e.typed for e in reads),
        sources=left.sources + right.sources,
        foreign_key=True,
    )
