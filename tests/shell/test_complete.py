"""What is offered where; `|` is the cursor."""

from __future__ import annotations

import pytest

from streamsql.session.names import Names, SourceNames
from streamsql.session.text import openings
from streamsql.shell.complete import Suggestion, suggest

NAMES = Names(
    sources={
        "ORDERS": SourceNames(
            kind="STREAM", columns=(("ID", "INTEGER"), ("AMOUNT", "DOUBLE"), ("aMixed", "STRING"))
        ),
        "USERS": SourceNames(kind="TABLE", columns=(("NAME", "STRING"),)),
        "my topic": SourceNames(kind="STREAM", columns=(("V", "BYTES"),)),
    },
    topics=("orders", "user's"),
    queries=("CSAS_X_1",),
    types=("ADDRESS",),
    variables=("env",),
    functions=("ABS", "AVG", "COUNT"),
    properties=("auto.offset.reset", "max.task.idle.ms"),
    options=("KAFKA_TOPIC", "KEY_FORMAT", "PARTITIONS"),
    formats=("JSON", "KAFKA"),
)


def offered(text: str) -> list[str]:
    cursor = text.index("|") if "|" in text else len(text)
    return [item.text for item in suggest(text.replace("|", "", 1), cursor, NAMES)]


EXACT = {
    "sources after FROM": ("SELECT * FROM ", ["ORDERS", "USERS", "`my topic`"]),
    "as they are typed": ("select * from o", ["orders"]),
    "a name that needs quotes": ("select * from my", ["`my topic`"]),
    "after JOIN": ("SELECT * FROM orders o JOIN us", ["users"]),
    "into": ("INSERT INTO ", ["ORDERS", "USERS", "`my topic`"]),
    "streams to drop": ("DROP STREAM ", ["ORDERS", "`my topic`", "IF EXISTS"]),
    "tables to drop": ("DROP TABLE IF EXISTS ", ["USERS"]),
    "columns once FROM is there": ("SELECT am| FROM orders", ["amount", "`aMixed`"]),
    "columns by alias": ("SELECT o.| FROM orders o", ["ID", "AMOUNT", "`aMixed`"]),
    "columns by AS": ("SELECT o.| FROM orders AS o", ["ID", "AMOUNT", "`aMixed`"]),
    "columns by name": ("SELECT orders.i| FROM orders", ["id"]),
    "columns of the other side": (
        "SELECT * FROM orders o JOIN users u ON o.id = u.",
        ["NAME"],
    ),
    "nothing of an unknown alias": ("SELECT x.| FROM orders o", []),
    "columns to insert into": ("INSERT INTO orders (", ["ID", "AMOUNT", "`aMixed`"]),
    "what a push query emits": ("SELECT * FROM orders EMIT ", ["CHANGES", "FINAL"]),
    "BY": ("SELECT * FROM orders GROUP ", ["BY"]),
    "queries": ("TERMINATE ", ["CSAS_X_1", "ALL"]),
    "topics": ("PRINT ", ["orders", "user's"]),
    "functions to describe": ("DESCRIBE FUNCTION a", ["abs", "avg"]),
    "variables": ("UNDEFINE ", ["env"]),
    "properties in quotes": ("SET 'au", ["auto.offset.reset'"]),
    "a property whose quote is closed": ("SET 'au|'='latest'", ["auto.offset.reset"]),
    "options": ("CREATE STREAM x (a INT) WITH (k", ["kafka_topic", "key_format"]),
    "the next option": (
        "CREATE STREAM x (a INT) WITH (kafka_topic='x', par",
        ["partitions"],
    ),
    "topics in quotes": ("CREATE STREAM x (a INT) WITH (kafka_topic='o", ["orders'"]),
    "formats": ("CREATE STREAM x (a INT) WITH (value_format='j", ["JSON'"]),
    "types of columns": ("CREATE STREAM x (a ADD", ["ADDRESS"]),
    "no name for a new column": ("CREATE STREAM x (a INT, ", []),
    "types of a cast": ("SELECT CAST(id AS ti", ["timestamp", "time"]),
    "names in backticks": ("SELECT * FROM `my", ["my topic`"]),
    "nothing in a text": ("SELECT 'sel", []),
    "nothing in a comment": ("-- sel", []),
    "nothing in a long comment": ("/* sel| */", []),
    "the query of a table": ("CREATE TABLE t AS ", ["SELECT"]),
    "a new statement": ("SELECT 1; desc", ["describe"]),
    "commands": ("his", ["history"]),
    "no commands behind a statement": ("SELECT 1; his", []),
    "words of a command": ("set cli ", ["WRAP", "COLUMN-WIDTH"]),
    "in the middle of a script": ("SHOW STREAMS; SELECT * FROM u| ; SHOW TABLES;", ["users"]),
}


