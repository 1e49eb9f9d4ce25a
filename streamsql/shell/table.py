"""Rows as a table of text: `Layout` fixes the columns' widths once, then every row is some lines.

A table whose columns do not fit into the terminal even when they wrap is written as records, one
line a value. Numbers stand on the right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from streamsql.shell.cells import cut, pad, width_of, wrap

__all__ = ["Layout", "Style", "lay_out", "record_lines", "table_lines"]

COLUMN_MIN = 8
"""Cells below which a column that wraps cannot be read."""
RULE = 40
"""Cells of the line above a record."""
NUMBER_MAX = 24
"""Cells up to which a number is kept in one line before texts are."""
_NUMBERS = ("INTEGER", "BIGINT", "DOUBLE", "DECIMAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How tables look. `width`: cells of the terminal, None where nothing limits it.

    `column_width`: every column has it, 0 for as wide as needed. `wrap`: long values take more
    lines; else they are cut. `ascii`: lines are drawn with ASCII.
    """

    width: int | None = None
    column_width: int = 0
    wrap: bool = True
    ascii: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The columns of a table that is being written. `widths` None: as records."""

    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    widths: tuple[int, ...] | None
    style: Style

    def head(self) -> list[str]:
        """The names of the columns and a line under them."""
        if self.widths is None:
            return []
        names = self._cells(self.columns, self.numeric)
        dash, cross = ("-", "+") if self.style.ascii else ("─", "┼")
        return [*names, cross.join(dash * (w + 2) for w in self.widths)]

    def row(self, cells: Sequence[str], number: int) -> list[str]:
        """The lines of a row; `number` from 1 is shown where rows are records."""
        if self.widths is None:
            return self._record(cells, number)
        return self._cells(cells, self.numeric)

    def _cells(self, cells: Sequence[str], right: Sequence[bool]) -> list[str]:
        if self.widths is None:
            raise AssertionError("records have no cells")
        bar = " | " if self.style.ascii else " │ "
        if all(c.isascii() and len(c) <= w for c, w in zip(cells, self.widths, strict=True)):
            plain = zip(cells, self.widths, right, strict=True)
            line = bar.join(c.rjust(w) if r else c.ljust(w) for c, w, r in plain)
            if "\n" not in line:
                return [f" {line}".rstrip()]
        columns = [self._fit(c, w) for c, w in zip(cells, self.widths, strict=True)]
        height = max(len(lines) for lines in columns)
        out: list[str] = []
        for i in range(height):
            parts = [
                pad(lines[i] if i < len(lines) else "", w, right=r)
                for lines, w, r in zip(columns, self.widths, right, strict=True)
            ]
            out.append(f" {bar.join(parts)}".rstrip())
        return out

    def _fit(self, cell: str, width: int) -> list[str]:
        if self.style.width is None and not self.style.column_width:
            return cell.split("\n")
        return wrap(cell, width) if self.style.wrap else [cut(cell, width)]

    def _record(self, cells: Sequence[str], number: int) -> list[str]:
        dash = "-" if self.style.ascii else "─"
        lines = list(record_lines(self.columns, cells, self.style))
        title = f"{dash} {number} "
        return [title + dash * (min(self.style.width or RULE, RULE) - len(title)), *lines]


def record_lines(names: Sequence[str], cells: Sequence[str], style: Style) -> Iterator[str]:
    """Names with their values, one below the other."""
    bar = "|" if style.ascii else "│"
    width = style.width or 10_000
    column = min(max(width_of(n) for n in names), max(COLUMN_MIN, width // 2))
    room = max(COLUMN_MIN, width - column - 3)
    for name, cell in zip(names, cells, strict=True):
        shown = cut(name, column)
        for line in wrap(cell, room) if style.wrap else [cut(cell, room)]:
            yield f"{pad(shown, column)} {bar} {line}".rstrip()
            shown = ""


def lay_out(
    columns: Sequence[str], types: Sequence[str], rows: Iterable[Sequence[str]], style: Style
) -> Layout:
    """The layout in which `rows` are shown best; later rows have to do with its widths."""
    numeric = tuple(t.startswith(_NUMBERS) for t in types)
    values = [1] * len(columns)
    for row in rows:
        values = [max(n, _width(cell)) for n, cell in zip(values, row, strict=True)]
    if style.column_width:
        widths: tuple[int, ...] | None = (style.column_width,) * len(columns)
    else:
        widths = _fit_widths(columns, values, numeric, style.width)
    return Layout(columns=tuple(columns), numeric=numeric, widths=widths, style=style)


def _width(cell: str) -> int:
    if cell.isprintable() and cell.isascii():
        return max(1, len(cell))
    return max(1, *(width_of(line) for line in cell.split("\n")))


def _fit_widths(
    columns: Sequence[str], values: Sequence[int], numeric: Sequence[bool], width: int | None
) -> tuple[int, ...] | None:
    """Widths that together fit; None where no column could be read then.

    Names give way first: at spaces, then anywhere. Then texts take more lines; numbers never do.
    """
    whole = tuple(max(v, _width(c)) for c, v in zip(columns, values, strict=True))
    room = (width or 0) - 3 * len(columns) + 1
    if width is None or sum(whole) <= room:
        return whole
    words = [max(map(_width, c.split()), default=1) for c in columns]
    at_spaces = tuple(max(v, w) for v, w in zip(values, words, strict=True))
    if sum(at_spaces) <= room:
        return at_spaces
    natural = [max(v, min(w, COLUMN_MIN)) for v, w in zip(values, words, strict=True)]
    kept = [r and n <= NUMBER_MAX for n, r in zip(natural, numeric, strict=True)]
    others = [n for n, k in zip(natural, kept, strict=True) if not k]
    cap = _cap(others, room - sum(natural) + sum(others))
    if others and cap < COLUMN_MIN:
        return None
    fitted = tuple(n if k else min(n, cap) for n, k in zip(natural, kept, strict=True))
    return fitted if sum(fitted) <= room else None


def _cap(natural: Sequence[int], room: int) -> int:
    """The largest width that all columns may have so that they fit into `room`."""
    for index, n in enumerate(sorted(natural)):
        share = room // (len(natural) - index)
        if n > share:
            return share
        room -= n
    return max(natural, default=0)


def table_lines(
    columns: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[str]], style: Style
) -> Iterator[str]:
    """A finished table, line by line."""
    layout = lay_out(columns, types, rows, style)
    yield from layout.head()
    for number, row in enumerate(rows, 1):
        yield from layout.row(row, number)
