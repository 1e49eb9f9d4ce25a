"""The SQL types of ksqlDB, as frozen values.

Spelled as ksqlDB spells them: `str(type)` reads `INTEGER`, `DECIMAL(4, 2)`, `ARRAY<STRING>`,
`MAP<STRING, INTEGER>`, "STRUCT<`F0` INTEGER, `f1` STRING>". How a type is held by DuckDB is in
`duck.py`, what may be read as what in `coercion.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class SqlType:
    """A SQL type; compare with `==`."""

    __slots__ = ()

    @property
    def base(self) -> str:
        """The name without parameters: `INTEGER`, `DECIMAL`, `ARRAY`, …"""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Scalar(SqlType):
    """A type without parameters."""

    name: str

    @property
    def base(self) -> str:
        return self.name

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Decimal(SqlType):
    """A decimal of `precision` digits, `scale` of them after the point."""

    precision: int
    scale: int

    @property
    def base(self) -> str:
        return "DECIMAL"

    def __str__(self) -> str:
        return f"DECIMAL({self.precision}, {self.scale})"


@dataclass(frozen=True, slots=True)
class Array(SqlType):
    """A list, 1-based in SQL."""

    element: SqlType

    @property
    def base(self) -> str:
        return "ARRAY"

    def __str__(self) -> str:
        return f"ARRAY<{self.element}>"


@dataclass(frozen=True, slots=True)
class Map(SqlType):
    """A map; most formats allow STRING keys only."""

    key: SqlType
    value: SqlType

    @property
    def base(self) -> str:
        return "MAP"

    def __str__(self) -> str:
        return f"MAP<{self.key}, {self.value}>"


@dataclass(frozen=True, slots=True)
class Field:
    """A named field of a struct; `name` is case-exact.

    `written`: how the user wrote the name, which records tend to spell alike; it takes no part in
    equality.
    """

    name: str
    type: SqlType
    written: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return f"`{self.name.replace('`', '``')}` {self.type}"


@dataclass(frozen=True, slots=True)
class Struct(SqlType):
    """Named fields in order."""

    fields: tuple[Field, ...]

    @property
    def base(self) -> str:
        return "STRUCT"

    def field(self, name: str) -> Field | None:
        """The field called `name` (case-exact), or None."""
        return next((f for f in self.fields if f.name == name), None)

    def __str__(self) -> str:
        return f"STRUCT<{', '.join(str(f) for f in self.fields)}>"


BOOLEAN = Scalar("BOOLEAN")
INTEGER = Scalar("INTEGER")
BIGINT = Scalar("BIGINT")
DOUBLE = Scalar("DOUBLE")
STRING = Scalar("STRING")
BYTES = Scalar("BYTES")
TIME = Scalar("TIME")
DATE = Scalar("DATE")
TIMESTAMP = Scalar("TIMESTAMP")
NULL = Scalar("NULL")
"""The type of a bare NULL: widens to any other, is no column's type."""

INTERVALUNIT = Scalar("INTERVALUNIT")
"""The type of a unit word in a call, `DATEADD(DAYS, …)`: the TypedSql's `literal` is the word; no
column's type."""

NAMES: dict[str, Scalar] = {
    "BOOLEAN": BOOLEAN,
    "INT": INTEGER,
    "INTEGER": INTEGER,
    "BIGINT": BIGINT,
    "DOUBLE": DOUBLE,
    "STRING": STRING,
    "VARCHAR": STRING,
    "BYTES": BYTES,
    "TIME": TIME,
    "DATE": DATE,
    "TIMESTAMP": TIMESTAMP,
}
"""What a user may write for a type without parameters."""

INTEGERS = (INTEGER, BIGINT)

HEADERS = Array(Struct((Field("KEY", STRING), Field("VALUE", BYTES))))
"""The type of a column declared HEADERS (ksqlDB: create-stream)."""


def is_numeric(type_: SqlType) -> bool:
    """True for INTEGER, BIGINT, DECIMAL and DOUBLE."""
    return type_ in (INTEGER, BIGINT, DOUBLE) or isinstance(type_, Decimal)
