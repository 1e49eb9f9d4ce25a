"""The key by which state tables are joined: partition, key columns, window start.

The partition is part of it, so that the state of one partition can be dropped or restored alone,
and because keys of different partitions never meet in Kafka Streams either.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.operators.operator import Builder, Relation
from streamsql.schema.duck import duckdb_type, quote


@dataclass(frozen=True, slots=True, kw_only=True)
class TableKey:
    """Columns of a state table's key: (name, DuckDB type). `nullable`: a part of it may be NULL."""

    columns: tuple[tuple[str, str], ...]
    nullable: bool = False

    @classmethod
    def of(cls, relation: Relation) -> TableKey:
        """The key of a relation's rows; window bounds are in it."""
        names = relation.names
        columns = tuple((names[c.name], duckdb_type(c.type)) for c in relation.schema.key)
        bounds = (("_ws", "BIGINT"), ("_we", "BIGINT")) if relation.window else ()
        return cls(
            columns=(("_part", "INTEGER"), *columns, *bounds),
            nullable=len(relation.schema.key) > 1,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(name for name, _ in self.columns)

    @property
    def exact(self) -> bool:
        """Whether equal keys are the same to the bit: 0.0 and -0.0 are equal."""
        return not any("DOUBLE" in type_ for _, type_ in self.columns)

    def listed(self, alias: str = "") -> str:
        """`alias."a", alias."b"`."""
        dot = f"{alias}." if alias else ""
        return ", ".join(dot + quote(name) for name, _ in self.columns)

    def equal(self, left: str, right: str) -> str:
        """The condition that two rows have the same key."""
        return " AND ".join(
            f"{left}.{quote(name)} {self._operator(name)} {right}.{quote(name)}"
            for name, _ in self.columns
        )

    def _operator(self, name: str) -> str:
        own = name in ("_part", "_ws", "_we")
        return "IS NOT DISTINCT FROM" if self.nullable and not own else "="


def last_changes(builder: Builder, relation: Relation, state: str, key: TableKey) -> str:
    """A result with each key's last change of the batch, and the row id `_rid` of what is stored
    for it."""
    last = (
        f"SELECT * FROM {relation.sql}"
        f" QUALIFY lead(_seq) OVER (PARTITION BY {key.listed()} ORDER BY _seq) IS NULL"
    )
    return builder.add(
        f"SELECT b.*, st.rowid AS _rid FROM ({last}) b"
        f" LEFT JOIN {state} st ON {key.equal('st', 'b')}",
        hint="last",
    )


def replace_rows(
    builder: Builder, rows: str, state: str, *, columns: tuple[tuple[str, str], ...]
) -> None:
    """Two statements, after all that read: what `rows` names by `_rid` goes, and what is no
    tombstone comes."""
    builder.later(
        f"DELETE FROM {state} WHERE rowid IN (SELECT _rid FROM {rows} WHERE _rid IS NOT NULL)"
    )
    listed = ", ".join(quote(name) for name, _ in columns)
    builder.later(f"INSERT INTO {state} SELECT {listed} FROM {rows} WHERE NOT _null ORDER BY _seq")


def stored_rows(state: str, relation: Relation) -> str:
    """A SELECT of stored rows with the columns of `relation`."""
    columns = [relation.column(c.name) for c in (*relation.schema.key, *relation.schema.value)]
    bounds = ["_ws", "_we"] if relation.window else []
    return f"SELECT {', '.join([STORED_META, *bounds, *columns])} FROM {state}"


STORED_META = (
    "0::BIGINT AS _seq, _part, NULL::BIGINT AS _off, _ts, FALSE AS _null,"
    " NULL::STRUCT(KEY VARCHAR, VALUE BLOB)[] AS _hdr"
)
"""META of rows that come from state."""
