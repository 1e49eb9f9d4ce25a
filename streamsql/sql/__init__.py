"""Text to frozen statements and expressions with positions, and back.

Knows no catalog: whether a name exists and a type fits is the binder's question. `statement.py`
and `expr.py` have the values; `statements/` reads and writes them, one file a family; grammar/
says what is accepted.
"""

from streamsql.sql.highlight import tokens
from streamsql.sql.script import (
    Piece,
    parse,
    parse_columns,
    parse_expression,
    parse_one,
    parse_type,
    split,
)
from streamsql.sql.script import format_sql as format  # noqa: A004  the pair of `parse`
from streamsql.sql.substitute import substitute

__all__ = [
    "Piece",
    "format",
    "parse",
    "parse_columns",
    "parse_expression",
    "parse_one",
    "parse_type",
    "split",
    "substitute",
    "tokens",
]
