"""The rooms: who may import whom, and what the pure ones may not touch (laws 1 and 2).

The checks are functions of source text: `Sources` maps a module's name to its text, a check gives
one line per violation. Each check is shown to fail on a text that breaks it, then holds for the
package as it is. The rooms are described in streamsql/README.md.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "streamsql"

Sources = Mapping[str, str]

ROOMS: dict[str, tuple[str, ...]] = {
    "schema": (),
    "brokers": ("schema.murmur2", "schema.duck", "schema.arrow_view"),
    "registry": ("schema.registered",),
    "sql": ("schema",),
    "functions": ("schema",),
    "formats": ("schema",),
    "engine": ("schema",),
    "catalog": ("schema",),
    "operators": ("schema", "functions", "formats", "engine.plan"),
    "plan": ("sql", "schema", "functions", "formats", "catalog", "operators", "engine.plan"),
    "runtime": ("schema", "brokers", "engine", "catalog"),
    "connect": ("schema", "brokers", "formats"),
    "session": (
        *("schema", "brokers", "registry", "sql", "functions", "formats", "catalog", "plan"),
        *("runtime", "connect", "engine.plan"),
    ),
    "cli": ("session", "shell", "server", "testing"),
    "shell": ("session",),
    "notebook": ("session",),
    "server": ("session",),
    "testing": ("*",),
}
"""What each room may import beside itself and FREE, in the order in which data flows.

A room with a dot is one module: `operators` and `plan` build the engine's plan and never see a
connection; a broker places keys as Kafka does, quotes names as DuckDB does, and knows no types; a
registry moves schemas as texts. The command line starts the other doors.
"""

FREE = ("errors", "config")
TOP = {
    "errors": (),
    "config": ("errors",),
    "": ("errors", "config", "session", "server"),
    "__main__": ("cli",),
}
"""Modules beside the rooms; "" is the package itself."""

DOORS = ("cli", "shell", "notebook", "server")
PURE = ("schema", "sql", "functions", "formats", "engine", "catalog", "operators", "plan")

THIRD_PARTIES: dict[str, tuple[str, ...]] = {
    "aiohttp": ("server.*",),
    "aiokafka": ("brokers.kafka*",),
    "click": ("cli.*",),
    "cramjam": ("brokers.kafka*",),
    "google_crc32c": ("brokers.kafka*",),
    "duckdb": ("engine.*", "brokers.embedded*", "registry.embedded", "registry.opening"),
    "msgspec": ("formats.msgpack",),
    "numpy": (
        *("schema.murmur2", "schema.row_bytes", "brokers.*", "formats.*"),
        *("operators.kernels.*", "engine.step", "engine.changelog", "engine.reading"),
    ),
    "prompt_toolkit": ("shell.*",),
    "pyarrow": (
        *("schema.*", "brokers.*", "functions.*", "formats.*", "engine.*", "operators.*"),
        *("runtime.*", "connect.*", "session.*", "notebook.*", "server.*", "testing.*"),
    ),
    "proto_schema_parser": ("formats.proto_schema",),
    "pygments": ("shell.*", "notebook.*"),
    "rich": ("cli.*", "shell.*", "notebook.*"),
    "sqlglot": ("sql.*",),
    "urllib3": ("registry.confluent*",),
}
"""Where a package from PyPI may be imported, as patterns of modules; `cli.*` holds `cli` too."""

LAZY: dict[str, tuple[str, ...]] = {
    "": ("streamsql.session*", "streamsql.server*"),
    **dict.fromkeys(DOORS, ("*",)),
    "brokers": ("aiokafka*", "streamsql.brokers.kafka*"),
    "formats": ("msgspec*", "proto_schema_parser*"),
    "registry": ("streamsql.registry.confluent*",),
    "session": ("streamsql.brokers.kafka*",),
}
"""What may be imported inside a function: doors start fast, and most engines never need Kafka."""

IMPURE_MODULES = frozenset(
    "_thread asyncio concurrent http logging multiprocessing os queue random sched secrets select "
    "selectors signal socket ssl subprocess threading time urllib.request uuid".split()
)
IMPURE_CALLS = frozenset({"print", "input", "breakpoint"})
IMPURE_ATTRIBUTES = frozenset(
    {
        *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
        *("np.random", "numpy.random", "sys.stdout", "sys.stderr", "sys.stdin", "sys.argv"),
    }
)
IMPURE_SQL = re.compile(
    r"(?<![\w.])(?:(?:now|random|setseed|uuid|uuidv4|uuidv7|gen_random_uuid|today"
    r"|current_date|current_timestamp"
    r"|get_current_time|get_current_timestamp|current_localtime|current_localtimestamp|getenv)\s*\("
    r"|CURRENT_TIMESTAMP|CURRENT_DATE|CURRENT_TIME)"
)
"""What DuckDB would take from its own clock or dice; ksqlDB's names are in capitals and pass."""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: `lazy` inside a function."""

    importer: str
    target: str
    line: int
    lazy: bool

    @property
    def where(self) -> str:
        return f"{self.importer}:{self.line}"


