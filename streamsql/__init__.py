"""Streaming SQL in the manner of ksqlDB, executed by DuckDB.

The rooms of the package, in the order in which data flows through them, are drawn in README.md
beside this file.
"""
