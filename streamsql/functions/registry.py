"""What SQL may call, as data: scalar functions, table functions, aggregates.

An entry says its signatures, its null behaviour, its DuckDB text, a document line and examples with
results (a test executes each). A module lists its entries in a tuple, `functions/__init__.py` lists
the modules. The binder asks `resolve_scalar`, `resolve_table_function` and `resolve_aggregate`;
operators place what comes back in statements.

Signatures are written `"ARRAY<T>, INTEGER -> T"`: names of types, capital letters for type
variables, `DECIMAL` for any decimal, `ANY` for any type, `…` after a parameter for any number of
them, `(T) => U` for a lambda (`signature.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from streamsql.functions.signature import Parameters, Returns, read_signature
from streamsql.schema.typed import LambdaSql, TypedSql
from streamsql.schema.types import SqlType


@dataclass(frozen=True, slots=True)
class LambdaArgument:
    """A lambda that waits for the types of its parameters: `bind(types)` lowers its body."""

    arity: int
    bind: Callable[[Sequence[SqlType]], LambdaSql]


Argument = TypedSql | LambdaArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """An Arrow function registered with the connection under `name`; `function` maps arrays to one
    array.

    `parameters` and `returns` are DuckDB type names. `slow`: it loops over rows in Python.
    """

    name: str
    parameters: tuple[str, ...]
    returns: str
    function: Callable[..., pa.Array[Any]]
    slow: bool = False


Lowered = str | TypedSql
Lower = str | Callable[..., Lowered]
"""A `str.format` template over the arguments' texts, or a function of the arguments (a TypedSql
each, a LambdaSql for a lambda) that gives the text. A TypedSql comes back where `throws` depends on
them."""

PROPAGATED = "propagated"
"""The text is NULL by itself where an argument is."""
GUARDED = "guarded"
"""Resolution writes a CASE around the text, so that it is NULL where an argument is."""
CALLED = "called"
"""The text sees NULL arguments and has its own rule for them."""


ROW = "_row"
"""The column that says which row of which query it is, as text: whoever computes an expression that
reads it provides it (`operators.operator.Relation.identity`)."""

SEED = "$seed"
"""Stands in the text of a function that varies; a number takes its place that differs from call to
call of a statement, so that two calls for one record differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One way to call a function.

    `returns`: the result's type of the arguments' types, where the signature's text cannot say it.
    `throws`: DuckDB may raise for some values; the value is NULL then, with a processing-log entry.
    """

    parameters: Parameters
    lower: Lower
    returns: Returns | None = None
    throws: bool = False
    nulls: str = PROPAGATED
    kernels: tuple[Kernel, ...] = ()


def signature(
    text: str,
    lower: Lower,
    *,
    returns: Returns | None = None,
    throws: bool = False,
    nulls: str = PROPAGATED,
    kernels: tuple[Kernel, ...] = (),
) -> Signature:
    """A row of an entry: `signature("STRING, INTEGER -> STRING", "left({0}, {1})")`."""
    return Signature(
        parameters=read_signature(text),
        lower=lower,
        returns=returns,
        throws=throws,
        nulls=nulls,
        kernels=kernels,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A call as SQL text and its result as ksqlDB prints it in JSON."""

    call: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarFunction:
    """A function of a row. `name` is spelled as ksqlDB's messages spell it; look it up in capitals.

    `varies`: it hashes ROW and SEED, or reads the time; the test of its examples only
    executes them. `ksqldb`: ksqlDB has it; strict mode refuses it otherwise.
    """

    name: str
    signatures: tuple[Signature, ...]
    doc: str
    examples: tuple[Example, ...]
    varies: bool = False
    ksqldb: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFunction:
    """A function that gives several rows: its text is a list of them, NULL or empty for none."""

    name: str
    signatures: tuple[Signature, ...]
    doc: str
    examples: tuple[Example, ...]
    varies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateFunction:
    """A function of a group: `lower` of each signature is a function of the arguments that gives a
    BoundAggregate."""

    name: str
    signatures: tuple[AggregateSignature, ...]
    doc: str
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateSignature:
    """One way to call an aggregate: `bind` gets the result's type and the arguments."""

    parameters: Parameters
    bind: Callable[..., BoundAggregate]
    returns: Returns | None = None


def scalar(
    name: str,
    *signatures: Signature,
    doc: str,
    examples: Sequence[tuple[str, str]],
    varies: bool = False,
    ksqldb: bool = True,
) -> ScalarFunction:
    """An entry; `examples` are pairs of a call and its result as JSON: `("ABS(-3)", "3")`."""
    return ScalarFunction(
        name=name,
        signatures=signatures,
        doc=doc,
        examples=_examples(examples),
        varies=varies,
        ksqldb=ksqldb,
    )