def short(module: str) -> str:
    """A module's name inside the package: of `streamsql.sql.expr` it is `sql.expr`."""
    return module.removeprefix(PACKAGE).removeprefix(".")


def room_of(module: str) -> str:
    """The room, or the module beside the rooms."""
    return short(module).split(".")[0]


def matches(module: str, patterns: tuple[str, ...]) -> bool:
    """True where the name fits a pattern; `sql.*` holds `sql` too."""
    return any(fnmatchcase(module, p) or p == f"{module}.*" for p in patterns)


@cache
def imports_of(importer: str, source: str, modules: frozenset[str]) -> tuple[Import, ...]:
    """What a module imports: `from a import b` is `a.b` where that is a module, else `a`. Every
    check asks for it."""

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            for target in _targets(child, importer, modules):
                yield Import(importer, target, getattr(child, "lineno", 0), lazy)
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from visit(child, lazy or is_function)

    return tuple(visit(ast.parse(source), False))


def _targets(node: ast.AST, importer: str, modules: frozenset[str]) -> list[str]:
    match node:
        case ast.Import(names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module, names, level):
            base = _absolute(importer, module or "", level or 0, modules)
            full = [f"{base}.{alias.name}" for alias in names]
            return [name if name in modules else base for name in full]
        case ast.Call(
            ast.Name("__import__" | "import_module") | ast.Attribute(_, "import_module"),
            [ast.Constant(str() as name), *_],
        ):
            return [name]
        case ast.Call(ast.Name("__import__" | "import_module") | ast.Attribute(_, "import_module")):
            return ["?"]
        case _:
            return []


def _absolute(importer: str, module: str, level: int, modules: frozenset[str]) -> str:
    if level == 0:
        return module
    is_package = any(m.startswith(f"{importer}.") for m in modules)
    parts = importer.split(".")
    base = parts[: len(parts) - level + is_package]
    return ".".join([*base, module] if module else base)


def all_imports(sources: Sources) -> list[Import]:
    modules = frozenset(sources)
    return [i for name, source in sources.items() for i in imports_of(name, source, modules)]


def is_ours(target: str) -> bool:
    return target == PACKAGE or target.startswith(f"{PACKAGE}.")


def check_rooms(sources: Sources) -> list[str]:
    """Law 1: a room imports only what its row of ROOMS allows; `testing` is the command line's."""
    found = []
    for i in all_imports(sources):
        if not is_ours(i.target):
            continue
        room, other = room_of(i.importer), room_of(i.target)
        allowed = TOP[room] if room in TOP else ROOMS.get(room)
        if allowed is None:
            found.append(f"{i.where}: {room} is no room")
        elif not _may_import(room, other, short(i.target), allowed):
            found.append(f"{i.where}: {room or PACKAGE} may not import {i.target}")
    return found


