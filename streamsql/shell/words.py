"""What completion offers after which words of a statement: a table, read by complete.py.

A row is a pattern over the words before the cursor and what may follow it: `KEYWORD` for itself,
`<kind>` for names of that kind.
"""

from __future__ import annotations

__all__ = ["AFTER", "CLAUSES", "EXPRESSION_WORDS", "OPERATORS", "STARTS_EXPRESSION", "TYPES"]

AFTER: dict[str, tuple[str, ...]] = {
    "FROM": ("<source>",),
    "JOIN": ("<source>",),
    "INTO": ("<source>",),
    "DESCRIBE": ("<source>", "FUNCTION", "STREAMS", "TABLES", "CONNECTOR"),
    "DESCRIBE FUNCTION": ("<function>",),
    "DROP STREAM": ("<stream>", "IF EXISTS"),
    "DROP TABLE": ("<table>", "IF EXISTS"),
    "DROP STREAM IF EXISTS": ("<stream>",),
    "DROP TABLE IF EXISTS": ("<table>",),
    "ALTER STREAM": ("<stream>",),
    "ALTER TABLE": ("<table>",),
    "DROP TYPE": ("<type>", "IF EXISTS"),
    "DROP TYPE IF EXISTS": ("<type>",),
    "UNDEFINE": ("<variable>",),
    "PRINT": ("<topic>",),
    "ASSERT TOPIC": ("<topic>",),
    "TERMINATE": ("<query>", "ALL"),
    "PAUSE": ("<query>", "ALL"),
    "RESUME": ("<query>", "ALL"),
    "EXPLAIN": ("<query>", "SELECT", "CREATE STREAM", "CREATE TABLE"),
    "EMIT": ("CHANGES", "FINAL"),
    "WINDOW": ("TUMBLING (SIZE", "HOPPING (SIZE", "SESSION ("),
    "WITHIN": ("(",),
    "GROUP": ("BY",),
    "PARTITION": ("BY",),
    "LEFT": ("JOIN", "OUTER JOIN"),
    "RIGHT": ("JOIN", "OUTER JOIN"),
    "FULL": ("JOIN", "OUTER JOIN"),
    "INNER": ("JOIN",),
    "OUTER": ("JOIN",),
    "IS": ("NULL", "NOT NULL", "DISTINCT FROM", "NOT DISTINCT FROM"),
    "IF": ("EXISTS", "NOT EXISTS"),
    "INSERT": ("INTO",),
    "SET CLI": ("WRAP", "COLUMN-WIDTH"),
    "OUTPUT": ("TABULAR", "JSON"),
    "SPOOL": ("OFF",),
}
"""The longest that fits counts. The words are those right before the cursor."""

STARTS_EXPRESSION = frozenset(
    "SELECT WHERE HAVING ON BY AND OR NOT WHEN THEN ELSE CASE BETWEEN IN LIKE DISTINCT "
    "( , = <> != < <= > >= + - * / % || [".split()
)
"""Words and symbols behind which a value stands."""

TYPES = (
    *("STRING", "INT", "BIGINT", "DOUBLE", "BOOLEAN", "DECIMAL(", "BYTES", "TIMESTAMP", "DATE"),
    *("TIME", "ARRAY<", "MAP<STRING,", "STRUCT<"),
)

EXPRESSION_WORDS = ("CASE", "CAST(", "NOT", "NULL", "TRUE", "FALSE", "ARRAY[", "MAP(", "STRUCT(")

OPERATORS = ("AND", "OR", "BETWEEN", "IN", "LIKE", "IS", "NOT")

CLAUSES: dict[str, tuple[str, ...]] = {
    "SELECT": ("FROM", "AS"),
    "FROM": (
        *("WHERE", "WINDOW", "GROUP BY", "PARTITION BY", "LEFT JOIN", "JOIN", "INNER JOIN"),
        *("FULL OUTER JOIN", "RIGHT JOIN", "EMIT CHANGES", "EMIT FINAL", "LIMIT", "HAVING", "AS"),
    ),
    "JOIN": ("ON", "WITHIN", "AS"),
    "ON": (*("WHERE", "WINDOW", "GROUP BY", "PARTITION BY", "LEFT JOIN", "JOIN", "EMIT CHANGES"),),
    "WHERE": ("GROUP BY", "PARTITION BY", "EMIT CHANGES", "LIMIT"),
    "WINDOW": ("WHERE", "GROUP BY", "RETENTION", "GRACE PERIOD", "ADVANCE BY"),
    "GROUP": ("HAVING", "EMIT CHANGES", "EMIT FINAL", "LIMIT"),
    "PARTITION": ("EMIT CHANGES", "LIMIT"),
    "HAVING": ("EMIT CHANGES", "EMIT FINAL", "LIMIT"),
    "CHANGES": ("LIMIT",),
    "STREAM": ("WITH (", "AS SELECT"),
    "TABLE": ("WITH (", "AS SELECT"),
    "INTO": ("VALUES (", "SELECT"),
    "TOPICS": ("EXTENDED",),
    "STREAMS": ("EXTENDED",),
    "TABLES": ("EXTENDED",),
    "QUERIES": ("EXTENDED",),
    "DESCRIBE": ("EXTENDED",),
    "PRINT": ("FROM BEGINNING", "INTERVAL", "SAMPLE", "LIMIT"),
    "WITH": ("AS SELECT",),
}
"""What may follow once the clause that a word opens has something in it."""
