"""GROUP BY over a table in two stages: GroupChanges tells what each change of the table does to
its groups, ChangeColumns reads that where the groups are.

Law: a change within a group is one row, which both takes the old values away and brings the new
ones, so that nobody sees the group without the row (Kafka Streams: KIP-904); one that moves a row
is two, the old group's first. State: `source`, as in `group_table.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamsql.operators.fault import Computed
from streamsql.operators.group_rows import group_columns
from streamsql.operators.group_table import TableChanges
from streamsql.operators.operator import Builder, Node, Relation, WindowInfo
from streamsql.schema.column import Column, Schema
from streamsql.schema.duck import physical_names, quote
from streamsql.schema.typed import TypedSql
from streamsql.schema.types import BOOLEAN


def change_columns(names: Sequence[str], arguments: Sequence[Computed]) -> tuple[Column, ...]:
    """Whether something goes and whether something comes; then of each argument the value that
    comes and the one that goes, so that those of a query that reads more come last."""
    types = [BOOLEAN, BOOLEAN, *(a.typed.type for a in arguments for _ in range(2))]
    return tuple(Column(n, t) for n, t in zip(names, types, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChanges:
    """What the changes of `input` do to the groups by `group`: a stream of records that have the
    group as their key, and `change_columns` as their value.
    """

    input: Node
    schema: Schema
    group: tuple[TypedSql, ...]
    arguments: tuple[Computed, ...]

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Its input."""
        return (self.input,)

    @property
    def table(self) -> bool:
        """A stream: a record without a key to be replaced by."""
        return False

    @property
    def window(self) -> WindowInfo | None:
        """None."""
        return None

    def lower(self, builder: Builder, *relations: Relation) -> Relation:
        """The statements that keep the table's rows, and a SELECT over what they find."""
        (relation,) = relations
        keys = group_columns(self.schema, self.group, moved=True)
        changes = TableChanges(group=keys, arguments=self.arguments)
        return Relation(
            sql=self._told(changes.keep(builder, relation), f"_had AND {changes.stays}"),
            schema=self.schema,
            table=False,
        )

    def _told(self, moved: str, stays: str) -> str:
        """The rows of `moved` as what goes from one group, and what comes to another or stays."""
        groups, arguments = range(len(self.group)), range(len(self.arguments))
        names = [quote(n) for n in physical_names(c.name for c in self.schema.columns())]
        olds = [f"_o{len(groups) + i}" for i in arguments]
        news = [a.name for a in self.arguments]
        went = [*(f"_o{i}" for i in groups), "TRUE", "FALSE"]
        went += [text for old in olds for text in ("NULL", old)]
        came = [*names[: len(groups)], stays, "TRUE"]
        came += [t for i in arguments for t in (news[i], f"CASE WHEN {stays} THEN {olds[i]} END")]
        parts = (
            ("0", went, f"_had AND NOT ({stays})"),
            ("1", came, "_has"),
        )
        selects = (
            f"SELECT _seq, _part, _off, _ts, FALSE AS _null, _hdr, {sub} AS _sub,"
            f" {', '.join(f'{t} AS {n}' for t, n in zip(texts, names, strict=True))}"
            f" FROM {moved} WHERE {where}"
            for sub, texts, where in parts
        )
        number = "row_number() OVER (ORDER BY _seq, _sub) AS _seq"
        return f"(SELECT * EXCLUDE (_sub) REPLACE ({number}) FROM ({' UNION ALL '.join(selects)}))"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeColumns:
    """How the rows of a GroupChanges are read: texts over them.

    `old`: (an argument, the same of the value that goes); an argument that is not there is the
    same for both.
    """

    goes: str
    comes: str
    old: tuple[tuple[str, str], ...]

    def rows(self, source: str, keys: Sequence[Computed], arguments: Sequence[Computed]) -> str:
        """What `grouping.py` reads of a table's changes, as what stands after FROM; `source` is
        read twice."""
        gone = dict(self.old)
        key = [f"{k.typed.sql} AS {k.name}" for k in keys]
        meta = ", ".join(["_seq", "_part", "_ts", "_hdr", *key])
        old = "".join(f", {gone.get(a.typed.sql, a.typed.sql)} AS {a.name}" for a in arguments)
        new = "".join(f", {a.typed.sql} AS {a.name}" for a in arguments)
        both = (
            f"SELECT {meta}, 0 AS _sub, -1 AS _sign, {self.comes} AS _mute{old}"
            f" FROM {source} WHERE {self.goes} UNION ALL"
            f" SELECT {meta}, 1, 1, FALSE{new} FROM {source} WHERE {self.comes}"
        )
        return f"(SELECT * REPLACE (row_number() OVER (ORDER BY _seq, _sub) AS _seq) FROM ({both}))"
