"""The dialect `streamsql` of sqlglot: `sqlglot.parse_one(text, dialect="streamsql")` reads
expressions and SELECTs.

For tools that already speak sqlglot. streamsql itself does not read statements with it
(DECISIONS.md): it accepts more than ksqlDB, drops positions, and rewrites what users wrote. No
Parser, Generator or Expression is derived from: sqlglot's compiled build forbids that.
"""

from __future__ import annotations

from typing import ClassVar

from sqlglot.dialects.dialect import Dialect, NormalizationStrategy
from sqlglot.tokenizer_core import TokenType
from sqlglot.tokens import Tokenizer

__all__ = ["StreamSQL"]


class StreamSQL(Dialect):
    """Unquoted names are upper-cased, `->` reads a field, `=>` a lambda."""

    NORMALIZATION_STRATEGY = NormalizationStrategy.UPPERCASE
    IDENTIFIERS_CAN_START_WITH_DIGIT = True

    class Tokenizer(Tokenizer):
        IDENTIFIERS: ClassVar[list[str | tuple[str, str]]] = ["`", '"']
        NESTED_COMMENTS = False
        VAR_SINGLE_TOKENS: ClassVar[set[str]] = {"@"}
        KEYWORDS: ClassVar[dict[str, TokenType]] = {
            **Tokenizer.KEYWORDS,
            "->": TokenType.DOT,
            "=>": TokenType.ARROW,
        }
