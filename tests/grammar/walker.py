"""Statements out of the grammar: a seeded walk over its rules, and one-token mutations of them."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import cache

from lark import Lark
from lark.grammar import NonTerminal
from lark.lexer import PatternStr
from read_grammar import read_grammar

SAMPLES = {
    "SLASH": ["/"],
    "IDENTIFIER": ["A", "B1", "_C", "X@Y", "ORDERS", "ROWTIME", "COUNT", "WINDOWSTART", "BOUNDS"],
    "DIGIT_IDENTIFIER": ["1ST", "2_B", "3E", "1E5X"],
    "QUOTED_IDENTIFIER": ["`x y`", '"Q""x"', "`from`", "`1`", "`é`"],
    "STRING": ["'s'", "''", "'it''s'", "'--'", "'%a;'", "'ü'"],
    "INTEGER_VALUE": ["0", "1", "3", "12", "2147483648"],
    "DECIMAL_VALUE": ["0.10", "1.", ".5", "123.456"],
    "DOUBLE_VALUE": ["1E5", "1.5E-3", ".5E+2", "2.E0"],
}


@cache
def load(*, strict: bool = False) -> Lark:
    """The grammar, ready to judge a text; words are in upper case."""
    text = read_grammar(strict=strict)
    return Lark(text, parser="earley", lexer="basic", ambiguity="forest")


class Walker:
    """`walk` gives the tokens of a statement; the same seed gives the same ones."""

    def __init__(self, seed: int, *, strict: bool = False) -> None:
        self.random = random.Random(seed)
        grammar = load(strict=strict)
        self.texts = {
            t.name: [t.pattern.value] if isinstance(t.pattern, PatternStr) else SAMPLES.get(t.name)
            for t in grammar.terminals
        }
        self.vocabulary = sorted({text for texts in self.texts.values() for text in texts or ()})
        self.rules = defaultdict(list)
        for rule in grammar.rules:
            self.rules[rule.origin.name].append(rule.expansion)
        self.heights = self._measure()

    def _measure(self) -> dict[str, int]:
        """Levels that each rule needs at least, so that a walk knows the shortest way out."""
        heights: dict[str, int] = {}
        while len(heights) < len(self.rules):
            for name, expansions in self.rules.items():
                known = [h for e in expansions if (h := self._height(e, heights)) is not None]
                if known and name not in heights:
                    heights[name] = 1 + min(known)
        return heights

    @staticmethod
    def _height(expansion, heights) -> int | None:
        inner = [heights.get(s.name) if isinstance(s, NonTerminal) else 0 for s in expansion]
        return None if None in inner else max(inner, default=0)

    def walk(self, rule: str = "statement", budget: int = 22) -> list[str]:
        """Tokens of `rule`; below `budget` levels the shortest expansions are taken."""
        expansions = self.rules[rule]
        if budget < self.heights[rule] + 3:
            best = min(self._height(e, self.heights) for e in expansions)
            expansions = [e for e in expansions if self._height(e, self.heights) == best]
        tokens: list[str] = []
        for symbol in self.random.choice(expansions):
            if isinstance(symbol, NonTerminal):
                tokens += self.walk(symbol.name, budget - 1)
            else:
                tokens.append(self.random.choice(self.texts[symbol.name]))
        return tokens

    def mutate(self, tokens: list[str]) -> list[str]:
        """The tokens with one left out, doubled, replaced, added, or swapped with the next."""
        out = list(tokens)
        at = self.random.randrange(len(out))
        act = self.random.choice(("leave", "double", "replace", "add", "swap"))
        match act:
            case "leave":
                del out[at]
            case "double":
                out.insert(at, out[at])
            case "replace":
                out[at] = self.random.choice(self.vocabulary)
            case "add":
                out.insert(at, self.random.choice(self.vocabulary))
            case _:
                out[at : at + 2] = reversed(out[at : at + 2])
        return out
