"""The rules of a .lark file as a tree, for those who draw them.

Reads what our files use of Lark's language: words in quotes, names, parentheses, `? * +`, `|` and
`%extend`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """Text that stands in the statement as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A rule or a terminal."""

    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Optional:
    item: Node


@dataclass(frozen=True, slots=True)
class Loop:
    """`item` once or more, with `separator` between."""

    item: Node
    separator: Node | None = None


Node = Word | Name | Sequence | Choice | Optional | Loop


@dataclass(frozen=True, slots=True)
class Rule:
    """`extends`: the alternatives are added to a rule of that name in another file."""

    name: str
    node: Node
    extends: bool = False


_RULE = re.compile(r"^(%extend )?([a-z_]+):((?:.*\n)(?:[ \t]+.*\n)*)", re.MULTILINE)
_TERMINAL = re.compile(r"^([A-Z_]+)(?:\.\d+)?:((?:.*\n)(?:[ \t]+.*\n)*)", re.MULTILINE)
_TOKEN = re.compile(r'"([^"]+)"|([A-Za-z_]+)|([|()?*+])')
_REGEX = re.compile(r"/((?:\\.|[^/\\])+)/")


def read_rules(text: str) -> list[Rule]:
    """The rules of a file in order."""
    return [
        Rule(match[2], _Reader(match[3]).read_choice(), extends=match[1] is not None)
        for match in _RULE.finditer(text)
    ]


def read_terminals(text: str) -> dict[str, list[str]]:
    """Names of the terminals of a file and their regular expressions."""
    return {match[1]: _REGEX.findall(match[2]) for match in _TERMINAL.finditer(text)}


def read_comment(text: str) -> str:
    """What the file says about itself in its first line."""
    return text.split("\n", 1)[0].removeprefix("// ")


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: Iterator[re.Match[str]] = _TOKEN.finditer(text)
        self._token = next(self._tokens, None)

    def _symbol(self) -> str:
        return self._token[3] or "" if self._token else ")"

    def _advance(self) -> re.Match[str]:
        token = self._token
        assert token is not None
        self._token = next(self._tokens, None)
        return token

    def read_choice(self) -> Node:
        items = [self._read_sequence()]
        while self._symbol() == "|":
            self._advance()
            items.append(self._read_sequence())
        return items[0] if len(items) == 1 else Choice(tuple(items))

    def _read_sequence(self) -> Node:
        items: list[Node] = []
        while self._symbol() not in ("|", ")"):
            item = self._read_repeated()
            if isinstance(item, Optional) and isinstance(item.item, Loop) and items:
                item = _join_loop(items, item.item)
            items.append(item)
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _read_repeated(self) -> Node:
        token = self._advance()
        if token[3] == "(":
            node = self.read_choice()
            self._advance()
        else:
            node = Word(token[1]) if token[1] else Name(token[2])
        match self._symbol():
            case "?":
                self._advance()
                return Optional(node)
            case "*":
                self._advance()
                return Optional(Loop(node))
            case "+":
                self._advance()
                return Loop(node)
            case _:
                return node


def _join_loop(items: list[Node], loop: Loop) -> Node:
    """`x ("," x)*` is one loop over x with commas between; the first x is taken from `items`."""
    inner = loop.item
    if isinstance(inner, Sequence) and inner.items[-1] == items[-1] and len(inner.items) == 2:
        return Loop(items.pop(), inner.items[0])
    return Optional(loop)
