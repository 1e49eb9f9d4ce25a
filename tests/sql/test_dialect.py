"""The dialect registered with sqlglot reads the expression forms of the language."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

FORMS = {
    "a->b": exp.Column,
    "s->a->b": exp.Column,
    "a[1]->b": exp.Dot,
    "m['k']": exp.Bracket,
    "ARRAY[1, 2]": exp.Array,
    "STRUCT(a := 1)": exp.Struct,
    "TRANSFORM(a, x => x + 1)": exp.Transform,
    "REDUCE(a, 0, (s, x) => s + x)": exp.Reduce,
    "CASE a WHEN 1 THEN 2 END": exp.Case,
    "CAST(a AS DECIMAL(4, 2))": exp.Cast,
    "a LIKE 'x%' ESCAPE '!'": exp.Escape,
    "a IS DISTINCT FROM b": exp.NullSafeNEQ,
    "a NOT IN (1)": exp.Not,
    "ts AT TIME ZONE 'UTC'": exp.AtTimeZone,
    "1abc": exp.Column,
    "a@b": exp.Column,
    '"B"': exp.Column,
    "`b`": exp.Column,
    "a -- b\n + /* /* c */ d": exp.Add,
}


@pytest.mark.parametrize(("text", "kind"), FORMS.items(), ids=FORMS)
def test_sqlglot_reads_it(text: str, kind: type[exp.Expression]) -> None:
    assert isinstance(sqlglot.parse_one(text, dialect="streamsql"), kind)


def test_unquoted_names_mean_upper_case() -> None:
    from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

    parsed = sqlglot.parse_one("SELECT a, `b` FROM s", dialect="streamsql")
    written = normalize_identifiers(parsed, dialect="streamsql").sql(dialect="streamsql")
    assert written == "SELECT A, `b` FROM S"


def test_the_parser_itself_does_not_load_sqlglot() -> None:
    """It takes longer to import than streamsql.sql takes for all it does."""
    import subprocess
    import sys

    program = "import sys, streamsql.sql; sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
