"""The first screen: version, database, where to read on, and statements to type."""

from __future__ import annotations

from collections.abc import Iterator

from streamsql.session.names import Names
from streamsql.shell.command import COMMANDS

__all__ = ["banner_lines", "help_lines"]

DOCS = "https://docs.ksqldb.io/en/latest/reference/"
"""The SQL is ksqlDB's; what differs is in README.md."""

_BEGIN = (
    "CREATE STREAM readings (sensor STRING KEY, celsius DOUBLE)\n"
    "  WITH (kafka_topic='readings', value_format='json', partitions=1);",
    "INSERT INTO readings VALUES ('hall', 21.5);",
    "SELECT sensor, celsius * 1.8 + 32 AS f FROM readings EMIT CHANGES LIMIT 1;",
)


def database_name(path: str) -> str:
    """What a database is called on the screen."""
    return f"database {path}" if path else "in memory: nothing is kept when you leave"


def banner_lines(version: str, path: str, names: Names) -> Iterator[str]:
    """What a person sees first."""
    yield f"streamsql {version}, {database_name(path)}"
    if names.sources or names.queries:
        yield f"{_counted(names)}; the queries run while this is open."
    yield f"SQL reference: {DOCS}"
    yield "Statements end with a semicolon; help lists commands, Ctrl-D ends. Try:"
    yield ""
    for statement in examples(names):
        yield from (f"  {line}" for line in statement.split("\n"))
    yield ""


def _counted(names: Names) -> str:
    kinds = [source.kind for source in names.sources.values()]
    counts = (
        (kinds.count("STREAM"), "stream", "streams"),
        (kinds.count("TABLE"), "table", "tables"),
        (len(names.queries), "query", "queries"),
    )
    return ", ".join(f"{n} {one if n == 1 else many}" for n, one, many in counts)


def examples(names: Names) -> tuple[str, ...]:
    """Three statements to type: over what is there, or to begin with."""
    tables = [name for name, s in names.sources.items() if s.kind == "TABLE"]
    streams = [name for name, s in names.sources.items() if s.kind == "STREAM"]
    if not streams and not tables:
        return _BEGIN
    # The last one made says most: what is made first is usually what is read.
    name = spell((tables or streams)[-1])
    push = spell((streams or tables)[-1])
    return (
        "SHOW QUERIES;" if names.queries else "SHOW STREAMS;",
        f"SELECT * FROM {name} LIMIT 5;",
        f"SELECT * FROM {push} EMIT CHANGES LIMIT 5;",
    )


def spell(name: str) -> str:
    """A name as it is typed: in backticks where it would be read as another."""
    plain = name.isascii() and name.isidentifier() and name == name.upper()
    return name if plain else f"`{name.replace('`', '``')}`"


def help_lines() -> Iterator[str]:
    """The commands and the statements to begin with."""
    yield "Commands, without a semicolon:"
    for command in COMMANDS:
        if command.usage:
            yield f"  {command.usage:29} {command.doc}"
    yield ""
    yield "Keys:"
    for key, doc in (
        ("Tab", "complete"),
        ("Esc Enter", "a new line, also behind a semicolon"),
        ("Ctrl-R", "search what was typed before"),
        ("Ctrl-C", "clear the line; stop a running SELECT"),
    ):
        yield f"  {key:29} {doc}"
    yield ""
    yield "Statements, with a semicolon, for example:"
    for statement, doc in (
        ("SHOW STREAMS; SHOW TABLES;", "what there is; also TOPICS, QUERIES, FUNCTIONS"),
        ("DESCRIBE name EXTENDED;", "columns, formats, topic, queries"),
        ("DESCRIBE FUNCTION name;", "how a function is called"),
        ("EXPLAIN SELECT …;", "how a query is executed"),
        ("TERMINATE query;", "end a persistent query"),
    ):
        yield f"  {statement:29} {doc}"
    yield ""
    yield f"SQL reference: {DOCS}"
