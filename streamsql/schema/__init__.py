"""SQL types, columns, coercion and cast rules, and how DuckDB and Arrow call them.

Knows no SQL text of users, no connection and no broker.
"""
