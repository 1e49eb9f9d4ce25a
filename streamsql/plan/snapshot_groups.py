"""GROUP BY over rows that are all there: aggregates as one SELECT, without state or windows.

The texts are those of continuous queries (BoundAggregate): what a whole batch gives, merged with
nothing before it. Sums of DOUBLE are added in order, so that they round alike.
"""

from __future__ import annotations

from collections.abc import Iterator

from streamsql.operators.partials import Partials
from streamsql.operators.project import safe
from streamsql.plan.aggregation import Groups
from streamsql.schema.duck import physical_names, quote

_WINDOW = "(PARTITION BY {keys} ORDER BY _seq)"


def grouped_sql(sql: str, groups: Groups, *, one: bool) -> str:
    """A SELECT with the columns of `groups.schema` and `_seq`, over a SELECT that has `_seq`.

    `one`: without GROUP BY all rows, or none, are one group.
    """
    partials = Partials.of(groups.aggregates)
    keys = [f"_k{i}" for i in range(len(groups.keys))]
    listed = ", ".join(keys)
    window = _WINDOW.format(keys=listed)
    columns = [
        "_seq",
        *(f"{safe(key)} AS {name}" for key, name in zip(groups.keys, keys, strict=True)),
        *(f"{safe(typed)} AS {name}" for name, typed in partials.arguments),
        *(f"NULL::{type_} AS _p{name[2:]}" for name, type_ in partials.columns),
    ]
    sql = f"SELECT {', '.join(columns)} FROM ({sql})"
    if partials.folded:
        sql = f"SELECT *, {', '.join(partials.lifts())} FROM ({sql})"
    for stage in partials.stages(window, listed):
        sql = f"SELECT *, {stage} FROM ({sql})"
    made = [*_whole(partials), *_sums(partials)]
    if one:
        sql = f"SELECT {', '.join(['TRUE AS _k0', *made])} FROM ({sql})"
    else:
        sql = f"SELECT {', '.join([*keys, *made])} FROM ({sql}) GROUP BY {listed}"
    priors = [f"NULL::{type_} AS _p{name[2:]}" for name, type_ in partials.columns]
    sql = f"SELECT *, {', '.join(priors)} FROM ({sql})" if priors else sql
    merged = [*partials.merged(), *_kept(partials)]
    sql = f"SELECT {', '.join([*keys, *merged])} FROM ({sql})"
    names = physical_names(c.name for c in (*groups.schema.key, *groups.schema.value))
    quoted = [quote(name) for name in names]
    results = partials.results(quoted[len(keys) :])
    renamed = [f"{key} AS {name}" for key, name in zip(keys, quoted, strict=False)]
    order = f"row_number() OVER (ORDER BY {listed}) AS _seq"
    return f"SELECT {', '.join([order, *renamed, *results])} FROM ({sql})"


def _whole(partials: Partials) -> Iterator[str]:
    """`text AS _q0`, …: those that no kernel adds up."""
    for call in partials.calls:
        if not call.aggregate.fold:
            for n, text in zip(call.numbers(), call.aggregate.group, strict=True):
                yield f"{call.fill(text)} AS _q{n}"


def _sums(partials: Partials) -> Iterator[str]:
    """`text AS _q0`, …: sums of DOUBLE from left to right, sums of squared deviations."""
    for call in partials.folded:
        for n, kind in zip(call.numbers(), call.aggregate.fold, strict=True):
            values = f"list(_l{n} ORDER BY _seq) FILTER (WHERE _l{n} IS NOT NULL)"
            text = f"list_reduce({values}, lambda a, b: a + b)"
            if kind != "sum":
                text = f"var_pop(_l{n}) * count(_l{n})"
            yield f"coalesce({text}, 0.0)::DOUBLE AS _q{n}"


def _kept(partials: Partials) -> Iterator[str]:
    for call in partials.folded:
        for n in call.numbers():
            yield f"_q{n} AS _a{n}"
