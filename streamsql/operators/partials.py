"""The columns that a GROUP BY keeps for its aggregates, and the texts over them.

Argument `x` columns hold the aggregates' arguments, each once; `_p` columns the partials of the
state, `_q` those of the batch, `_a` both merged, which is what the state keeps; `_s` the columns
of a stage; `_l` what a row adds to a DOUBLE sum. A partial's number runs over all aggregates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from streamsql.functions.registry import BoundAggregate
from streamsql.operators.fault import Computed
from streamsql.operators.kernels.running import Scan
from streamsql.schema.typed import TypedSql


@dataclass(frozen=True, slots=True)
class Call:
    """An aggregate with the place of its first partial and first stage, and its arguments'
    columns."""

    aggregate: BoundAggregate
    first: int
    first_stage: int
    arguments: tuple[str, ...]

    def numbers(self) -> range:
        """The numbers of its partials."""
        return range(self.first, self.first + len(self.aggregate.state))

    def fill(self, template: str, *, window: str = "", key: str = "", **sides: str) -> str:
        """The template with its columns; `sides` gives the prefix of p and q."""
        places = {
            f"{side}{i}": f"{prefix}{n}"
            for side, prefix in sides.items()
            for i, n in enumerate(self.numbers())
        }
        stages = {f"s{i}": f"_s{self.first_stage + i}" for i in range(len(self.aggregate.stages))}
        return template.format(
            *self.arguments,
            w=window,
            key=key,
            limit=self.aggregate.limit,
            new=f"_new{self.first_stage}",
            sign="_sign",
            **places,
            **stages,
        )


def counted(aggregate: BoundAggregate) -> BoundAggregate:
    """COUNT_DISTINCT as a count of values that are `{new}`: not yet in the table of its values."""
    if not aggregate.distinct:
        return aggregate
    first = "row_number() OVER (PARTITION BY {key}, {0} ORDER BY _seq) = 1"
    return replace(
        aggregate,
        state=("BIGINT",),
        stages=(f"{{0}} IS NOT NULL AND {{new}} AND {first}",),
        running=("count(*) FILTER (WHERE {s0}) OVER {w}",),
        group=("count(*) FILTER (WHERE {s0})",),
        merge=("coalesce({p0}, 0) + coalesce({q0}, 0)",),
        joined=(),
        result="{p0}",
    )


@dataclass(frozen=True, slots=True)
class Partials:
    """All aggregates of a GROUP BY."""

    calls: tuple[Call, ...]
    arguments: tuple[tuple[str, TypedSql], ...]

    @classmethod
    def of(cls, aggregates: Sequence[BoundAggregate]) -> Partials:
        """Numbers the partials and names the arguments."""
        names: dict[str, str] = {}
        typed: list[TypedSql] = []
        calls: list[Call] = []
        first = first_stage = 0
        for aggregate in aggregates:
            columns: list[str] = []
            for argument in aggregate.arguments:
                if argument.sql not in names:
                    names[argument.sql] = f"_x{len(names)}"
                    typed.append(argument)
                columns.append(names[argument.sql])
            calls.append(Call(aggregate, first, first_stage, tuple(columns)))
            first += len(aggregate.state)
            first_stage += len(aggregate.stages)
        return cls(tuple(calls), tuple(zip(names.values(), typed, strict=True)))

    @property
    def folded(self) -> tuple[Call, ...]:
        """Those whose DOUBLE sums a kernel adds up."""
        return tuple(c for c in self.calls if c.aggregate.fold)

    @property
    def scans(self) -> tuple[Scan, ...]:
        """What the running kernel gives in place of `running`; () where it does not know all."""
        if any(not c.aggregate.scan or c.aggregate.stages for c in self.calls):
            return ()
        return tuple(
            Scan(n, kind, *call.arguments[:1])
            for call in self.calls
            for n, kind in zip(call.numbers(), call.aggregate.scan, strict=True)
        )

    @property
    def staged(self) -> bool:
        """Whether some have stages, which read the batch joined with the state."""
        return any(c.aggregate.stages for c in self.calls)

    @property
    def distinct(self) -> tuple[Call, ...]:
        """Those whose different values are kept in a table of their own (`counted`)."""
        return tuple(c for c in self.calls if c.aggregate.distinct)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """(name, DuckDB type) of what the state keeps."""
        return tuple(
            (f"_a{n}", type_)
            for call in self.calls
            for n, type_ in zip(call.numbers(), call.aggregate.state, strict=True)
        )

    @property
    def holds(self) -> tuple[tuple[str, str], ...]:
        """(name, what it is of) of the same columns."""
        return tuple(
            (f"_a{n}", f"{i} of {call.aggregate.text}")
            for call in self.calls
            for i, n in enumerate(call.numbers())
        )

    def names(self, prefix: str) -> list[str]:
        """The partials' columns under a prefix."""
        return [f"{prefix}{name.removeprefix('_a')}" for name, _ in self.columns]

    def computed(self) -> tuple[Computed, ...]:
        """The arguments' columns `_x0`, …, under the names that ksqlDB has for them in its log."""
        return tuple(
            Computed(
                typed=typed,
                name=name,
                message=f"Error computing expression {typed.written} for column"
                f" KSQL_INTERNAL_COL_{i} with index {i}",
            )
            for i, (name, typed) in enumerate(self.arguments)
        )

    def stages(self, window: str, key: str) -> Iterator[str]:
        """`text AS _s0`, …: each reads those before it."""
        for call in self.calls:
            for i, text in enumerate(call.aggregate.stages):
                filled = call.fill(text, window=window, key=key, p="_p")
                yield f"{filled} AS _s{call.first_stage + i}"

    def running(self, window: str, key: str) -> list[str]:
        """`text AS _q0`, …: the partials of the batch after each row, those of the kernel
        excepted."""
        return [
            f"{call.fill(text, window=window, key=key, p='_p')} AS _q{n}"
            for call in self.calls
            for n, text in zip(call.numbers(), call.aggregate.running, strict=False)
        ]

    def signed(self, window: str, key: str) -> list[str]:
        """`running` over the changes of a table."""
        return [
            f"{call.fill(text, window=window, key=key, p='_p')} AS _q{n}"
            for call in self.calls
            for n, text in zip(call.numbers(), call.aggregate.signed or (), strict=False)
        ]

    def grouped(self) -> list[str]:
        """`text AS _q0`, …: the partials of whole groups, within GROUP BY."""
        return [
            f"{call.fill(text)} AS _q{n}"
            for call in self.calls
            for n, text in zip(call.numbers(), call.aggregate.group, strict=True)
        ]

    def lifts(self) -> list[str]:
        """`text AS _l0`, …: what each row adds to the kernel's partials, as DOUBLE."""
        return [
            f"({call.fill(text)})::DOUBLE AS _l{n}"
            for call in self.folded
            for n, text in zip(call.numbers(), call.aggregate.lift, strict=True)
        ]

    def merged(self, p: str = "_p", q: str = "_q", *, target: str = "_a") -> list[str]:
        """`text AS _a0`, …: p then q, those of the kernel excepted."""
        return [
            f"{call.fill(text, p=p, q=q)} AS {target}{n}"
            for call in self.calls
            if not call.aggregate.fold
            for n, text in zip(call.numbers(), call.aggregate.merge, strict=True)
        ]

    def joined(self, p: str, q: str) -> list[tuple[int, str]]:
        """(number, text) of p then q where q was made without knowing p, those of the kernel
        excepted."""
        return [
            (n, call.fill(text, p=p, q=q))
            for call in self.calls
            if not call.aggregate.fold
            for n, text in zip(
                call.numbers(), call.aggregate.joined or call.aggregate.merge, strict=True
            )
        ]

    def results(self, names: Sequence[str], p: str = "_a") -> list[str]:
        """`text AS "name"`: the aggregates' values."""
        return [
            f"{call.fill(call.aggregate.result, p=p)} AS {name}"
            for call, name in zip(self.calls, names, strict=True)
        ]
