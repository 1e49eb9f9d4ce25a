"""Prints trees of java.util.regex patterns for Python's `re` and for RE2, which DuckDB has.

RE2 has no lookaround, references, atomic groups or possessive repeats, counts to 1,000, and does
another thing where a match may be empty. `Re2` says on which texts its answer may not be Java's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from streamsql.functions.charset import Ranges, category, intersect, of, union
from streamsql.functions.regex_tree import (
    Anchor,
    Back,
    Chars,
    Choice,
    Group,
    Node,
    Pattern,
    Repeat,
    Seq,
    Unsupported,
    read_pattern,
)

_ENDS, _UNIX_ENDS = r"[\r\x85\u2028\u2029]", ""
_RE2_COUNT_MAX = 1000
_RE2_GROUP_MAX = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Re2:
    """A pattern for RE2. `by_line_end`: not for texts that end with a line end; `by_words`: for
    ASCII only."""

    text: str
    by_line_end: bool
    by_words: bool
    certain: frozenset[int]
    """Groups that take part in every match, and never match nothing; 0 is the whole."""


@lru_cache(maxsize=1000)
def compile_python(pattern: str) -> re.Pattern[str]:
    """The pattern for `re`: PatternError where Java refuses it, or `re` has no such thing."""
    try:
        return re.compile(_python(read_pattern(pattern).root))
    except (re.error, OverflowError) as error:
        raise Unsupported(f"{error}: {pattern}") from error


@lru_cache(maxsize=1000)
def translate_re2(pattern: str) -> Re2 | None:
    """The pattern for RE2, or None where RE2 might give another answer than Java."""
    found = read_pattern(pattern)
    printer = _Re2Printer()
    text = printer.show(found.root)
    if text is None or found.groups > _RE2_GROUP_MAX or _is_empty(found.root):
        return None
    return Re2(
        text=text,
        by_line_end=printer.by_line_end,
        by_words=printer.by_words,
        certain=_certain(found),
    )


# ------------------------------------------------------------------ Python


def _python(node: Node) -> str:
    match node:
        case Chars(ranges):
            return _class(ranges)
        case Seq(items):
            return "".join(map(_python, items))
        case Choice(branches):
            return f"(?:{'|'.join(map(_python, branches))})"
        case Group():
            return _python_group(node)
        case Repeat(body, least, most, mode):
            return f"(?:{_python(body)}){_count(least, most)}{mode}"
        case Back(number, fold):
            return f"(?{'ai' if fold == 'a' else 'i'}:\\{number})" if fold else f"(?:\\{number})"
        case Anchor():
            return _python_anchor(node)
        case _:
            raise AssertionError(node)


def _python_group(group: Group) -> str:
    body = group.body
    if group.kind in ("(?<=", "(?<!") and isinstance(body, Choice):
        # `re` looks back by a fixed width only, each branch by its own.
        looks = [f"{group.kind}{_python(b)})" for b in body.branches]
        return f"(?:{'|'.join(looks)})" if group.kind == "(?<=" else "".join(looks)
    return f"{group.kind}{_python(body)})"


def _python_anchor(anchor: Anchor) -> str:
    ends = "" if anchor.unix else r"|(?=[\r\x85\u2028\u2029])"
    newline = r"(?=\n)" if anchor.unix else r"(?<!\r)(?=\n)"
    match anchor.kind:
        case "A":
            return r"(?:\A)"
        case "z":
            return r"(?:\Z)"
        case "Z":
            last = r"\n" if anchor.unix else r"(?:\r\n|(?<!\r)\n|[\r\x85\u2028\u2029])"
            return rf"(?={last}?\Z)"
        case "$":
            return rf"(?:{newline}{ends}|\Z)"
        case "^":
            after = r"(?<=\n)" if anchor.unix else r"(?<=[\n\x85\u2028\u2029])|(?<=\r)(?!\n)"
            return rf"(?:(?!\Z)(?:\A|{after}))"
        case kind:
            word = _class(_word())
            left, right = f"(?<={word})", f"(?={word})"
            off_left, off_right = f"(?<!{word})", f"(?!{word})"
            if kind == "b":
                return f"(?:{left}{off_right}|{off_left}{right})"
            return f"(?:{left}{right}|{off_left}{off_right})"


@cache
def _word() -> Ranges:
    """What makes words for `\\b`: more than `\\w`, before Java 19."""
    return union(category("L", "Nd"), of("_"))


def _class(ranges: Ranges) -> str:
    if not ranges:
        return "(?!)"
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return re.escape(chr(ranges[0][0]))
    return f"[{''.join(_python_range(low, high) for low, high in ranges)}]"


def _python_range(low: int, high: int) -> str:
    first, last = f"\\U{low:08x}", f"\\U{high:08x}"
    return first if low == high else f"{first}-{last}"


def _count(least: int, most: int | None) -> str:
    match least, most:
        case 0, None:
            return "*"
        case 1, None:
            return "+"
        case 0, 1:
            return "?"
        case _:
            return f"{{{least},{'' if most is None else most}}}"


# ------------------------------------------------------------------ RE2

_SCALARS: Ranges = ((0, 0xD7FF), (0xE000, 0x10FFFF))
"""RE2 reads UTF-8, which has no surrogates."""


class _Re2Printer:
    """Prints a tree; `show` gives None for what RE2 cannot do."""

    def __init__(self) -> None:
        self.by_line_end = False
        self.by_words = False

    def show(self, node: Node) -> str | None:
        match node:
            case Chars(ranges):
                return _re2_class(intersect(ranges, _SCALARS))
            case Seq(items):
                return self.join(items, "")
            case Choice(branches):
                found = self.join(branches, "|")
                return None if found is None else f"(?:{found})"
            case Group(kind, body):
                inner = self.show(body)
                return None if inner is None or kind not in ("(", "(?:") else f"{kind}{inner})"
            case Repeat():
                return self.repeat(node)
            case Anchor():
                return self.anchor(node)
            case _:
                return None

    def join(self, nodes: tuple[Node, ...], between: str) -> str | None:
        found = [self.show(n) for n in nodes]
        return None if None in found else between.join(f for f in found if f is not None)

    def repeat(self, node: Repeat) -> str | None:
        counted = max(node.least, node.most or 0) > _RE2_COUNT_MAX
        again = node.most is None or node.most > 1
        body = self.show(node.body)
        if body is None or counted or node.mode == "+" or (again and _is_empty(node.body)):
            return None
        return f"(?:{body}){_count(node.least, node.most)}{node.mode}"

    def anchor(self, node: Anchor) -> str | None:
        match node.kind:
            case "A":
                return r"\A"
            case "z":
                return r"\z"
            case "Z":
                self.by_line_end = True
                return r"\z"
            case "b" | "B":
                self.by_words = True
                return f"\\{node.kind}"
            case _:
                return None


def _re2_class(ranges: Ranges) -> str | None:
    if not ranges:
        return None
    shown = "".join(
        f"\\x{{{low:X}}}" if low == high else f"\\x{{{low:X}}}-\\x{{{high:X}}}"
        for low, high in ranges
    )
    code = ranges[0][0]
    if len(ranges) == 1 and code == ranges[0][1]:
        return chr(code) if chr(code).isalnum() and code < 128 else shown
    return f"[{shown}]"


def _is_empty(node: Node) -> bool:
    """Whether a piece may match nothing."""
    match node:
        case Chars():
            return False
        case Seq(items):
            return all(map(_is_empty, items))
        case Choice(branches):
            return any(map(_is_empty, branches))
        case Group(kind, body):
            return kind not in ("(", "(?:", "(?>") or _is_empty(body)
        case Repeat(body, least):
            return least == 0 or _is_empty(body)
        case _:
            return True


def _certain(pattern: Pattern) -> frozenset[int]:
    found = {0}

    def visit(node: Node) -> None:
        match node:
            case Seq(items):
                for item in items:
                    visit(item)
            case Group(kind, body, number) if kind in ("(", "(?:"):
                if number and not _is_empty(body):
                    found.add(number)
                visit(body)
            case Repeat(body, least) if least > 0:
                visit(body)
            case _:
                pass

    visit(pattern.root)
    return frozenset(found)
