"""Railroad diagrams of the grammar: docs/grammar.html.

A box has a width and reaches `up` and `down` from the line that goes through it; `draw` gives its
SVG from the point where the line enters. Units are pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

from read_grammar import BEYOND, GRAMMAR, list_files
from rule import (
    Choice,
    Loop,
    Name,
    Node,
    Optional,
    Rule,
    Sequence,
    Word,
    read_comment,
    read_rules,
    read_terminals,
)

GAP = 12
RADIUS = 8
HALF = 12
"""Half the height of a box with text."""
CHARACTER = 7.8

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; } h3 { font: 600 14px monospace; margin: 1rem 0 0; }
figure { margin: 0; overflow-x: auto; } svg { display: block; }
path { fill: none; stroke: #607080; stroke-width: 1.5; }
rect { fill: #e8f0e0; stroke: #708060; } a rect { fill: #e4ecf8; stroke: #607090; }
text { font: 13px monospace; text-anchor: middle; fill: #202830; } a text { fill: #1a4a9a; }
td { padding: 0.1rem 1rem 0.1rem 0; vertical-align: top; }
@media (prefers-color-scheme: dark) {
  body { background: #15181c; color: #d8dde2; } a { color: #8ab4f8; }
  rect { fill: #2a3524; } a rect { fill: #232f42; }
  text { fill: #e8ecf0; } a text { fill: #a8c8ff; }
}
""".strip()


@dataclass(frozen=True, slots=True)
class Box:
    width: float
    up: float
    down: float
    draw: Callable[[float, float], str]


def line(x: float, y: float, to_x: float) -> str:
    return f'<path d="M{x:g} {y:g}H{to_x:g}"/>' if to_x != x else ""


def lay_text(text: str, *, link: bool) -> Box:
    width = len(text) * CHARACTER + 16
    shown = escape(text)

    def draw(x: float, y: float) -> str:
        corner = "" if link else ' rx="10"'
        body = (
            f'<rect x="{x:g}" y="{y - HALF:g}" width="{width:g}" height="{2 * HALF}"{corner}/>'
            f'<text x="{x + width / 2:g}" y="{y + 4:g}">{shown}</text>'
        )
        return f'<a href="#{shown}">{body}</a>' if link else body

    return Box(width, HALF, HALF, draw)


def lay_sequence(boxes: list[Box]) -> Box:
    width = sum(b.width for b in boxes) + GAP * (len(boxes) - 1)

    def draw(x: float, y: float) -> str:
        parts: list[str] = []
        for number, box in enumerate(boxes):
            if number:
                parts.append(line(x, y, x + GAP))
                x += GAP
            parts.append(box.draw(x, y))
            x += box.width
        return "".join(parts)

    return Box(width, max(b.up for b in boxes), max(b.down for b in boxes), draw)


def lay_choice(boxes: list[Box]) -> Box:
    """The first alternative on the line, the others below it."""
    inner = max(b.width for b in boxes)
    width = inner + 4 * RADIUS
    offsets = [0.0]
    for above, box in pairwise(boxes):
        offsets.append(max(offsets[-1] + above.down + GAP / 1.5 + box.up, 2.0 * RADIUS))

    def draw(x: float, y: float) -> str:
        right = x + width
        parts: list[str] = []
        for box, offset in zip(boxes, offsets, strict=True):
            start = x + 2 * RADIUS
            parts.append(box.draw(start, y + offset))
            parts.append(line(start + box.width, y + offset, right - 2 * RADIUS))
            if offset == 0:
                parts += [line(x, y, start), line(right - 2 * RADIUS, y, right)]
            else:
                parts.append(_branch(x, y, offset, start) + _merge(right, y, offset))
        return "".join(parts)

    return Box(width, boxes[0].up, offsets[-1] + boxes[-1].down, draw)


def _branch(x: float, y: float, down: float, to_x: float) -> str:
    r = RADIUS
    return f'<path d="M{x:g} {y:g}q{r} 0 {r} {r}v{down - 2 * r:g}q0 {r} {r} {r}H{to_x:g}"/>'


def _merge(x: float, y: float, down: float) -> str:
    r = RADIUS
    return f'<path d="M{x:g} {y:g}q-{r} 0 -{r} {r}v{down - 2 * r:g}q0 {r} -{r} {r}"/>'


