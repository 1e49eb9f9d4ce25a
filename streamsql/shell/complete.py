"""Completion: a function of the text, the cursor and the names that exist.

The statement around the cursor is read as tokens, which any text is, so that half a statement
completes too; columns are those of the sources that the statement names, before the cursor or
behind it. Words are offered as they are being typed: in small letters where the user does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from streamsql.session.names import Names
from streamsql.session.text import Highlight, openings, tokens
from streamsql.shell.command import COMMANDS
from streamsql.shell.words import (
    AFTER,
    CLAUSES,
    EXPRESSION_WORDS,
    OPERATORS,
    STARTS_EXPRESSION,
    TYPES,
)

__all__ = ["Suggestion", "suggest"]

_PLAIN = re.compile(r"[A-Z_][A-Z0-9_@]*")
_WORD = re.compile(r"[A-Za-z0-9_@]*\Z")
_AFTER_WORDS = max(len(words.split()) for words in AFTER)
_NAMED_BY = frozenset(("FROM", "JOIN", "INTO"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Put `text` in the place of what stands from `start` to the cursor. `kind` and `note` (a type)
    are for people.
    """

    text: str
    kind: str
    start: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The cursor in its statement. `before`, `after`: tokens; `typed`: the word that has begun, at
    `start`; `first`: the statement is the first of the text.
    """

    before: tuple[Highlight, ...]
    after: tuple[Highlight, ...]
    typed: str
    start: int
    first: bool


def suggest(text: str, cursor: int, names: Names) -> list[Suggestion]:
    """What may stand at `cursor`, the likeliest first; nothing where any name would do."""
    found = tokens(text)
    inside = next((t for t in found if t.start < cursor < t.end or _open_at(t, cursor)), None)
    if inside is not None and inside.kind == "comment":
        return []
    if inside is not None and inside.text[0] in "'`\"":
        return _in_quotes(_place(text, cursor, found, inside.start), inside, cursor, names)
    start = cursor - len(_WORD.search(text[:cursor])[0])  # type: ignore[index]
    place = _place(text, cursor, found, start)
    seen: set[str] = set()
    out: list[Suggestion] = []
    for item in _offered(place, names):
        fits = item.text.upper().startswith(place.typed.upper()) or _fits_quoted(item, place.typed)
        if fits and item.text not in seen:
            seen.add(item.text)
            out.append(item)
    return out


def _open_at(token: Highlight, cursor: int) -> bool:
    """Whether the cursor stands behind a quote or comment that goes on: nothing has closed it."""
    line_comment = token.kind == "comment" and token.text.startswith("--")
    return token.end == cursor and (token.kind == "error" or line_comment)


def _place(text: str, cursor: int, found: Sequence[Highlight], start: int) -> _Place:
    kept = [t for t in found if t.kind != "comment"]
    ends = [t for t in kept if t.text == ";"]
    opened = max((t.end for t in ends if t.end <= start), default=0)
    closed = min((t.start for t in ends if t.start >= cursor), default=len(text))
    return _Place(
        before=tuple(t for t in kept if opened <= t.start and t.end <= start),
        after=tuple(t for t in kept if cursor <= t.start and t.end <= closed),
        typed=text[start:cursor],
        start=start,
        first=opened == 0,
    )


# what is offered ----------------------------------------------------------------------------------


def _offered(place: _Place, names: Names) -> Iterator[Suggestion]:
    words = [t.text.upper() for t in place.before]
    if not words:
        yield from _openings(place, 0)
        return
    qualified = _qualified(place, names)
    if qualified is not None:
        yield from qualified
        return
    following = _following(words)
    if following is not None:
        for item in following:
            yield from _expand(item, place, names)
        return
    opened = _opened_by(words)
    if opened == "WITH":
        if words[-1] in ("(", ","):
            yield from _words(names.options, "option", place)
        return
    if opened and not _is_query(words):
        if words[0] == "INSERT" and words[-1] in ("(", ",") and opened != "VALUES":
            for _, source in _named_sources(place, names):
                yield from _columns(source, place, names)
        elif words[0] in ("CREATE", "ALTER") and words[-1] not in ("(", ","):
            yield from _types(place, names)
        return
    if opened == "CAST" and words[-1] == "AS":
        yield from _types(place, names)
        return
    if _starts_opening(words):
        yield from _openings(place, len(words))
        return
    if words[0] in ("CREATE", "INSERT") and words[-1] == "AS":
        yield from _words(("SELECT",), "keyword", place)
        return
    star = words[-1] == "*" and words[-2:-1] in (["SELECT"], [","], ["."])
    if words[-1] in STARTS_EXPRESSION and _is_query(words) and not star:
        yield from _expression(place, names)
        return
    yield from _clauses(words, place)


def _openings(place: _Place, count: int) -> Iterator[Suggestion]:
    """Words that statements open with, after the first `count`; commands where a text begins."""
    words = [t.text.upper() for t in place.before]
    seen: dict[str, None] = {}
    for opening in openings():
        parts = opening.split()
        if parts[:count] == words and len(parts) > count:
            seen[" ".join(parts[count : count + 1 if count == 0 else None])] = None
    yield from _words(seen, "keyword", place)
    if count == 0 and place.first:
        yield from _words((c.name.upper() for c in COMMANDS), "command", place)


def _starts_opening(words: Sequence[str]) -> bool:
    """Whether the words open a statement and more words have to follow."""
    count = len(words)
    return any(o.split()[:count] == list(words) and len(o.split()) > count for o in openings())


def _following(words: Sequence[str]) -> tuple[str, ...] | None:
    for count in range(min(_AFTER_WORDS, len(words)), 0, -1):
        found = AFTER.get(" ".join(words[-count:]))
        # EXTRACT-like functions aside, FROM behind DISTINCT compares two values.
        if found is not None and words[-2:] != ["DISTINCT", "FROM"]:
            return found
    return None


def _opened_by(words: Sequence[str]) -> str:
    """The word before the parenthesis that the cursor is in; empty where it is in none."""
    depth = 0
    for index in range(len(words) - 1, 0, -1):
        depth += {")": 1, "(": -1}.get(words[index], 0)
        if depth < 0:
            return words[index - 1]
    return ""


def _is_query(words: Sequence[str]) -> bool:
    return "SELECT" in words


def _types(place: _Place, names: Names) -> Iterator[Suggestion]:
    yield from _names(names.types, "type", place)
    yield from _words(TYPES, "type", place)


def _clauses(words: Sequence[str], place: _Place) -> Iterator[Suggestion]:
    """What may follow the last clause that was opened."""
    opened = next((w for w in reversed(words) if w in CLAUSES), None)
    if opened is None:
        return
    yield from _words(CLAUSES[opened], "keyword", place)
    if opened in ("WHERE", "ON", "HAVING"):
        yield from _words(OPERATORS, "keyword", place)


def _expression(place: _Place, names: Names) -> Iterator[Suggestion]:
    named = _named_sources(place, names)
    for _, source in named:
        yield from _columns(source, place, names)
    yield from _names((alias for alias, _ in named), "source", place)
    windowed = any(t.text.upper() == "WINDOW" for t in (*place.before, *place.after))
    pseudo = ("ROWTIME", "ROWPARTITION", "ROWOFFSET")
    bounds = ("WINDOWSTART", "WINDOWEND")
    if place.typed:
        yield from _words((*bounds, *pseudo) if windowed else (*pseudo, *bounds), "column", place)
        yield from _words((f"{name}(" for name in names.functions), "function", place)
    yield from _words(EXPRESSION_WORDS, "keyword", place)


def _qualified(place: _Place, names: Names) -> Iterable[Suggestion] | None:
    """The columns of what stands before a dot; None where there is no dot."""
    if not place.before or place.before[-1].text != ".":
        return None
    if len(place.before) < 2 or place.before[-1].end != place.start:
        return ()
    wanted = _identifier(place.before[-2])
    named = _named_sources(place, names)
    return [c for alias, source in named if alias == wanted for c in _columns(source, place, names)]


def _named_sources(place: _Place, names: Names) -> list[tuple[str, str]]:
    """(alias, source) of the sources that the statement names and that exist."""
    words = (*place.before, *place.after)
    found: dict[str, str] = {}
    for index, token in enumerate(words[:-1]):
        if token.text.upper() not in _NAMED_BY:
            continue
        source = _identifier(words[index + 1])
        if source not in names.sources:
            continue
        rest = words[index + 2 : index + 4]
        if rest and rest[0].text.upper() == "AS":
            rest = rest[1:]
        alias = _identifier(rest[0]) if rest and rest[0].kind == "name" else source
        found[alias] = source
    return list(found.items())


def _expand(item: str, place: _Place, names: Names) -> Iterator[Suggestion]:
    """The suggestions of one entry of AFTER."""
    match item:
        case "<source>" | "<stream>" | "<table>":
            for name, source in names.sources.items():
                if item in ("<source>", f"<{source.kind.lower()}>"):
                    yield from _names((name,), source.kind.lower(), place)
        case "<type>":
            yield from _names(names.types, "type", place)
        case "<query>":
            yield from _words(names.queries, "query", place)
        case "<topic>":
            yield from (_suggestion(t, "topic", place) for t in names.topics)
        case "<function>":
            yield from _words(names.functions, "function", place)
        case "<variable>":
            yield from _words(names.variables, "variable", place)
        case _:
            yield from _words((item,), "keyword", place)


# in quotes ----------------------------------------------------------------------------------------


def _in_quotes(place: _Place, quoted: Highlight, cursor: int, names: Names) -> list[Suggestion]:
    """What a string or a quoted name at the cursor may be: from behind its quote."""
    typed = quoted.text[1 : cursor - quoted.start]
    words = [t.text.upper() for t in place.before]
    if quoted.text[0] != "'":
        named = {source for _, source in _named_sources(place, names)}
        columns = [c for source in named for c, _ in names.sources[source].columns]
        kind, offered = "name", (*columns, *names.sources)
    else:
        kind, offered = _string_values(words, names)
    closing = "" if quoted.kind != "error" else quoted.text[0]
    return [
        Suggestion(text=name + closing, kind=kind, start=quoted.start + 1)
        for name in offered
        if name.lower().startswith(typed.lower())
    ]


def _string_values(words: Sequence[str], names: Names) -> tuple[str, Sequence[str]]:
    match words:
        case ["SET"] | ["UNSET"] | ["ALTER", "SYSTEM"]:
            return "property", names.properties
        case [*_, "KAFKA_TOPIC", "="]:
            return "topic", names.topics
        case [*_, "FORMAT" | "KEY_FORMAT" | "VALUE_FORMAT", "="]:
            return "format", names.formats
        case _:
            return "", ()


# spelling -----------------------------------------------------------------------------------------


def _identifier(token: Highlight) -> str:
    """The name that a token stands for."""
    if token.text[0] in '`"':
        return token.text[1:-1].replace(token.text[0] * 2, token.text[0])
    return token.text.upper()


def _small(typed: str) -> bool:
    return typed != "" and typed == typed.lower() and typed != typed.upper()


def _suggestion(text: str, kind: str, place: _Place, note: str = "") -> Suggestion:
    return Suggestion(text=text, kind=kind, start=place.start, note=note)


def _words(words: Iterable[str], kind: str, place: _Place) -> Iterator[Suggestion]:
    """Words that may be written in any case."""
    small = _small(place.typed)
    for word in words:
        yield _suggestion(word.lower() if small else word, kind, place)


def _names(names: Iterable[str], kind: str, place: _Place, note: str = "") -> Iterator[Suggestion]:
    """Names, in backticks where they would not be read as they are."""
    small = _small(place.typed)
    for name in names:
        if not _PLAIN.fullmatch(name):
            yield _suggestion(f"`{name.replace('`', '``')}`", kind, place, note)
        else:
            yield _suggestion(name.lower() if small else name, kind, place, note)


def _columns(source: str, place: _Place, names: Names) -> Iterator[Suggestion]:
    for name, type_ in names.sources[source].columns:
        yield from _names((name,), "column", place, type_)


def _fits_quoted(item: Suggestion, typed: str) -> bool:
    return item.text.startswith("`") and item.text[1:].upper().startswith(typed.upper())
