"""Reads the grammar: the .lark files in one text, with what the keyword lists give.

Lark imports rules under new names, so the files are joined instead. `strict` leaves out what goes
beyond ksqlDB.
"""

from __future__ import annotations

from pathlib import Path

GRAMMAR = Path(__file__).resolve().parent

BEYOND = (
    "beyond.lark",
    "statements/run_script.lark",
    "statements/asserting_records.lark",
    "statements/backup.lark",
    "statements/wait.lark",
)
"""The files that strict mode does not have."""


def read_keywords(name: str) -> list[str]:
    """The words of keywords/<name>.txt (reserved, nonreserved), in order."""
    return (GRAMMAR / "keywords" / f"{name}.txt").read_text().split()


def list_files(*, strict: bool = False) -> list[Path]:
    """The files of the grammar in the order of reading: the rules that others extend come first."""
    first = ["script.lark", "lexical.lark", "types.lark", "expressions.lark"]
    names = [GRAMMAR / name for name in first]
    statements = sorted((GRAMMAR / "statements").glob("*.lark"))
    # beyond.lark extends rules of statements, so it is last.
    files = [*names, *statements, GRAMMAR / "beyond.lark"]
    left_out = {GRAMMAR / name for name in BEYOND} if strict else set[Path]()
    return [path for path in files if path not in left_out]


def read_grammar(*, strict: bool = False) -> str:
    """The grammar as one text for Lark; its start rule is `start`."""
    parts = [path.read_text() for path in list_files(strict=strict)]
    reserved = "|".join(read_keywords("reserved"))
    words = "\n           | ".join(f'"{word}"' for word in read_keywords("nonreserved"))
    parts.append(f"IDENTIFIER: /(?!(?:{reserved})(?![A-Z0-9_@]))[A-Z_][A-Z0-9_@]*/\n")
    parts.append(f"nonreserved: {words}\n")
    return "\n".join(parts)