def _may_import(room: str, other: str, target: str, allowed: tuple[str, ...]) -> bool:
    if other == room:
        return True
    if room not in TOP and other in FREE:
        return True
    return other in allowed or target in allowed or "*" in allowed


def check_cycles(sources: Sources) -> list[str]:
    """Law 1: no module leads back to itself, whether its imports are deferred or not."""
    graph: dict[str, list[str]] = {name: [] for name in sources}
    for i in all_imports(sources):
        if i.target in graph and i.target != i.importer:
            graph[i.importer].append(i.target)
    done: set[str] = set()
    found: list[str] = []

    def walk(node: str, path: tuple[str, ...]) -> None:
        if node in path:
            found.append(" -> ".join((*path[path.index(node) :], node)))
        elif node not in done:
            for target in graph[node]:
                walk(target, (*path, node))
            done.add(node)

    for name in graph:
        walk(name, ())
    return found


def check_third_parties(sources: Sources) -> list[str]:
    """Law 1: a package from outside is imported where THIRD_PARTIES says, and nowhere else."""
    found = []
    for i in all_imports(sources):
        name = i.target.split(".")[0]
        if is_ours(i.target) or name in sys.stdlib_module_names or name == "?":
            continue
        if not matches(short(i.importer), THIRD_PARTIES.get(name, ())):
            found.append(f"{i.where}: {name} may not be imported here")
    return found


def check_deferred(sources: Sources) -> list[str]:
    """Law 1: imports stand at the head, so that none hides a cycle; what LAZY names may wait."""
    return [
        f"{i.where}: {i.target} is imported inside a function"
        for i in all_imports(sources)
        if i.lazy and not matches(i.target, LAZY.get(room_of(i.importer), ()))
    ]


def check_purity(sources: Sources) -> list[str]:
    """Law 2: the pure rooms, and the SQL they write, touch nothing but their arguments."""
    found = []
    for i in all_imports(sources):
        if room_of(i.importer) in PURE and _is_impure(i.target):
            found.append(f"{i.where}: {i.target} is impure")
    for name, source in sources.items():
        if room_of(name) in PURE:
            found += [f"{name}:{line}: {what} is impure" for line, what in _impure_uses(source)]
    return found


def _is_impure(target: str) -> bool:
    return any(target == m or target.startswith(f"{m}.") for m in IMPURE_MODULES)


def _impure_uses(source: str) -> Iterator[tuple[int, str]]:
    tree = ast.parse(source)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Name(name)) if name in IMPURE_CALLS:
                yield node.lineno, name
            case ast.Attribute(ast.Name(owner) | ast.Attribute(_, owner), name):
                if f"{owner}.{name}" in IMPURE_ATTRIBUTES:
                    yield node.lineno, f"{owner}.{name}"
            case ast.Constant(str() as text) if id(node) not in docs:
                if hit := IMPURE_SQL.search(text):
                    yield node.lineno, f"SQL with {hit[0]}"
            case _:
                pass


def check_known(sources: Sources) -> list[str]:
    """Every module stands in a room of the map or beside them."""
    names = {room_of(name) for name in sources}
    return [f"{name} is no room of the map" for name in sorted(names - set(ROOMS) - set(TOP))]


CHECKS = (check_rooms, check_cycles, check_third_parties, check_deferred, check_purity, check_known)


