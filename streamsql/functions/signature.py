"""Signatures of functions: their text, whether arguments fit, and which types the variables stand
for.

`"ARRAY<T>, INTEGER -> T"`: names of types, single capital letters for type variables, `DECIMAL` for
any decimal, `ANY` for any type, `…` after a parameter for any number of them, `(T) => U` for a
lambda, INTERVALUNIT for a unit word. A result that depends on more (a decimal's digits) is a
function given beside the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass

from streamsql.schema.types import (
    BIGINT,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVALUNIT,
    NAMES,
    NULL,
    STRING,
    TIME,
    TIMESTAMP,
    Array,
    Decimal,
    Field,
    Map,
    SqlType,
    Struct,
    is_numeric,
)


@dataclass(frozen=True, slots=True)
class Variable(SqlType):
    """A type that the arguments decide."""

    name: str

    @property
    def base(self) -> str:
        return self.name

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class AnyType(SqlType):
    """`DECIMAL` (of any size) or `ANY`."""

    name: str

    @property
    def base(self) -> str:
        return self.name

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class LambdaType(SqlType):
    """`(parameters) => result`."""

    parameters: tuple[SqlType, ...]
    result: SqlType

    @property
    def base(self) -> str:
        return "LAMBDA"

    def __str__(self) -> str:
        return f"LAMBDA({', '.join(map(str, self.parameters))}) => {self.result}"


@dataclass(frozen=True, slots=True)
class LambdaShape(SqlType):
    """The type of an argument that is a lambda: all that is known before it is bound."""

    arity: int

    @property
    def base(self) -> str:
        return "LAMBDA"

    def __str__(self) -> str:
        return "LAMBDA"


ANY = AnyType("ANY")
ANY_DECIMAL = AnyType("DECIMAL")
Bindings = MutableMapping[str, SqlType]

_TOKEN = re.compile(r"\s*(=>|->|…|[A-Za-z_`][\w`]*|\d+|[<>(),])")
_SHOWN = {"INTEGER": "INT", "STRING": "VARCHAR"}
"""ksqlDB writes signatures with these names and types of arguments with the others."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a signature and its result; `variadic` is the place of the one that
    repeats, or None."""

    types: tuple[SqlType, ...]
    result: SqlType
    variadic: int | None = None

    def expand(self, count: int) -> tuple[SqlType, ...] | None:
        """The parameter of each of `count` arguments; None where a call cannot have that many."""
        if self.variadic is None:
            return self.types if count == len(self.types) else None
        repeated = count - len(self.types) + 1
        if repeated < 0:
            return None
        at = self.variadic
        return self.types[:at] + (self.types[at],) * repeated + self.types[at + 1 :]

    def show(self) -> str:
        """The parameters as ksqlDB writes them in messages: `VARCHAR, INT, T...`."""
        return ", ".join(
            show_type(t) + ("..." if i == self.variadic else "") for i, t in enumerate(self.types)
        )


def show_type(type_: SqlType) -> str:
    """A parameter's type as ksqlDB writes it."""
    match type_:
        case Array(element):
            return f"ARRAY<{show_type(element)}>"
        case Map(key, value):
            return f"MAP<{show_type(key)}, {show_type(value)}>"
        case Struct(fields):
            return f"STRUCT<{', '.join(f'{f.name} {show_type(f.type)}' for f in fields)}>"
        case LambdaType(parameters, result):
            return f"LAMBDA({', '.join(map(show_type, parameters))}) => {show_type(result)}"
        case _:
            return _SHOWN.get(str(type_), str(type_))


def plain_type(type_: SqlType) -> str:
    """An argument's type as ksqlDB writes it in messages: names of fields without quotes, `null`
    for NULL."""
    return "null" if type_ == NULL else str(type_).replace("`", "")


# ------------------------------------------------------------------ text


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _TOKEN.findall(text)
        if "".join(self.tokens) != re.sub(r"\s", "", text):
            raise ValueError(f"signature {text!r}")
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if wanted and token not in wanted:
            raise ValueError(f"signature {self.text!r}: {wanted} expected at {token!r}")
        self.at += 1
        return token

    def type(self) -> SqlType:
        if self.peek() == "(":
            return self._lambda()
        name = self.take()
        if name == "ARRAY":
            return Array(self._inner(1)[0])
        if name == "MAP":
            return Map(*self._inner(2))
        if name == "STRUCT":
            return self._struct()
        if name == "DECIMAL":
            return self._decimal()
        if name == "ANY":
            return ANY
        if name == "INTERVALUNIT":
            return INTERVALUNIT
        if name in NAMES:
            return NAMES[name]
        if len(name) == 1 and name.isupper():
            return Variable(name)
        raise ValueError(f"signature {self.text!r}: no type {name!r}")

    def _inner(self, count: int) -> list[SqlType]:
        self.take("<")
        found = [self.type()]
        while len(found) < count:
            self.take(",")
            found.append(self.type())
        self.take(">")
        return found

    def _struct(self) -> Struct:
        fields: list[Field] = []
        self.take("<")
        while True:
            name = self.take().strip("`")
            fields.append(Field(name, self.type()))
            if self.take(",", ">") == ">":
                return Struct(tuple(fields))

    def _decimal(self) -> SqlType:
        if self.peek() != "(":
            return ANY_DECIMAL
        self.take("(")
        precision = int(self.take())
        self.take(",")
        scale = int(self.take())
        self.take(")")
        return Decimal(precision, scale)

    def _lambda(self) -> LambdaType:
        self.take("(")
        parameters = [self.type()]
        while self.take(",", ")") == ",":
            parameters.append(self.type())
        self.take("=>")
        return LambdaType(tuple(parameters), self.type())


