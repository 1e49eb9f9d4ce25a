"""How the code looks, as far as a program can judge: sizes, names, leftovers, SQL in strings.

A check takes a file's path in the checkout and its text, and gives one line per violation. Each is
shown to fail on a text that breaks it, then holds for the checkout as it is. A limit that makes a
text worse is lifted here, for that file and with a reason.
"""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FILE_LINES_MAX = 600
TABLE_LINES_MAX = 1000
FUNCTION_LINES_MAX = 60
CLASS_METHODS_MAX = 20
POSITIONAL_MAX = 5
LINE_MAX = 100

DATA_TABLES: frozenset[str] = frozenset()
"""Files that are tables of rows, not code: up to TABLE_LINES_MAX."""

QUOTING = "streamsql/schema/duck.py"
DUCKDB_SPEAKERS = ("brokers", "engine", "formats", "functions", "operators", "plan", "runtime")
"""Rooms whose SQL is DuckDB's; elsewhere it is users', which has no ORDER BY."""
EMPTY_NAMES = frozenset("base common factory helper impl manager misc util".split())
TEXT_SUFFIXES = frozenset({"", ".cfg", ".lark", ".md", ".py", ".sh", ".sql", ".toml", ".txt"})
GENERATED_FOLDERS = frozenset({"__pycache__", "build", "dist", "node_modules", "results"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parsed(text: str) -> ast.Module:
    """The tree of a file."""
    return ast.parse(text)


@cache
def nodes(text: str) -> tuple[ast.AST, ...]:
    """All that stands in the tree of a file, which every check goes through."""
    return tuple(ast.walk(parsed(text)))


# Sizes


def check_file_size(path: str, text: str) -> list[str]:
    """A file is one idea."""
    limit = TABLE_LINES_MAX if path in DATA_TABLES else FILE_LINES_MAX
    lines = len(text.splitlines())
    return [f"{path}: {lines} lines, {limit} are allowed"] if lines > limit else []


def check_function_size(path: str, text: str) -> list[str]:
    """Lines of code: without docstring, comments and blank lines."""
    lines = text.splitlines()
    sizes = [(node, _code_lines(node, lines)) for node in _functions(text)]
    return [
        f"{path}:{node.lineno}: {node.name} has {size} lines, {FUNCTION_LINES_MAX} are allowed"
        for node, size in sizes
        if size > FUNCTION_LINES_MAX
    ]


def _functions(text: str) -> list[Function]:
    return [node for node in nodes(text) if isinstance(node, Function)]


def _code_lines(node: Function, lines: list[str]) -> int:
    numbers = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        numbers -= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return sum(1 for n in numbers if lines[n - 1].strip() and lines[n - 1].strip()[0] != "#")


def check_class_size(path: str, text: str) -> list[str]:
    """A class that does everything hides what it does."""
    found = []
    for node in nodes(text):
        if isinstance(node, ast.ClassDef):
            methods = sum(isinstance(child, Function) for child in node.body)
            if methods > CLASS_METHODS_MAX:
                found.append(f"{path}:{node.lineno}: {node.name} has {methods} methods")
    return found


def check_arguments(path: str, text: str) -> list[str]:
    """Past five positional arguments a call cannot be read; a test asks for fixtures by name."""
    found = []
    for node in _functions(text):
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        if count > POSITIONAL_MAX and not node.name.startswith("test_"):
            found.append(f"{path}:{node.lineno}: {node.name} has {count} positional arguments")
    return found


def check_line_length(path: str, text: str) -> list[str]:
    """Two files stand side by side on a screen."""
    return [
        f"{path}:{n}: {len(line)} characters"
        for n, line in enumerate(text.splitlines(), 1)
        if len(line) > LINE_MAX
    ]


# Names


def check_names(path: str, text: str) -> list[str]:
    """A module or class called after nothing collects everything."""
    found = [f"{path}: says nothing" for part in Path(path).parts if _is_empty(Path(part).stem)]
    for node in nodes(text):
        if isinstance(node, ast.ClassDef) and _is_empty(re.sub(r"(?<!^)(?=[A-Z])", "_", node.name)):
            found.append(f"{path}:{node.lineno}: {node.name} says nothing")
    return found


def _is_empty(name: str) -> bool:
    words = name.lower().split("_")
    return any(word in EMPTY_NAMES or word.removesuffix("s") in EMPTY_NAMES for word in words)


# Third parties


def check_third_parties(path: str, text: str) -> list[str]:
    """Nothing of others is patched; sqlglot's Parser, Generator and Expression are not subclassed.

    With sqlglot's compiled build a subclass of these raises TypeError.
    """
    imported = _imported(text)
    found = []
    for node in nodes(text):
        match node:
            case ast.ClassDef():
                bases = [_dotted(base, imported) for base in node.bases]
                if any(_is_sealed(base) for base in bases):
                    found.append(f"{path}:{node.lineno}: {node.name} subclasses {bases[0]}")
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found += [
                    f"{path}:{node.lineno}: {t} is patched" for t in _patched(targets, imported)
                ]
            case ast.Call(ast.Name("setattr"), [target, *_]):
                if (name := _dotted(target, imported)) and name.split(".")[0] in imported.values():
                    found.append(f"{path}:{node.lineno}: {name} is patched")
            case _:
                pass
    return found


def _imported(text: str) -> dict[str, str]:
    """Local names of what comes from elsewhere, with their full names."""
    found = {}
    for node in nodes(text):
        match node:
            case ast.Import(names):
                found |= {a.asname or a.name.split(".")[0]: a.name for a in names}
            case ast.ImportFrom(str() as module, names, 0):
                found |= {a.asname or a.name: f"{module}.{a.name}" for a in names}
            case _:
                pass
    return {k: v for k, v in found.items() if v.split(".")[0] != "streamsql"}


def _dotted(node: ast.AST, imported: dict[str, str]) -> str:
    match node:
        case ast.Name(name):
            return imported.get(name, "")
        case ast.Attribute(owner, name):
            base = _dotted(owner, imported)
            return base and f"{base}.{name}"
        case _:
            return ""


def _is_sealed(base: str) -> bool:
    parts = base.split(".")
    sealed = {"Parser", "Generator", "Expression", "exp", "expressions"}
    return parts[0] == "sqlglot" and bool(sealed & set(parts))


def _patched(targets: list[ast.expr], imported: dict[str, str]) -> list[str]:
    names = [_dotted(t, imported) for t in targets if isinstance(t, ast.Attribute)]
    return [name for name in names if name]


# Leftovers


def check_comments(path: str, text: str) -> list[str]:
    """No commented-out code, no work put off without the number of an issue."""
    found = []
    for line, comment in _comments(text):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b(?!.*#\d+)", comment):
            found.append(f"{path}:{line}: put off, and no issue has it")
        elif _is_code(comment):
            found.append(f"{path}:{line}: commented-out code")
    return found


def _comments(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("#!: ").rstrip()


def _is_code(comment: str) -> bool:
    """True for what Python reads as a statement that does something; words and names are prose."""
    if comment.endswith(":"):
        frames = ("{} 1", "if x: pass\n{} 1", "try: pass\n{} 1", "{} 1\nfinally: pass")
        return any(_statements(frame.replace("{}", comment)) for frame in frames)
    return any(_does_something(node) for node in _statements(comment))


def _statements(text: str) -> list[ast.stmt]:
    try:
        return parsed(text).body
    except (SyntaxError, ValueError):
        return []


def _does_something(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(ast.Call() | ast.Await() | ast.Yield()):
            return True
        case ast.Expr() | ast.AnnAssign(value=None):
            return False
        case _:
            return True


# SQL in strings


def check_order(path: str, text: str) -> list[str]:
    """Law 5: a text that gives rows ends in ORDER BY, where it stands whole in one string.

    Seen are texts handed to `execute`, `sql`, and `add` with a kernel: without one the step keeps a
    table. What is put together from several places is not seen (`tests/laws`). One row needs no
    order: no FROM, aggregates without GROUP BY, or a call of `fetchone`.
    """
    if not path.startswith(tuple(f"streamsql/{room}/" for room in DUCKDB_SPEAKERS)):
        return []
    single = {
        id(node.func.value)
        for node in nodes(text)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "fetchone"
    }
    found = []
    for node in nodes(text):
        match node:
            case ast.Call(
                ast.Attribute(_, "execute" | "sql" | "add" as call), [argument, *_], more
            ):
                given = call != "add" or any(word.arg == "kernel" for word in more)
                sql = _text_of(argument) if given else ""
                if id(node) not in single and sql and returns_unordered(sql):
                    found.append(f"{path}:{node.lineno}: rows without ORDER BY")
            case _:
                pass
    return found


def _text_of(node: ast.expr) -> str:
    """The text of a string or f-string, with a name where a value is put in; empty for others."""
    match node:
        case ast.Constant(str() as text):
            return text
        case ast.JoinedStr(values):
            return "".join(_text_of(v) if isinstance(v, ast.Constant) else "x" for v in values)
        case _:
            return ""


_QUERY = re.compile(r"(?:WITH\b.*?\)\s*)?(?P<verb>SELECT|FROM)\b(?P<rest>.*)", re.DOTALL)
_AGGREGATE = re.compile(
    r"(?:coalesce\()?(?:any_value|avg|bool_and|bool_or|count|list|max|min|sum)\("
)


def returns_unordered(sql: str) -> bool:
    """True for a SELECT of many rows without an ORDER BY of its own."""
    outer = _outermost(re.sub(r"'(?:[^']|'')*'", "''", sql)).strip()
    query = _QUERY.match(outer)
    if query is None or re.search(r"\bORDER BY\b", query["rest"]):
        return False
    if query["verb"] == "FROM":
        return True
    selected, source, rest = query["rest"].partition("FROM")
    items = [item.strip() for item in selected.split(",")]
    one_row = "GROUP BY" not in rest and all(_AGGREGATE.match(item) for item in items)
    return bool(source) and not one_row


def _outermost(sql: str) -> str:
    """The text without what stands in parentheses, which stay."""
    out, depth = [], 0
    for char in sql:
        depth -= char == ")"
        if depth == 0:
            out.append(char)
        depth += char == "("
    return "".join(out)


_SQL = re.compile(
    r"\b(?:SELECT|INSERT INTO|DELETE FROM|CREATE (?:TEMP )?TABLE|WHERE|JOIN|ORDER BY|GROUP BY)\b"
)


def check_quoting(path: str, text: str) -> list[str]:
    """Identifiers go through `quote`, values through parameters or `literal`, never by hand."""
    if path == QUOTING or not path.startswith("streamsql/"):
        return []
    found = []
    for node in nodes(text):
        match node:
            case ast.JoinedStr(values) if _SQL.search(_text_of(node)) and _hand_quoted(values):
                found.append(f"{path}:{node.lineno}: a value is quoted by hand in SQL")
            case ast.Call(ast.Attribute(_, "replace"), [ast.Constant('"'), ast.Constant('""')]):
                found.append(f"{path}:{node.lineno}: an identifier is quoted by hand")
            case _:
                pass
    return found


def _hand_quoted(values: list[ast.expr]) -> bool:
    texts = [v.value if isinstance(v, ast.Constant) else None for v in values]
    for before, value, after in zip(["", *texts], texts, [*texts[1:], ""], strict=False):
        beside = value is None and isinstance(before, str) and isinstance(after, str)
        if beside and any(before.endswith(q) and after.startswith(q) for q in "\"'"):
            return True
    return False


# Texts of every kind

_PIP = re.compile(r"pip3? install (?:-\S+ )*[\"']?streamsql(?!-engine)\b")
_MACHINE = re.compile(r"(?<![\w.])/(?:home|Users|root|work)/\w")


def check_text(path: str, text: str) -> list[str]:
    """No path of one machine, no command that would install another project of our name."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if _MACHINE.search(line):
            found.append(f"{path}:{number}: a path of one machine")
        if _PIP.search(line):
            found.append(f"{path}:{number}: installs another project: ours is streamsql-engine")
    return found


PYTHON_CHECKS = (
    *(check_file_size, check_function_size, check_class_size, check_arguments, check_line_length),
    *(check_names, check_third_parties, check_comments, check_order, check_quoting),
)


@cache
def files() -> dict[str, str]:
    """The texts of the checkout by their path in it, without what is generated or installed."""
    found = {}
    for folder, folders, names in os.walk(ROOT):
        # Not into .venv, which holds more files than all else.
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") or f == ".ci" if f not in GENERATED_FOLDERS
        )
        for path in (Path(folder, name) for name in sorted(names)):
            if not path.name.startswith(".") and path.suffix in TEXT_SUFFIXES:
                found[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
    return found


@pytest.mark.parametrize("check", PYTHON_CHECKS, ids=lambda c: c.__name__)
def test_the_code_is_tidy(check):
    found = [line for p, t in files().items() if p.endswith(".py") for line in check(p, t)]
    assert not found, "\n".join(found)


def test_the_texts_are_tidy():
    found = [line for path, text in files().items() for line in check_text(path, text)]
    assert not found, "\n".join(found)


def test_the_checks_see_the_checkout():
    assert {"Makefile", ".ci/run", "streamsql/errors.py", "tests/test_tidy.py"} <= set(files())


def test_exempt_tables_exist():
    assert set(files()) >= DATA_TABLES


def function(lines: int, head: str = "def f():") -> str:
    return "\n".join([head, *["    x = 1"] * lines])


A = "streamsql/engine/a.py"
BROKEN = {
    "a long file": (check_file_size, A, "x = 1\n" * 601),
    "a long function": (check_function_size, A, function(60)),
    "a long method": (
        check_function_size,
        A,
        "class A:\n  async def f(self):\n" + "    x = 1\n" * 60,
    ),
    "a big class": (check_class_size, A, "class A:\n" + "  def f(self): ...\n" * 21),
    "six arguments": (check_arguments, A, "def f(a, b, c, d, e, f): ..."),
    "six arguments of a method": (
        check_arguments,
        A,
        "class A:\n def f(self, a, b, c, d, e, f): ...",
    ),
    "a long line": (check_line_length, A, f"x = '{'y' * 100}'"),
    "utils": (check_names, "streamsql/sql/utils.py", ""),
    "a folder of helpers": (check_names, "streamsql/helpers/a.py", ""),
    "json_helper": (check_names, "tests/json_helper.py", ""),
    "a manager": (check_names, A, "class TopicManager: ..."),
    "a base": (check_names, A, "class BaseFormat: ..."),
    "a parser of sqlglot's": (
        check_third_parties,
        A,
        "from sqlglot.parser import Parser as P\nclass Mine(P): ...",
    ),
    "a generator of sqlglot's": (
        check_third_parties,
        A,
        "import sqlglot\nclass Mine(sqlglot.generator.Generator): ...",
    ),
    "an expression of sqlglot's": (
        check_third_parties,
        A,
        "from sqlglot import exp\nclass Mine(exp.Func): ...",
    ),
    "an expression by its module": (
        check_third_parties,
        A,
        "import sqlglot.expressions as e\nclass Mine(e.Binary): ...",
    ),
    "a patched module": (check_third_parties, A, "import aiokafka.client\naiokafka.client.X = 1"),
    "a patched class": (
        check_third_parties,
        A,
        "from duckdb import Connection as C\nC.close = None",
    ),
    "a class patched by name": (check_third_parties, A, "import rich\nsetattr(rich, 'print', 1)"),
    "an assignment in a comment": (check_comments, A, "# x = 1\n"),
    "a call in a comment": (check_comments, A, "y = 2  # print(y)\n"),
    "a return in a comment": (check_comments, A, "# return self.x\n"),
    "an import in a comment": (check_comments, A, "#from a import b\n"),
    "a condition in a comment": (check_comments, A, "# if x is None:\n"),
    "an else in a comment": (check_comments, A, "# else:\n"),
    "a try in a comment": (check_comments, A, "# try:\n"),
    "an except in a comment": (check_comments, A, "# except ValueError as e:\n"),
    "put off": (check_comments, A, "# TODO: later\n"),
    "put off with a number of nothing": (check_comments, A, "x = 1  # FIXME 12\n"),
    "rows": (check_order, A, "c.execute('SELECT a, b FROM t')"),
    "rows of a value": (
        check_order,
        A,
        "c.execute(f'SELECT {a} FROM {b} WHERE c = ?', [1]).fetchall()",
    ),
    "groups": (check_order, A, "builder.add('SELECT count(*) FROM t GROUP BY a', kernel=k)"),
    "an order inside": (check_order, A, "c.sql('SELECT a FROM (SELECT a FROM t ORDER BY a)')"),
    "a common table": (check_order, A, "c.sql('WITH x AS (SELECT 1) SELECT a FROM x')"),
    "a bare FROM": (check_order, A, "c.sql('FROM t')"),
    "an identifier quoted by hand": (check_quoting, A, "x = f'SELECT \"{a}\" FROM t'"),
    "a value quoted by hand": (check_quoting, A, "x = f\"SELECT a FROM t WHERE b = '{c}'\""),
    "a second quoting function": (check_quoting, A, "x = y.replace('\"', '\"\"')"),
    "a path of one machine": (check_text, "README.md", "see " + "/home" + "/me/streamsql"),
    "another project's name": (check_text, "README.md", "pip " + "install streamsql"),
    "another project's extra": (check_text, "README.md", "pip " + "install -U 'streamsql[demo]'"),
}


@pytest.mark.parametrize(("check", "path", "text"), BROKEN.values(), ids=BROKEN)
def test_what_is_untidy_is_seen(check, path, text):
    assert len(check(path, text)) == 1


KEPT = {
    "a file of the right size": (check_file_size, A, "x = 1\n" * 600),
    "a docstring has no size": (check_function_size, A, 'def f():\n  """\n' + "a\n" * 90 + '  """'),
    "comments have no size": (check_function_size, A, function(59) + "\n    # why" * 30),
    "keywords": (check_arguments, A, "def f(a, b, c, d, e, *, f, g): ..."),
    "fixtures": (check_arguments, A, "def test_f(a, b, c, d, e, f): ..."),
    "a database": (check_names, "streamsql/engine/database.py", "class Database: ..."),
    "a tokenizer": (
        check_third_parties,
        A,
        "from sqlglot.tokens import Tokenizer as T\nclass Mine(T): ...",
    ),
    "our own parser": (check_third_parties, A, "class Parser: ...\nclass Mine(Parser): ..."),
    "our own module": (check_third_parties, A, "from streamsql.sql import expr\nexpr.x = 1"),
    "prose": (
        check_comments,
        A,
        "# the state, before it is read: see operators\n# else\n# x: why\n",
    ),
    "put off to an issue": (check_comments, A, "# TODO: #12 reads it\n"),
    "users' SQL": (check_order, "examples/a.py", "c.execute('SELECT a FROM t')"),
    "an order": (check_order, A, "c.execute('SELECT a FROM t ORDER BY a LIMIT 3')"),
    "one row": (check_order, A, "c.execute('SELECT max(a), count(*) FROM t')"),
    "one row at once": (check_order, A, "c.execute('SELECT a FROM t WHERE b = ?').fetchone()"),
    "no row": (check_order, A, "c.execute('INSERT INTO t SELECT a FROM u')"),
    "a constant": (check_order, A, "c.execute('SELECT 1')"),
    "a set": (check_order, A, "taken.add('SELECT')"),
    "a table": (check_order, A, "builder.add('SELECT a FROM t')"),
    "a message": (check_quoting, A, "x = f'unknown column \"{a}\"'"),
    "a quoted name": (check_quoting, A, "x = f'SELECT {quote(a)} FROM t WHERE b = ?'"),
    "our name": (check_text, "README.md", "pip install 'streamsql-engine[demo]'"),
    "a path of every machine": (check_text, "README.md", "/usr/bin/env, a/home/b, ./work/x"),
}


@pytest.mark.parametrize(("check", "path", "text"), KEPT.values(), ids=KEPT)
def test_what_is_tidy_passes(check, path, text):
    assert check(path, text) == []
