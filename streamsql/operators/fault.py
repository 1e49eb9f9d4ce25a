"""Faults: what an expression throws for a row.

Law: the row goes on with NULL in its place, or leaves where its operator says so, and the
processing log gets one entry for each row and expression that threw.

DuckDB's TRY hides that something was thrown. So an expression is computed once, as `_try0`, …; only
where that gives NULL it is computed again, to see whether it threw. Rows for which nothing is
thrown pay for a look at their NULLs.

Entries travel beside the row in the column LOG, as JSON objects with commas between them: NULL in
nearly every row, and the cheapest column that DuckDB can carry. A row that is dropped with entries
becomes one that could not be read, with `NOTHING` as its error: it leaves with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from streamsql.engine.plan import ERROR_TYPE
from streamsql.functions.registry import ROW
from streamsql.operators.operator import ERROR, LOG, Relation
from streamsql.schema.duck import literal
from streamsql.schema.typed import TypedSql

NOTHING = f"{{'message': NULL}}::{ERROR_TYPE}"
"""The error of a row that leaves for its entries alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """A column to compute: `typed` as `name` (quoted).

    `message`: what the entry says where it throws. `null_message`: what it says where the result
    is NULL without that; empty: nothing. `of_tombstones`: computed for rows without a value too.
    """

    typed: TypedSql
    name: str
    message: str
    null_message: str = ""
    of_tombstones: bool = False

    @property
    def watched(self) -> bool:
        """Whether some row may have an entry."""
        return self.typed.fallible or bool(self.null_message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """`source`: what stands after FROM; `own` are its columns that do not go on as they are.
    `texts`: of each column, in order. `log`: the text of LOG, empty where no row can have an
    entry."""

    source: str
    texts: tuple[str, ...]
    log: str
    own: tuple[str, ...] = ()

    @property
    def others(self) -> tuple[str, ...]:
        """The relation's columns, and LOG as it is now."""
        star = f"* EXCLUDE ({', '.join(self.own)})" if self.own else "*"
        return (star, *self.logged)

    @property
    def logged(self) -> tuple[str, ...]:
        """`text AS _log`, or nothing."""
        return (f"{self.log} AS {LOG}",) if self.log else ()


def reads_identity(typed: Iterable[TypedSql]) -> bool:
    """Whether some expression asks which row it is computed for: RANDOM and UUID do."""
    return any(ROW in t.columns for t in typed)


def identified(relation: Relation) -> str:
    """The rows of `relation` with ROW, as what stands after FROM."""
    return f"(SELECT *, {relation.identity} AS {ROW} FROM {relation.sql})"


def guard(relation: Relation, computed: Sequence[Computed]) -> Guarded:
    """The columns over `relation`, whose own entries `log` keeps."""
    own = [LOG] if relation.logged else []
    if reads_identity(c.typed for c in computed):
        relation = replace(relation, sql=identified(relation))
        own.append(ROW)
    watched = [c for c in computed if c.watched]
    if not watched:
        texts = tuple(c.typed.sql for c in computed)
        return Guarded(
            source=relation.sql,
            texts=texts,
            log=LOG if relation.logged else "",
            own=tuple(own),
        )
    names = {id(c): f"_try{i}" for i, c in enumerate(watched)}
    tried = [f"{_tried(c.typed)} AS {names[id(c)]}" for c in watched]
    texts = [_lenient(c.typed, names[id(c)]) if c.watched else c.typed.sql for c in computed]
    return Guarded(
        source=f"(SELECT *, {', '.join(tried)} FROM {relation.sql})",
        texts=tuple(texts),
        log=_log(relation, [(c, names[id(c)]) for c in watched]),
        own=(*own, *names.values()),
    )


def passing(relation: Relation, passes: str) -> Relation:
    """The rows of `relation` for which the text `passes` is true; of the others those stay that
    have something for the processing log, to leave with it."""
    if not relation.logged:
        kept = f" OR {ERROR} IS NOT NULL" if relation.fallible else ""
        return replace(relation, sql=f"(SELECT * FROM {relation.sql} WHERE ({passes}){kept})")
    others, error = "*", f"NULL::{ERROR_TYPE}"
    if relation.fallible:
        others, error = f"* EXCLUDE ({ERROR})", ERROR
    inner = f"SELECT {others}, {error} AS _error, ({passes}) AS _ok FROM {relation.sql}"
    sql = (
        "(SELECT * EXCLUDE (_error, _ok),"
        f" CASE WHEN _error IS NULL AND NOT _ok THEN {NOTHING} ELSE _error END AS {ERROR}"
        f" FROM ({inner}) WHERE _ok OR _error IS NOT NULL OR {LOG} IS NOT NULL)"
    )
    return replace(relation, sql=sql, fallible=True)


def _tried(typed: TypedSql) -> str:
    return f"TRY({typed.strict})" if typed.fallible else typed.sql


def _lenient(typed: TypedSql, name: str) -> str:
    """The value, of which a part may have failed without failing the whole."""
    if typed.strict == typed.sql:
        return name
    text = f"TRY({typed.sql})" if typed.throws else typed.sql
    return f"CASE WHEN {name} IS NULL THEN {text} ELSE {name} END"


def _log(relation: Relation, watched: Sequence[tuple[Computed, str]]) -> str:
    entries = [text for c, name in watched for text in _entries(relation, c, name)]
    before = [LOG] if relation.logged else []
    suspicious = " OR ".join(f"{name} IS NULL" for _, name in watched)
    readable = f" AND {relation.good}" if relation.fallible else ""
    # concat_ws gives an empty text where nothing was thrown.
    listed = f"nullif(concat_ws(',', {', '.join([*before, *entries])}), '')"
    otherwise = f" ELSE {LOG}" if relation.logged else ""
    return f"CASE WHEN ({suspicious}){readable} THEN {listed}{otherwise} END"


def _entries(relation: Relation, computed: Computed, name: str) -> list[str]:
    """The texts of a column's entries: NULL where there is none."""
    where = f"{name} IS NULL" + ("" if computed.of_tombstones else " AND NOT _null")
    if not computed.typed.fallible:
        return [f"CASE WHEN {where} THEN {_entry(relation, computed, computed.null_message)} END"]
    # In a list, since DuckDB may know without computing it that something is not NULL.
    threw = f"TRY([{computed.typed.strict}]) IS NULL"
    thrown = _entry(relation, computed, computed.message)
    if not computed.null_message:
        return [f"CASE WHEN {where} AND {threw} THEN {thrown} END"]
    null = _entry(relation, computed, computed.null_message)
    return [f"CASE WHEN {where} THEN CASE WHEN {threw} THEN {thrown} ELSE {null} END END"]


def _entry(relation: Relation, computed: Computed, message: str) -> str:
    """An entry's JSON: the record's place, the message and the columns that the expression
    reads."""
    read = [
        f"{literal(name)}, {relation.column(name)}"
        for name, physical in relation.names.items()
        if physical in computed.typed.columns
    ]
    topic = literal(relation.topic) if relation.topic else "NULL"
    return (
        f"json_object('topic', {topic}, 'partition', _part, 'offset', _off, 'timestamp', _ts,"
        f" 'errorMessage', {literal(message)}, 'record', json_object({', '.join(read)}))"
    )