@pytest.mark.parametrize(("text", "texts"), EXACT.values(), ids=EXACT)
def test_what_is_offered(text: str, texts: list[str]) -> None:
    assert offered(text) == texts


AMONG = {
    "functions with a parenthesis": ("SELECT co", {"count("}),
    "aliases": ("SELECT | FROM orders o", {"O", "ID", "CASE"}),
    "clauses after the source": ("SELECT * FROM orders ", {"WHERE", "GROUP BY", "EMIT CHANGES"}),
    "clauses after a condition": ("SELECT * FROM orders WHERE id = 1 ", {"AND", "EMIT CHANGES"}),
    "columns in a condition": ("SELECT * FROM orders WHERE ", {"ID", "AMOUNT"}),
    "columns in a function": ("SELECT ABS(| FROM orders", {"AMOUNT"}),
    "columns to group by": ("SELECT * FROM orders GROUP BY ", {"ID"}),
    "FROM after a star": ("SELECT * ", {"FROM"}),
    "pseudo columns": ("SELECT row| FROM orders", {"rowtime"}),
    "bounds of a window": (
        "SELECT win| FROM orders WINDOW TUMBLING (SIZE 1 DAY)",
        {"windowstart"},
    ),
    "what is shown": ("SHOW ", {"STREAMS", "TOPICS", "ALL TOPICS"}),
    "what is created": ("create ", {"STREAM", "TABLE", "OR REPLACE STREAM"}),
    "the kind of a window": ("SELECT * FROM orders WINDOW ", {"TUMBLING (SIZE"}),
    "how a stream ends": ("CREATE STREAM x (a INT) ", {"WITH ("}),
}


@pytest.mark.parametrize(("text", "texts"), AMONG.values(), ids=AMONG)
def test_what_is_among_the_offered(text: str, texts: set[str]) -> None:
    assert texts <= set(offered(text))


def test_every_statement_can_be_begun() -> None:
    words = set(offered(""))
    assert {opening.split()[0] for opening in openings()} <= words


def test_the_type_of_a_column_is_said() -> None:
    [item] = suggest("select amo from orders", 10, NAMES)
    assert item == Suggestion(text="amount", kind="column", start=7, note="DOUBLE")


def test_nothing_is_offered_twice() -> None:
    texts = offered("SELECT | FROM orders JOIN users ON id = name")
    assert len(texts) == len(set(texts))


TEXT = """SELECT o.id, 'a''b', CAST(x AS INT) FROM orders o -- why
LEFT JOIN `my topic` ON "q" = o.id WHERE a IN (1, 2); CREATE TABLE t (a INT PRIMARY KEY) WITH
(kafka_topic='x', value_format='json'); SET 'a'='b'; /* c */ INSERT INTO t VALUES (1"""


@pytest.mark.parametrize("cursor", range(len(TEXT) + 1))
def test_at_every_place_of_every_half_text_there_is_an_answer(cursor: int) -> None:
    for text in (TEXT, TEXT[:cursor]):
        for item in suggest(text, cursor, NAMES):
            assert 0 <= item.start <= cursor
            assert item.text
