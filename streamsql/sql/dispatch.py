"""Finds the form of a statement by the words it opens with, and reads or writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from streamsql.sql.cursor import Cursor, near
from streamsql.sql.form import Form
from streamsql.sql.statement import Statement
from streamsql.sql.statements import FORMS
from streamsql.sql.statements.explain import make_forms

__all__ = ["at_statement", "openings", "read_statement", "write_statement"]

_ABSENT = {
    "DELETE": "a record with a null value deletes a row of a table",
    "MERGE": "INSERT INTO … SELECT adds what a query gives",
    "UPDATE": "INSERT INTO … VALUES with the key of a row replaces it in a table",
}


@dataclass(slots=True)
class _Node:
    """What may follow some opening words; `form` where they are enough."""

    form: Form | None = None
    next: dict[str, _Node] = field(default_factory=dict[str, "_Node"])


def read_statement(cursor: Cursor) -> Statement:
    """Reads a statement up to its semicolon, with its text and position."""
    first = cursor.token
    position = cursor.position()
    node = _STRICT if cursor.strict else _ALL
    opening: list[str] = []
    while (following := node.next.get(cursor.token.key)) is not None:
        node = following
        opening.append(cursor.advance().key)
    if node.form is None:
        _fail_opening(cursor, node, opening)
    statement = node.form.read(cursor, tuple(opening))
    return replace(statement, text=cursor.text_since(first), position=position)


def _fail_opening(cursor: Cursor, node: _Node, opening: list[str]) -> NoReturn:
    token = cursor.token
    expected = tuple(f"'{word}'" for word in node.next)
    if not opening:
        if token.kind != "word":
            cursor.fail_at(token)
        close = near(token.key, tuple(node.next))
        hint = _ABSENT.get(token.key) or (f"did you mean {close}?" if close else "")
        cursor.fail(f"Unknown statement '{token.text}'", token, hint)
    if len(expected) == 1:
        cursor.fail_expecting(*expected)
    words = tuple(node.next)
    close = near(token.key, words) if token.kind == "word" else None
    hint = f"did you mean {close}?" if close else f"expecting one of {', '.join(words)}"
    cursor.fail_at(token, hint)


def at_statement(cursor: Cursor) -> bool:
    """Whether the next words open a statement and something follows them, or nothing has to."""
    node, ahead = _ALL, 0
    while (following := node.next.get(cursor.peek(ahead).key)) is not None:
        node = following
        ahead += 1
    if node.form is None:
        return False
    # EXPLAIN SET asks for a query called SET.
    return ahead > 1 or (cursor.peek(1).key != ";" and cursor.peek(1).kind != "end")


def write_statement(statement: Statement) -> str:
    """The statement on one line, without semicolon."""
    return _WRITERS[type(statement)](statement)


def openings() -> tuple[str, ...]:
    """The words that statements open with, for completion."""
    return tuple(words for form in _FORMS for words in form.openings)


def _build(forms: Iterable[Form]) -> _Node:
    root = _Node()
    for form in forms:
        for words in form.openings:
            node = root
            for word in words.split():
                node = node.next.setdefault(word, _Node())
            node.form = form
    return root


_FORMS = (*FORMS, *make_forms(at_statement, read_statement, write_statement))
_ALL = _build(_FORMS)
_STRICT = _build(form for form in _FORMS if form.ksqldb)
_WRITERS: dict[type[Statement], Callable[[Any], str]] = {
    type_: write for form in _FORMS for type_, write in form.writers.items()
}