def read_signature(text: str) -> Parameters:
    """The signature that a text says; ValueError where it says none (our mistake, found at
    import)."""
    reader = _Reader(text)
    types: list[SqlType] = []
    variadic: int | None = None
    while reader.peek() != "->":
        if types:
            reader.take(",")
        types.append(reader.type())
        if reader.peek() == "…":
            reader.take()
            variadic = len(types) - 1
    reader.take("->")
    result = reader.type()
    if reader.peek():
        raise ValueError(f"signature {text!r}: {reader.peek()!r} after the result")
    return Parameters(tuple(types), result, variadic)


# ------------------------------------------------------------------ fitting


def is_generic(type_: SqlType) -> bool:
    """Whether a type variable stands in `type_`."""
    match type_:
        case Variable():
            return True
        case Array(element):
            return is_generic(element)
        case Map(key, value):
            return is_generic(key) or is_generic(value)
        case Struct(fields):
            return any(is_generic(f.type) for f in fields)
        case LambdaType(parameters, result):
            return any(map(is_generic, parameters)) or is_generic(result)
        case _:
            return False


def accepts(pattern: SqlType, type_: SqlType, bindings: Bindings, *, casts: bool) -> bool:
    """Whether an argument of `type_` fits the parameter; `bindings` gets what the variables stand
    for.

    Variables bind exactly: ksqlDB widens nothing for them. With `casts` other parameters take what
    widens to them, and a STRING for DATE, TIME and TIMESTAMP.
    """
    if isinstance(pattern, LambdaType):
        return isinstance(type_, LambdaShape) and type_.arity == len(pattern.parameters)
    if isinstance(type_, LambdaShape):
        return False
    if type_ == NULL or pattern == ANY:
        # A unit is a word of the language, and no value.
        return pattern != INTERVALUNIT
    if is_generic(pattern):
        return bind(pattern, type_, bindings)
    return _accepts_concrete(pattern, type_, casts=casts)


def bind(pattern: SqlType, type_: SqlType, bindings: Bindings) -> bool:
    """Sets the variables of `pattern` so that it reads `type_`; False where that cannot be."""
    match pattern, type_:
        case Variable(name), _:
            return bindings.setdefault(name, type_) == type_
        case Array(a), Array(b):
            return bind(a, b, bindings)
        case Map(ka, va), Map(kb, vb):
            return bind(ka, kb, bindings) and bind(va, vb, bindings)
        case Struct(fields), Struct(own):
            return [f.name for f in fields] == [f.name for f in own] and all(
                bind(f.type, o.type, bindings) for f, o in zip(fields, own, strict=True)
            )
        case _:
            return _accepts_concrete(pattern, type_, casts=False)


def _accepts_concrete(pattern: SqlType, type_: SqlType, *, casts: bool) -> bool:
    match pattern, type_:
        case Array(a), Array(b):
            return _accepts_concrete(a, b, casts=casts)
        case Map(ka, va), Map(kb, vb):
            return _accepts_concrete(ka, kb, casts=casts) and _accepts_concrete(va, vb, casts=casts)
        case AnyType(), _:
            number = casts and type_ in (INTEGER, BIGINT)
            return pattern == ANY or isinstance(type_, Decimal) or number
        case _ if pattern == type_:
            return True
        case _ if not casts:
            return False
        case _ if pattern in (DATE, TIME, TIMESTAMP):
            return type_ == STRING
        case _:
            return (pattern == DOUBLE and is_numeric(type_)) or (pattern, type_) == (
                BIGINT,
                INTEGER,
            )


def substitute(pattern: SqlType, bindings: Mapping[str, SqlType]) -> SqlType | None:
    """`pattern` with its variables replaced; None where one of them is not known."""
    match pattern:
        case Variable(name):
            return bindings.get(name)
        case Array(element):
            inner = substitute(element, bindings)
            return None if inner is None else Array(inner)
        case Map(key, value):
            pair = substitute(key, bindings), substitute(value, bindings)
            return None if pair[0] is None or pair[1] is None else Map(pair[0], pair[1])
        case Struct(fields):
            found = [(f.name, substitute(f.type, bindings)) for f in fields]
            if any(t is None for _, t in found):
                return None
            return Struct(tuple(Field(n, t) for n, t in found if t is not None))
        case _:
            return pattern


Returns = Callable[[Sequence[SqlType]], SqlType]
"""The result's type of the arguments' types."""
