"""The railroad diagrams and the editor's grammar: complete, and right about what they show."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import editor
import pytest
import railroad
from read_grammar import list_files, read_grammar
from rule import Choice, Loop, Name, Optional, Sequence, Word, read_rules
from walker import Walker

from streamsql.sql import tokens

READ = {
    'a: "X"\n': Word("X"),
    'a: "X" b\n': Sequence((Word("X"), Name("b"))),
    'a: "X"\n | b?\n': Choice((Word("X"), Optional(Name("b")))),
    'a: b ("," b)*\n': Loop(Name("b"), Word(",")),
    'a: c b ("," b)*\n': Sequence((Name("c"), Loop(Name("b"), Word(",")))),
    'a: b ("," c)*\n': Sequence((Name("b"), Optional(Loop(Sequence((Word(","), Name("c"))))))),
    'a: ("X" | "Y")+\n': Loop(Choice((Word("X"), Word("Y")))),
    "a: b*\n": Optional(Loop(Name("b"))),
}


@pytest.mark.parametrize(("text", "node"), READ.items(), ids=READ)
def test_a_rule_is_read(text: str, node: object) -> None:
    (rule,) = read_rules(text)
    assert (rule.name, rule.node, rule.extends) == ("a", node, False)


def test_a_rule_that_extends_another_says_so() -> None:
    first, second = read_rules('// x: "y"\n%extend a: "X"\n\nB.2: /x/\n\nc: "Y"\n')
    assert (first.name, first.extends, second.name, second.extends) == ("a", True, "c", False)


class Page(HTMLParser):
    """What a page links to, what it has, and the boxes of each diagram."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.sizes: list[tuple[float, float]] = []
        self.outside: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += filter(None, [values.get("id")])
        if tag == "a":
            self.links.add((values["href"] or "").removeprefix("#"))
        if tag == "svg":
            self.sizes.append((float(values["width"] or 0), float(values["height"] or 0)))
        if tag == "rect":
            x, y, width, height = (float(values[k] or 0) for k in ("x", "y", "width", "height"))
            across, down = self.sizes[-1]
            if x < 0 or y < 0 or x + width > across or y + height > down:
                self.outside.append(values)


def test_every_rule_has_a_diagram_and_every_name_a_target() -> None:
    page = Page(railroad.write_page())
    rules = [rule for path in list_files() for rule in read_rules(path.read_text())]
    own = {rule.name for rule in rules if not rule.extends}
    assert len(page.ids) == len(set(page.ids))
    assert own <= set(page.ids)
    # These two are made of the keyword lists.
    assert page.links - set(page.ids) == {"IDENTIFIER", "nonreserved"}
    drawn = [rule for rule in rules if not (rule.extends and rule.name == "statement")]
    assert len(page.sizes) == len(drawn)
    assert not page.outside


def test_a_loop_and_a_choice_are_drawn_below_their_line() -> None:
    word = railroad.lay(Word("X"))
    for node in (Loop(Word("X"), Word(",")), Choice((Word("X"), Word("Y"))), Optional(Word("X"))):
        box = railroad.lay(node)
        assert box.down > word.down
        assert box.width > word.width


SCOPES = {
    "comment": "comment",
    "constant.numeric": "number",
    "constant.language": "keyword",
    "string": "string",
    "variable.other.quoted": "name",
    "storage.type": "type",
    "keyword.control": "keyword",
    "keyword.other": "keyword",
    "entity.name.function": "function",
    "keyword.operator": "symbol",
    "variable.other": "name",
}


def colour(text: str) -> list[tuple[str, str]]:
    """Pieces with their kinds, as an editor finds them: the first place, then the first pattern."""
    grammar = json.loads(editor.write_editor_grammar())
    patterns = [p for p in grammar["patterns"] if "include" not in p]
    begins = [re.compile(p.get("match") or p["begin"]) for p in patterns]
    found: list[tuple[str, str]] = []
    at = 0
    while True:
        hits = [(m.start(), n, m) for n, b in enumerate(begins) if (m := b.search(text, at))]
        if not hits:
            return found
        _, number, match = min(hits, key=lambda hit: hit[:2])
        pattern = patterns[number]
        end = match.end()
        if "end" in pattern:
            end = find_end(text, end, pattern)
        kind = next(kind for scope, kind in SCOPES.items() if pattern["name"].startswith(scope))
        found.append((text[match.start() : end], kind))
        at = end


def find_end(text: str, at: int, pattern: dict[str, object]) -> int:
    closing = re.compile(str(pattern["end"]))
    inner = pattern.get("patterns")
    doubled = re.compile(inner[0]["match"] if isinstance(inner, list) else "(?!)")
    while at < len(text):
        if match := doubled.match(text, at):
            at = match.end()
        elif match := closing.match(text, at):
            return match.end()
        else:
            at += 1
    return at


def test_the_editor_colours_as_the_shell_does() -> None:
    walker = Walker(11)
    written = [" ".join(walker.walk(budget=14)) + " -- end" for _ in range(60)]
    for text in (*written, "select Ucase(a), date(`b`) /* c\n */ from s where x = -1.5e3 or null"):
        mine = [(t.text, t.kind) for t in tokens(text)]
        punctuation = set("()[],.;:")
        assert colour(text) == [piece for piece in mine if piece[0] not in punctuation]


def test_the_editor_knows_every_pattern() -> None:
    grammar = json.loads(editor.write_editor_grammar())
    assert grammar["scopeName"] == "source.streamsql"
    assert {key for p in grammar["patterns"] for key in p} <= {
        *("name", "match", "begin", "end", "patterns", "include")
    }


def test_strict_mode_leaves_out_whole_files() -> None:
    assert "RUN" in read_grammar()
    assert '"SCRIPT"' not in read_grammar(strict=True)