def lay_loop(box: Box, separator: Box | None) -> Box:
    """The way back, with the separator, goes below."""
    inner = max(box.width, separator.width if separator else 0)
    width = inner + 2 * RADIUS
    back_up = separator.up if separator else 0
    back_down = separator.down if separator else 0
    down = max(box.down + GAP / 1.5 + back_up, 2.0 * RADIUS)

    def draw(x: float, y: float) -> str:
        left, right, r = x + RADIUS, x + RADIUS + inner, RADIUS
        parts = [line(x, y, left), box.draw(left, y), line(left + box.width, y, right + r)]
        parts.append(f'<path d="M{left:g} {y:g}q-{r} 0 -{r} {r}v{down - 2 * r:g}q0 {r} {r} {r}"/>')
        parts.append(f'<path d="M{right:g} {y:g}q{r} 0 {r} {r}v{down - 2 * r:g}q0 {r} -{r} {r}"/>')
        below = y + down
        if separator is None:
            return "".join([*parts, line(left, below, right)])
        start = left + (inner - separator.width) / 2
        parts += [line(left, below, start), separator.draw(start, below)]
        return "".join([*parts, line(start + separator.width, below, right)])

    return Box(width, box.up, down + back_down, draw)


def lay(node: Node) -> Box:
    """The box of a node."""
    match node:
        case Word(text):
            return lay_text(text, link=False)
        case Name(text):
            return lay_text(text, link=True)
        case Sequence(items):
            return lay_sequence([lay(item) for item in items])
        case Choice(items):
            return lay_choice([lay(item) for item in items])
        case Optional(item):
            return lay_choice([Box(0, 0, 0, lambda _x, _y: ""), lay(item)])
        case Loop(item, separator):
            return lay_loop(lay(item), lay(separator) if separator else None)


def draw_rule(rule: Rule) -> str:
    """The SVG of a rule with its ends."""
    box = lay(rule.node)
    width, height = box.width + 2 * GAP + 8, box.up + box.down + 8
    y = box.up + 4
    body = line(4, y, 4 + GAP) + box.draw(4 + GAP, y)
    body += line(4 + GAP + box.width, y, width - 4)
    ends = f'<path d="M4 {y - 6:g}v12M{width - 4:g} {y - 6:g}v12"/>'
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return f"<figure><svg {size}>{ends}{body}</svg></figure>"


def write_section(path: Path) -> str:
    """The diagrams of a file."""
    text = path.read_text()
    name = path.relative_to(GRAMMAR).as_posix()
    title = name.removeprefix("statements/").removesuffix(".lark").replace("_", " ")
    note = " Not in strict mode." if name in BEYOND else ""
    parts = [f"<h2>{title}</h2>\n<p>{escape(read_comment(text))}{note}</p>"]
    for rule in read_rules(text):
        if rule.extends and rule.name == "statement":
            continue
        heading = f"{rule.name}, also" if rule.extends else rule.name
        anchor = "" if rule.extends else f' id="{rule.name}"'
        parts.append(f"<h3{anchor}>{heading}</h3>\n{draw_rule(rule)}")
    rows = [
        f'<tr id="{name}"><td><code>{name}</code><td><code>{escape(" | ".join(regexes))}</code>'
        for name, regexes in read_terminals(text).items()
    ]
    if rows:
        parts.append("<table>\n" + "\n".join(rows) + "\n</table>")
    return "\n".join(parts)


def write_page() -> str:
    """The text of docs/grammar.html."""
    statements = [p for p in list_files() if p.parent != GRAMMAR]
    others = [p for p in list_files() if p.parent == GRAMMAR]
    sections = "\n".join(write_section(path) for path in (*statements, *others))
    return (
        "<!doctype html>\n<!-- Generated by grammar/generate.py from grammar/. -->\n"
        '<html lang="en"><meta charset="utf-8"><title>The grammar of streamsql</title>\n'
        f"<style>\n{STYLE}\n</style>\n<h1>The grammar of streamsql</h1>\n"
        "<p>Words in rounded boxes stand in a statement as they are, in any case; names in square "
        "boxes are rules.</p>\n"
        f"{sections}\n</html>\n"
    )
