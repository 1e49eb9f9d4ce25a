"""Reads java.util.regex patterns into trees.

Flags are resolved while reading: a character under (?i) becomes the set of its cases, `.` the set
of what it matches, so that a tree means the same whatever prints it. PatternError where Java throws
PatternSyntaxException; Unsupported for what Java has and Python's `re` cannot do: `\\G`, `\\X`,
`\\b{g}`, names of scripts and blocks, references to a group that is open or still to come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from streamsql.functions import charset
from streamsql.functions.charset import Ranges
from streamsql.functions.regex_class import fold, read_escape, read_set
from streamsql.functions.regex_cursor import Cursor, Flags, PatternError, Unsupported


class Node:
    """A piece of a pattern."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Chars(Node):
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Seq(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice(Node):
    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group(Node):
    """`kind`: `(` captures as `number`, else one of `(?:` `(?>` `(?=` `(?!` `(?<=` `(?<!`."""

    kind: str
    body: Node
    number: int = 0


@dataclass(frozen=True, slots=True)
class Repeat(Node):
    """`most` is None without a limit; `mode` is empty, `?` (lazy) or `+` (possessive)."""

    body: Node
    least: int
    most: int | None
    mode: str


@dataclass(frozen=True, slots=True)
class Back(Node):
    """What group `number` matched; `fold`: empty, `a` (ASCII letters) or `u` without case."""

    number: int
    fold: str


@dataclass(frozen=True, slots=True)
class Anchor(Node):
    """`kind` is one of `A` (start), `z` (end), `Z` (end but for a line end), `^` and `$` (lines),
    `b`, `B` (words); `unix`: only `\\n` ends a line."""

    kind: str
    unix: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """A tree, the number of its capturing groups and the numbers of those that have a name."""

    root: Node
    groups: int
    names: Mapping[str, int]


@lru_cache(maxsize=1000)
def read_pattern(text: str) -> Pattern:
    """The tree of a pattern."""
    cursor = Cursor(text)
    try:
        root = _choice(cursor)
    except RecursionError as error:
        raise Unsupported("nested too deeply") from error
    if not cursor.ended():
        raise PatternError(f"unmatched closing ')': {text}")
    return Pattern(root, cursor.groups, cursor.names)


_FLAGS = "idmsuxU-"
_NAME = re.compile(r"([A-Za-z][A-Za-z0-9]*)>")
_COUNT = re.compile(r"\{(\d+)(,(\d*))?\}")
_COUNT_MAX = 2**31 - 1


def _choice(cursor: Cursor) -> Node:
    branches = [_sequence(cursor)]
    while cursor.peek() == "|":
        cursor.at += 1
        branches.append(_sequence(cursor))
    return branches[0] if len(branches) == 1 else Choice(tuple(branches))


def _sequence(cursor: Cursor) -> Node:
    items: list[Node] = []
    while (char := cursor.peek()) and char not in "|)":
        item = _atom(cursor, char)
        if item is not None:
            items.append(_repeat(cursor, item))
    return items[0] if len(items) == 1 else Seq(tuple(items))


def _atom(cursor: Cursor, char: str) -> Node | None:
    """The next item; None for flags, which are none."""
    if char == "(":
        return _group(cursor)
    cursor.at += 1
    match char:
        case "[":
            return Chars(read_set(cursor))
        case "\\":
            return _escape(cursor)
        case ".":
            return Chars(_dot(cursor))
        case "^":
            return Anchor("^" if cursor.flags.m else "A", cursor.flags.d)
        case "$":
            return Anchor("$" if cursor.flags.m else "Z", cursor.flags.d)
        case "?" | "*" | "+":
            raise cursor.fail(f"dangling meta character '{char}'")
        case "{":
            # Java repeats the nothing before it.
            cursor.at -= 1
            return Seq(())
        case _:
            return _literal(cursor, char)


def _literal(cursor: Cursor, char: str) -> Chars:
    return Chars(fold(cursor, charset.of(char)))


def _dot(cursor: Cursor) -> Ranges:
    if cursor.flags.s:
        return charset.ALL
    return charset.negate(charset.of("\n") if cursor.flags.d else charset.LINE_ENDS)


def _repeat(cursor: Cursor, item: Node) -> Node:
    char = cursor.peek()
    if char and char in "?*+":
        cursor.at += 1
        least, most = {"?": (0, 1), "*": (0, None), "+": (1, None)}[char]
    elif char == "{":
        least, most = _count(cursor)
    else:
        return item
    mode = cursor.peek()
    if mode and mode in "?+":
        cursor.at += 1
        return Repeat(item, least, most, mode)
    return Repeat(item, least, most, "")


def _count(cursor: Cursor) -> tuple[int, int | None]:
    found = _COUNT.match(cursor.text, cursor.at)
    if found is None:
        raise cursor.fail("illegal repetition")
    cursor.at = found.end()
    least = int(found[1])
    most = least if found[2] is None else int(found[3]) if found[3] else None
    if max(least, most or 0) > _COUNT_MAX or (most is not None and most < least):
        raise cursor.fail("illegal repetition range")
    return least, most


def _group(cursor: Cursor) -> Node | None:
    cursor.at += 1
    flags = cursor.flags
    if not cursor.take("?"):
        return _capture(cursor, flags)
    for mark in ("<=", "<!", ":", ">", "=", "!"):
        if cursor.take(mark):
            return _close(cursor, Group(f"(?{mark}", _choice(cursor)), flags)
    if cursor.take("<"):
        found = _NAME.match(cursor.text, cursor.at)
        if found is None:
            raise cursor.fail("a name of a group is not a letter and then letters and digits")
        if found[1] in cursor.names:
            raise cursor.fail(f"named capturing group <{found[1]}> is already defined")
        cursor.at = found.end()
        cursor.names[found[1]] = cursor.groups + 1
        return _capture(cursor, flags)
    cursor.flags = _change_flags(cursor)
    if cursor.take(")"):
        return None
    if not cursor.take(":"):
        raise cursor.fail("unknown inline modifier")
    return _close(cursor, Group("(?:", _choice(cursor)), flags)


def _capture(cursor: Cursor, flags: Flags) -> Node:
    cursor.groups += 1
    number = cursor.groups
    cursor.open.add(number)
    found = _close(cursor, Group("(", _choice(cursor), number), flags)
    cursor.open.remove(number)
    return found


def _close(cursor: Cursor, group: Group, flags: Flags) -> Group:
    if cursor.peek() != ")":
        raise cursor.fail("unclosed group")
    cursor.at += 1
    cursor.flags = flags
    return group


def _change_flags(cursor: Cursor) -> Flags:
    flags, value = cursor.flags, True
    while (char := cursor.text[cursor.at : cursor.at + 1]) and char in _FLAGS:
        cursor.at += 1
        if char == "-":
            value = False
            continue
        flags = replace(flags, **{char: value})
        if char == "U" and value:
            flags = replace(flags, u=True)
    return flags


def _escape(cursor: Cursor) -> Node:
    """What an escape outside of sets stands for; its backslash is passed."""
    char = cursor.next()
    if char in "123456789":
        return _back(cursor, _group_number(cursor, char))
    match char:
        case "A" | "z" | "B":
            return Anchor(char)
        case "Z":
            return Anchor("Z", cursor.flags.d)
        case "b":
            if cursor.text.startswith("{", cursor.at):
                raise Unsupported(f"\\b{{g}} is not supported: {cursor.text}")
            return Anchor("b")
        case "G" | "X":
            raise Unsupported(f"\\{char} is not supported: {cursor.text}")
        case "R":
            ends = Chars(charset.VERTICAL)
            return Choice((Seq((Chars(charset.of("\r")), Chars(charset.of("\n")))), ends))
        case "k":
            return _back(cursor, _named_group(cursor))
        case _:
            found = read_escape(cursor, char)
            return _literal(cursor, found) if isinstance(found, str) else Chars(found)


def _back(cursor: Cursor, number: int) -> Node:
    if number > cursor.groups or number in cursor.open:
        raise Unsupported(f"a reference to a group that is not closed: {cursor.text}")
    fold = ("u" if cursor.flags.u else "a") if cursor.flags.i else ""
    return Back(number, fold)


def _group_number(cursor: Cursor, first: str) -> int:
    """The longest number of a group that there is so far; the first digit counts anyway."""
    number = int(first)
    while (digit := cursor.text[cursor.at : cursor.at + 1]) and digit in "0123456789":
        if number * 10 + int(digit) > cursor.groups:
            break
        number = number * 10 + int(digit)
        cursor.at += 1
    return number


def _named_group(cursor: Cursor) -> int:
    found = _NAME.match(cursor.text, cursor.at + 1) if cursor.stands("<") else None
    if found is None or found[1] not in cursor.names:
        raise cursor.fail("\\k is not followed by '<name>' of a group")
    cursor.at = found.end()
    return cursor.names[found[1]]