def table_function(
    name: str, *signatures: Signature, doc: str, examples: Sequence[tuple[str, str]]
) -> TableFunction:
    """An entry; an example's result is the JSON list of its rows."""
    return TableFunction(name=name, signatures=signatures, doc=doc, examples=_examples(examples))


def aggregate_signature(
    text: str, bind: Callable[..., BoundAggregate], *, returns: Returns | None = None
) -> AggregateSignature:
    """A row of an aggregate's entry: `aggregate_signature("T, INTEGER -> ARRAY<T>", bind_topk)`;
    the bind function is called with the result's type and then the arguments."""
    return AggregateSignature(parameters=read_signature(text), bind=bind, returns=returns)


def aggregate(
    name: str,
    *signatures: AggregateSignature,
    doc: str,
    examples: Sequence[tuple[str, str]] = (),
) -> AggregateFunction:
    """An entry for a function of a group."""
    return AggregateFunction(
        name=name, signatures=signatures, doc=doc, examples=_examples(examples)
    )


def _examples(pairs: Sequence[tuple[str, str]]) -> tuple[Example, ...]:
    return tuple(Example(call=call, result=result) for call, result in pairs)


def kernels_of(functions: Sequence[ScalarFunction | TableFunction]) -> Iterator[Kernel]:
    """Every kernel that the entries use, once each."""
    seen: set[str] = set()
    for entry in functions:
        for row in entry.signatures:
            for kernel in row.kernels:
                if kernel.name not in seen:
                    seen.add(kernel.name)
                    yield kernel


@dataclass(frozen=True, slots=True)
class Combined:
    """A partial that goes to another stage: the type it travels as, the text of many of them,
    `{0}`, in any order, within GROUP BY, and what is sent of one, `{0}`."""

    type: SqlType
    group: str
    sent: str = "{0}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundAggregate:
    """An aggregate call whose types are known: `str.format` templates, which operators fill.

    `{0}`, `{1}`: the arguments, as columns of the input. `{w}`: a window, so that `count({0}) OVER
    {w}` reads the rows of the same key up to this one in `_seq` order; `{key}`: its partition's
    columns. `{s0}`, `{s1}`: columns of `stages`. `{p0}`, `{p1}`: the partials on the left (earlier:
    the state, NULL where there is none), `{q0}`, `{q1}`: on the right (later). `{sign}`: +1 or -1
    of a table's change. `{limit}`: `limit`.

    `state`: DuckDB types of the partials, what is kept of a group.
    `stages`: computed columns, before the others, over the batch joined with the state; a stage
    reads the stages before it. `running`: each partial after every row of the batch, without the
    state. `group`: each partial of a whole group, within GROUP BY (`_seq` orders it), over the
    stages too. `merge`: partials of p then q; `joined`: the same of two groups of which the
    right one was made without knowing the left (sessions), where that differs. `result`: the value,
    of partials p.

    `signed`: `running` over a table's changes, with undo. `listed`: over a table the values are
    kept one by one, and it makes the result of their list `{0}`, in order of arrival; `signed` is
    () then. None: it has no undo.

    `fold`: the partials are DOUBLE sums, which only a left fold makes independent of where batches
    are cut: `lift` gives what each row adds to each partial, NULL for nothing, and `fold` what kind
    of partial it is: `sum`, or `spread a n` (the sum of squared deviations, of partial a over count
    n: Youngs and Cramer). `running` and `group` are empty then. `nested`: ksqlDB's intermediate
    value is no scalar, which DELIMITED refuses. `distinct`: it counts different values, which an
    operator may keep in a table of their own instead of in its partial. `combined`: how each
    partial is made of many that `group` gave, where their order does not matter; else ().
    `scan`: how a kernel gives each of `running` instead, if it can: `rows`, or `count`, `sum`
    (which may wrap around), `min` or `max` of `{0}`.
    """

    name: str
    arguments: tuple[TypedSql, ...]
    type: SqlType
    state: tuple[str, ...]
    merge: tuple[str, ...]
    result: str
    joined: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    signed: tuple[str, ...] | None = None
    listed: str = ""
    lift: tuple[str, ...] = ()
    fold: tuple[str, ...] = ()
    limit: int = 1000
    nested: bool = False
    distinct: bool = False
    combined: tuple[Combined, ...] = ()
    scan: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What its partials are of: the same for two calls whose partials are the same of any
        rows."""
        made = (self.state, self.stages, self.running, self.group, self.merge, self.lift, self.fold)
        return f"{self.name}({', '.join(a.sql for a in self.arguments)}) {made} {self.limit}"

    @property
    def order(self) -> str:
        """`fold` where a kernel adds it up, `list` where it keeps values, else `free`."""
        if self.fold:
            return "fold"
        return "list" if self.stages or self.listed else "free"