@cache
def package() -> Sources:
    """The package as it is."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path.read_text(encoding="utf-8")
    return found


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_the_package_keeps_the_law(check):
    found = check(package())
    assert not found, "\n".join(found)


def sources(**texts: str) -> Sources:
    """Modules by their names inside the package, `__` for a dot."""
    return {f"{PACKAGE}.{name.replace('__', '.')}": text for name, text in texts.items()}


BROKEN = {
    "a room below": (check_rooms, sources(schema__types="import streamsql.sql.expr", sql__expr="")),
    "from a room below": (check_rooms, sources(schema="from streamsql import sql", sql="")),
    "a name of a room below": (check_rooms, sources(sql__a="from streamsql.plan.build import f")),
    "relative": (check_rooms, sources(sql__a="from ..plan import build", plan__build="")),
    "for types only": (
        check_rooms,
        sources(catalog__a="if TYPE_CHECKING:\n    from streamsql.sql.expr import Expr"),
    ),
    "inside a function": (check_rooms, sources(sql__a="def f():\n    import streamsql.plan.build")),
    "by name": (
        check_rooms,
        sources(sql__a="import importlib\nimportlib.import_module('streamsql.plan.build')"),
    ),
    "a broker that knows types": (check_rooms, sources(brokers__a="import streamsql.schema.types")),
    "the engine's inside": (check_rooms, sources(operators__a="import streamsql.engine.step")),
    "the engine's room": (check_rooms, sources(plan__a="from streamsql.engine import Task")),
    "the bench": (check_rooms, sources(shell__app="import streamsql.testing.driver")),
    "a door in the core": (check_rooms, sources(session__a="import streamsql.server.app")),
    "a door's back door": (check_rooms, sources(server__app="import streamsql.engine.step")),
    "errors that know more": (check_rooms, sources(errors="import streamsql.schema.types")),
    "the package that knows more": (check_rooms, {PACKAGE: "import streamsql.engine.step"}),
    "two modules": (
        check_cycles,
        sources(sql__a="import streamsql.sql.b", sql__b="from streamsql.sql import a"),
    ),
    "three modules": (
        check_cycles,
        sources(
            sql__a="from streamsql.sql.b import x",
            sql__b="def f():\n    from streamsql.sql.c import y",
            sql__c="from . import a",
        ),
    ),
    "a room through its own face": (
        check_cycles,
        {
            "streamsql.sql": "from streamsql.sql.a import x",
            "streamsql.sql.a": "import streamsql.sql",
        },
    ),
    "sqlglot": (check_third_parties, sources(plan__a="import sqlglot.expressions as exp")),
    "duckdb": (check_third_parties, sources(functions__a="from duckdb import connect")),
    "duckdb in the memory log": (check_third_parties, sources(brokers__memory="import duckdb")),
    "aiokafka": (check_third_parties, sources(brokers__log="import aiokafka")),
    "numpy": (check_third_parties, sources(operators__aggregate="import numpy as np")),
    "one nobody knows": (check_third_parties, sources(cli__app="import requests")),
    "deferred": (check_deferred, sources(plan__a="def f():\n    import streamsql.sql.expr")),
    "deferred in a method": (
        check_deferred,
        sources(session__a="class A:\n    def f(self):\n        from streamsql.plan import build"),
    ),
    "deferred by a name's name": (
        check_deferred,
        sources(sql__a="from importlib import import_module\ndef f(n):\n    import_module(n)"),
    ),
    "deferred by name": (
        check_deferred,
        sources(formats__a="import importlib\ndef f(n):\n    return importlib.import_module(n)"),
    ),
    "not aiokafka": (check_deferred, sources(brokers__log="def f():\n    import duckdb")),
    "clock": (check_purity, sources(engine__a="import time")),
    "sleep": (check_purity, sources(engine__a="from time import sleep")),
    "date": (check_purity, sources(functions__a="import datetime\nx = datetime.datetime.now()")),
    "today": (check_purity, sources(functions__a="from datetime import date\nx = date.today()")),
    "dice": (check_purity, sources(functions__a="import random")),
    "numpy's dice": (check_purity, sources(formats__a="import numpy as np\nnp.random.rand()")),
    "ids": (check_purity, sources(catalog__a="import uuid")),
    "environment": (check_purity, sources(sql__a="from os import environ")),
    "sockets": (check_purity, sources(formats__a="import urllib.request")),
    "threads": (check_purity, sources(operators__a="import threading")),
    "a loop": (check_purity, sources(plan__a="import asyncio")),
    "print": (check_purity, sources(schema__a="print(1)")),
    "DuckDB's clock": (check_purity, sources(functions__a="SQL = 'SELECT now() AS x'")),
    "DuckDB's dice": (
        check_purity,
        sources(functions__a="def f(a):\n    return f'{a} + random()'"),
    ),
    "a room off the map": (check_known, sources(utilities__a="")),
}


@pytest.mark.parametrize(("check", "broken"), BROKEN.values(), ids=BROKEN)
def test_a_broken_law_is_seen(check, broken):
    assert len(check(broken)) == 1


KEPT = {
    "the row above": sources(sql__a="from streamsql.schema.types import SqlType"),
    "errors": sources(brokers__a="from streamsql.errors import LogError"),
    "a broker's placement": sources(brokers__a="from streamsql.schema.murmur2 import murmur2"),
    "the engine's plan": sources(operators__a="from streamsql.engine.plan import StateTable"),
    "a door that is late": sources(cli__app="def f():\n    import streamsql.testing.driver"),
    "aiokafka that is late": sources(brokers__kafka="def f():\n    import aiokafka.record"),
    "kernels": sources(operators__kernels__fold="import numpy as np"),
    "a clock in the loop": sources(runtime__loop="import time\nimport asyncio"),
    "the package": {PACKAGE: "def connect():\n    from streamsql.session.session import Session"},
    "ksqlDB's clock": sources(functions__a="NAME = 'UNIX_TIMESTAMP()'\nX = 'RANDOM()'"),
    "words in a docstring": sources(engine__a='"""Never calls now() or random()."""'),
    "a date that is given": sources(functions__a="from datetime import date\nx = date(2020, 1, 1)"),
}


@pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)
def test_what_is_allowed_passes(kept):
    assert [line for check in CHECKS for line in check(kept)] == []


def map_rooms(text: str) -> list[tuple[str, str, str]]:
    """The rooms of a map in their order: name, what its heading adds, invariant or nothing."""
    parts = re.split(r"^### `(\w+)/`(.*)$", text, flags=re.MULTILINE)[1:]
    rooms = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    invariant = re.compile(r"^\*Invariant\*: (.+)$", re.MULTILINE)
    return [
        (name, note, m[1] if (m := invariant.search(body)) else "") for name, note, body in rooms
    ]


def test_the_map_is_in_the_order_of_the_data_and_true():
    rooms = map_rooms((ROOT / PACKAGE / "README.md").read_text(encoding="utf-8"))
    built = {room_of(name) for name in package()}
    assert [name for name, _, _ in rooms] == list(ROOMS)
    assert [name for name, _, invariant in rooms if not invariant] == []
    assert {name for name, note, _ in rooms if "not built yet" in note} == set(ROOMS) - built
    assert {name for name, note, _ in rooms if "pure" in note} == set(PURE)


def test_a_map_without_an_invariant_is_seen():
    text = "### `sql/` · pure\nText.\n\n*Invariant*: one.\n\n### `cli/`\nText.\n"
    assert map_rooms(text) == [("sql", " · pure", "one."), ("cli", "", "")]


def test_the_type_checker_sees_every_pure_room():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    beside = {f"{PACKAGE}/{name}.py" for name in FREE}
    assert set(settings["tool"]["pyright"]["include"]) == beside | {f"{PACKAGE}/{r}" for r in PURE}
    assert settings["tool"]["pyright"]["typeCheckingMode"] == "strict"


def test_the_requirements_are_the_third_parties():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    required = {re.match(r"[\w-]+", line)[0] for line in settings["project"]["dependencies"]}
    assert {name.replace("-", "_") for name in required} == set(THIRD_PARTIES)
