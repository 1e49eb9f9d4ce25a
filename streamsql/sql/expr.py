"""Expressions as written: frozen values with positions that take no part in equality.

Nothing here says whether a name exists or a type fits: that is the binder's. `formatting.py` turns
each back into text that parses to an equal value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal as PyDecimal

from streamsql.errors import Position
from streamsql.schema.types import SqlType


@dataclass(frozen=True, slots=True, kw_only=True)
class Expr:
    """An expression; `position` is that of its first character."""

    position: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NullLiteral(Expr):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class BooleanLiteral(Expr):
    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerLiteral(Expr):
    """INTEGER where it fits 32 bits, else BIGINT; larger is a parse error."""

    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecimalLiteral(Expr):
    """`0.1`: keeps its scale."""

    value: PyDecimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleLiteral(Expr):
    """`1e-1`."""

    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StringLiteral(Expr):
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRef(Expr):
    """`name` or `source.name`; both already upper-cased unless they were quoted."""

    name: str
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRef(Expr):
    """`base->name`."""

    base: Expr
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscript(Expr):
    """`base[index]` of an array or a map."""

    base: Expr
    index: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Expr):
    """`op` is `-`, `+` or `NOT`."""

    op: str
    operand: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Expr):
    """`op` is one of `+ - * / % ||`, `AND OR`, `= <> < <= > >=`, `IS DISTINCT FROM`, `IS NOT
    DISTINCT FROM`.
    """

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class IsNull(Expr):
    operand: Expr
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Between(Expr):
    operand: Expr
    low: Expr
    high: Expr
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InList(Expr):
    operand: Expr
    items: tuple[Expr, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Like(Expr):
    operand: Expr
    pattern: Expr
    escape: str | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Expr):
    """`operand` is None for the searched form; `default` None where ELSE is absent."""

    operand: Expr | None
    whens: tuple[tuple[Expr, Expr], ...]
    default: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast(Expr):
    """`type` may be a CustomType of a name that CREATE TYPE declared."""

    operand: Expr
    type: SqlType


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Expr):
    """A function call; `name` upper-cased. `COUNT(*)` has the single argument Star()."""

    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lambda(Expr):
    """`(x, y) => body`; only an argument of a call."""

    parameters: tuple[str, ...]
    body: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayCtor(Expr):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapCtor(Expr):
    entries: tuple[tuple[Expr, Expr], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StructCtor(Expr):
    fields: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtTimeZone(Expr):
    operand: Expr
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval(Expr):
    """A unit word where a function takes one, `DATEADD(DAYS, …)`."""

    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Star(Expr):
    """`*` in COUNT(*) and in a projection."""


@dataclass(frozen=True, slots=True)
class CustomType(SqlType):
    """A type named by CREATE TYPE, not yet looked up; `position` is of its name."""

    name: str
    position: Position | None = field(default=None, compare=False, repr=False)

    @property
    def base(self) -> str:
        return self.name

    def __str__(self) -> str:
        return "`" + self.name.replace("`", "``") + "`"
