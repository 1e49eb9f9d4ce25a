"""What a door asks about a text before it is executed: its statements, their end, their words."""

from __future__ import annotations

from streamsql.sql import Piece, split, tokens
from streamsql.sql.dispatch import openings
from streamsql.sql.highlight import Highlight
from streamsql.sql.keywords import NONRESERVED, RESERVED

__all__ = ["KEYWORDS", "Highlight", "Piece", "is_complete", "openings", "split", "tokens"]

KEYWORDS = RESERVED | NONRESERVED


def is_complete(text: str) -> bool:
    """Whether `text` can be executed: a semicolon ends its last statement, or there is none."""
    pieces = split(text)
    return pieces[-1].complete if pieces else True
