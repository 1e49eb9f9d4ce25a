"""Runs `.sql` cases: ksqlDB's own test form, each case in one mode of law 4 at a time.

    --@test: a title that is a sentence
    --@expected.error: io.confluent.ksql.util.KsqlException     (the last statement is refused)
    --@expected.message: a part of its text
    CREATE …; INSERT INTO … VALUES …; ASSERT VALUES sink (…) VALUES (…);
    SELECT …;                              with its rows under it, see answers.py

Queries run when an ASSERT or a definition comes, so that the records between two of them are cut
into batches of the mode's size. A sink that a case asserts holds nothing that the case does not
assert.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamsql.catalog.catalog import Source
from streamsql.errors import StatementError, StreamSqlError
from streamsql.plan.declare import columns_schema
from streamsql.session.result import Push, Result
from streamsql.sql import Piece, parse_one, split, substitute
from streamsql.sql import statement as st
from streamsql.testing.answers import answer_lines, expected_answers
from streamsql.testing.driver import Driver
from streamsql.testing.rows import expected_row, topic_rows

_DIRECTIVE = re.compile(r"^--@(test|expected\.error|expected\.message)\s*:\s*(.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlCase:
    """One case of a file. `error`: the last statement is refused, with `message` in its text."""

    path: str
    title: str
    text: str
    error: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How a case is run: records a step, threads of DuckDB, a reopening after each step, cached or
    every change."""

    name: str
    records_max: int
    reopen: bool = False
    threads: int = 1


MODES = (
    Mode(name="all", records_max=65_536),
    Mode(name="one", records_max=1),
    Mode(name="seven", records_max=7),
    Mode(name="all-reopened", records_max=65_536, reopen=True),
    Mode(name="one-reopened", records_max=1, reopen=True),
    Mode(name="seven-reopened", records_max=7, reopen=True),
    Mode(name="threads", records_max=65_536, threads=8),
)


class CaseFailure(Exception):
    """A case whose result differs; the text says where."""


def read_cases(path: Path) -> Iterator[SqlCase]:
    """The cases of a file, in order."""
    title, error, message, lines = "", False, "", list[str]()
    for line in [*path.read_text(encoding="utf-8").splitlines(), "--@test: "]:
        found = _DIRECTIVE.match(line.strip())
        if found is None:
            lines.append(line)
        elif found.group(1) == "test":
            if title:
                yield SqlCase(
                    path=str(path), title=title, text="\n".join(lines), error=error, message=message
                )
            title, error, message, lines = found.group(2).strip(), False, "", []
        elif found.group(1) == "expected.error":
            error = True
        else:
            error, message = True, found.group(2).strip()


def run_sql_case(case: SqlCase, mode: Mode, folder: Path | None = None) -> None:
    """Runs a case; CaseFailure where it does not hold. `folder` holds the database of a mode that
    reopens."""
    path = folder / "case.duckdb" if mode.reopen and folder is not None else None
    driver = Driver(
        {"cache.max.bytes.buffering": "0", "streamsql.batch.records.max": str(mode.records_max)},
        settings={"streamsql.threads": str(mode.threads)},
        path=path,
    )
    try:
        run_with(driver, case, mode)
    finally:
        driver.close()


def run_with(driver: Driver, case: SqlCase, mode: Mode) -> None:
    """Runs a case with a driver, whose properties are the mode's; CaseFailure where it does not
    hold."""
    _Run(driver, case, mode).run()


class _Run:
    """One case in one mode. `read`: how many records of each asserted topic the case has named."""

    def __init__(self, driver: Driver, case: SqlCase, mode: Mode) -> None:
        self.driver, self.case, self.mode = driver, case, mode
        self.read: dict[str, int] = defaultdict(int)

    def run(self) -> None:
        pieces = split(self.case.text)
        answers = expected_answers(self.case.text, pieces)
        for i, piece in enumerate(pieces):
            last = i == len(pieces) - 1
            try:
                self._statement(piece, answers[i])
            except StreamSqlError as error:
                if not (last and self.case.error):
                    raise CaseFailure(f"{self._where(piece)}: {error}") from error
                if self.case.message and self.case.message not in str(error):
                    raise CaseFailure(
                        f"{self._where(piece)}: expected {self.case.message!r}, got: {error}"
                    ) from error
                return
        if self.case.error:
            raise CaseFailure(f"{self.case.title}: the last statement was accepted")
        self._settle()
        for name, count in self.read.items():
            rows = topic_rows(self.driver, self._source(name))
            if len(rows) > count:
                raise CaseFailure(f"{self.case.title}: {name} also holds {rows[count:]}")

    def _where(self, piece: Piece) -> str:
        return (
            f"{self.case.title}: line {piece.position.line} of the case: {piece.text.strip()[:80]}"
        )

    def _statement(self, piece: Piece, answer: list[str] | None) -> None:
        text = substitute(piece.text, self.driver.session.variables)
        statement = parse_one(text, origin=piece.position)
        match statement:
            case st.InsertValues():
                self.driver.run(self.driver.session.execute_piece(piece))
            case st.AssertValues() | st.AssertNullValues():
                self._settle()
                self._assert_values(statement, piece)
            case st.AssertSource():
                self._assert_source(statement, piece)
            case _:
                self._settle()
                result = self.driver.run(self.driver.session.execute_piece(piece))
                if answer is not None:
                    self._settle_push(result)
                    self._compare(answer, answer_lines(result), piece)

    def _settle_push(self, result: Result) -> None:
        # A push query lives in this engine: what it reads is not cut by reopenings.
        if isinstance(result, Push):
            self.driver.settle()

    def _compare(self, expected: list[str], found: list[str], piece: Piece) -> None:
        if expected != found:
            lines = "\n".join(f"--= {line}" for line in found)
            raise CaseFailure(f"{self._where(piece)}: gave\n{lines}")

    def _settle(self) -> None:
        if not self.mode.reopen:
            self.driver.settle()
            return
        while self.driver.step():
            self.driver.reopen()

    def _source(self, name: str) -> Source:
        found = self.driver.engine.catalog.sources.get(name)
        if found is None:
            raise StatementError(f"{name} does not exist.")
        return found

    def _assert_values(
        self, statement: st.AssertValues | st.AssertNullValues, piece: Piece
    ) -> None:
        source = self._source(statement.source)
        rows = topic_rows(self.driver, source)
        place = self.read[source.name]
        tombstone = isinstance(statement, st.AssertNullValues)
        expected = expected_row(self.driver, source, statement.columns, statement.values)
        if place >= len(rows):
            raise CaseFailure(
                f"{self._where(piece)}: {source.name} has only {len(rows)} records: {rows}"
            )
        row = rows[place]
        self.read[source.name] += 1
        wrong = {k: row.get(k) for k, v in expected.items() if row.get(k) != v}
        if wrong or tombstone != (row["_null"] is True):
            raise CaseFailure(f"{self._where(piece)}: record {place} is {row}, expected {expected}")

    def _assert_source(self, statement: st.AssertSource, piece: Piece) -> None:
        source = self._source(statement.name)
        schema = columns_schema(statement.columns, statement.kind, self.driver.engine.catalog)
        if source.kind != statement.kind or source.schema != schema:
            raise CaseFailure(f"{self._where(piece)}: it is {source.kind} {source.schema}")
        for name, value in statement.properties:
            held = {
                "KAFKA_TOPIC": source.topic,
                "KEY_FORMAT": source.key_format.name,
                "VALUE_FORMAT": source.value_format.name,
            }.get(name)
            if held != value:
                raise CaseFailure(f"{self._where(piece)}: {name} is {held}")
